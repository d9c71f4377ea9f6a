"""The losses of margins and distances as modules, and the distances themselves."""

from __future__ import annotations

from typing import Any, Callable, Optional

from .. import functions
from ..core.tensor import Tensor
from .losses import Loss
from .module import Module


class MultiMarginLoss(Loss):
    """The right class is to exceed all others: see `gradcore.functions.multi_margin_loss`.

    >>> from gradcore import tensor
    >>> MultiMarginLoss()(Tensor([[0.5, 0.25, 2.0]]), tensor([2]))
    tensor(0.)
    """

    function = staticmethod(functions.multi_margin_loss)

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Optional[Tensor] = None, size_average: None = None,
                 reduce: None = None, reduction: str = "mean"):
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: `p` must be 1 or 2; got {p}")
        self._set(reduction, size_average, reduce, p=p, margin=margin, weight=weight)


class MultiLabelSoftMarginLoss(Loss):
    """The log loss of classes each of which may be right: see `gradcore.functions.multilabel_soft_margin_loss`.

    >>> MultiLabelSoftMarginLoss()(Tensor([[2.0, -2.0]]), Tensor([[1.0, 0.0]]))
    tensor(0.1269)
    """

    function = staticmethod(functions.multilabel_soft_margin_loss)

    def __init__(self, weight: Optional[Tensor] = None, size_average: None = None, reduce: None = None,
                 reduction: str = "mean"):
        self._set(reduction, size_average, reduce, weight=weight)


class MultiLabelMarginLoss(Loss):
    """All right classes are to exceed all others: see `gradcore.functions.multilabel_margin_loss`.

    >>> from gradcore import tensor
    >>> MultiLabelMarginLoss()(Tensor([[0.1, 0.2, 0.4, 0.8]]), tensor([[3, 0, -1, 1]]))
    tensor(0.85)
    """

    function = staticmethod(functions.multilabel_margin_loss)


class HingeEmbeddingLoss(Loss):
    """Distances of pairs that belong together or not: see `gradcore.functions.hinge_embedding_loss`.

    >>> HingeEmbeddingLoss(reduction="none")(Tensor([0.25, 0.25]), Tensor([1.0, -1.0]))
    tensor([0.25, 0.75])
    """

    function = staticmethod(functions.hinge_embedding_loss)

    def __init__(self, margin: float = 1.0, size_average: None = None, reduce: None = None, reduction: str = "mean"):
        self._set(reduction, size_average, reduce, margin=margin)


class _OfPairs(Loss):
    def __init__(self, margin: float = 0.0, size_average: None = None, reduce: None = None, reduction: str = "mean"):
        self._set(reduction, size_average, reduce, margin=margin)

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        return self._of(input1, input2, target)


class MarginRankingLoss(_OfPairs):
    """The margin loss of a ranking of two scores: see `gradcore.functions.margin_ranking_loss`.

    >>> MarginRankingLoss()(Tensor([1.0]), Tensor([3.0]), Tensor([1.0]))
    tensor(2.)
    """

    function = staticmethod(functions.margin_ranking_loss)


class CosineEmbeddingLoss(_OfPairs):
    """The margin loss of cosine similarities: see `gradcore.functions.cosine_embedding_loss`.

    >>> CosineEmbeddingLoss()(Tensor([[1.0, 0.0]]), Tensor([[1.0, 1.0]]), Tensor([1.0]))
    tensor(0.2929)
    """

    function = staticmethod(functions.cosine_embedding_loss)


class TripletMarginLoss(Loss):
    """The margin loss of distances in triplets: see `gradcore.functions.triplet_margin_loss`.

    >>> TripletMarginLoss()(Tensor([[0.0, 0.0]]), Tensor([[0.0, 1.0]]), Tensor([[0.0, 1.5]]))
    tensor(0.5)
    """

    function = staticmethod(functions.triplet_margin_loss)

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
                 size_average: None = None, reduce: None = None, reduction: str = "mean"):
        if not margin > 0:
            raise ValueError(f"TripletMarginLoss: `margin` must be above 0; got {margin}")
        self._set(reduction, size_average, reduce, margin=margin, p=p, eps=eps, swap=swap)

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        return self._of(anchor, positive, negative)


class TripletMarginWithDistanceLoss(Loss):
    """As `TripletMarginLoss`, with a user-defined distance.

    >>> loss = TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(-1))
    >>> loss(Tensor([[0.0, 0.0]]), Tensor([[0.0, 1.0]]), Tensor([[1.0, 0.5]]))
    tensor(0.5)
    """

    function = staticmethod(functions.triplet_margin_with_distance_loss)

    def __init__(self, *, distance_function: Optional[Callable[..., Any]] = None, margin: float = 1.0,
                 swap: bool = False, reduction: str = "mean"):
        self._set(reduction, distance_function=distance_function, margin=margin, swap=swap)

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        return self._of(anchor, positive, negative)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors: see `gradcore.functions.cosine_similarity`.

    >>> CosineSimilarity()(Tensor([[1.0, 0.0]]), Tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8):
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Tensor:
        return functions.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of differences: see `gradcore.functions.pairwise_distance`.

    >>> PairwiseDistance()(Tensor([[0.0, 0.0]]), Tensor([[3.0, 4.0]]))
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Tensor:
        distance: Tensor = functions.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
        return distance
