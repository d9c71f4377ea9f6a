"""The short way from a call to a kernel's run, for small contiguous arrays like those of the last call.

For an array of a thousand elements the general way takes as long as the run itself.  So the test whether a call is of
this kind and the kernel's calls of NumPy are written out as one Python function.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

import numpy as np

from ..native import Program
from .memory_pool import SMALLEST
from .program import NumPyProgram, compiled, indented
from .tiles import constant_views

Outputs = list[np.ndarray]
Quick = Callable[[Sequence[Any], Sequence[float]], Optional[Outputs]]


def binder(program: NumPyProgram, dtype: np.dtype, native: Optional[Program] = None) -> Callable[..., Quick]:
    """A function that makes the short way, of the constants and numbers of a call and the scalars they make.

    The short way is a function of a call's inputs and constants.  It returns None for other numbers and constants, and
    for all arrays but contiguous ones of `dtype`, of one shape, and smaller than those that the memory pool makes.
    Where there is a `native` program it runs that.
    """
    lowering, tiles = program.lowering, program.lowering.tile_names
    # Numbers among the inputs have other names than the scalars that the program makes of them.
    inputs = [f"number{i}" if is_number else f"in{i}" for i, is_number in enumerate(lowering.scalar_inputs)]
    (first, *others), numbers = lowering.array_names, [name for name in inputs if name.startswith("number")]
    tests = [f"{name}.__class__ is ndarray and {name}.dtype is dtype and {name}.flags.c_contiguous"
             for name in lowering.array_names]
    tests += [f"{name}.shape == {first}.shape" for name in others]
    # 0.0 equals -0.0, but 1 / 0.0 is not 1 / -0.0.
    tests += [f"({name} is known_{name} or {name}.__class__ is known_{name}.__class__ and {name} == known_{name} != 0)"
              for name in numbers]
    tests += ["(constants is known or constants == known and 0.0 not in known)"]
    tests += [f"{first}.size <= {(SMALLEST - 1) // dtype.itemsize}"]
    parameters = ["known", *(f"known_{name}" for name in numbers), *lowering.scalar_names]
    lines = [f"{', '.join(inputs)}, = inputs", f"if not ({' and '.join(tests)}):",
             "    return None"]
    if native is not None:
        outputs = [f"empty({first}.shape, {'bool' if is_boolean else 'dtype'})" for is_boolean in program.is_boolean]
        lines += [f"outputs = [{', '.join(outputs)}]", f"native({first}.size, inputs, constants, outputs)",
                  "return outputs"]
    else:
        arrays = ", ".join(lowering.array_names)
        lines += [f"shape = {first}.shape", "if not shape:",  # of these NumPy would make scalars
                  f"    {arrays}, = [array.reshape(1) for array in ({arrays},)]"]
        lines += [f"{', '.join(tiles)}, = tiles[{first}.shape]"] * bool(tiles) + program.quick_lines()[:-1]
        lines.append(f"return [output.reshape(shape) for output in ({', '.join(lowering.output_names)},)] if not shape "
                     f"else [{', '.join(lowering.output_names)}]")
    text = [f"def bind({', '.join(parameters)}):",
            *indented(["def quick(inputs, constants):", *indented(lines), "return quick"])]
    return compiled(text, program.namespace | {"ndarray": np.ndarray, "empty": np.empty,
                                               "native": native and native.run,
                                               "tiles": constant_views(program, dtype)})


def not_quick(inputs: Sequence[Any], constants: Sequence[float]) -> None:
    """The short way of calls that have none."""
