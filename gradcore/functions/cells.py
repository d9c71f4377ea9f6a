"""Recurrent cells: the formula of one time step, and the inputs of its backward pass.

The formula also returns its gates, so that the backward kernel reads them instead of recomputing them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Sequence

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import Elementwise, elementwise
from .rectifiers import relu
from .sigmoids import tanh


@elementwise
def lstm_step(xp: FormulaNamespace, i: Expression, f: Expression, g: Expression, o: Expression,
              c: Expression) -> tuple[Expression, ...]:
    """The state h = o tanh(c') and the cell state c' = f c + i g, with gates sigmoid(i), sigmoid(f), tanh(g),
    sigmoid(o).

    Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997; with the gate f: Gers,
    Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12, 2000.
    """
    i, f, g, o = xp.sigmoid(i), xp.sigmoid(f), xp.tanh(g), xp.sigmoid(o)
    memory = f * c + i * g
    bounded = xp.tanh(memory)
    return o * bounded, memory, i, f, g, o, bounded


@lstm_step.derivative
def _(xp: FormulaNamespace, c: Expression, output: tuple[Expression, ...],
      upstream: tuple[Expression, ...]) -> tuple[Expression, ...]:
    _, _, i, f, g, o, bounded = output
    along_h, along_memory, along_i, along_f, along_g, along_o, along_bounded = upstream
    along_c = along_memory + (along_h * o + along_bounded) * (1.0 - bounded * bounded)
    return ((along_c * g + along_i) * i * (1.0 - i), (along_c * c + along_f) * f * (1.0 - f),
            (along_c * i + along_g) * (1.0 - g * g), (along_h * bounded + along_o) * o * (1.0 - o), along_c * f)


@elementwise
def gru_step(xp: FormulaNamespace, xr: Expression, xz: Expression, xn: Expression, hr: Expression, hz: Expression,
             hn: Expression, h: Expression) -> tuple[Expression, ...]:
    """h' = (1 - z) n + z h, with r = sigmoid(xr + hr), z = sigmoid(xz + hz) and n = tanh(xn + r hn).

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, section 2.3.
    """
    r, z = xp.sigmoid(xr + hr), xp.sigmoid(xz + hz)
    n = xp.tanh(xn + r * hn)
    return n + z * (h - n), r, z, n


@gru_step.derivative
def _(xp: FormulaNamespace, hn: Expression, h: Expression, output: tuple[Expression, ...],
      upstream: tuple[Expression, ...]) -> tuple[Expression, ...]:
    _, r, z, n = output
    along_h, along_r, along_z, along_n = upstream
    of_n = (along_h * (1.0 - z) + along_n) * (1.0 - n * n)
    of_r = (of_n * hn + along_r) * r * (1.0 - r)
    of_z = (along_h * (h - n) + along_z) * z * (1.0 - z)
    return of_r, of_z, of_n, of_r, of_z, of_n * r, along_h * z


@dataclass(frozen=True)
class Cell:
    """The cell of a layer: a formula whose first results are the new states.

    It takes the pre-activations of each gate or, if `is_split`, the contributions of the input and of the state
    separately, and last the cell state, if there is one.
    """

    formula: Elementwise[Any]
    gates: int
    states: int
    is_split: bool = False

    @property
    def blocks(self) -> int:
        """The number of gate arrays that the formula takes."""
        return self.gates * (2 if self.is_split else 1)

    @property
    def reads(self) -> int:
        """The number of states, counted from the last, that the formula takes itself."""
        return len(self.formula.arrays) - self.blocks


CELLS = {"LSTM": Cell(lstm_step, 4, 2), "GRU": Cell(gru_step, 3, 1, True), "RNN_TANH": Cell(tanh, 1, 1),
         "RNN_RELU": Cell(relu, 1, 1)}


class StepGradient:
    """The backward pass of a cell's formula with respect to its states: the kernel, and what it reads of a step."""

    def __init__(self, cell: Cell):
        along = tuple(range(len(cell.formula.arrays)))
        if len(cell.formula.kernel.outputs) == 1:
            needs = cell.formula.gradient(along)
            self.kernel, self.inputs, self.outputs = needs.own_kernel, needs.saved, (0,) * needs.saves_output
        else:
            several = cell.formula.joint_gradient(along, tuple(range(cell.states)))
            self.kernel, self.inputs, self.outputs = several.own_kernel, several.saved, several.outputs

    def read(self, inputs: Sequence[Any], made: Sequence[Any]) -> list[Any]:
        return [*[inputs[i] for i in self.inputs], *[made[i] for i in self.outputs]]


@functools.cache
def step_gradient(cell: Cell) -> StepGradient:
    """The cached backward pass of a cell."""
    return StepGradient(cell)


@dataclass(frozen=True)
class Course:
    """The time steps of a layer: `widths` has the number of samples in each step, always the first ones."""

    cell: Cell
    widths: tuple[int, ...]
    is_reverse: bool = False

    @property
    def steps(self) -> Sequence[int]:
        steps = range(len(self.widths))
        return steps[::-1] if self.is_reverse else steps
