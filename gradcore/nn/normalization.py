"""Normalization layers."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

from .. import functions
from ..core.dimensions import is_integer
from ..core.tensor import DeviceLike, Tensor
from ..operations.creation import ones, zeros
from . import init
from .layers import check_size
from .module import Module
from .parameter import Parameter, unfilled


class _Scaled(Module):
    """Base class of normalization layers with a weight, initialized to 1, and a bias, initialized to 0; either may be
    None.
    """

    weight: Optional[Parameter]
    bias: Optional[Parameter]

    def _make(self, shape: tuple[int, ...], has_weight: bool, has_bias: bool, device: DeviceLike, dtype: Any) -> None:
        for name, is_made in (("weight", has_weight), ("bias", has_bias)):
            self.register_parameter(name, unfilled(shape, device, dtype) if is_made else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self._parameters.get("bias") is not None:
            init.zeros_(self._parameters["bias"])


class _OfBatch(_Scaled):
    """Base class of layers with running statistics of channels."""

    ndims: tuple[int, ...]
    running_mean: Optional[Tensor]
    running_var: Optional[Tensor]
    num_batches_tracked: Optional[Tensor]

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: Optional[float] = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: DeviceLike = None, dtype: Any = None, *, bias: bool = True):
        check_size(self, num_features=num_features)
        self.num_features, self.eps, self.momentum, self.affine = num_features, eps, momentum, affine
        self.track_running_stats = track_running_stats
        for name, make in (("running_mean", zeros), ("running_var", ones)):
            self.register_buffer(name, make(num_features, dtype=dtype, device=device) if track_running_stats else None)
        batches = zeros((), dtype="int64", device=device) if track_running_stats else None
        self.register_buffer("num_batches_tracked", batches)
        self._make((num_features,), affine, affine and bias, device, dtype)

    def reset_running_stats(self) -> None:
        """Reset the running mean to 0 and the running variance to 1."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if self.track_running_stats and buffer is not None:
                buffer.fill_(value)

    def reset_parameters(self) -> None:
        """Reset weight, bias and running statistics."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check(self, x: Tensor) -> None:
        if x.ndim not in self.ndims or x.shape[self._channel_dim(x)] != self.num_features:
            raise ValueError(f"{type(self).__name__}: the input must have {' or '.join(map(str, self.ndims))} "
                             f"dimensions and {self.num_features} channel(s); got shape {x.shape}")

    def _channel_dim(self, x: Tensor) -> int:
        return 1

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"track_running_stats={self.track_running_stats}")


class BatchNorm(_OfBatch):
    """Base class of batch normalization layers."""

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        uses_batch = self.training or self.running_mean is None
        is_tracked = not self.training or self.track_running_stats
        mean, variance = (self.running_mean, self.running_var) if is_tracked else (None, None)
        batches = self.num_batches_tracked if self.training and self.track_running_stats else None
        momentum = self.momentum
        if momentum is None:  # a cumulative average
            momentum = 0.0 if batches is None else 1.0 / (batches.item() + 1)
        y = functions.batch_norm(input, mean, variance, self.weight, self.bias, uses_batch, momentum, self.eps)
        if batches is not None:
            batches += 1
        return y


class BatchNorm1d(BatchNorm):
    """Batch normalization of (N, C) or (N, C, L): see `gradcore.functions.batch_norm`.

    >>> BatchNorm1d(4)
    BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
    """

    ndims = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch normalization of (N, C, H, W): see `gradcore.functions.batch_norm`.

    >>> BatchNorm2d(1)(Tensor([[[[0.0, 2.0]]], [[[0.0, 2.0]]]])).flatten()
    tensor([-1.,  1., -1.,  1.], grad_fn=<Reshape>)
    """

    ndims = (4,)


class BatchNorm3d(BatchNorm):
    """Batch normalization of (N, C, D, H, W): see `gradcore.functions.batch_norm`.

    >>> BatchNorm3d(4, momentum=0.2)
    BatchNorm3d(4, eps=1e-05, momentum=0.2, affine=True, track_running_stats=True)
    """

    ndims = (5,)


class _InstanceNorm(_OfBatch):
    momentum: float

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: DeviceLike = None, dtype: Any = None, *, bias: bool = True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _channel_dim(self, x: Tensor) -> int:
        return 1 if x.ndim == self.ndims[-1] else 0

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        samples = input if input.ndim == self.ndims[-1] else input.unsqueeze(0)
        uses_input = self.training or not self.track_running_stats
        y = functions.instance_norm(samples, self.running_mean, self.running_var, self.weight, self.bias, uses_input,
                                    self.momentum, self.eps)
        return y if input.ndim == self.ndims[-1] else y.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalization of (N, C, L) or (C, L): see `gradcore.functions.instance_norm`.

    >>> InstanceNorm1d(2)(Tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """

    ndims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization of (N, C, H, W) or (C, H, W): see `gradcore.functions.instance_norm`.

    >>> InstanceNorm2d(1)(Tensor([[[[1.0, 3.0], [1.0, 3.0]]]]))
    tensor([[[[-1.,  1.],
              [-1.,  1.]]]])
    """

    ndims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of (N, C, D, H, W) or (C, D, H, W): see `gradcore.functions.instance_norm`.

    >>> InstanceNorm3d(1)(Tensor([[[[[1.0, 3.0]]]]]))
    tensor([[[[[-1.,  1.]]]]])
    """

    ndims = (4, 5)


class LocalResponseNorm(Module):
    """Local response normalization: see `gradcore.functions.local_response_norm`.

    >>> LocalResponseNorm(5)
    LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=1.0)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        check_size(self, size=size)
        if not size:
            raise ValueError("LocalResponseNorm: `size` must be at least 1; got 0")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = functions.local_response_norm(input, self.size, self.alpha, self.beta, self.k)
        return output

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class GroupNorm(_Scaled):
    """Normalization of groups of channels: see `gradcore.functions.group_norm`.

    >>> GroupNorm(1, 2)(Tensor([[[1.0, 1.0], [3.0, 3.0]]]))
    tensor([[[-1., -1.],
             [ 1.,  1.]]], grad_fn=<Reshape>)
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
                 device: DeviceLike = None, dtype: Any = None, *, bias: bool = True):
        check_size(self, num_groups=num_groups, num_channels=num_channels)
        if not num_groups or num_channels % num_groups:
            raise ValueError(f"GroupNorm: `num_channels` must be a multiple of `num_groups`; got {num_channels} and "
                             f"{num_groups}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._make((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return functions.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


def _sizes(normalized_shape: Union[int, Sequence[int]], name: str) -> tuple[int, ...]:
    given: Any = normalized_shape
    sizes: tuple[int, ...] = (given,) if is_integer(given) else tuple(given)
    if not sizes or not all(is_integer(size) and size >= 0 for size in sizes):
        raise ValueError(f"{name}: `normalized_shape` must be the sizes of the last dimensions; got "
                         f"{normalized_shape!r:.80}")
    return sizes


class LayerNorm(_Scaled):
    """Normalization of the last dimensions: see `gradcore.functions.layer_norm`.

    >>> LayerNorm(3)
    LayerNorm((3,), eps=1e-05, elementwise_affine=True)
    """

    def __init__(self, normalized_shape: Union[int, Sequence[int]], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: DeviceLike = None, dtype: Any = None):
        self.normalized_shape: tuple[int, ...] = _sizes(normalized_shape, "LayerNorm")
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return functions.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(_Scaled):
    """Root mean square normalization of the last dimensions: see `gradcore.functions.rms_norm`.

    >>> RMSNorm(2)(Tensor([[1.0, 7.0]]))
    tensor([[0.2, 1.4]], grad_fn=<scaled_by_root_mean_square>)
    """

    def __init__(self, normalized_shape: Union[int, Sequence[int]], eps: Optional[float] = None,
                 elementwise_affine: bool = True, device: DeviceLike = None, dtype: Any = None):
        self.normalized_shape: tuple[int, ...] = _sizes(normalized_shape, "RMSNorm")
        self.eps, self.elementwise_affine = eps, elementwise_affine
        weight = unfilled(self.normalized_shape, device, dtype) if elementwise_affine else None
        self.register_parameter("weight", weight)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return functions.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
