"""Adaptive max pooling, and max unpooling, which need the indices of maxima."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence, Union

import numpy as np

from ..backends.formulas.dtypes import kind_of
from ..core.tensor import Tensor, as_tensor
from ..operations.creation import zeros
from ..operations.extrema import argmax
from ..operations.indexing import gather, index_select
from ..operations.scattering import scatter
from ..operations.shaping import permute, reshape
from .window_options import Sizes, as_samples, output_sizes, parts, per_dim, pool_stride

Pooled = Union[Tensor, tuple[Tensor, Tensor]]


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Pooled:
    """The maximum of each of `output_size` parts of the length; see `adaptive_max_pool2d`.

    >>> adaptive_max_pool1d(Tensor([[[1.0, 3.0, 7.0, 5.0]]]), 2)
    tensor([[[3., 7.]]])
    """
    return _adaptive("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Pooled:
    """The maximum of each part of the plane, divided into `output_size` parts; None keeps a size.

    The parts are those of `adaptive_avg_pool2d`, and the first maximum gets the gradient.  With `return_indices`, the
    indices in the flattened plane are returned as well.

    >>> adaptive_max_pool2d(Tensor([[[1.0, 6.0, 2.0]]]), (1, 2))
    tensor([[[6., 6.]]])
    """
    return _adaptive("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Pooled:
    """The maximum of each part of the volume; see `adaptive_max_pool2d`.

    >>> from gradcore import arange
    >>> adaptive_max_pool3d(arange(8.0).reshape(1, 1, 2, 2, 2), 1).flatten()
    tensor([7.])
    """
    return _adaptive("adaptive_max_pool3d", 3, input, output_size, return_indices)


def _adaptive(name: str, count: int, input: Any, output_size: Any, return_indices: bool) -> Pooled:
    x = as_tensor(input)
    samples = as_samples(x, count, name)
    sizes = samples.shape[2:]
    wanted = output_sizes(sizes, output_size, name)
    shape = (*samples.shape[:2], *wanted)
    flat = reshape(_largest_places(samples.detach(), sizes, wanted), *shape[:2], -1)
    values = gather(reshape(samples, *shape[:2], -1), 2, flat)
    results = [reshape(found, *shape[x.ndim == count + 1:]) for found in (values, flat)]
    return (results[0], results[1]) if return_indices else results[0]


def _largest_places(x: Tensor, sizes: Sequence[int], wanted: Sequence[int]) -> Tensor:
    """For each part, the index of its maximum in the flattened plane."""
    ends = [parts(n, out) for n, out in zip(sizes, wanted)]
    # The elements of each part; shorter parts repeat their last element.
    members = [np.minimum(low[:, None] + np.arange((high - low).max()), high[:, None] - 1) for low, high in ends]
    for dim, of_dim in enumerate(members, 2):
        x = index_select(x, dim, as_tensor(of_dim.ravel(), device=x.device))
    count, split = len(sizes), [n for of_dim in members for n in of_dim.shape]
    order = (0, 1, *range(2, 2 + 2 * count, 2), *range(3, 2 + 2 * count, 2))
    within = argmax(reshape(permute(reshape(x, *x.shape[:2], *split), *order), *x.shape[:2], *wanted, -1), -1)
    lengths = [of_dim.shape[1] for of_dim in members]
    place: Union[int, Tensor] = 0
    for dim, of_dim in enumerate(members):
        along = within // math.prod(lengths[dim + 1:]) % lengths[dim]
        low, high = [as_tensor(end.reshape(-1, *(1,) * (count - dim - 1)), device=x.device)
                     for end in (of_dim[:, 0], of_dim[:, -1])]
        place = place * sizes[dim] + (low + along).minimum(high)
    return as_tensor(place)


# -- unpooling --------------------------------------------------------------------------------------------------------
def max_unpool1d(input: Any, indices: Tensor, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0,
                 output_size: Optional[Sequence[int]] = None) -> Tensor:
    """The inverse of `max_pool1d`; see `max_unpool2d`.

    >>> from gradcore import tensor
    >>> max_unpool1d(Tensor([[[3.0, 7.0]]]), tensor([[[1, 2]]]), 2)
    tensor([[[0., 3., 7., 0.]]])
    """
    return _unpooled("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(input: Any, indices: Tensor, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0,
                 output_size: Optional[Sequence[int]] = None) -> Tensor:
    """The inverse of `max_pool2d`: maxima at their `indices`, zeros elsewhere.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 2.1.

    Parameters
    ----------
    input, indices : shape (N, C, H, W) or (C, H, W).
    output_size : the spatial sizes or the shape of the pool's input, if they do not follow from the options.

    >>> max_unpool2d(Tensor([[[5.0]]]), Tensor([[[2]]], dtype=int), 2)
    tensor([[[0., 0.],
             [5., 0.]]])
    """
    return _unpooled("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(input: Any, indices: Tensor, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0,
                 output_size: Optional[Sequence[int]] = None) -> Tensor:
    """The inverse of `max_pool3d`; see `max_unpool2d`.

    >>> from gradcore import tensor
    >>> max_unpool3d(Tensor([[[[[5.0]]]]]), tensor([[[[[3]]]]]), 2).flatten()
    tensor([0., 0., 0., 5., 0., 0., 0., 0.])
    """
    return _unpooled("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _unpooled(name: str, count: int, input: Any, indices: Tensor, kernel_size: Sizes, stride: Optional[Sizes],
              padding: Sizes, output_size: Optional[Sequence[int]]) -> Tensor:
    x = as_tensor(input)
    samples = as_samples(x, count, name)
    if kind_of(indices.dtype) != 1 or indices.shape != x.shape:
        raise ValueError(f"{name}: the indices must be integers in the shape of the input, {x.shape}; got "
                         f"{indices.dtype} of shape {indices.shape}")
    kernel = per_dim(kernel_size, count, 1, "kernel_size", name)
    steps = pool_stride(stride, kernel, name)
    before = per_dim(padding, count, 0, "padding", name)
    usual = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(samples.shape[2:], steps, before, kernel)]
    sizes = usual if output_size is None else _wanted_sizes(name, tuple(output_size), usual, steps)
    lead = samples.shape[:2]
    blank = zeros(*lead, math.prod(sizes), dtype=x.dtype, device=x.device)
    filled = scatter(blank, 2, reshape(indices, *lead, -1), reshape(samples, *lead, -1))
    return reshape(filled, *lead[x.ndim == count + 1:], *sizes)


def _wanted_sizes(name: str, output_size: tuple[int, ...], usual: Sequence[int], steps: Sequence[int]) -> Sequence[int]:
    count = len(usual)
    sizes = output_size[2:] if len(output_size) == count + 2 else output_size  # with samples and channels
    if len(sizes) != count or any(abs(size - n) >= step for size, n, step in zip(sizes, usual, steps)):
        raise ValueError(f"{name}: `output_size` must be {tuple(usual)} or less than a stride more or less; got "
                         f"{output_size}")
    return sizes
