"""Ranking and margin losses of distances and scores."""

from __future__ import annotations

from typing import Any, Callable, Optional

from ..backends import Expression, FormulaNamespace, RowNamespace
from ..backends.formulas.dtypes import INT64, kind_of
from ..core.broadcasting import cast
from ..core.elementwise import elementwise
from ..core.rowwise import rowwise
from ..core.tensor import Tensor, as_tensor
from ..operations.arithmetic import minimum
from ..operations.creation import zeros
from ..operations.indexing import gather, values_on_host
from ..operations.norms import norm
from ..operations.products import cumprod
from ..operations.reduction import mean, sum
from ..operations.scattering import scatter_add
from ..operations.selection import where
from ..operations.shaping import unsqueeze
from .class_losses import check_classes
from .losses import beside, check_reduction, elementwise_loss, reduced, refuse_deprecated, weights_like
from .normalization import cosine_similarity
from .sigmoids import logsigmoid


def _hinge(xp: FormulaNamespace, x: Expression) -> Expression:
    """max(0, x) with slope 1 at 0, as in PyTorch, so that equal scores get a gradient."""
    return xp.where(x < 0, 0.0, x)


@elementwise
def hinge_of_distance(xp: FormulaNamespace, distance: Expression, target: Expression,
                      margin: float = 1.0) -> Expression:
    """The distance unless the target is -1, plus max(0, margin - distance) unless it is 1: the kernel of
    `hinge_embedding_loss`.
    """
    of_pair = xp.where(target == -1, 0.0, distance)
    return of_pair + xp.where(target == 1, 0.0, _hinge(xp, margin - distance))


@elementwise
def ranking(xp: FormulaNamespace, first: Expression, second: Expression, target: Expression,
            margin: float = 0.0) -> Expression:
    """max(0, -t (a - b) + margin): the kernel of `margin_ranking_loss`."""
    return _hinge(xp, margin - target * (first - second))


@elementwise
def exceeding(xp: FormulaNamespace, near: Expression, far: Expression, margin: float = 1.0) -> Expression:
    """max(0, near - far + margin): the kernel of `triplet_margin_loss`."""
    return _hinge(xp, near - far + margin)


@elementwise
def cosine_hinge(xp: FormulaNamespace, similarity: Expression, target: Expression, margin: float = 0.0) -> Expression:
    """1 - cos for target 1, max(0, cos - margin) for -1: the kernel of `cosine_embedding_loss`."""
    return xp.where(target == 1, 1.0 - similarity, xp.where(target == -1, _hinge(xp, similarity - margin), 0.0))


@rowwise
def class_margins(xp: RowNamespace, x: Expression, target: Expression, weight: Expression, p: float = 1.0,
                  margin: float = 1.0) -> Expression:
    """w_t mean(max(0, margin - x_t + x_j)^p) over j != t: the kernel of `multi_margin_loss`."""
    is_target = xp.position == target
    of_target = xp.sum(xp.where(is_target, x, 0.0))
    short = xp.maximum(margin - of_target + x, 0.0)
    costs = xp.where(is_target, 0.0, xp.where(p == 1, short, short * short))
    return xp.mean(costs) * xp.sum(xp.where(is_target, weight, 0.0))


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, size_average: None = None, reduce: None = None,
                         reduction: str = "mean") -> Tensor:
    """The distance for target 1, max(0, margin - distance) for target -1.

    Inputs are distances of pairs, of any shape; the target has the same shape.

    Source: the contrastive loss of Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant
    Mapping", CVPR 2006, without its squares.

    >>> hinge_embedding_loss(Tensor([0.5, 0.25]), [1.0, -1.0], reduction="none")
    tensor([0.5 , 0.75])
    """
    return elementwise_loss("hinge_embedding_loss", hinge_of_distance, input, target, None, reduction,
                            (size_average, reduce), margin=margin)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: None = None,
                        reduce: None = None, reduction: str = "mean") -> Tensor:
    """max(0, -t (a - b) + margin): for target 1, `a` should be larger than `b`; for -1, smaller.

    Inputs and target have shapes that broadcast.

    Source: Herbrich, Graepel and Obermayer, "Large Margin Rank Boundaries for Ordinal Regression", 2000.

    >>> margin_ranking_loss(Tensor([1.0]), Tensor([3.0]), [1.0])
    tensor(2.)
    """
    loss = "margin_ranking_loss"
    refuse_deprecated(loss, size_average, reduce)
    check_reduction(reduction, loss)
    first = as_tensor(input1)
    second, target = beside(first, input2), beside(first, target)
    if first.ndim != second.ndim or first.ndim != target.ndim:
        raise ValueError(f"{loss}: inputs and target must have as many dimensions; got shapes {first.shape}, "
                         f"{second.shape} and {target.shape}")
    return reduced(ranking(first, second, target, margin=margin), reduction, loss)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension.

    >>> pairwise_distance(Tensor([[3.0, 0.0]]), Tensor([[0.0, 4.0]]), eps=0.0)
    tensor([5.])
    """
    first = as_tensor(x1)
    return norm(first - beside(first, x2) + eps, p, -1, keepdim)


def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
                        swap: bool = False, size_average: None = None, reduce: None = None,
                        reduction: str = "mean") -> Tensor:
    """max(0, |a - p| - |a - n| + margin): the positive should be closer to the anchor than the negative.

    With `swap`, |p - n| replaces |a - n| if it is smaller.
    Source: Balntas et al., "Learning Local Feature Descriptors with Triplets", BMVC 2016, eq. 1.

    >>> triplet_margin_loss(Tensor([[0.0]]), Tensor([[1.0]]), Tensor([[3.0]]), eps=0.0)
    tensor(0.)
    """
    refuse_deprecated("triplet_margin_loss", size_average, reduce)
    return _triplet("triplet_margin_loss", anchor, positive, negative,
                    lambda a, b: pairwise_distance(a, b, p, eps), margin, swap, reduction)


def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *,
                                      distance_function: Optional[Callable[..., Any]] = None, margin: float = 1.0,
                                      swap: bool = False, reduction: str = "mean") -> Tensor:
    """As `triplet_margin_loss`, with any distance function of two tensors.

    >>> x, y, z = Tensor([[0.0, 0.0]]), Tensor([[0.0, 1.0]]), Tensor([[1.0, 0.5]])
    >>> triplet_margin_with_distance_loss(x, y, z, distance_function=lambda a, b: (a - b).abs().sum(-1))
    tensor(0.5)
    """
    return _triplet("triplet_margin_with_distance_loss", anchor, positive, negative,
                    distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(loss: str, anchor: Any, positive: Any, negative: Any, distance: Callable[..., Any], margin: float,
             swap: bool, reduction: str) -> Tensor:
    check_reduction(reduction, loss)
    if not margin > 0:
        raise ValueError(f"{loss}: `margin` must be above 0; got {margin}")
    anchor = as_tensor(anchor)
    positive, negative = beside(anchor, positive), beside(anchor, negative)
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ValueError(f"{loss}: anchor, positive and negative must have as many dimensions; got shapes "
                         f"{anchor.shape}, {positive.shape} and {negative.shape}")
    far = distance(anchor, negative)
    far = minimum(far, distance(positive, negative)) if swap else far
    return reduced(exceeding(distance(anchor, positive), far, margin=margin), reduction, loss)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: None = None,
                          reduce: None = None, reduction: str = "mean") -> Tensor:
    """1 - cos(a, b) for target 1, max(0, cos(a, b) - margin) for -1; for vectors, or for rows of matrices.

    Inputs have the shape (N, D) or (D,), targets (N,) or ().

    >>> cosine_embedding_loss(Tensor([[1.0, 0.0]]), Tensor([[0.0, 2.0]]), [1.0])
    tensor(1.)
    """
    loss = "cosine_embedding_loss"
    refuse_deprecated(loss, size_average, reduce)
    check_reduction(reduction, loss)
    first = as_tensor(input1)
    second, target = beside(first, input2), beside(first, target)
    if first.shape != second.shape or first.ndim not in (1, 2) or target.shape != first.shape[:-1]:
        raise ValueError(f"{loss}: two tensors of shape (N, D) and a target of shape (N,), or (D,) and () are needed; "
                         f"got {first.shape}, {second.shape} and {target.shape}")
    return reduced(cosine_hinge(cosine_similarity(first, second, -1), target, margin=margin), reduction, loss)


def multi_margin_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
                      size_average: None = None, reduce: None = None, reduction: str = "mean") -> Tensor:
    """The multi-class hinge loss: mean of w_t max(0, margin - x_t + x_j)^p over classes j other than the target t.

    Scores have the shape (N, C) or (C,), targets, indices from 0 to C - 1, (N,) or ().

    Source: Weston and Watkins, "Support Vector Machines for Multi-Class Pattern Recognition", ESANN 1999.

    >>> multi_margin_loss(Tensor([[0.0, 2.0]]), [0])
    tensor(1.5)
    """
    loss = "multi_margin_loss"
    refuse_deprecated(loss, size_average, reduce)
    check_reduction(reduction, loss)
    scores = as_tensor(input)
    given, target = target, beside(scores, target)
    if p not in (1, 2) or scores.ndim not in (1, 2):
        raise ValueError(f"{loss}: `p` is 1 or 2, and scores have the shape (N, C) or (C,); got p={p} and shape "
                         f"{scores.shape}")
    check_classes(scores, target, values_on_host(given, target), -100, loss)
    weights = 1.0 if weight is None else weights_like(scores, weight, loss)
    return reduced(class_margins(scores, unsqueeze(target, -1), weights, p=p, margin=margin), reduction, loss)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, size_average: None = None,
                                reduce: None = None, reduction: str = "mean") -> Tensor:
    """The mean over classes of the binary cross entropy of the scores.

    loss = -mean_c(t log sigmoid(x) + (1 - t) log sigmoid(-x)), for scores and targets of shape (..., C).

    >>> multilabel_soft_margin_loss(Tensor([[0.0, 0.0]]), [[1.0, 0.0]])
    tensor(0.6931)
    """
    loss = "multilabel_soft_margin_loss"
    check_reduction(reduction, loss)
    losses = elementwise_loss(loss, lambda x, t: -(t * logsigmoid(x) + (1 - t) * logsigmoid(-x)), input, target,
                              weight, "none", (size_average, reduce))
    return reduced(mean(losses, -1), reduction, loss)


def multilabel_margin_loss(input: Any, target: Any, size_average: None = None, reduce: None = None,
                           reduction: str = "mean") -> Tensor:
    """The multi-label hinge loss: the sum of max(0, 1 - x_t + x_j) / C over target classes t and other classes j.

    `target`, of the shape of the scores, (N, C) or (C,), lists the target classes of each sample; entries from the
    first -1 on are ignored.

    >>> multilabel_margin_loss(Tensor([[0.5, 0.0, 0.25]]), [[0, -1, 0]])
    tensor(0.4167)
    """
    loss = "multilabel_margin_loss"
    refuse_deprecated(loss, size_average, reduce)
    check_reduction(reduction, loss)
    scores = as_tensor(input)
    given, target = target, beside(scores, target)
    if scores.ndim not in (1, 2) or target.shape != scores.shape or kind_of(target.dtype) != 1:
        raise ValueError(f"{loss}: scores of shape (N, C) or (C,) and integers of that shape are needed; got "
                         f"{scores.shape}, and {target.dtype} of shape {target.shape}")
    values = values_on_host(given, target)
    if values is not None and values.size and (values.min() < -1 or values.max() >= scores.shape[-1]):
        raise IndexError(f"{loss}: the target must hold indices of classes from 0 to {scores.shape[-1] - 1}, and -1 "
                         f"behind them; got {values.min()} to {values.max()}")
    counts = cast(cumprod(cast(target >= 0, INT64), -1), scores.dtype)
    places = where(counts > 0, target, 0).long()
    is_right = scatter_add(zeros(*scores.shape, dtype=scores.dtype, device=scores.device), -1, places, counts)
    of_right = unsqueeze(gather(scores, -1, places), -1)
    short = exceeding(unsqueeze(scores, -2), of_right) * unsqueeze(counts, -1)
    costs = where(unsqueeze(is_right, -2) > 0, 0.0, short)
    return reduced(sum(costs, (-2, -1)) / scores.shape[-1], reduction, loss)
