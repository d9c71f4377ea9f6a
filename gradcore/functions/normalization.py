"""Normalization: row formulas that standardize each row."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence, Union

import numpy as np

from ..backends import Expression, FormulaNamespace, RowNamespace
from ..backends.formulas.dtypes import DEFAULT_FLOAT, FLOAT64, kind_of
from ..core.arguments import at_least_zero
from ..core.broadcasting import cast
from ..core.dimensions import Dims, accepts_numpy_names, unpacked
from ..core.elementwise import elementwise
from ..core.rowwise import rowwise
from ..core.tensor import Tensor, as_tensor
from ..operations.shaping import reshape


@rowwise
def standardized(xp: RowNamespace, x: Expression, weight: Expression, bias: Expression,
                 eps: float = 1e-5) -> Expression:
    """(x - mean) / sqrt(variance + eps) * weight + bias: the kernel of `layer_norm`."""
    centred = x - xp.mean(x)
    return centred / xp.sqrt(xp.mean(centred * centred) + eps) * weight + bias


@standardized.derivative
def _(xp: RowNamespace, x: Expression, weight: Expression, upstream: Expression,
      eps: float = 1e-5) -> tuple[Expression, ...]:
    centred = x - xp.mean(x)
    root = xp.sqrt(xp.mean(centred * centred) + eps)
    y, scaled = centred / root, upstream * weight
    return (scaled - xp.mean(scaled) - y * xp.mean(scaled * y)) / root, upstream * y, upstream


@rowwise
def scaled_by_root_mean_square(xp: RowNamespace, x: Expression, weight: Expression, eps: float = 1e-6) -> Expression:
    """x / sqrt(mean(x^2) + eps) * weight: the kernel of `rms_norm`."""
    return x / xp.sqrt(xp.mean(x * x) + eps) * weight


@scaled_by_root_mean_square.derivative
def _(xp: RowNamespace, x: Expression, weight: Expression, upstream: Expression,
      eps: float = 1e-6) -> tuple[Expression, ...]:
    root = xp.sqrt(xp.mean(x * x) + eps)
    y, scaled = x / root, upstream * weight
    return (scaled - y * xp.mean(scaled * y)) / root, upstream * y


def _length(xp: RowNamespace, x: Expression, eps: float) -> Expression:
    """max(|x|, eps) of each row; its gradient is 0 where the length is 0, since the root has no derivative there."""
    squares = xp.sum(x * x)
    is_zero = squares == 0
    return xp.maximum(xp.where(is_zero, 0.0, xp.sqrt(xp.where(is_zero, 1.0, squares))), eps)


@rowwise
def unit_length(xp: RowNamespace, x: Expression, eps: float = 1e-12) -> Expression:
    """x / max(|x|, eps): the kernel of `normalize` with p = 2."""
    return x / _length(xp, x, eps)


@rowwise
def cosine(xp: RowNamespace, a: Expression, b: Expression, eps: float = 1e-8) -> Expression:
    """a·b / (max(|a|, eps) max(|b|, eps)): the kernel of `cosine_similarity`."""
    return xp.sum(a * b) / (_length(xp, a, eps) * _length(xp, b, eps))


@rowwise
def standardized_with_moments(xp: RowNamespace, x: Expression, weight: Expression, bias: Expression,
                              eps: float = 1e-5) -> tuple[Expression, ...]:
    """As `standardized`, also returning mean and variance of each row: the kernel of `batch_norm` in training."""
    mean = xp.mean(x)
    centred = x - mean
    variance = xp.mean(centred * centred)
    return centred / xp.sqrt(variance + eps) * weight + bias, mean, variance


@elementwise
def standardized_by(xp: FormulaNamespace, x: Expression, mean: Expression, variance: Expression, weight: Expression,
                    bias: Expression, eps: float = 1e-5) -> Expression:
    """(x - mean) / sqrt(variance + eps) * weight + bias: the kernel of `batch_norm` in evaluation."""
    return (x - mean) / xp.sqrt(variance + eps) * weight + bias


def _normalized_dims(x: Tensor, normalized_shape: Union[int, Sequence[int]], name: str) -> tuple[int, ...]:
    sizes = unpacked((normalized_shape,))
    if not sizes or x.shape[x.ndim - len(sizes):] != sizes:
        raise ValueError(f"{name}: `normalized_shape` must be the last dimensions of the input; got {sizes} for an "
                         f"input of shape {x.shape}")
    return tuple(range(x.ndim - len(sizes), x.ndim))


def layer_norm(input: Any, normalized_shape: Union[int, Sequence[int]], weight: Optional[Tensor] = None,
               bias: Optional[Tensor] = None, eps: float = 1e-5) -> Tensor:
    """Standardize the last dimensions to mean 0 and variance 1, times `weight`, plus `bias`.

    y = (x - mean) / sqrt(variance + eps) · weight + bias; the variance divides by n.
    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016, eq. 3.

    >>> layer_norm(Tensor([[1.0, 3.0]]), 2, eps=0.0)
    tensor([[-1.,  1.]])
    """
    x = as_tensor(input)
    at_least_zero("layer_norm", eps=eps)
    dims = _normalized_dims(x, normalized_shape, "layer_norm")
    return standardized(x, 1.0 if weight is None else weight, 0.0 if bias is None else bias, dim=dims, eps=eps)


def rms_norm(input: Any, normalized_shape: Union[int, Sequence[int]], weight: Optional[Tensor] = None,
             eps: Optional[float] = None) -> Tensor:
    """Scale the last dimensions to root mean square 1, times `weight`.

    y = x / sqrt(mean(x^2) + eps) · weight; eps is by default the machine epsilon of the dtype, for float16 that of
    float32, in which it is computed.
    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, eq. 4.

    >>> rms_norm(Tensor([[1.0, 7.0]]), 2, eps=0.0)
    tensor([[0.2, 1.4]])
    """
    x = as_tensor(input)
    dims = _normalized_dims(x, normalized_shape, "rms_norm")
    if eps is None:
        eps = float(np.finfo(FLOAT64 if x.dtype == FLOAT64 else DEFAULT_FLOAT).eps)
    at_least_zero("rms_norm", eps=eps)
    return scaled_by_root_mean_square(x, 1.0 if weight is None else weight, dim=dims, eps=eps)


@accepts_numpy_names
def normalize(input: Any, dim: Dims = 1, eps: float = 1e-12) -> Tensor:
    """Scale to Euclidean norm 1 along `dim`: x / max(|x|, eps).

    >>> normalize(Tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    at_least_zero("normalize", eps=eps)
    return unit_length(input, dim=dim, eps=eps)


@accepts_numpy_names
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`: a·b / (max(|a|, eps) max(|b|, eps)).

    >>> cosine_similarity(Tensor([[1.0, 0.0]]), Tensor([[3.0, 4.0]]))
    tensor([0.6])
    """
    at_least_zero("cosine_similarity", eps=eps)
    return cosine(x1, x2, dim=dim, eps=eps)


def batch_norm(input: Any, running_mean: Optional[Tensor], running_var: Optional[Tensor],
               weight: Optional[Tensor] = None, bias: Optional[Tensor] = None, training: bool = False,
               momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Standardize each channel over the batch, times `weight`, plus `bias`.

    y = (x - mean) / sqrt(variance + eps) · weight + bias.  In training, mean and variance are those of the batch,
    and the running ones become (1 - momentum) · running + momentum · batch, where the variance divides by n - 1.  In
    evaluation the running ones are used.
    Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015, algorithms 1 and 2.

    Parameters
    ----------
    input : shape (N, C) or (N, C, ...).
    running_mean, running_var, weight, bias : shape (C,), or None.

    >>> batch_norm(Tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    tensor([[-1.],
            [ 1.]])
    """
    x = as_tensor(input)
    _check_channels(x, "batch_norm", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: in evaluation it needs `running_mean` and `running_var`; got None")
        return _like(standardized_by(x, *_beside_channels(x, running_mean.detach(), running_var.detach()),
                                     *_scale_and_shift(x, weight, bias), eps=eps), x)
    count = x.numel() // max(x.shape[1], 1)
    if count < 2:
        raise ValueError(f"batch_norm: in training each channel needs more than one element; got shape {x.shape}")
    dims = (0, *range(2, x.ndim))
    y, mean, variance = standardized_with_moments(x, *_scale_and_shift(x, weight, bias), dim=dims, eps=eps)
    if running_mean is not None:
        _run(running_mean, mean, momentum)
    if running_var is not None:
        _run(running_var, variance.detach() * (count / (count - 1)), momentum)
    return _like(y, x)


def instance_norm(input: Any, running_mean: Optional[Tensor] = None, running_var: Optional[Tensor] = None,
                  weight: Optional[Tensor] = None, bias: Optional[Tensor] = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Standardize each channel of each sample, times `weight`, plus `bias`.

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016, eq. 4.

    >>> instance_norm(Tensor([[[1.0, 3.0], [0.0, 4.0]]]), eps=0.0)
    tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """
    x = as_tensor(input)
    _check_channels(x, "instance_norm", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    count = math.prod(x.shape[2:])
    if x.ndim < 3 or count < 2:
        raise ValueError(f"instance_norm: each channel of a sample needs more than one element; got shape {x.shape}")
    y, mean, variance = standardized_with_moments(x, *_scale_and_shift(x, weight, bias), dim=tuple(range(2, x.ndim)),
                                                  eps=eps)
    if running_mean is not None:
        _run(running_mean, mean.detach().mean(0), momentum)
    if running_var is not None:
        _run(running_var, variance.detach().mean(0) * (count / (count - 1)), momentum)
    return _like(y, x)


def group_norm(input: Any, num_groups: int, weight: Optional[Tensor] = None, bias: Optional[Tensor] = None,
               eps: float = 1e-5) -> Tensor:
    """Standardize groups of channels of each sample, times `weight`, plus `bias`.

    Source: Wu and He, "Group Normalization", ECCV 2018, eq. 1 to 7.

    >>> group_norm(Tensor([[1.0, 3.0, 0.0, 4.0]]), 2, eps=0.0)
    tensor([[-1.,  1., -1.,  1.]])
    """
    x = as_tensor(input)
    _check_channels(x, "group_norm", weight=weight, bias=bias)
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ValueError(f"group_norm: the {x.shape[1]} channel(s) are not divisible into {num_groups} groups")
    grouped = reshape(x, x.shape[0], num_groups, x.shape[1] // num_groups, -1)
    scale, shift = [value if value is None else reshape(value, num_groups, -1, 1) for value in (weight, bias)]
    y = standardized(grouped, 1.0 if scale is None else scale, 0.0 if shift is None else shift, dim=(2, 3), eps=eps)
    return _like(reshape(y, x.shape), x)


def _check_channels(x: Tensor, name: str, **of_channels: Optional[Tensor]) -> None:
    if x.ndim < 2 or kind_of(x.dtype) < 2:
        raise ValueError(f"{name}: the input must hold floats in shape (N, C) or (N, C, ...); got {x.dtype} of shape "
                         f"{x.shape}")
    for option, value in of_channels.items():
        if value is not None and value.shape != x.shape[1:2]:
            raise ValueError(f"{name}: `{option}` must have one element for each of the {x.shape[1]} channel(s); got "
                             f"shape {value.shape}")


def _beside_channels(x: Tensor, *values: Tensor) -> list[Tensor]:
    """Values of channels in a shape that broadcasts to `x`."""
    return [reshape(value, x.shape[1], *(1,) * (x.ndim - 2)) for value in values]


def _scale_and_shift(x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor]) -> tuple[Any, Any]:
    scale = 1.0 if weight is None else _beside_channels(x, weight)[0]
    return scale, 0.0 if bias is None else _beside_channels(x, bias)[0]


def _run(running: Tensor, batch: Tensor, momentum: float) -> None:
    """Update a running value by that of the batch."""
    kept = running.detach()
    kept.copy_(kept * (1 - momentum) + batch.detach() * momentum)


def _like(y: Tensor, x: Tensor) -> Tensor:
    return cast(y, x.dtype)  # a float16 input beside float32 weights

