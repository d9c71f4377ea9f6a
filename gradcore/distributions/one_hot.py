"""Distributions of categories as vectors with a one, and their relaxations, through which gradients reach the logits.

Source: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017; Maddison, Mnih and Teh,
"The Concrete Distribution", ICLR 2017.
"""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

from ..core.tensor import Tensor, as_tensor
from ..functions import sigmoid, softmax, softplus
from ..operations.elementary import logit
from ..operations.indexing import one_hot
from ..operations.norms import logsumexp
from .discrete import Categorical, given, inside
from .distribution import Distribution, as_value, broadcast_all
from .heavy import open_uniform


class _OfCategories(Distribution):
    """Distributions of vectors, of which each number belongs to a category."""

    def _set(self, probs: Any, logits: Any, validate_args: Optional[bool]) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        self.probs, self.logits = self._categorical.probs, self._categorical.logits
        Distribution.__init__(self, self._categorical.batch_shape, self.probs.shape[-1:], validate_args)


class OneHotCategorical(_OfCategories):
    """Vectors with a one at the category that was drawn, and zeros.

    >>> OneHotCategorical(Tensor([1.0, 3.0])).log_prob(Tensor([0.0, 1.0]))
    tensor(-0.2877)
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: Optional[bool] = None):
        self._set(probs, logits, validate_args)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws without a gradient."""
        return one_hot(self._categorical.sample(sample_shape), self.event_shape[0]).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Tensor:
        value = as_tensor(value, device=self.probs.device)
        self._check((value == 0).logical_or(value == 1).all(-1).logical_and(value.sum(-1) == 1),
                    "values are vectors with a one and zeros")
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return one_hot(self.probs.argmax(-1), self.event_shape[0]).to(self.probs.dtype)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """As `OneHotCategorical`, whose draws pass gradients to the probabilities as if they were these.

    Source: Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through Stochastic Neurons", 2013.

    >>> probs = Tensor([0.5, 0.5], requires_grad=True)
    >>> OneHotCategoricalStraightThrough(probs).rsample().requires_grad
    True
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn: Tensor = self.sample(sample_shape) + (self.probs - self.probs.detach())
        return drawn


class RelaxedOneHotCategorical(_OfCategories):
    """Shares of categories, close to a one and zeros for a small temperature: softmax((logits + Gumbel) / temperature).

    >>> RelaxedOneHotCategorical(1.0, Tensor([1.0, 1.0])).log_prob(Tensor([0.5, 0.5])).round()
    tensor(0.)
    """

    has_rsample = True

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: Optional[bool] = None):
        self._set(probs, logits, validate_args)
        self.temperature = as_value(temperature, self.logits)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = open_uniform((*self._shape(sample_shape), *self.event_shape), self.logits)
        return softmax((self.logits - (-u.log()).log()) / self.temperature, dim=-1)

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.logits)
        count = self.event_shape[0]
        score = self.logits - (self.temperature + 1) * value.log()
        total = logsumexp(self.logits - self.temperature * value.log(), dim=-1)
        density: Tensor = math.lgamma(count) + (count - 1) * self.temperature.log() + score.sum(-1) - count * total
        return density


class RelaxedBernoulli(Distribution):
    """Numbers between 0 and 1, close to them for a small temperature: sigmoid((logits + logistic) / temperature).

    >>> RelaxedBernoulli(1.0, 0.5).log_prob(0.5)
    tensor(0.)
    """

    has_rsample = True

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: Optional[bool] = None):
        values = given("RelaxedBernoulli", probs, logits)
        self.logits: Tensor = logit(inside(values)) if logits is None else values
        self.probs: Tensor = values if logits is None else sigmoid(values)
        self.temperature, = broadcast_all("RelaxedBernoulli", as_tensor(temperature, dtype=values.dtype,
                                                                        device=values.device))
        super().__init__(values.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = open_uniform(self._shape(sample_shape), self.logits)
        return sigmoid((self.logits + logit(u)) / self.temperature)

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.logits)
        x = logit(inside(value))
        difference = self.logits - x * self.temperature
        density: Tensor = self.temperature.log() + difference - 2 * softplus(difference) + softplus(x) + softplus(-x)
        return density
