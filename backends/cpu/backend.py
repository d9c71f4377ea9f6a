"""The CPU: NumPy arrays."""

from __future__ import annotations

import functools
import operator
import os
import platform
from types import ModuleType
from typing import Any, Optional, Sequence

import numpy as np

from .. import native
from ..base import Backend
from ..device import Device
from ..formulas.dtypes import BOOL
from ..formulas.kernel import Kernel
from ..formulas.quiet import quiet_call, quiet_context, quietly
from ..native.handles import address
from ..windows import Windows
from ..philox import Place
from .memory_pool import MemoryPool
from .launcher import Launcher
from .program import NumPyProgram
from .random import Draws
from .rows import RowLauncher
from .sums import pairwise_sum
from . import tiles


# Functions that only move elements raise no warnings.
_MOVES = frozenset("broadcast_to concat expand_dims flip permute_dims reshape stack where".split())


class _QuietNamespace:
    """NumPy's functions without floating-point warnings, independent of numpy.seterr."""

    def __init__(self, module: Any):
        self.module = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.module, name)
        if isinstance(value, ModuleType):
            value = _QuietNamespace(value)
        elif callable(value) and not isinstance(value, type) and name not in _MOVES:
            value = functools.wraps(value)(functools.partial(quiet_call, value))
        setattr(self, name, value)  # later look-ups do not come here
        return value


class NumPyBackend(Backend):
    """NumPy arrays on the host.

    >>> backend = NumPyBackend()
    >>> backend.to_numpy(backend.asarray([1.0, 2.0]))
    array([1., 2.])
    """

    xp = _QuietNamespace(np)
    memory_is_on_host = True
    scratch_bytes = 1 << 20  # stays in the second-level cache

    def __init__(self) -> None:
        self.device = Device("cpu")
        self.pool = MemoryPool()
        self._draws = Draws(self.pool)
        self.kernels = "numpy"
        self.use_kernels(os.environ.get("GRADCORE_CPU_KERNELS") or "numpy")

    def use_kernels(self, kind: str) -> None:
        """Run kernels as programs of "numpy" calls, or as "native" loops built by the system's C++ compiler.

        Native loops handle contiguous float32 and float64 arrays; all others use the NumPy program.  With "auto" a
        kernel runs as a NumPy program until a background thread has built its native loop, and always if there is no
        working compiler.

        Raises
        ------
        BackendUnavailable : "native" was asked for and there is no compiler.
        """
        if kind not in ("numpy", "native", "auto"):
            raise ValueError(f'CPU kernels are "numpy", "native" or "auto"; got {kind!r}')
        if kind == "native":
            native.compiler()
        self.kernels = kind

    def asarray(self, data: Any, dtype: Optional[np.dtype] = None, copy: bool = False) -> np.ndarray:
        return quiet_call(np.array, data, dtype, copy=True if copy else None)

    def to_numpy(self, array: np.ndarray) -> np.ndarray:
        return array

    def owns(self, array: Any) -> bool:
        return isinstance(array, np.ndarray)

    def dlpack(self, array: np.ndarray, **options: Any) -> Any:
        if min(array.strides, default=0) < 0 and not options.get("copy"):
            raise BufferError(f"a tensor of shape {array.shape} with negative strides "
                              f"({array.strides} bytes) cannot be shared, since not every library can read it; pass "
                              f".contiguous()")
        return array.__dlpack__(**options)

    def dlpack_device(self, array: np.ndarray) -> tuple[int, int]:
        return array.__dlpack_device__()

    def from_dlpack(self, source: Any) -> np.ndarray:
        return source if isinstance(source, np.ndarray) and source.dtype.isnative else np.from_dlpack(source)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return self.pool.empty(shape, np.dtype(dtype))

    def full(self, shape: tuple[int, ...], value: float, dtype: np.dtype) -> np.ndarray:
        array = self.empty(shape, dtype)
        quietly(array.fill, value)
        return array

    def copy(self, array: np.ndarray) -> np.ndarray:
        fresh = self.empty(array.shape, array.dtype)
        np.copyto(fresh, array)
        return fresh

    def address(self, array: np.ndarray) -> int:
        return address(array)

    def shares_memory(self, a: np.ndarray, b: np.ndarray) -> bool:
        return np.may_share_memory(a, b)  # compares bounds only, which is enough to tell a copy from a view

    def is_writable(self, array: np.ndarray) -> bool:
        flags = array.flags
        return flags.writeable and (flags.c_contiguous or not self.is_expanded(array))

    def astype(self, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
        if array.dtype == dtype:
            return array
        return quietly(array.astype, dtype)  # overflow in float16 gives infinity, as on other devices

    def assign(self, array: np.ndarray, index: Any, value: Any) -> None:
        quietly(operator.setitem, array, index, value)

    def take(self, array: np.ndarray, index: Any) -> np.ndarray:
        return np.asarray(array[index])  # for a single element NumPy gives a scalar

    def add_at(self, array: np.ndarray, index: Any, value: np.ndarray) -> None:
        if index is ...:
            quietly(np.add, array, value, array)
            return
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, np.ndarray) and part.dtype != BOOL for part in parts):
            quietly(np.add.at, array, index, value)
        else:  # no element occurs twice
            quietly(_add_to, array, index, value)

    def windows(self, array: np.ndarray, windows: Windows) -> np.ndarray:
        view: np.ndarray = windows.view(np.lib.stride_tricks.as_strided, array)
        return view

    # -- kernels ----------------------------------------------------------------------------------------------
    def elementwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float] = ()) -> list[np.ndarray]:
        launcher = kernel.compiled.get(self.kernels) or self._launcher(kernel)
        # The fast path of the last call; it returns None if this call does not fit.
        outputs = quiet_context().run(launcher.quick, inputs, constants)
        return launcher.run(inputs, constants) if outputs is None else outputs

    def _launcher(self, kernel: Kernel) -> Launcher:
        kind = self.kernels  # another thread may choose others
        launcher = kernel.compiled[kind] = Launcher(kernel, self.pool, kind)
        return launcher

    def elementwise_into(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float],
                         outputs: Sequence[np.ndarray]) -> None:
        self.elementwise_into_each(kernel, ((inputs, outputs),), constants)

    def elementwise_into_each(self, kernel: Kernel, calls: Sequence[tuple[Sequence[Any], Sequence[np.ndarray]]],
                              constants: Sequence[float]) -> None:
        launcher = kernel.compiled.get(self.kernels) or self._launcher(kernel)
        for inputs, outputs in launcher.run_into(calls, constants):
            super().elementwise_into(kernel, inputs, constants, outputs)

    def rowwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float], dims: tuple[int, ...],
                shape: tuple[int, ...], sums: tuple[bool, ...] = ()) -> list[np.ndarray]:
        kind = self.kernels  # another thread may choose others
        launcher = kernel.compiled.get(("rows", kind))
        if launcher is None:
            launcher = kernel.compiled["rows", kind] = RowLauncher(kernel, self.pool, kind)
        outputs = launcher.run(inputs, constants, dims, shape, sums)
        return super().rowwise(kernel, inputs, constants, dims, shape, sums) if outputs is None else outputs

    def compile(self, kernel: Kernel, dtype: np.dtype) -> NumPyProgram:
        return NumPyProgram(kernel, np.dtype(dtype))

    def sum(self, array: np.ndarray, axis: Optional[tuple[int, ...]], keepdims: bool) -> np.ndarray:
        if array.dtype.kind != "f":
            return np.asarray(np.sum(array, axis, keepdims=keepdims))
        return quietly(pairwise_sum, array, tuple(range(array.ndim)) if axis is None else axis, keepdims)

    def argsort(self, array: np.ndarray, axis: int) -> np.ndarray:
        return np.argsort(array, axis=axis, kind="stable")

    def transposed(self, array: np.ndarray) -> np.ndarray:
        return array.swapaxes(-1, -2)

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return quietly(np.matmul, a, b)

    def matmul_into(self, array: np.ndarray, index: Any, a: np.ndarray, b: np.ndarray) -> None:
        quietly(np.matmul, a, b, array[index])

    # -- random numbers ---------------------------------------------------------------------------------------
    def random(self, place: Place, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return self._draws.draw(place, shape, dtype, self.kernels)

    # -- the device itself ------------------------------------------------------------------------------------
    def synchronize(self) -> None:
        """NumPy returns when its work is done."""

    def memory_stats(self) -> dict[str, int]:
        """Counts arrays of at least one mebibyte; the C library allocates smaller ones."""
        pool = self.pool
        return {"allocated": pool.allocated, "reserved": pool.allocated + pool.kept}

    def peak_memory(self) -> int:
        return self.pool.peak

    def reset_peak_memory(self) -> None:
        self.pool.peak = self.pool.allocated

    def empty_cache(self) -> None:
        self.pool.clear()

    def cores(self) -> int:
        return tiles.CORES

    def use_cores(self, count: Optional[int]) -> None:
        tiles.CORES = native.CORES if count is None else count
        native.use_cores(tiles.CORES)

    def description(self) -> str:
        return platform.processor() or platform.machine()


def _add_to(array: np.ndarray, index: Any, value: np.ndarray) -> None:
    array[index] += value
