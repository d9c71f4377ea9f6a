"""The fast path of a call: small contiguous arrays like those of the last call.

For a thousand elements, general dispatch takes as long as the computation.  So a generated Python function both tests
whether a call fits and makes the kernel's NumPy calls.
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
    """A function that makes the fast path for given constants, numbers and scalars.

    The fast path is a function of a call's inputs and constants.  It returns None for other numbers and constants, and
    unless all arrays are contiguous, of `dtype`, of one shape, and smaller than those of the memory pool.
    It runs the `native` program if there is one.
    """
    lowering, tiles = program.lowering, program.lowering.tile_names
    # Numbers among the inputs are named differently from the program's scalars made of them.
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
        lines += [f"shape = {first}.shape", "if not shape:",  # NumPy would return scalars for these
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
    """The fast path of calls that have none."""
