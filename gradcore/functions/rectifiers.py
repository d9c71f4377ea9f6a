"""Piecewise linear activations, which bend at one or two points and are fast on every device.

At a bend the gradient is PyTorch's.  A slope is never inferred from the sign of the output, since slopes may be zero
or negative.
"""

from __future__ import annotations

import math

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from ..operations.integers import INTEGER, otherwise, stored
from ..operations.selection import clip, where

_BEYOND_INTEGERS = 2.0 ** 64  # out of range for every integer dtype


@elementwise
def relu(xp: FormulaNamespace, x: Expression) -> Expression:
    """The rectified linear unit: positive inputs pass, negative ones become 0.

    relu(x) = max(0, x);  derivative 1 for x > 0, else 0.
    Source: Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML 2010, section 2.
    Good: the cheapest activation, and gradients of active units do not vanish with depth.
    Bad: a unit that is negative for every sample gets no gradient (it is "dead").

    >>> from gradcore import Tensor
    >>> relu(Tensor([-2.0, 0.0, 3.0]))
    tensor([0., 0., 3.])
    """
    return xp.maximum(x, 0.0)


@relu.derivative
def _(xp: FormulaNamespace, output: Expression) -> Expression:
    return xp.where(output != 0, 1.0, 0.0)  # unlike output > 0 it passes the gradient at NaN, at the same cost


@elementwise
def leaky_relu(xp: FormulaNamespace, x: Expression, negative_slope: float = 0.01) -> Expression:
    """A rectifier with a small slope a for negative inputs.

    leaky_relu(x) = max(a x, x), for a > 1 the smaller one;  derivative 1 for x > 0, else a.
    Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML 2013, eq. 2.
    Good: no dead units.  Bad: another hyperparameter, often for a small gain over relu.

    >>> from gradcore import Tensor
    >>> leaky_relu(Tensor([-2.0, 0.0, 3.0]), negative_slope=0.5)
    tensor([-1.,  0.,  3.])
    """
    # A maximum costs less than a choice, but is correct for usual slopes only.
    is_usual = xp.logical_and(negative_slope >= 0, negative_slope <= 1)
    scaled = xp.where(negative_slope == 0, 0.0, negative_slope * x)  # 0 times infinity would be NaN
    return xp.where(is_usual, xp.maximum(x, scaled), xp.where(x > 0, x, scaled))


@leaky_relu.derivative
def _(xp: FormulaNamespace, x: Expression, negative_slope: float = 0.01) -> Expression:
    return xp.where(x > 0, 1.0, negative_slope)


def _threshold_of_integers(x: Tensor, threshold: float, value: float) -> Tensor:
    below = math.floor(threshold) if math.isfinite(threshold) else threshold
    return where(x <= below, int(stored(value, x.dtype)), x)


@otherwise(INTEGER, _threshold_of_integers)
@elementwise
def threshold(xp: FormulaNamespace, x: Expression, threshold: float = 0.0, value: float = 0.0) -> Expression:
    """Inputs above a threshold pass, all others become one value.

    threshold(x) = x for x > threshold, else value;  derivative 1 for x > threshold, else 0.
    Source: the general form of the unit of Nair and Hinton (2010), as in PyTorch.
    Good: sparse outputs.  Bad: discontinuous unless the value is the threshold.

    >>> from gradcore import Tensor
    >>> threshold(Tensor([0.5, 1.5]), threshold=1.0, value=-1.0)
    tensor([-1. ,  1.5])
    """
    return xp.where(x <= threshold, value, x)


def _hardtanh_of_integers(x: Tensor, min_val: float, max_val: float) -> Tensor:
    finite = [max(-_BEYOND_INTEGERS, min(bound, _BEYOND_INTEGERS)) for bound in (min_val, max_val)]
    return clip(x, *map(int, finite))


@otherwise(INTEGER, _hardtanh_of_integers)
@elementwise
def hardtanh(xp: FormulaNamespace, x: Expression, min_val: float = -1.0, max_val: float = 1.0) -> Expression:
    """The identity between two bounds, constant beyond: a piecewise linear tanh.

    hardtanh(x) = min(max(x, min_val), max_val);  derivative 1 strictly between the bounds, else 0.
    Source: Collobert, "Large Scale Machine Learning", PhD thesis, Paris 2004, section 3.4.
    Good: bounded and cheap.  Bad: saturated units get no gradient.

    >>> from gradcore import Tensor
    >>> hardtanh(Tensor([-2.0, 0.5, 2.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    return xp.clip(x, min_val, max_val)


@hardtanh.demands("`min_val` must be at most `max_val`")
def _(min_val: float, max_val: float) -> bool:
    return min_val <= max_val


@hardtanh.derivative
def _(xp: FormulaNamespace, x: Expression, min_val: float = -1.0, max_val: float = 1.0) -> Expression:
    return xp.where(xp.logical_or(x <= min_val, x >= max_val), 0.0, 1.0)


@elementwise
def relu6(xp: FormulaNamespace, x: Expression) -> Expression:
    """A rectifier that is capped at 6.

    relu6(x) = min(max(0, x), 6);  derivative 1 for 0 < x < 6, else 0.
    Source: Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010, section 4.
    Good: a known range, for low-precision arithmetic.  Bad: dead units, at both ends.

    >>> from gradcore import Tensor
    >>> relu6(Tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """
    return xp.clip(x, 0.0, 6.0)


@relu6.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    return xp.where(xp.logical_or(x <= 0, x >= 6), 0.0, 1.0)


@elementwise
def hardsigmoid(xp: FormulaNamespace, x: Expression) -> Expression:
    """A piecewise linear sigmoid.

    hardsigmoid(x) = min(max(0, x + 3), 6) / 6;  derivative 1/6 for -3 < x < 3, else 0.
    Source: Courbariaux, Bengio and David, "BinaryConnect", NIPS 2015, eq. 3, with the slope of MobileNetV3.
    Good: a gate without exponentials.  Bad: saturated units get no gradient.

    >>> from gradcore import Tensor
    >>> hardsigmoid(Tensor([-4.0, 0.0, 4.0]))
    tensor([0. , 0.5, 1. ])
    """
    return xp.clip(x + 3.0, 0.0, 6.0) / 6.0


@hardsigmoid.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    return xp.where(xp.logical_or(x <= -3, x >= 3), 0.0, 1 / 6)


@elementwise
def hardswish(xp: FormulaNamespace, x: Expression) -> Expression:
    """Swish with a piecewise linear sigmoid.

    hardswish(x) = x min(max(0, x + 3), 6) / 6;  derivative 0 for x <= -3, 1 for x >= 3, else x/3 + 1/2.
    Source: Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.
    Good: nearly swish, for devices with slow exponentials.  Bad: its derivative jumps twice.

    >>> from gradcore import Tensor
    >>> hardswish(Tensor([-1.5, 1.5, 4.0]))
    tensor([-0.375,  1.125,  4.   ])
    """
    x = xp.maximum(x, -3.0)  # 0 times minus infinity would be NaN
    return x * (xp.minimum(x + 3.0, 6.0) / 6.0)


@hardswish.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    return xp.where(x <= -3, 0.0, xp.where(x >= 3, 1.0, x / 3.0 + 0.5))


@elementwise
def hardshrink(xp: FormulaNamespace, x: Expression, lambd: float = 0.5) -> Expression:
    """Inputs close to zero become zero, all others pass.

    hardshrink(x) = x for |x| > lambd, else 0;  derivative 1 for |x| > lambd, else 0.
    Source: Donoho and Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage", Biometrika 81, 1994.
    Good: sparse codes.  Bad: discontinuous, and inputs close to zero get no gradient.

    >>> from gradcore import Tensor
    >>> hardshrink(Tensor([-2.0, 0.25, 1.0]))
    tensor([-2.,  0.,  1.])
    """
    return xp.where(xp.abs(x) <= lambd, 0.0, x)  # in this order NaN stays NaN


@elementwise
def softshrink(xp: FormulaNamespace, x: Expression, lambd: float = 0.5) -> Expression:
    """Inputs close to zero become zero, all others move toward it.

    softshrink(x) = x - lambd for x > lambd, x + lambd for x < -lambd, else 0;  derivative 1 for |x| > lambd, else 0.
    Source: as `hardshrink`.  Good: sparse codes, continuous.  Bad: large inputs are biased toward 0.

    >>> from gradcore import Tensor
    >>> softshrink(Tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5,  0. ,  0.5])
    """
    return x - xp.clip(x, -lambd, lambd)


@softshrink.derivative
def _(xp: FormulaNamespace, x: Expression, lambd: float = 0.5) -> Expression:
    return xp.where(xp.abs(x) <= lambd, 0.0, 1.0)
