"""How dimensions are named in arguments: `dim` and `keepdim`, or NumPy's `axis` and `keepdims`."""

from __future__ import annotations

import functools
import operator
from typing import Any, Callable, Iterable, Union

_SYNONYMS = {"axis": "dim", "axes": "dims", "keepdims": "keepdim", "ddof": "correction"}

Dims = Union[None, int, Iterable[int]]


def accepts_numpy_names(function: Callable) -> Callable:
    """Let callers of `function` write `axis` for `dim`, `keepdims` for `keepdim`, and so on."""

    @functools.wraps(function)
    def renaming(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for theirs, ours in _SYNONYMS.items():
                if theirs in kwargs:
                    if ours in kwargs:
                        raise TypeError(f"{function.__name__}() was given both {ours} and {theirs}, its synonym")
                    kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return renaming


def one_dim(dim: Any, ndim: int) -> int:
    """`dim` counted from the front; negative ones count from the back."""
    try:
        index = operator.index(dim)
    except TypeError:
        raise TypeError(f"a dimension is named by an integer; got {dim!r}") from None
    if not -ndim <= index < ndim:
        raise IndexError(f"dimension {index} does not exist in a tensor of {ndim} dimension(s); "
                         + (f"they are numbered {-ndim} to {ndim - 1}" if ndim else "it has none to name"))
    return index % ndim


def many_dims(dim: Dims, ndim: int) -> tuple[int, ...]:
    """The dimensions that `dim` (one, several, or None for all) names, each counted from the front."""
    if dim is None:
        return tuple(range(ndim))
    if ndim == 0 and dim in (0, -1):  # as PyTorch: a number may be reduced along the one dimension it does not have
        return ()
    dims = tuple(one_dim(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,)))
    if len(set(dims)) != len(dims):
        raise ValueError(f"a dimension is named twice in {dim}")
    return dims


def unpacked(sizes: tuple) -> tuple:
    """Sizes that were given one by one, or as one tuple: ``reshape(2, 3)`` and ``reshape((2, 3))`` are the same."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    return tuple(operator.index(size) for size in sizes)
