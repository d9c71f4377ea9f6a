"""Resizing: adaptive average pooling, interpolation, and pixel shuffling.

All but the nearest pixel are one matrix of weights for each dimension, from whose side the input is multiplied.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, Sequence

import numpy as np

from ..core.broadcasting import cast
from ..core.tensor import Tensor, as_tensor
from ..operations.indexing import index_select, with_memory_of_its_own
from ..operations.linear_algebra import matmul
from ..operations.shaping import permute, reshape, transpose
from ..operations.weighing import SparseProduct
from .window_options import MOST, as_samples, output_sizes, parts, per_dim, wide

MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area")
_CUBIC = -0.75  # as PyTorch's; Keys has -0.5


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """The mean of each of `output_size` parts of the length; see `adaptive_avg_pool2d`.

    >>> adaptive_avg_pool1d(Tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[2., 6.]]])
    """
    return _adaptive("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The mean of each part of the plane, divided into `output_size` parts; None keeps a size.

    Part i of a dimension of n elements is from floor(i n / out) to ceil((i + 1) n / out), exclusive.

    Source: the pyramid levels of He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual
    Recognition", ECCV 2014.

    >>> adaptive_avg_pool2d(Tensor([[[1.0, 2.0, 6.0]]]), (1, 2))
    tensor([[[1.5, 4. ]]])
    """
    return _adaptive("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """The mean of each part of the volume; see `adaptive_avg_pool2d`.

    >>> from gradcore import arange
    >>> adaptive_avg_pool3d(arange(8.0).reshape(1, 1, 2, 2, 2), 1).flatten()
    tensor([3.5])
    """
    return _adaptive("adaptive_avg_pool3d", 3, input, output_size)


def _adaptive(name: str, count: int, input: Any, output_size: Any) -> Tensor:
    x = as_tensor(input)
    sizes = as_samples(x, count, name).shape[2:]
    return _along_each(x, [_means(n, out) for n, out in zip(sizes, output_sizes(sizes, output_size, name))])


def _means(n: int, out: int) -> np.ndarray:
    places, (low, high) = np.arange(n)[:, None], parts(n, out)
    means: np.ndarray = ((places >= low) & (places < high)) / (high - low)
    return means


def _along_each(x: Tensor, matrices: Sequence[np.ndarray]) -> Tensor:
    """Multiply each of the last dimensions by a matrix (old size, new size)."""
    y = wide(x)
    for dim, matrix in enumerate(matrices, x.ndim - len(matrices)):
        if matrix.shape[0] == matrix.shape[1] and (matrix == np.eye(len(matrix))).all():
            continue
        if not matrix.all():
            y = SparseProduct.apply(y, matrix=matrix, dim=dim)
            continue
        weights, last = as_tensor(matrix, y.dtype, y.device), y.ndim - 1
        y = matmul(y, weights) if dim == last else transpose(matmul(transpose(y, dim, last), weights), dim, last)
    return with_memory_of_its_own(cast(y, x.dtype), x)


def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: Optional[bool] = None, recompute_scale_factor: Optional[bool] = None,
                antialias: bool = False) -> Tensor:
    """Resize the last dimensions.

    Parameters
    ----------
    input : shape (N, C, L), (N, C, H, W) or (N, C, D, H, W).
    size, scale_factor : one of them, a number or one for each of the last dimensions.
    mode : "nearest", "nearest-exact", "linear" (of three dimensions), "bilinear", "bicubic" (of four), "trilinear" (of
        five) or "area", the mean.
    align_corners : whether the outermost elements stay where they are, else the outer edges do.

    Source: Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE Trans. ASSP 29, 1981.

    >>> interpolate(Tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    x = as_tensor(input)
    count = x.ndim - 2
    _check_mode(x, mode, align_corners, antialias)
    sizes, scales = _sizes_and_scales(x, count, size, scale_factor, bool(recompute_scale_factor))
    if mode.startswith("nearest"):
        return _nearest(x, sizes, scales, 0.5 if mode == "nearest-exact" else 0.0)
    if mode == "area":
        return _along_each(x, [_means(n, out) for n, out in zip(x.shape[2:], sizes)])
    if mode == "bicubic":
        kernel = _cubic
    else:  # as in PyTorch, a dimension whose size stays is left as it is, whatever the scale
        kernel, scales = _linear, [1.0 if n == out else scale for n, out, scale in zip(x.shape[2:], sizes, scales)]
    return _along_each(x, [kernel(n, _places(n, out, scale, bool(align_corners)))
                           for n, out, scale in zip(x.shape[2:], sizes, scales)])


def _check_mode(x: Tensor, mode: str, align_corners: Optional[bool], antialias: bool) -> None:
    ndim = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}.get(mode, x.ndim)
    if mode not in MODES or x.ndim not in (3, 4, 5) or x.ndim != ndim:
        raise ValueError(f"interpolate: `mode` must be one of {', '.join(MODES)}, that fits an input of 3 to 5 "
                         f"dimensions; got {mode!r} and shape {x.shape}")
    if align_corners is not None and (mode.startswith("nearest") or mode == "area"):
        raise ValueError(f"interpolate: `align_corners` has no meaning for mode {mode!r}")
    if antialias:
        raise NotImplementedError("interpolate: `antialias` is not supported")


def _sizes_and_scales(x: Tensor, count: int, size: Any, scale_factor: Any,
                      recompute: bool) -> tuple[tuple[int, ...], list[float]]:
    """The new sizes, and the ratio of old to new coordinates."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: it takes `size` or `scale_factor`, one of them; got {size} and {scale_factor}")
    if size is not None:
        sizes = per_dim(size, count, 1, "size", "interpolate")
    else:
        factors = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * count
        if len(factors) != count or not all(
                isinstance(factor, (int, float, np.integer, np.floating)) and 0 < factor < MOST for factor in factors):
            raise ValueError(f"interpolate: `scale_factor` must be a number above 0, or {count}; got {scale_factor!r}")
        sizes = tuple([math.floor(n * factor) for n, factor in zip(x.shape[2:], factors)])
        if min(sizes) < 1:
            raise ValueError(f"interpolate: nothing is left of shape {x.shape} with scale_factor {scale_factor}")
        if not recompute:
            return sizes, [1.0 / factor for factor in factors]
    return sizes, [n / out for n, out in zip(x.shape[2:], sizes)]


def _nearest(input: Tensor, sizes: Sequence[int], scales: Sequence[float], shift: float) -> Tensor:
    x = input
    for dim, (out, scale) in enumerate(zip(sizes, scales), 2):
        n = x.shape[dim]
        positions = (np.arange(out, dtype="float32") + np.float32(shift)) * np.float32(scale)  # rounded as PyTorch's
        places = np.minimum(np.floor(positions).astype("int64"), n - 1)
        if out != n or (places != np.arange(n)).any():
            x = index_select(x, dim, as_tensor(places, device=x.device))
    return with_memory_of_its_own(x, input)


def _places(n: int, out: int, scale: float, align_corners: bool) -> np.ndarray:
    """The positions of the new elements among the old ones."""
    if align_corners:
        return np.arange(out) * ((n - 1) / (out - 1) if out > 1 else 0.0)
    return (np.arange(out) + 0.5) * scale - 0.5


def _linear(n: int, places: np.ndarray) -> np.ndarray:
    return _gathered(n, np.maximum(places, 0.0), lambda distance: 1.0 - np.abs(distance), (0, 1))


def _cubic(n: int, places: np.ndarray) -> np.ndarray:
    def weight(distance: np.ndarray) -> np.ndarray:
        d = np.abs(distance)
        near = (_CUBIC + 2) * d**3 - (_CUBIC + 3) * d**2 + 1
        weights: np.ndarray = np.where(d <= 1, near, _CUBIC * (d**3 - 5 * d**2 + 8 * d - 4))
        return weights

    return _gathered(n, places, weight, (-1, 0, 1, 2))


def _gathered(n: int, places: np.ndarray, weight: Callable[..., Any], neighbours: Sequence[int]) -> np.ndarray:
    """The matrix that interpolates at given positions from neighbours; indices are clamped to the edge."""
    matrix, columns = np.zeros((n, len(places))), np.arange(len(places))
    for k in neighbours:
        rows = np.floor(places).astype("int64") + k
        np.add.at(matrix, (np.clip(rows, 0, n - 1), columns), weight(places - rows))
    return matrix


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Rearrange channels to pixels: (..., C r², H, W) becomes (..., C, H r, W r).

    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution", CVPR 2016, eq. 4.

    >>> pixel_shuffle(Tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2)
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    x, r = as_tensor(input), per_dim(upscale_factor, 1, 1, "upscale_factor", "pixel_shuffle")[0]
    if x.ndim < 3 or x.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: the channels (dimension -3) must be a multiple of {r * r}; got shape "
                         f"{x.shape}")
    *lead, channels, height, width = x.shape
    split = reshape(x, *lead, channels // (r * r), r, r, height, width)
    k = len(lead)
    y = reshape(permute(split, *range(k + 1), k + 3, k + 1, k + 4, k + 2), *lead, channels // (r * r), height * r,
                width * r)
    return with_memory_of_its_own(y, x)


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """Interleave the groups of channels (dimension 1): the first of each group, then the second of each, and so on.

    Source: Zhang et al., "ShuffleNet", CVPR 2018, section 3.1.

    >>> channel_shuffle(Tensor([[[1.0], [2.0], [3.0], [4.0]]]), 2).flatten()
    tensor([1., 3., 2., 4.])
    """
    x, groups = as_tensor(input), per_dim(groups, 1, 1, "groups", "channel_shuffle")[0]
    if x.ndim < 3 or x.shape[1] % groups:
        raise ValueError(f"channel_shuffle: the input must have the shape (N, C, ...), with 3 dimensions at least and "
                         f"C a multiple of {groups}; got {x.shape}")
    split = reshape(x, x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return with_memory_of_its_own(reshape(transpose(split, 1, 2), x.shape), x)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """Rearrange pixels to channels, the inverse of `pixel_shuffle`: (..., C, H r, W r) becomes (..., C r², H, W).

    >>> pixel_unshuffle(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 2).flatten(1)
    tensor([[1., 2., 3., 4.]])
    """
    x, r = as_tensor(input), per_dim(downscale_factor, 1, 1, "downscale_factor", "pixel_unshuffle")[0]
    if x.ndim < 3 or x.shape[-1] % r or x.shape[-2] % r:
        raise ValueError(f"pixel_unshuffle: height and width must be multiples of {r}; got shape {x.shape}")
    *lead, channels, height, width = x.shape
    split, k = reshape(x, *lead, channels, height // r, r, width // r, r), len(lead)
    y = reshape(permute(split, *range(k + 1), k + 2, k + 4, k + 1, k + 3), *lead, channels * r * r, height // r,
                width // r)
    return with_memory_of_its_own(y, x)
