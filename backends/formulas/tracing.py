"""Tracing of a user's function to expressions; errors name the function."""

from __future__ import annotations

import inspect
import numbers
import re
from typing import Any, Callable, Sequence

from ..errors import FormulaError
from .expression import Expression, Symbol
from .namespace import FormulaNamespace

# Descriptions of the names that Python uses for parts of a formula.
_WORDS = [(r"\b(?:Symbol|Apply|Literal|Expression)\b", "array"), (r"\b(?:Formula|Row)Namespace\b", "xp")]


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, a method, a `functools.partial` of one, or the class of another callable.

    >>> import functools
    >>> name_of(functools.partial(max, 0))
    'max'
    """
    name = getattr(function, "__name__", None)
    inner = getattr(function, "func", None)
    return name if isinstance(name, str) else name_of(inner) if callable(inner) else type(function).__name__


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    called = inspect.getattr_static(type(function), "__call__", None)  # of an object called as a function
    if any(map(inspect.iscoroutinefunction, (function, called))):
        raise FormulaError(f"formula {name_of(function)} is asynchronous; write `def` instead of `async def`")
    if any(test(part) for test in (inspect.isgeneratorfunction, inspect.isasyncgenfunction)
           for part in (function, called)):
        raise FormulaError(f"formula {name_of(function)} is a generator; return the result, or a tuple of results, "
                           f"instead of `yield`")
    try:
        return inspect.signature(function)
    except ValueError:
        raise FormulaError(f"formula {name_of(function)}: Python does not know its parameters; write it as a function, "
                           f"def {name_of(function)}(xp, x)") from None


class Signature:
    """The parameters of a formula: arrays, and constants, which have a number as their default."""

    def __init__(self, function: Callable[..., Any]):
        self.arrays: list[str] = []
        self.constants: dict[str, float] = {}
        parameters = list(_signature(function).parameters.values())
        where = f"formula {name_of(function)}{_signature(function)}"
        if not parameters:
            raise FormulaError(f"{where} must take the array namespace as its first parameter: def f(xp, x)")
        for parameter in parameters[1:]:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name.startswith("_"):
                raise FormulaError(f"{where}: `{parameter}` cannot be a parameter of a kernel; name each array, and "
                                   f"each constant with its default number, without a leading underscore")
            if parameter.kind is parameter.KEYWORD_ONLY:
                raise FormulaError(f"{where}: `{parameter.name}` can be given by keyword only, but arrays and "
                                   f"constants of a kernel are positional; leave out the *")
            if parameter.default is parameter.empty:
                self.arrays.append(parameter.name)
            elif isinstance(parameter.default, numbers.Real):
                self.constants[parameter.name] = float(parameter.default)
            else:
                raise FormulaError(f"{where}: the default of `{parameter.name}` must be a number, since a parameter "
                                   f"with a default is a constant of the kernel; it is {parameter.default!r}")

    def symbol(self, name: str) -> Symbol:
        return Symbol.constant(name) if name in self.constants else Symbol.array(name)


def trace(function: Callable[..., Any], namespace: FormulaNamespace, arguments: Sequence[Any], name: str) -> Any:
    """The result of `function` when called with symbols for its arrays and constants.

    Errors are raised as a FormulaError that begins with `name`.
    """
    try:
        return function(namespace, *arguments)
    except FormulaError as error:
        text = _in_words(str(error))
        error.args = (text if text.startswith(name) else f"{name}: {text}",)
        raise
    except RecursionError:
        raise FormulaError(f"{name} recurses infinitely") from None
    except (TypeError, AttributeError) as error:
        text = _in_words(str(error))
        if text == str(error):  # of the user's own
            raise
        raise FormulaError(f"{name}: {text}; a formula combines arrays by operators and by the functions of its first "
                           f"argument, as xp.exp(x)") from error


def _in_words(text: str) -> str:
    for pattern, word in _WORDS:
        text = re.sub(pattern, word, text)
    return text


def traced(function: Callable[..., Any], namespace: FormulaNamespace,
           symbols: Sequence[Symbol]) -> tuple[Expression, ...]:
    """The outputs of a formula, for these symbols."""
    name = f"formula {name_of(function)}"
    value = trace(function, namespace, symbols, name)
    outputs = value if isinstance(value, tuple) else (value,)
    expected = "it returns an expression of its arrays, or a tuple of such expressions"
    if not outputs or isinstance(value, (list, dict)) or any(output is None for output in outputs):
        raise FormulaError(f"{name} returned {_in_words(repr(value)):.80}; {expected}")
    for output in outputs:
        if not isinstance(output, Expression) or output.is_scalar:
            raise FormulaError(f"{name} returned {_in_words(repr(output)):.80}, which depends on none of "
                               f"its arrays; {expected} (for a constant array use gradcore.full_like)")
    return outputs
