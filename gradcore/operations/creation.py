"""Creation of tensors: constants and ranges.

Every function takes `dtype`, `device` and `requires_grad`.  By default ranges and constants of integers are int64 and
all others float32; with ``requires_grad=True`` all are float32.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Optional

import numpy as np

from ..backends import get_backend
from ..backends.formulas.dtypes import BOOL, DEFAULT_FLOAT, INT64, as_dtype, kind_of
from ..backends.formulas.quiet import quietly
from ..core.dimensions import shape_of
from ..core.tensor import DeviceLike, Number, Tensor
from .integers import stored


def finished(array: Any, backend: Any, requires_grad: bool) -> Tensor:
    """A new tensor of an array of `backend`."""
    made = Tensor._wrap(array, backend)
    if requires_grad is not False:
        made.requires_grad = requires_grad
    return made


def _full(shape: tuple[Any, ...], value: Number, dtype: Any, device: DeviceLike, requires_grad: bool) -> Tensor:
    backend = get_backend(device)
    dtype = as_dtype(dtype or DEFAULT_FLOAT)
    return finished(backend.full(shape, stored(value, dtype), dtype), backend, requires_grad)


def _from_host(values: np.ndarray, dtype: Any, device: DeviceLike, requires_grad: bool) -> Tensor:
    backend = get_backend(device)
    return finished(backend.astype(backend.asarray(values), as_dtype(dtype)), backend, requires_grad)


def _dtype_for(numbers: tuple[Any, ...], dtype: Any, requires_grad: bool) -> np.dtype:
    """`dtype`, or the one that fits the numbers."""
    if dtype is not None:
        return as_dtype(dtype)
    if requires_grad or any(isinstance(number, (float, np.floating)) for number in numbers):
        return DEFAULT_FLOAT
    return BOOL if all(isinstance(number, (bool, np.bool_)) for number in numbers) else INT64


def zeros(*shape: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``.

    >>> zeros(2)
    tensor([0., 0.])
    """
    return _full(shape_of(shape), 0, dtype, device, requires_grad)


def ones(*shape: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Ones: ``ones(2, 3)`` or ``ones((2, 3))``.

    >>> ones(2)
    tensor([1., 1.])
    """
    return _full(shape_of(shape), 1, dtype, device, requires_grad)


def full(shape: Any, fill_value: Number, *, dtype: Any = None, device: DeviceLike = None,
         requires_grad: bool = False) -> Tensor:
    """A tensor filled with one number.

    >>> full((2,), 7.0)
    tensor([7., 7.])
    """
    dtype = _dtype_for((fill_value,), dtype, requires_grad)
    return _full(shape_of((shape,)), fill_value, dtype, device, requires_grad)


def empty(*shape: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor with uninitialized contents.

    >>> empty(2, 3).shape
    (2, 3)
    """
    backend = get_backend(device)
    return finished(backend.empty(shape_of(shape), as_dtype(dtype or DEFAULT_FLOAT)), backend, requires_grad)


def eye(n: int, m: Optional[int] = None, *, k: int = 0, dtype: Any = None, device: DeviceLike = None,
        requires_grad: bool = False) -> Tensor:
    """The n × m matrix with ones on diagonal `k`: 0 is the main one, 1 the one above it.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = shape_of((n, n if m is None else m))
    return _from_host(np.eye(rows, columns, k), dtype or DEFAULT_FLOAT, device, requires_grad)


def arange(start: Number, end: Optional[Number] = None, step: Number = 1, *, dtype: Any = None,
           device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """The numbers from `start` (by default 0) to `end`, exclusive, in steps of `step`.

    They are computed in float64 and rounded once, so that they are equal on all devices.  For a dtype of integers the
    three are rounded towards 0 first, as in PyTorch.

    >>> arange(0.0, 1.0, 0.25)
    tensor([0.  , 0.25, 0.5 , 0.75])
    """
    if end is None:
        start, end = 0, start
    # NumPy scalars would convert the others to their dtype.
    start, end, step = (number.item() if isinstance(number, np.generic) else number for number in (start, end, step))
    if not all(map(math.isfinite, (start, end, step))):
        raise ValueError(f"arange needs finite numbers; got {start}, {end} and {step}")
    if dtype is not None and kind_of(as_dtype(dtype)) == 1:
        start, end, step = map(int, (start, end, step))
    if step == 0 or (end - start) * step < 0:
        raise ValueError(f"arange: `step` {step} does not lead from {start} to {end}")
    shape_of((math.ceil((end - start) / step),))
    return _from_host(np.arange(start, end, step), _dtype_for((start, end, step), dtype, requires_grad), device,
                      requires_grad)


def linspace(start: Number, end: Number, steps: int, *, dtype: Any = None, device: DeviceLike = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` evenly spaced numbers from `start` to `end`, inclusive.

    >>> linspace(0.0, 1.0, 3)
    tensor([0. , 0.5, 1. ])
    """
    (steps,) = shape_of((steps,))
    values = quietly(np.linspace, float(start), float(end), steps)  # ends may be infinite
    return _from_host(values, dtype or DEFAULT_FLOAT, device, requires_grad)


def like(factory: Callable[..., Tensor], x: Any, args: tuple[Any, ...], dtype: Any, device: DeviceLike,
         requires_grad: bool) -> Tensor:
    """`factory` called with the shape of `x`, by default also with its dtype and device."""
    if not isinstance(x, Tensor):
        raise TypeError(f"expected a Tensor; got {type(x).__name__}")
    return factory(x.shape, *args, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad,
                   device=x.device if device is None else device)


def zeros_like(x: Tensor, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Zeros with the shape, dtype and device of `x`.

    >>> Tensor.zeros_like(Tensor([5.0, 6.0]))
    tensor([0., 0.])
    """
    return like(zeros, x, (), dtype, device, requires_grad)


def ones_like(x: Tensor, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Ones with the shape, dtype and device of `x`.

    >>> ones_like(Tensor([5.0, 6.0]))
    tensor([1., 1.])
    """
    return like(ones, x, (), dtype, device, requires_grad)


def empty_like(x: Tensor, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Uninitialized contents with the shape, dtype and device of `x`.

    >>> empty_like(Tensor([[1.0, 2.0]])).shape
    (1, 2)
    """
    return like(empty, x, (), dtype, device, requires_grad)


def full_like(x: Tensor, fill_value: Number, *, dtype: Any = None, device: DeviceLike = None,
              requires_grad: bool = False) -> Tensor:
    """One number, with the shape, dtype and device of `x`.

    >>> full_like(Tensor([1.0, 2.0]), 7.0)
    tensor([7., 7.])
    """
    return like(full, x, (fill_value,), dtype, device, requires_grad)
