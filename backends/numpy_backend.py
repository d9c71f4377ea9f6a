"""The CPU: NumPy arrays."""

from __future__ import annotations

import platform
from typing import Any, Callable, Optional, Sequence

import numpy as np

from . import numpy_tiles
from .base import Backend
from .device import Device
from .dtypes import BOOL, compute_and_result
from .kernel import Kernel
from .memory_pool import MemoryPool
from .numpy_program import NumPyProgram


class NumPyBackend(Backend):
    """NumPy arrays on the host."""

    xp = np

    def __init__(self) -> None:
        self.device = Device("cpu")
        self.pool = MemoryPool()

    def asarray(self, data: Any, dtype: Optional[np.dtype] = None, copy: bool = False) -> np.ndarray:
        return np.array(data, dtype, copy=True if copy else None)

    def to_numpy(self, array: np.ndarray) -> np.ndarray:
        return array

    def owns(self, array: Any) -> bool:
        return isinstance(array, np.ndarray)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return self.pool.empty(shape, np.dtype(dtype))

    def full(self, shape: tuple[int, ...], value: float, dtype: np.dtype) -> np.ndarray:
        array = self.empty(shape, dtype)
        array.fill(value)
        return array

    def copy(self, array: np.ndarray) -> np.ndarray:
        fresh = self.empty(array.shape, array.dtype)
        np.copyto(fresh, array)
        return fresh

    def astype(self, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return array.astype(dtype, copy=False)

    def assign(self, array: np.ndarray, index: Any, value: Any) -> None:
        array[index] = value

    def take(self, array: np.ndarray, index: Any) -> np.ndarray:
        return np.asarray(array[index])  # NumPy gives a scalar, not an array, where one element is named

    def add_at(self, array: np.ndarray, index: Any, value: np.ndarray) -> None:
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, np.ndarray) and part.dtype != BOOL for part in parts):
            np.add.at(array, index, value)
        else:  # nothing is named twice
            array[index] += value

    # -- kernels ----------------------------------------------------------------------------------------------
    def elementwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float] = ()) -> list[np.ndarray]:
        key = tuple([a.dtype.char if a.__class__ is np.ndarray and a.ndim else _kind(a) for a in inputs])
        run = kernel.compiled.get(key)
        if run is None:
            run = kernel.compiled[key] = self._prepare(kernel, inputs)
        return run(inputs, constants)

    def _prepare(self, kernel: Kernel, inputs: Sequence[Any]) -> Callable:
        compute, result = compute_and_result(kernel, inputs)
        is_scalar = tuple(not isinstance(value, np.ndarray) for value in inputs)
        return _Launcher(self, kernel, compute, result, is_scalar).run

    def compile(self, kernel: Kernel, dtype: np.dtype) -> NumPyProgram:
        return NumPyProgram(kernel, np.dtype(dtype))

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.matmul(a, b)

    # -- random numbers ---------------------------------------------------------------------------------------
    def random_generator(self, seed: int) -> np.random.Generator:
        return np.random.default_rng(seed)

    def uniform(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return generator.random(shape, np.dtype(dtype))

    def normal(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return generator.standard_normal(shape, np.dtype(dtype))

    # -- the device itself ------------------------------------------------------------------------------------
    def synchronize(self) -> None:
        """NumPy returns when its work is done."""

    def memory_stats(self) -> dict[str, int]:
        """Of arrays from a quarter of a mebibyte on; smaller ones are left to the C library."""
        pool = self.pool
        return {"allocated": pool.allocated, "reserved": pool.allocated + pool.kept, "peak": pool.peak}

    def reset_peak_memory(self) -> None:
        self.pool.peak = self.pool.allocated

    def empty_cache(self) -> None:
        self.pool.clear()

    def description(self) -> str:
        return platform.processor() or platform.machine()


def _kind(value: Any) -> Any:
    return (0, value.dtype.char) if isinstance(value, np.ndarray) else value.__class__


class _Launcher:
    """Runs one kernel on inputs of one combination of dtypes."""

    def __init__(self, backend: NumPyBackend, kernel: Kernel, compute: np.dtype, result: np.dtype,
                 is_scalar: tuple[bool, ...]):
        self.pool, self.compute, self.is_scalar = backend.pool, compute, is_scalar
        self.program = NumPyProgram(kernel, compute, is_scalar)
        self.result_dtypes = [BOOL if boolean else result for boolean in self.program.is_boolean]
        self.last_scalars: tuple = ((), ())
        self.has_scalars = self.program.scalars is not None
        self.any_scalar_input = any(is_scalar)

    def run(self, inputs: Sequence[Any], constants: Sequence[float]) -> list[np.ndarray]:
        if self.any_scalar_input:
            numbers = [value for value, scalar in zip(inputs, self.is_scalar) if scalar]
            inputs = [value for value, scalar in zip(inputs, self.is_scalar) if not scalar]
            constants = (*numbers, *constants)
        scalars = self._scalars(tuple(constants)) if self.has_scalars else ()
        first = inputs[0]
        shape, compute = first.shape, self.compute
        for array in inputs:
            if array.shape != shape or array.dtype != compute or not array.flags.c_contiguous:
                return self._run_strided(inputs, scalars)
        empty = self.pool.empty
        outputs = [empty(shape, dtype) for dtype in self.result_dtypes]
        if outputs[0].dtype != compute and self.result_dtypes[0] is not BOOL:
            return self._run_strided(inputs, scalars)
        if len(shape) == 1:
            numpy_tiles.run_flat(self.program, compute, (*inputs, *outputs), scalars)
        else:
            numpy_tiles.run_flat(self.program, compute, [array.reshape(-1) for array in (*inputs, *outputs)], scalars)
        return outputs

    def _run_strided(self, inputs: Sequence[np.ndarray], scalars: tuple) -> list[np.ndarray]:
        shape = np.broadcast_shapes(*[array.shape for array in inputs])
        outputs = [self.pool.empty(shape, dtype) for dtype in self.result_dtypes]
        same_dtypes = all(array.dtype == self.compute for array in (*inputs, *outputs))
        if self.program.is_single_call and same_dtypes:
            numpy_tiles.quietly(self.program.run, *inputs, *outputs, *scalars)
        else:
            numpy_tiles.run_strided(self.program, self.compute, inputs, outputs, scalars)
        return outputs

    def _scalars(self, constants: tuple) -> tuple:
        """The scalars of a call as zero-dimensional arrays; most calls repeat those of the last."""
        last, scalars = self.last_scalars
        if last != constants:
            scalars = numpy_tiles.quietly(self.program.scalars, *constants)
            self.last_scalars = (constants, scalars)
        return scalars
