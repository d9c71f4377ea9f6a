"""Special functions with the names of PyTorch's and SciPy's `special`, with gradients.

With SCIPY_ARRAY_API set, `scipy.special` calls them for tensors, instead of converting to NumPy, which raises an error
if a gradient is required.

>>> ndtr(Tensor([0.0]))
tensor([0.5])
"""

from __future__ import annotations

from .backends import Expression, FormulaNamespace
from .backends.formulas.expression import Operand
from .core.public import publish
from .core.elementwise import elementwise
from .core.tensor import Tensor  # noqa: F401  (for the examples)
from .functions import log_softmax, softmax
from .functions import sigmoid as expit
from .operations.arithmetic import erf, exp2, expm1, log1p
from .operations.elementary import erfinv, logit, xlogy
from .operations.gamma import digamma
from .operations.gamma import lgamma as gammaln
from .operations.norms import logsumexp
from .operations.rarer import erfc

__all__ = ["digamma", "entr", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "kl_div", "log1p",
           "log_softmax", "logit", "logsumexp", "ndtr", "psi", "rel_entr", "softmax", "xlog1py", "xlogy"]

psi = digamma


@elementwise
def entr(xp: FormulaNamespace, input: Expression) -> Expression:
    """-x log(x), elementwise entropy: 0 at 0, and -infinity for negative numbers.

    >>> entr(Tensor([0.0, 1.0]))
    tensor([ 0., -0.])
    """
    return xp.where(input < 0, -xp.inf, xp.where(input == 0, 0.0, -input * xp.log(input)))


def _of_distributions(xp: FormulaNamespace, input: Expression, other: Expression, inside: Expression,
                      at_zero: Operand) -> Expression:
    """`inside` where both are positive, `at_zero` where the first is 0 and the other not negative, else infinity."""
    are_inside = xp.logical_and(input > 0, other > 0)
    is_flat = xp.logical_and(input == 0, other >= 0)
    are_nan = xp.logical_or(xp.isnan(input), xp.isnan(other))
    return xp.where(are_inside, inside, xp.where(is_flat, at_zero, xp.where(are_nan, xp.nan, xp.inf)))


@elementwise(widens=True)  # logarithms of similar numbers cancel
def rel_entr(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """x log(x / y), elementwise relative entropy: 0 where x is 0, infinite where one is negative.

    >>> rel_entr(Tensor([0.5, 0.0]), Tensor([0.25, 0.5]))
    tensor([0.3466, 0.    ])
    """
    return _of_distributions(xp, input, other, input * (xp.log(input) - xp.log(other)), 0.0)


@elementwise(widens=True)  # logarithms of similar numbers cancel
def kl_div(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """x log(x / y) - x + y, elementwise Kullback-Leibler divergence: y where x is 0, infinite where one is negative.

    >>> kl_div(Tensor([0.5, 0.0]), Tensor([0.25, 0.5]))
    tensor([0.0966, 0.5   ])
    """
    distance = (other - input) / input
    is_close = xp.abs(distance) < 0.5  # where all terms below the square of the distance cancel
    apart = input * (xp.log(input) - xp.log(other)) - input + other
    near = input * (distance - xp.log1p(xp.where(is_close, distance, 0.0)))
    return _of_distributions(xp, input, other, xp.where(is_close, near, apart), other)


@elementwise
def xlog1py(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """x log(1 + y), and 0 where x is 0, unless y is NaN.

    >>> xlog1py(Tensor([0.0, 2.0]), Tensor([-1.0, 1.0]))
    tensor([0.    , 1.3863])
    """
    is_flat = xp.logical_and(input == 0, xp.logical_or(other <= -1, other == xp.inf))
    return xp.where(is_flat, 0.0, input * xp.log1p(other))


@elementwise
def ndtr(xp: FormulaNamespace, input: Expression) -> Expression:
    """The standard normal distribution function.

    >>> ndtr(Tensor([0.0, 1.0]))
    tensor([0.5   , 0.8413])
    """
    return xp.normcdf(input)


publish(globals())
