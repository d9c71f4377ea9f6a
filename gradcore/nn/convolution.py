"""Convolutional layers."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, Union

from ..core.dimensions import is_integer
from ..core.tensor import DeviceLike, Tensor, as_tensor
from ..functions import convolution
from ..functions.window_options import Sizes, per_dim
from ..operations.rearranging import pad
from . import init
from .layers import check_size
from .module import Module
from .parameter import Parameter, draw_uniform, unfilled

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """Base class of convolutional layers.

    Weight and bias are initialized uniformly in ±1/sqrt(fan_in).
    """

    count: int
    function: Callable[..., Tensor]
    is_transposed = False
    bias: Optional[Parameter]

    def _set(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes, padding: Union[str, Sizes],
             output_padding: Sizes, dilation: Sizes, groups: int, bias: bool, padding_mode: str, device: DeviceLike,
             dtype: Any) -> None:
        name, count = type(self).__name__, self.count
        check_size(self, in_channels=in_channels, out_channels=out_channels)
        if not is_integer(groups) or groups < 1 or in_channels % groups \
                or out_channels % groups:
            raise ValueError(f"{name}: `groups` must divide the {in_channels} input and {out_channels} output "
                             f"channels; got {groups!r}")
        if padding_mode not in (("zeros",) if self.is_transposed else _PADDING_MODES):
            raise ValueError(f"{name}: `padding_mode` must be one of {', '.join(_PADDING_MODES)}"
                             f"{', and of transposed convolutions zeros' * self.is_transposed}; got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = in_channels, out_channels, groups, \
            padding_mode
        self.kernel_size: tuple[int, ...] = per_dim(kernel_size, count, 1, "kernel_size", name)
        self.stride: tuple[int, ...] = per_dim(stride, count, 1, "stride", name)
        self.dilation: tuple[int, ...] = per_dim(dilation, count, 1, "dilation", name)
        self.output_padding: tuple[int, ...] = per_dim(output_padding, count, 0, "output_padding", name)
        self.ends = convolution.paddings(padding, self.kernel_size, self.stride, self.dilation, name)
        self.padding = padding if isinstance(padding, str) else self.ends[0]
        first, second = (in_channels, out_channels) if self.is_transposed else (out_channels, in_channels)
        self.weight: Parameter = unfilled((first, second // groups, *self.kernel_size), device, dtype)
        self.register_parameter("bias", unfilled((out_channels,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialize weight and bias."""
        draw_uniform(self, init.bound_for(self.weight.shape[1] * math.prod(self.kernel_size)))

    def extra_repr(self) -> str:
        shown = {"padding": (0,) * self.count, "output_padding": (0,) * self.count, "dilation": (1,) * self.count,
                 "groups": 1, "padding_mode": "zeros"}
        parts = [f"{self.in_channels}", f"{self.out_channels}", f"kernel_size={self.kernel_size}",
                 f"stride={self.stride}"]
        parts += [f"{name}={getattr(self, name)!r}" for name, usual in shown.items() if getattr(self, name) != usual]
        return ", ".join(parts + ["bias=False"] * (self.bias is None))


class _Conv(_Convolution):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
                 padding: Union[str, Sizes] = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: DeviceLike = None, dtype: Any = None):
        self._set(in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, bias, padding_mode,
                  device, dtype)

    def forward(self, input: Any) -> Tensor:
        padding: Union[str, Sizes] = self.padding
        if self.padding_mode != "zeros":
            ends = [end for before_after in zip(*self.ends) for end in before_after[::-1]][::-1]
            input, padding = pad(input, ends, self.padding_mode), 0
        return self.function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTranspose(_Convolution):
    is_transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1, padding: Sizes = 0,
                 output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1,
                 padding_mode: str = "zeros", device: DeviceLike = None, dtype: Any = None):
        self._set(in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, groups, bias,
                  padding_mode, device, dtype)

    def forward(self, input: Any, output_size: Optional[Any] = None) -> Tensor:
        added = self.output_padding if output_size is None else self._added(as_tensor(input), output_size)
        return self.function(input, self.weight, self.bias, self.stride, self.padding, added, self.groups,
                             self.dilation)

    def _added(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives an output of this size."""
        name = type(self).__name__
        given = output_size[-self.count:] if isinstance(output_size, (tuple, list)) else output_size
        wanted = per_dim(given, self.count, 1, "output_size", name)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in
                 zip(input.shape[-self.count:], self.stride, self.ends[0], self.dilation, self.kernel_size)]
        added = tuple([size - low for size, low in zip(wanted, least)])
        if any(not 0 <= a < max(s, d) for a, s, d in zip(added, self.stride, self.dilation)):
            raise ValueError(f"{name}: `output_size` must be {least} or less than a stride more; got {wanted}")
        return added


class Conv1d(_Conv):
    """A convolution over (N, C, L): see `gradcore.functions.conv1d`.

    >>> from gradcore import ones
    >>> Conv1d(2, 4, kernel_size=3)(ones(1, 2, 5)).shape
    (1, 4, 3)
    """

    count, function = 1, staticmethod(convolution.conv1d)


class Conv2d(_Conv):
    """A convolution over (N, C, H, W): see `gradcore.functions.conv2d`.

    >>> Conv2d(3, 8, 3, padding=1)
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    count, function = 2, staticmethod(convolution.conv2d)


class Conv3d(_Conv):
    """A convolution over (N, C, D, H, W): see `gradcore.functions.conv3d`.

    >>> from gradcore import ones
    >>> Conv3d(2, 4, kernel_size=3, padding=1)(ones(1, 2, 3, 5, 5)).shape
    (1, 4, 3, 5, 5)
    """

    count, function = 3, staticmethod(convolution.conv3d)


class ConvTranspose1d(_ConvTranspose):
    """A transposed convolution over (N, C, L): see `gradcore.functions.conv_transpose1d`.

    >>> from gradcore import ones
    >>> ConvTranspose1d(2, 4, kernel_size=2, stride=2)(ones(1, 2, 5)).shape
    (1, 4, 10)
    """

    count, function = 1, staticmethod(convolution.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """A transposed convolution over (N, C, H, W): see `gradcore.functions.conv_transpose2d`.

    >>> from gradcore import ones
    >>> ConvTranspose2d(2, 4, kernel_size=2, stride=2)(ones(1, 2, 5, 5)).shape
    (1, 4, 10, 10)
    """

    count, function = 2, staticmethod(convolution.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """A transposed convolution over (N, C, D, H, W): see `gradcore.functions.conv_transpose3d`.

    >>> from gradcore import ones
    >>> ConvTranspose3d(2, 4, kernel_size=2)(ones(1, 2, 1, 2, 2)).shape
    (1, 4, 2, 3, 3)
    """

    count, function = 3, staticmethod(convolution.conv_transpose3d)
