"""Layers that resize images or rearrange their pixels."""

from __future__ import annotations

from typing import Any, Optional

from .. import functions
from ..core.tensor import Tensor
from ..functions.window_options import Sizes, per_dim
from .module import Module


class Upsample(Module):
    """Resize the last dimensions: see `gradcore.functions.interpolate`.

    >>> Upsample(scale_factor=2)(Tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: Optional[bool] = None, recompute_scale_factor: Optional[bool] = None):
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample: it takes `size` or `scale_factor`, one of them; got {size} and {scale_factor}")
        self.size, self.scale_factor, self.mode = size, scale_factor, mode
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, input: Any) -> Tensor:
        output: Tensor = functions.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                                               self.recompute_scale_factor)
        return output

    def extra_repr(self) -> str:
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of (N, C, H, W) by nearest neighbours.

    >>> UpsamplingNearest2d(scale_factor=2)(Tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None):
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Bilinear `Upsample` of (N, C, H, W) with aligned corners.

    >>> UpsamplingBilinear2d(size=(1, 3))(Tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1. , 1.5, 2. ]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None):
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(Module):
    """Rearrange channels to pixels: see `gradcore.functions.pixel_shuffle`.

    >>> PixelShuffle(2)(Tensor([[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]]))
    tensor([[[[1., 2.],
              [3., 4.]]]])
    """

    def __init__(self, upscale_factor: int):
        per_dim(upscale_factor, 1, 1, "upscale_factor", "PixelShuffle")
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Tensor:
        output: Tensor = functions.pixel_shuffle(input, self.upscale_factor)
        return output

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Rearrange pixels to channels: see `gradcore.functions.pixel_unshuffle`.

    >>> PixelUnshuffle(2)(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).shape
    (1, 4, 1, 1)
    """

    def __init__(self, downscale_factor: int):
        per_dim(downscale_factor, 1, 1, "downscale_factor", "PixelUnshuffle")
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Tensor:
        output: Tensor = functions.pixel_unshuffle(input, self.downscale_factor)
        return output

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Interleave groups of channels: see `gradcore.functions.channel_shuffle`.

    >>> ChannelShuffle(2)(Tensor([[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]])).flatten()
    tensor([1., 3., 2., 4.])
    """

    def __init__(self, groups: int):
        per_dim(groups, 1, 1, "groups", "ChannelShuffle")
        self.groups = groups

    def forward(self, input: Any) -> Tensor:
        output: Tensor = functions.channel_shuffle(input, self.groups)
        return output

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """Windows as columns: see `gradcore.functions.unfold`.

    >>> Unfold((2, 3))(Tensor.ones(2, 5, 3, 4)).shape
    (2, 30, 4)
    """

    def __init__(self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1):
        name = type(self).__name__
        for option, value in (("kernel_size", kernel_size), ("dilation", dilation), ("stride", stride)):
            per_dim(value, 2, 1, option, name)
        per_dim(padding, 2, 0, "padding", name)
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Tensor:
        output: Tensor = functions.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)
        return output

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")


class Fold(Unfold):
    """Sum columns into images: see `gradcore.functions.fold`.

    >>> from gradcore import ones
    >>> Fold(output_size=(2, 3), kernel_size=2)(ones(1, 4, 2))
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """

    def __init__(self, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0,
                 stride: Sizes = 1):
        super().__init__(kernel_size, dilation, padding, stride)
        per_dim(output_size, 2, 1, "output_size", "Fold")
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        output: Tensor = functions.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding,
                                        self.stride)
        return output

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
