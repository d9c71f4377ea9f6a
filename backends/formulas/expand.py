"""The expansion of primitives that are defined by others, before a formula is lowered."""

from __future__ import annotations

from .expression import Apply, Expression, apply, in_order, rebuilt, rewrite  # noqa: F401 - examples use `apply`


def expand(outputs: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """`outputs` without primitives that have an `expansion`.

    >>> from gradcore.backends.formulas.expression import Symbol
    >>> expand((apply("sigmoid", Symbol.array("x")),))
    (divide(1.0, add(1.0, exp(negative(x)))),)
    """
    while any(map(_has_expansion, in_order(outputs))):
        outputs = rewrite(outputs, _expanded)
    return outputs


def _has_expansion(node: Expression) -> bool:
    return isinstance(node, Apply) and node.primitive.expansion is not None


def _expanded(node: Expression, args: tuple[Expression, ...]) -> Expression:
    if isinstance(node, Apply) and node.primitive.expansion is not None:
        return node.primitive.expansion(*args)
    return rebuilt(node, args)
