"""A recurrent layer over time: one matrix product and one kernel for each step, in each direction.

Values are stored as (features, samples), so that each gate of a step is contiguous.  A cell may be followed by a
projection of its state: the matrix `shrink`, PyTorch's `weight_hr`.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np

from ..core.function import Context, Function
from ..core.grad_mode import is_grad_enabled
from ..core.gradients import grad
from ..core.tensor import Tensor, as_tensor
from ..operations.conversion import clone
from ..operations.linear_algebra import matmul
from ..operations.selection import where
from ..operations.shaping import reshape, split, stack
from .cells import Course, step_gradient


class Recurrence(Function):
    """A layer of one cell over time.

    Its arguments are the course, the projected inputs of the gates (gates, steps · samples), the weight (gates,
    features) of the state, the biases of inputs and state (or None), the matrix `shrink` (features of the state,
    features of the cell) or None, and the initial states (features, samples).  Its results are the states h of all
    steps (features, steps · samples) and the final states.
    """

    @staticmethod
    def forward(ctx: Context, course: Course, projected: Tensor, weight: Tensor, bias_x: Optional[Tensor],
                bias_h: Optional[Tensor], shrink: Optional[Tensor], *states: Tensor) -> tuple[Tensor, ...]:
        ctx.course, ctx.run = course, _Run(course, projected, weight, bias_x, bias_h, shrink, states)
        ctx.save_for_backward(projected, weight, bias_x, bias_h, shrink, *states)
        results: tuple[Tensor, ...] = ctx.run.forward([state._array for state in states])
        return results

    @staticmethod
    def backward(ctx: Context, *upstream: Tensor) -> tuple[Optional[Tensor], ...]:
        if is_grad_enabled():
            return (None, *_recorded_gradients(ctx.course, ctx.saved_tensors, upstream))
        return (None, *ctx.run.backward(*[gradient._array for gradient in upstream]))


class _Run:
    """One forward pass, and what it saves for the backward pass."""

    def __init__(self, course: Course, projected: Tensor, weight: Tensor, bias_x: Optional[Tensor],
                 bias_h: Optional[Tensor], shrink: Optional[Tensor], states: Sequence[Tensor]):
        self.course, self.cell, self.backend = course, course.cell, projected._backend
        self.features, self.samples = states[0].shape
        self.cell_features = states[-1].shape[0]
        self.dtype, self.has_bias = projected.dtype, bias_x is not None
        self.is_padded = any(width < self.samples for width in course.widths)
        self.gates, self.weight = self._by_step(projected._array), weight._array
        # The states h before the first step and after each, in the order of time.  The weight has the bias as one more
        # column, for a state with one more row of ones.
        self.history = self.backend.full((self.features + 1, len(course.widths) + 1, self.samples), 1, self.dtype)
        self.bias_x, self.weight_and_bias = self._biases(bias_x, bias_h)
        self.shrink = None if shrink is None else shrink._array
        if shrink is not None:  # the cell's own states
            self.unshrunk = self.backend.full((self.cell_features, len(course.widths), self.samples), 0, self.dtype)
        self.tape: list[tuple[Any, ...]] = []

    def _by_step(self, array: Any) -> Any:
        return self.backend.xp.reshape(array, (array.shape[0], len(self.course.widths), self.samples))

    def _biases(self, bias_x: Optional[Tensor], bias_h: Optional[Tensor]) -> tuple[Any, Any]:
        backend, xp, rows = self.backend, self.backend.xp, self.weight.shape[0]
        if bias_x is None or bias_h is None:
            return None, xp.concat((self.weight, backend.full((rows, 1), 0, self.dtype)), axis=1)
        of_x, of_h = [xp.reshape(bias._array, (rows, 1)) for bias in (bias_x, bias_h)]
        column = of_h if self.cell.is_split else xp.add(of_x, of_h)
        return of_x if self.cell.is_split else None, xp.concat((self.weight, column), axis=1)

    # -- forward ----------------------------------------------------------------------------------------------
    def forward(self, states: Sequence[Any]) -> tuple[Tensor, ...]:
        backend, cell, rows, reader = self.backend, self.cell, slice(self.features), step_gradient(self.cell)
        unread, before, after = cell.states - cell.reads, *self._places()
        backend.assign(self.history, (rows, len(self.course.widths) if self.course.is_reverse else 0), states[0])
        for t in self.course.steps:
            active = slice(self.course.widths[t])
            inputs = [*self._blocks(t, t + before.start, active), *self._active(states[unread:], active)]
            made = backend.elementwise(cell.formula.kernel, inputs, ())
            self.tape.append((t, active, reader.read(inputs, made)))
            states = self._all(self._new_states(made, t, active), states, active)
            backend.assign(self.history, (rows, t + after.start), states[0])
        outputs = backend.copy(backend.take(self.history, (rows, after)))
        for t, width in enumerate(self.course.widths if self.is_padded else ()):
            backend.assign(outputs, (slice(None), t, slice(width, None)), 0)
        flat = backend.xp.reshape(outputs, (self.features, -1))
        return tuple([Tensor._wrap(array, backend) for array in (flat, *states)])

    def _new_states(self, made: Sequence[Any], t: int, active: slice) -> Sequence[Any]:
        if self.shrink is None:
            return made[:self.cell.states]
        self.backend.assign(self.unshrunk, (slice(None), t, active), made[0])
        return [self.backend.matmul(self.shrink, made[0]), *made[1:self.cell.states]]

    def _places(self) -> tuple[slice, slice]:
        """The positions of the states before and after each step in the history."""
        steps = len(self.course.widths)
        early, late = slice(0, steps), slice(1, steps + 1)
        return (late, early) if self.course.is_reverse else (early, late)

    def _blocks(self, t: int, place: int, active: slice) -> list[Any]:
        """The pre-activations of a step, an array for each gate; `place` is the position of the state in the history.
        """
        backend, xp = self.backend, self.backend.xp
        of_x = backend.take(self.gates, (slice(None), t, active))
        of_h = backend.matmul(self.weight_and_bias, backend.take(self.history, (slice(None), place, active)))
        if not self.cell.is_split:
            return self._divided(xp.add(of_h, of_x))
        of_x = backend.copy(of_x) if self.bias_x is None else xp.add(of_x, self.bias_x)
        return [*self._divided(of_x), *self._divided(of_h)]

    def _divided(self, array: Any) -> list[Any]:
        n = self.cell_features
        return [self.backend.take(array, (slice(k * n, (k + 1) * n), ...)) for k in range(self.cell.gates)]

    def _active(self, states: Sequence[Any], active: slice) -> Sequence[Any]:
        """The states of the samples that are active in a step."""
        return [self.backend.take(state, (slice(None), active)) for state in states] if self.is_padded else states

    def _all(self, new: Sequence[Any], old: Sequence[Any], active: slice) -> Sequence[Any]:
        """The states of all samples: updated for active ones, unchanged for others."""
        if not self.is_padded:
            return new
        joined = [self.backend.copy(state) for state in old]
        for state, part in zip(joined, new):
            self.backend.assign(state, (slice(None), active), part)
        return joined

    # -- backward ---------------------------------------------------------------------------------------------
    def backward(self, along_output: Any, *last: Any) -> list[Optional[Tensor]]:
        """The gradients of the projected inputs, the weight, the biases, `shrink` and the first states."""
        backend, xp, cell = self.backend, self.backend.xp, self.cell
        kernel, along_output, every = step_gradient(cell).kernel, self._by_step(along_output), slice(None)
        of_x = backend.full(self.gates.shape, 0, self.dtype)
        of_h = backend.full(self.gates.shape, 0, self.dtype) if cell.is_split else of_x
        transposed = xp.permute_dims(self.weight, (1, 0))
        of_shrunk = None if self.shrink is None else backend.full(along_output.shape, 0, self.dtype)
        along: Sequence[Any] = last
        for t, active, read in reversed(self.tape):
            received = list(self._active(along, active))
            received[0] = xp.add(received[0], backend.take(along_output, (every, t, active)))
            if self.shrink is not None:
                backend.assign(of_shrunk, (every, t, active), received[0])
                received[0] = backend.matmul(xp.permute_dims(self.shrink, (1, 0)), received[0])
            parts = backend.elementwise(kernel, (*read, *received), ())
            at_h = xp.concat(parts[cell.blocks - cell.gates:cell.blocks], axis=0)
            backend.assign(of_h, (every, t, active), at_h)
            if cell.is_split:
                backend.assign(of_x, (every, t, active), xp.concat(parts[:cell.gates], axis=0))
            before, rest = backend.matmul(transposed, at_h), parts[cell.blocks:]
            new = [before, *rest] if cell.states > cell.reads else [xp.add(before, rest[0])]
            along = self._all(new, along, active)
        return self._finished(of_x, of_h, of_shrunk, along)

    def _finished(self, of_x: Any, of_h: Any, of_shrunk: Any, along: Sequence[Any]) -> list[Optional[Tensor]]:
        backend, xp = self.backend, self.backend.xp
        flat_x, flat_h = [xp.reshape(array, (array.shape[0], -1)) for array in (of_x, of_h)]
        held = backend.take(self.history, (slice(None), self._places()[0]))
        history = xp.reshape(held, (self.features + 1, -1))
        product = backend.matmul(flat_h, xp.permute_dims(history, (1, 0)))
        biases: list[Any] = [None, None]
        if self.has_bias:
            of_bias = backend.take(product, (slice(None), -1))
            biases = [backend.sum(flat_x, (1,), False) if self.cell.is_split else of_bias, of_bias]
        of_shrink = None
        if self.shrink is not None:
            flat = [xp.reshape(array, (array.shape[0], -1)) for array in (of_shrunk, self.unshrunk)]
            of_shrink = backend.matmul(flat[0], xp.permute_dims(flat[1], (1, 0)))
        arrays = [flat_x, backend.take(product, (slice(None), slice(-1))), *biases, of_shrink, *along]
        return [array if array is None else Tensor._wrap(array, backend) for array in arrays]


def _recorded_gradients(course: Course, inputs: Sequence[Optional[Tensor]],
                        upstream: Sequence[Tensor]) -> list[Optional[Tensor]]:
    """The gradients with a graph, by the same steps as recorded operations."""
    copies = [None if tensor is None else clone(tensor) for tensor in inputs]
    given: list[Any] = copies
    outputs = step_by_step(course, *given)
    wanted = [copy for copy in copies if copy is not None and copy.requires_grad]
    found = iter(grad(outputs, wanted, list(upstream), create_graph=True, allow_unused=True))
    return [next(found) if copy is not None and copy.requires_grad else None for copy in copies]


def step_by_step(course: Course, projected: Tensor, weight: Tensor, bias_x: Optional[Tensor], bias_h: Optional[Tensor],
                 shrink: Optional[Tensor], *states: Tensor) -> list[Tensor]:
    """`Recurrence` by operations on tensors."""
    cell, samples = course.cell, states[0].shape[1]
    gates = reshape(projected, projected.shape[0], len(course.widths), samples)
    outputs: dict[int, Tensor] = {}
    for t in course.steps:
        of_x, of_h = gates[:, t], matmul(weight, states[0])
        of_x = of_x if bias_x is None else of_x + bias_x.unsqueeze(1)
        of_h = of_h if bias_h is None else of_h + bias_h.unsqueeze(1)
        rows = states[-1].shape[0]
        given = [*split(of_x, rows), *split(of_h, rows)] if cell.is_split else split(of_x + of_h, rows)
        made = cell.formula(*given, *states[cell.states - cell.reads:])
        made = made if isinstance(made, tuple) else (made,)
        made = made if shrink is None else (matmul(shrink, made[0]), *made[1:])
        active = as_tensor(np.arange(samples) < course.widths[t], device=projected.device)
        outputs[t] = where(active, made[0], 0.0)
        states = tuple([where(active, new, old) for new, old in zip(made, states)])
    return [reshape(stack([outputs[t] for t in sorted(outputs)], 1), states[0].shape[0], -1), *states]
