"""Broadcasting, its adjoint, and casts, as differentiable operations."""

from __future__ import annotations

import functools
import math
from typing import Any, Sequence

import numpy as np

from ..backends import Array, Backend
from ..backends.formulas.dtypes import INT64, accumulator, result_type
from .operation import Operation
from .tensor import Tensor, as_tensor, common_backend


def add_up(backend: Backend, x: Any, axis: Any, keepdims: bool) -> Any:
    """The sum of an array in its dtype (int64 for integers); float16 is accumulated in float32."""
    dtype = x.dtype if x.dtype.kind == "f" else INT64
    if accumulator(x.dtype) == x.dtype:
        return backend.sum(x, axis, keepdims)
    return backend.astype(backend.sum(backend.astype(x, accumulator(x.dtype)), axis, keepdims), dtype)


class BroadcastTo(Operation):
    """Broadcast to `shape`."""

    returns_view = True

    def forward(self, backend: Backend, x: Array) -> Array:
        return backend.xp.broadcast_to(x, self.shape)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [sum_to(gradient, self.input_shapes[0])]


class SumTo(Operation):
    """The adjoint of broadcasting from `shape`: sum over the repeated elements."""

    makes_new_arrays = False

    def forward(self, backend: Backend, x: Array) -> Array:
        axes = _repeated(self.shape, x.shape)
        total = add_up(backend, x, axes, keepdims=True) if axes else x
        return backend.xp.reshape(total, self.shape)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [broadcast_to(gradient, self.input_shapes[0])]


@functools.lru_cache(1024)
def _repeated(shape: tuple[int, ...], broadcast: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which broadcasting `shape` to `broadcast` repeats elements."""
    if math.prod(shape) == math.prod(broadcast):
        return ()
    added = len(broadcast) - len(shape)
    return (*range(added), *[i + added for i, n in enumerate(shape) if n == 1 and broadcast[i + added] != 1])


class Cast(Operation):
    """Cast to another dtype."""

    def forward(self, backend: Backend, x: Array) -> Array:
        return backend.astype(x, self.dtype)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [cast(gradient, self.input_dtypes[0])]


def broadcast_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`x` broadcast to `shape`."""
    return x if x.shape == shape else BroadcastTo.apply(x, shape=shape)


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`x` summed over the axes along which `shape` was broadcast to the shape of `x`."""
    return x if x.shape == shape else SumTo.apply(x, shape=shape)


def cast(x: Tensor, dtype: Any) -> Tensor:
    """`x` in `dtype`; its gradient has the dtype of `x`."""
    return x if x.dtype == dtype else Cast.apply(x, dtype=np.dtype(dtype))


def of_one_dtype(values: Sequence[Any], name: str) -> list[Tensor]:
    """`values` as tensors of one device, in the dtype in which they meet."""
    dtypes = [value._array.dtype for value in values if isinstance(value, Tensor)]
    if dtypes and dtypes.count(dtypes[0]) == len(values):  # most calls
        return list(values)
    device = common_backend(name, values).device
    tensors = [value if isinstance(value, Tensor) else as_tensor(value, device=device) for value in values]
    dtype = result_type(tensor._array for tensor in tensors)
    return [cast(tensor, dtype) for tensor in tensors]
