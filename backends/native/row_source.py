"""The C++ source of a row kernel: the passes of `row_passes` as loops, in two forms.

Long rows are computed one by one, with vectors of neighbouring elements.  Short rows are transposed, `LANES` of them at
a time, so that each is a lane of the vectors and no sum goes across lanes.

The sum of a long row adds pieces of `PIECE` elements in vectors, and then the pieces in double.  Sums over rows
(`sums`) are accumulated for `FEW` rows at a time.
"""

from __future__ import annotations

from typing import Sequence

from ..formulas.cpp import body
from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.rows import POSITION
from ..formulas.stages import Plan, Reduction, Stage
from .row_passes import Pass, kept, passes

LANES = 16
SHORT = LANES  # elements; rows of at least this length are long: they fill a vector
PIECE, FEW = 256, 32
Kinds = Sequence[tuple[bool, bool]]
# The index of an input of a long row, by whether it varies between rows and within a row.
_INDEX = {(True, True): "[r * n + i]", (True, False): "[r]", (False, True): "[i]", (False, False): "[0]"}


class RowText:
    """The source of one form: the function that computes the rows begin...end."""

    def __init__(self, kernel: Kernel, plan: Plan, kinds: Kinds, sums: Sequence[bool]):
        self.kernel, self.plan, self.kinds, self.sums = kernel, plan, list(kinds), sums
        self.steps = passes(kernel, plan, [elements for _, elements in kinds])
        self.kept = kept(self.steps)
        self.names: dict[Symbol, str] = {POSITION: "real(i)"}
        self.lines: list[str] = []

    def text(self) -> str:
        for step in self.steps:
            if isinstance(step, Pass):
                self._pass(step)
            elif isinstance(step, Stage):
                self._row_stage(step)
            else:
                self._constant_reduction(step)
        return "\n".join("        " + line for line in self.lines)

    def _pass(self, step: Pass) -> None:
        raise NotImplementedError

    def _row_stage(self, step: Stage) -> None:
        raise NotImplementedError

    def _constant_reduction(self, step: Reduction) -> None:
        raise NotImplementedError

    def _element(self, step: Pass, counts: str = "") -> list[str]:
        """The statements of a pass for one element; it is not added to sums if the variable `counts` is false."""
        names = self.names | {symbol: f"made_{i}" for i, symbol in enumerate(step.makes)}
        lines = stage_lines(step.stage, self.names) if step.stage is not None else []
        kept = set(self.kept)
        lines += [f"{self.names[symbol]} = {names[symbol]};" for symbol in step.makes if symbol in kept]
        for i, symbol in step.outputs:
            added = f"({counts} ? {names[symbol]} : real(0))" if counts else names[symbol]
            lines.append(f"{self._sum_place(i)} += {added};" if self.sums[i]
                         else f"{self._output_place(i)} = {names[symbol]};")
        for k, reduction in enumerate(step.reductions):
            lines += self._reduced(k, reduction.name, names[reduction.reads], counts)
        return ["    " + line for line in lines]

    def _reduced(self, k: int, name: str, value: str, counts: str) -> list[str]:
        """The statements of reduction `k` of a pass for one element."""
        raise NotImplementedError

    def _sum_place(self, i: int) -> str:
        raise NotImplementedError

    def _output_place(self, i: int) -> str:
        raise NotImplementedError


def stage_lines(stage: Stage, names: dict[Symbol, str]) -> list[str]:
    """The statements that compute `made_0`, ... from the values of `names`."""
    text = body(stage.kernel)
    for i in range(len(stage.reads)):
        text = text.replace(f"= in{i};", f"= in_{i};")
    for i in range(len(stage.makes)):
        text = text.replace(f"out{i} = ", f"made_{i} = ")
    return [*[f"const real in_{i} = {names[symbol]};" for i, symbol in enumerate(stage.reads)],
            *[f"real made_{i};" for i in range(len(stage.makes))], *text.splitlines()]


class LongRows(RowText):
    """Rows one by one; a kept value is a buffer of one row."""

    def __init__(self, kernel: Kernel, plan: Plan, kinds: Kinds, sums: Sequence[bool]):
        super().__init__(kernel, plan, kinds, sums)
        self.names |= {symbol: f"in{i}{_INDEX[kind]}" for i, (symbol, kind) in enumerate(zip(kernel.inputs, kinds))}
        self.names |= {symbol: f"buffer{i}[i]" for i, symbol in enumerate(self.kept)}

    def text(self) -> str:
        super().text()
        self.lines += [f"out{i}[r] = {self.names[symbol]};" for i, symbol in enumerate(self.plan.outputs)
                       if symbol.is_row]
        return "\n".join("        " + line for line in self.lines)

    def _sum_place(self, i: int) -> str:
        return f"few{i}[i]"

    def _output_place(self, i: int) -> str:
        return f"out{i}[r * n + i]"

    def _row_stage(self, step: Stage) -> None:
        for symbol in step.makes:
            self.names[symbol] = f"row_{symbol.name}"
        self.lines += [f"real {', '.join(self.names[symbol] for symbol in step.makes)};", "{",
                       *("    " + line for line in stage_lines(step, self.names)),
                       *(f"    {self.names[symbol]} = made_{i};" for i, symbol in enumerate(step.makes)), "}"]

    def _constant_reduction(self, step: Reduction) -> None:
        self.names[step.makes] = f"row_{step.makes.name}"
        scale = " * real(n)" if step.name == "sum" else ""
        self.lines.append(f"const real {self.names[step.makes]} = {self.names[step.reads]}{scale};")

    def _reduced(self, k: int, name: str, value: str, counts: str) -> list[str]:
        return [f"item_{k}[lane] = " + (f"{counts} ? {value} : real(0);" if counts and name == "sum" else
                                        f"-{value};" if name == "min" else f"{value};")]

    def _pass(self, step: Pass) -> None:
        sums = [k for k, reduction in enumerate(step.reductions) if reduction.name == "sum"]
        extrema = [k for k, reduction in enumerate(step.reductions) if reduction.name != "sum"]
        for reduction in step.reductions:
            self.lines.append(f"real row_{reduction.makes.name};")
        self.lines += ["{", *(f"double total_{k} = 0;" for k in sums), *(line for k in extrema for line in
                         [f"Lanes top_{k} = Lanes() - infinity_of<real>();", f"Marks nan_{k} = {{}};"]),
                       f"for (long start = 0; start < n; start += {PIECE}) {{",
                       f"    const long stop = start + {PIECE} < n ? start + {PIECE} : n;",
                       f"    const long full = start + ((stop - start) & -{LANES}L);",
                       *(f"    Lanes part_{k} = {{}};" for k in sums),
                       f"    for (long first = start; first < full; first += {LANES}) {{",
                       *self._vector(step, sums, extrema), "    }",
                       "    if (full < stop) {  // the last vector, where elements of the one before come again",
                       f"        const long first = stop - {LANES};", *self._vector(step, sums, extrema, "is_new"),
                       "    }", *(f"    total_{k} += sum_of(part_{k});" for k in sums), "}",
                       *(f"row_{step.reductions[k].makes.name} = real(total_{k});" for k in sums),
                       *(f"row_{step.reductions[k].makes.name} = {'-' if step.reductions[k].name == 'min' else ''}"
                         f"highest_of(top_{k}, nan_{k});" for k in extrema), "}"]
        self.names |= {reduction.makes: f"row_{reduction.makes.name}" for reduction in step.reductions}

    def _vector(self, step: Pass, sums: Sequence[int], extrema: Sequence[int], counts: str = "") -> list[str]:
        """The statements of a pass for `LANES` elements at `first`: a loop that the compiler vectorizes.

        The reductions accumulate its results as vectors, which stay in registers between vectors.
        """
        return [*(f"        alignas(64) real item_{k}[{LANES}];" for k in (*sums, *extrema)),
                "        #pragma omp simd", f"        for (long lane = 0; lane < {LANES}; ++lane) {{",
                "            const long i = first + lane;",
                *(f"            const bool {name} = i >= full;" for name in [counts] if name),
                *("        " + line for line in self._element(step, counts)), "        }",
                *(f"        part_{k} += lanes_of(item_{k});" for k in sums),
                *(f"        {{ const Lanes lanes = lanes_of(item_{k}); top_{k} = lanes > top_{k} ? lanes : top_{k}; "
                  f"nan_{k} |= lanes != lanes; }}" for k in extrema)]


class ShortRows(RowText):
    """Rows in lanes: element i of the row in lane l is at ``[i * LANES + l]``."""

    def __init__(self, kernel: Kernel, plan: Plan, kinds: Kinds, sums: Sequence[bool]):
        super().__init__(kernel, plan, kinds, sums)
        self.arrays: list[str] = []  # with a value for each element and lane
        for i, (symbol, kind) in enumerate(zip(kernel.inputs, kinds)):
            self.names[symbol] = {(True, True): f"lanes_in{i}[i * {LANES} + l]", (True, False): f"lanes_in{i}[l]",
                                  (False, True): f"in{i}[i]", (False, False): f"in{i}[0]"}[kind]
        for k, symbol in enumerate(self.kept):
            self.names[symbol] = f"kept{k}[i * {LANES} + l]"
            self.arrays.append(f"kept{k}")
        self.arrays += [f"lanes_in{i}" for i, kind in enumerate(kinds) if kind == (True, True)]
        self.transposed = [i for i, symbol in enumerate(plan.outputs) if not symbol.is_row and not sums[i]]
        self.arrays += [f"lanes_out{i}" for i in self.transposed]

    def text(self) -> str:
        for i, kind in enumerate(self.kinds):
            if kind == (True, True):
                self.lines.append(f"turn_in(in{i} + r * n, lanes_in{i}, n, rows);")
            elif kind == (True, False):
                self.lines += [f"real lanes_in{i}[{LANES}];",
                               f"for (long l = 0; l < {LANES}; ++l) lanes_in{i}[l] = in{i}[r + (l < rows ? l : 0)];"]
        super().text()
        self.lines += [f"turn_out(lanes_out{i}, out{i} + r * n, n, rows);" for i in self.transposed]
        for i, symbol in enumerate(self.plan.outputs):
            if symbol.is_row:
                self.lines.append(f"for (long l = 0; l < rows; ++l) out{i}[r + l] = {self.names[symbol]};")
        return "\n".join("        " + line for line in self.lines)

    def _sum_place(self, i: int) -> str:
        return f"sum_{i}[l]"

    def _output_place(self, i: int) -> str:
        return f"lanes_out{i}[i * {LANES} + l]"

    def _reduced(self, k: int, name: str, value: str, counts: str) -> list[str]:
        if name == "sum":
            return [f"part_{k}[l] += {value};"]
        return [f"const real item_{k} = {'' if name == 'max' else '-'}{value};",
                f"top_{k}[l] = item_{k} > top_{k}[l] ? item_{k} : top_{k}[l];", f"nan_{k}[l] |= item_{k} != item_{k};"]

    def _in_lanes(self, lines: Sequence[str]) -> list[str]:
        return ["#pragma omp simd", f"for (long l = 0; l < {LANES}; ++l) {{", *lines, "}"]

    def _row_stage(self, step: Stage) -> None:
        for symbol in step.makes:
            self.names[symbol] = f"row_{symbol.name}[l]"
            self.lines.append(f"real row_{symbol.name}[{LANES}];")
        self.lines += self._in_lanes([*stage_lines(step, self.names),
                                      *(f"{self.names[symbol]} = made_{i};" for i, symbol in enumerate(step.makes))])

    def _constant_reduction(self, step: Reduction) -> None:
        scale = " * real(n)" if step.name == "sum" else ""
        self.names[step.makes] = f"row_{step.makes.name}[l]"
        self.lines += [f"real row_{step.makes.name}[{LANES}];",
                       *self._in_lanes([f"row_{step.makes.name}[l] = {self.names[step.reads]}{scale};"])]

    def _pass(self, step: Pass) -> None:
        sums = [k for k, reduction in enumerate(step.reductions) if reduction.name == "sum"]
        extrema = [k for k, reduction in enumerate(step.reductions) if reduction.name != "sum"]
        added = [i for i, _ in step.outputs if self.sums[i]]
        for reduction in step.reductions:
            self.lines.append(f"real row_{reduction.makes.name}[{LANES}];")
        self.lines += ["{", *(f"real part_{k}[{LANES}] = {{}};" for k in sums)]
        for k in extrema:
            self.lines += [f"real top_{k}[{LANES}]; int nan_{k}[{LANES}] = {{}};",
                           f"for (long l = 0; l < {LANES}; ++l) top_{k}[l] = -infinity_of<real>();"]
        self.lines += ["for (long i = 0; i < n; ++i) {", *(f"    real sum_{i}[{LANES}] = {{}};" for i in added),
                       *("    " + line for line in self._in_lanes(self._element(step))),
                       *(f"    few{i}[i] += first_lanes(sum_{i}, rows);" for i in added), "}"]
        for k, reduction in enumerate(step.reductions):
            sign = "-" if reduction.name == "min" else ""
            value = f"part_{k}[l]" if k in sums else f"nan_{k}[l] ? nan_of<real>() : {sign}top_{k}[l]"
            self.lines += self._in_lanes([f"row_{reduction.makes.name}[l] = {value};"])
            self.names[reduction.makes] = f"row_{reduction.makes.name}[l]"
        self.lines.append("}")
