"""Losses: how far predictions are from targets, computed so that no finite prediction gives infinity or NaN.

All take `reduction`: "mean" over all elements, "sum", or "none" for a loss of each.
"""

from __future__ import annotations

from typing import Any, Callable

from ..core.elementwise import elementwise
from ..operations.reduction import mean, sum
from ..core.tensor import Tensor, as_tensor

_REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"mean": mean, "sum": sum, "none": lambda losses: losses}

# PyTorch's bounds: logarithms of probabilities, and the divisor in their derivative.
_LEAST_LOG = -100.0
_LEAST_VARIANCE = 1e-12


def check_reduction(reduction: str, loss: str) -> None:
    """Refuse what is no way to reduce a loss."""
    if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
        raise ValueError(f"{loss}: `reduction` must be one of {', '.join(_REDUCTIONS)}; got {reduction!r}")


def check_smoothing(label_smoothing: float, loss: str) -> None:
    """Refuse what is no part of a likelihood."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{loss}: `label_smoothing` must be between 0 and 1; got {label_smoothing}")


def reduced(losses: Tensor, reduction: str, loss: str) -> Tensor:
    """The losses of all elements, their sum or their mean."""
    check_reduction(reduction, loss)
    return _REDUCTIONS[reduction](losses)


def refuse_deprecated(loss: str, size_average: Any, reduce: Any) -> None:
    """PyTorch's old names of `reduction` keep their places among the parameters, and are refused."""
    if size_average is not None or reduce is not None:
        raise TypeError(f"{loss}: size_average and reduce are deprecated in PyTorch and not taken here; pass "
                        f"reduction={', '.join(map(repr, _REDUCTIONS))}")


def beside(prediction: Tensor, value: Any) -> Tensor:
    """A tensor as it is; numbers and arrays from the host as a tensor on the device of the prediction."""
    return as_tensor(value, device=None if isinstance(value, Tensor) else prediction.device)


def _target_like(prediction: Tensor, target: Any, loss: str) -> Tensor:
    target = beside(prediction, target)
    if target.shape != prediction.shape:
        raise ValueError(f"{loss}: predictions and targets must have one shape; got {prediction.shape} and "
                         f"{target.shape}")
    return target


@elementwise
def squared_error(xp, prediction, target):
    """(prediction - target)^2: the kernel of `mse_loss`."""
    return xp.square(prediction - target)


def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The mean squared error, (p - t)^2;  derivative along p: 2 (p - t).

    >>> mse_loss(Tensor([1.0, 3.0]), [1.0, 1.0])
    tensor(2.)
    """
    prediction = as_tensor(prediction)
    return reduced(squared_error(prediction, _target_like(prediction, target, "mse_loss")), reduction, "mse_loss")


@elementwise
def binary_log_loss(xp, p, target):
    """-(t log p + (1 - t) log(1 - p)), logarithms at least -100: the kernel of `binary_cross_entropy`."""
    of_one, of_zero = xp.maximum(xp.log(p), _LEAST_LOG), xp.maximum(xp.log1p(-p), _LEAST_LOG)
    return (target - 1.0) * of_zero - target * of_one


@binary_log_loss.derivative
def _(xp, p, target):
    of_one, of_zero = xp.maximum(xp.log(p), _LEAST_LOG), xp.maximum(xp.log1p(-p), _LEAST_LOG)
    return (p - target) / xp.maximum((1.0 - p) * p, _LEAST_VARIANCE), of_zero - of_one


def binary_cross_entropy(p: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of targets in [0, 1] under probabilities: -(t log p + (1 - t) log(1 - p)).

    Logarithms are bounded by -100, so that a wrong certainty costs much and not infinitely much;  derivative along p:
    (p - t) / (p (1 - p)).  Where p comes from a sigmoid, `binary_cross_entropy_with_logits` is more accurate.

    >>> binary_cross_entropy(Tensor([0.5, 1.0]), [1.0, 0.0], reduction="none")
    tensor([  0.6931, 100.    ])
    """
    p = as_tensor(p)
    losses = binary_log_loss(p, _target_like(p, target, "binary_cross_entropy"))
    return reduced(losses, reduction, "binary_cross_entropy")


@elementwise
def binary_logit_loss(xp, x, target):
    """log(1 + e^x) - t x: the kernel of `binary_cross_entropy_with_logits`."""
    return xp.maximum(x, 0.0) - x * target + xp.log1p(xp.exp(-xp.abs(x)))


@binary_logit_loss.derivative
def _(xp, x, target):
    return xp.sigmoid(x) - target, -x


def binary_cross_entropy_with_logits(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The binary cross entropy of sigmoid(x), from the scores x themselves: log(1 + e^x) - t x.

    Derivative along x: sigmoid(x) - t.

    >>> binary_cross_entropy_with_logits(Tensor([0.0, 100.0]), [1.0, 0.0], reduction="none")
    tensor([  0.6931, 100.    ])
    """
    x = as_tensor(x)
    target = _target_like(x, target, "binary_cross_entropy_with_logits")
    return reduced(binary_logit_loss(x, target), reduction, "binary_cross_entropy_with_logits")
