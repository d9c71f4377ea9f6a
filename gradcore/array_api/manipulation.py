"""Functions that change the shape or the order of elements."""

from __future__ import annotations

from typing import Optional, Sequence, Union

import numpy as np

from ..core.dimensions import is_integer, many_dims
from ..core.tensor import Tensor
from ..operations import conversion, rearranging, shaping

Axes = Union[int, tuple[int, ...]]


def broadcast_to(x: Tensor, /, shape: tuple[int, ...]) -> Tensor:
    """`x` broadcast to `shape`, without a copy."""
    return shaping.broadcast_to(x, shape)


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """Broadcast tensors to a common shape, without copies."""
    shape = np.broadcast_shapes(*[x.shape for x in arrays])
    return [shaping.broadcast_to(x, shape) for x in arrays]


def concat(arrays: Sequence[Tensor], /, *, axis: Optional[int] = 0) -> Tensor:
    """Concatenate tensors along `axis`; with None they are flattened first.

    >>> concat([Tensor([[1], [2]]), Tensor([3])], axis=None)
    tensor([1., 2., 3.])
    """
    if axis is None:
        return shaping.cat([shaping.reshape(x, -1) for x in arrays], 0)
    return shaping.cat(arrays, axis)


def expand_dims(x: Tensor, /, axis: int) -> Tensor:
    """Insert a dimension of length one at position `axis`."""
    return shaping.unsqueeze(x, axis)


def flip(x: Tensor, /, *, axis: Optional[Axes] = None) -> Tensor:
    """Reverse elements along `axis`, by default along all dimensions."""
    return shaping.flip(x, axis)


def moveaxis(x: Tensor, source: Axes, destination: Axes, /) -> Tensor:
    """Move the dimensions `source` to the positions `destination`."""
    return rearranging.movedim(x, source, destination)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """Permute the dimensions."""
    return shaping.permute(x, axes)


def repeat(x: Tensor, repeats: Union[int, Tensor], /, *, axis: Optional[int] = None) -> Tensor:
    """Repeat each slice along `axis` (a number, or one for each slice); without `axis`, each element."""
    return rearranging.repeat_interleave(x, repeats, axis)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: Optional[bool] = None) -> Tensor:
    """`x` in another shape, one size of which may be -1; a view if possible.

    ``copy=True`` always copies, and ``copy=False`` raises a ValueError if a view is impossible.
    """
    reshaped = shaping.reshape(x, shape)
    is_view = reshaped._versions is x._versions
    if copy is False and not is_view:
        raise ValueError(f"reshape: a tensor of shape {x.shape} whose elements do not lie one after the other in "
                         f"memory needs a copy for shape {reshaped.shape}, and copy=False was given")
    return conversion.clone(reshaped) if copy and is_view else reshaped


def roll(x: Tensor, /, shift: Axes, *, axis: Optional[Axes] = None) -> Tensor:
    """Roll elements by `shift` along `axis`; those beyond the end reappear at the start."""
    if is_integer(shift) and isinstance(axis, tuple):
        shift = (shift,) * len(axis)
    return rearranging.roll(x, shift, axis)


def squeeze(x: Tensor, /, axis: Axes) -> Tensor:
    """Remove the dimensions `axis`, which must have length one."""
    dims = many_dims(axis, x.ndim)
    if any([x.shape[dim] != 1 for dim in dims]):
        raise ValueError(f"squeeze: the dimensions {axis} of shape {x.shape} must have length one")
    return shaping.squeeze(x, dims)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """Stack tensors of one shape along a new dimension."""
    return shaping.stack(arrays, axis)


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """Repeat the whole tensor along each dimension."""
    return rearranging.tile(x, repetitions)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices along `axis`, without that dimension."""
    return shaping.unbind(x, axis)
