"""Rewrites of a kernel that make it faster in NumPy, for given constants or for this processor."""

from __future__ import annotations

import functools
from typing import Any, Sequence

import numpy as np

from ..formulas.dtypes import compute_and_result
from ..formulas.expression import Expression, Literal, apply, in_order, rebuilt, rewrite, symbols
from ..formulas.kernel import Kernel
from ..formulas.quiet import quietly
from ..formulas.simplify import is_call, is_literal


class ConstantConditions:
    """The conditions of a kernel's `where` nodes that depend on its constants alone, evaluated once for a call."""

    def __init__(self, kernel: Kernel):
        choices = [node for node in in_order(kernel.outputs) if is_call(node, "where")]
        self.conditions = tuple(dict.fromkeys(node.args[0] for node in choices if node.args[0].is_scalar))
        self.kernel = kernel
        used = set(symbols(*self.conditions))
        self.places = [i for i, symbol in enumerate(kernel.constants) if symbol in used]
        self.known: dict[tuple[Any, ...], tuple[bool, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def answers(self, constants: Sequence[float], inputs: Sequence[Any], kinds: tuple[Any, ...]) -> tuple[bool, ...]:
        """The values of the conditions for the constants of a call; `kinds` identifies the dtypes of its inputs."""
        key = kinds, *[repr(constants[i]) for i in self.places]  # 0.0 equals -0.0
        found = self.known.get(key)
        if found is None:
            if len(self.known) > 256:
                self.known.clear()
            found = self.known[key] = self._answers(constants, compute_and_result(self.kernel, inputs)[0])
        return found

    def _answers(self, constants: Sequence[float], dtype: np.dtype) -> tuple[bool, ...]:
        values: dict[Expression, Literal] = dict(zip(self.kernel.constants, map(Literal.of, constants)))

        def replace(node: Expression, args: tuple[Expression, ...]) -> Expression:
            found = values[node] if node in values else rebuilt(node, args)  # a literal, since all its arguments are
            assert isinstance(found, Literal)
            return found if found.is_boolean else Literal.of(dtype.type(found.value).item())

        answers = quietly(rewrite, self.conditions, replace)  # a large number is infinite in float32
        return tuple(bool(answer.value) for answer in answers if isinstance(answer, Literal))


def settled(kernel: Kernel, conditions: Sequence[Expression], answers: Sequence[bool]) -> Kernel:
    """The kernel with `answers` substituted for `conditions`, which leaves only the branches taken."""
    known = dict(zip(conditions, map(Literal.of, answers)))
    outputs = rewrite(kernel.outputs, lambda node, args: known[node] if node in known else rebuilt(node, args))
    return Kernel(kernel.name, kernel.inputs, kernel.constants, outputs, kernel.widens)


def prefer_expm1(outputs: tuple[Expression, ...], dtype: np.dtype) -> tuple[Expression, ...]:
    """Rewrite 1 + exp(z) as 2 + expm1(z) if exp(z) has no other use and NumPy's expm1 is vectorized.

    Both are accurate to rounding for every z, since 2 + expm1(z) is at least 1.  For float32 on AVX-512, expm1 takes
    three quarters of the time of exp and is more accurate; on other processors it is many times slower.  For float64
    it takes half as long again.

    >>> from gradcore.backends.formulas.expression import Symbol
    >>> x = Symbol.array("x")
    >>> with_exp = (apply("divide", 1.0, 1.0 + apply("exp", x)),)
    >>> prefer_expm1(with_exp, np.dtype("float32"))[0] in {with_exp[0], apply("divide", 1.0, 2.0 + apply("expm1", x))}
    True
    """
    if dtype != np.float32 or not _expm1_is_vectorised():
        return outputs
    other_uses = {arg for node in in_order(outputs) if not _is_one_plus_exp(node) for arg in node.args} | set(outputs)

    def replace(node: Expression, args: tuple[Expression, ...]) -> Expression:
        if _is_one_plus_exp(node) and node.args[1] not in other_uses:
            return apply("add", 2.0, apply("expm1", args[1].args[0]))
        return rebuilt(node, args)

    return rewrite(outputs, replace)


def _is_one_plus_exp(node: Expression) -> bool:
    return is_call(node, "add") and is_literal(node.args[0], 1) and is_call(node.args[1], "exp")


@functools.cache
def _expm1_is_vectorised() -> bool:
    introspect = getattr(np.lib, "introspect", None)
    if introspect is None:
        return False
    info = introspect.opt_func_info(func_name="^expm1$", signature="float32")
    return not info["expm1"]["ff"]["current"].startswith("baseline")
