"""Convolutions and transposed convolutions over one, two or three dimensions."""

from __future__ import annotations

from typing import Any, Optional, Union

from ..backends.windows import Windows
from ..core.broadcasting import cast, of_one_dtype
from ..core.dimensions import is_integer
from ..core.tensor import Tensor
from ..operations.convolution import Convolve, ConvolveInput
from ..operations.rearranging import pad
from ..operations.shaping import reshape
from .window_options import Sizes, as_samples, per_dim, wide, windows_over


def conv1d(input: Any, weight: Tensor, bias: Optional[Tensor] = None, stride: Sizes = 1,
           padding: Union[str, Sizes] = 0, dilation: Sizes = 1, groups: int = 1) -> Tensor:
    """The cross-correlation of the input with each filter; see `conv2d`.

    >>> conv1d(Tensor([[1, 2, 3, 4]]), Tensor([[[1, -1]]]))
    tensor([[-1., -1., -1.]])
    """
    return _convolved("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input: Any, weight: Tensor, bias: Optional[Tensor] = None, stride: Sizes = 1,
           padding: Union[str, Sizes] = 0, dilation: Sizes = 1, groups: int = 1) -> Tensor:
    """The cross-correlation of the input with each filter, plus its bias.

    y[n, o, p] = sum over c and k of w[o, c, k] x[n, c, p · stride + k · dilation], with x zero-padded.
    Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86, 1998, section II.

    Parameters
    ----------
    input : shape (N, C, H, W) or (C, H, W).
    weight : shape (out, C / groups, kH, kW).
    bias : shape (out,), or None.
    padding : zeros at both ends; "valid" means 0, and "same" gives an output of the size of the input.
    groups : the number of groups of channels, each with its own filters.

    >>> conv2d(Tensor.ones(1, 3, 3), Tensor.ones(1, 1, 2, 2), Tensor([0.5]))
    tensor([[[4.5, 4.5],
             [4.5, 4.5]]])
    """
    return _convolved("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(input: Any, weight: Tensor, bias: Optional[Tensor] = None, stride: Sizes = 1,
           padding: Union[str, Sizes] = 0, dilation: Sizes = 1, groups: int = 1) -> Tensor:
    """The cross-correlation of the input with each filter; see `conv2d`.

    >>> from gradcore import ones
    >>> conv3d(ones(1, 1, 2, 2, 2), ones(1, 1, 2, 2, 2)).flatten()
    tensor([8.])
    """
    return _convolved("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(input: Any, weight: Tensor, bias: Optional[Tensor] = None, stride: Sizes = 1, padding: Sizes = 0,
                     output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1) -> Tensor:
    """The transposed convolution; see `conv_transpose2d`.

    >>> conv_transpose1d(Tensor([[[1.0, 2.0]]]), Tensor([[[1.0, 10.0]]]))
    tensor([[[ 1., 12., 20.]]])
    """
    return _transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(input: Any, weight: Tensor, bias: Optional[Tensor] = None, stride: Sizes = 1, padding: Sizes = 0,
                     output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1) -> Tensor:
    """The transposed convolution, the adjoint of `conv2d`: each element of the input adds a filter to the output.

    Source: Zeiler et al., "Deconvolutional Networks", CVPR 2010.

    Parameters
    ----------
    input : shape (N, C, H, W) or (C, H, W).
    weight : shape (C, out / groups, kH, kW).
    padding : the number of elements removed from both ends of the output.
    output_padding : the number added at its end, less than `stride` or `dilation`.

    >>> conv_transpose2d(Tensor([[[1.0, 2.0]]]), Tensor.ones(1, 1, 1, 2), stride=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    return _transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(input: Any, weight: Tensor, bias: Optional[Tensor] = None, stride: Sizes = 1, padding: Sizes = 0,
                     output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1) -> Tensor:
    """The transposed convolution; see `conv_transpose2d`.

    >>> from gradcore import ones
    >>> conv_transpose3d(ones(1, 1, 1, 1, 2), ones(1, 1, 1, 1, 2)).flatten()
    tensor([1., 2., 1.])
    """
    return _transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _convolved(name: str, count: int, input: Any, weight: Tensor, bias: Optional[Tensor], stride: Sizes,
               padding: Union[str, Sizes], dilation: Sizes, groups: int) -> Tensor:
    x, weight, bias = _operands(name, count, input, weight, bias, groups)
    out = weight.shape[0]
    if out % groups:
        raise ValueError(f"{name}: the {out} output channel(s) of the weight are not divisible into {groups} groups")
    samples = as_samples(x, count, name, weight.shape[1] * groups)
    _check_bias(name, bias, out)
    kernel = weight.shape[2:]
    stride = per_dim(stride, count, 1, "stride", name)
    dilation = per_dim(dilation, count, 1, "dilation", name)
    before, after = paddings(padding, kernel, stride, dilation, name)
    windows = windows_over(samples.shape[2:], kernel, stride, dilation, before, after, name)
    y = Convolve.apply(wide(samples), wide(weight), *([] if bias is None else [wide(bias)]), windows=windows,
                       groups=groups)
    return _like(y, x)


def _transposed(name: str, count: int, input: Any, weight: Tensor, bias: Optional[Tensor], stride: Sizes,
                padding: Sizes, output_padding: Sizes, groups: int, dilation: Sizes) -> Tensor:
    x, weight, bias = _operands(name, count, input, weight, bias, groups)
    channels, out = weight.shape[0], weight.shape[1] * groups
    if channels % groups:
        raise ValueError(f"{name}: the {channels} channel(s) of the weight are not divisible into {groups} groups")
    samples = as_samples(x, count, name, channels)
    _check_bias(name, bias, out)
    stride = per_dim(stride, count, 1, "stride", name)
    dilation = per_dim(dilation, count, 1, "dilation", name)
    padding = per_dim(padding, count, 0, "padding", name)
    added = per_dim(output_padding, count, 0, "output_padding", name)
    if any(a >= max(s, d) for a, s, d in zip(added, stride, dilation)):
        raise ValueError(f"{name}: `output_padding` must be less than `stride` or `dilation`; got {added}, {stride} "
                         f"and {dilation}")
    sizes = tuple([(n - 1) * s - 2 * p + d * (k - 1) + a + 1 for n, s, p, d, k, a in
                   zip(samples.shape[2:], stride, padding, dilation, weight.shape[2:], added)])
    if min(sizes) < 1:
        raise ValueError(f"{name}: nothing is left of an input of sizes {samples.shape[2:]}: the output would have "
                         f"sizes {sizes}")
    windows = Windows(sizes, weight.shape[2:], stride, dilation, padding, padding)
    # More output than a stride is as if there were zeros behind the input.
    behind = [(0, p - n) for n, p in zip(samples.shape[2:], windows.positions)]
    if windows.positions != samples.shape[2:]:
        samples = pad(samples, [n for ends in reversed(behind) for n in ends])
    y = ConvolveInput.apply(wide(samples), wide(weight), windows=windows, groups=groups)
    return _like(y if bias is None else y + reshape(wide(bias), out, *(1,) * count), x)


def _operands(name: str, count: int, input: Any, weight: Tensor, bias: Optional[Tensor],
              groups: int) -> tuple[Tensor, Tensor, Optional[Tensor]]:
    """Input, weight and bias as tensors of one device and dtype."""
    given = [input, weight] + ([] if bias is None else [bias])
    tensors = of_one_dtype(given, name)
    if tensors[1].ndim != count + 2:
        raise ValueError(f"{name}: the weight must have {count + 2} dimensions; got shape {tensors[1].shape}")
    if not is_integer(groups) or groups < 1:
        raise ValueError(f"{name}: `groups` must be an integer of at least 1; got {groups!r}")
    x, weight, *rest = tensors
    return x, weight, rest[0] if rest else None


def _check_bias(name: str, bias: Optional[Tensor], out: int) -> None:
    if bias is not None and bias.shape != (out,):
        raise ValueError(f"{name}: the bias must have shape ({out},), one number for each output channel; got "
                         f"{bias.shape}")


def paddings(padding: Union[str, Sizes], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...],
             name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The padding before and after each dimension."""
    if not isinstance(padding, str):
        both = per_dim(padding, len(kernel), 0, "padding", name)
        return both, both
    if padding not in ("same", "valid"):
        raise ValueError(f'{name}: `padding` must be a number, numbers, "same" or "valid"; got {padding!r}')
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if any(step != 1 for step in stride):
        raise ValueError(f'{name}: padding "same" needs stride 1; got {stride}')
    total = [d * (k - 1) for k, d in zip(kernel, dilation)]
    return tuple([n // 2 for n in total]), tuple([n - n // 2 for n in total])


def _like(y: Tensor, x: Tensor) -> Tensor:
    """The result in the dtype of the input, without a batch dimension if the input has none."""
    y = cast(y, x.dtype)
    return y if x.ndim == y.ndim else y.squeeze(0)
