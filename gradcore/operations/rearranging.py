"""Parts, rolled and repeated tensors, grids and padding, in terms of `shaping` and `indexing`."""

from __future__ import annotations

import operator
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from ..core.dimensions import Dims, accepts_numpy_names, common_shape, many_dims, one_dim, unpacked
from ..core.tensor import Tensor, as_tensor, common_backend
from .conversion import clone
from .creation import full
from .indexing import gather, getitem, index_select
from .shaping import broadcast_to, cat, expand, permute, repeat, reshape, transpose, unsqueeze

_PADDINGS = ("constant", "reflect", "replicate", "circular")


def _slice(x: Tensor, dim: int, part: Union[slice, int]) -> Tensor:
    return getitem(x, (slice(None),) * dim + (part,))


@accepts_numpy_names
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """The part of `length` elements from `start` along `dim`; a view.

    >>> narrow(Tensor([1.0, 2.0, 3.0]), 0, 1, 2)
    tensor([2., 3.])
    """
    dim = one_dim(dim, input.ndim)
    n, begin = input.shape[dim], operator.index(start)
    begin = begin + n if begin < 0 else begin
    if length < 0 or not 0 <= begin <= n - length:
        raise ValueError(f"narrow: there is no part of length {length} from {start} on in dimension {dim} of length "
                         f"{n}")
    return _slice(input, dim, slice(begin, begin + length))


@accepts_numpy_names
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice at one index along `dim`, without that dimension; a view.

    >>> select(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, 0)
    tensor([1., 3.])
    """
    return _slice(input, one_dim(dim, input.ndim), operator.index(index))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` expanded to the shape of `other`, without a copy.

    >>> expand_as(Tensor([1.0, 2.0]), Tensor([[0.0, 0.0], [0.0, 0.0]]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return expand(input, other.shape)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` in the shape of `other`.

    >>> view_as(Tensor([1.0, 2.0]), Tensor([[0.0], [0.0]])).shape
    (2, 1)
    """
    return reshape(input, other.shape)


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and numbers are unchanged.

    >>> t(Tensor([[1.0, 2.0, 3.0]])).shape
    (3, 1)
    """
    if input.ndim > 2:
        raise ValueError(f"t transposes matrices; got shape {input.shape}, of which transpose(dim0, dim1) swaps two "
                         f"dimensions")
    return transpose(input)


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Exchange two dimensions; a view.

    >>> swapaxes(Tensor([[1.0, 2.0, 3.0]]), 0, 1).shape
    (3, 1)
    """
    return transpose(input, axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions; a view.

    >>> swapdims(Tensor([[1.0, 2.0, 3.0]]), 0, 1).shape
    (3, 1)
    """
    return swapaxes(input, dim0, dim1)


def movedim(input: Tensor, source: Dims, destination: Dims) -> Tensor:
    """Move the dimensions `source` to the positions `destination`; a view.

    >>> movedim(full((2, 3, 4), 0.0), 0, -1).shape
    (3, 4, 2)
    """
    froms, tos = many_dims(source, input.ndim), many_dims(destination, input.ndim)
    if len(froms) != len(tos):
        raise ValueError(f"movedim needs as many destinations as sources; got {source} and {destination}")
    order = [i for i in range(input.ndim) if i not in froms]
    for to, dim in sorted(zip(tos, froms)):
        order.insert(to, dim)
    return permute(input, order)


@accepts_numpy_names
def take_along_dim(input: Tensor, indices: Tensor, dim: Optional[int] = None) -> Tensor:
    """As `gather`, with other dimensions broadcast; without `dim`, from the flattened tensor.

    >>> x = Tensor([[3.0, 1.0], [2.0, 4.0]])
    >>> take_along_dim(x, as_tensor([[1], [0]]), dim=1)
    tensor([[1.],
            [2.]])
    """
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    dim = one_dim(dim, input.ndim)
    input, indices = aligned(input, indices, dim)
    return gather(input, dim, indices)


def aligned(input: Tensor, indices: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Both tensors broadcast to one shape, except along `dim`."""
    if indices.ndim != input.ndim:
        raise ValueError(f"take_along_dim needs indices of as many dimensions as the tensor, {input.ndim}; they have "
                         f"{indices.ndim}")
    shapes = [shape[:dim] + (1,) + shape[dim + 1:] for shape in (input.shape, indices.shape)]
    common = common_shape("take_along_dim", shapes, ("input", "indices"))

    def fitted(x: Tensor) -> Tensor:
        return broadcast_to(x, common[:dim] + (x.shape[dim],) + common[dim + 1:])

    return fitted(input), fitted(indices)


def roll(input: Tensor, shifts: Any, dims: Dims = None) -> Tensor:
    """Roll elements by `shifts` along `dims`; those beyond the end reappear at the start.

    >>> roll(Tensor([1, 2, 3]), 1)
    tensor([3., 1., 2.])
    """
    if dims is None:
        return reshape(roll(reshape(input, -1), shifts, 0), input.shape)
    shifts, dims = unpacked((shifts,)), many_dims(dims, input.ndim)
    if len(shifts) != len(dims):
        raise ValueError(f"roll needs a shift for each dimension; got {len(shifts)} for {len(dims)}")
    rolled = input
    for shift, dim in zip(shifts, dims):
        cut = -shift % max(rolled.shape[dim], 1)
        rolled = cat([_slice(rolled, dim, slice(cut, None)), _slice(rolled, dim, slice(None, cut))], dim)
    return rolled


def tile(input: Tensor, *dims: Any) -> Tensor:
    """Repeat the whole tensor along each dimension; fewer numbers apply to the last dimensions.

    >>> tile(Tensor([1.0, 2.0]), (2,))
    tensor([1., 2., 1., 2.])
    """
    times = unpacked(dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


@accepts_numpy_names
def repeat_interleave(input: Tensor, repeats: Any, dim: Optional[int] = None, *,
                      output_size: Optional[int] = None) -> Tensor:
    """Repeat each slice along `dim` (a number, or one for each slice); without `dim`, each element.

    PyTorch's `output_size` is accepted and not needed.

    >>> repeat_interleave(Tensor([1, 2]), 2)
    tensor([1., 1., 2., 2.])
    """
    if dim is None:
        input, dim = reshape(input, -1), 0
    dim = one_dim(dim, input.ndim)
    counts = as_tensor(repeats).numpy()
    n = input.shape[dim]
    if counts.dtype.kind not in "iu" or counts.ndim > 1 or (counts < 0).any() or counts.size not in (1, n):
        raise ValueError(f"repeat_interleave needs one number from 0 on, or one for each of the {n} slices; got "
                         f"{counts.tolist()!r:.80}")
    if counts.size != 1:
        return index_select(input, dim, as_tensor(np.repeat(np.arange(n), counts), device=input.device))
    k = int(counts.reshape(-1)[0])
    paired = unsqueeze(input, dim + 1)
    copies = clone(expand(paired, *input.shape[:dim + 1], k, *input.shape[dim + 1:]))
    return reshape(copies, *input.shape[:dim], n * k, *input.shape[dim + 1:])


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinate grids of vectors, each along a dimension of its own; "xy" swaps the first two.

    >>> meshgrid(Tensor([1.0, 2.0]), Tensor([3.0]), indexing="ij")[0]
    tensor([[1.],
            [2.]])
    """
    given: Sequence[Any] = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise ValueError(f'meshgrid: indexing must be "ij" or "xy"; got {indexing!r}')
    common_backend("meshgrid", given)
    vectors = [value if isinstance(value, Tensor) else as_tensor(value) for value in given]
    if any(tensor.ndim > 1 for tensor in vectors):
        raise ValueError(f"meshgrid takes vectors; got shapes {', '.join(str(tensor.shape) for tensor in vectors)}")
    places = list(range(len(vectors)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    shape = [0] * len(vectors)
    for place, tensor in zip(places, vectors):
        shape[place] = tensor.numel()
    return tuple(expand(reshape(tensor, *[n if i == place else 1 for i, n in enumerate(shape)]), shape)
                 for place, tensor in zip(places, vectors))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Concatenate vectors, or other tensors along the second dimension.

    >>> hstack([Tensor([1.0]), Tensor([2.0])])
    tensor([1., 2.])
    """
    parts = [part if part.ndim else reshape(part, 1) for part in tensors]
    return cat(parts, 0 if not parts or parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Concatenate along the first dimension; vectors become rows.

    >>> vstack([Tensor([1.0]), Tensor([2.0])])
    tensor([[1.],
            [2.]])
    """
    return cat([part if part.ndim > 1 else reshape(part, 1, -1) for part in tensors], 0)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: Optional[float] = None) -> Tensor:
    """Pad (or, with negative numbers, crop) both ends of the last dimensions.

    `pad` has two numbers for the last dimension, then two for the one before, and so on.  Mode "constant" pads with
    `value` (0), "reflect" mirrors at the edge, "replicate" repeats the edge, and "circular" wraps around.

    >>> pad(Tensor([1, 2, 3]), (1, 2))
    tensor([0., 1., 2., 3., 0., 0.])
    """
    sizes = unpacked((pad,))
    if mode not in _PADDINGS:
        raise ValueError(f"pad: mode must be one of {', '.join(_PADDINGS)}; got {mode!r}")
    if len(sizes) % 2 or len(sizes) > 2 * input.ndim:
        raise ValueError(f"pad needs two numbers for each of at most {input.ndim} dimension(s); got {sizes}")
    if value is not None and mode != "constant":
        raise ValueError(f"pad takes a value for mode \"constant\" only; mode is {mode!r}")
    ends = [(input.ndim - 1 - i, *sizes[2 * i:2 * i + 2]) for i in range(len(sizes) // 2)]
    for dim, before, after in ends:
        _check_padding(input.shape[dim], dim, before, after, mode)
    padded = input
    for dim, before, after in ends:
        padded = (_padded_with_constant(padded, dim, before, after, value or 0) if mode == "constant" else
                  _padded_with_own(padded, dim, before, after, mode))
    return clone(padded) if padded._versions is input._versions else padded


def _check_padding(n: int, dim: int, before: int, after: int, mode: str) -> None:
    most = {"reflect": n - 1, "circular": n}.get(mode, max(before, after))
    if n + before + after < 0 or -before > n or -after > n or (max(before, after) > most) or (
            mode != "constant" and not n and before + after > 0):
        raise ValueError(f"pad: mode {mode!r} cannot make dimension {dim} of length {n} longer by ({before}, {after})")


def _padded_with_constant(x: Tensor, dim: int, before: int, after: int, value: float) -> Tensor:
    x = _slice(x, dim, slice(max(-before, 0), x.shape[dim] - max(-after, 0)))

    def block(n: int) -> list[Tensor]:
        shape = x.shape[:dim] + (n,) + x.shape[dim + 1:]
        return [full(shape, value, dtype=x.dtype, device=x.device)] if n > 0 else []

    parts = [*block(before), x, *block(after)]
    return cat(parts, dim) if len(parts) > 1 else x


def _padded_with_own(x: Tensor, dim: int, before: int, after: int, mode: str) -> Tensor:
    n = x.shape[dim]
    places = np.arange(-before, n + after)
    if mode == "reflect":
        places = n - 1 - np.abs(n - 1 - np.abs(places))
    places = np.clip(places, 0, n - 1) if mode == "replicate" else places % max(n, 1)
    return index_select(x, dim, as_tensor(places, device=x.device))


def running(x: Tensor, dim: int, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The cumulative reduction by `combine` along `dim`, over 1, 2, 4, ... neighbours."""
    n, reach = x.shape[dim] if x.ndim else 1, 1
    while reach < n:
        joined = combine(narrow(x, dim, reach, n - reach), narrow(x, dim, 0, n - reach))
        x = cat([narrow(x, dim, 0, reach), joined], dim)
        reach *= 2
    return x
