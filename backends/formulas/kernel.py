"""A kernel: expressions with named inputs, the unit of work of a backend."""

from __future__ import annotations

from typing import Any, Sequence

from .expression import TABLE, Apply, Expression, Literal, Symbol, apply, in_order, rebuilt, rewrite
from . import primitives  # noqa: F401  (fills the table)


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
