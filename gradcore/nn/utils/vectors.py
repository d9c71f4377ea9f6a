"""Parameters as one vector."""

from __future__ import annotations

from typing import Iterable

from ...core.tensor import Tensor
from ...operations.shaping import cat, reshape


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Concatenate the elements of all parameters; gradients flow.

    >>> parameters_to_vector([Tensor([[1.0, 2.0]]), Tensor(3.0)])
    tensor([1., 2., 3.])
    """
    return cat([reshape(parameter, -1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector to the parameters, in order.

    >>> weight, bias = Tensor([[0.0, 0.0]]), Tensor([0.0])
    >>> vector_to_parameters(Tensor([1.0, 2.0, 3.0]), [weight, bias])
    >>> weight, bias
    (tensor([[1., 2.]]), tensor([3.]))
    """
    listed = list(parameters)
    needed = sum(parameter.numel() for parameter in listed)
    if not isinstance(vec, Tensor) or vec.shape != (needed,):
        raise ValueError(f"vector_to_parameters: a vector of {needed} elements is needed; got "
                         f"{getattr(vec, 'shape', type(vec).__name__)}")
    start = 0
    for parameter in listed:
        end = start + parameter.numel()
        parameter.detach().copy_(reshape(vec[start:end].detach(), parameter.shape))
        start = end
