"""The losses as modules."""

from __future__ import annotations

from typing import Any, Callable, Optional

from .. import functions
from ..core.tensor import Tensor
from ..functions.losses import check_reduction, check_smoothing, refuse_deprecated
from .module import Module
from .parameter import Buffer


class Loss(Module):
    """Base class of losses: a function of predictions and targets, with its reduction."""

    function: Callable[..., Tensor]

    def __init__(self, reduction: str = "mean"):
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction

    def forward(self, prediction: Any, target: Any) -> Tensor:
        return self.function(prediction, target, reduction=self.reduction)

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class MSELoss(Loss):
    """The mean squared error: see `gradcore.functions.mse_loss`."""

    function = staticmethod(functions.mse_loss)


class BCELoss(Loss):
    """The log loss of probabilities of two classes: see `gradcore.functions.binary_cross_entropy`."""

    function = staticmethod(functions.binary_cross_entropy)


class BCEWithLogitsLoss(Loss):
    """The log loss of scores of two classes: see `gradcore.functions.binary_cross_entropy_with_logits`."""

    function = staticmethod(functions.binary_cross_entropy_with_logits)


class NLLLoss(Loss):
    """The log loss of logarithms of probabilities: see `gradcore.functions.nll_loss`."""

    def __init__(self, weight: Optional[Tensor] = None, size_average: None = None, ignore_index: int = -100,
                 reduce: None = None, reduction: str = "mean"):
        refuse_deprecated(type(self).__name__, size_average, reduce)
        super().__init__(reduction)
        self.weight, self.ignore_index = None if weight is None else Buffer(weight), ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        return functions.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(NLLLoss):
    """The log loss of scores of several classes: see `gradcore.functions.cross_entropy`."""

    def __init__(self, weight: Optional[Tensor] = None, size_average: None = None, ignore_index: int = -100,
                 reduce: None = None, reduction: str = "mean", label_smoothing: float = 0.0):
        check_smoothing(label_smoothing, type(self).__name__)
        super().__init__(weight, size_average, ignore_index, reduce, reduction)
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        return functions.cross_entropy(input, target, self.weight, ignore_index=self.ignore_index,
                                       reduction=self.reduction, label_smoothing=self.label_smoothing)
