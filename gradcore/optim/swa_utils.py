"""Stochastic weight averaging: averages of a model's weights, and a schedule of learning rates.

Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018.
"""

from __future__ import annotations

import copy
import math
from typing import Any, Callable, Iterable, Literal, Optional, Sequence, Union

from ..core.public import publish_own
from ..core.grad_mode import no_grad
from ..core.tensor import Tensor
from ..nn.module import Module
from ..nn.normalization import BatchNorm
from ..operations.creation import zeros
from .optimizer import Optimizer
from .scheduler import LRScheduler

__all__ = ["AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
           "get_swa_multi_avg_fn", "update_bn"]

Average = Callable[[Tensor, Tensor, Any], Any]
Averages = Callable[[Sequence[Tensor], Sequence[Tensor], Any], Any]


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """The exponential moving average of lists of tensors, in place: decay · average + (1 - decay) · value.

    >>> average = Tensor([1.0])
    >>> get_ema_multi_avg_fn(0.9)([average], [Tensor([0.0])], 1)
    >>> average
    tensor([0.9])
    """
    one = get_ema_avg_fn(decay)

    def averaged(ema_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor], _: Any) -> None:
        with no_grad():
            for ema, current in zip(ema_param_list, current_param_list):
                ema.copy_(one(ema, current, _))

    return averaged


def get_swa_multi_avg_fn() -> Averages:
    """The mean of lists of tensors, in place: average + (value - average) / (count + 1).

    >>> average = Tensor([1.0])
    >>> get_swa_multi_avg_fn()([average], [Tensor([0.0])], 1)
    >>> average
    tensor([0.5])
    """
    one = get_swa_avg_fn()

    def averaged(averaged_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor],
                 num_averaged: Any) -> None:
        with no_grad():
            for average, current in zip(averaged_param_list, current_param_list):
                average.copy_(one(average, current, num_averaged))

    return averaged


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential moving average of one tensor: decay · average + (1 - decay) · value.

    >>> get_ema_avg_fn(0.9)(Tensor([1.0]), Tensor([0.0]), 1)
    tensor([0.9])
    """
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"get_ema_avg_fn: `decay` must be from 0 to 1; got {decay}")

    def averaged(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        kept: Tensor = decay * ema_param + (1 - decay) * current_param
        return kept

    return averaged


def get_swa_avg_fn() -> Average:
    """The mean of one tensor: average + (value - average) / (count + 1).

    >>> get_swa_avg_fn()(Tensor([1.0]), Tensor([0.0]), 1)
    tensor([0.5])
    """
    def averaged(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        mean: Tensor = averaged_param + (current_param - averaged_param) / (float(num_averaged) + 1)
        return mean

    return averaged


class AveragedModel(Module):
    """A copy of a model with averages of its parameters, updated by `update_parameters`.

    Parameters
    ----------
    avg_fn : (average, value, number of values so far) -> new average; by default the mean.
    multi_avg_fn : the same for lists of tensors; updates the averages in place.
    use_buffers : whether to average buffers; otherwise they are copied.

    >>> from gradcore import nn
    >>> model = nn.Linear(1, 1, bias=False)
    >>> average = AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     _ = nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item(), average.n_averaged.item()
    (2.0, 2)
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Optional[Average] = None,
                 multi_avg_fn: Optional[Averages] = None, use_buffers: bool = False):
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give `avg_fn` or `multi_avg_fn`, not both")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", zeros((), dtype="int64", device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _averaged(self, module: Module) -> list[Tensor]:
        buffers = list(module.buffers()) if self.use_buffers else []
        return [tensor.detach() for tensor in (*module.parameters(), *buffers)]

    def update_parameters(self, model: Module) -> None:
        """Update the averages by the current values of `model`; the first call copies."""
        own = self._averaged(self.module)
        values = [value.to(device=average.device) for average, value in zip(own, self._averaged(model))]
        count = int(self.n_averaged)
        with no_grad():
            if count:
                self._take(own, values)
            else:
                for average, value in zip(own, values):
                    average.copy_(value)
            if not self.use_buffers:
                for buffer, value in zip(self.module.buffers(), model.buffers()):
                    buffer.detach().copy_(value.detach())
            self.n_averaged += 1

    def _take(self, averages: list[Tensor], values: list[Tensor]) -> None:
        if self.avg_fn is not None:
            for average, value in zip(averages, values):
                average.copy_(self.avg_fn(average, value, self.n_averaged))
        else:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(averages, values, self.n_averaged)


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Recompute the running means and variances of all batch normalization layers, in one pass over `loader`.

    Batches are inputs, or tuples and lists that begin with one.

    >>> from gradcore import nn
    >>> model = nn.Sequential(nn.BatchNorm1d(1))
    >>> update_bn([Tensor([[1.0], [3.0]])], model)
    >>> model[0].running_mean
    tensor([2.])
    """
    layers = [module for module in model.modules() if isinstance(module, BatchNorm)]
    if not layers:
        return
    momenta, was_training = [layer.momentum for layer in layers], model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    model.train()
    try:
        for batch in loader:
            inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(inputs if device is None else inputs.to(device))
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the current rates to `swa_lr` in `anneal_epochs` steps, then constant.

    `anneal_strategy` is "cos" or "linear".

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.4)
    >>> scheduler = SWALR(optimizer, swa_lr=0.2, anneal_epochs=2, anneal_strategy="linear")
    >>> for _ in range(3):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.4 0.3 0.2
    """

    keeps_changes = False

    def __init__(self, optimizer: Optimizer, swa_lr: Union[float, Sequence[float]], anneal_epochs: int = 10,
                 anneal_strategy: Literal["cos", "linear"] = "cos", last_epoch: int = -1):
        count = len(self._groups_of(optimizer))
        rates: list[Any] = list(swa_lr) if isinstance(swa_lr, (list, tuple)) else [swa_lr] * count
        if len(rates) != count:
            raise ValueError(f"SWALR: `swa_lr` must be a number or one for each of {count} groups; got {swa_lr}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'SWALR: `anneal_strategy` must be "cos" or "linear"; got {anneal_strategy!r}')
        if anneal_epochs < 0:
            raise ValueError(f"SWALR: `anneal_epochs` must be at least 0; got {anneal_epochs}")
        self.swa_lrs, self.anneal_epochs, self.anneal_strategy = rates, anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, epoch: float) -> float:
        done = max(0.0, min(1.0, epoch / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * done)) / 2 if self.anneal_strategy == "cos" else done

    def _rates(self, epoch: int) -> list[float]:
        """The next rates, from the current ones, which another scheduler may have changed."""
        if epoch == 0 and self.anneal_epochs:
            return list(self.base_lrs)
        before = self._share(epoch - 1) if self.anneal_epochs else 1.0
        share = self._share(epoch) if self.anneal_epochs else 1.0
        found = []
        for group, target in zip(self.optimizer.param_groups, self.swa_lrs):
            start = target if before == 1 else (group["lr"] - before * target) / (1 - before)
            found.append(target * share + start * (1 - share))
        return found


publish_own(globals())
