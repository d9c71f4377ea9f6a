"""Images sampled at any places: grids of affine maps, and the values there."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, Sequence

from ..core.tensor import Tensor, as_tensor
from ..operations.creation import linspace, ones_like
from ..operations.linear_algebra import matmul
from ..operations.rearranging import meshgrid
from ..operations.shaping import reshape, stack

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")
_CUBIC = -0.75  # as PyTorch's


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: Optional[bool] = None) -> Tensor:
    """The places that an affine map of each sample takes the elements of an image to, for `grid_sample`.

    Parameters
    ----------
    theta : shape (N, 2, 3), or (N, 3, 4) for volumes: a matrix and a shift of (x, y) or (x, y, z).
    size : (N, C, H, W) or (N, C, D, H, W).
    align_corners : whether -1 and 1 are the centers of the outermost elements, or their outer edges (the default).

    >>> affine_grid(Tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2))
    tensor([[[[-0.5,  0. ],
              [ 0.5,  0. ]]]])
    """
    sizes = tuple(size)
    count = len(sizes) - 2
    if count not in (2, 3) or theta.shape != (sizes[0], count, count + 1):
        raise ValueError(f"affine_grid: `size` has 4 or 5 numbers and `theta` shape (N, 2, 3) or (N, 3, 4); got "
                         f"{sizes} and {theta.shape}")
    lines = []
    for n in sizes[2:]:
        edge = 1.0 if align_corners else 1 - 1 / n
        lines.append(linspace(-edge, edge, n, dtype=theta.dtype, device=theta.device) if n > 1
                     else theta.new_zeros(1))
    axes = meshgrid(*lines, indexing="ij")
    places = stack([*reversed(axes), ones_like(axes[0])], -1)
    moved = matmul(reshape(places, 1, -1, count + 1), theta.mT)
    return reshape(moved, sizes[0], *sizes[2:], count)


def grid_sample(input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: Optional[bool] = None) -> Tensor:
    """The values of images at the places of a grid, with gradients along both.

    Parameters
    ----------
    input : shape (N, C, H, W) or (N, C, D, H, W).
    grid : shape (N, H', W', 2) or (N, D', H', W', 3), (x, y) or (x, y, z) from -1 to 1; the result has its size.
    mode : "bilinear" (trilinear for volumes), "nearest" or "bicubic".
    padding_mode : what is outside: "zeros", "border" (the nearest element) or "reflection".
    align_corners : whether -1 and 1 are the centers of the outermost elements, or their outer edges (the default).

    Source: Jaderberg et al., "Spatial Transformer Networks", NeurIPS 2015, eq. 5.

    >>> grid_sample(Tensor([[[[1.0, 3.0]]]]), Tensor([[[[0.0, 0.0]]]])).item()
    2.0
    """
    x, places = as_tensor(input), as_tensor(grid)
    count = x.ndim - 2
    if count not in (2, 3) or places.ndim != x.ndim or places.shape[-1] != count or places.shape[0] != x.shape[0]:
        raise ValueError(f"grid_sample: `input` has shape (N, C, H, W) or (N, C, D, H, W) and `grid` shape "
                         f"(N, H', W', 2) or (N, D', H', W', 3); got {x.shape} and {places.shape}")
    if mode not in MODES or padding_mode not in PADDINGS or mode == "bicubic" and count == 3:
        raise ValueError(f"grid_sample: `mode` is one of {', '.join(MODES)} (bicubic for images) and `padding_mode` "
                         f"one of {', '.join(PADDINGS)}; got {mode!r} and {padding_mode!r}")
    if 0 in x.shape[2:]:
        raise ValueError(f"grid_sample: the input must have elements to sample; got shape {x.shape}")
    sizes, aligned = x.shape[2:], bool(align_corners)
    fit = _paddings(padding_mode, aligned)
    at = [_unscaled(places[..., count - 1 - i], n, aligned) for i, n in enumerate(sizes)]
    if mode != "bicubic":
        at = [fit(place, n) for place, n in zip(at, sizes)]
    taps = [_taps(mode, place) for place in at]
    found: Any = 0.0
    for choice in _choices([len(of_dim) for of_dim in taps]):
        chosen = [of_dim[k] for of_dim, k in zip(taps, choice)]
        weight: Any = math.prod((part for _, part in chosen), start=1.0)
        index = [fit(position, n) if mode == "bicubic" else position for (position, _), n in zip(chosen, sizes)]
        found = found + _values(x, index, weight)
    result: Tensor = found
    return result


def _unscaled(place: Tensor, n: int, aligned: bool) -> Tensor:
    """From -1 … 1 to numbers of elements."""
    found: Tensor = (place + 1) / 2 * (n - 1) if aligned else ((place + 1) * n - 1) / 2
    return found


def _paddings(mode: str, aligned: bool) -> Callable[[Tensor, int], Tensor]:
    """What takes a place outside to one inside."""
    def reflected(place: Tensor, n: int) -> Tensor:
        low, high = (0.0, n - 1.0) if aligned else (-0.5, n - 0.5)
        if high <= low:
            return place * 0.0
        span = high - low
        apart = (place - low).abs()
        turns, rest = (apart / span).detach().floor(), apart % span
        return (rest + low).where(turns % 2 == 0, span - rest + low).clamp(0.0, n - 1.0)

    return {"zeros": lambda place, n: place, "border": lambda place, n: place.clamp(0.0, n - 1.0),
            "reflection": reflected}[mode]


def _taps(mode: str, place: Tensor) -> list[tuple[Tensor, Any]]:
    """The elements along a dimension that a place is made of, with their weights."""
    if mode == "nearest":
        return [(place.detach().round(), 1.0)]
    low = place.detach().floor()
    t = place - low
    if mode == "bilinear":
        return [(low, 1 - t), (low + 1, t)]
    a = _CUBIC

    def near(d: Tensor) -> Tensor:
        found: Tensor = ((a + 2) * d - (a + 3)) * d * d + 1
        return found

    def far(d: Tensor) -> Tensor:
        found: Tensor = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return found

    return [(low - 1, far(t + 1)), (low, near(t)), (low + 1, near(1 - t)), (low + 2, far(2 - t))]


def _choices(counts: Sequence[int]) -> list[tuple[int, ...]]:
    chosen: list[tuple[int, ...]] = [()]
    for count in counts:
        chosen = [(*before, k) for before in chosen for k in range(count)]
    return chosen


def _values(x: Tensor, index: Sequence[Tensor], weight: Any) -> Tensor:
    """The elements at whole places, (N, C, ...), times a weight; 0 for places outside."""
    sizes, flat, inside = x.shape[2:], index[0] * 0.0, index[0] == index[0]
    for place, n in zip(index, sizes):
        inside = inside.logical_and(place >= 0).logical_and(place <= n - 1)
        flat = flat * n + place.clamp(0, n - 1).nan_to_num()
    samples, channels = x.shape[:2]
    places = flat.detach().long().reshape(samples, 1, -1).expand(samples, channels, flat[0].numel())
    found = reshape(x, samples, channels, -1).gather(-1, places).reshape(samples, channels, *flat.shape[1:])
    kept: Tensor = found * (weight * inside.to(x.dtype)).unsqueeze(1)
    return kept
