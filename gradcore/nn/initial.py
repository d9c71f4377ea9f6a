"""Initial weights: one seed gives the same weights on every device, and in every process of a training."""

from __future__ import annotations

import math

from ..operations.generator import weights_generator
from ..operations.random import rand
from ..backends import get_backend
from ..backends.formulas.dtypes import DEFAULT_FLOAT
from ..core.tensor import DeviceLike
from .parameter import Parameter


def uniform(shape: tuple[int, ...], bound: float, device: DeviceLike = None) -> Parameter:
    """A parameter drawn uniformly from [-bound, bound)."""
    return Parameter(rand(shape, device=device, generator=weights_generator()) * (2 * bound) - bound)


def constant(shape: tuple[int, ...], value: float, device: DeviceLike = None) -> Parameter:
    """A parameter that is `value` everywhere."""
    backend = get_backend(device)
    return Parameter(backend.full(shape, value, DEFAULT_FLOAT))


def bound_for(in_features: int) -> float:
    """1 / sqrt(in_features), as PyTorch's Linear: sums over many inputs begin no larger than those over few.

    Source: LeCun et al., "Efficient BackProp", 1998, section 4.6.
    """
    return 1.0 / math.sqrt(in_features) if in_features else 0.0
