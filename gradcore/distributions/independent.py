"""`Independent`: batch dimensions of a distribution as dimensions of one event."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from ..core.tensor import Tensor
from .distribution import Distribution
from .transforms import summed


class Independent(Distribution):
    """Interprets the last batch dimensions as parts of one event: log-probabilities and entropies are summed.

    >>> from gradcore import zeros
    >>> from gradcore.distributions import Normal
    >>> joint = Independent(Normal(zeros(4, 3), 1.0), 1)
    >>> joint.batch_shape, joint.event_shape, joint.log_prob(zeros(4, 3)).shape
    ((4,), (3,), (4,))
    """

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int,
                 validate_args: Optional[bool] = None):
        shape, count = base_distribution.batch_shape, reinterpreted_batch_ndims
        if not 0 <= count <= len(shape):
            raise ValueError(f"Independent: `reinterpreted_batch_ndims` must be from 0 to {len(shape)}, the dimensions "
                             f"of the batch; got {count}")
        split = len(shape) - count
        super().__init__(shape[:split], (*shape[split:], *base_distribution.event_shape), validate_args)
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        self.has_rsample = base_distribution.has_rsample

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Samples without a gradient."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Reparameterized samples, with gradients of the parameters."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Tensor:
        """The logarithm of the density of events, in the last dimensions of `value`."""
        return self._together(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return self._together(self.base_dist.entropy())

    def expand(self, batch_shape: Sequence[int]) -> "Independent":
        """The same distribution for a larger batch."""
        count = self.reinterpreted_batch_ndims
        shape = (*batch_shape, *self.event_shape[:count])
        return Independent(self.base_dist.expand(shape), count, self._validates)

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def _together(self, of_parts: Tensor) -> Tensor:
        count = self.reinterpreted_batch_ndims
        return summed(of_parts, count)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"
