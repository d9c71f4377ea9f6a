"""Distributions around the gamma distribution."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from ..operations.elementary import xlogy
from ..operations.gamma import digamma, lgamma
from ..operations.gamma_draws import standard_gamma
from ..operations.random import randn
from ..operations.shaping import stack
from .distribution import Distribution, as_value, broadcast_all


@elementwise
def _gamma_log_density(xp: FormulaNamespace, x: Expression, concentration: Expression, rate: Expression,
                       log_gamma: Expression) -> Expression:
    power = xp.where(concentration == 1, 0.0, (concentration - 1) * xp.log(x))
    return concentration * xp.log(rate) + power - rate * x - log_gamma


class Positive(Distribution):
    """Distributions of which all parameters are above 0."""

    has_rsample = True
    names: tuple[str, ...]

    def _set(self, *values: Any, validate_args: Optional[bool]) -> None:
        tensors = broadcast_all(type(self).__name__, *values)
        for name, tensor in zip(self.names, tensors):
            setattr(self, name, tensor)
        Distribution.__init__(self, tensors[0].shape, validate_args=validate_args)
        for name, tensor in zip(self.names, tensors):
            self._check(tensor > 0, f"`{name}` must be above 0")


class Gamma(Positive):
    """The gamma distribution: density rate^c x^(c-1) exp(-rate x) / gamma(c), c the concentration.

    >>> Gamma(1.0, 2.0).log_prob(0.5)
    tensor(-0.3069)
    """

    names = ("concentration", "rate")
    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Any, rate: Any, validate_args: Optional[bool] = None):
        self._set(concentration, rate, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn: Tensor = standard_gamma(self.concentration.expand(self._shape(sample_shape))) / self.rate
        return drawn.clamp(min=_least(drawn))

    def log_prob(self, value: Any) -> Tensor:
        return _gamma_log_density(value, self.concentration, self.rate, lgamma(self.concentration))

    def entropy(self) -> Tensor:
        c = self.concentration
        return c - self.rate.log() + lgamma(c) + (1 - c) * digamma(c)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.square()


def _least(drawn: Tensor) -> float:
    return 1.2e-38 if drawn.dtype.itemsize == 4 else 2.3e-308


class Chi2(Gamma):
    """The sum of the squares of `df` normal numbers: Gamma(df / 2, 1 / 2).

    >>> Chi2(3.0).mean
    tensor(3.)
    """

    def __init__(self, df: Any, validate_args: Optional[bool] = None):
        half, = broadcast_all("Chi2", df)
        super().__init__(half / 2, 0.5, validate_args)

    @property
    def df(self) -> Tensor:
        return self.concentration * 2


class InverseGamma(Positive):
    """One over a gamma number: density rate^c x^(-c-1) exp(-rate / x) / gamma(c).

    >>> InverseGamma(3.0, 4.0).mean
    tensor(2.)
    """

    names = ("concentration", "rate")
    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Any, rate: Any, validate_args: Optional[bool] = None):
        self._set(concentration, rate, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return 1 / Gamma(self.concentration, self.rate).rsample(sample_shape)

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.rate)
        density: Tensor = Gamma(self.concentration, self.rate).log_prob(1 / value) - 2 * value.log()
        return density

    def entropy(self) -> Tensor:
        c = self.concentration
        return c + self.rate.log() + lgamma(c) - (1 + c) * digamma(c)

    @property
    def mean(self) -> Tensor:
        c = self.concentration
        return (self.rate / (c - 1)).masked_fill(c <= 1, math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        c = self.concentration
        return (self.rate.square() / ((c - 1).square() * (c - 2))).masked_fill(c <= 2, math.inf)


class Dirichlet(Distribution):
    """Shares that add up to 1: density of the product of x_i^(c_i - 1), c the concentration, its last dimension.

    >>> Dirichlet(Tensor([1.0, 1.0, 1.0])).log_prob(Tensor([0.2, 0.3, 0.5]))
    tensor(0.6931)
    """

    has_rsample = True

    def __init__(self, concentration: Any, validate_args: Optional[bool] = None):
        self.concentration, = broadcast_all("Dirichlet", concentration)
        if self.concentration.ndim < 1:
            raise ValueError("Dirichlet: `concentration` needs a dimension of shares; got a number")
        super().__init__(self.concentration.shape[:-1], self.concentration.shape[-1:], validate_args)
        self._check(self.concentration > 0, "`concentration` must be above 0")

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn = standard_gamma(self.concentration.expand(*self._shape(sample_shape), *self.event_shape))
        drawn = drawn.clamp(min=_least(drawn))
        shares: Tensor = drawn / drawn.sum(dim=-1, keepdim=True)
        return shares

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.concentration)
        self._check((value >= 0).all(-1).logical_and((value.sum(-1) - 1).abs() < 1e-6 ** 0.5),
                    "values are shares that add up to 1")
        c = self.concentration
        return xlogy(c - 1.0, value).sum(dim=-1) + lgamma(c.sum(dim=-1)) - lgamma(c).sum(dim=-1)

    def entropy(self) -> Tensor:
        c, total = self.concentration, self.concentration.sum(dim=-1)
        count = c.shape[-1]
        return lgamma(c).sum(-1) - lgamma(total) - (count - total) * digamma(total) - ((c - 1.0) * digamma(c)).sum(-1)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(dim=-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp(min=0.0)
        mode: Tensor = above / above.sum(dim=-1, keepdim=True)
        are_below = (self.concentration < 1).all(dim=-1, keepdim=True)
        largest = mode.new_zeros(mode.shape).scatter(-1, self.concentration.argmax(dim=-1, keepdim=True), 1.0)
        return largest.where(are_below, mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(dim=-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total.square() * (total + 1))


class Beta(Positive):
    """Numbers between 0 and 1: density of x^(a-1) (1 - x)^(b-1), a = concentration1, b = concentration0.

    >>> Beta(2.0, 2.0).log_prob(0.5)
    tensor(0.4055)
    """

    names = ("concentration1", "concentration0")
    concentration1: Tensor
    concentration0: Tensor

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: Optional[bool] = None):
        self._set(concentration1, concentration0, validate_args=validate_args)

    @property
    def shares(self) -> Dirichlet:
        """The distribution of the number and of what is left of 1."""
        return Dirichlet(stack([self.concentration1, self.concentration0], -1), validate_args=False)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.shares.rsample(sample_shape)[..., 0]

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.concentration1)
        self._check((value >= 0).logical_and(value <= 1), "values lie between 0 and 1")
        return self.shares.log_prob(stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self.shares.entropy()

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self.shares.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.square() * (total + 1))


class StudentT(Distribution):
    """Student's distribution of `df` degrees of freedom: a normal number over the root of Chi2(df) / df.

    >>> StudentT(3.0).log_prob(0.0)
    tensor(-1.0009)
    """

    has_rsample = True

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: Optional[bool] = None):
        self.df, self.loc, self.scale = broadcast_all("StudentT", df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)
        self._check((self.df > 0).logical_and(self.scale > 0), "`df` and `scale` must be above 0")

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        normal = randn(self._shape(sample_shape), dtype=self.df.dtype, device=self.df.device)
        drawn: Tensor = self.loc + self.scale * normal * (Chi2(self.df).rsample(sample_shape) / self.df).rsqrt()
        return drawn

    def log_prob(self, value: Any) -> Tensor:
        y = (value - self.loc) / self.scale
        norm = self.scale.log() + 0.5 * (self.df * math.pi).log() + lgamma(0.5 * self.df) - lgamma(0.5 * (self.df + 1))
        density: Tensor = -0.5 * (self.df + 1) * (y.square() / self.df).log1p() - norm
        return density

    def entropy(self) -> Tensor:
        half, above = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = lgamma(half) + math.lgamma(0.5) - lgamma(above)
        return self.scale.log() + above * (digamma(above) - digamma(half)) + 0.5 * self.df.log() + log_beta

    @property
    def mean(self) -> Tensor:
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        found = self.scale.square() * self.df / (self.df - 2)
        return found.masked_fill(self.df <= 2, math.inf).masked_fill(self.df <= 1, math.nan)
