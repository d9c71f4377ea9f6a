"""Dimension and shape arguments: `dim` and `keepdim`, or NumPy's `axis` and `keepdims`."""

from __future__ import annotations

import functools
import operator
from typing import Any, Callable, Iterable, Optional, Sequence, TypeGuard, TypeVar, Union

from ..backends.formulas.shapes import broadcast_shapes

_SYNONYMS = {"axis": "dim", "axes": "dims", "keepdims": "keepdim", "ddof": "correction"}

_TOO_MANY = 2 ** 58  # elements: more than a 64-bit processor can address

_EXPECTED = "a dimension must be an integer"

Dims = Union[None, int, Iterable[int]]
Result = TypeVar("Result")


def accepts_numpy_names(function: Callable[..., Result]) -> Callable[..., Result]:
    """A decorator that accepts `axis` for `dim`, `keepdims` for `keepdim`, and so on."""

    @functools.wraps(function)
    def renaming(*args: Any, **kwargs: Any) -> Result:
        return function(*args, **(renamed(kwargs, function.__name__) if kwargs else kwargs))

    return renaming


def renamed(kwargs: dict[str, Any], name: str) -> dict[str, Any]:
    """The keyword arguments of the function `name`, with NumPy's names replaced by ours."""
    for theirs, ours in _SYNONYMS.items():
        if theirs in kwargs:
            if ours in kwargs:
                raise TypeError(f"{name}() was given both {ours} and {theirs}, its synonym")
            kwargs[ours] = kwargs.pop(theirs)
    return kwargs


def one_dim(dim: Any, ndim: int) -> int:
    """`dim` as a non-negative index; negative dimensions count from the end."""
    index = _integer(dim, _EXPECTED)
    if not -ndim <= index < ndim:
        raise IndexError(f"dimension {index} does not exist in a tensor of {ndim} dimension(s); "
                         + (f"they are numbered {-ndim} to {ndim - 1}" if ndim else "it has none"))
    return index % ndim


def many_dims(dim: Dims, ndim: int) -> tuple[int, ...]:
    """`dim` (one dimension, several, or None for all) as a tuple of non-negative indices."""
    if dim is None:
        return tuple(range(ndim))
    if dim.__class__ is int and -ndim <= dim < ndim:  # most calls
        return (dim % ndim,)
    named = dim if isinstance(dim, (tuple, list)) else (dim,)
    # As in PyTorch, a zero-dimensional tensor may be reduced along dimension 0 or -1.
    dims = tuple([one_dim(d, 1 if ndim == 0 and _integer(d, _EXPECTED) in (0, -1) else ndim) for d in named])
    if len(set(dims)) != len(dims):
        raise ValueError(f"a dimension occurs twice in {dim}")
    return dims if ndim else ()


def reduced_dims(dim: Dims, ndim: int) -> tuple[int, ...]:
    """As `many_dims`, for reductions: an empty `dim` means all dimensions, as in PyTorch."""
    return many_dims(None if isinstance(dim, (tuple, list)) and not dim else dim, ndim)


def unpacked(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given separately or as one tuple: ``reshape(2, 3)`` and ``reshape((2, 3))`` are the same."""
    given: Sequence[Any] = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    return tuple([size if size.__class__ is int else _integer(size, "sizes and dimensions must be integers")
                  for size in given])


def shape_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """The sizes of a new tensor, given as for `unpacked`; raises ValueError if no memory could hold it."""
    if len(sizes) == 1 and sizes[0].__class__ is int and 0 <= sizes[0] < _TOO_MANY:
        return sizes  # most calls, three times faster
    shape = unpacked(sizes)
    count = 1
    for n in shape:
        count *= n or 1
    if count >= _TOO_MANY or shape and min(shape) < 0:
        raise ValueError(f"sizes must be at least 0, and their product less than 2^58; got {shape}")
    return shape


def common_shape(name: str, shapes: Sequence[tuple[int, ...]], labels: Sequence[str] = ()) -> tuple[int, ...]:
    """The shape that `shapes` broadcast to; `labels` name them in the error message."""
    try:
        return broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(f"{label} {shape}".strip() for label, shape in zip([*labels, *[""] * len(shapes)], shapes))
        raise ValueError(f"{name}: the arrays do not broadcast to one shape; got {listed}") from None


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether `value` is an integer; booleans are not."""
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "i") == "b":
        return False
    try:
        operator.index(value)
    except (TypeError, ValueError):
        return False
    return True


def _integer(value: Any, expected: str) -> int:
    if value.__class__ is int:  # most calls
        return value
    if not is_integer(value):
        raise TypeError(f"{expected}; got {value!r:.80}")
    return operator.index(value)


def kept_shape(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced dimensions set to 1."""
    return tuple([1 if i in dims else n for i, n in enumerate(shape)])


def axis_of(dims: tuple[int, ...], ndim: int) -> Optional[tuple[int, ...]]:
    """`dims` as the `axis` argument of array libraries."""
    return None if len(dims) == ndim else dims


def without(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` without the reduced dimensions."""
    return tuple([n for i, n in enumerate(shape) if i not in dims])
