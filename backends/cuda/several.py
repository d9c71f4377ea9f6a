"""One launch for several calls of an elementwise kernel with given outputs, such as the steps of an optimizer.

Sizes and addresses are passed by value, in a table whose size is limited by that of a kernel's parameters.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from ..base import Array
from ..formulas.cpp import output_dtypes
from ..formulas.dtypes import compute_and_result
from ..formulas.kernel import Kernel
from . import source
from .launcher import Launcher, as_structure, blocks

Call = tuple[Sequence[Any], Sequence[Array]]  # inputs and outputs

_PARAMETER_BYTES = 4096 - 512  # the limit of a kernel, less the space for numbers and constants


def launches_of(kernel: Kernel) -> int:
    """The number of calls of `kernel` that fit in one launch."""
    arrays = len(kernel.inputs) + len(kernel.outputs)
    return max(1, _PARAMETER_BYTES // (8 * (3 + arrays)))


class SeveralLauncher:
    """Runs one kernel for several calls on one device, which must be the current one."""

    def __init__(self, launcher: Launcher):
        self.launcher, self.kernel = launcher, launcher.kernel

    def run(self, calls: Sequence[Call], constants: Sequence[float]) -> None:
        """Write the results of all calls; each satisfies `is_plain`, and no outputs overlap other arrays."""
        groups: dict[tuple[Any, ...], list[Call]] = {}
        for inputs, outputs in calls:
            if outputs[0].size:
                groups.setdefault(self._key(inputs), []).append((inputs, outputs))
        most = launches_of(self.kernel)
        for (kinds, numbers), group in groups.items():
            for start in range(0, len(group), most):
                self._launch(kinds, numbers, group[start:start + most], constants)

    def _key(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """What the calls of one launch share: the dtypes, which arrays have one element, and the numbers."""
        is_array = [hasattr(value, "dtype") for value in inputs]
        kinds = tuple([(value.dtype, value.ndim == 0) if array else None for value, array in zip(inputs, is_array)])
        return kinds, tuple([value for value, array in zip(inputs, is_array) if not array])

    def _launch(self, kinds: tuple[Any, ...], numbers: tuple[Any, ...], calls: Sequence[Call],
                constants: Sequence[float]) -> None:
        compute, result = compute_and_result(self.kernel, calls[0][0])
        dtypes = tuple([None if kind is None else kind[0] for kind in kinds])
        singles = tuple([kind is not None and kind[1] for kind in kinds])
        variant = source.Variant(compute, result, dtypes, singles, None, launches_of(self.kernel))
        order = [i for i, kind in enumerate(kinds) if kind and not kind[1]]
        order += [i for i, kind in enumerate(kinds) if kind and kind[1]]
        structure, total = self._table(variant, order, calls)
        number = float if compute.kind == "f" else int
        self.launcher.function(variant)((total,), (source.THREADS,), (
            structure, *map(number, numbers), *map(number, constants)))

    def _table(self, variant: source.Variant, order: Sequence[int], calls: Sequence[Call]) -> tuple[np.ndarray, int]:
        """The argument `table` of the kernel, and the total number of blocks."""
        most, each = variant.table, source.THREADS * variant.pack(self.kernel)
        sizes = [outputs[0].size for _, outputs in calls]
        needed = [blocks(size, each) for size in sizes]
        first = [sum(needed[:i]) for i in range(len(calls))]
        at = [[array.data.ptr for array in (*[inputs[i] for i in order], *outputs)] for inputs, outputs in calls]
        padding = [0] * (most - len(calls))
        columns = [*first, *padding, *needed, *padding, *sizes, *padding]
        addresses = [address for row in at for address in row] + [0] * (len(at[0]) * len(padding))
        return as_structure([len(calls), *columns, *addresses], np.dtype(np.int64)), sum(needed)


def is_plain(kernel: Kernel, call: Call, ndarray: type) -> bool:
    """Whether a call can share a launch: all arrays are contiguous and of the outputs' shape, or zero-dimensional."""
    inputs, outputs = call
    arrays: list[Any] = [value for value in inputs if isinstance(value, ndarray)]
    result = compute_and_result(kernel, inputs)[1]
    return (all(array.ndim == 0 or array.shape == outputs[0].shape and array.flags.c_contiguous for array in arrays)
            and outputs[0].ndim > 0
            and [output.dtype for output in outputs] == output_dtypes(kernel, result))
