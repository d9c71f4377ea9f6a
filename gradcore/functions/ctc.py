"""Connectionist temporal classification: a loss for label sequences without alignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import Expression, FormulaNamespace
from ..core.broadcasting import cast
from ..core.elementwise import elementwise
from ..core.tensor import Tensor, as_tensor
from ..operations.indexing import gather
from ..operations.rearranging import pad
from ..operations.selection import where
from ..operations.shaping import expand
from .losses import check_reduction, reduced

_NEVER = -1e30  # log(0), but finite, since inf - inf would be NaN
_IMPOSSIBLE = 1e29


@elementwise
def log_sum_of_three(xp: FormulaNamespace, a: Expression, b: Expression, c: Expression) -> Expression:
    """log(e^a + e^b + e^c)."""
    top = xp.maximum(xp.maximum(a, b), c)
    return top + xp.log(xp.exp(a - top) + xp.exp(b - top) + xp.exp(c - top))


@log_sum_of_three.derivative
def _(xp: FormulaNamespace, a: Expression, b: Expression, c: Expression, output: Expression) -> tuple[Expression, ...]:
    return xp.exp(a - output), xp.exp(b - output), xp.exp(c - output)


def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: str = "mean", zero_infinity: bool = False) -> Tensor:
    """The negative log-likelihood of label sequences, summed over all alignments with blanks.

    Source: Graves et al., "Connectionist Temporal Classification", ICML 2006, eq. 6 to 8.

    Parameters
    ----------
    log_probs : log-probabilities, shape (T, N, C) or (T, C), for C labels including the blank.
    targets : labels, shape (N, S), or those of all samples concatenated, shape (sum of target_lengths,).
    input_lengths, target_lengths : shape (N,): the numbers of time steps and labels of each sample.
    reduction : "mean" divides each loss by its number of labels first.
    zero_infinity : whether the loss is 0, without a gradient, if there are too few time steps for the labels.

    >>> ctc_loss(Tensor([[[-0.5, -1.0]]]), [[1]], [1], [1])
    tensor(1.)
    """
    loss = "ctc_loss"
    check_reduction(reduction, loss)
    scores = as_tensor(log_probs)
    if scores.ndim not in (2, 3):
        raise ValueError(f"{loss}: `log_probs` must have the shape (T, N, C) or (T, C); got {scores.shape}")
    is_single, scores = scores.ndim == 2, scores if scores.ndim == 3 else scores.unsqueeze(1)
    labels, times, counts = _checked(scores, targets, input_lengths, target_lengths, blank)
    losses = _losses(scores, labels, times, counts, blank)
    losses = where(losses > _IMPOSSIBLE, 0.0 if zero_infinity else np.inf, losses)
    if reduction == "mean":
        losses = losses / as_tensor(np.maximum(counts, 1), losses.dtype, losses.device)
    return reduced(losses.squeeze(0) if is_single else losses, reduction, loss)


def _host(value: Any) -> np.ndarray:
    return as_tensor(value, device="cpu").numpy()


def _checked(scores: Tensor, targets: Any, input_lengths: Any, target_lengths: Any,
             blank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of shape (N, S), and the numbers of time steps and labels of each sample."""
    steps, samples, classes = scores.shape
    times, counts = [_host(lengths).reshape(-1) for lengths in (input_lengths, target_lengths)]
    labels = _host(targets)
    problem = ""
    if times.dtype.kind not in "iu" or counts.dtype.kind not in "iu":
        problem = f"lengths are integers; got {times.dtype} and {counts.dtype}"
    elif times.shape != (samples,) or counts.shape != (samples,):
        problem = f"lengths for {samples} sample(s) are needed; got {times.size} and {counts.size}"
    elif times.min(initial=0) < 0 or times.max(initial=0) > steps or counts.min(initial=0) < 0:
        problem = f"lengths must be from 0 to {steps} times; got {times.tolist()} and {counts.tolist()}"
    elif not 0 <= blank < classes:
        problem = f"`blank` must be one of the {classes} labels; got {blank}"
    elif labels.dtype.kind not in "iu":
        problem = f"labels are integers; got {labels.dtype}"
    elif labels.ndim == 1 and samples != 1 or labels.ndim == 1 and labels.size == counts.sum():
        if labels.size != counts.sum():
            problem = f"{counts.sum()} labels are needed one after the other; got {labels.size}"
        else:
            rows, labels = np.split(labels, np.cumsum(counts)[:-1]), np.zeros((samples, counts.max(initial=0)), int)
            for row, of_sample in zip(labels, rows):
                row[:of_sample.size] = of_sample
    else:
        labels = labels.reshape(samples, -1) if labels.ndim == 1 else labels
        if labels.ndim != 2 or len(labels) != samples or labels.shape[1] < counts.max(initial=0):
            problem = f"labels of shape ({samples}, S) with S of at least {counts.max(initial=0)} are needed; got " \
                      f"{labels.shape}"
    if not problem:
        counted = labels[np.arange(labels.shape[1]) < counts[:, None]]
        if counted.size and (counted.min() < 0 or counted.max() >= classes):
            problem = f"labels must be from 0 to {classes - 1}; got {counted.min()} to {counted.max()}"
    if problem:
        raise ValueError(f"ctc_loss: {problem}")
    return np.where(np.arange(labels.shape[1]) < counts[:, None], labels, blank), times, counts


def _losses(scores: Tensor, labels: np.ndarray, times: np.ndarray, counts: np.ndarray, blank: int) -> Tensor:
    """The loss of each sample, by the forward recursion over prefixes of its labels."""
    samples, states = labels.shape[0], 2 * labels.shape[1] + 1
    extended = np.full((samples, states), blank)
    extended[:, 1::2] = labels
    may_skip = np.zeros((samples, states), bool)
    may_skip[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])

    def here(values: np.ndarray, dtype: Any = None) -> Tensor:
        return as_tensor(values, dtype, scores.device)

    index = expand(here(extended), scores.shape[0], samples, states)
    emitted = gather(scores, 2, index)
    skips, start = here(may_skip), np.full((samples, states), _NEVER)
    start[:, :1] = 0.0  # before the first step: the empty prefix, from which the first two states are reached
    prefixes = cast(here(start), scores.dtype)
    for t in range(scores.shape[0]):
        if t == 0:
            reached = where(here(np.arange(states) < 2), 0.0, _NEVER).to(scores.dtype) + prefixes[:, :1]
        else:
            one, two = [pad(prefixes, (k, 0), value=_NEVER)[:, :states] for k in (1, 2)]
            reached = log_sum_of_three(prefixes, one, where(skips, two, _NEVER))
        active = here(t < times).unsqueeze(1)
        prefixes = where(active, reached + emitted[t], prefixes)
    last = [gather(prefixes, 1, here(np.maximum(2 * counts - k, 0)[:, None])) for k in (0, 1)]
    last[1] = where(here(counts[:, None] > 0), last[1], _NEVER)
    return -log_sum_of_three(last[0], last[1], _NEVER).squeeze(1)
