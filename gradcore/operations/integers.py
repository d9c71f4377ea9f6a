"""Integer operands of elementwise operations, where the formula alone would lose digits or overflow.

Python integers are unbounded.  As in PyTorch, one takes the dtype of the integer tensor that it is combined with.  If
the dtype cannot hold it, it is `wrapped` in arithmetic, `beyond` every element in comparisons, and `nearest` in maximum
and minimum, as in formulas; storing it raises an error, or it is `kept`.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence, TypeVar, Union

import numpy as np

from ..backends import Backend
from ..backends.formulas.dtypes import kind_of, result_type
from ..backends.formulas.integers import NEGATIVE_EXPONENT, nearest, wrapped
from ..core.elementwise import Elementwise
from ..core.tensor import Tensor

Result = TypeVar("Result")
BOOLEAN, INTEGER = 0, 1  # results of `kind_of`
Fit = Callable[[int, np.dtype], Union[int, float]]


def truth(number: int, dtype: np.dtype) -> int:
    """1 if the number is nonzero, else 0."""
    return int(number != 0)


def exact(number: int, dtype: np.dtype) -> int:
    """The number; raises OverflowError if it is out of range."""
    if number != nearest(number, dtype):
        raise OverflowError(f"a tensor of {dtype} holds {np.iinfo(dtype).min} to {np.iinfo(dtype).max}; got {number}")
    return number


def kept(number: int, dtype: np.dtype) -> int:
    """As `exact`, but negative numbers wrap in unsigned dtypes, as in PyTorch."""
    is_counted_back = dtype.kind == "u" and -2 ** (8 * dtype.itemsize) < number < 0
    return wrapped(number, dtype) if is_counted_back else exact(number, dtype)


def stored(number: Union[int, float], dtype: np.dtype) -> Union[int, float]:
    """The value that a tensor of `dtype` stores for a Python number; raises OverflowError if there is none.

    >>> stored(2.7, np.dtype("int8")), stored(2, np.dtype("bool")), stored(-1, np.dtype("uint8"))
    (2, True, 255)
    """
    kind = kind_of(dtype)
    if kind == BOOLEAN:
        return bool(number)
    if kind == INTEGER:
        if not math.isfinite(number):
            raise OverflowError(f"a tensor of {dtype} holds finite numbers; got {number}")
        return kept(int(number), dtype)
    try:
        return float(number)
    except OverflowError:
        raise OverflowError(f"a tensor of {dtype} cannot hold an integer of {int(number).bit_length()} bits") from None


class _Fitting(Elementwise[Result]):
    """`operation` with Python integers fitted to the dtype of the tensors, by a rule for each argument."""

    def __init__(self, operation: Elementwise[Result], fits: Sequence[Fit]):
        self.__dict__.update(operation.__dict__)
        self._fits = fits

    def _operands(self, inputs: Sequence[Any]) -> list[Any]:
        operands = super()._operands(inputs)
        if any(value.__class__ is int and not 0 <= value < 128 for value in operands):  # all others fit
            dtype = common_dtype(operands)
            if kind_of(dtype) == INTEGER:
                operands = self._fitted(operands, dtype)
        return operands

    def _fitted(self, operands: Sequence[Any], dtype: np.dtype) -> list[Any]:
        try:
            return [fit(value, dtype) if value.__class__ is int else value
                    for fit, value in zip(self._fits, operands)]
        except OverflowError as error:
            raise OverflowError(f"{self.name.strip('_')}: {error}") from None


class _Dividing(_Fitting[Result]):
    """A division that raises ZeroDivisionError for integers if the host can read the divisor.

    Reading it on other devices would wait; their kernels give 0.
    """

    def run(self, inputs: Sequence[Any], values: tuple[float, ...], backend: Backend) -> Result:
        if _divides_by_zero(*inputs):
            raise ZeroDivisionError(f"{self.name}: an integer was divided by zero; in float tensors that is infinite "
                                    f"or NaN")
        return super().run(inputs, values, backend)


class _Powering(_Fitting[Result]):
    """A power that raises ValueError for negative exponents of integers, if the host can read them."""

    def run(self, inputs: Sequence[Any], values: tuple[float, ...], backend: Backend) -> Result:
        if _has_negative_exponent(*inputs):
            raise ValueError(f"{self.name}: {NEGATIVE_EXPONENT}")
        return super().run(inputs, values, backend)


def _has_negative_exponent(base: Any, exponent: Any) -> bool:
    if not isinstance(exponent, Tensor):
        return exponent < 0 and kind_of(common_dtype((base, exponent))) < 2
    backend = exponent._backend
    if exponent.dtype.kind != "i" or not backend.is_synchronous or kind_of(common_dtype((base, exponent))) == 2:
        return False
    return bool((backend.to_numpy(exponent._array) < 0).any())


def _divides_by_zero(a: Any, b: Any) -> bool:
    tensors = [value for value in (a, b) if isinstance(value, Tensor)]
    if any(value.dtype.kind == "f" or not value.size for value in tensors) or kind_of(common_dtype((a, b))) == 2:
        return False
    if not isinstance(b, Tensor):
        return bool(b == 0)
    backend = b._backend
    return backend.is_synchronous and not backend.to_numpy(backend.astype(b._array, common_dtype((a, b)))).all()


class _Otherwise(Elementwise[Result]):
    """`operation`, replaced by a function of tensors and constants for tensors of one kind."""

    def __init__(self, operation: Elementwise[Result], kind: int, function: Callable[..., Result]):
        self.__dict__.update(operation.__dict__)
        self._kind, self._function = kind, function

    def run(self, inputs: Sequence[Any], values: tuple[float, ...], backend: Backend) -> Result:
        if kind_of(common_dtype(inputs)) == self._kind:
            return self._function(*inputs, *values)
        return super().run(inputs, values, backend)


def fitting(*fits: Fit) -> Callable[[Elementwise[Result]], Elementwise[Result]]:
    """A decorator that fits the integers of an elementwise operation, by a rule for each argument."""
    return lambda operation: _Fitting(operation, fits)


def dividing(operation: Elementwise[Result]) -> Elementwise[Result]:
    """A decorator that wraps the integers of a division and rejects integer division by zero."""
    return _Dividing(operation, (wrapped, wrapped))


def powering(operation: Elementwise[Result]) -> Elementwise[Result]:
    """A decorator that wraps the base of a power and rejects negative integer powers of integers."""
    return _Powering(operation, (wrapped, exact))


def otherwise(kind: int, function: Callable[..., Result]) -> Callable[[Elementwise[Result]], Elementwise[Result]]:
    """A decorator that replaces an elementwise operation by `function` for tensors of one kind, BOOLEAN or INTEGER."""
    return lambda operation: _Otherwise(operation, kind, function)


def common_dtype(operands: Sequence[Any]) -> np.dtype:
    """The dtype in which tensors and numbers meet."""
    return result_type(value._array if isinstance(value, Tensor) else value for value in operands)
