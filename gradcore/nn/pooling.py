"""Pooling layers, and layers that change the size of images."""

from __future__ import annotations

from typing import Any, Callable, Optional

from .. import functions
from ..core.tensor import Tensor
from ..functions.window_options import Sizes, per_dim
from .module import Module


class _Pool(Module):
    """What pools have in common: a function of windows and its options."""

    count: int
    function: Callable[..., Tensor]

    def _set(self, kernel_size: Sizes, stride: Optional[Sizes], padding: Sizes, **options: Any) -> None:
        name = type(self).__name__
        kernel = per_dim(kernel_size, self.count, 1, "kernel_size", name)
        if stride is not None:
            per_dim(stride, self.count, 1, "stride", name)
        before = per_dim(padding, self.count, 0, "padding", name)
        if any(2 * p > k for p, k in zip(before, kernel)):
            raise ValueError(f"{name}: `padding` must be at most half of `kernel_size`; got {padding} and "
                             f"{kernel_size}")
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self._options = padding, tuple(options)
        for option, value in options.items():
            setattr(self, option, value)

    def forward(self, input: Any) -> Any:
        return self.function(input, self.kernel_size, self.stride, self.padding,
                             **{option: getattr(self, option) for option in self._options})

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    def __init__(self, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, dilation: Sizes = 1,
                 return_indices: bool = False, ceil_mode: bool = False):
        per_dim(dilation, self.count, 1, "dilation", type(self).__name__)
        self._set(kernel_size, stride, padding, dilation=dilation, return_indices=return_indices, ceil_mode=ceil_mode)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """The largest element of each window of (N, C, L): see `gradcore.functions.max_pool1d`."""

    count, function = 1, staticmethod(functions.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of each window of (N, C, H, W): see `gradcore.functions.max_pool2d`.

    >>> MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    """

    count, function = 2, staticmethod(functions.max_pool2d)


class AvgPool1d(_Pool):
    """The mean of each window of (N, C, L): see `gradcore.functions.avg_pool1d`."""

    count, function = 1, staticmethod(functions.avg_pool1d)

    def __init__(self, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True):
        self._set(kernel_size, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad)


class AvgPool2d(_Pool):
    """The mean of each window of (N, C, H, W): see `gradcore.functions.avg_pool2d`."""

    count, function = 2, staticmethod(functions.avg_pool2d)

    def __init__(self, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: Optional[int] = None):
        self._set(kernel_size, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
                  divisor_override=divisor_override)


class _AdaptiveAvgPool(Module):
    count: int
    function: Callable[..., Tensor]

    def __init__(self, output_size: Any):
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * self.count
        per_dim([1 if size is None else size for size in sizes], self.count, 1, "output_size", type(self).__name__)
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        return self.function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means over parts of the length: see `gradcore.functions.adaptive_avg_pool1d`."""

    count, function = 1, staticmethod(functions.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means over parts of the plane: see `gradcore.functions.adaptive_avg_pool2d`."""

    count, function = 2, staticmethod(functions.adaptive_avg_pool2d)


class Upsample(Module):
    """The input with its last dimensions in another size: see `gradcore.functions.interpolate`."""

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: Optional[bool] = None, recompute_scale_factor: Optional[bool] = None):
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample: it takes `size` or `scale_factor`, one of them; got {size} and {scale_factor}")
        self.size, self.scale_factor, self.mode = size, scale_factor, mode
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, input: Any) -> Tensor:
        return functions.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                                     self.recompute_scale_factor)

    def extra_repr(self) -> str:
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class PixelShuffle(Module):
    """Channels become pixels: see `gradcore.functions.pixel_shuffle`."""

    def __init__(self, upscale_factor: int):
        per_dim(upscale_factor, 1, 1, "upscale_factor", "PixelShuffle")
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Tensor:
        return functions.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels become channels: see `gradcore.functions.pixel_unshuffle`."""

    def __init__(self, downscale_factor: int):
        per_dim(downscale_factor, 1, 1, "downscale_factor", "PixelUnshuffle")
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Tensor:
        return functions.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"
