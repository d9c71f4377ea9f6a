"""The operators & | ^ ~ << >>: logical for boolean tensors, bitwise for integer tensors."""

from __future__ import annotations

from typing import Any

from ..backends.formulas.dtypes import BOOL, kind_of
from ..core.arguments import between
from ..core.broadcasting import cast
from ..core.dimensions import common_shape
from ..core.tensor import Tensor, as_operand, as_tensor, common_backend
from .integers import common_dtype


def _bitwise(name: str, *values: Any, takes_booleans: bool = True) -> Tensor:
    backend = common_backend(name, values)
    operands = [as_operand(value, backend, name) for value in values]
    dtype = common_dtype(operands)
    if kind_of(dtype) == 2 or dtype == BOOL and not takes_booleans:
        raise TypeError(f"{name} takes {'boolean and ' if takes_booleans else ''}integer tensors; got {dtype}")
    tensors = [operand if isinstance(operand, Tensor) else as_tensor(operand, device=backend.device)
               for operand in operands]
    common_shape(name, [tensor.shape for tensor in tensors])
    function = getattr(backend.xp, name)
    return Tensor._wrap(backend.asarray(function(*[cast(tensor, dtype)._array for tensor in tensors])), backend)


def bitwise_and(a: Any, b: Any) -> Tensor:
    """``a & b``.

    >>> bitwise_and(Tensor([12], dtype="int64"), 10)
    tensor([8])
    """
    return _bitwise("bitwise_and", a, b)


def bitwise_or(a: Any, b: Any) -> Tensor:
    """``a | b``.

    >>> bitwise_or(Tensor([12], dtype="int64"), 10)
    tensor([14])
    """
    return _bitwise("bitwise_or", a, b)


def bitwise_xor(a: Any, b: Any) -> Tensor:
    """``a ^ b``.

    >>> bitwise_xor(Tensor([12], dtype="int64"), 10)
    tensor([6])
    """
    return _bitwise("bitwise_xor", a, b)


def bitwise_not(a: Any) -> Tensor:
    """``~a``.

    >>> ~Tensor([True, False], dtype="bool")
    tensor([False,  True])
    """
    return _bitwise("bitwise_invert", a)


def bitwise_left_shift(a: Any, b: Any) -> Tensor:
    """``a << b`` for integers: a · 2^b, without the bits that do not fit.

    >>> bitwise_left_shift(Tensor([1, 3], dtype="uint8"), 2)
    tensor([ 4, 12], dtype=uint8)
    """
    _check_shift("bitwise_left_shift", b)
    return _bitwise("left_shift", a, b, takes_booleans=False)


def bitwise_right_shift(a: Any, b: Any) -> Tensor:
    """``a >> b`` for integers, which keeps the sign: a / 2^b, rounded down.

    >>> bitwise_right_shift(Tensor([12], dtype="int64"), 2)
    tensor([3])
    """
    _check_shift("bitwise_right_shift", b)
    return _bitwise("right_shift", a, b, takes_booleans=False)


def _check_shift(name: str, places: Any) -> None:
    between(name, "b", as_tensor(places), 0, 2 ** 63 - 1)  # a shift by the dtype's width or more leaves only the sign
