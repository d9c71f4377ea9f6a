"""Windows of images as columns (im2col), and the adjoint (col2im)."""

from __future__ import annotations

import math
from typing import Any

from ..backends.windows import Windows
from ..core.broadcasting import cast
from ..core.tensor import Tensor, as_tensor
from ..operations.columns import Columns, FromColumns
from ..operations.shaping import reshape
from .window_options import Sizes, as_samples, per_dim, wide, windows_over


def unfold(input: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Tensor:
    """The windows of (N, C, H, W) or (C, H, W) as columns of shape (N, C · kH · kW, positions) or (C · kH · kW,
    positions).

    Source: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing",
    2006.

    >>> unfold(Tensor([[[1.0, 2.0, 3.0]]]), (1, 2))
    tensor([[1., 2.],
            [2., 3.]])
    """
    x = as_tensor(input)
    samples = as_samples(x, 2, "unfold")
    windows = _windows("unfold", samples.shape[2:], kernel_size, dilation, padding, stride)
    columns = cast(Columns.apply(wide(samples), windows=windows), x.dtype)
    return reshape(columns, *x.shape[:-3], x.shape[-3] * columns.shape[2], -1)


def fold(input: Any, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0,
         stride: Sizes = 1) -> Tensor:
    """The adjoint of `unfold`: sums columns (N, C · kH · kW, positions) into images of `output_size`.

    >>> fold(Tensor([[1.0, 2.0], [2.0, 3.0]]), (1, 3), (1, 2))
    tensor([[[1., 4., 3.]]])
    """
    x, sizes = as_tensor(input), per_dim(output_size, 2, 1, "output_size", "fold")
    windows = _windows("fold", sizes, kernel_size, dilation, padding, stride)
    window, positions = math.prod(windows.kernel), math.prod(windows.positions)
    if x.ndim not in (2, 3) or x.shape[-2] % window or x.shape[-1] != positions or x.dtype.kind != "f":
        raise ValueError(f"fold: the input must hold floats in shape (N, C · {window}, {positions}) or (C · {window}, "
                         f"{positions}), a column for each window over {sizes}; got {x.dtype} of shape {x.shape}")
    channels = x.shape[-2] // window
    columns = reshape(wide(x), x.shape[0] if x.ndim == 3 else 1, channels, window, positions)
    images = cast(FromColumns.apply(columns, windows=windows), x.dtype)
    return reshape(images, *x.shape[:-2], channels, *sizes)


def _windows(name: str, sizes: tuple[int, ...], kernel_size: Sizes, dilation: Sizes, padding: Sizes,
             stride: Sizes) -> Windows:
    kernel, step, apart = [per_dim(value, 2, 1, option, name) for option, value in
                           (("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation))]
    before = per_dim(padding, 2, 0, "padding", name)
    return windows_over(sizes, kernel, step, apart, before, before, name)
