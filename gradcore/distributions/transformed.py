"""Distributions of functions of draws."""

from __future__ import annotations

import copy
from typing import Any, Optional, Sequence, Union

from ..core.grad_mode import no_grad
from ..core.tensor import Tensor, as_tensor
from .continuous import Normal
from .distribution import Distribution
from .transforms import ExpTransform, Transform, summed


class TransformedDistribution(Distribution):
    """The distribution of `transforms`, one after the other, of a draw of `base_distribution`.

    >>> from gradcore.distributions import AffineTransform
    >>> moved = TransformedDistribution(Normal(0.0, 1.0), [AffineTransform(1.0, 2.0)])
    >>> moved.log_prob(1.0), Normal(1.0, 2.0).log_prob(1.0)
    (tensor(-1.6121), tensor(-1.6121))
    """

    def __init__(self, base_distribution: Distribution, transforms: Union[Transform, Sequence[Transform]],
                 validate_args: Optional[bool] = None):
        listed = [transforms] if isinstance(transforms, Transform) else list(transforms)
        wrong = next((one for one in listed if not isinstance(one, Transform)), None)
        if wrong is not None:
            raise ValueError(f"TransformedDistribution: `transforms` must be a Transform or a list of them; got "
                             f"{wrong!r:.80}")
        self.base_dist, self.transforms = base_distribution, listed
        with no_grad():  # the transforms' own parameters may broaden the batch
            shape = base_distribution.batch_shape + base_distribution.event_shape
            drawn = base_distribution.sample()
            for transform in listed:
                drawn = transform(drawn)
            shape = drawn.shape
        dims = max([len(base_distribution.event_shape), *[transform.event_dim for transform in listed]])
        split = len(shape) - dims
        super().__init__(shape[:split], shape[split:], validate_args)
        self.has_rsample = base_distribution.has_rsample

    def _moved(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def _before(self, value: Any) -> Tensor:
        y: Tensor = value
        for transform in reversed(self.transforms):
            y = transform.inv(y)
        return y

    def _base_shape(self, sample_shape: Sequence[int]) -> tuple[int, ...]:
        missing = len(self.batch_shape) + len(self.event_shape) - len(
            self.base_dist.batch_shape) - len(self.base_dist.event_shape)
        return (*sample_shape, *self.batch_shape[:max(missing, 0)])

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            return self._moved(self.base_dist.sample(self._base_shape(sample_shape)))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws through which gradients reach the parameters."""
        return self._moved(self.base_dist.rsample(self._base_shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        y = as_tensor(value)
        count, total = len(self.event_shape), 0.0  # type: int, Any
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            total, y = total - summed(transform.log_abs_det_jacobian(x, y), count - transform.event_dim), x
        density: Tensor = total + summed(self.base_dist.log_prob(y), count - len(self.base_dist.event_shape))
        return density

    def _sign(self) -> Any:
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return sign

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        share, sign = self.base_dist.cdf(self._before(as_tensor(value))), self._sign()
        found: Tensor = sign * (share - 0.5) + 0.5
        return found

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        return self._moved(self.base_dist.icdf(self._sign() * (value - 0.5) + 0.5))

    def expand(self, batch_shape: Sequence[int]) -> "TransformedDistribution":
        """The same distribution for a larger batch."""
        other = copy.copy(self)
        other.batch_shape = tuple(batch_shape)
        extra = len(self.event_shape) - len(self.base_dist.event_shape)
        other.base_dist = self.base_dist.expand((*batch_shape, *self.event_shape[:max(extra, 0)]))
        return other

    def __repr__(self) -> str:
        return f"TransformedDistribution({self.base_dist!r}, {self.transforms!r})"


class LogNormal(TransformedDistribution):
    """The distribution of exp(x) of a normal x.

    >>> LogNormal(0.0, 1.0).mean
    tensor(1.6487)
    """

    base_dist: Normal

    def __init__(self, loc: Any, scale: Any, validate_args: Optional[bool] = None):
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> Tensor:
        return self.base_dist.loc

    @property
    def scale(self) -> Tensor:
        return self.base_dist.scale

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc

    @property
    def mean(self) -> Tensor:
        return (self.loc + self.scale.square() / 2).exp()

    @property
    def mode(self) -> Tensor:
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Tensor:
        return self.scale.square().expm1() * (2 * self.loc + self.scale.square()).exp()
