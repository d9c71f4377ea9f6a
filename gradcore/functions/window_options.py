"""Options of convolutions and pools: a number for all dimensions, or one for each."""

from __future__ import annotations

import operator
from typing import Any, Optional, Sequence, Union

import numpy as np

from ..backends.formulas.dtypes import FLOAT16, FLOAT32, kind_of
from ..backends.windows import Windows
from ..core.broadcasting import cast
from ..core.tensor import Tensor

Sizes = Union[int, Sequence[int]]
MOST = 2 ** 31  # an upper bound of sizes


def per_dim(value: Any, count: int, least: int, option: str, name: str) -> tuple[int, ...]:
    """`value` as `count` integers of at least `least`.

    >>> per_dim(3, 2, 1, "kernel_size", "conv2d")
    (3, 3)
    """
    values = value if isinstance(value, (tuple, list)) else (value,) * count
    if len(values) == 1:
        values = tuple(values) * count
    try:
        sizes = tuple([operator.index(number) for number in values])
        fits = len(sizes) == count and min(sizes) >= least and not any(isinstance(number, bool) for number in values)
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(f"{name}: `{option}` must be an integer of at least {least}"
                         + (f", or {count} of them" if count > 1 else "") + f"; got {value!r:.80}")
    if max(sizes) >= MOST:
        raise ValueError(f"{name}: `{option}` must be less than {MOST}; got {value!r:.80}")
    return sizes


def pool_stride(stride: Any, kernel: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The stride of a pool; None, or an empty list as in PyTorch, means the kernel size."""
    is_given = stride is not None and not (isinstance(stride, (tuple, list)) and len(stride) == 0)
    return per_dim(stride, len(kernel), 1, "stride", name) if is_given else kernel


def pool_padding(padding: Any, kernel: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The padding of a pool, at most half of the kernel size: no window then lies in the padding alone."""
    sizes = per_dim(padding, len(kernel), 0, "padding", name)
    if any(2 * size > k for size, k in zip(sizes, kernel)):
        raise ValueError(f"{name}: `padding` must be at most half of `kernel_size`; got {sizes} and {kernel}")
    return sizes


def check_norm_type(norm_type: float, name: str) -> None:
    if not norm_type > 0:
        raise ValueError(f"{name}: `norm_type` must be above 0; got {norm_type}")


def windows_over(sizes: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...],
                 before: tuple[int, ...], after: tuple[int, ...], name: str) -> Windows:
    """The windows over an input of these sizes; raises ValueError if there is none."""
    windows = Windows(sizes, kernel, stride, dilation, before, after)
    if min(windows.positions) < 1:
        raise ValueError(f"{name}: the input is smaller than the window: sizes {sizes}, with padding {windows.padded}, "
                         f"and a window of {kernel} with dilation {dilation}")
    return windows


def output_sizes(sizes: Sequence[int], output_size: Any, name: str) -> tuple[int, ...]:
    """The requested output sizes: a number for all dimensions or one for each; None keeps the size."""
    count = len(sizes)
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * count
    if len(wanted) == count:
        wanted = [n if size is None else size for size, n in zip(wanted, sizes)]
    return per_dim(wanted, count, 1, "output_size", name)


def parts(n: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """The starts and ends of `out` parts of n elements; they overlap if n is not divisible.

    >>> [ends.tolist() for ends in parts(5, 2)]
    [[0, 2], [3, 5]]
    """
    numbers = np.arange(out)
    return numbers * n // out, -(-(numbers + 1) * n // out)


def as_samples(x: Tensor, count: int, name: str, channels: Optional[int] = None) -> Tensor:
    """`x` with a batch dimension, a channel dimension and `count` others; a missing batch dimension is added."""
    if x.ndim not in (count + 1, count + 2):
        raise ValueError(f"{name}: the input must have the shape (N, C, {_letters(count)}) or (C, {_letters(count)}); "
                         f"got {x.shape}")
    if kind_of(x.dtype) < 2:
        raise TypeError(f"{name}: the input must hold floats; got {x.dtype}")
    if channels is not None and x.shape[-count - 1] != channels:
        raise ValueError(f"{name}: the input must have {channels} channel(s), its dimension {x.ndim - count - 1}; got "
                         f"shape {x.shape}")
    return x if x.ndim == count + 2 else x.unsqueeze(0)


def _letters(count: int) -> str:
    return ", ".join(("L",) if count == 1 else ("D", "H", "W")[-count:])


def wide(x: Tensor) -> Tensor:
    """A float16 tensor as float32, the dtype of its sums; others unchanged."""
    return cast(x, FLOAT32) if x.dtype == FLOAT16 else x
