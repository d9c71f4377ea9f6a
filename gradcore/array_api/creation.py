"""Creation of tensors, also from arrays of other libraries."""

from __future__ import annotations

from typing import Any, Optional, Union

from ..backends import backend_of
from ..core.tensor import DeviceLike, Number, Tensor, as_tensor, tensor
from ..operations import conversion, creation, interchange, rearranging, triangles

Shape = Union[int, tuple[int, ...]]


def arange(start: Number, /, stop: Optional[Number] = None, step: Number = 1, *, dtype: Any = None,
           device: DeviceLike = None) -> Tensor:
    """The numbers from `start` (by default 0) to `stop`, exclusive, in steps of `step`; empty if that leads away from
    `stop`.

    >>> arange(0, 5, 2), arange(3, 0)
    (tensor([0, 2, 4]), tensor([]))
    """
    if stop is None:
        start, stop = 0, start
    if step and (stop - start) * step < 0:
        stop = start + 0 * stop  # a float if `stop` is one
    return creation.arange(start, stop, step, dtype=dtype, device=device)


def asarray(obj: Any, /, *, dtype: Any = None, device: DeviceLike = None, copy: Optional[bool] = None) -> Tensor:
    """A tensor of numbers, nested lists, a tensor, or an array of another library.

    The tensor shares memory with an array if possible; with ``copy=True`` never, and with ``copy=False`` a ValueError
    is raised if it cannot.

    >>> asarray([1, 2]).dtype, asarray([1, 2.5]).dtype
    (dtype('int64'), dtype('float32'))
    """
    if not isinstance(obj, Tensor) and backend_of(obj) is None and hasattr(obj, "__dlpack__"):
        obj = interchange.from_dlpack(obj)
    if copy and not isinstance(obj, Tensor):
        return tensor(obj, dtype, device)
    made = as_tensor(obj, dtype, device)
    is_copy = made is not obj and (not hasattr(obj, "dtype") or not _shares(made, obj))
    if copy is False and is_copy:
        raise ValueError(f"asarray: a {type(obj).__name__} does not become a tensor of {made.dtype} on {made.device} "
                         f"without a copy, and copy=False was given")
    return conversion.clone(made) if copy and not is_copy else made


def _shares(made: Tensor, obj: Any) -> bool:
    backend = made._backend
    array = obj._array if isinstance(obj, Tensor) else obj
    return backend_of(array) is backend and backend.shares_memory(made._array, array)


def from_dlpack(x: Any, /, *, device: DeviceLike = None, copy: Optional[bool] = None) -> Tensor:
    """A tensor that shares the memory of an array of another library, or a copy of it."""
    shared = interchange.from_dlpack(x)
    moved = conversion.to(shared, device=device)
    if copy is False and moved is not shared:
        raise ValueError(f"from_dlpack: memory on {shared.device} is not shared with {moved.device}, and copy=False "
                         f"was given")
    return conversion.clone(moved) if copy and moved is shared else moved


def linspace(start: Number, stop: Number, /, num: int, *, dtype: Any = None, device: DeviceLike = None,
             endpoint: bool = True) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, inclusive; with ``endpoint=False`` exclusive.

    >>> linspace(0, 1, 4, endpoint=False)
    tensor([0.  , 0.25, 0.5 , 0.75])
    """
    if endpoint:
        return creation.linspace(start, stop, num, dtype=dtype, device=device)
    return creation.linspace(start, stop, num + 1, dtype=dtype, device=device)[:-1]


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Coordinate grids of vectors, each along a dimension of its own; "xy" swaps the first two."""
    return list(rearranging.meshgrid(*arrays, indexing=indexing)) if arrays else []


def eye(n_rows: int, n_cols: Optional[int] = None, /, *, k: int = 0, dtype: Any = None,
        device: DeviceLike = None) -> Tensor:
    """The matrix with ones on diagonal `k` (0: main, 1: above it)."""
    return creation.eye(n_rows, n_cols, k=k, dtype=dtype, device=device)


def empty(shape: Shape, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """A tensor with uninitialized contents."""
    return creation.empty(shape, dtype=dtype, device=device)


def zeros(shape: Shape, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """Zeros, by default of float32."""
    return creation.zeros(shape, dtype=dtype, device=device)


def ones(shape: Shape, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """Ones, by default of float32."""
    return creation.ones(shape, dtype=dtype, device=device)


def full(shape: Shape, fill_value: Any, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """A tensor filled with one number, by default of the dtype of the number."""
    return creation.full(shape, fill_value, dtype=dtype, device=device)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """Uninitialized contents with the shape, dtype and device of `x`."""
    return creation.empty_like(x, dtype=dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """Zeros with the shape, dtype and device of `x`."""
    return creation.zeros_like(x, dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """Ones with the shape, dtype and device of `x`."""
    return creation.ones_like(x, dtype=dtype, device=device)


def full_like(x: Tensor, /, fill_value: Any, *, dtype: Any = None,
              device: DeviceLike = None) -> Tensor:
    """One number, with the shape, dtype and device of `x`."""
    return creation.full_like(x, fill_value, dtype=dtype, device=device)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The lower triangle: the elements on and below diagonal `k`, zeros elsewhere."""
    return triangles.tril(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The upper triangle: the elements on and above diagonal `k`, zeros elsewhere."""
    return triangles.triu(x, k)
