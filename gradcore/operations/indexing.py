"""Indexing: ``x[index]`` for slices, integers, None, Ellipsis, masks and index tensors, and its adjoint.

The adjoint of gathering elements is adding to them, once for each time that an element was gathered.
"""

from __future__ import annotations

import functools
import operator
from typing import Any, Callable, Literal, Optional, Sequence, Union, overload

import numpy as np

from ..backends import Array, Backend, backend_of
from ..backends.formulas.dtypes import BOOL, INT64, kind_of
from ..core.arguments import between
from ..core.dimensions import accepts_numpy_names, is_integer, one_dim, shape_of
from ..core.operation import Operation, SavedTensor
from ..core.tensor import Tensor, as_tensor, common_backend, tensor
from .conversion import clone


class Index:
    """A checked index, whose arrays are on the device of `x` and are copies if they could change.

    As in PyTorch, integers index first and arrays index the result: ``x[0, :, [1, 2]]`` is ``x[0][:, [1,
    2]]``.  Zero-dimensional integer tensors count as integers, even if this requires reading them from the device.
    """

    __slots__ = ("parts", "is_view", "is_single", "chosen_first")

    def __init__(self, index: Any, x: Tensor):
        self.is_single = not isinstance(index, tuple)
        parts = (index,) if self.is_single else index
        backend = common_backend("indexing", (x, *parts))
        if not backend.is_synchronous:  # where an index out of range raises no error
            _check_what_the_host_sees(parts, x.shape)
        parts = [made for part in parts for made in _as_places(_part(part, backend), backend)]
        self.is_view: bool = not any(isinstance(part, SavedTensor) for part in parts)
        if not self.is_view and _dims_named(parts) >= x.ndim:  # as in PyTorch: what stands for nothing divides nothing
            parts = [part for part in parts if part is not Ellipsis]
        if self.is_view and not any(part is Ellipsis for part in parts):
            parts.append(Ellipsis)  # for a single element NumPy then gives a view, not a scalar
            self.is_single = False
        if not self.is_view and backend.is_synchronous and _may_name_nothing(parts, x):
            _check_what_the_host_sees([_seen(part) for part in parts], x.shape)
        self.chosen_first: Optional[tuple[Any, ...]] = None
        if not self.is_view and any(isinstance(part, int) for part in parts):
            self.chosen_first = _integers_alone(parts)
            parts = [part for part in parts if not isinstance(part, int)]
        self.is_single = self.is_single and len(parts) == 1
        self.parts: list[Any] = parts

    def within(self, backend: Backend, array: Any, operation: str) -> tuple[Any, Any]:
        """The array to be indexed, `array` or a view of it, and the index, both in the form that the backend takes."""
        if self.chosen_first is not None:
            array = backend.take(array, self.chosen_first)
        parts = [part.value(operation)._array if isinstance(part, SavedTensor) else part for part in self.parts]
        return array, parts[0] if self.is_single else tuple(parts)

    def use(self, action: Callable[..., Any], array: Any, *values: Any, backend: Backend, operation: str) -> Any:
        """Apply `action`, a backend's `take`, `assign` or `add_at`, to the index."""
        try:
            return action(*self.within(backend, array, operation), *values)
        except (IndexError, OverflowError) as error:
            raise IndexError(f"{operation}: {error}; got a tensor of shape {array.shape}") from None
        except (TypeError, ValueError) as error:
            if not values:
                raise ValueError(f"{operation}: {error}; got a tensor of shape {array.shape}") from None
            raise ValueError(f"{operation}: values of shape {getattr(values[0], 'shape', ())} do not fit into the part "
                             f"that the index names, of a tensor of shape {array.shape}") from None


def _dims_named(parts: list[Any]) -> int:
    """How many dimensions the parts of an index name, one each but masks and new dimensions."""
    count = 0
    for part in parts:
        mask = part.value("indexing") if isinstance(part, SavedTensor) else None
        count += mask.ndim if mask is not None and mask.dtype == BOOL else part is not None and part is not Ellipsis
    return count


def _integers_alone(parts: list[Any]) -> tuple[Any, ...]:
    """The index with its integers only, and full slices elsewhere; a view."""
    alone: list[Any] = []
    for part in parts:
        if isinstance(part, SavedTensor):
            mask_or_index = part.value("indexing")
            alone += [slice(None)] * (mask_or_index.ndim if mask_or_index.dtype == BOOL else 1)
        elif part is not None:
            alone.append(slice(None) if isinstance(part, slice) else part)
    return (*alone, *[...] * (not any(part is ... for part in alone)))


def _may_name_nothing(parts: Sequence[Any], x: Tensor) -> bool:
    """Whether the result may be empty, in which case NumPy does not check positions."""
    return not x._array.size or len(parts) > 1 and any([
        part != slice(None) if isinstance(part, slice) else isinstance(part, SavedTensor) and not _seen(part).size
        for part in parts])


def _seen(part: Any) -> Any:
    return part.value("indexing").numpy() if isinstance(part, SavedTensor) else part


def _check_what_the_host_sees(parts: Sequence[Any], shape: tuple[int, ...]) -> None:
    """Raise IndexError for masks of the wrong shape and for positions on the host that are out of range."""
    parts = [values_on_host(part) if isinstance(part, (bool, list, tuple, np.ndarray)) else part for part in parts]
    dims = [part.ndim if getattr(part, "dtype", None) == BOOL else int(part is not None and part is not Ellipsis)
            for part in parts]
    dim = 0
    for part, count in zip(parts, dims):
        covered = shape[dim:dim + count]
        if getattr(part, "dtype", None) == BOOL and tuple(part.shape) != covered:
            raise IndexError(f"a mask must have the shape of the dimensions that it covers, {covered}; got "
                             f"{part.shape}")
        if isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.size and covered:
            if part.min() < -covered[0] or part.max() >= covered[0]:
                raise IndexError(f"an index must be between {-covered[0]} and {covered[0] - 1} in dimension {dim}, "
                                 f"which has length {covered[0]}; got {part.min()} to {part.max()}")
        dim += max(0, len(shape) - sum(dims)) if part is Ellipsis else count


def _as_places(part: Any, backend: Backend) -> Sequence[Any]:
    """A mask on an asynchronous device as positions, computed once for all uses of an index."""
    if not isinstance(part, SavedTensor) or backend.is_synchronous:
        return (part,)
    mask = part.value("indexing")
    if mask.dtype != BOOL or not mask.ndim:
        return (part,)
    return [SavedTensor(Tensor._wrap(places, backend)) for places in backend.xp.nonzero(mask._array)]


def values_on_host(given: Any, made: Optional[Tensor] = None) -> Optional[np.ndarray]:
    """The values of an argument if they can be read without waiting for a device, else None.

    These are values from the host, and those of the tensor `made` of it on a synchronous device.
    """
    if made is not None and made._backend.is_synchronous:
        return made.numpy()
    if isinstance(given, Tensor):
        return given.numpy() if given._backend.is_synchronous else None
    owner = backend_of(given)
    return np.asarray(given) if owner is None or owner.is_synchronous else None


def _part(part: Any, backend: Backend) -> Any:
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        bounds = part.start, part.stop, part.step
        if not all(bound is None or is_integer(bound) for bound in bounds):
            raise TypeError(f"indexing: the bounds of a slice are integers or None; got {part}")
        return slice(*[None if bound is None else operator.index(bound) for bound in bounds])
    if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        return int(part)
    if not isinstance(part, Tensor):
        dtype = INT64 if isinstance(part, (list, tuple)) and not len(part) else None  # x[[]] names nothing
        part = tensor(part, dtype=dtype, device=backend.device)
    if kind_of(part.dtype) == 2:
        raise IndexError(f"a tensor is indexed by integers, slices, None, ..., masks and integer tensors; got a tensor "
                         f"of {part.dtype}")
    return SavedTensor(part) if part.ndim or part.dtype == BOOL else int(part)


class Take(Operation):
    """The elements that an index selects."""

    makes_new_arrays = True

    def __init__(self, index: Index):
        self.index, self.returns_view = index, index.is_view

    def forward(self, backend: Backend, x: Array) -> Array:
        return self.index.use(backend.take, x, backend=backend, operation="indexing")

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [PutInto.apply(gradient, index=self.index, shape=self.input_shapes[0])]


class PutInto(Operation):
    """The adjoint of `Take`: adds the input to zeros of a shape, where the index points."""

    makes_new_arrays = False

    def forward(self, backend: Backend, x: Array) -> Array:
        array = backend.full(self.shape, 0, x.dtype)
        action = backend.assign if self.index.is_view else backend.add_at
        self.index.use(action, array, x, backend=backend, operation="indexing")
        return array

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [Take.apply(gradient, index=self.index)]


def getitem(x: Tensor, index: Any) -> Tensor:
    """``x[index]``: a view for integers, slices, None and Ellipsis, a copy for masks and index tensors."""
    return Take.apply(x, index=Index(index, x))


def takes_numbers(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Let `function` of a tensor, a dimension, an index and values take numbers: as in PyTorch a tensor without
    dimensions is a vector of one element along dimension 0 or -1, and so are index and values.  The result is a number
    then, or what `gather` takes in the shape of the index."""

    @functools.wraps(function)
    def taking(x: Tensor, dim: Any, *args: Any, **kwargs: Any) -> Tensor:
        if getattr(x, "ndim", 1) or not is_integer(dim) or operator.index(dim) not in (0, -1):
            return function(x, dim, *args, **kwargs)
        vectors = [_as_vector(value) for value in args]
        taken = function(x.reshape(1), 0, *vectors, **{name: _as_vector(value) for name, value in kwargs.items()})
        index = kwargs.get("index", args[0] if args else None)
        return taken.reshape(getattr(index, "shape", (1,)) if function.__name__ == "gather" else ())

    return taking


def _as_vector(value: Any) -> Any:
    return value.reshape(1) if isinstance(value, Tensor) and not value.ndim else value


@accepts_numpy_names
@takes_numbers
def gather(x: Tensor, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    """The elements at `index` along `dim`; its other dimensions correspond to those of `x`.

    Indices must not be negative.  Those out of range raise an IndexError if the host can read them; an index on a CUDA
    device is not waited for and gives NaN (for integers the smallest number of the dtype).

    >>> gather(Tensor([[1, 2], [3, 4]]), 1, [[1], [0]])
    tensor([[2.],
            [3.]])
    """
    if sparse_grad:
        raise NotImplementedError("gather: `sparse_grad` is not supported: gradients are dense")
    dim = one_dim(dim, x.ndim)
    given, index = index, as_tensor(index, device=None if isinstance(index, Tensor) else x.device)
    if index.ndim != x.ndim:
        raise ValueError(f"gather needs an index of as many dimensions as the tensor, {x.ndim}; it has {index.ndim}")
    if not x._backend.is_synchronous:
        check_positions("gather", values_on_host(given), x.shape[dim], dim)
    try:
        return getitem(x, along(from_the_front(index, x.shape[dim]), dim))
    except IndexError:
        check_positions("gather", index.numpy(), x.shape[dim], dim)
        raise


def check_positions(name: str, places: Optional[np.ndarray], length: int, dim: int) -> None:
    """Raise IndexError for positions out of range, if they can be read without waiting."""
    if places is not None and places.dtype.kind in "iu" and not ((places >= 0) & (places < length)).all():
        raise IndexError(f"{name}: the index must hold positions from 0 to {length - 1} along dimension {dim}; got "
                         f"{places.min()} to {places.max()}")


def from_the_front(index: Tensor, length: int) -> Tensor:
    """An index whose negative positions are moved out of range, without waiting for a device."""
    if index.dtype.kind != "i":
        return index
    backend = index._backend
    places = backend.astype(index._array, INT64)
    zero, beyond = backend.full((), 0, INT64), backend.full((), length, INT64)
    return Tensor._wrap(backend.xp.where(backend.xp.less(places, zero), beyond, places), backend)


def along(index: Tensor, dim: int) -> tuple[Any, ...]:
    """An index of the elements to which each element of `index` points along `dim`."""
    backend = index._backend
    places = []
    for i, n in enumerate(index.shape):
        shape = tuple([n if j == i else 1 for j in range(index.ndim)])
        steps = index if i == dim else Tensor._wrap(backend.xp.reshape(backend.positions(n), shape), backend)
        places.append(steps)
    return tuple(places)


@accepts_numpy_names
@takes_numbers
def index_select(x: Tensor, dim: int, index: Any) -> Tensor:
    """The slices of `x` at the positions `index` along `dim`.

    >>> index_select(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, as_tensor([1, 1, 0]))
    tensor([[2., 2., 1.],
            [4., 4., 3.]])
    """
    return with_memory_of_its_own(getitem(x, (slice(None),) * one_dim(dim, x.ndim) + (index,)), x)


@accepts_numpy_names
def take(x: Tensor, index: Any, dim: Optional[int] = None) -> Tensor:
    """The slices at the positions `index` along `dim`; without `dim`, elements of the flattened tensor.

    >>> take(Tensor([[1.0, 2.0], [3.0, 4.0]]), as_tensor([0, 3]))
    tensor([1., 4.])
    """
    return with_memory_of_its_own(getitem(x.reshape(-1), index), x) if dim is None else index_select(x, dim, index)


def with_memory_of_its_own(taken: Tensor, x: Tensor) -> Tensor:
    """`taken`, or a copy of it if it shares memory with `x`."""
    return clone(taken) if taken._versions is x._versions else taken


def masked_select(x: Tensor, mask: Any) -> Tensor:
    """The elements where `mask`, which broadcasts to the shape of `x`, is True, as a vector.

    >>> masked_select(Tensor([1.0, -2.0, 3.0]), Tensor([1.0, -2.0, 3.0]) > 0)
    tensor([1., 3.])
    """
    mask = as_tensor(mask, dtype=BOOL, device=None if isinstance(mask, Tensor) else x.device)
    return getitem(x, mask.expand(x.shape))


@overload
def nonzero(x: Tensor, *, as_tuple: Literal[False] = False) -> Tensor: ...
@overload
def nonzero(x: Tensor, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
def nonzero(x: Tensor, *, as_tuple: bool = False) -> Union[Tensor, tuple[Tensor, ...]]:
    """The indices of nonzero elements: one row for each, or with `as_tuple` an index tensor for each dimension.

    A number counts as a vector of one element for the index tensors, and has rows of no integers, as in PyTorch.

    >>> nonzero(Tensor([0.0, 3.0, 0.0, 4.0])).tolist()
    [[1], [3]]
    """
    backend = x._backend
    places = backend.xp.nonzero(x._array if x.ndim else backend.xp.reshape(x._array, (1,)))
    if as_tuple:
        return tuple(Tensor._wrap(array, backend) for array in places)
    if not x.ndim:  # a number that is not zero has one place, which no integers name
        return Tensor._wrap(backend.empty((places[0].shape[0], 0), INT64), backend)
    return Tensor._wrap(backend.xp.stack(places, axis=1), backend)


def one_hot(index: Tensor, num_classes: int) -> Tensor:
    """One-hot encoding of integers along a new last dimension (float32).

    >>> one_hot(Tensor([0, 2], dtype=int), 3)
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    backend = index._backend
    if kind_of(index.dtype) != 1 or num_classes < 1:
        raise ValueError(f"one_hot takes a tensor of integers, and at least one class; got {index.dtype} and "
                         f"{num_classes} classes")
    (num_classes,) = shape_of((num_classes,))
    between("one_hot", "index", index, 0, num_classes - 1)
    classes = Tensor._wrap(backend.positions(num_classes), backend)
    return (index.reshape(*index.shape, 1) == classes).float()
