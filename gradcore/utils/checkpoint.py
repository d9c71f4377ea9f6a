"""Activation checkpointing: recompute activations in the backward pass instead of saving them."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from ..core.public import publish_own
from ..core.function import Context, Function
from ..core.grad_mode import enable_grad, is_grad_enabled
from ..core.gradients import grad
from ..core.graph import leaves
from ..core.python_data import of_kind
from ..core.tensor import Tensor
from ..operations.generator import fork_rng, get_rng_state, set_rng_state

__all__ = ["checkpoint", "checkpoint_sequential"]


class _Again(Function):
    """The result of a function that the backward pass calls again: `call` computes it for new inputs."""

    @staticmethod
    def forward(ctx: Context, call: Callable[..., Any], outputs: Sequence[Any], count: int, *tensors: Tensor) -> Any:
        ctx.call, ctx.count = call, count
        ctx.save_for_backward(*tensors)
        results = [output.detach() if isinstance(output, Tensor) else output for output in outputs]
        ctx.mark_non_differentiable(*[result for result, output in zip(results, outputs)
                                      if isinstance(output, Tensor) and not output.requires_grad])
        return tuple(results)

    @staticmethod
    def backward(ctx: Context, *gradients: Any) -> Any:
        tensors: Any = ctx.saved_tensors
        creates = is_grad_enabled()
        with enable_grad():
            inputs = [x if creates or not x.requires_grad else x.detach().requires_grad_()
                      for x in tensors[:ctx.count]]
            wanted = [x for x in (*inputs, *tensors[ctx.count:]) if x.requires_grad]
            pairs = [(output, weight) for output, weight in zip(ctx.call(*inputs), gradients)
                     if isinstance(output, Tensor) and output.requires_grad]
            found = iter(grad([output for output, _ in pairs], wanted, [weight for _, weight in pairs],
                              create_graph=creates, allow_unused=True))
        return (None, None, None, *[next(found) if x.requires_grad else None for x in tensors])


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: Optional[bool] = None,
               preserve_rng_state: bool = True, determinism_check: str = "default", debug: bool = False,
               early_stop: bool = True, context_fn: Any = None, **kwargs: Any) -> Any:
    """``function(*args, **kwargs)``, whose intermediate results are recomputed in the backward pass, not saved.

    Parameters
    ----------
    function : called twice, so it must be deterministic.
    use_reentrant, determinism_check, debug, early_stop, context_fn : accepted for compatibility with PyTorch, without
        effect.  Gradients are those of `use_reentrant=False`: the function's parameters need not be arguments.
    preserve_rng_state : whether the second call draws the same random numbers, as dropout requires.

    Source: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.

    >>> x = Tensor([2.0], requires_grad=True)
    >>> checkpoint(lambda x: x.exp() * x, x).backward()
    >>> x.grad.numpy().round(3)
    array([22.167], dtype=float32)
    """
    if not is_grad_enabled():
        return function(*args, **kwargs)
    state = get_rng_state() if preserve_rng_state else None
    places = [i for i, value in enumerate(args) if isinstance(value, Tensor)]

    def call(*tensors: Tensor) -> Any:
        given = list(args)
        for i, tensor in zip(places, tensors):
            given[i] = tensor
        return function(*given, **kwargs)

    def again(*tensors: Tensor) -> Sequence[Any]:
        with fork_rng(enabled=state is not None):
            if state is not None:
                set_rng_state(state)
            result = call(*tensors)
        return result if isinstance(result, (tuple, list)) else (result,)

    # The inputs without their history: what the result was computed from beside them are the function's own tensors.
    inputs = [args[i] for i in places]
    watched = [x.detach().requires_grad_() if x.requires_grad else x for x in inputs]
    result = call(*watched)
    outputs = result if isinstance(result, (tuple, list)) else (result,)
    known = set(map(id, watched))
    own = [x for x in leaves([output for output in outputs if isinstance(output, Tensor)]) if id(x) not in known]
    recorded = _Again.apply(again, outputs, len(inputs), *inputs, *own)
    return of_kind(type(result), recorded) if isinstance(result, (tuple, list)) else recorded[0]


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: Optional[bool] = None,
                          preserve_rng_state: bool = True, **kwargs: Any) -> Any:
    """Functions in sequence, such as those of a Sequential, in `segments` parts with a `checkpoint` each.

    As in PyTorch, the last part is not recomputed, since its backward pass follows at once.

    >>> from gradcore import nn
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    >>> checkpoint_sequential(model, 2, Tensor([[1.0, 2.0]], requires_grad=True)).shape
    (1, 1)
    """
    listed = list(functions.children() if hasattr(functions, "children") else functions)
    if not 1 <= segments <= max(len(listed), 1):
        raise ValueError(f"checkpoint_sequential: `segments` must be from 1 to the {len(listed)} functions; got "
                         f"{segments}")

    def part(start: int, end: int) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for function in listed[start:end]:
                x = function(x)
            return x

        return run

    size = len(listed) // segments
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(part(start, start + size), input, preserve_rng_state=preserve_rng_state)
    return part(size * (segments - 1), len(listed))(input)


publish_own(globals())
