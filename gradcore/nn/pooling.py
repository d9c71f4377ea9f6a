"""Pooling layers, and the layers that invert max pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence

from .. import functions
from ..core.tensor import Tensor
from ..functions.window_options import (Sizes, check_norm_type, output_sizes, per_dim, pool_padding,
                                        pool_stride)
from .module import Module


class _Pool(Module):
    """Base class: a function of windows and its options."""

    count: int
    function: Callable[..., Tensor]

    def _set(self, kernel_size: Sizes, stride: Optional[Sizes], padding: Sizes, **options: Any) -> None:
        name = type(self).__name__
        kernel = per_dim(kernel_size, self.count, 1, "kernel_size", name)
        pool_stride(stride, kernel, name)
        pool_padding(padding, kernel, name)
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self._options = padding, tuple(options)
        for option, value in options.items():
            setattr(self, option, value)

    if TYPE_CHECKING:
        forward: Callable[..., Any]  # that of `_MaxUnpool` takes indices too
    else:
        def forward(self, input: Any) -> Any:
            return self.function(input, self.kernel_size, self.stride, self.padding,
                                 **{option: getattr(self, option) for option in self._options})

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    dilation: Sizes
    ceil_mode: bool

    def __init__(self, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, dilation: Sizes = 1,
                 return_indices: bool = False, ceil_mode: bool = False):
        per_dim(dilation, self.count, 1, "dilation", type(self).__name__)
        self._set(kernel_size, stride, padding, dilation=dilation, return_indices=return_indices, ceil_mode=ceil_mode)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """The maximum of each window of (N, C, L): see `gradcore.functions.max_pool1d`.

    >>> MaxPool1d(2)(Tensor([[[1.0, 3.0, 5.0, 7.0]]]))
    tensor([[[3., 7.]]])
    """

    count, function = 1, staticmethod(functions.max_pool1d)


class MaxPool2d(_MaxPool):
    """The maximum of each window of (N, C, H, W): see `gradcore.functions.max_pool2d`.

    >>> MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    """

    count, function = 2, staticmethod(functions.max_pool2d)


class MaxPool3d(_MaxPool):
    """The maximum of each window of (N, C, D, H, W): see `gradcore.functions.max_pool3d`.

    >>> MaxPool3d((1, 1, 2))(Tensor([[[[[1.0, 3.0]]]]]))
    tensor([[[[[3.]]]]])
    """

    count, function = 3, staticmethod(functions.max_pool3d)


class AvgPool1d(_Pool):
    """The mean of each window of (N, C, L): see `gradcore.functions.avg_pool1d`.

    >>> AvgPool1d(2)(Tensor([[[1.0, 3.0, 5.0, 7.0]]]))
    tensor([[[2., 6.]]])
    """

    count, function = 1, staticmethod(functions.avg_pool1d)

    def __init__(self, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True):
        self._set(kernel_size, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad)


class AvgPool2d(_Pool):
    """The mean of each window of (N, C, H, W): see `gradcore.functions.avg_pool2d`.

    >>> AvgPool2d(2)(Tensor([[[[1.0, 3.0], [5.0, 7.0]]]]))
    tensor([[[[4.]]]])
    """

    count, function = 2, staticmethod(functions.avg_pool2d)

    def __init__(self, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: Optional[int] = None):
        self._set(kernel_size, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
                  divisor_override=divisor_override)


class AvgPool3d(AvgPool2d):
    """The mean of each window of (N, C, D, H, W): see `gradcore.functions.avg_pool3d`.

    >>> AvgPool3d((1, 1, 2))(Tensor([[[[[1.0, 3.0]]]]]))
    tensor([[[[[2.]]]]])
    """

    count, function = 3, staticmethod(functions.avg_pool3d)


class _LPPool(Module):
    count: int
    function: Callable[..., Tensor]

    def __init__(self, norm_type: float, kernel_size: Sizes, stride: Optional[Sizes] = None, ceil_mode: bool = False):
        name = type(self).__name__
        pool_stride(stride, per_dim(kernel_size, self.count, 1, "kernel_size", name), name)
        check_norm_type(norm_type, name)
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Any) -> Tensor:
        return self.function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPool):
    """The p-norm of each window of (N, C, L): see `gradcore.functions.lp_pool1d`.

    >>> LPPool1d(2, 2)(Tensor([[[3.0, 4.0, 0.0, 5.0]]]))
    tensor([[[5., 5.]]])
    """

    count, function = 1, staticmethod(functions.lp_pool1d)


class LPPool2d(_LPPool):
    """The p-norm of each window of (N, C, H, W): see `gradcore.functions.lp_pool2d`.

    >>> LPPool2d(2, (1, 2))(Tensor([[[[3.0, 4.0]]]]))
    tensor([[[[5.]]]])
    """

    count, function = 2, staticmethod(functions.lp_pool2d)


class _AdaptivePool(Module):
    count: int
    function: Callable[..., Tensor]

    def __init__(self, output_size: Any):
        output_sizes((1,) * self.count, output_size, type(self).__name__)
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        return self.function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The mean of each part of the length: see `gradcore.functions.adaptive_avg_pool1d`.

    >>> AdaptiveAvgPool1d(2)(Tensor([[[1.0, 3.0, 5.0, 7.0]]]))
    tensor([[[2., 6.]]])
    """

    count, function = 1, staticmethod(functions.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The mean of each part of the plane: see `gradcore.functions.adaptive_avg_pool2d`.

    >>> AdaptiveAvgPool2d(1)(Tensor([[[[1.0, 3.0], [5.0, 7.0]]]]))
    tensor([[[[4.]]]])
    """

    count, function = 2, staticmethod(functions.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptivePool):
    """The mean of each part of the volume: see `gradcore.functions.adaptive_avg_pool3d`.

    >>> AdaptiveAvgPool3d(1)(Tensor([[[[[1.0, 3.0]]]]]))
    tensor([[[[[2.]]]]])
    """

    count, function = 3, staticmethod(functions.adaptive_avg_pool3d)


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Any) -> Any:
        return self.function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The maximum of each part of the length: see `gradcore.functions.adaptive_max_pool1d`.

    >>> AdaptiveMaxPool1d(2)(Tensor([[[1.0, 3.0, 7.0, 5.0]]]))
    tensor([[[3., 7.]]])
    """

    count, function = 1, staticmethod(functions.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The maximum of each part of the plane: see `gradcore.functions.adaptive_max_pool2d`.

    >>> AdaptiveMaxPool2d((1, None))(Tensor.ones(2, 3, 4, 5)).shape
    (2, 3, 1, 5)
    """

    count, function = 2, staticmethod(functions.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The maximum of each part of the volume: see `gradcore.functions.adaptive_max_pool3d`.

    >>> AdaptiveMaxPool3d(1)(Tensor([[[[[1.0, 3.0]]]]]))
    tensor([[[[[3.]]]]])
    """

    count, function = 3, staticmethod(functions.adaptive_max_pool3d)


class _MaxUnpool(_Pool):
    def __init__(self, kernel_size: Sizes, stride: Optional[Sizes] = None, padding: Sizes = 0):
        self._set(kernel_size, stride, padding)

    def forward(self, input: Any, indices: Tensor, output_size: Optional[Sequence[int]] = None) -> Tensor:
        return self.function(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool):
    """Inverts `MaxPool1d`, with zeros where its windows had smaller elements: see `gradcore.functions.max_unpool1d`.

    >>> values, places = MaxPool1d(2, return_indices=True)(Tensor([[[1.0, 3.0, 7.0, 5.0]]]))
    >>> MaxUnpool1d(2)(values, places)
    tensor([[[0., 3., 7., 0.]]])
    """

    count, function = 1, staticmethod(functions.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """Inverts `MaxPool2d`, with zeros where its windows had smaller elements: see `gradcore.functions.max_unpool2d`.

    >>> values, places = MaxPool2d(2, return_indices=True)(Tensor([[[1.0, 2.0], [4.0, 3.0]]]))
    >>> MaxUnpool2d(2)(values, places).tolist()
    [[[0.0, 0.0], [4.0, 0.0]]]
    """

    count, function = 2, staticmethod(functions.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """Inverts `MaxPool3d`, with zeros where its windows had smaller elements: see `gradcore.functions.max_unpool3d`.

    >>> values, places = MaxPool3d((1, 1, 2), return_indices=True)(Tensor([[[[[1.0, 3.0]]]]]))
    >>> MaxUnpool3d((1, 1, 2))(values, places)
    tensor([[[[[0., 3.]]]]])
    """

    count, function = 3, staticmethod(functions.max_unpool3d)
