"""Runs a row kernel stage by stage on whole arrays, for devices with elementwise kernels and reductions."""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from .dtypes import DEFAULT_FLOAT, compute_and_result
from .expression import Symbol
from .kernel import Kernel
from .rows import POSITION
from .stages import Plan, Reduction, Stage, plan


def plan_of(kernel: Kernel) -> Plan:
    """The cached plan of `kernel`."""
    found = kernel.compiled.get("plan")
    if found is None:
        found = kernel.compiled["plan"] = plan(kernel)
    return found


def row_dtypes(kernel: Kernel, inputs: Sequence[Any]) -> tuple[np.dtype, np.dtype]:
    """The dtype in which a row kernel is computed and that of its outputs, which are floats."""
    compute, result = compute_and_result(kernel, inputs)
    return (compute, result) if compute.kind == "f" else (DEFAULT_FLOAT, DEFAULT_FLOAT)


class RowRun:
    """One call of a row kernel on arrays of `backend`: see `Backend.rowwise`."""

    def __init__(self, backend: Any, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float],
                 dims: tuple[int, ...], shape: tuple[int, ...]):
        self.backend, self.shape, self.dims, self.name = backend, shape, dims, kernel.name
        self.plan: Plan = plan_of(kernel)
        self.count: int = math.prod(shape[dim] for dim in dims)
        self.constants = (*constants, float(self.count))
        self.compute, self.result = row_dtypes(kernel, inputs)
        self.row_shape = tuple([1 if i in dims else n for i, n in enumerate(shape)])
        self.values: dict[Symbol, Any] = {symbol: self._prepared(array) for symbol, array in zip(kernel.inputs, inputs)}
        if self.plan.uses_position:
            self.values[POSITION] = backend.asarray(self._positions())
        self.given: set[Symbol] = set(self.values)

    def _prepared(self, array: Any) -> Any:
        """An input in the compute dtype, with as many dimensions as the call's shape."""
        shape = (1,) * (len(self.shape) - array.ndim) + tuple(array.shape)
        return self.backend.xp.reshape(self.backend.astype(array, self.compute), shape)

    def _positions(self) -> np.ndarray:
        sizes = [n if i in self.dims else 1 for i, n in enumerate(self.shape)]
        return np.arange(self.count, dtype=self.compute).reshape(sizes)

    def outputs(self) -> list[Any]:
        if not self.count and not any(symbol.is_row for symbol in self.plan.outputs):
            return [self.backend.empty(self.shape, self.result) for _ in self.plan.outputs]
        for step in self.plan.steps:
            if isinstance(step, Stage):
                self._compute(step)
            else:
                self._reduce(step)
        return [self._finished(symbol) for symbol in self.plan.outputs]

    def _compute(self, stage: Stage) -> None:
        made = self.backend.elementwise(stage.kernel, [self.values[symbol] for symbol in stage.reads], self.constants)
        self.values.update(zip(stage.makes, made))

    def _reduce(self, step: Reduction) -> None:
        array = self.values[step.reads]
        row = tuple([self.shape[i] if i in self.dims else n for i, n in enumerate(array.shape)])
        array = self.backend.xp.broadcast_to(array, row)
        if step.name == "sum":
            self.values[step.makes] = self.backend.sum(array, self.dims, True)
        else:
            if not self.count:
                raise ValueError(f"{self.name}: the {step.name} of an empty row does not exist")
            self.values[step.makes] = getattr(self.backend.xp, step.name)(array, axis=self.dims, keepdims=True)

    def _finished(self, symbol: Symbol) -> Any:
        array = self.backend.astype(self.values[symbol], self.result)
        shape = self.row_shape if symbol.is_row else self.shape
        if array.shape != shape or symbol in self.given:  # results must not share memory with inputs
            return self.backend.copy(self.backend.xp.broadcast_to(array, shape))
        return array
