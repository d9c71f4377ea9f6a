"""A row kernel as stages: elementwise kernels, and reductions along the row between them.

Any device that can run elementwise kernels and reduce an array runs row kernels by this plan; what is computed for a
reduction and is needed again later, as the exponentials of a softmax, is kept.
"""

from __future__ import annotations

from typing import NamedTuple, Union

from .expand import expand
from .expression import Apply, Expression, Symbol, in_order, rebuilt, rewrite, symbols
from .kernel import Kernel
from .rows import COUNT, POSITION


class Stage(NamedTuple):
    """An elementwise kernel that reads the values `reads` and makes the values `makes`."""

    kernel: Kernel
    reads: tuple[Symbol, ...]
    makes: tuple[Symbol, ...]
    is_row: bool  # whether all it reads and makes is one number for each row


class Reduction(NamedTuple):
    """The sum, max or min (`name`) along the row of the value `reads`."""

    name: str
    reads: Symbol
    makes: Symbol


class Plan(NamedTuple):
    """Steps in order, and the values that are the outputs."""

    steps: tuple[Union[Stage, Reduction], ...]
    outputs: tuple[Symbol, ...]
    uses_position: bool


def plan(kernel: Kernel) -> Plan:
    """The stages of `kernel`."""
    outputs = expand(kernel.outputs)
    uses_position = POSITION in set(symbols(*outputs))
    steps: list[Union[Stage, Reduction]] = []
    made = 0

    def stage(wanted: list[Expression]) -> dict[Expression, Symbol]:
        """Values for expressions without reductions, by at most two kernels: of elements, and of rows."""
        nonlocal made
        values: dict[Expression, Symbol] = {node: node for node in wanted if isinstance(node, Symbol)}
        for is_row in (True, False):
            nodes = [node for node in dict.fromkeys(wanted) if node not in values and node.is_row == is_row]
            if nodes:
                new = {node: (Symbol.row if is_row else Symbol.array)(f"_value{made + i}") for i, node in
                       enumerate(nodes)}
                made += len(nodes)
                reads = tuple(symbol for symbol in symbols(*nodes) if not symbol.is_scalar)
                inner = Kernel(f"{kernel.name}_stage", reads, (*kernel.constants, COUNT), nodes, kernel.widens)
                steps.append(Stage(inner, reads, tuple(new.values()), is_row))
                values.update(new)
        return values

    while True:
        ready = [node for node in in_order(outputs) if _is_reduction(node) and not any(
            map(_is_reduction, in_order(node.args)))]
        if not ready:
            break
        values = stage([node.args[0] for node in ready])
        known: dict[Expression, Expression] = dict(values)
        for node in ready:
            result = Symbol.row(f"_value{made}")
            made += 1
            steps.append(Reduction(node.primitive.name.removeprefix("row_"), values[node.args[0]], result))
            known[node] = result
        outputs = rewrite(outputs, lambda node, args: known[node] if node in known else rebuilt(node, args))
    values = stage(list(outputs))
    return Plan(tuple(steps), tuple(values[output] for output in outputs), uses_position)


def _is_reduction(node: Expression) -> bool:
    return isinstance(node, Apply) and node.primitive.reduces
