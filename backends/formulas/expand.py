"""Primitives that are defined by others are written out before a formula is lowered."""

from __future__ import annotations

from .expression import Apply, Expression, apply, in_order, rebuilt, rewrite  # noqa: F401 - examples use `apply`


def expand(outputs: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """`outputs` in terms of primitives that the lowerings can spell: none with an `expansion` is left.

    >>> from gradcore.backends.formulas.expression import Symbol
    >>> expand((apply("sigmoid", Symbol.array("x")),))
    (divide(1.0, add(1.0, exp(negative(x)))),)
    """
    while any(map(_is_defined_by_others, in_order(outputs))):
        outputs = rewrite(outputs, _written_out)
    return outputs


def _is_defined_by_others(node: Expression) -> bool:
    return isinstance(node, Apply) and node.primitive.expansion is not None


def _written_out(node: Expression, args: tuple[Expression, ...]) -> Expression:
    if isinstance(node, Apply) and node.primitive.expansion is not None:
        return node.primitive.expansion(*args)
    return rebuilt(node, args)
