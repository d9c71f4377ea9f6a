"""A kernel as a short program of NumPy calls that reuse memory.

There are two forms of it, both Python functions.  `run` computes one tile at a time in memory that it receives, the
output and a few scratch registers, which stay in the processor's cache; `tiles` runs it over whole arrays.  `quick` is
for small arrays, for which looking up the registers would cost as much as the computation; its calls allocate memory.

>>> from gradcore.backends import Kernel
>>> program = NumPyProgram(Kernel.of_primitive("tanh"), np.dtype("float32"))
>>> print(program)
def tanh_tile(in0, out0):
    tanh(in0, out0)
<BLANKLINE>
<BLANKLINE>
def tanh_quick(in0):
    out0 = tanh(in0)
    return [out0]
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Sequence

import numpy as np

from ..formulas.kernel import Kernel
from .lowering import BITS, Lowering, Statement

# NumPy takes the output of these two by name only.
_OUT_BY_NAME = ("maximum", "minimum")


class NumPyProgram:
    """The program of `kernel`, computed in `dtype`; inputs flagged in `scalar_inputs` are Python numbers.

    With `in_place` its outputs may be among its inputs.
    """

    def __init__(self, kernel: Kernel, dtype: np.dtype, scalar_inputs: Sequence[bool] = (), in_place: bool = False):
        is_scalar = tuple(scalar_inputs) or (False,) * len(kernel.inputs)
        self.lowering = lowering = Lowering(kernel, dtype, is_scalar, in_place)
        self.name = kernel.name if kernel.name.isidentifier() else "kernel"
        self.cost = lowering.cost
        self.registers, self.masks, self.tiles = lowering.registers, lowering.masks, lowering.tiles
        self.is_boolean = tuple(output.is_boolean for output in lowering.outputs)
        self.namespace = lowering.namespace
        self.run = compiled(self._tile(), self.namespace)
        self.scalars = compiled(self._once(), self.namespace) if lowering.scalar_names else None
        # A single ufunc needs no scratch memory: NumPy runs it on whole arrays of any strides that broadcast.
        self.is_single_call = len(lowering.statements) == 1 and not (self.registers or self.masks or self.tiles)

    def __str__(self) -> str:
        quick = [f"def {self.name}_quick({', '.join(self._given)}):", *indented(self.quick_lines())]
        return "\n\n\n".join(map("\n".join, [self._tile(), quick, *([self._once()] if self.scalars else [])]))

    @property
    def _given(self) -> list[str]:
        """The variables that the form for small arrays receives."""
        lowering = self.lowering
        return [*lowering.array_names, *lowering.scalar_names, *lowering.tile_names]

    def _tile(self) -> list[str]:
        lowering = self.lowering
        given = [*lowering.array_names, *lowering.output_names, *lowering.scalar_names, *lowering.register_names,
                 *(f"{register}{BITS}" for register in lowering.register_names), *lowering.mask_names,
                 *lowering.tile_names]
        return [f"def {self.name}_tile({', '.join(given)}):", *indented(_lines(lowering, given))]

    def quick_lines(self) -> list[str]:
        """The body of the form for small arrays, in terms of the arrays, the scalars and the constant tiles."""
        return [*_lines(self.lowering, self._given), f"return [{', '.join(self.lowering.output_names)}]"]

    def _once(self) -> list[str]:
        """The function that computes what depends on scalars alone."""
        lowering, parameters = self.lowering, self.lowering.scalar_parameters
        lines = [*(f"{name} = asarray({name}, dtype)" for name in parameters), *lowering.prologue,
                 f"return {', '.join(lowering.scalar_names)},"]
        return [f"def scalars({', '.join(parameters)}):  # once for a call", *indented(lines)]


def compiled(lines: Sequence[str], namespace: dict[str, Any]) -> Callable[..., Any]:
    """The function whose source is `lines`."""
    name = lines[0].removeprefix("def ").partition("(")[0]
    variables = dict(namespace)
    exec(compile("\n".join(lines), f"<NumPy program {name}>", "exec"), variables)
    function: Callable[..., Any] = variables[name]
    return function


def indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _lines(lowering: Lowering, given: Sequence[str]) -> Iterator[str]:
    """The statements as source lines; the first call that writes to memory that is not `given` allocates it."""
    known = {*given, *lowering.namespace}
    for statement in lowering.statements:
        target = statement.target
        yield from _views(statement.operands, known)
        if target in known or _other_view(target) in known:
            yield from _views([target], known)
            yield _unless_left_out(statement, _call(statement, target))
        elif statement.alias:
            yield _unless_left_out(statement, _call(statement))
        else:
            yield f"{target} = {_copy(statement, lowering) if statement.function == 'copyto' else _call(statement)}"
            known.add(target)
        if statement.alias:
            known.add(statement.alias)
            known.discard(_other_view(statement.alias))  # of an earlier product with the same name
    yield from _views(lowering.output_names, known)


def _views(names: Sequence[str], known: set[str]) -> Iterator[str]:
    """Lines that define unknown `names` as views of their memory in the other type."""
    for name in names:
        if name not in known and _other_view(name) in known:
            yield f"{name} = {_other_view(name)}.view({'integer' if name.endswith(BITS) else 'dtype'})"
            known.add(name)


def _other_view(name: str) -> str:
    return name.removesuffix(BITS) if name.endswith(BITS) else name + BITS


def _call(statement: Statement, target: str = "") -> str:
    if statement.function == "copyto":
        return f"copyto({target}, {statement.operands[0]})"
    by_name = "out=" if statement.function in _OUT_BY_NAME else ""
    return f"{statement.function}({', '.join([*statement.operands, *([by_name + target] if target else [])])})"


def _copy(statement: Statement, lowering: Lowering) -> str:
    (operand,), target = statement.operands, statement.target
    masks = lowering.mask_names
    truths = masks + [name for name, output in zip(lowering.output_names, lowering.outputs) if output.is_boolean]
    dtype = "integer" if target.endswith(BITS) else "bool" if target in truths else "dtype"
    if operand in masks:
        return f"{operand}.astype({dtype})"
    return f"full({lowering.array_names[0]}.shape, {operand}, {dtype})"


def _unless_left_out(statement: Statement, call: str) -> str:
    if statement.alias:
        return f"{statement.alias} = {statement.aliased} if {statement.is_left_out} else {call}"
    return f"{statement.is_left_out} or {call}" if statement.is_left_out else call
