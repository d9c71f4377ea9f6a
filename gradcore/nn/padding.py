"""Padding layers."""

from __future__ import annotations

from typing import Any, Optional

from ..core.dimensions import is_integer
from ..core.tensor import Tensor
from ..operations.rearranging import pad
from .module import Module


class _Pad(Module):
    """Base class of padding layers; `padding` is a number for all ends, or one for each."""

    count: int
    mode: str
    value: Optional[float] = None

    def __init__(self, padding: Any):
        sizes = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.count)
        if len(sizes) != 2 * self.count or not all(map(is_integer, sizes)):
            raise ValueError(f"{type(self).__name__}: `padding` must be an integer, or {2 * self.count}; got "
                             f"{padding!r:.80}")
        self.padding = sizes

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}" + ("" if self.value is None else f", value={self.value}")


class ConstantPad1d(_Pad):
    """Pads both ends of the last dimension with a number.

    >>> ConstantPad1d(1, 5.0)(Tensor([[[1.0, 2.0]]]))
    tensor([[[5., 1., 2., 5.]]])
    """

    count, mode = 1, "constant"

    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value


class ConstantPad2d(ConstantPad1d):
    """Pads the last two dimensions with a number: left, right, top, bottom.

    >>> ConstantPad2d((1, 0, 0, 1), 5.0)(Tensor([[[[1.0, 2.0]]]]))
    tensor([[[[5., 1., 2.],
              [5., 5., 5.]]]])
    """

    count = 2


class ConstantPad3d(ConstantPad1d):
    """Pads the last three dimensions with a number: left, right, top, bottom, front, back.

    >>> ConstantPad3d((1, 0, 0, 0, 0, 0), 5.0)(Tensor([[[[[1.0, 2.0]]]]]))
    tensor([[[[[5., 1., 2.]]]]])
    """

    count = 3


class ZeroPad1d(_Pad):
    """Pads both ends of the last dimension with zeros.

    >>> ZeroPad1d(1)(Tensor([[[1.0, 2.0]]]))
    tensor([[[0., 1., 2., 0.]]])
    """

    count, mode = 1, "constant"


class ZeroPad2d(_Pad):
    """Pads the last two dimensions with zeros: left, right, top, bottom.

    >>> ZeroPad2d((1, 0, 0, 1))(Tensor([[[[1.0, 2.0]]]]))
    tensor([[[[0., 1., 2.],
              [0., 0., 0.]]]])
    """

    count, mode = 2, "constant"


class ZeroPad3d(_Pad):
    """Pads the last three dimensions with zeros.

    >>> ZeroPad3d((1, 0, 0, 0, 0, 0))(Tensor([[[[[1.0, 2.0]]]]]))
    tensor([[[[[0., 1., 2.]]]]])
    """

    count, mode = 3, "constant"


class ReflectionPad1d(_Pad):
    """Pads the last dimension by reflection at its ends.

    >>> ReflectionPad1d(2)(Tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[3., 2., 1., 2., 3., 2., 1.]]])
    """

    count, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Pads the last two dimensions by reflection at their ends.

    >>> ReflectionPad2d((1, 0, 0, 0))(Tensor([[[[1.0, 2.0, 3.0]]]]))
    tensor([[[[2., 1., 2., 3.]]]])
    """

    count, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Pads the last three dimensions by reflection at their ends.

    >>> ReflectionPad3d((1, 0, 0, 0, 0, 0))(Tensor([[[[[1.0, 2.0, 3.0]]]]]))
    tensor([[[[[2., 1., 2., 3.]]]]])
    """

    count, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Pads the last dimension by repeating its edge.

    >>> ReplicationPad1d(2)(Tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[1., 1., 1., 2., 3., 3., 3.]]])
    """

    count, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Pads the last two dimensions by repeating their edges.

    >>> ReplicationPad2d((1, 0, 0, 1))(Tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2.],
              [1., 1., 2.]]]])
    """

    count, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Pads the last three dimensions by repeating their edges.

    >>> ReplicationPad3d((1, 0, 0, 0, 0, 0))(Tensor([[[[[1.0, 2.0, 3.0]]]]]))
    tensor([[[[[1., 1., 2., 3.]]]]])
    """

    count, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Pads the last dimension periodically.

    >>> CircularPad1d(1)(Tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[3., 1., 2., 3., 1.]]])
    """

    count, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Pads the last two dimensions periodically.

    >>> CircularPad2d((1, 0, 0, 0))(Tensor([[[[1.0, 2.0, 3.0]]]]))
    tensor([[[[3., 1., 2., 3.]]]])
    """

    count, mode = 2, "circular"


class CircularPad3d(_Pad):
    """Pads the last three dimensions periodically.

    >>> CircularPad3d((1, 0, 0, 0, 0, 0))(Tensor([[[[[1.0, 2.0, 3.0]]]]]))
    tensor([[[[[3., 1., 2., 3.]]]]])
    """

    count, mode = 3, "circular"
