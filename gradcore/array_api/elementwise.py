"""Elementwise functions, each an operation under the standard's name.

In the standard zero-dimensional tensors take part in type promotion like all others, unlike in PyTorch: float32 and a
zero-dimensional float64 give float64 here and float32 there.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Union

from .. import functions
from ..core.tensor import Number, Tensor
from ..operations import arithmetic, bits, conversion, creation, elementary, selection, shaping

Operand = Union[Tensor, Number]


def _named(function: Callable[..., Any], name: str, operation: Any, doc: str) -> Callable[..., Any]:
    # An example of the operation has names of its own module.
    text = doc or inspect.cleandoc(operation.__doc__ or f"{name} of each element.").partition("\n>>>")[0].rstrip()
    function.__name__, function.__qualname__, function.__doc__ = name, name, text
    return function


def _of_one(name: str, operation: Callable[..., Tensor], doc: str = "") -> Callable[..., Any]:
    def function(x: Tensor, /) -> Tensor:
        return operation(x)

    return _named(function, name, operation, doc)


def _of_two(name: str, operation: Callable[..., Tensor], doc: str = "") -> Callable[..., Any]:
    def function(x1: Operand, x2: Operand, /) -> Tensor:
        if isinstance(x1, Tensor) and isinstance(x2, Tensor) and x1._array.dtype is not x2._array.dtype:
            x1, x2 = of_one_rank(x1, x2)
        return operation(x1, x2)

    return _named(function, name, operation, doc)


def of_one_rank(*operands: Operand) -> list[Operand]:
    """Zero-dimensional tensors with as many dimensions of length one as the others, so that their dtypes count
    equally.
    """
    most = max([operand.ndim for operand in operands if isinstance(operand, Tensor)], default=0)
    return [shaping.reshape(operand, (1,) * most) if isinstance(operand, Tensor) and not operand.ndim else operand
            for operand in operands]


abs = _of_one("abs", arithmetic.abs)
acos = _of_one("acos", arithmetic.acos)
acosh = _of_one("acosh", elementary.acosh)
asin = _of_one("asin", arithmetic.asin)
asinh = _of_one("asinh", elementary.asinh)
atan = _of_one("atan", arithmetic.atan)
atanh = _of_one("atanh", elementary.atanh)
bitwise_invert = _of_one("bitwise_invert", bits.bitwise_not, "~x: the opposite of truth values, or of each bit.")
ceil = _of_one("ceil", arithmetic.ceil)
cos = _of_one("cos", arithmetic.cos)
cosh = _of_one("cosh", arithmetic.cosh)
exp = _of_one("exp", arithmetic.exp)
expm1 = _of_one("expm1", arithmetic.expm1)
floor = _of_one("floor", arithmetic.floor)
isfinite = _of_one("isfinite", arithmetic.isfinite)
isinf = _of_one("isinf", arithmetic.isinf)
isnan = _of_one("isnan", arithmetic.isnan)
log = _of_one("log", arithmetic.log)
log10 = _of_one("log10", arithmetic.log10)
log1p = _of_one("log1p", arithmetic.log1p)
log2 = _of_one("log2", arithmetic.log2)
logical_not = _of_one("logical_not", arithmetic.logical_not)
negative = _of_one("negative", arithmetic.negative)
positive = _of_one("positive", conversion.clone, "+x: a copy.")
reciprocal = _of_one("reciprocal", arithmetic.reciprocal)
round = _of_one("round", arithmetic.round)
sign = _of_one("sign", arithmetic.sign)
signbit = _of_one("signbit", arithmetic.signbit)
sin = _of_one("sin", arithmetic.sin)
sinh = _of_one("sinh", arithmetic.sinh)
sqrt = _of_one("sqrt", arithmetic.sqrt)
square = _of_one("square", arithmetic.square)
tan = _of_one("tan", arithmetic.tan)
tanh = _of_one("tanh", functions.tanh)
trunc = _of_one("trunc", arithmetic.trunc)
# Of real numbers, and there are no others.
conj = _of_one("conj", conversion.clone, "The complex conjugate, of real numbers a copy.")
real = _of_one("real", conversion.clone, "The real part, of real numbers a copy.")
imag = _of_one("imag", creation.zeros_like, "The imaginary part, of real numbers zeros.")

add = _of_two("add", arithmetic.add)
atan2 = _of_two("atan2", elementary.atan2, "The angle of the point (x2, x1), from -pi to pi.")
bitwise_and = _of_two("bitwise_and", bits.bitwise_and)
bitwise_left_shift = _of_two("bitwise_left_shift", bits.bitwise_left_shift)
bitwise_or = _of_two("bitwise_or", bits.bitwise_or)
bitwise_right_shift = _of_two("bitwise_right_shift", bits.bitwise_right_shift)
bitwise_xor = _of_two("bitwise_xor", bits.bitwise_xor)
copysign = _of_two("copysign", arithmetic.copysign)
divide = _of_two("divide", arithmetic.divide)
equal = _of_two("equal", arithmetic.equal)
floor_divide = _of_two("floor_divide", arithmetic.floor_divide)
greater = _of_two("greater", arithmetic.greater)
greater_equal = _of_two("greater_equal", arithmetic.greater_equal)
hypot = _of_two("hypot", arithmetic.hypot)
less = _of_two("less", arithmetic.less)
less_equal = _of_two("less_equal", arithmetic.less_equal)
logaddexp = _of_two("logaddexp", arithmetic.logaddexp)
logical_and = _of_two("logical_and", arithmetic.logical_and)
logical_or = _of_two("logical_or", arithmetic.logical_or)
logical_xor = _of_two("logical_xor", arithmetic.logical_xor)
maximum = _of_two("maximum", arithmetic.maximum)
minimum = _of_two("minimum", arithmetic.minimum)
multiply = _of_two("multiply", arithmetic.multiply)
nextafter = _of_two("nextafter", arithmetic.nextafter)
not_equal = _of_two("not_equal", arithmetic.not_equal)
pow = _of_two("pow", arithmetic.power)
remainder = _of_two("remainder", arithmetic.remainder)
subtract = _of_two("subtract", arithmetic.subtract)


def clip(x: Tensor, /, min: Union[None, Operand] = None, max: Union[None, Operand] = None) -> Tensor:
    """`x` clamped to [min, max] (numbers, tensors, or None for no bound), in the dtype of `x`.

    >>> clip(Tensor([1, 5, 9]), 2, 6)
    tensor([2., 5., 6.])
    """
    return conversion.clone(x) if min is None and max is None else selection.clip(x, min, max)
