"""Gradient clipping."""

from __future__ import annotations

import math
from typing import Iterable, Optional, Union

from ...core.tensor import Tensor
from ...operations.arithmetic import isfinite
from ...operations.creation import zeros
from ...operations.norms import norm
from ...operations.extrema import amax
from ...operations.shaping import stack

Parameters = Union[Tensor, Iterable[Tensor]]


def _gradients(parameters: Parameters) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [parameter.grad for parameter in listed if parameter.grad is not None]


def get_total_norm(tensors: Parameters, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: Optional[bool] = None) -> Tensor:
    """The norm of all elements of several tensors together.

    >>> get_total_norm([Tensor([3.0]), Tensor([4.0])])
    tensor(5.)
    """
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not listed:
        return zeros(())
    parts = stack([norm(tensor.detach(), norm_type).to(device=listed[0].device) for tensor in listed])
    total = amax(parts) if norm_type == math.inf else norm(parts, norm_type)
    if error_if_nonfinite and not bool(isfinite(total)):
        raise RuntimeError(f"get_total_norm: the norm of order {norm_type} is not finite; error_if_nonfinite=False "
                           f"lets it pass")
    return total


def clip_grad_norm_(parameters: Parameters, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: Optional[bool] = None) -> Tensor:
    """Scale all gradients so that their total norm is at most `max_norm`; returns the norm before.

    PyTorch's `foreach` is accepted and has no effect.
    Source: Pascanu, Mikolov and Bengio, "On the Difficulty of Training Recurrent Neural Networks", ICML 2013,
    algorithm 1.

    >>> x = Tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grad_norm_(x, max_norm=1.0)
    tensor(5.)
    >>> x.grad
    tensor([0.6, 0.8])
    """
    gradients = _gradients(parameters)
    total = get_total_norm(gradients, float(norm_type), error_if_nonfinite)
    _scale(gradients, max_norm, total)
    return total


def clip_grads_with_norm_(parameters: Parameters, max_norm: float, total_norm: Tensor,
                          foreach: Optional[bool] = None) -> None:
    """Scale all gradients by one factor, so that `total_norm`, which was computed before, becomes at most `max_norm`.

    >>> x = Tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grads_with_norm_(x, 1.0, get_total_norm([x.grad]))
    >>> x.grad
    tensor([0.6, 0.8])
    """
    _scale(_gradients(parameters), max_norm, total_norm)


def _scale(gradients: list[Tensor], max_norm: float, total: Tensor) -> None:
    factor = (float(max_norm) / (total + 1e-6)).clip(None, 1.0)
    for gradient in gradients:
        gradient.detach().mul_(factor.to(gradient))


def clip_grad_value_(parameters: Parameters, clip_value: float, foreach: Optional[bool] = None) -> None:
    """Clamp every element of the gradients to ±`clip_value`.

    >>> x = Tensor([3.0, -4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grad_value_(x, 3.5)
    >>> x.grad
    tensor([ 3. , -3.5])
    """
    bound = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.detach().clip_(-bound, bound)
