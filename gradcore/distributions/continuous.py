"""Distributions of real numbers; the density of each is one formula."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import numpy as np

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor, as_tensor
from ..operations.elementary import erfinv
from ..operations.random import rand, randn
from .distribution import Distribution, broadcast_all

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@elementwise
def _normal_log_density(xp: FormulaNamespace, x: Expression, loc: Expression, scale: Expression) -> Expression:
    z = (x - loc) / scale
    return -0.5 * z * z - xp.log(scale) - _HALF_LOG_2PI


@elementwise
def _normal_below(xp: FormulaNamespace, x: Expression, loc: Expression, scale: Expression) -> Expression:
    return 0.5 * (1 + xp.erf((x - loc) / (scale * math.sqrt(2))))


@elementwise
def _laplace_log_density(xp: FormulaNamespace, x: Expression, loc: Expression, scale: Expression) -> Expression:
    return -xp.abs(x - loc) / scale - xp.log(2 * scale)


@elementwise
def _laplace_draw(xp: FormulaNamespace, u: Expression, loc: Expression, scale: Expression) -> Expression:
    centred = u - 0.5
    return loc - scale * xp.sign(centred) * xp.log1p(-2 * xp.abs(centred))


@elementwise
def _uniform_log_density(xp: FormulaNamespace, x: Expression, low: Expression, high: Expression) -> Expression:
    return xp.where(xp.logical_and(x >= low, x < high), -xp.log(high - low), -xp.inf)


class Located(Distribution):
    """Base class of distributions with a location and a scale."""

    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: Optional[bool] = None):
        self.loc, self.scale = broadcast_all(type(self).__name__, loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)
        self._check(self.scale > 0, "`scale` must be above 0")

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean


class Normal(Located):
    """The normal distribution: density exp(-(x - loc)² / (2 scale²)) / (scale sqrt(2 pi)).

    >>> Normal(0.0, 1.0).entropy()
    tensor(1.4189)
    """

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._shape(sample_shape)
        return self.loc + self.scale * randn(shape, dtype=self.loc.dtype, device=self.loc.device)

    def log_prob(self, value: Any) -> Tensor:
        return _normal_log_density(value, self.loc, self.scale)

    def entropy(self) -> Tensor:
        return self.scale.log() + (0.5 + _HALF_LOG_2PI)

    def cdf(self, value: Any) -> Tensor:
        """The cumulative distribution function: the probability of a sample below `value`."""
        return _normal_below(value, self.loc, self.scale)

    def icdf(self, value: Any) -> Tensor:
        """The quantile function, the inverse of `cdf`."""
        return self.loc + self.scale * math.sqrt(2) * erfinv(2 * as_tensor(value) - 1)

    @property
    def variance(self) -> Tensor:
        return self.scale.square()


class Laplace(Located):
    """The double exponential distribution: density exp(-|x - loc| / scale) / (2 scale).

    >>> Laplace(0.0, 1.0).log_prob(Tensor([0.0, 1.0]))
    tensor([-0.6931, -1.6931])
    """

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = rand(self._shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        least = float(np.finfo(u.dtype).eps) / 2  # a uniform sample of 0 would give infinity
        return _laplace_draw(u.clamp(min=least), self.loc, self.scale)

    def log_prob(self, value: Any) -> Tensor:
        return _laplace_log_density(value, self.loc, self.scale)

    def entropy(self) -> Tensor:
        return (2 * self.scale).log() + 1

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        apart: Tensor = value - self.loc
        return 0.5 - 0.5 * apart.sign() * (-apart.abs() / self.scale).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        return _laplace_draw(value, self.loc, self.scale)

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.square()


class Uniform(Distribution):
    """The uniform distribution on [low, high).

    >>> Uniform(0.0, 4.0).log_prob(1.0)
    tensor(-1.3863)
    """

    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: Optional[bool] = None):
        self.low, self.high = broadcast_all("Uniform", low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        self._check(self.low < self.high, "`low` must be less than `high`")

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = rand(self._shape(sample_shape), dtype=self.low.dtype, device=self.low.device)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Any) -> Tensor:
        return _uniform_log_density(value, self.low, self.high)

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()

    def cdf(self, value: Any) -> Tensor:
        """The cumulative distribution function: the probability of a sample below `value`."""
        share: Tensor = (value - self.low) / (self.high - self.low)
        return share.clamp(0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        return self.low + value * (self.high - self.low)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        return self.high * math.nan

    @property
    def variance(self) -> Tensor:
        return (self.high - self.low).square() / 12


class Exponential(Distribution):
    """The exponential distribution: density rate · exp(-rate x) for x >= 0.

    >>> Exponential(2.0).mean, Exponential(2.0).log_prob(Tensor([0.0]))
    (tensor(0.5), tensor([0.6931]))
    """

    has_rsample = True

    def __init__(self, rate: Any, validate_args: Optional[bool] = None):
        self.rate, = broadcast_all("Exponential", rate)
        super().__init__(self.rate.shape, validate_args=validate_args)
        self._check(self.rate > 0, "`rate` must be above 0")

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = rand(self._shape(sample_shape), dtype=self.rate.dtype, device=self.rate.device)
        return -(-u).log1p() / self.rate

    def log_prob(self, value: Any) -> Tensor:
        log_density: Tensor = self.rate.log() - self.rate * value
        return log_density

    def entropy(self) -> Tensor:
        return 1 - self.rate.log()

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share: Tensor = -(-self.rate * value).expm1()
        return share

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        return -(-value).log1p() / self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate * 0

    @property
    def mean(self) -> Tensor:
        return 1 / self.rate

    stddev = mean

    @property
    def variance(self) -> Tensor:
        return 1 / self.rate.square()
