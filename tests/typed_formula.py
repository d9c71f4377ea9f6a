"""What a user writes who has operations of his own, for type checkers."""

from typing import Any

import gradcore
from gradcore import Tensor
from gradcore.autograd import Function
from gradcore.backends import Expression, FormulaNamespace, RowNamespace


@gradcore.elementwise
def bent(xp: FormulaNamespace, x: Expression, scale: float = 1.0) -> Expression:
    return (xp.sqrt(x * x + 1) - 1) / 2 + scale * x


@bent.derivative
def _(xp: FormulaNamespace, x: Expression, scale: float = 1.0) -> Expression:
    return x / (2 * xp.sqrt(x * x + 1)) + scale


@gradcore.elementwise
def both(xp: FormulaNamespace, x: Expression) -> tuple[Expression, Expression]:
    return xp.sin(x), xp.cos(x)


@gradcore.rowwise
def centred(xp: RowNamespace, x: Expression) -> Expression:
    return x - xp.mean(x)


class Doubled(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 2


def run(x: Tensor) -> list[float]:
    sine, cosine = both(x)
    largest: Tensor = bent(x, scale=2.0).max()
    values, places = centred(x, dim=0).max(dim=0)
    (slope,) = gradcore.grad(bent(x).sum(), [x])
    doubled: Tensor = Doubled.apply(sine + cosine)
    return [float(largest), float(values.sum()), int(places.sum()), float(slope.norm()), float(doubled.sum())]
