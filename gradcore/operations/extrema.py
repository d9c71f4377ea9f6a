"""Maxima and minima, their indices, and reductions of booleans."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Union, overload

from . import arithmetic
from ..backends import Array, Backend, backend_of
from ..backends.formulas.dtypes import BOOL, INT64
from ..core.broadcasting import cast
from ..core.dimensions import Dims, accepts_numpy_names, axis_of, many_dims, one_dim, reduced_dims, without
from ..core.operation import Operation
from ..core.tensor import Tensor
from .indexing import along, getitem
from .reduction import sum
from .shaping import reshape


class ValuesAndIndices(NamedTuple):
    """The result of `max` and `min` along a dimension."""

    values: Tensor
    indices: Tensor


class Extremum(Operation):
    """The maximum or minimum over some dimensions; equal extrema share the gradient, and so do NaNs."""

    saves = (0,)

    def forward(self, backend: Backend, x: Array) -> Array:
        return backend.extremum(self.which, x, axis_of(self.dims, x.ndim), self.keepdim)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        x = self.saved(0)
        top = Extremum.apply(x.detach(), dims=self.dims, keepdim=True, which=self.which)
        shares = cast(arithmetic.logical_or(x.detach() == top, arithmetic.isnan(x.detach())), x.dtype)
        shares = shares / sum(shares, self.dims, keepdim=True)
        return [reshape(gradient, top.shape) * shares]


@overload
def max(x: Tensor, dim: None = None, keepdim: bool = False, *, other: Any = None) -> Tensor: ...
@overload
def max(x: Tensor, dim: int, keepdim: bool = False) -> ValuesAndIndices: ...
@overload
def max(x: Tensor, dim: Tensor) -> Tensor: ...
@overload
def max(x: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None,
        keepdims: bool = False) -> Any: ...
@accepts_numpy_names
def max(x: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Union[Tensor, ValuesAndIndices]:
    """The maximum; along one dimension a pair of `values` and `indices`.  NaN propagates.

    If the second argument is a tensor, the result is `maximum` of the two, as in PyTorch.  Equal maxima of the whole
    tensor share the gradient; along a dimension the element at `indices` gets it.

    >>> max(Tensor([[1, 5], [7, 3]]), dim=1).indices
    tensor([1, 0])
    """
    return _extremum(x, _dim_or_other("max", dim, other), keepdim, "max")


@overload
def min(x: Tensor, dim: None = None, keepdim: bool = False, *, other: Any = None) -> Tensor: ...
@overload
def min(x: Tensor, dim: int, keepdim: bool = False) -> ValuesAndIndices: ...
@overload
def min(x: Tensor, dim: Tensor) -> Tensor: ...
@overload
def min(x: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None,
        keepdims: bool = False) -> Any: ...
@accepts_numpy_names
def min(x: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Union[Tensor, ValuesAndIndices]:
    """The minimum; along one dimension a pair of `values` and `indices`; of two tensors `minimum`: see `max`.

    >>> min(Tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1).values
    tensor([1., 2.])
    """
    return _extremum(x, _dim_or_other("min", dim, other), keepdim, "min")


def _dim_or_other(name: str, dim: Any, other: Any) -> Any:
    if dim is not None and other is not None:
        raise TypeError(f"{name}: pass either `dim` or `other`; got {dim!r:.60} and {other!r:.60}")
    return dim if other is None else other


def _extremum(x: Tensor, dim: Any, keepdim: bool, which: str) -> Union[Tensor, ValuesAndIndices]:
    if isinstance(dim, Tensor) or backend_of(dim) is not None:
        if keepdim:
            raise TypeError(f"{which} of two tensors has no `keepdim`")
        return (arithmetic.maximum if which == "max" else arithmetic.minimum)(x, dim)
    if dim is None:
        return _shared_extremum(x, None, keepdim, which)
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"{which} along several dimensions has no indices; use a{which}(x, dim) for the values")
    if not x.ndim:
        many_dims(dim, 0)
        return ValuesAndIndices(_shared_extremum(x, None, keepdim, which), _position(x, None, False, "arg" + which))
    dim = one_dim(dim, x.ndim)
    indices = _position(x, dim, True, "arg" + which)
    values = getitem(x, along(indices, dim))
    if keepdim:
        return ValuesAndIndices(values, indices)
    shape = without(x.shape, (dim,))
    return ValuesAndIndices(reshape(values, shape), reshape(indices, shape))


@accepts_numpy_names
def amax(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The maximum over `dim`; equal maxima share the gradient.

    >>> amax(Tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([4., 3.])
    """
    return _shared_extremum(x, dim, keepdim, "max")


@accepts_numpy_names
def amin(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The minimum over `dim`; equal minima share the gradient.

    >>> amin(Tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([1., 2.])
    """
    return _shared_extremum(x, dim, keepdim, "min")


def _shared_extremum(x: Tensor, dim: Dims, keepdim: bool, which: str) -> Tensor:
    dims = reduced_dims(dim, x.ndim)
    _refuse_empty(x, dims, which)
    if x.dtype == BOOL:
        return (any if which == "max" else all)(x, dims, keepdim)
    return Extremum.apply(x, dims=dims, keepdim=keepdim, which=which)


def _refuse_empty(x: Tensor, dims: tuple[int, ...], which: str) -> None:
    if 0 in [x.shape[dim] for dim in dims]:
        raise ValueError(f"{which} of no elements: the tensor has shape {x.shape}")


@accepts_numpy_names
def argmax(x: Tensor, dim: Optional[int] = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the first maximum, in the flattened tensor or along `dim`.

    >>> argmax(Tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([1, 0])
    """
    return _position(x, dim, keepdim, "argmax")


@accepts_numpy_names
def argmin(x: Tensor, dim: Optional[int] = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the first minimum, in the flattened tensor or along `dim`.

    >>> argmin(Tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([0, 1])
    """
    return _position(x, dim, keepdim, "argmin")


def _position(x: Tensor, dim: Optional[int], keepdim: bool, which: str) -> Tensor:
    if not x.ndim:
        many_dims(dim, 0)
        dim = None
    if dim is not None:
        dim = one_dim(dim, x.ndim)
    _refuse_empty(x, many_dims(dim, x.ndim), which)
    values = cast(x.detach(), INT64) if x.dtype == BOOL else x.detach()
    return _without_gradient(values, lambda backend, array: backend.astype(
        getattr(backend.xp, which)(array, axis=dim, keepdims=keepdim), INT64))


@accepts_numpy_names
def any(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether any element is nonzero; an empty `dim` reduces nothing, as in PyTorch and NumPy.

    >>> any(Tensor([[0.0, 0.0], [0.0, 1.0]]), dim=1)
    tensor([False,  True])
    """
    axis = axis_of(many_dims(dim, x.ndim), x.ndim)
    return _without_gradient(x, lambda backend, array: backend.xp.any(array, axis=axis, keepdims=keepdim))


@accepts_numpy_names
def all(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are nonzero; an empty `dim` reduces nothing, as in PyTorch and NumPy.

    >>> all(Tensor([[1.0, 0.0], [1.0, 1.0]]), dim=1)
    tensor([False,  True])
    """
    axis = axis_of(many_dims(dim, x.ndim), x.ndim)
    return _without_gradient(x, lambda backend, array: backend.xp.all(array, axis=axis, keepdims=keepdim))


def _without_gradient(x: Tensor, function: Callable[..., Any]) -> Tensor:
    backend = x._backend
    return Tensor._wrap(backend.asarray(function(backend, x._array)), backend)


@accepts_numpy_names
def count_nonzero(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The number of nonzero elements (int64).

    >>> count_nonzero(Tensor([0.0, 3.0, -1.0]))
    tensor(2)
    """
    return sum(x.detach() != 0, dim, keepdim)
