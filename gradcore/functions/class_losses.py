"""Losses of several classes: one row formula each, along the dimension of classes.

A target is the class index of each sample, or, for `cross_entropy`, a probability of each class.  Parameters have
PyTorch's names, order and defaults.  Class indices out of range raise an error if the values can be read without
waiting; otherwise their loss is NaN.
"""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ..backends import Expression, RowNamespace
from ..backends.formulas.dtypes import kind_of
from ..backends.formulas.expression import Operand
from ..core.rowwise import Rowwise, rowwise
from ..core.tensor import Tensor, as_tensor
from ..operations.arithmetic import divide
from ..operations.indexing import values_on_host
from ..operations.shaping import reshape, unsqueeze
from .losses import beside, check_smoothing, reduced, refuse_deprecated


def _shifted(xp: RowNamespace, x: Expression) -> tuple[Expression, ...]:
    """The scores minus their maximum, and the logarithm of the sum of their exponentials."""
    shifted = x - xp.stop_gradient(xp.max(x))
    return shifted, xp.log(xp.sum(xp.exp(shifted)))


@rowwise
def class_loss(xp: RowNamespace, x: Expression, target: Expression,
               ignore_index: float = -100.0) -> tuple[Expression, ...]:
    """log(sum(e^x)) - x_t, and a weight of 1 for each counted sample: the kernel of `cross_entropy`."""
    shifted, log_sum = _shifted(xp, x)
    loss = log_sum - xp.sum(xp.where(xp.position == target, shifted, 0.0))
    return _counted(xp, loss, 1.0, target, ignore_index)


@rowwise
def weighted_class_loss(xp: RowNamespace, x: Expression, target: Expression, weight: Expression,
                        label_smoothing: float = 0.0, ignore_index: float = -100.0) -> tuple[Expression, ...]:
    """As `class_loss`, with class weights and label smoothing; also returns the weights."""
    shifted, log_sum = _shifted(xp, x)
    losses = log_sum - shifted
    is_target = xp.position == target
    of_target = xp.sum(xp.where(is_target, weight * losses, 0.0))
    loss = (1.0 - label_smoothing) * of_target + label_smoothing * xp.mean(weight * losses)
    return _counted(xp, loss, xp.sum(xp.where(is_target, weight, 0.0)), target, ignore_index)


@rowwise
def probability_loss(xp: RowNamespace, x: Expression, target: Expression, weight: Expression,
                     label_smoothing: float = 0.0) -> Expression:
    """The sum of weight · target · (log(sum(e^x)) - x), with smoothed targets."""
    shifted, log_sum = _shifted(xp, x)
    losses = log_sum - shifted
    smoothed = (1.0 - label_smoothing) * target
    return xp.sum(weight * losses * smoothed) + label_smoothing * xp.mean(weight * losses)


@rowwise
def picked_loss(xp: RowNamespace, x: Expression, target: Expression, weight: Expression,
                ignore_index: float = -100.0) -> tuple[Expression, ...]:
    """-weight_t x_t, and the weight: the kernel of `nll_loss`."""
    is_target = xp.position == target
    loss = -xp.sum(xp.where(is_target, weight * x, 0.0))
    return _counted(xp, loss, xp.sum(xp.where(is_target, weight, 0.0)), target, ignore_index)


def _counted(xp: RowNamespace, loss: Expression, weight: Operand, target: Expression,
             ignore_index: float) -> tuple[Expression, ...]:
    """The loss and its weight: 0 if the target is ignored, NaN if its class is out of range."""
    of_row = xp.max(target)  # one number for each row: a no-op
    is_missing = xp.logical_or(of_row < 0, of_row > xp.max(xp.position))
    is_ignored = of_row == ignore_index
    return (xp.where(is_ignored, 0.0, xp.where(is_missing, xp.nan, loss)), xp.where(is_ignored, 0.0, weight))


def nll_loss(input: Any, target: Any, weight: Any = None, size_average: None = None, ignore_index: int = -100,
             reduce: None = None, reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of the target classes, -w_t x_t; "mean" divides by the sum of the weights.

    Parameters
    ----------
    input : log-probabilities, shape (N, C), (N, C, ...) or (C,), for C classes.
    target : class indices from 0 to C - 1, shape (N,), (N, ...) or (); `ignore_index` is ignored.
    weight : a weight for each class, shape (C,).

    >>> nll_loss(Tensor([[-0.5, -2.0]]), [1])
    tensor(2.)
    """
    refuse_deprecated("nll_loss", size_average, reduce)
    scores = _scores(input, "nll_loss")
    return _of_classes(picked_loss, scores, beside(scores, target), target, (_weights(weight, scores, "nll_loss"),),
                       ignore_index, reduction, "nll_loss")


def cross_entropy(input: Any, target: Any, weight: Any = None, size_average: None = None, ignore_index: int = -100,
                  reduce: None = None, reduction: str = "mean", label_smoothing: float = 0.0) -> Tensor:
    """The negative log-likelihood of the target classes under softmax(input).

    loss = w_t (log(sum_j e^(x_j)) - x_t);  derivative in x_j: softmax(x)_j - (1 if j = t else 0).  With
    `label_smoothing` s, the target probabilities are 1 - s for the class plus s / C for every class.  "mean" divides by
    the sum of the weights of the targets, or for class probabilities by the number of samples.

    Parameters
    ----------
    input : scores, shape (N, C), (N, C, ...) or (C,), for C classes.
    target : class indices from 0 to C - 1, shape (N,), (N, ...) or (), where `ignore_index` is ignored;
        or class probabilities, floats of the shape of the scores.
    weight : a weight for each class, shape (C,).

    >>> cross_entropy(Tensor([[0.0, 0.0], [100.0, 0.0]]), [0, 1], reduction="none")
    tensor([  0.6931, 100.    ])
    """
    refuse_deprecated("cross_entropy", size_average, reduce)
    check_smoothing(label_smoothing, "cross_entropy")
    scores = _scores(input, "cross_entropy")
    given, target = target, beside(scores, target)
    if kind_of(target.dtype) == 2 and target.shape == scores.shape:
        losses = probability_loss(scores, target, _weights(weight, scores, "cross_entropy"), dim=_class_dim(scores),
                                  label_smoothing=label_smoothing)
        return reduced(losses, reduction, "cross_entropy")
    if weight is None and not label_smoothing:
        return _of_classes(class_loss, scores, target, given, (), ignore_index, reduction, "cross_entropy")
    weights = _weights(weight, scores, "cross_entropy")
    return _of_classes(weighted_class_loss, scores, target, given, (weights,), ignore_index, reduction, "cross_entropy",
                       label_smoothing=label_smoothing)


def _of_classes(formula: Rowwise[tuple[Tensor, ...]], scores: Tensor, target: Tensor, given: Any,
                weights: tuple[Any, ...], ignore_index: int, reduction: str, loss: str, **constants: Any) -> Tensor:
    """A formula's losses for class indices, reduced; a mean is weighted by the weights of the targets, `given` by the
    caller.
    """
    dim = _class_dim(scores)
    check_classes(scores, target, values_on_host(given, target), ignore_index, loss)
    arrays, constants = (scores, unsqueeze(target, dim), *weights), {"ignore_index": float(ignore_index), **constants}
    if reduction in ("mean", "sum"):
        total, count = formula.totals(*arrays, dim=dim, **constants)
        return divide(total, count.detach()) if reduction == "mean" else total
    return reduced(formula(*arrays, dim=dim, **constants)[0], reduction, loss)


def _scores(input: Any, loss: str) -> Tensor:
    scores = as_tensor(input)
    if not scores.ndim:
        raise ValueError(f"{loss}: scores need a dimension of classes: shape (N, C), (N, C, ...) or (C,)")
    return scores


def _class_dim(scores: Tensor) -> int:
    return min(1, scores.ndim - 1)


def _weights(weight: Any, scores: Tensor, loss: str) -> Any:
    """The class weights in a shape that broadcasts to the scores; 1 without weights."""
    if weight is None:
        return 1.0
    weight = beside(scores, weight)
    dim = _class_dim(scores)
    if weight.shape != (scores.shape[dim],):
        raise ValueError(f"{loss}: `weight` must have one element for each of the {scores.shape[dim]} classes; got "
                         f"shape {weight.shape}")
    return reshape(weight, (scores.shape[dim],) + (1,) * (scores.ndim - dim - 1))


def check_classes(scores: Tensor, target: Tensor, values: Optional[np.ndarray], ignore_index: int, loss: str) -> None:
    """Raise an error for targets that are not class indices; `values` are those of the target if they can be read."""
    dim = _class_dim(scores)
    wanted = scores.shape[:dim] + scores.shape[dim + 1:]
    if kind_of(target.dtype) != 1 or target.shape != wanted:
        raise ValueError(f"{loss}: for scores of shape {scores.shape} the target must hold indices of classes, "
                         f"integers in shape {wanted}; got {target.dtype} in shape {target.shape}")
    if values is not None:
        classes = scores.shape[dim]
        # As unsigned integers of as many bits the negative ones are the largest: one search instead of two.
        if not values.size or values.view(f"u{values.itemsize}").max() < classes:
            return
        wrong = values[((values < 0) | (values >= classes)) & (values != ignore_index)]
        if wrong.size:
            raise IndexError(f"{loss}: the target must hold indices of classes from 0 to {classes - 1}, or "
                             f"ignore_index ({ignore_index}); got {wrong[0]}")
