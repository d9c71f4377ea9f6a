"""The Kullback-Leibler divergence of two distributions of the same class: E_p[log(p / q)]."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from ..operations.gamma import digamma, lgamma
from ..operations.triangular import solve_triangular
from .continuous import Exponential, Laplace, Normal, Uniform
from .counts import Binomial, Geometric, Poisson
from .discrete import Bernoulli, Categorical
from .distribution import Distribution
from .gammas import Beta, Dirichlet, Gamma
from .heavy import EULER, Cauchy, Gumbel, HalfNormal, Pareto
from .independent import Independent
from .mixture import MultivariateNormal
from .one_hot import OneHotCategorical
from .transformed import TransformedDistribution
from .transforms import summed


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


Divergence = Callable[[Any, Any], Tensor]
_KINDS: dict[tuple[type, type], Divergence] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Divergence], Divergence]:
    """Let the decorated function of two distributions of these kinds be what `kl_divergence` computes.

    >>> class Mine(Normal):
    ...     pass
    >>> @register_kl(Mine, Mine)
    ... def divergence(p, q):
    ...     return p.loc - q.loc
    >>> kl_divergence(Mine(3.0, 1.0), Mine(1.0, 1.0))
    tensor(2.)
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl takes classes of distributions; got {kind!r:.80}")

    def registered(function: Divergence) -> Divergence:
        _KINDS[type_p, type_q] = function
        return function

    return registered


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    return _of_normal(p.loc, p.scale, q.loc, q.scale)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    return _of_laplace(p.loc, p.scale, q.loc, q.scale)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    return _of_uniform(p.low, p.high, q.low, q.high)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    return _of_exponential(p.rate, q.rate)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    return -p.entropy() - p.probs * q.log_prob(1.0) - (1 - p.probs) * q.log_prob(0.0)


@register_kl(OneHotCategorical, OneHotCategorical)
@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    apart: Tensor = p.probs * (p.logits - q.logits)
    return apart.sum(dim=-1)


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return b * (p.rate / q.rate).log() + lgamma(b) - lgamma(a) + (a - b) * digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    return _gamma(Gamma(p.rate * 0 + 1, p.rate), q)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    whole = a.sum(-1)
    apart = (a - b) * (digamma(a) - digamma(whole).unsqueeze(-1))
    return lgamma(whole) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1) + apart.sum(-1)


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return _dirichlet(p.shares, q.shares)


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if not bool((p.total_count == q.total_count).all()):
        raise NotImplementedError("kl_divergence of Binomial takes those of equal `total_count`")
    return p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    moment = (lgamma(1 + ratio) - shift).exp()
    return -ratio.log() + shift + ratio * EULER + moment - (1 + EULER)


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return _of_normal(p.scale * 0, p.scale, q.scale * 0, q.scale)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    """Source: Chyzak and Nielsen, "A closed-form formula for the Kullback-Leibler divergence between Cauchy
    distributions", 2019."""
    apart = ((p.scale + q.scale).square() + (p.loc - q.loc).square()).log()
    return apart - (4 * p.scale * q.scale).log()


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = p.scale / q.scale
    found = q.alpha * ratio.log() - (q.alpha / p.alpha).log() + q.alpha / p.alpha - 1
    return found.masked_fill(ratio < 1, math.inf)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    shape = (p.loc + q.loc).shape
    root = q.scale_tril.expand(*shape, shape[-1])
    turned = solve_triangular(root, p.scale_tril.expand(*shape, shape[-1]), upper=False)
    shift = solve_triangular(root, (q.loc - p.loc).expand(*shape).unsqueeze(-1), upper=False)
    logs = [one.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) for one in (q, p)]
    spread: Tensor = turned.square().sum((-2, -1)) + shift.square().sum((-2, -1))
    found: Tensor = logs[0] - logs[1] + 0.5 * (spread - shape[-1])
    return found


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence of Independent takes those of equal numbers of dimensions")
    return summed(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence of TransformedDistribution takes those of equal transforms")
    found = kl_divergence(p.base_dist, q.base_dist)
    return summed(found, len(p.event_shape) - len(p.base_dist.event_shape))


def _registered(p: type, q: type) -> Optional[Divergence]:
    """The function for the kinds that are closest to these among their base classes."""
    found = [(p.mro().index(a) + q.mro().index(b), function) for (a, b), function in _KINDS.items()
             if issubclass(p, a) and issubclass(q, b)]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The Kullback-Leibler divergence E_p[log(p / q)], at least 0, and 0 for equal distributions.

    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5)
    """
    function = _registered(type(p), type(q))
    if function is None:
        known = ", ".join(dict.fromkeys(a.__name__ if a is b else f"{a.__name__} and {b.__name__}" for a, b in _KINDS))
        raise NotImplementedError(f"kl_divergence takes two distributions of one kind among {known}; got "
                                  f"{type(p).__name__} and {type(q).__name__}")
    return function(p, q)
