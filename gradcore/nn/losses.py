"""The losses as modules; options of the functions are constructor arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional

from .. import functions
from ..core.public import Unstated
from ..core.tensor import Tensor
from ..functions.losses import check_reduction, check_smoothing, refuse_deprecated
from .module import Module


class Loss(Module):
    """Base class of losses: a function of predictions and targets, with its reduction.

    PyTorch's deprecated `size_average` and `reduce` raise an error.
    """

    function: Callable[..., Tensor] = Unstated()  # type: ignore[assignment]
    reductions: tuple[str, ...] = ()  # in addition to those of all losses

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean"):
        self._set(reduction, size_average, reduce)

    def _set(self, reduction: str, size_average: Any = None, reduce: Any = None, **options: Any) -> None:
        """Check the reduction and the options and set them as attributes."""
        name = type(self).__name__
        refuse_deprecated(name, size_average, reduce)
        if reduction not in self.reductions:
            check_reduction(reduction, name)
        self.reduction, self._options = reduction, tuple(options)
        for option, value in options.items():
            if isinstance(value, Tensor):
                self.register_buffer(option, value)
            else:
                setattr(self, option, value)

    if TYPE_CHECKING:
        forward: Callable[..., Tensor]  # some take more arguments
    else:
        def forward(self, input: Any, target: Any) -> Tensor:
            return self._of(input, target)

    def _of(self, *inputs: Any) -> Tensor:
        return self.function(*inputs, reduction=self.reduction,
                             **{option: getattr(self, option) for option in self._options})

    def extra_repr(self) -> str:
        shown = [f"reduction={self.reduction!r}"]
        return ", ".join(shown + [f"{name}={getattr(self, name)!r}" for name in self._options
                                  if not isinstance(getattr(self, name), (Tensor, type(None)))
                                  and getattr(self, name) != _USUAL.get(name)])


_USUAL = {"ignore_index": -100, "label_smoothing": 0.0, "swap": False, "full": False, "log_input": True,
          "zero_infinity": False, "log_target": False, "blank": 0, "eps": None}


class MSELoss(Loss):
    """The mean squared error: see `gradcore.functions.mse_loss`.

    >>> MSELoss()(Tensor([1.0, 2.0]), Tensor([1.0, 5.0]))
    tensor(4.5)
    >>> MSELoss(reduction="sum")
    MSELoss(reduction='sum')
    """

    function = staticmethod(functions.mse_loss)


class L1Loss(Loss):
    """The mean absolute error: see `gradcore.functions.l1_loss`.

    >>> L1Loss()(Tensor([1.0, 2.0]), Tensor([1.0, 5.0]))
    tensor(1.5)
    """

    function = staticmethod(functions.l1_loss)


class SmoothL1Loss(Loss):
    """The absolute error, quadratic near 0: see `gradcore.functions.smooth_l1_loss`.

    >>> SmoothL1Loss(reduction="none")(Tensor([0.5, 4.0]), Tensor([0.0, 0.0]))
    tensor([0.125, 3.5  ])
    """

    function = staticmethod(functions.smooth_l1_loss)

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean", beta: float = 1.0):
        self._set(reduction, size_average, reduce, beta=beta)


class HuberLoss(Loss):
    """The squared error, linear beyond `delta`: see `gradcore.functions.huber_loss`.

    >>> HuberLoss(reduction="none")(Tensor([0.5, 4.0]), Tensor([0.0, 0.0]))
    tensor([0.125, 3.5  ])
    """

    function = staticmethod(functions.huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        if not delta > 0:
            raise ValueError(f"HuberLoss: `delta` must be above 0; got {delta}")
        self._set(reduction, delta=delta)


class KLDivLoss(Loss):
    """The Kullback-Leibler divergence: see `gradcore.functions.kl_div`.

    >>> KLDivLoss(reduction="batchmean")(Tensor([[0.5, 0.5]]).log(), Tensor([[0.25, 0.75]]))
    tensor(0.1308)
    """

    function = staticmethod(functions.kl_div)
    reductions = ("batchmean",)

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean",
                 log_target: bool = False):
        self._set(reduction, size_average, reduce, log_target=log_target)


class PoissonNLLLoss(Loss):
    """The Poisson negative log-likelihood: see `gradcore.functions.poisson_nll_loss`.

    >>> PoissonNLLLoss(log_input=False)(Tensor([2.0]), Tensor([3.0]))
    tensor(-0.0794)
    """

    function = staticmethod(functions.poisson_nll_loss)

    def __init__(self, log_input: bool = True, full: bool = False, size_average: None = None, eps: float = 1e-8,
                 reduce: None = None, reduction: str = "mean"):
        self._set(reduction, size_average, reduce, log_input=log_input, full=full, eps=eps)


class GaussianNLLLoss(Loss):
    """The Gaussian negative log-likelihood: see `gradcore.functions.gaussian_nll_loss`.

    >>> GaussianNLLLoss()(Tensor([1.0]), Tensor([3.0]), Tensor([2.0]))
    tensor(1.3466)
    """

    function = staticmethod(functions.gaussian_nll_loss)

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"):
        self._set(reduction, full=full, eps=eps)

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        return self._of(input, target, var)


class SoftMarginLoss(Loss):
    """The logistic loss for classes 1 and -1: see `gradcore.functions.soft_margin_loss`.

    >>> SoftMarginLoss()(Tensor([2.0, -2.0]), Tensor([1.0, -1.0]))
    tensor(0.1269)
    """

    function = staticmethod(functions.soft_margin_loss)


class BCELoss(Loss):
    """The binary cross entropy of probabilities: see `gradcore.functions.binary_cross_entropy`.

    >>> BCELoss()(Tensor([0.25, 0.5]), Tensor([0.0, 1.0]))
    tensor(0.4904)
    """

    function = staticmethod(functions.binary_cross_entropy)

    def __init__(self, weight: Optional[Tensor] = None, size_average: None = None, reduce: None = None,
                 reduction: str = "mean"):
        self._set(reduction, size_average, reduce, weight=weight)


class BCEWithLogitsLoss(Loss):
    """The binary cross entropy of scores: see `gradcore.functions.binary_cross_entropy_with_logits`.

    >>> BCEWithLogitsLoss()(Tensor([0.0, 2.0]), Tensor([1.0, 1.0]))
    tensor(0.41)
    """

    function = staticmethod(functions.binary_cross_entropy_with_logits)

    def __init__(self, weight: Optional[Tensor] = None, size_average: None = None, reduce: None = None,
                 reduction: str = "mean", pos_weight: Optional[Tensor] = None):
        self._set(reduction, size_average, reduce, weight=weight, pos_weight=pos_weight)


class NLLLoss(Loss):
    """The log loss of logarithms of probabilities: see `gradcore.functions.nll_loss`.

    >>> from gradcore import tensor
    >>> NLLLoss()(Tensor([[0.25, 0.75]]).log(), tensor([1]))
    tensor(0.2877)
    """

    function = staticmethod(functions.nll_loss)

    def __init__(self, weight: Optional[Tensor] = None, size_average: None = None, ignore_index: int = -100,
                 reduce: None = None, reduction: str = "mean"):
        self._set(reduction, size_average, reduce, weight=weight, ignore_index=ignore_index)


class CrossEntropyLoss(Loss):
    """The log loss of scores of several classes: see `gradcore.functions.cross_entropy`.

    >>> from gradcore import tensor
    >>> CrossEntropyLoss()(Tensor([[2.0, 0.0, 0.0]]), tensor([0]))
    tensor(0.2395)
    """

    function = staticmethod(functions.cross_entropy)

    def __init__(self, weight: Optional[Tensor] = None, size_average: None = None, ignore_index: int = -100,
                 reduce: None = None, reduction: str = "mean", label_smoothing: float = 0.0):
        check_smoothing(label_smoothing, type(self).__name__)
        self._set(reduction, size_average, reduce, weight=weight, ignore_index=ignore_index,
                  label_smoothing=label_smoothing)


class CTCLoss(Loss):
    """The loss of label sequences without alignment: see `gradcore.functions.ctc_loss`.

    >>> from gradcore import log_softmax, tensor, zeros
    >>> log_probs = log_softmax(zeros(4, 1, 3), dim=2)  # 4 steps, 1 sample, 3 classes
    >>> CTCLoss()(log_probs, tensor([[1, 2]]), tensor([4]), tensor([2]))
    tensor(0.8432)
    """

    function = staticmethod(functions.ctc_loss)

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False):
        self._set(reduction, blank=blank, zero_infinity=zero_infinity)

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Tensor:
        return self._of(log_probs, targets, input_lengths, target_lengths)
