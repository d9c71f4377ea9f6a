"""Fusion of layers with a following batch normalization."""

from __future__ import annotations

import copy
from typing import Any

from ...core.grad_mode import no_grad
from ..module import Module
from ..normalization import BatchNorm
from ..parameter import Parameter


@no_grad()
def _fused(layer: Any, bn: Any, name: str, dim: int) -> Any:
    if layer.training or bn.training:
        raise ValueError(f"{name}: both layers must be in evaluation; call eval() first")
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError(f"{name}: the normalization must keep running moments; got {bn!r}")
    fused = copy.deepcopy(layer)
    scale = (bn.running_var + bn.eps).rsqrt()
    scale = scale if bn.weight is None else scale * bn.weight.detach()
    shape = [1] * layer.weight.ndim
    shape[dim] = -1
    before: Any = 0.0 if layer.bias is None else layer.bias.detach()
    bias = (before - bn.running_mean) * scale
    fused.weight = Parameter(layer.weight.detach() * scale.reshape(*shape), layer.weight.requires_grad)
    fused.bias = Parameter(bias if bn.bias is None else bias + bn.bias.detach(), layer.weight.requires_grad)
    return fused


def fuse_conv_bn_eval(conv: Module, bn: BatchNorm, transpose: bool = False) -> Any:
    """A convolution equal to `conv` followed by `bn`, both in evaluation mode.

    >>> from gradcore import nn, ones
    >>> conv, bn = nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval()
    >>> x = ones(1, 1, 3, 3)
    >>> bool(((fuse_conv_bn_eval(conv, bn)(x) - bn(conv(x))).abs() < 1e-5).all())
    True
    """
    return _fused(conv, bn, "fuse_conv_bn_eval", 1 if transpose else 0)


def fuse_linear_bn_eval(linear: Module, bn: BatchNorm) -> Any:
    """A linear layer equal to `linear` followed by `bn`, both in evaluation mode.

    >>> from gradcore import nn, ones
    >>> linear, bn = nn.Linear(3, 2).eval(), nn.BatchNorm1d(2).eval()
    >>> bool(((fuse_linear_bn_eval(linear, bn)(ones(1, 3)) - bn(linear(ones(1, 3)))).abs() < 1e-5).all())
    True
    """
    return _fused(linear, bn, "fuse_linear_bn_eval", 0)
