"""The operators & | ^ ~: truth values of boolean tensors, bits of integer ones."""

from __future__ import annotations

from typing import Any

from ..backends.formulas.dtypes import kind_of, result_type
from ..core.broadcasting import cast
from ..core.tensor import Tensor, as_operand, as_tensor, common_backend


def _bitwise(name: str, *values: Any) -> Tensor:
    backend = common_backend(name, values)
    operands = [as_operand(value, backend, name) for value in values]
    dtype = result_type(operand._array if isinstance(operand, Tensor) else operand for operand in operands)
    if kind_of(dtype) == 2:
        raise TypeError(f"{name} takes boolean and integer tensors; got {dtype}")
    tensors = [operand if isinstance(operand, Tensor) else as_tensor(operand, device=backend.device)
               for operand in operands]
    function = getattr(backend.xp, name)
    return Tensor._wrap(backend.asarray(function(*[cast(tensor, dtype)._array for tensor in tensors])), backend)


def bitwise_and(a: Any, b: Any) -> Tensor:
    """``a & b``."""
    return _bitwise("bitwise_and", a, b)


def bitwise_or(a: Any, b: Any) -> Tensor:
    """``a | b``."""
    return _bitwise("bitwise_or", a, b)


def bitwise_xor(a: Any, b: Any) -> Tensor:
    """``a ^ b``."""
    return _bitwise("bitwise_xor", a, b)


def bitwise_not(a: Any) -> Tensor:
    """``~a``."""
    return _bitwise("bitwise_invert", a)
