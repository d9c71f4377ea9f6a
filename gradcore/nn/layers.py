"""Linear layers, dropout, and layers that reshape."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

from ..functions import linear
from ..functions.dropout import alpha_dropout, check_probability, dropout, dropout1d, dropout2d, dropout3d
from ..operations.inplace import in_place_if
from ..operations.linear_algebra import bilinear
from ..operations.shaping import flatten, reshape
from ..core.dimensions import is_integer, one_dim
from ..core.tensor import DeviceLike, Tensor
from . import init
from .module import Module
from .parameter import Parameter, draw_uniform, unfilled


def check_size(module: Module, **sizes: Any) -> None:
    """Raise an error for an invalid size of a layer."""
    for option, size in sizes.items():
        if not is_integer(size) or size < 0:
            raise ValueError(f"{type(module).__name__}: `{option}` must be an integer of at least 0; got {size!r:.80}")


class Linear(Module):
    """x Wᵀ + b: maps (..., in_features) to (..., out_features).

    Weight and bias are initialized uniformly in ±1/sqrt(in_features).

    >>> Linear(3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    >>> Linear(3, 2)(Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    bias: Optional[Parameter]

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: DeviceLike = None,
                 dtype: Any = None):
        check_size(self, in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight: Parameter = unfilled((out_features, in_features), device, dtype)
        self.register_parameter("bias", unfilled((out_features,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialize weight and bias."""
        draw_uniform(self, init.bound_for(self.in_features))

    def forward(self, input: Any) -> Tensor:
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """x₁ᵀ W x₂ + b for each output: see `nn.functional.bilinear`.

    >>> Bilinear(2, 3, 4)(Tensor([[1.0, 2.0]]), Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 4)
    """

    bias: Optional[Parameter]

    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
                 device: DeviceLike = None, dtype: Any = None):
        check_size(self, in1_features=in1_features, in2_features=in2_features, out_features=out_features)
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight: Parameter = unfilled((out_features, in1_features, in2_features), device, dtype)
        self.register_parameter("bias", unfilled((out_features,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialize weight and bias."""
        draw_uniform(self, init.bound_for(self.in1_features))

    def forward(self, input1: Any, input2: Any) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
                f"out_features={self.out_features}, bias={self.bias is not None}")


class Identity(Module):
    """Returns its input; constructor arguments are accepted and ignored.

    >>> Identity()(Tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def forward(self, input: Any) -> Any:
        return input


class Flatten(Module):
    """Flatten the dimensions from `start_dim` to `end_dim` into one; by default all but the first.

    >>> Flatten()(Tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[1., 2., 3., 4.]])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split one dimension into several.

    >>> Unflatten(1, (2, -1))(Tensor.ones(5, 6)).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]):
        sizes = tuple(unflattened_size)
        if not sizes or sum(size == -1 for size in sizes) > 1 or any(size < -1 for size in sizes):
            raise ValueError(f"Unflatten: `unflattened_size` must be sizes, one of which may be -1; got {sizes}")
        self.dim, self.unflattened_size = dim, sizes

    def forward(self, input: Tensor) -> Tensor:
        dim = one_dim(self.dim, input.ndim)
        known = math.prod(size for size in self.unflattened_size if size != -1)
        n = input.shape[dim]
        if (n % max(known, 1)) if -1 in self.unflattened_size else n != known:
            raise ValueError(f"Unflatten: dimension {dim} of length {n} does not divide into {self.unflattened_size}")
        return reshape(input, *input.shape[:dim], *[n // max(known, 1) if size == -1 else size
                                                    for size in self.unflattened_size], *input.shape[dim + 1:])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Dropout(Module):
    """In training, set elements to 0 with probability p and scale the others by 1 / (1 - p).

    >>> layer = Dropout(0.5)
    >>> layer.eval()(Tensor([1.0, 2.0]))
    tensor([1., 2.])
    >>> sorted(set(layer.train()(Tensor([1.0] * 100)).tolist()))
    [0.0, 2.0]
    """

    function = staticmethod(dropout)

    def __init__(self, p: float = 0.5, inplace: bool = False):
        check_probability(p, type(self).__name__)
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Tensor:
        return in_place_if(self.inplace, self.function, input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """As `Dropout`, for whole channels of (N, C, L) or (C, L).

    >>> Dropout1d(0.5).eval()(Tensor([[[1.0, 2.0]]]))
    tensor([[[1., 2.]]])
    """

    function = staticmethod(dropout1d)


class Dropout2d(Dropout):
    """As `Dropout`, for whole channels of (N, C, H, W) or (C, H, W).

    >>> Dropout2d(0.5).eval()(Tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 2.]]]])
    """

    function = staticmethod(dropout2d)


class Dropout3d(Dropout):
    """As `Dropout`, for whole channels of (N, C, D, H, W) or (C, D, H, W).

    >>> Dropout3d(0.5).eval()(Tensor([[[[[1.0, 2.0]]]]]))
    tensor([[[[[1., 2.]]]]])
    """

    function = staticmethod(dropout3d)


class AlphaDropout(Dropout):
    """Dropout for selu that preserves mean and variance: see `gradcore.functions.alpha_dropout`.

    >>> AlphaDropout(0.5).eval()(Tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    function = staticmethod(alpha_dropout)
