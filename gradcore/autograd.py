"""Automatic differentiation under PyTorch's name: `Function`, `grad`, `backward` and the gradient modes.

>>> x = Variable(Tensor([3.0]), requires_grad=True)
>>> grad(x * x, x)[0]
tensor([6.])
"""

from __future__ import annotations

from .core.arguments import publish_own
from .core.function import Context, Function
from .core.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .core.gradients import GradcheckError, backward, grad, gradcheck
from .core.tensor import Tensor

__all__ = ["Context", "Function", "GradcheckError", "Variable", "backward", "enable_grad", "grad", "gradcheck",
           "is_grad_enabled", "no_grad", "set_grad_enabled"]


def Variable(data: Tensor, requires_grad: bool = False) -> Tensor:
    """A tensor with the memory of `data` but without history, PyTorch's legacy name.

    >>> Variable(Tensor([1.0, 2.0]), requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    return data.detach().requires_grad_(requires_grad)


publish_own(globals())
