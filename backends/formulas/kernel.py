"""A kernel: expressions with named inputs, the unit of work of a backend."""

from __future__ import annotations

import inspect
import numbers
from typing import Any, Callable, Sequence

from ..errors import FormulaError
from .expression import TABLE, Apply, Expression, Literal, Symbol, apply, in_order, rebuilt, rewrite
from .namespace import FormulaNamespace


class Kernel:
    """One pass over arrays: each output element is a formula of the input elements at the same place.

    `inputs` are arrays that broadcast against each other, `constants` are numbers given at every call.  A kernel
    with several outputs (a backward pass) reads its inputs once for all of them.

    >>> Kernel.of_primitive("tanh").inputs
    (x0,)
    """

    __slots__ = ("name", "inputs", "constants", "outputs", "widens", "keeps_integers", "compiled")

    def __init__(self, name: str, inputs: Sequence[Symbol], constants: Sequence[Symbol],
                 outputs: Sequence[Expression], widens: bool = False):
        self.name: str = name
        self.inputs: tuple[Symbol, ...] = tuple(inputs)
        self.constants: tuple[Symbol, ...] = tuple(constants)
        self.outputs: tuple[Expression, ...] = tuple(outputs)
        self.widens: bool = widens  # float32 is computed in float64 and rounded once, for formulas that cancel
        self.keeps_integers: bool = not constants and all(map(_keeps_integers, in_order(self.outputs)))
        self.compiled: dict[Any, Any] = {}  # a backend's programs, by dtype and the like

    @classmethod
    def of_primitive(cls, name: str) -> "Kernel":
        """The kernel that applies one primitive."""
        inputs = [Symbol.array(f"x{i}") for i in range(TABLE[name].arity)]
        return cls(name, inputs, (), (apply(name, *inputs),))

    def with_plain_inputs(self) -> "Kernel":
        """The same kernel with its inputs renamed to x0, x1, ...

        A backward kernel has inputs named output and upstream; its own derivative adds inputs of the same names.
        """
        plain: dict[Expression, Symbol] = {symbol: Symbol.row(f"x{i}") if symbol.is_row else Symbol.array(f"x{i}")
                                           for i, symbol in enumerate(self.inputs)}
        outputs = rewrite(self.outputs, lambda node, args: plain[node] if node in plain else rebuilt(node, args))
        return Kernel(self.name, tuple(plain.values()), self.constants, outputs, self.widens)

    def __repr__(self) -> str:
        arguments = ", ".join(map(repr, self.inputs + self.constants))
        return f"{self.name}({arguments}) = {', '.join(map(repr, self.outputs))}"


def _keeps_integers(node: Expression) -> bool:
    if isinstance(node, Apply):
        return node.primitive.keeps_integers
    return not isinstance(node, Literal) or float(node.value).is_integer()


def has_numbers(nodes: Sequence[Expression]) -> bool:
    """Whether numbers stand in formulas where their values come from, which makes integers of truth values.

    >>> x = Symbol.array("x")
    >>> has_numbers([x * 2]), has_numbers([x * x]), has_numbers([apply("where", x == 1, x, x * x)])
    (True, False, False)
    """
    rest, seen = list(nodes), set(nodes)
    while rest:
        node = rest.pop()
        if isinstance(node, Literal) and not node.is_boolean:
            return True
        if not node.is_boolean:
            args = node.args[1:] if isinstance(node, Apply) and node.primitive.name == "where" else node.args
            rest += [arg for arg in args if arg not in seen]
            seen.update(args)
    return False


class Signature:
    """The parameters of a formula: arrays, and constants, which have a number as their default."""

    def __init__(self, function: Callable[..., Any]):
        self.arrays: list[str] = []
        self.constants: dict[str, float] = {}
        parameters = list(inspect.signature(function).parameters.values())
        where = f"formula {function.__name__}{inspect.signature(function)}"
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


def trace(function: Callable[..., Any], arguments: Sequence[Symbol]) -> Any:
    """What `function` returns when it is called with symbols for its arrays and constants."""
    return function(FormulaNamespace(), *arguments)


def as_outputs(value: Any, function: Callable[..., Any]) -> tuple[Expression, ...]:
    """The return value of a traced formula as a tuple of expressions."""
    outputs = value if isinstance(value, tuple) else (value,)
    expected = "it returns an expression of its arrays, or a tuple of such expressions"
    if not outputs or isinstance(value, (list, dict)) or any(output is None for output in outputs):
        raise FormulaError(f"formula {function.__name__} returned {value!r:.80}; {expected}")
    for output in outputs:
        if not isinstance(output, Expression) or output.is_scalar:
            raise FormulaError(f"formula {function.__name__} returned {output!r}, which depends on none of its arrays; "
                               f"{expected} (for a constant array use gradcore.full_like)")
    return outputs
