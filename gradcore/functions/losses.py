"""Losses, computed so that no finite prediction gives infinity or NaN.

All take `reduction`: "mean" over all elements, "sum", or "none" for the loss of each element.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from ..backends import Expression, FormulaNamespace
from ..core.arguments import between
from ..core.elementwise import elementwise
from ..operations.reduction import mean, sum
from ..operations.shaping import broadcast_to
from ..core.tensor import Tensor, as_tensor

_REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"mean": mean, "sum": sum, "none": lambda losses: losses}

# PyTorch's bounds of the logarithms, and of the denominator of their derivatives.
_LEAST_LOG = -100.0
_LEAST_VARIANCE = 1e-12


def check_reduction(reduction: str, loss: str) -> None:
    """Raise an error for an invalid `reduction`."""
    if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
        raise ValueError(f"{loss}: `reduction` must be one of {', '.join(_REDUCTIONS)}; got {reduction!r}")


def check_smoothing(label_smoothing: float, loss: str) -> None:
    """Raise an error unless label smoothing is from 0 to 1."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{loss}: `label_smoothing` must be between 0 and 1; got {label_smoothing}")


def reduced(losses: Tensor, reduction: str, loss: str) -> Tensor:
    """The losses of all elements, their sum or their mean."""
    check_reduction(reduction, loss)
    return _REDUCTIONS[reduction](losses)


def refuse_deprecated(loss: str, size_average: Any, reduce: Any) -> None:
    """Raise an error for PyTorch's deprecated `size_average` and `reduce`."""
    if size_average is not None or reduce is not None:
        raise TypeError(f"{loss}: size_average and reduce are deprecated in PyTorch and not supported; pass "
                        f"reduction={', '.join(map(repr, _REDUCTIONS))}")


def beside(prediction: Tensor, value: Any) -> Tensor:
    """`value` as a tensor on the device of the prediction."""
    return value if isinstance(value, Tensor) else as_tensor(value, device=prediction.device)


def _target_like(prediction: Tensor, target: Any, loss: str) -> Tensor:
    found = beside(prediction, target)
    if found.shape != prediction.shape:
        raise ValueError(f"{loss}: predictions and targets must have one shape; got {prediction.shape} and "
                         f"{found.shape}")
    return found


def elementwise_loss(loss: str, formula: Callable[..., Tensor], input: Any, target: Any, weight: Any = None,
                     reduction: str = "mean", deprecated: tuple[Any, ...] = (None, None), **constants: float) -> Tensor:
    """The reduced loss of a formula of each element and its target, times weights."""
    refuse_deprecated(loss, *deprecated)
    check_reduction(reduction, loss)
    input = as_tensor(input)
    target = _target_like(input, target, loss)
    weights = None if weight is None else weights_like(input, weight, loss)
    losses = formula(input, target, **constants)
    return reduced(losses if weights is None else losses * weights, reduction, loss)


def mean_over_weights(loss: str, formula: Callable[..., Tensor], input: Any, target: Any, weight: Any, reduction: str,
                      deprecated: tuple[Any, ...]) -> Tensor:
    """As `elementwise_loss`, with a mean weighted by the weights."""
    if weight is None or reduction != "mean":
        return elementwise_loss(loss, formula, input, target, weight, reduction, deprecated)
    total = elementwise_loss(loss, formula, input, target, weight, "sum", deprecated)
    return total / sum(broadcast_to(beside(total, weight), as_tensor(input).shape))


def weights_like(input: Tensor, weight: Any, loss: str) -> Tensor:
    """Weights that broadcast to the shape of the input."""
    given = beside(input, weight)
    try:
        fits = np.broadcast_shapes(given.shape, input.shape) == input.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{loss}: weights must broadcast to the shape of the input, {input.shape}; got "
                         f"{given.shape}")
    return given


@elementwise
def squared_error(xp: FormulaNamespace, prediction: Expression, target: Expression) -> Expression:
    """(prediction - target)^2: the kernel of `mse_loss`."""
    return xp.square(prediction - target)


def mse_loss(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean",
             weight: Any = None) -> Tensor:
    """The mean squared error, (x - t)^2;  derivative with respect to x: 2 (x - t).

    With `weight`, which broadcasts, "mean" divides by the sum of the weights, as in PyTorch.

    >>> mse_loss(Tensor([1.0, 3.0]), [1.0, 1.0])
    tensor(2.)
    """
    return mean_over_weights("mse_loss", squared_error, input, target, weight, reduction, (size_average, reduce))


@elementwise
def binary_log_loss(xp: FormulaNamespace, p: Expression, target: Expression) -> Expression:
    """-(t log p + (1 - t) log(1 - p)), logarithms at least -100: the kernel of `binary_cross_entropy`."""
    of_one, of_zero = xp.maximum(xp.log(p), _LEAST_LOG), xp.maximum(xp.log1p(-p), _LEAST_LOG)
    return (target - 1.0) * of_zero - target * of_one


@binary_log_loss.derivative
def _(xp: FormulaNamespace, p: Expression, target: Expression) -> tuple[Expression, ...]:
    of_one, of_zero = xp.maximum(xp.log(p), _LEAST_LOG), xp.maximum(xp.log1p(-p), _LEAST_LOG)
    return (p - target) / xp.maximum((1.0 - p) * p, _LEAST_VARIANCE), of_zero - of_one


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, size_average: None = None, reduce: None = None,
                         reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of targets t in [0, 1] under probabilities p: -(t log p + (1 - t) log(1 - p)).

    Logarithms are clamped to at least -100, which bounds the loss.  The derivative in p is (p - t) / (p (1 - p)).  If p
    comes from a sigmoid, `binary_cross_entropy_with_logits` is more accurate.

    >>> binary_cross_entropy(Tensor([0.5, 1.0]), [1.0, 0.0], reduction="none")
    tensor([  0.6931, 100.    ])
    """
    input = as_tensor(input)
    target = beside(input, target)
    for name, tensor in (("input", input), ("target", target)):
        between("binary_cross_entropy", name, tensor, 0, 1, nan=True)
    return elementwise_loss("binary_cross_entropy", binary_log_loss, input, target, weight, reduction,
                            (size_average, reduce))


@elementwise
def binary_logit_loss(xp: FormulaNamespace, x: Expression, target: Expression) -> Expression:
    """log(1 + e^x) - t x: the kernel of `binary_cross_entropy_with_logits`."""
    # Not as the difference of max(x, 0) and x t: both are infinite where x is.
    return xp.where(x > 0, x * (1.0 - target), -(x * target)) + xp.log1p(xp.exp(-xp.abs(x)))


@binary_logit_loss.derivative
def _(xp: FormulaNamespace, x: Expression, target: Expression) -> tuple[Expression, ...]:
    return xp.sigmoid(x) - target, -x


@elementwise
def weighted_logit_loss(xp: FormulaNamespace, x: Expression, target: Expression, pos_weight: Expression) -> Expression:
    """(1 - t) x + (1 + (w - 1) t) log(1 + e^-x): the kernel of `binary_cross_entropy_with_logits` with weights."""
    log_of_one = xp.logaddexp(-x, 0.0)
    return (1.0 - target) * x + (1.0 + (pos_weight - 1.0) * target) * log_of_one


@weighted_logit_loss.derivative
def _(xp: FormulaNamespace, x: Expression, target: Expression, pos_weight: Expression) -> tuple[Expression, ...]:
    log_of_one = xp.logaddexp(-x, 0.0)
    along_x = (1.0 - target) - (1.0 + (pos_weight - 1.0) * target) * xp.sigmoid(-x)
    return along_x, (pos_weight - 1.0) * log_of_one - x, target * log_of_one


def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, size_average: None = None,
                                     reduce: None = None, reduction: str = "mean", pos_weight: Any = None) -> Tensor:
    """The binary cross entropy of sigmoid(x), computed from the scores x: log(1 + e^x) - t x.

    Derivative with respect to x: sigmoid(x) - t.  `pos_weight`, which broadcasts, multiplies the term of the
    targets t.

    >>> binary_cross_entropy_with_logits(Tensor([0.0, 100.0]), [1.0, 0.0], reduction="none")
    tensor([  0.6931, 100.    ])
    """
    loss = "binary_cross_entropy_with_logits"
    if pos_weight is None:
        return elementwise_loss(loss, binary_logit_loss, input, target, weight, reduction, (size_average, reduce))
    pos_weight = weights_like(as_tensor(input), pos_weight, loss)
    return elementwise_loss(loss, lambda x, t: weighted_logit_loss(x, t, pos_weight), input, target, weight, reduction,
                            (size_average, reduce))
