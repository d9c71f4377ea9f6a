"""Layers that add elements around the last dimensions."""

from __future__ import annotations

from typing import Any, Optional

from ..core.tensor import Tensor
from ..operations.rearranging import pad
from .module import Module


class _Pad(Module):
    """Base class of layers that add elements around the last dimensions: a number for all ends, or one for each."""

    count: int
    mode: str
    value: Optional[float] = None

    def __init__(self, padding: Any):
        sizes = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.count)
        if len(sizes) != 2 * self.count or not all(isinstance(size, int) for size in sizes):
            raise ValueError(f"{type(self).__name__}: `padding` must be an integer, or {2 * self.count}; got "
                             f"{padding!r:.80}")
        self.padding = sizes

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}" + ("" if self.value is None else f", value={self.value}")


class ConstantPad1d(_Pad):
    """A number before and after the last dimension."""

    count, mode = 1, "constant"

    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value


class ConstantPad2d(ConstantPad1d):
    """A number around the last two dimensions: left, right, top, bottom."""

    count = 2


class ConstantPad3d(ConstantPad1d):
    """A number around the last three dimensions: left, right, top, bottom, front, back."""

    count = 3


class ZeroPad1d(_Pad):
    """Zeros before and after the last dimension."""

    count, mode = 1, "constant"


class ZeroPad2d(_Pad):
    """Zeros around the last two dimensions: left, right, top, bottom."""

    count, mode = 2, "constant"


class ZeroPad3d(_Pad):
    """Zeros around the last three dimensions."""

    count, mode = 3, "constant"


class ReflectionPad1d(_Pad):
    """The last dimension mirrored at its ends."""

    count, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two dimensions mirrored at their ends."""

    count, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The last three dimensions mirrored at their ends."""

    count, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The last dimension with its outermost elements repeated."""

    count, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The last two dimensions with their outermost elements repeated."""

    count, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The last three dimensions with their outermost elements repeated."""

    count, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last dimension as a ring."""

    count, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two dimensions as rings."""

    count, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three dimensions as rings."""

    count, mode = 3, "circular"
