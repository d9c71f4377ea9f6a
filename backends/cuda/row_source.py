"""The CUDA C++ source of a row kernel: one kernel for all stages and reductions of its plan.

If a row fits in registers, each of its threads keeps a few elements of every value there, and inputs are read once.
For longer rows, values that later stages need are stored in memory (`scratch`), where the same thread reads them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from ..formulas.cpp import TYPES, function, identifier
from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.rows import POSITION
from ..formulas.stages import Plan, Reduction, Stage
from .combining import COMBINING
from .prelude import FUNCTION, PRELUDE
from .source import coordinates


@dataclass(frozen=True)
class RowVariant:
    """What determines the source of a row kernel beside its plan.

    `varies` says which inputs vary within a row.  `ndims` are the numbers of dimensions of the rows and of a row's
    elements.  A block has `rows` rows with `lanes` threads for each row; a thread has `each` elements in registers, or,
    if that is 0, loops over any number.  With `in_parts`, rows are split into parts of lanes * each elements, and the
    results are those of the parts.
    """

    compute: np.dtype
    result: np.dtype
    dtypes: tuple[np.dtype, ...]
    varies: tuple[bool, ...]
    ndims: tuple[int, int]
    rows: int
    lanes: int
    across: bool
    each: int
    in_parts: bool = False


def source_of(kernel: Kernel, plan: Plan, variant: RowVariant) -> str:
    """The complete CUDA C++ of `kernel`."""
    return _RowText(kernel, plan, variant).text()


def scratch_values(kernel: Kernel, plan: Plan) -> int:
    """The number of values of a row in scratch memory, if rows do not fit in registers."""
    return sum(len(step.makes) for step in plan.steps if isinstance(step, Stage) and not step.is_row)


class _RowText:
    def __init__(self, kernel: Kernel, plan: Plan, variant: RowVariant):
        self.kernel, self.plan, self.variant = kernel, plan, variant
        self.length = variant.lanes * variant.each
        self.names: dict[Symbol, str] = {POSITION: "real(i)"}  # of values; at element i if they vary
        self.varies: dict[Symbol, bool] = {POSITION: True, **dict(zip(kernel.inputs, variant.varies))}
        self.functions: list[str] = []
        self.lines: list[str] = []
        self.kept = 0

    def text(self) -> str:
        variant, plan = self.variant, self.plan
        inputs = [f"in{i}" for i in range(len(self.kernel.inputs))]
        whole = [f"out{i}" for i, symbol in enumerate(plan.outputs) if not symbol.is_row]
        self._read_inputs()
        for step in plan.steps:
            if isinstance(step, Stage):
                self._stage(step)
            else:
                self._reduction(step)
        self._write_outputs()
        outer, inner = variant.ndims
        arrays = inputs + whole
        return "\n".join([
            PRELUDE + COMBINING + "namespace gradcore {", f"using real = {TYPES[str(variant.compute)]};",
            *self.functions, "}",
            f"struct places {{ long long rows, n, parts, outer[{outer}], inner[{inner}], "
            f"row_steps[{len(arrays)}][{outer}], steps[{len(arrays)}][{inner}]; }};",
            *self._head(), "    using namespace gradcore;", "    const long long n = where.n;",
            *[f"    const real {name} = real(number_{name});" for name in self._constants()],
            f"    const real c{len(self.kernel.constants)} = real(n);",
            *self._places_of_threads(),
            f"    for (long long first = (long long)blockIdx.x * {variant.rows}; first < where.rows * where.parts; "
            f"first += (long long)gridDim.x * {variant.rows}) {{",
            "        const long long r = first + of_block;",
            "        const bool exists = r < where.rows * where.parts;  // threads without a row wait with the others",
            *[f"        {line}" for line in [*self._row_offsets(arrays), *self.lines]], "    }", "}", ""])

    def _constants(self) -> list[str]:
        return [f"c{i}" for i in range(len(self.kernel.constants))]

    def _head(self) -> list[str]:
        variant, real = self.variant, TYPES[str(self.variant.compute)]
        parameters = ["const places where"]
        parameters += [f"const {TYPES[str(dtype)]}* array_in{i}" for i, dtype in enumerate(variant.dtypes)]
        parameters += [f"const double number_{name}" for name in self._constants()]
        parameters += [f"{TYPES[str(variant.result)]}* array_out{i}" for i in range(len(self.plan.outputs))]
        parameters += [] if variant.each else [f"{real}* scratch"]
        return [f'extern "C" __global__ void __launch_bounds__({variant.rows * variant.lanes}) '
                f'{identifier(self.kernel)}({", ".join(parameters)}) {{']

    def _places_of_threads(self) -> list[str]:
        rows, lanes = self.variant.rows, self.variant.lanes
        lane, of_block = (f"/ {rows}", f"% {rows}") if self.variant.across else (f"% {lanes}", f"/ {lanes}")
        return [f"    const int lane = threadIdx.x {lane}, of_block = threadIdx.x {of_block};"]

    def _row_offsets(self, arrays: Sequence[str]) -> list[str]:
        outer = self.variant.ndims[0]
        row = "exists ? r % where.rows : 0" if self.variant.in_parts else "exists ? r : 0"
        begin = [f"const long long begin = r / where.rows * {self.length};"] * self.variant.in_parts
        return begin + coordinates(row, "row", "where.outer", outer) + [
            f"const long long row_{name} = " + " + ".join(f"row{dim} * where.row_steps[{a}][{dim}]"
                                                          for dim in range(outer)) + ";"
            for a, name in enumerate(arrays)]

    # -- loops over the elements of a row ---------------------------------------------------------------------
    def _loop(self, statements: Sequence[str]) -> None:
        """Add a loop over this thread's elements, with `i` as the index in the row."""
        each, lanes, inner = self.variant.each, self.variant.lanes, self.variant.ndims[1]
        if each:
            place = f"{'begin + ' * self.variant.in_parts}k * {lanes} + lane"
            self.lines += ["#pragma unroll", f"for (int k = 0; k < {each}; ++k) {{",
                           f"    const long long i = {place};", "    if (i < n) {"]
        else:
            self.lines += [f"for (long long i = lane; exists && i < n; i += {lanes}) {{", "    {"]
        self.lines += ["        " + line for line in [*coordinates("i", "at", "where.inner", inner), *statements]]
        self.lines += ["    }", "}"]

    def _offset(self, a: int) -> str:
        """The offset of element `i` from the start of its row, in array `a` of the structure."""
        return " + ".join(f"at{dim} * where.steps[{a}][{dim}]" for dim in range(self.variant.ndims[1]))

    def _read_inputs(self) -> None:
        for a, symbol in enumerate(self.kernel.inputs):
            name = f"in{a}"
            element = f"real(array_{name}[row_{name} + {self._offset(a)}])"
            if not self.varies[symbol]:
                self.lines.append(f"const real {name} = real(array_{name}[row_{name}]);")
                self.names[symbol] = name
            elif self.variant.each:
                self.lines.append(f"real {name}[{self.variant.each}];")
                self._loop([f"{name}[k] = {element};"])
                self.names[symbol] = f"{name}[k]"
            else:
                self.names[symbol] = element

    def _stage(self, step: Stage) -> None:
        name = f"stage{len(self.functions)}"
        numbers = [f"c{i}" for i in range(len(self.kernel.constants) + 1)]
        parameters = [f"const real in{i}" for i in range(len(step.reads))] + [f"const real {c}" for c in numbers]
        parameters += [f"real& out{i}" for i in range(len(step.makes))]
        self.functions.append(function(step.kernel, name, parameters, FUNCTION))
        given = [*[self.names[symbol] for symbol in step.reads], *numbers]
        for symbol in step.makes:
            self.varies[symbol] = not step.is_row
            self.names[symbol] = self._place(symbol, step.is_row)
        call = f"{name}({', '.join([*given, *[self.names[symbol] for symbol in step.makes]])});"
        if step.is_row:
            self.lines.append(call)
        else:
            self._loop([call])

    def _place(self, symbol: Symbol, is_row: bool) -> str:
        name = f"value{symbol.name.removeprefix('_value')}"
        if is_row:
            self.lines.append(f"real {name};")
            return name
        if self.variant.each:
            self.lines.append(f"real {name}[{self.variant.each}];")
            return name + "[k]"
        self.kept += 1
        self.lines.append(f"real* const {name} = scratch + ({self.kept - 1} * where.rows + (exists ? r : 0)) * n;")
        return f"{name}[i]"

    def _reduction(self, step: Reduction) -> None:
        value, name = self.names[step.reads], f"value{step.makes.name.removeprefix('_value')}"
        self.names[step.makes], self.varies[step.makes] = name, False
        if not self.varies[step.reads]:
            self.lines.append(f"const real {name} = {value}{' * real(n)' if step.name == 'sum' else ''};")
            return
        variant, how = self.variant, f"row_{step.name}<real>"
        combined = f"combined<{how}, {variant.lanes}, {variant.rows}, {str(variant.across).lower()}>"
        if variant.each:
            self.lines += [f"real of_{name}[{variant.each}];", "#pragma unroll",
                           f"for (int k = 0; k < {variant.each}; ++k) of_{name}[k] = {how}::none();"]
            self._loop([f"of_{name}[k] = {value};"])
            part = f"folded<{how}>(of_{name})"
        elif step.name == "sum":  # a few elements are added in their dtype, and these sums in double
            self.lines += [f"double of_{name} = 0;", f"real few_{name} = 0;"]
            self._loop([f"few_{name} += {value};",
                        f"if (i / {variant.lanes} % 16 == 15) {{ of_{name} += few_{name}; few_{name} = 0; }}"])
            part = f"real(of_{name} + few_{name})"
        else:
            self.lines.append(f"real of_{name} = {how}::none();")
            self._loop([f"of_{name} = {how}::of(of_{name}, {value});"])
            part = f"of_{name}"
        self.lines.append(f"const real {name} = {combined}({part}, lane, of_block);")

    def _write_outputs(self) -> None:
        result, a = TYPES[str(self.variant.result)], len(self.kernel.inputs)
        for i, symbol in enumerate(self.plan.outputs):
            if symbol.is_row:
                self.lines.append(f"if (exists && lane == 0) array_out{i}[r] = ({result}){self.names[symbol]};")
            else:
                place = f"array_out{i}[row_out{i} + {self._offset(a)}]"
                self._loop([f"if (exists) {place} = ({result}){self.names[symbol]};"])
                a += 1
