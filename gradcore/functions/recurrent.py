"""Recurrent cells, and a layer of one cell over time: one product of matrices and one kernel for each step, each way.

Numbers are kept as (features, samples), so that each gate of a step is one block of memory.  The step's kernel is a
formula that also returns its gates: the backward kernel reads them instead of computing them again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Optional, Sequence

import numpy as np

from ..core.elementwise import Elementwise, elementwise
from ..core.function import Function
from ..core.grad_mode import is_grad_enabled
from ..core.gradients import grad
from ..core.tensor import Tensor, as_tensor
from ..operations.conversion import clone
from ..operations.linear_algebra import matmul
from ..operations.selection import where
from ..operations.shaping import reshape, split, stack
from .rectifiers import relu
from .sigmoids import tanh


@elementwise
def lstm_step(xp, i, f, g, o, c):
    """The state h = o tanh(c') and the memory c' = f c + i g, with gates sigmoid(i), sigmoid(f), tanh(g), sigmoid(o).

    Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997; with the gate f: Gers,
    Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12, 2000.
    """
    i, f, g, o = xp.sigmoid(i), xp.sigmoid(f), xp.tanh(g), xp.sigmoid(o)
    memory = f * c + i * g
    bounded = xp.tanh(memory)
    return o * bounded, memory, i, f, g, o, bounded


@lstm_step.derivative
def _(xp, c, output, upstream):
    _, _, i, f, g, o, bounded = output
    along_h, along_memory, along_i, along_f, along_g, along_o, along_bounded = upstream
    along_c = along_memory + (along_h * o + along_bounded) * (1.0 - bounded * bounded)
    return ((along_c * g + along_i) * i * (1.0 - i), (along_c * c + along_f) * f * (1.0 - f),
            (along_c * i + along_g) * (1.0 - g * g), (along_h * bounded + along_o) * o * (1.0 - o), along_c * f)


@elementwise
def gru_step(xp, xr, xz, xn, hr, hz, hn, h):
    """h' = (1 - z) n + z h, with r = sigmoid(xr + hr), z = sigmoid(xz + hz) and n = tanh(xn + r hn).

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, section 2.3.
    """
    r, z = xp.sigmoid(xr + hr), xp.sigmoid(xz + hz)
    n = xp.tanh(xn + r * hn)
    return n + z * (h - n), r, z, n


@gru_step.derivative
def _(xp, hn, h, output, upstream):
    _, r, z, n = output
    along_h, along_r, along_z, along_n = upstream
    of_n = (along_h * (1.0 - z) + along_n) * (1.0 - n * n)
    of_r = (of_n * hn + along_r) * r * (1.0 - r)
    of_z = (along_h * (h - n) + along_z) * z * (1.0 - z)
    return of_r, of_z, of_n, of_r, of_z, of_n * r, along_h * z


@dataclass(frozen=True)
class Cell:
    """What a layer repeats: a formula whose first results are the new states.

    It takes the sums of each gate, or, if `is_split`, what the inputs and then what the state add to them; and last
    the memory that it changes, where there is one.
    """

    formula: Elementwise
    gates: int
    states: int
    is_split: bool = False

    @property
    def blocks(self) -> int:
        """How many arrays of the gates the formula takes."""
        return self.gates * (2 if self.is_split else 1)

    @property
    def reads(self) -> int:
        """How many of the states, the last ones, the formula takes itself."""
        return len(self.formula.arrays) - self.blocks


CELLS = {"LSTM": Cell(lstm_step, 4, 2), "GRU": Cell(gru_step, 3, 1, True), "RNN_TANH": Cell(tanh, 1, 1),
         "RNN_RELU": Cell(relu, 1, 1)}


class _StepGradient:
    """The backward pass of a cell's formula from its states: the kernel, and what it reads of a step."""

    def __init__(self, cell: Cell):
        along = tuple(range(len(cell.formula.arrays)))
        if len(cell.formula.kernel.outputs) == 1:
            needs = cell.formula.gradient(along)
            self.outputs = (0,) * needs.saves_output
        else:
            needs = cell.formula.joint_gradient(along, tuple(range(cell.states)))
            self.outputs = needs.outputs
        self.kernel, self.inputs = needs.kernel, needs.saved

    def read(self, inputs: Sequence[Any], made: Sequence[Any]) -> list[Any]:
        return [*[inputs[i] for i in self.inputs], *[made[i] for i in self.outputs]]


@functools.cache
def _step_gradient(cell: Cell) -> _StepGradient:
    return _StepGradient(cell)


@dataclass(frozen=True)
class Course:
    """How a layer goes over time: `widths` are the numbers of samples that take part in each step, the first ones."""

    cell: Cell
    widths: tuple[int, ...]
    is_reverse: bool = False

    @property
    def steps(self) -> Sequence[int]:
        steps = range(len(self.widths))
        return steps[::-1] if self.is_reverse else steps


class Recurrence(Function):
    """A layer of one cell over time.

    Its arguments are the course, what the inputs add to the gates (gates, steps · samples), the weight (gates,
    features) of the state, the biases of inputs and state (or None), and the first states (features, samples).  Its
    results are the states h of all steps (features, steps · samples) and the last states.
    """

    @staticmethod
    def forward(ctx, course: Course, projected: Tensor, weight: Tensor, bias_x: Optional[Tensor],
                bias_h: Optional[Tensor], *states: Tensor):
        ctx.course, ctx.run = course, _Run(course, projected, weight, bias_x, bias_h, states)
        ctx.save_for_backward(projected, weight, bias_x, bias_h, *states)
        return ctx.run.forward([state._array for state in states])

    @staticmethod
    def backward(ctx, *upstream: Tensor):
        if is_grad_enabled():
            return (None, *_recorded_gradients(ctx.course, ctx.saved_tensors, upstream))
        return (None, *ctx.run.backward(*[gradient._array for gradient in upstream]))


class _Run:
    """One forward pass and what it leaves for the backward pass."""

    def __init__(self, course: Course, projected: Tensor, weight: Tensor, bias_x: Optional[Tensor],
                 bias_h: Optional[Tensor], states: Sequence[Tensor]):
        self.course, self.cell, self.backend = course, course.cell, projected._backend
        self.features, self.samples = states[0].shape
        self.dtype, self.has_bias = projected.dtype, bias_x is not None
        self.is_padded = any(width < self.samples for width in course.widths)
        self.gates, self.weight = self._by_step(projected._array), weight._array
        # The states h before the first step and after each, in the order of time.  The weight has the bias as one more
        # column, for a state with one more row of ones.
        self.history = self.backend.full((self.features + 1, len(course.widths) + 1, self.samples), 1, self.dtype)
        self.bias_x, self.weight_and_bias = self._biases(bias_x, bias_h)
        self.tape: list[tuple] = []

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
        backend, cell, rows, reader = self.backend, self.cell, slice(self.features), _step_gradient(self.cell)
        unread, before, after = cell.states - cell.reads, *self._places()
        backend.assign(self.history, (rows, len(self.course.widths) if self.course.is_reverse else 0), states[0])
        for t in self.course.steps:
            active = slice(self.course.widths[t])
            inputs = [*self._blocks(t, t + before.start, active), *self._active(states[unread:], active)]
            made = backend.elementwise(cell.formula.kernel, inputs, ())
            self.tape.append((t, active, reader.read(inputs, made)))
            states = self._all(made[:cell.states], states, active)
            backend.assign(self.history, (rows, t + after.start), states[0])
        outputs = backend.copy(backend.take(self.history, (rows, after)))
        for t, width in enumerate(self.course.widths if self.is_padded else ()):
            backend.assign(outputs, (slice(None), t, slice(width, None)), 0)
        flat = backend.xp.reshape(outputs, (self.features, -1))
        return tuple([Tensor._wrap(array, backend) for array in (flat, *states)])

    def _places(self) -> tuple[slice, slice]:
        """Where the history has the states before and after the steps."""
        steps = len(self.course.widths)
        early, late = slice(0, steps), slice(1, steps + 1)
        return (late, early) if self.course.is_reverse else (early, late)

    def _blocks(self, t: int, place: int, active: slice) -> list[Any]:
        """The pre-activations of a step, an array for each gate; `place` is that of the state in the history."""
        backend, xp = self.backend, self.backend.xp
        of_x = backend.take(self.gates, (slice(None), t, active))
        of_h = backend.matmul(self.weight_and_bias, backend.take(self.history, (slice(None), place, active)))
        if not self.cell.is_split:
            return self._divided(xp.add(of_h, of_x))
        of_x = backend.copy(of_x) if self.bias_x is None else xp.add(of_x, self.bias_x)
        return [*self._divided(of_x), *self._divided(of_h)]

    def _divided(self, array: Any) -> list[Any]:
        n = self.features
        return [self.backend.take(array, (slice(k * n, (k + 1) * n), ...)) for k in range(self.cell.gates)]

    def _active(self, states: Sequence[Any], active: slice) -> Sequence[Any]:
        """The states of the samples that take part."""
        return [self.backend.take(state, (slice(None), active)) for state in states] if self.is_padded else states

    def _all(self, new: Sequence[Any], old: Sequence[Any], active: slice) -> Sequence[Any]:
        """The states of all samples: the new ones, and the old of those that took no part."""
        if not self.is_padded:
            return new
        joined = [self.backend.copy(state) for state in old]
        for state, part in zip(joined, new):
            self.backend.assign(state, (slice(None), active), part)
        return joined

    # -- backward ---------------------------------------------------------------------------------------------
    def backward(self, along_output: Any, *along: Any) -> list[Optional[Tensor]]:
        """The gradients of the projected inputs, the weight, the biases and the first states."""
        backend, xp, cell = self.backend, self.backend.xp, self.cell
        kernel, along_output, every = _step_gradient(cell).kernel, self._by_step(along_output), slice(None)
        of_x = backend.full(self.gates.shape, 0, self.dtype)
        of_h = backend.full(self.gates.shape, 0, self.dtype) if cell.is_split else of_x
        turned = xp.permute_dims(self.weight, (1, 0))
        for t, active, read in reversed(self.tape):
            received = list(self._active(along, active))
            received[0] = xp.add(received[0], backend.take(along_output, (every, t, active)))
            parts = backend.elementwise(kernel, (*read, *received), ())
            at_h = xp.concat(parts[cell.blocks - cell.gates:cell.blocks], axis=0)
            backend.assign(of_h, (every, t, active), at_h)
            if cell.is_split:
                backend.assign(of_x, (every, t, active), xp.concat(parts[:cell.gates], axis=0))
            before, rest = backend.matmul(turned, at_h), parts[cell.blocks:]
            new = [before, *rest] if cell.states > cell.reads else [xp.add(before, rest[0])]
            along = self._all(new, along, active)
        return self._finished(of_x, of_h, along)

    def _finished(self, of_x: Any, of_h: Any, along: Sequence[Any]) -> list[Optional[Tensor]]:
        backend, xp = self.backend, self.backend.xp
        flat_x, flat_h = [xp.reshape(array, (array.shape[0], -1)) for array in (of_x, of_h)]
        held = backend.take(self.history, (slice(None), self._places()[0]))
        history = xp.reshape(held, (self.features + 1, -1))
        product = backend.matmul(flat_h, xp.permute_dims(history, (1, 0)))
        biases: list[Any] = [None, None]
        if self.has_bias:
            of_bias = backend.take(product, (slice(None), -1))
            biases = [backend.sum(flat_x, (1,), False) if self.cell.is_split else of_bias, of_bias]
        arrays = [flat_x, backend.take(product, (slice(None), slice(-1))), *biases, *along]
        return [array if array is None else Tensor._wrap(array, backend) for array in arrays]


def _recorded_gradients(course: Course, inputs: Sequence[Optional[Tensor]],
                        upstream: Sequence[Tensor]) -> list[Optional[Tensor]]:
    """The gradients with a graph of their own: of the same steps, taken by operations on tensors."""
    copies = [None if tensor is None else clone(tensor) for tensor in inputs]
    outputs = step_by_step(course, *copies)
    wanted = [copy for copy in copies if copy is not None and copy.requires_grad]
    found = iter(grad(outputs, wanted, list(upstream), create_graph=True, allow_unused=True))
    return [next(found) if copy is not None and copy.requires_grad else None for copy in copies]


def step_by_step(course: Course, projected: Tensor, weight: Tensor, bias_x: Optional[Tensor], bias_h: Optional[Tensor],
                 *states: Tensor) -> list[Tensor]:
    """What `Recurrence` computes, by operations on tensors."""
    cell, samples = course.cell, states[0].shape[1]
    gates = reshape(projected, projected.shape[0], len(course.widths), samples)
    outputs: dict[int, Tensor] = {}
    for t in course.steps:
        of_x, of_h = gates[:, t], matmul(weight, states[0])
        of_x = of_x if bias_x is None else of_x + bias_x.unsqueeze(1)
        of_h = of_h if bias_h is None else of_h + bias_h.unsqueeze(1)
        given = [*split(of_x, states[0].shape[0]), *split(of_h, states[0].shape[0])] if cell.is_split \
            else split(of_x + of_h, states[0].shape[0])
        made = cell.formula(*given, *states[cell.states - cell.reads:])
        made = made if isinstance(made, tuple) else (made,)
        active = as_tensor(np.arange(samples) < course.widths[t], device=projected.device)
        outputs[t] = where(active, made[0], 0.0)
        states = tuple([where(active, new, old) for new, old in zip(made, states)])
    return [reshape(stack([outputs[t] for t in sorted(outputs)], 1), states[0].shape[0], -1), *states]
