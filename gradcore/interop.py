"""Operations that are written here, in programs that are written with another library."""

from __future__ import annotations

import functools
from typing import Any, Callable, Sequence

from .core.elementwise import Elementwise
from .core.grad_mode import no_grad
from .core.tensor import Tensor, common_backend
from .operations.interchange import from_dlpack


def to_torch(operation: Elementwise) -> Callable:
    """An elementwise operation as a function of PyTorch tensors, differentiable by PyTorch, to any order.

    Forward and backward pass are this library's kernels, on the memory of the PyTorch tensors, which is not copied.
    Tensors must be on one device, the CPU or a CUDA device; numbers may stand in for all but one of them.  Constants
    are given as to the operation itself.  ::

        mish = gradcore.interop.to_torch(gradcore.functions.mish)
        x = torch.randn(1000, requires_grad=True)
        mish(x).sum().backward()

    Raises
    ------
    ModuleNotFoundError : PyTorch is not installed.
    TypeError : `operation` is not one that `gradcore.elementwise` has made.
    """
    if not isinstance(operation, Elementwise):
        raise TypeError(f"to_torch takes an elementwise operation, as @gradcore.elementwise makes them; got "
                        f"{getattr(operation, '__name__', None) or type(operation).__name__}")
    torch = _torch()
    function = _torch_function()

    def on_torch(*inputs: Any, **constants: Any) -> Any:
        inputs, values = operation._bind(inputs, constants)
        wrong = [value for value in inputs if not isinstance(value, (torch.Tensor, bool, int, float))]
        if wrong or not any(isinstance(value, torch.Tensor) for value in inputs):
            raise TypeError(f"{operation.name}, made by to_torch, takes PyTorch tensors, at least one, and numbers; "
                            f"got {', '.join(type(value).__name__ for value in inputs)}")
        return function.apply(operation, values, *inputs)

    on_torch.__name__ = on_torch.__qualname__ = operation.name
    on_torch.__doc__ = operation.__doc__
    return on_torch


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("to_torch needs PyTorch, which is not installed (pip install torch)") from error
    return torch


def _shared(value: Any) -> Any:
    """A PyTorch tensor as one of this library, in the same memory; numbers as they are."""
    # A lazy minus sign, which views of complex tensors may have, is not part of the memory.
    return from_dlpack(value.detach().resolve_neg()) if hasattr(value, "detach") else value


def _run(operation: Elementwise, inputs: Sequence[Any], values: tuple) -> Tensor:
    shared = list(map(_shared, inputs))
    with no_grad():
        return operation.run(shared, values, common_backend(operation.name, shared))


@functools.lru_cache(maxsize=None)
def _torch_function() -> Any:
    """The class whose `apply` records a call in PyTorch's graph; made once PyTorch is asked for."""
    torch = _torch()

    class GradcoreElementwise(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, operation: Elementwise, values: tuple, *inputs: Any) -> Any:
            output = torch.from_dlpack(_run(operation, inputs, values))
            if not output.is_floating_point():
                ctx.mark_non_differentiable(output)
                return output
            along = tuple([i for i in range(len(inputs)) if ctx.needs_input_grad[i + 2]])
            if along:
                ctx.operation, ctx.values, ctx.needs = operation, values, operation.gradient(along)
                ctx.count, ctx.like = len(inputs), [(inputs[i].shape, inputs[i].dtype) for i in along]
                saved = [inputs[i] for i in ctx.needs.saved] + [output] * ctx.needs.saves_output
                ctx.numbers = [None if isinstance(value, torch.Tensor) else value for value in saved]
                ctx.save_for_backward(*[value if isinstance(value, torch.Tensor) else None for value in saved])
            return output

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> tuple:
            needs = ctx.needs
            saved = [number if tensor is None else tensor for tensor, number in zip(ctx.saved_tensors, ctx.numbers)]
            parts = (_recorded if torch.is_grad_enabled() else _computed)(ctx, saved, upstream)
            gradients: list[Any] = [None] * (2 + ctx.count)
            for i, (shape, dtype) in zip(needs.along, ctx.like):
                gradients[2 + i] = parts[i].sum_to_size(shape).to(dtype)  # itself, where it was not broadcast or cast
            return tuple(gradients)

    def _computed(ctx: Any, saved: list, upstream: Any) -> dict[int, Any]:
        """The gradients by the inputs' positions, by one kernel."""
        needs, parts = ctx.needs, dict.fromkeys(ctx.needs.passed, upstream)
        if needs.kernel is not None:
            arrays = list(map(_shared, [*saved, upstream]))
            backend = arrays[-1]._backend
            arrays = [value._array if isinstance(value, Tensor) else value for value in arrays]
            outputs = backend.elementwise(needs.kernel, arrays, ctx.values)
            parts.update((i, torch.from_dlpack(Tensor._wrap(array, backend)))
                         for i, array in zip(needs.computed, outputs))
        return parts

    def _recorded(ctx: Any, saved: list, upstream: Any) -> dict[int, Any]:
        """The gradients by the inputs' positions, each of them a call that PyTorch can differentiate."""
        operation, needs = ctx.operation, ctx.needs
        available = dict(zip(needs.saved, saved))

        def along(i: int) -> Any:
            less = operation.gradient((i,))
            inputs = [available[j] for j in less.saved] + [saved[-1]] * less.saves_output + [upstream]
            return GradcoreElementwise.apply(operation.gradient_operation(i), ctx.values, *inputs)

        return {i: upstream if i in needs.passed else along(i) for i in needs.along}

    return GradcoreElementwise
