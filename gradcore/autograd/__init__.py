"""Automatic differentiation under PyTorch's name: `Function`, `grad`, `backward`, gradient modes.

`functional` has Jacobians, Hessians and their products with vectors.

>>> x = Variable(Tensor([3.0]), requires_grad=True)
>>> grad(x * x, x)[0]
tensor([6.])
"""

from __future__ import annotations

from ..backends.lazy import loader
from ..core.anomaly import detect_anomaly, set_detect_anomaly
from ..core.public import publish as _publish
from ..core.function import Context, Function
from ..core.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from ..core.gradients import GradcheckError, backward, grad, gradcheck, gradgradcheck
from ..core.tensor import Tensor

__all__ = ["Context", "Function", "GradcheckError", "Variable", "backward", "detect_anomaly", "enable_grad", "grad",
           "gradcheck", "gradgradcheck", "inference_mode", "is_grad_enabled", "no_grad", "set_detect_anomaly",
           "set_grad_enabled"]

__getattr__ = loader(__name__, {"function": "", "functional": ""})


def Variable(data: Tensor, requires_grad: bool = False) -> Tensor:
    """A tensor with the memory of `data` but without history, PyTorch's legacy name.

    >>> Variable(Tensor([1.0, 2.0]), requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    return data.detach().requires_grad_(requires_grad)


_publish(globals())
