"""Hooks of modules: around `forward`, on gradients, and around reading and loading the state."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, cast

from ..core.grad_mode import is_grad_enabled
from ..core.graph import Node, parent_of
from ..core.hooks import Handle
from ..core.outputs import Output, Parts
from ..core.python_data import of_kind
from ..core.tensor import Tensor
from ..core.views import share_memory

KINDS = ("forward_pre", "forward", "backward_pre", "backward", "state_pre", "state", "load_pre", "load")


class Hooks:
    """The hooks of one module, by kind."""

    def __init__(self) -> None:
        self.of_kind: dict[str, dict[int, Callable[..., Any]]] = {kind: {} for kind in KINDS}

    def add(self, kind: str, hook: Callable[..., Any], first: bool = False) -> Handle:
        return Handle(self.of_kind[kind], hook, first)

    def call(self, module: Any, inputs: tuple[Any, ...], options: dict[Any, Any]) -> Any:
        """Call `module` with all its hooks."""
        for hook, takes_options in self._forward("forward_pre"):
            if takes_options:
                inputs, options = hook(module, inputs, options) or (inputs, options)
            else:
                changed = hook(module, inputs)
                inputs = inputs if changed is None else changed if isinstance(changed, tuple) else (changed,)
        is_watched = is_grad_enabled() and (self.of_kind["backward"] or self.of_kind["backward_pre"])
        watched = _Backward(self, module) if is_watched else None
        output = module.forward(*(watched.entered(inputs) if watched else inputs), **options)
        for hook, takes_options in self._forward("forward"):
            changed = hook(module, inputs, options, output) if takes_options else hook(module, inputs, output)
            output = output if changed is None else changed
        return watched.left(output) if watched else output

    def _forward(self, kind: str) -> list[tuple[Callable[..., Any], bool]]:
        return [hook if isinstance(hook, _WithOptions) else (hook, False) for hook in self.of_kind[kind].values()]


class _WithOptions(tuple[Callable[..., Any], bool]):
    """A hook that also receives the keyword arguments of the call."""

    def __call__(self, *args: Any) -> Any:
        return self[0](*args)


def with_options(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a forward hook as one that also receives the keyword arguments of the call."""
    marked: Any = _WithOptions((hook, True))
    return cast(Callable[..., Any], marked)


class _Backward:
    """One call of a module with backward hooks: its inputs and outputs, and the gradients received."""

    def __init__(self, hooks: Hooks, module: Any):
        self.hooks, self.module = hooks.of_kind, module
        self.along_outputs: Optional[tuple[Any, ...]] = None
        self.has_entrance = False

    def entered(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        passed, self.has_entrance = _through(inputs, self._at_inputs)
        return passed

    def left(self, output: Any) -> Any:
        outputs = output if isinstance(output, (tuple, list)) else (output,)
        passed, _ = _through(outputs, self._at_outputs)
        return of_kind(type(output), passed) if isinstance(output, (tuple, list)) else passed[0]

    def _at_outputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in tuple(self.hooks["backward_pre"].values()):
            gradients = _replaced(gradients, hook(self.module, gradients))
        self.along_outputs = gradients
        if not self.has_entrance:  # no input requires a gradient, so none will arrive
            for hook in tuple(self.hooks["backward"].values()):
                hook(self.module, (None,), gradients)
        return gradients

    def _at_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in tuple(self.hooks["backward"].values()):
            gradients = _replaced(gradients, hook(self.module, gradients, self.along_outputs))
        return gradients


def _replaced(gradients: tuple[Any, ...], changed: Any) -> tuple[Any, ...]:
    if changed is None:
        return gradients
    new: tuple[Any, ...] = changed if isinstance(changed, tuple) else (changed,)
    if len(new) != len(gradients):
        raise ValueError(f"a backward hook must return None or {len(gradients)} gradient(s); it returned "
                         f"{len(new)}")
    return new


def _through(values: Sequence[Any], see: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> tuple[tuple[Any, ...], bool]:
    """The values, whose tensors pass through a gate: `see` receives all their gradients together.

    The second result says whether any tensor requires a gradient.
    """
    if not any(isinstance(value, Tensor) and value.requires_grad for value in values):
        return tuple(values), False
    gate = _Gate(values, see)
    return tuple(gate.passed(i, value) for i, value in enumerate(values)), True


class _Gate(Node):
    """A node that waits for the gradients of several tensors."""

    __slots__ = ("count", "see")

    makes_new_arrays = False

    def __init__(self, values: Sequence[Any], see: Callable[[tuple[Any, ...]], tuple[Any, ...]]):
        super().__init__([parent_of(value) if isinstance(value, Tensor) else None for value in values])
        self.count, self.see = len(values), see

    def passed(self, i: int, value: Any) -> Any:
        if not (isinstance(value, Tensor) and value.requires_grad):
            return value
        passed = Tensor._wrap(value._array, value._backend, Output(self, i))
        share_memory(passed, value)
        return passed

    def backward(self, gradient: Parts) -> tuple[Any, ...]:
        return self.see(tuple(gradient.get(i) for i in range(self.count)))
