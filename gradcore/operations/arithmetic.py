"""The operators and elementary functions on Tensors: one elementwise kernel each, with derived derivatives."""

from __future__ import annotations

from ..backends import Expression, FormulaNamespace, Kernel
from ..backends.formulas.dtypes import INT64
from ..backends.formulas.integers import beyond, nearest, wrapped
from ..core.broadcasting import cast
from ..core.elementwise import Elementwise, elementwise
from ..core.tensor import Tensor
from . import primitive_texts
from .conversion import clone
from .integers import BOOLEAN, INTEGER, dividing, fitting, otherwise, powering, truth


def _of_primitive(name: str) -> Elementwise[Tensor]:
    """The primitive `name` as an operation on Tensors."""
    operation: Elementwise[Tensor] = Elementwise.of_kernel(Kernel.of_primitive(name), {})
    operation.__module__ = __name__  # where pickle looks it up
    operation.__doc__ = primitive_texts.docstring(name)
    return operation


# Where doctest finds the examples of operations, which are not Python functions.
__test__ = {name: primitive_texts.docstring(name) for name in primitive_texts.TEXTS}


def _square_of_truth(x: Tensor) -> Tensor:
    x = cast(x, INT64)
    return x * x


_wrapping, _ordering, _comparing = fitting(wrapped, wrapped), fitting(nearest, nearest), fitting(beyond, beyond)
_of_truth, _keeping_integers = fitting(truth, truth), otherwise(INTEGER, clone)

add = _wrapping(_of_primitive("add"))
subtract = sub = _wrapping(_of_primitive("subtract"))
multiply = mul = _wrapping(_of_primitive("multiply"))
divide = div = _of_primitive("divide")
floor_divide = dividing(_of_primitive("floor_divide"))
remainder = dividing(_of_primitive("remainder"))
power = pow = powering(_of_primitive("power"))
negative = neg = _of_primitive("negative")
square = otherwise(BOOLEAN, _square_of_truth)(_of_primitive("square"))
reciprocal = _of_primitive("reciprocal")
sqrt = _of_primitive("sqrt")
abs = _of_primitive("abs")
sign = _of_primitive("sign")
copysign = _of_primitive("copysign")
signbit = _of_primitive("signbit")
nextafter = _of_primitive("nextafter")
hypot = _of_primitive("hypot")
floor = _keeping_integers(_of_primitive("floor"))
round = _keeping_integers(_of_primitive("round"))

exp = _of_primitive("exp")
exp2 = _of_primitive("exp2")
expm1 = _of_primitive("expm1")
log = _of_primitive("log")
log2 = _of_primitive("log2")
log10 = _of_primitive("log10")
log1p = _of_primitive("log1p")
sin = _of_primitive("sin")
cos = _of_primitive("cos")
sinh = _of_primitive("sinh")
cosh = _of_primitive("cosh")
tan = _of_primitive("tan")
arcsin = asin = _of_primitive("arcsin")
arccos = acos = _of_primitive("arccos")
arctan = atan = _of_primitive("arctan")
erf = _of_primitive("erf")

maximum = _ordering(_of_primitive("maximum"))
minimum = _ordering(_of_primitive("minimum"))

less = lt = _comparing(_of_primitive("less"))
less_equal = le = _comparing(_of_primitive("less_equal"))
greater = gt = _comparing(_of_primitive("greater"))
greater_equal = ge = _comparing(_of_primitive("greater_equal"))
equal = eq = _comparing(_of_primitive("equal"))
not_equal = ne = _comparing(_of_primitive("not_equal"))
logical_and = _of_truth(_of_primitive("logical_and"))
logical_or = _of_truth(_of_primitive("logical_or"))
logical_xor = _of_truth(_of_primitive("logical_xor"))
logical_not = _of_primitive("logical_not")


@elementwise
def isnan(xp: FormulaNamespace, x: Expression) -> Expression:
    """Whether an element is NaN.

    >>> isnan(Tensor([1.0, float("nan")]))
    tensor([False,  True])
    """
    return xp.isnan(x)


@elementwise
def isfinite(xp: FormulaNamespace, x: Expression) -> Expression:
    """Whether an element is neither infinite nor NaN.

    >>> isfinite(Tensor([1.0, float("inf")]))
    tensor([ True, False])
    """
    return xp.isfinite(x)


@elementwise
def isinf(xp: FormulaNamespace, x: Expression) -> Expression:
    """Whether an element is infinite.

    >>> isinf(Tensor([1.0, float("inf")]))
    tensor([False,  True])
    """
    return xp.abs(x) == xp.inf


@_keeping_integers
@elementwise
def ceil(xp: FormulaNamespace, x: Expression) -> Expression:
    """The smallest integer that is at least x.

    >>> ceil(Tensor([-1.5, 2.5]))
    tensor([-1.,  3.])
    """
    return -xp.floor(-x)


@_keeping_integers
@elementwise
def trunc(xp: FormulaNamespace, x: Expression) -> Expression:
    """x rounded toward zero.

    >>> trunc(Tensor([-1.5, 2.5]))
    tensor([-1.,  2.])
    """
    return towards_zero(xp, x)


def towards_zero(xp: FormulaNamespace, x: Expression) -> Expression:
    """The formula of `trunc`, for others."""
    return xp.where(x < 0, -xp.floor(-x), xp.floor(x))


@elementwise
def rsqrt(xp: FormulaNamespace, x: Expression) -> Expression:
    """1 / sqrt(x).

    >>> rsqrt(Tensor([4.0, 25.0]))
    tensor([0.5, 0.2])
    """
    return 1 / xp.sqrt(x)


@elementwise
def logaddexp(xp: FormulaNamespace, a: Expression, b: Expression) -> Expression:
    """log(exp(a) + exp(b)), without overflow.

    >>> logaddexp(Tensor([0.0, 1000.0]), Tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0007e+03])
    """
    return xp.logaddexp(a, b)
