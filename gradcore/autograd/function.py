"""`Function` under the name of PyTorch's module, and `once_differentiable`."""

from __future__ import annotations

import functools
from typing import Any, Callable

from ..core.public import publish_own
from ..core.function import Context, Function
from ..core.grad_mode import is_grad_enabled, no_grad
from ..core.tensor import Tensor

__all__ = ["Context", "Function", "FunctionCtx", "once_differentiable"]

FunctionCtx = Context


class _Constant(Function):
    """Gradients computed without recording; differentiating them raises an error."""

    @staticmethod
    def forward(ctx: Context, gradient: Tensor, *watched: Any) -> Tensor:
        return gradient

    @staticmethod
    def backward(ctx: Context, *gradients: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a gradient of a Function whose backward is once_differentiable cannot be differentiated")


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Compute a `backward` without recording; differentiating its gradients raises an error.

    >>> class Double(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, gradient):
    ...         return 2 * gradient
    >>> x = Tensor([1.0], requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor([2.])
    """
    @functools.wraps(fn)
    def backward(ctx: Context, *gradients: Any) -> Any:
        with no_grad():
            found = fn(ctx, *gradients)
        watched = [value for value in (*gradients, *ctx.saved_tensors) if isinstance(value, Tensor)
                   and value.requires_grad]
        if not is_grad_enabled() or not watched:
            return found
        listed = found if isinstance(found, (tuple, list)) else (found,)
        marked = tuple(_Constant.apply(one, *watched) if isinstance(one, Tensor) else one for one in listed)
        return marked if isinstance(found, (tuple, list)) else marked[0]

    return backward


publish_own(globals())
