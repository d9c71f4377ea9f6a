"""Distributions of counts."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import numpy as np

from ..core.grad_mode import no_grad
from ..core.tensor import Tensor, as_tensor
from ..functions import binary_cross_entropy_with_logits, logsigmoid, sigmoid, softplus
from ..operations.elementary import logit, xlogy
from ..operations.gamma import lgamma
from ..operations.gamma_draws import poisson, standard_gamma
from ..operations.indexing import one_hot
from ..operations.random import rand
from .discrete import Categorical, given, inside
from .distribution import Distribution, as_value, broadcast_all
from .heavy import open_uniform


class _Counts(Distribution):
    def _counted(self, value: Any, like: Tensor) -> Tensor:
        counted = as_value(value, like)
        self._check((counted >= 0).logical_and(counted == counted.floor()), "values are counts, 0, 1, 2, …")
        return counted


class Poisson(_Counts):
    """Counts of what happens `rate` times in the mean: probability rate^k exp(-rate) / k!.

    >>> Poisson(2.0).log_prob(0.0)
    tensor(-2.)
    """

    def __init__(self, rate: Any, validate_args: Optional[bool] = None):
        self.rate, = broadcast_all("Poisson", rate)
        super().__init__(self.rate.shape, validate_args=validate_args)
        self._check(self.rate >= 0, "`rate` must be at least 0")

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws: counts, as floats."""
        return poisson(self.rate.detach().expand(self._shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        value = self._counted(value, self.rate)
        return xlogy(value, self.rate) - self.rate - lgamma(value + 1)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    variance = mean


class _OfChance(_Counts):
    """Distributions of a probability, given as it is or as a logit."""

    probs: Tensor
    logits: Tensor

    def _set(self, probs: Any, logits: Any, *others: Any) -> list[Tensor]:
        name = type(self).__name__
        chosen = given(name, probs, logits)
        counts = [as_tensor(other, device=chosen.device).to(dtype=chosen.dtype) for other in others]
        chosen, *tensors = broadcast_all(name, chosen, *counts)
        self.probs = chosen if logits is None else sigmoid(chosen)
        self.logits = logit(inside(chosen)) if logits is None else chosen
        return tensors


class Geometric(_OfChance):
    """How often something fails before it succeeds: probability p (1 - p)^k.

    >>> Geometric(0.5).log_prob(1.0)
    tensor(-1.3863)
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: Optional[bool] = None):
        self._set(probs, logits)
        super().__init__(self.probs.shape, validate_args=validate_args)
        self._check((self.probs > 0).logical_and(self.probs <= 1), "`probs` must be above 0 and at most 1")

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws: counts, as floats."""
        with no_grad():
            u = open_uniform(self._shape(sample_shape), self.probs)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Tensor:
        value = self._counted(value, self.probs)
        return xlogy(value, 1 - self.probs) + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return self.probs * 0

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs


class Binomial(_OfChance):
    """How often something of probability p happens in `total_count` trials.

    >>> Binomial(2, 0.5).log_prob(1.0)
    tensor(-0.6931)
    """

    def __init__(self, total_count: Any = 1, probs: Any = None, logits: Any = None,
                 validate_args: Optional[bool] = None):
        self.total_count, = self._set(probs, logits, total_count)
        super().__init__(self.probs.shape, validate_args=validate_args)
        self._check((self.probs >= 0).logical_and(self.probs <= 1), "`probs` must be between 0 and 1")
        self._check(self.total_count >= 0, "`total_count` must be at least 0")

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws: counts, as floats, of `total_count` trials each."""
        with no_grad():
            most = int(self.total_count.max()) if self.total_count.numel() else 0
            drawn = self.probs.new_zeros(self._shape(sample_shape))
            for trial in range(most):
                u = rand(drawn.shape, dtype=drawn.dtype, device=drawn.device)
                drawn = drawn + (u < self.probs).logical_and(self.total_count > trial).to(drawn.dtype)
            return drawn

    def log_prob(self, value: Any) -> Tensor:
        value, n = self._counted(value, self.probs), self.total_count
        self._check(value <= n, "values are at most `total_count`")
        ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        density: Tensor = ways + value * self.logits - n * softplus(self.logits)
        return density

    def entropy(self) -> Tensor:
        most = int(self.total_count.max())
        if not bool((self.total_count == most).all()):
            raise NotImplementedError("Binomial: the entropy is computed where all `total_count` are equal")
        counts = self.probs.new_tensor(np.arange(most + 1.0)).reshape(-1, *(1,) * len(self.batch_shape))
        logs = self.log_prob(counts)
        return -(logs.exp() * logs).sum(0)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)


class NegativeBinomial(_OfChance):
    """How often something of probability p succeeds before it has failed `total_count` times.

    >>> NegativeBinomial(1, 0.5).log_prob(1.0)
    tensor(-1.3863)
    """

    def __init__(self, total_count: Any, probs: Any = None, logits: Any = None,
                 validate_args: Optional[bool] = None):
        self.total_count, = self._set(probs, logits, total_count)
        super().__init__(self.probs.shape, validate_args=validate_args)
        self._check((self.probs >= 0).logical_and(self.probs < 1), "`probs` must be at least 0 and below 1")
        self._check(self.total_count >= 0, "`total_count` must be at least 0")

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws: counts, as floats."""
        with no_grad():
            rate = standard_gamma(self.total_count.expand(self._shape(sample_shape))) * self.logits.exp()
            return poisson(rate)

    def log_prob(self, value: Any) -> Tensor:
        value, n = self._counted(value, self.probs), self.total_count
        ways = lgamma(n + value) - lgamma(value + 1) - lgamma(n)
        density: Tensor = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits) + ways.masked_fill(
            n + value == 0, 0.0)
        return density

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / sigmoid(-self.logits)


class Multinomial(_Counts):
    """How often each category is drawn in `total_count` draws; the last dimension of `probs` or `logits` is theirs.

    >>> Multinomial(2, Tensor([0.5, 0.5])).log_prob(Tensor([1.0, 1.0]))
    tensor(-0.6931)
    """

    def __init__(self, total_count: int = 1, probs: Any = None, logits: Any = None,
                 validate_args: Optional[bool] = None):
        if isinstance(total_count, Tensor) or total_count < 0:
            raise ValueError(f"Multinomial: `total_count` must be one number of at least 0; got {total_count}")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits, validate_args)
        self.probs, self.logits = self._categorical.probs, self._categorical.logits
        super().__init__(self._categorical.batch_shape, self.probs.shape[-1:], validate_args)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws: counts of all categories, as floats."""
        drawn = self._categorical.sample((self.total_count, *sample_shape))
        return one_hot(drawn, self.event_shape[0]).sum(0).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Tensor:
        value = self._counted(value, self.probs)
        self._check(value.sum(-1) == self.total_count, "values are counts that add up to `total_count`")
        logits = self.logits.masked_fill((value == 0).logical_and(self.logits == -math.inf), 0.0)
        density: Tensor = lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1) + (logits * value).sum(-1)
        return density

    def entropy(self) -> Tensor:
        n = self.total_count
        counts = self.probs.new_tensor(np.arange(n + 1.0)).reshape(-1, *(1,) * (len(self.batch_shape) + 1))
        logs = Binomial(n, logits=logit(inside(self.probs))).log_prob(counts).exp()
        found: Tensor = n * self._categorical.entropy() - math.lgamma(n + 1) + (logs * lgamma(counts + 1)).sum((0, -1))
        return found

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)
