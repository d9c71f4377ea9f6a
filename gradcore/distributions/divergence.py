"""The Kullback-Leibler divergence of two distributions of the same class: E_p[log(p / q)]."""

from __future__ import annotations

from typing import Callable

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .continuous import Exponential, Laplace, Normal, Uniform
from .discrete import Bernoulli, Categorical
from .distribution import Distribution


@elementwise
def _of_normal(xp: FormulaNamespace, loc: Expression, scale: Expression, other_loc: Expression,
               other_scale: Expression) -> Expression:
    ratio, shift = scale / other_scale, (loc - other_loc) / other_scale
    return 0.5 * (ratio * ratio + shift * shift - 1) - xp.log(ratio)


@elementwise
def _of_laplace(xp: FormulaNamespace, loc: Expression, scale: Expression, other_loc: Expression,
                other_scale: Expression) -> Expression:
    ratio, distance = scale / other_scale, xp.abs(loc - other_loc)
    return -xp.log(ratio) + distance / other_scale + ratio * xp.exp(-distance / scale) - 1


@elementwise
def _of_uniform(xp: FormulaNamespace, low: Expression, high: Expression, other_low: Expression,
                other_high: Expression) -> Expression:
    is_outside = xp.logical_or(other_low > low, other_high < high)
    return xp.where(is_outside, xp.inf, xp.log((other_high - other_low) / (high - low)))


@elementwise
def _of_exponential(xp: FormulaNamespace, rate: Expression, other_rate: Expression) -> Expression:
    ratio = other_rate / rate
    return ratio - 1 - xp.log(ratio)


def _of_bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    return -p.entropy() - p.probs * q.log_prob(1.0) - (1 - p.probs) * q.log_prob(0.0)


def _of_categorical(p: Categorical, q: Categorical) -> Tensor:
    return (p.probs * (p.logits - q.logits)).sum(dim=-1)


_KINDS: dict[type, Callable[..., Tensor]] = {
    Normal: lambda p, q: _of_normal(p.loc, p.scale, q.loc, q.scale),
    Laplace: lambda p, q: _of_laplace(p.loc, p.scale, q.loc, q.scale),
    Uniform: lambda p, q: _of_uniform(p.low, p.high, q.low, q.high),
    Exponential: lambda p, q: _of_exponential(p.rate, q.rate),
    Bernoulli: _of_bernoulli, Categorical: _of_categorical,
}


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The Kullback-Leibler divergence E_p[log(p / q)], at least 0, and 0 for equal distributions.

    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5)
    """
    if type(p) is not type(q) or type(p) not in _KINDS:
        raise NotImplementedError(f"kl_divergence takes two distributions of one kind among "
                                  f"{', '.join(kind.__name__ for kind in _KINDS)}; got {type(p).__name__} and "
                                  f"{type(q).__name__}")
    return _KINDS[type(p)](p, q)
