"""Distributions that are drawn by inversion: a formula of one uniform number."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import numpy as np

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from ..operations.gamma import digamma, lgamma
from ..operations.random import rand
from .continuous import Located, Normal
from .distribution import Distribution, as_value, broadcast_all
from .gammas import Positive

EULER = 0.5772156649015329


def open_uniform(shape: Sequence[int], like: Tensor) -> Tensor:
    """Uniform draws between 0 and 1, neither of them among them."""
    eps = float(np.finfo(like.dtype).eps)
    return rand(shape, dtype=like.dtype, device=like.device).clamp(eps / 2, 1 - eps / 2)


@elementwise
def _cauchy_log_density(xp: FormulaNamespace, x: Expression, loc: Expression, scale: Expression) -> Expression:
    z = (x - loc) / scale
    return -math.log(math.pi) - xp.log(scale) - xp.log1p(z * z)


@elementwise
def _gumbel_log_density(xp: FormulaNamespace, x: Expression, loc: Expression, scale: Expression) -> Expression:
    y = (loc - x) / scale
    return (y - xp.exp(y)) - xp.log(scale)


@elementwise
def _weibull_log_density(xp: FormulaNamespace, x: Expression, scale: Expression, k: Expression) -> Expression:
    z = x / scale
    return xp.log(k / scale) + (k - 1) * xp.log(z) - z ** k


@elementwise
def _kumaraswamy_log_density(xp: FormulaNamespace, x: Expression, a: Expression, b: Expression) -> Expression:
    return xp.log(a * b) + (a - 1) * xp.log(x) + (b - 1) * xp.log1p(-(x ** a))


class Cauchy(Located):
    """The Cauchy distribution: density 1 / (pi scale (1 + ((x - loc) / scale)²)).

    >>> Cauchy(0.0, 1.0).log_prob(0.0)
    tensor(-1.1447)
    """

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(open_uniform(self._shape(sample_shape), self.loc))

    def log_prob(self, value: Any) -> Tensor:
        return _cauchy_log_density(value, self.loc, self.scale)

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share: Tensor = ((value - self.loc) / self.scale).atan() / math.pi + 0.5
        return share

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    @property
    def mean(self) -> Tensor:
        return self.loc * math.nan

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.loc.abs() + math.inf


class Gumbel(Located):
    """The distribution of a largest value: density exp(z - exp(z)) / scale with z = (loc - x) / scale.

    >>> Gumbel(0.0, 1.0).log_prob(0.0)
    tensor(-1.)
    """

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(open_uniform(self._shape(sample_shape), self.loc))

    def log_prob(self, value: Any) -> Tensor:
        return _gumbel_log_density(value, self.loc, self.scale)

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + EULER)

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share: Tensor = (-((self.loc - value) / self.scale).exp()).exp()
        return share

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        return self.loc - self.scale * (-value.log()).log()

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * EULER

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (math.pi ** 2 / 6)


class Weibull(Positive):
    """The Weibull distribution: density k / scale · z^(k-1) exp(-z^k) with z = x / scale, k the concentration.

    >>> Weibull(1.0, 1.0).log_prob(2.0)
    tensor(-2.)
    """

    names = ("scale", "concentration")
    scale: Tensor
    concentration: Tensor

    def __init__(self, scale: Any, concentration: Any, validate_args: Optional[bool] = None):
        self._set(scale, concentration, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(open_uniform(self._shape(sample_shape), self.scale))

    def log_prob(self, value: Any) -> Tensor:
        return _weibull_log_density(value, self.scale, self.concentration)

    def entropy(self) -> Tensor:
        k = self.concentration
        return EULER * (1 - 1 / k) + (self.scale / k).log() + 1

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share: Tensor = 1 - (-((value / self.scale) ** self.concentration)).exp()
        return share

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        found: Tensor = self.scale * (-(-value).log1p()) ** (1 / self.concentration)
        return found

    def _moment(self, order: int) -> Tensor:
        return lgamma(1 + order / self.concentration).exp()

    @property
    def mean(self) -> Tensor:
        return self.scale * self._moment(1)

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        found: Tensor = self.scale * ((k - 1) / k) ** (1 / k)
        return found

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (self._moment(2) - self._moment(1).square())


class Pareto(Positive):
    """The Pareto distribution: density alpha scale^alpha / x^(alpha+1) for x >= scale.

    >>> Pareto(1.0, 3.0).mean
    tensor(1.5)
    """

    names = ("scale", "alpha")
    scale: Tensor
    alpha: Tensor

    def __init__(self, scale: Any, alpha: Any, validate_args: Optional[bool] = None):
        self._set(scale, alpha, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(open_uniform(self._shape(sample_shape), self.scale))

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.scale)
        self._check(value >= self.scale, "values are at least `scale`")
        density: Tensor = self.alpha.log() + self.alpha * self.scale.log() - (self.alpha + 1) * value.log()
        return density

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + 1 / self.alpha)

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share: Tensor = 1 - (self.scale / value) ** self.alpha
        return share

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        found: Tensor = self.scale * (-(-value).log1p() / self.alpha).exp()
        return found

    @property
    def mean(self) -> Tensor:
        return (self.alpha * self.scale / (self.alpha - 1)).masked_fill(self.alpha <= 1, math.inf)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        found = self.scale.square() * self.alpha / ((self.alpha - 1).square() * (self.alpha - 2))
        return found.masked_fill(self.alpha <= 2, math.inf)


class Kumaraswamy(Positive):
    """Numbers between 0 and 1: density a b x^(a-1) (1 - x^a)^(b-1), a = concentration1, b = concentration0.

    >>> Kumaraswamy(1.0, 1.0).log_prob(0.5)
    tensor(0.)
    """

    names = ("concentration1", "concentration0")
    concentration1: Tensor
    concentration0: Tensor

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: Optional[bool] = None):
        self._set(concentration1, concentration0, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(open_uniform(self._shape(sample_shape), self.concentration1))

    def log_prob(self, value: Any) -> Tensor:
        return _kumaraswamy_log_density(value, self.concentration1, self.concentration0)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return 1 - 1 / b + (1 - 1 / a) * (digamma(b + 1) + EULER) - a.log() - b.log()

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share: Tensor = 1 - (1 - value ** self.concentration1) ** self.concentration0
        return share

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        found: Tensor = (1 - (1 - value) ** (1 / self.concentration0)) ** (1 / self.concentration1)
        return found

    def _moment(self, order: int) -> Tensor:
        a, b = 1 + order / self.concentration1, self.concentration0
        return b * (lgamma(a) + lgamma(b) - lgamma(a + b)).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return ((a - 1) / (a * b - 1)).clamp(min=0.0).pow(1 / a).masked_fill((a < 1).logical_or(b < 1), math.nan)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1).square()


class _Half(Distribution):
    """The magnitude of a number whose distribution is symmetric around 0."""

    has_rsample = True
    whole: Any

    def __init__(self, scale: Any, validate_args: Optional[bool] = None):
        self.scale, = broadcast_all(type(self).__name__, scale)
        super().__init__(self.scale.shape, validate_args=validate_args)
        self._check(self.scale > 0, "`scale` must be above 0")

    @property
    def _both(self) -> Any:
        return type(self).whole(0.0, self.scale, validate_args=False)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn: Tensor = self._both.rsample(sample_shape).abs()
        return drawn

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.scale)
        density: Tensor = self._both.log_prob(value) + math.log(2)
        return density.masked_fill(value < 0, -math.inf)

    def entropy(self) -> Tensor:
        found: Tensor = self._both.entropy() - math.log(2)
        return found

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share: Tensor = 2 * self._both.cdf(value) - 1
        return share

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        found: Tensor = self._both.icdf((value + 1) / 2)
        return found

    @property
    def mode(self) -> Tensor:
        return self.scale * 0


class HalfNormal(_Half):
    """The magnitude of a normal number of mean 0.

    >>> HalfNormal(1.0).mean
    tensor(0.7979)
    """

    whole = Normal

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1 - 2 / math.pi)


class HalfCauchy(_Half):
    """The magnitude of a Cauchy number around 0.

    >>> HalfCauchy(1.0).log_prob(0.0)
    tensor(-0.4516)
    """

    whole = Cauchy

    @property
    def mean(self) -> Tensor:
        return self.scale * math.inf

    @property
    def variance(self) -> Tensor:
        return self.scale * math.inf
