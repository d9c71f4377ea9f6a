"""Layers: linear maps, and modules that arrange others."""

from __future__ import annotations

from typing import Any, Iterator, Optional

from ..functions import linear
from ..functions.dropout import check_probability, dropout
from ..operations.shaping import flatten
from ..core.tensor import DeviceLike, Tensor
from . import initial
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """x Wᵀ + b: (..., in_features) becomes (..., out_features).

    Weight and bias begin uniformly between ±1/sqrt(in_features).

    >>> Linear(3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    >>> Linear(3, 2)(Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: DeviceLike = None):
        self.in_features, self.out_features = in_features, out_features
        bound = initial.bound_for(in_features)
        self.weight = initial.uniform((out_features, in_features), bound, device)
        self.bias: Optional[Parameter] = initial.uniform((out_features,), bound, device) if bias else None

    def forward(self, x: Any) -> Tensor:
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Sequential(Module):
    """Modules one after the other; they are named by their numbers.

    >>> Sequential(Linear(2, 3), Flatten())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Flatten(start_dim=1, end_dim=-1)
    )
    """

    def __init__(self, *modules: Module):
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> "Sequential":
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"Sequential holds modules; got {module!r}. For an activation function take its module, as "
                            f"nn.ReLU() for relu")
        setattr(self, str(len(self)), module)
        return self

    def __iter__(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, i: int) -> Module:
        return list(self)[i]

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` as one; by default all but the first."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Module):
    """In training elements become 0 with probability p, and are divided by 1 - p otherwise."""

    def __init__(self, p: float = 0.5):
        check_probability(p, type(self).__name__)
        self.p = p

    def forward(self, x: Any) -> Tensor:
        return dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
