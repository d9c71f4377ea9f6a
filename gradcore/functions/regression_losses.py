"""Losses of regression and of distributions, one formula each."""

from __future__ import annotations

import math
from typing import Any

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor, as_tensor
from .losses import beside, elementwise_loss, mean_over_weights, reduced


@elementwise
def absolute_error(xp: FormulaNamespace, prediction: Expression, target: Expression) -> Expression:
    """|prediction - target|: the kernel of `l1_loss`."""
    return xp.abs(prediction - target)


@elementwise
def smooth_absolute_error(xp: FormulaNamespace, prediction: Expression, target: Expression,
                          beta: float = 1.0) -> Expression:
    """(p - t)^2 / (2 beta) closer than beta, else |p - t| - beta / 2: the kernel of `smooth_l1_loss`."""
    distance = xp.abs(prediction - target)
    return xp.where(distance < beta, 0.5 * distance * distance / beta, distance - 0.5 * beta)


@smooth_absolute_error.derivative
def _(xp: FormulaNamespace, prediction: Expression, target: Expression, beta: float = 1.0) -> tuple[Expression, ...]:
    error = prediction - target
    slope = xp.where(xp.abs(error) < beta, error / beta, xp.sign(error))
    return slope, -slope


@elementwise
def huber_error(xp: FormulaNamespace, prediction: Expression, target: Expression, delta: float = 1.0) -> Expression:
    """(p - t)^2 / 2 up to delta, else delta (|p - t| - delta / 2): the kernel of `huber_loss`."""
    distance = xp.abs(prediction - target)
    return xp.where(distance <= delta, 0.5 * distance * distance, delta * (distance - 0.5 * delta))


@huber_error.derivative
def _(xp: FormulaNamespace, prediction: Expression, target: Expression, delta: float = 1.0) -> tuple[Expression, ...]:
    slope = xp.clip(prediction - target, -delta, delta)
    return slope, -slope


@elementwise
def divergence(xp: FormulaNamespace, log_q: Expression, target: Expression) -> Expression:
    """t (log t - log q), which is 0 for t = 0: the kernel of `kl_div`."""
    is_positive = target > 0
    log_target = xp.log(xp.where(is_positive, target, 1.0))
    return xp.where(is_positive, target * (log_target - log_q), xp.where(target == 0, 0.0, xp.nan))


@divergence.derivative
def _(xp: FormulaNamespace, log_q: Expression, target: Expression) -> tuple[Expression, ...]:
    is_positive = target > 0
    return -target, xp.where(is_positive, xp.log(xp.where(is_positive, target, 1.0)) + 1.0 - log_q, 0.0)


@elementwise
def log_divergence(xp: FormulaNamespace, log_q: Expression, log_target: Expression) -> Expression:
    """t (log t - log q) with log t given: the kernel of `kl_div`."""
    return xp.exp(log_target) * (log_target - log_q)


@elementwise
def count_loss_of_log(xp: FormulaNamespace, log_rate: Expression, count: Expression) -> Expression:
    """e^x - t x: the kernel of `poisson_nll_loss`."""
    return xp.exp(log_rate) - count * log_rate


@elementwise
def count_loss(xp: FormulaNamespace, rate: Expression, count: Expression, eps: float = 1e-8) -> Expression:
    """x - t log(x + eps): the kernel of `poisson_nll_loss`."""
    return rate - count * xp.log(rate + eps)


@elementwise(widens=True)
def stirling(xp: FormulaNamespace, count: Expression) -> Expression:
    """Stirling's approximation of log(t!), for t > 1."""
    above = xp.where(count > 1, count, 1.0)
    return xp.where(count > 1, above * xp.log(above) - above + 0.5 * xp.log(2 * math.pi * above), 0.0)


@elementwise
def gaussian_loss(xp: FormulaNamespace, mean: Expression, target: Expression, variance: Expression) -> Expression:
    """(log v + (x - t)^2 / v) / 2: the kernel of `gaussian_nll_loss`."""
    return 0.5 * (xp.log(variance) + xp.square(mean - target) / variance)


@elementwise
def soft_margin(xp: FormulaNamespace, x: Expression, target: Expression) -> Expression:
    """log(1 + e^(-t x)): the kernel of `soft_margin_loss`."""
    product = -target * x
    return xp.maximum(product, 0.0) + xp.log1p(xp.exp(-xp.abs(product)))


@soft_margin.derivative
def _(xp: FormulaNamespace, x: Expression, target: Expression) -> tuple[Expression, ...]:
    slope = -xp.sigmoid(-target * x)
    return target * slope, x * slope


def l1_loss(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean",
            weight: Any = None) -> Tensor:
    """The mean absolute error, |x - t|;  derivative in x: its sign.

    >>> l1_loss(Tensor([1.0, 3.0]), [1.0, 1.0])
    tensor(1.)
    """
    return mean_over_weights("l1_loss", absolute_error, input, target, weight, reduction, (size_average, reduce))


def smooth_l1_loss(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean",
                   beta: float = 1.0) -> Tensor:
    """The absolute error, quadratic where it is less than `beta`.

    loss = (x - t)^2 / (2 beta) for |x - t| < beta, else |x - t| - beta / 2.
    Source: Girshick, "Fast R-CNN", ICCV 2015, eq. 3.

    >>> smooth_l1_loss(Tensor([0.5, 3.0]), [0.0, 0.0], reduction="none")
    tensor([0.125, 2.5  ])
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: `beta` must be at least 0; got {beta}")
    formula = absolute_error if beta == 0 else lambda x, t: smooth_absolute_error(x, t, beta=beta)
    return elementwise_loss("smooth_l1_loss", formula, input, target, None, reduction, (size_average, reduce))


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """The squared error up to `delta`, linear beyond.

    loss = (x - t)^2 / 2 for |x - t| <= delta, else delta (|x - t| - delta / 2).
    Source: Huber, "Robust Estimation of a Location Parameter", Annals of Math. Stat. 35, 1964.

    >>> huber_loss(Tensor([0.5, 3.0]), [0.0, 0.0], reduction="none")
    tensor([0.125, 2.5  ])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: `delta` must be above 0; got {delta}")
    return elementwise_loss("huber_loss", huber_error, input, target, weight, reduction, delta=delta)


def kl_div(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean",
           log_target: bool = False) -> Tensor:
    """The Kullback-Leibler divergence t (log t - log q) of targets t from probabilities q, given as log q.

    `reduction` may also be "batchmean": the sum divided by the batch size (dimension 0).
    Source: Kullback and Leibler, "On Information and Sufficiency", Annals of Math. Stat. 22, 1951.

    >>> kl_div(Tensor([[0.0, -1.0]]), [[1.0, 0.0]], reduction="batchmean")
    tensor(0.)
    """
    is_batchmean = reduction == "batchmean"
    total = elementwise_loss("kl_div", log_divergence if log_target else divergence, input, target, None,
                             "sum" if is_batchmean else reduction, (size_average, reduce))
    x = as_tensor(input)
    return total / (x.shape[0] if x.ndim else 1) if is_batchmean else total


def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: None = None,
                     eps: float = 1e-8, reduce: None = None, reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of counts under a Poisson distribution; `full` adds the constant term.

    e^x - t x with `log_input`, x being the logarithm of the rate, else x - t log(x + eps).

    >>> poisson_nll_loss(Tensor([0.0]), [2.0])
    tensor(1.)
    """
    def formula(x: Tensor, t: Tensor) -> Tensor:
        loss = count_loss_of_log(x, t) if log_input else count_loss(x, t, eps=eps)
        return loss + stirling(t) if full else loss

    return elementwise_loss("poisson_nll_loss", formula, input, target, None, reduction, (size_average, reduce))


def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of targets under normal distributions with means `input` and variances `var`.

    (log max(v, eps) + (x - t)^2 / max(v, eps)) / 2; `full` adds log(2 pi) / 2.
    Source: Nix and Weigend, "Estimating the Mean and Variance of the Target Probability Distribution", ICNN 1994.

    >>> gaussian_nll_loss(Tensor([1.0]), [3.0], [1.0])
    tensor(2.)
    """
    loss = "gaussian_nll_loss"
    x = as_tensor(input)
    variance = beside(x, var)
    if variance.shape == x.shape[:-1] and variance.ndim:
        variance = variance.unsqueeze(-1)
    if variance.shape not in (x.shape, x.shape[:-1] + (1,), ()):
        raise ValueError(f"{loss}: `var` must have the shape of the input, {x.shape}, or one number for each row; got "
                         f"{variance.shape}")
    if x._backend.is_synchronous and bool((variance < 0).any()):
        raise ValueError(f"{loss}: variances must be at least 0")
    kept = variance + (variance.detach().clip(eps, None) - variance.detach())  # the gradient passes, as in PyTorch
    losses = elementwise_loss(loss, lambda a, t: gaussian_loss(a, t, kept), x, target, None, "none")
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction, loss)


def soft_margin_loss(input: Any, target: Any, size_average: None = None, reduce: None = None,
                     reduction: str = "mean") -> Tensor:
    """The logistic loss of scores for targets 1 and -1: log(1 + e^(-t x)).

    Derivative in x: -t sigmoid(-t x).

    >>> soft_margin_loss(Tensor([0.0, 100.0]), [1.0, -1.0], reduction="none")
    tensor([  0.6931, 100.    ])
    """
    return elementwise_loss("soft_margin_loss", soft_margin, input, target, None, reduction, (size_average, reduce))
