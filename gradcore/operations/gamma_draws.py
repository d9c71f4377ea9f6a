"""Draws of gamma, beta-like and Poisson distributed numbers, by formulas without a wait on the device."""

from __future__ import annotations

from typing import Any, Optional

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.function import Context, Function
from ..core.grad_mode import no_grad
from ..core.tensor import Tensor
from .gamma import lgamma
from .generator import Generator
from .random import rand, randn
from .selection import where

_BOOST = 8  # what is added to a shape, so that draws are accepted and have the gradient of large shapes
_ROUNDS = 8  # of which each refuses less than one draw in a hundred
_LEAST = 1e-30


@elementwise
def _proposed(xp: FormulaNamespace, x: Expression, u: Expression, shape: Expression) -> Expression:
    """A gamma number from a normal x and a uniform u, or 0 where it is refused."""
    d = shape - 1 / 3
    v = 1 + x / xp.sqrt(9 * d)
    v = v * v * v
    positive = xp.where(v > 0, v, 1.0)
    bound = 0.5 * x * x + d * (1 - positive + xp.log(positive))
    accepted = xp.logical_and(v > 0, xp.log(xp.maximum(u, _LEAST)) < bound)
    return xp.where(accepted, d * positive, 0.0)


@elementwise
def _slope(xp: FormulaNamespace, z: Expression, shape: Expression) -> Expression:
    """The derivative of a gamma number by its shape, of at least 8, where its share of the distribution stays.

    Rice's saddle point approximation of the distribution, and its series where that cancels.
    """
    is_near = xp.abs(z - shape) < 0.1 * shape
    square = shape * shape
    near = (1 + 24 * shape * (1 + 12 * shape)) / (1244160 * square * square) * (
        1440 * square + 6 * z * (53 - 120 * z) - 65 * z * z / shape + shape * (107 + 3600 * z))
    far_z = xp.where(is_near, 2 * shape, z)
    ratio = xp.log(far_z / shape)
    first = xp.sqrt(8 * shape) / (shape - far_z)
    second = (far_z - shape - shape * ratio) ** -1.5
    both = first + xp.where(far_z < shape, -second, second)
    term = ratio * both - xp.sqrt(2 / shape) * (shape + far_z) / ((shape - far_z) * (shape - far_z))
    stirling = 1 + 1 / (12 * shape) * (1 + 1 / (24 * shape))
    return xp.where(is_near, near, -stirling * far_z * term / xp.sqrt(8 * shape))


class _LargeGamma(Function):
    """Gamma numbers of shapes of at least 8."""

    @staticmethod
    def forward(ctx: Context, shape: Tensor, generator: Optional[Generator]) -> Tensor:
        like: Any = {"dtype": shape.dtype, "device": shape.device, "generator": generator}
        drawn = shape * 1.0  # where all are refused, which never happens
        for _ in range(_ROUNDS):
            proposed = _proposed(randn(shape.shape, **like), rand(shape.shape, **like), shape)
            drawn = where(proposed > 0, proposed, drawn)
        ctx.save_for_backward(shape, drawn)
        return drawn

    @staticmethod
    def backward(ctx: Context, *gradients: Any, **kwargs: Any) -> Any:
        shape, drawn = ctx.saved_tensors
        return gradients[0] * _slope(drawn, shape), None


def standard_gamma(concentration: Tensor, generator: Optional[Generator] = None) -> Tensor:
    """Draws of gamma distributions of rate 1, one for each shape, through which gradients reach the shapes.

    A draw of shape a is one of shape a + 8 times U^(1/a) U^(1/(a+1)) … U^(1/(a+7)).  That one is drawn by rejection;
    its gradient is that of PyTorch's, by implicit differentiation of an approximation of the distribution.
    Source: Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000; Figurnov, Mohamed and Mnih,
    "Implicit Reparameterization Gradients", NeurIPS 2018.

    >>> standard_gamma(Tensor([2.0] * 10000)).mean().round()
    tensor(2.)
    """
    drawn: Tensor = _LargeGamma.apply(concentration + _BOOST, generator)
    logs = rand(_BOOST, *concentration.shape, dtype=concentration.dtype, device=concentration.device,
                generator=generator).clamp(min=_LEAST).log()
    for i in range(_BOOST):
        drawn = drawn * (logs[i] / (concentration + i)).exp()
    return drawn


@elementwise(widens=True)
def _few(xp: FormulaNamespace, u: Expression, rate: Expression) -> Expression:
    """Poisson numbers of rates below 10, by inversion."""
    probability = xp.exp(-rate)
    below, count = probability, xp.where(u > probability, 1.0, 0.0)
    for k in range(1, 45):
        probability = probability * rate / k
        below = below + probability
        count = count + xp.where(u > below, 1.0, 0.0)
    return count


@elementwise(widens=True)
def _many(xp: FormulaNamespace, u: Expression, v: Expression, rate: Expression) -> tuple[Expression, Expression]:
    """A guess of a Poisson number of a rate of at least 10, and what its logarithm must exceed, less the factorial."""
    b = 0.931 + 2.53 * xp.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    us = 0.5 - xp.abs(u)
    k = xp.floor((2 * a / xp.maximum(us, _LEAST) + b) * u + rate + 0.43)
    bound = xp.log(xp.maximum(v, _LEAST)) + xp.log(inverse_alpha) - xp.log(a / xp.maximum(us * us, _LEAST) + b)
    is_out = xp.logical_or(k < 0, xp.logical_and(us < 0.013, v > us))
    return xp.where(is_out, -1.0, k), bound + rate - k * xp.log(rate)


def poisson(input: Tensor, generator: Optional[Generator] = None) -> Tensor:
    """Draws of Poisson distributions, one for each rate, as floats.

    Source: Hörmann, "The Transformed Rejection Method for Generating Poisson Random Variables", 1993, algorithm PTRS.

    >>> poisson(Tensor([4.0] * 10000)).mean().round()
    tensor(4.)
    """
    with no_grad():
        return _poisson(input, {"dtype": input.dtype, "device": input.device, "generator": generator})


def _poisson(input: Tensor, like: Any) -> Tensor:
    small = _few(rand(input.shape, **like), input.clamp(max=10.0))
    rate = input.clamp(min=10.0)
    large = rate.floor()
    for _ in range(3 * _ROUNDS):
        guess, bound = _many(rand(input.shape, **like) - 0.5, rand(input.shape, **like), rate)
        accepted = (guess >= 0).logical_and(bound <= -lgamma(guess.clamp(min=0) + 1))
        large = where(accepted, guess, large)
    return where(input < 10, small, large)
