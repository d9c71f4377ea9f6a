"""The plan of a row kernel: elementwise kernels (stages), with reductions along the row between them.

Any device with elementwise kernels and reductions can run this plan.  Values that a stage computes for a reduction and
that later stages need, such as the exponentials of a softmax, are kept; so are expensive parts of them.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence, TypeGuard, Union

from .expand import expand
from .expression import Apply, Expression, Symbol, as_number, in_order, rebuilt, rewrite, symbols
from .kernel import Kernel
from .primitives import TRANSCENDENTAL
from .rows import COUNT, POSITION


_COST_OF_READING = 3
_SLOW = {"divide", "sqrt", "power", "remainder", "floor_divide", *(primitive.name for primitive in TRANSCENDENTAL)}


class Stage(NamedTuple):
    """An elementwise kernel that reads the values `reads` and computes the values `makes`."""

    kernel: Kernel
    reads: tuple[Symbol, ...]
    makes: tuple[Symbol, ...]
    is_row: bool  # whether all of these have one number for each row


class Reduction(NamedTuple):
    """The sum, max or min (`name`) along the row of the value `reads`."""

    name: str
    reads: Symbol
    makes: Symbol


class Plan(NamedTuple):
    """The steps in order, and the values that are the outputs."""

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
        """Add at most two stages that compute `wanted`, expressions without reductions: one per row, one per element.

        Subexpressions with one number for each row are computed once per row.
        """
        values: dict[Expression, Symbol] = {node: node for node in wanted if isinstance(node, Symbol)}
        rest = [node for node in dict.fromkeys(wanted) if node not in values]
        parts = _row_parts(rest)
        numbers = {node: as_number(node) for node in parts}
        of_row = kernel_of(list(numbers.values()), True)
        values.update({node: of_row[numbers[node]] for node in parts})
        inner = _as_they_were({node: values[node] for node in parts})
        elements = [node for node in rest if node not in inner]
        shorter = rewrite(tuple(elements), lambda node, args: inner[node] if node in inner else rebuilt(node, args))
        made_of = kernel_of(list(dict.fromkeys(shorter)), False)
        values.update({node: made_of[short] for node, short in zip(elements, shorter)})
        return values

    def kernel_of(nodes: list[Expression], is_row: bool) -> dict[Expression, Symbol]:
        nonlocal made
        if not nodes:
            return {}
        make = Symbol.row if is_row else Symbol.array
        new = {node: make(f"_value{made + i}") for i, node in enumerate(nodes)}
        made += len(nodes)
        reads = tuple(symbol for symbol in symbols(*nodes) if not symbol.is_scalar)
        inner = Kernel(f"{kernel.name}_stage", reads, (*kernel.constants, COUNT), nodes, kernel.widens)
        steps.append(Stage(inner, reads, tuple(new.values()), is_row))
        return new

    while True:
        ready = [node for node in in_order(outputs) if _is_reduction(node) and not any(
            map(_is_reduction, in_order(node.args)))]
        if not ready:
            break
        known: dict[Expression, Symbol] = {}
        for node in ready:
            known[node] = Symbol.row(f"_value{made}")
            made += 1
        outputs = _replaced(outputs, known)
        kept = _worth_keeping([node.args[0] for node in ready], outputs)
        values = stage([*[node.args[0] for node in ready], *kept])
        steps += [Reduction(node.primitive.name.removeprefix("row_"), values[node.args[0]], known[node])
                  for node in ready]
        outputs = _replaced(outputs, _as_they_were(values))
    values = stage(list(outputs))
    return Plan(tuple(steps), tuple(values[output] for output in outputs), uses_position)


def _as_they_were(values: dict[Expression, Symbol]) -> dict[Expression, Expression]:
    """The replacement of each node in later formulas: booleans are stored as 0 or 1 and compared with 0 again."""
    return {node: value != 0.0 if node.is_boolean else value for node, value in values.items()}


def _replaced(roots: tuple[Expression, ...], known: Mapping[Expression, Expression]) -> tuple[Expression, ...]:
    return rewrite(roots, lambda node, args: known[node] if node in known else rebuilt(node, args))


def _worth_keeping(nodes: Sequence[Expression], later: tuple[Expression, ...]) -> list[Expression]:
    """The largest subexpressions of `nodes` that are needed `later` and cost more to recompute than to read."""
    computed = {node for node in in_order(tuple(nodes)) if _is_of_elements(node)}.difference(nodes)
    found: dict[Expression, None] = {}
    seen: set[Expression] = set()
    rest = list(reversed(later))
    while rest:
        node = rest.pop()
        if node not in seen:
            seen.add(node)
            if node in computed and sum(map(_cost, in_order((node,)))) >= _COST_OF_READING:
                found[node] = None
            else:
                rest += reversed(node.args)
    return list(found)


def _cost(node: Expression) -> int:
    """The cost of a node without its arguments, in additions."""
    if not _is_of_elements(node):
        return 0
    return _COST_OF_READING if node.primitive.name in _SLOW else 1


def _is_of_elements(node: Expression) -> TypeGuard[Apply]:
    return isinstance(node, Apply) and not (node.is_row or node.is_scalar or node.is_boolean)


def _row_parts(nodes: Sequence[Expression]) -> list[Expression]:
    """The largest subexpressions with one number for each row."""
    found: dict[Expression, None] = {}
    seen: set[Expression] = set()
    rest = list(reversed(nodes))
    while rest:
        node = rest.pop()
        if node in seen or not isinstance(node, Apply):
            continue
        seen.add(node)
        if node.is_row:
            found[node] = None
        else:
            rest += reversed(node.args)
    return list(found)


def _is_reduction(node: Expression) -> TypeGuard[Apply]:
    return isinstance(node, Apply) and node.primitive.reduces
