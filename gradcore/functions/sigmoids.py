"""Activations of sigmoid shape, and smooth gates x * s(x) made of them.

The gates clamp their input where they are closed, since infinity times 0 would be NaN, while the limit is 0.
"""

from __future__ import annotations

from typing import Any

from ..backends import Expression, FormulaNamespace
from ..backends.formulas.special import TANH_CUBIC, TANH_SLOPE
from ..core.elementwise import elementwise
from ..core.tensor import Tensor


@elementwise
def sigmoid(xp: FormulaNamespace, x: Expression) -> Expression:
    """The logistic function, which maps numbers to probabilities.

    sigmoid(x) = 1 / (1 + e^-x);  derivative sigmoid(x) (1 - sigmoid(x)).
    Source: Verhulst, 1838; as a neuron: Rumelhart, Hinton and Williams, Nature 323, 1986, eq. 2.
    Good: gates and probabilities of two classes.  Bad: saturates, slope at most 1/4, not zero-centered.

    >>> from gradcore import Tensor
    >>> sigmoid(Tensor([-1.0, 0.0, 100.0]))
    tensor([0.2689, 0.5   , 1.    ])
    """
    return xp.sigmoid(x)


@sigmoid.derivative
def _(xp: FormulaNamespace, output: Expression) -> Expression:
    return output * (1.0 - output)


@elementwise
def tanh(xp: FormulaNamespace, x: Expression) -> Expression:
    """The hyperbolic tangent: a sigmoid from -1 to 1 through the origin.

    tanh(x) = 2 sigmoid(2x) - 1 = (e^x - e^-x) / (e^x + e^-x);  derivative 1 - tanh(x)^2.
    Source: LeCun et al., "Efficient BackProp", 1998, section 4.4.
    Good: zero-centered, slope 1 at the origin, states of recurrent networks.  Bad: saturates on both sides.

    >>> from gradcore import Tensor
    >>> tanh(Tensor([-100.0, 0.0, 0.5]))
    tensor([-1.    ,  0.    ,  0.4621])
    """
    return xp.tanh(x)


@tanh.derivative
def _(xp: FormulaNamespace, output: Expression) -> Expression:
    return 1.0 - output * output


@elementwise
def logsigmoid(xp: FormulaNamespace, x: Expression) -> Expression:
    """The logarithm of the logistic function, without underflow.

    logsigmoid(x) = -log(1 + e^-x) = min(0, x) - log(1 + e^-|x|);  derivative sigmoid(-x).
    Source: the log-likelihood of logistic regression: Cox, J. R. Stat. Soc. B 20, 1958.
    Good: likelihoods and losses.  Bad: unbounded below, so not for hidden layers.

    >>> from gradcore import Tensor
    >>> logsigmoid(Tensor([-100.0, 0.0]))
    tensor([-100.    ,   -0.6931])
    """
    return xp.minimum(x, 0.0) - xp.log1p(xp.exp(-xp.abs(x)))


@logsigmoid.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    return xp.sigmoid(-x)


@elementwise
def softsign(xp: FormulaNamespace, x: Expression) -> Expression:
    """A sigmoid from -1 to 1 that approaches its limits slowly, as 1/x.

    softsign(x) = x / (1 + |x|);  derivative 1 / (1 + |x|)^2.
    Source: Bergstra et al., "Quadratic Polynomials Learn Better Image Features", 2009; Glorot and Bengio, 2010.
    Good: no exponentials, saturates later than tanh.  Bad: its tails pass little gradient.

    >>> from gradcore import Tensor
    >>> softsign(Tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5 ,  0.  ,  0.75])
    """
    x = xp.clip(x, -1e30, 1e30)  # infinity over infinity would be NaN
    return x / (1.0 + xp.abs(x))


@softsign.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    return 1.0 / xp.square(1.0 + xp.abs(x))


@elementwise
def swish(xp: FormulaNamespace, x: Expression, beta: float = 1.0) -> Expression:
    """A smooth, non-monotonic rectifier: the input times its own gate.

    swish(x) = x sigmoid(beta x);  derivative s + beta swish(x) (1 - s) with s = sigmoid(beta x).
    Source: Ramachandran, Zoph and Le, "Searching for Activation Functions", 2017, section 3; as SiLU (beta = 1):
    Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", Neural Networks 107, 2018, eq. 3.
    Good: deep networks, often better than relu.  Bad: an exponential, and not monotonic.

    >>> from gradcore import Tensor
    >>> swish(Tensor([-1.0, 0.0, 100.0]))
    tensor([ -0.2689,   0.    , 100.    ])
    """
    x = xp.where(beta > 0, xp.maximum(x, -1e30), xp.where(beta < 0, xp.minimum(x, 1e30), x))
    return x * xp.sigmoid(_scaled(xp, x, beta))


@swish.derivative
def _(xp: FormulaNamespace, x: Expression, output: Expression, beta: float = 1.0) -> Expression:
    # As 1 + (beta swish - 1) q with q = sigmoid(-beta x), since 1 - s cancels where s is nearly 1 and swish is large.
    finite = xp.where(beta > 0, xp.minimum(output, 1e30), xp.where(beta < 0, xp.maximum(output, -1e30), 0.0))
    return 1.0 + (beta * finite - 1.0) * xp.sigmoid(-_scaled(xp, x, beta))


def _scaled(xp: FormulaNamespace, x: Expression, beta: float) -> Expression:
    """The argument of swish's gate; 0 for beta = 0, where beta times infinity would be NaN."""
    return xp.where(beta == 0, 0.0, beta * x)


silu = swish


@elementwise
def gelu_erf(xp: FormulaNamespace, x: Expression) -> Expression:
    """The Gaussian error linear unit, exactly: the kernel of `gelu`.

    gelu(x) = x P(x), P the normal distribution function;  derivative P(x) + x p(x), p the normal density.
    """
    x = xp.maximum(x, -100.0)
    return x * xp.normcdf(x)


@gelu_erf.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    x = xp.clip(x, -100.0, 100.0)
    return xp.normcdf(x) + x * xp.normpdf(x)


@elementwise
def gelu_tanh(xp: FormulaNamespace, x: Expression) -> Expression:
    """The Gaussian error linear unit with tanh instead of erf: the kernel of `gelu(x, "tanh")`.

    gelu(x) = x Q(x) with Q(x) = (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 instead of the normal distribution
    function;  derivative Q(x) + x Q'(x) with Q' = Q (1 - Q) 2 sqrt(2/pi) (1 + 3 · 0.044715 x^2).
    """
    x = xp.maximum(x, -100.0)
    return x * xp.normcdf_tanh(x)


@gelu_tanh.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    x = xp.clip(x, -100.0, 100.0)
    # The smaller one of Q(x) and 1 - Q(x), without cancellation.  Not of -|x|, whose slope at 0 is 0.
    small = xp.normcdf_tanh(xp.where(x > 0, -x, x))
    slope = TANH_SLOPE * (1.0 + 3.0 * TANH_CUBIC * (x * x))
    return xp.where(x > 0, 1.0 - small, small) + x * small * (1.0 - small) * slope


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """The Gaussian error linear unit: the input times the probability that a normal variable is below it.

    gelu(x) = x P(x) with the normal distribution function P;  derivative P(x) + x p(x) with its density p.
    With approximate="tanh": x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, section 2.
    Good: transformers; smooth everywhere.  Bad: the most expensive to compute.

    >>> gelu(Tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.    ,  0.8413])
    """
    if approximate not in _GELU:
        raise ValueError(f'gelu: `approximate` must be "none" or "tanh"; got {approximate!r}')
    return _GELU[approximate](x)


_GELU = {"none": gelu_erf, "tanh": gelu_tanh}


@elementwise
def mish(xp: FormulaNamespace, x: Expression) -> Expression:
    """A smooth, non-monotonic rectifier with a softer gate than swish.

    mish(x) = x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2);  derivative n/d + 4 x e^x (e^x + 1) / d^2
    with d = n + 2.
    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC 2020, eq. 1.
    Good: image models.  Bad: more expensive than swish for a small gain.

    >>> from gradcore import Tensor
    >>> mish(Tensor([-1.0, 0.0, 100.0]))
    tensor([ -0.3034,   0.    , 100.    ])
    """
    # The gate is 1 / (h + 1 / (4h)) with h = 1/2 + e^-x: no form is more accurate.  1 + e^-x may become expm1(-x) + 2.
    h = (1.0 + xp.exp(-x)) - 0.5
    return xp.maximum(x, -1e30) / (h + 0.25 / h)


@mish.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    x = xp.clip(x, -1000.0, 20.0)  # from 20 on the derivative is 1 in double precision
    e = xp.exp(x)
    n = e * (e + 2.0)
    d = n + 2.0
    return n / d + 4.0 * x * (e * (e + 1.0) / (d * d))


@elementwise
def tanhshrink(xp: FormulaNamespace, x: Expression) -> Expression:
    """The input minus its hyperbolic tangent.

    tanhshrink(x) = x - tanh(x);  derivative tanh(x)^2.
    Source: the module Tanhshrink of Torch: Collobert, Kavukcuoglu and Farabet, "Torch7", 2011.
    Good: sparse codes, smooth.  Bad: small inputs get little gradient.

    >>> from gradcore import Tensor
    >>> tanhshrink(Tensor([0.0, 2.0]))
    tensor([0.   , 1.036])
    """
    # Close to 0 the difference would cancel: there it is x^3 / 3 times Lambert's continued fraction of tanh, truncated
    # after 17.  Elsewhere |x| - 1 is exact, or much larger than the rest.
    square, size = x * x, xp.abs(x)
    above = 255255.0 + square * (18018.0 + square * (286.0 + square * (44.0 / 45.0)))
    below = 765765.0 + square * (360360.0 + square * (21021.0 + square * (308.0 + square)))
    far = size - 1.0 + 2.0 / (1.0 + xp.exp(size + size))
    return xp.where(size < 1.0, x * (square * (above / below)), xp.copysign(far, x))


@tanhshrink.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    return xp.square(xp.tanh(x))
