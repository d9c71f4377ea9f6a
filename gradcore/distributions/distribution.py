"""`Distribution`: the base class of distributions."""

from __future__ import annotations

import copy
from typing import Any, Optional, Sequence

import numpy as np

from ..backends.formulas.dtypes import DEFAULT_FLOAT, kind_of, result_type
from ..core.public import checks_calls
from ..core.broadcasting import broadcast_to, cast
from ..core.grad_mode import no_grad
from ..core.tensor import Tensor, as_tensor, common_backend


@checks_calls
class Distribution:
    """Base class: a subclass defines `rsample` or `sample`, `log_prob` and `entropy`.

    `batch_shape` is the shape of the parameters, each element of which is a distribution of its own.  Samples have the
    shape `sample_shape` + `batch_shape`.  Arguments are checked if their values can be read without waiting, and not at
    all with ``validate_args=False``.

    >>> from gradcore import distributions
    >>> isinstance(distributions.Normal(0.0, 1.0), Distribution)
    True
    """

    has_rsample = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checks_calls(cls)

    def __init__(self, batch_shape: tuple[int, ...] = (), event_shape: tuple[int, ...] = (),
                 validate_args: Optional[bool] = None):
        self.batch_shape, self.event_shape = tuple(batch_shape), tuple(event_shape)
        self._validates = validate_args is not False

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Samples without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Reparameterized samples, with gradients of the parameters."""
        raise NotImplementedError(f"{type(self).__name__}: draws have no gradient; take sample() and log_prob()")

    def log_prob(self, value: Any) -> Tensor:
        """The logarithm of the density or probability at `value`, which broadcasts to the batch."""
        raise NotImplementedError(f"{type(self).__name__} does not state log_prob")

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        raise NotImplementedError(f"{type(self).__name__} does not state entropy")

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        raise NotImplementedError(f"{type(self).__name__} does not state cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The value that draws are below with this probability."""
        raise NotImplementedError(f"{type(self).__name__} does not state icdf")

    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return self.entropy().exp()

    def expand(self, batch_shape: Sequence[int]) -> Any:
        """The same distribution for a larger batch, to which its own broadcasts."""
        other, count = copy.copy(self), len(self.batch_shape)
        other.batch_shape = tuple(batch_shape)
        for name, value in vars(self).items():
            if isinstance(value, Tensor) and value.shape[:count] == self.batch_shape:
                setattr(other, name, value.expand(*batch_shape, *value.shape[count:]))
            elif isinstance(value, Distribution) and value.batch_shape == self.batch_shape:
                setattr(other, name, value.expand(batch_shape))
        return other

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not state its mean")

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not state its mode")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not state its variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def _shape(self, sample_shape: Sequence[int]) -> tuple[int, ...]:
        return (*sample_shape, *self.batch_shape)

    def _check(self, holds: Tensor, what: str) -> None:
        """Raise ValueError unless `holds` is True everywhere."""
        if self._validates and holds._backend.is_synchronous and not bool(holds.all()):
            raise ValueError(f"{type(self).__name__}: {what}; {int((~holds).sum())} of {holds.numel()} element(s) "
                             f"are not so. validate_args=False leaves this unchecked")

    def __repr__(self) -> str:
        parameters = ", ".join(f"{name}: {value.item() if value.ndim == 0 else value.shape}"
                               for name, value in vars(self).items() if isinstance(value, Tensor))
        return f"{type(self).__name__}({parameters})"


def as_value(value: Any, like: Tensor) -> Tensor:
    """A value of a distribution as a tensor of the dtype and device of its parameter."""
    return as_tensor(value, dtype=like.dtype, device=like.device)


def broadcast_all(name: str, *values: Any) -> list[Tensor]:
    """Parameters, float tensors or numbers, as tensors of one shape, dtype and device."""
    backend = common_backend(name, values)
    known = [value for value in values if isinstance(value, Tensor)]
    if any(kind_of(value.dtype) < 2 for value in known):
        raise TypeError(f"{name}: parameters must be floats; got {', '.join(str(value.dtype) for value in known)}")
    dtype = result_type(value._array for value in known) if known else DEFAULT_FLOAT
    tensors = [cast(value, dtype) if isinstance(value, Tensor) else as_tensor(value, dtype, backend.device)
               for value in values]
    try:
        shape = np.broadcast_shapes(*[tensor.shape for tensor in tensors])
    except ValueError:
        raise ValueError(f"{name}: parameters of shapes {', '.join(str(tensor.shape) for tensor in tensors)} do not "
                         f"broadcast") from None
    return [broadcast_to(tensor, shape) for tensor in tensors]
