"""Discrete distributions, by probabilities or by logits."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import numpy as np

from ..backends.formulas.dtypes import INT64, kind_of
from ..core.tensor import Tensor, as_tensor
from ..functions import binary_cross_entropy_with_logits, log_softmax, sigmoid, softmax
from ..operations.creation import arange
from ..operations.elementary import logit
from ..operations.indexing import gather
from ..operations.random import bernoulli
from ..operations.sampling import multinomial
from .distribution import Distribution, as_value, broadcast_all


def given(name: str, probs: Any, logits: Any) -> Tensor:
    if (probs is None) == (logits is None):
        raise ValueError(f"{name}: pass either `probs` or `logits`")
    return broadcast_all(name, logits if probs is None else probs)[0]


def inside(probs: Tensor) -> Tensor:
    """Probabilities clamped by the dtype's precision away from 0 and 1, so that their logarithms are finite."""
    eps = float(np.finfo(probs.dtype).eps)
    return probs.clamp(eps, 1 - eps)


class Bernoulli(Distribution):
    """1 with probability `probs` = sigmoid(`logits`), and 0 otherwise.

    >>> Bernoulli(0.25).log_prob(1.0)
    tensor(-1.3863)
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: Optional[bool] = None):
        values = given("Bernoulli", probs, logits)
        super().__init__(values.shape, validate_args=validate_args)
        if logits is None:
            self._check((values >= 0).logical_and(values <= 1), "`probs` must be between 0 and 1")
        self.probs: Tensor = values if logits is None else sigmoid(values)
        self.logits: Tensor = logit(inside(values)) if logits is None else values

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Samples: 1.0 and 0.0."""
        return bernoulli(self.probs.detach().expand(self._shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.logits)
        self._check((value == 0).logical_or(value == 1), "values are 0 and 1")
        shape = np.broadcast_shapes(value.shape, self.batch_shape)
        return -binary_cross_entropy_with_logits(self.logits.expand(shape), value.expand(shape), reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return (self.probs >= 0.5).to(self.probs.dtype).masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1 along a new first dimension."""
        values = arange(2, dtype=self.probs.dtype, device=self.probs.device)
        values = values.reshape(2, *(1,) * len(self.batch_shape))
        return values.expand(2, *self.batch_shape) if expand else values


class Categorical(Distribution):
    """The categories 0, 1, ..., with unnormalized probabilities `probs` or `logits` in the last dimension.

    >>> Categorical(probs=Tensor([1.0, 3.0])).log_prob(Tensor([0, 1]))
    tensor([-1.3863, -0.2877])
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: Optional[bool] = None):
        values = given("Categorical", probs, logits)
        if not values.ndim or not values.shape[-1]:
            raise ValueError(f"Categorical: the last dimension is that of categories; got shape {values.shape}")
        super().__init__(values.shape[:-1], validate_args=validate_args)
        if logits is None:
            total = values.sum(dim=-1, keepdim=True)
            self._check((values >= 0).logical_and(total > 0), "`probs` must be at least 0, with a sum above 0")
            self.probs = values / total
            self.logits = inside(self.probs).log()
        else:
            self._check(values == values, "`logits` must not be NaN")
            self.logits, self.probs = log_softmax(values, dim=-1), softmax(values, dim=-1)
        self._count = values.shape[-1]

    @property
    def param_shape(self) -> tuple[int, ...]:
        return self.logits.shape

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Samples: int64 indices of categories."""
        count = math.prod(sample_shape)
        if not count * math.prod(self.batch_shape):
            return arange(0, device=self.probs.device).reshape(self._shape(sample_shape))
        drawn = multinomial(self.probs.detach().reshape(-1, self._count), count, replacement=True)
        return drawn.T.reshape(self._shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        value = as_tensor(value, device=self.logits.device)
        if kind_of(value.dtype) == 2:
            self._check(value == value.floor(), "values are numbers of categories")
        self._check((value >= 0).logical_and(value < self._count), f"values are 0 to {self._count - 1}")
        shape = np.broadcast_shapes(value.shape, self.batch_shape)
        places = value.to(dtype=INT64).expand(shape).unsqueeze(-1)
        return gather(self.logits.expand(*shape, self._count), -1, places).squeeze(-1)

    def entropy(self) -> Tensor:
        least = float(np.finfo(self.logits.dtype).min)
        return -(self.logits.clamp(min=least) * self.probs).sum(dim=-1)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(dim=-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All categories along a new first dimension."""
        values = arange(self._count, device=self.probs.device).reshape(-1, *(1,) * len(self.batch_shape))
        return values.expand(self._count, *self.batch_shape) if expand else values
