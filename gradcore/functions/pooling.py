"""Max, average and p-norm pooling over windows."""

from __future__ import annotations

import math
from typing import Any, Optional, Union

import numpy as np

from ..backends.windows import Windows
from ..core.broadcasting import cast
from ..core.tensor import Tensor, as_tensor
from ..operations.pooling import MaxPool, WindowSum
from ..operations.reduction import root
from .window_options import (Sizes, as_samples, check_norm_type, per_dim, pool_padding, pool_stride, wide,
                             windows_over)


def max_pool1d(input: Any, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, dilation: Sizes = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Union[Tensor, tuple[Tensor, Tensor]]:
    """The maximum of each window; see `max_pool2d`.

    >>> max_pool1d(Tensor([[[1.0, 3.0, 5.0, 7.0]]]), 3, stride=1)
    tensor([[[5., 7.]]])
    """
    return _largest("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(input: Any, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, dilation: Sizes = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Union[Tensor, tuple[Tensor, Tensor]]:
    """The maximum of each window; the first maximum gets the gradient.

    Source: Riesenhuber and Poggio, "Hierarchical Models of Object Recognition in Cortex", Nature Neuroscience 2, 1999.

    Parameters
    ----------
    input : shape (N, C, H, W) or (C, H, W).
    stride : the step between windows; None means `kernel_size`.
    padding : minus infinity at both ends, at most half of `kernel_size`.
    ceil_mode : whether a last window may reach beyond the end.
    return_indices : whether to return the indices in the flattened plane as well.

    >>> max_pool2d(Tensor([[[1.0, 5.0, 2.0], [3.0, 0.0, 9.0]]]), 2, stride=1)
    tensor([[[5., 9.]]])
    """
    return _largest("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(input: Any, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, dilation: Sizes = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Union[Tensor, tuple[Tensor, Tensor]]:
    """The maximum of each window; see `max_pool2d`.

    >>> from gradcore import arange
    >>> max_pool3d(arange(8.0).reshape(1, 1, 2, 2, 2), 2).flatten()
    tensor([7.])
    """
    return _largest("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(input: Any, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """The mean of each window; see `avg_pool2d`.

    >>> avg_pool1d(Tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[2., 6.]]])
    """
    return _means("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(input: Any, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Optional[int] = None) -> Tensor:
    """The mean of each window.

    Source: the subsampling layers of LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proc.
    IEEE 86, 1998.

    Parameters
    ----------
    input : shape (N, C, H, W) or (C, H, W).
    count_include_pad : whether padding counts in the number of elements.
    divisor_override : divides the sums instead of the number of elements.

    >>> avg_pool2d(Tensor([[[1.0, 5.0], [3.0, 3.0]]]), 2)
    tensor([[[3.]]])
    """
    return _means("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(input: Any, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Optional[int] = None) -> Tensor:
    """The mean of each window; see `avg_pool2d`.

    >>> from gradcore import arange
    >>> avg_pool3d(arange(8.0).reshape(1, 1, 2, 2, 2), 2).flatten()
    tensor([3.5])
    """
    return _means("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def lp_pool1d(input: Any, norm_type: float, kernel_size: Sizes, stride: Optional[Sizes] = None,
              ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window; see `lp_pool2d`.

    >>> lp_pool1d(Tensor([[[3.0, 4.0, 0.0, 5.0]]]), 2.0, 2)
    tensor([[[5., 5.]]])
    """
    return _norms("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Sizes, stride: Optional[Sizes] = None,
              ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1/p) over each window, with p = `norm_type`; the gradient is 0 where the sum is 0.

    Source: Sermanet, Chintala and LeCun, "Convolutional Neural Networks Applied to House Numbers Digit
    Classification", ICPR 2012.

    >>> lp_pool2d(Tensor([[[3.0, 0.0], [4.0, 0.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    return _norms("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def _norms(name: str, count: int, input: Any, p: float, kernel_size: Sizes, stride: Optional[Sizes],
           ceil_mode: bool) -> Tensor:
    check_norm_type(p, name)
    size = math.prod(per_dim(kernel_size, count, 1, "kernel_size", name))
    means = _means(name, count, as_tensor(input) ** p, kernel_size, stride, 0, ceil_mode, True, None)
    return root(means * size, p)


def _windows(name: str, sizes: tuple[int, ...], kernel_size: Sizes, stride: Optional[Sizes], padding: Sizes,
             dilation: Sizes, ceil_mode: bool) -> Windows:
    count = len(sizes)
    kernel = per_dim(kernel_size, count, 1, "kernel_size", name)
    stride = pool_stride(stride, kernel, name)
    padding = pool_padding(padding, kernel, name)
    dilation = per_dim(dilation, count, 1, "dilation", name)
    windows = windows_over(sizes, kernel, stride, dilation, padding, padding, name)
    if not ceil_mode:
        return windows
    missing = [-(n - d * (k - 1) - 1) % s for n, d, k, s in zip(windows.padded, dilation, kernel, stride)]
    # The additional window must begin within the input or the padding before it.
    added = [more if p * s < n + b else 0
             for more, p, s, n, b in zip(missing, windows.positions, stride, sizes, padding)]
    return Windows(sizes, kernel, stride, dilation, padding, tuple([a + b for a, b in zip(padding, added)]))


def _largest(name: str, count: int, input: Any, kernel_size: Sizes, stride: Optional[Sizes], padding: Sizes,
             dilation: Sizes, ceil_mode: bool, return_indices: bool) -> Union[Tensor, tuple[Tensor, Tensor]]:
    x = as_tensor(input)
    samples = as_samples(x, count, name)
    windows = _windows(name, samples.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    values = MaxPool.apply(samples, windows=windows)
    values = values if x.ndim == values.ndim else values.squeeze(0)
    if not return_indices:
        return values
    return values, _places(samples, windows).reshape(values.shape)


def _places(x: Tensor, windows: Windows) -> Tensor:
    """For each window, the index of its maximum in the flattened plane."""
    pool = MaxPool(windows=windows)
    pool.forward(x._backend, x._array)
    taps = Tensor._wrap(pool.places, x._backend).long()
    place: Union[int, Tensor] = 0
    for dim, n in enumerate(windows.sizes):
        below = math.prod(windows.kernel[dim + 1:])
        along = taps // below % windows.kernel[dim]
        starts = np.arange(windows.positions[dim]) * windows.stride[dim] - windows.before[dim]
        starts = starts.reshape((-1,) + (1,) * (len(windows.sizes) - dim - 1))
        place = place * n + along * windows.dilation[dim] + as_tensor(starts, device=x.device)
    return as_tensor(place)


def _means(name: str, count: int, input: Any, kernel_size: Sizes, stride: Optional[Sizes], padding: Sizes,
           ceil_mode: bool, count_include_pad: bool, divisor_override: Optional[int]) -> Tensor:
    x = as_tensor(input)
    samples = as_samples(x, count, name)
    windows = _windows(name, samples.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None and (isinstance(divisor_override, bool) or not divisor_override):
        raise ValueError(f"{name}: `divisor_override` must not be 0; got {divisor_override!r}")
    sums = WindowSum.apply(wide(samples), windows=windows)
    means = cast(sums / (divisor_override or _counts(windows, count_include_pad, sums)), x.dtype)
    return means if x.ndim == means.ndim else means.squeeze(0)


def _counts(windows: Windows, includes_padding: bool, like: Tensor) -> Any:
    """The number of elements of each window: one number, or an array if they differ."""
    counts = np.ones(1)
    for dim, n in enumerate(windows.sizes):
        before = windows.before[dim]
        starts = np.arange(windows.positions[dim]) * windows.stride[dim] - before
        low, high = (-before, n + before) if includes_padding else (0, n)
        of_dim = np.minimum(starts + windows.kernel[dim], high) - np.maximum(starts, low)
        counts = counts[..., None] * of_dim
    counts = counts[0]
    return float(counts.flat[0]) if (counts == counts.flat[0]).all() else as_tensor(counts, like.dtype, like.device)
