"""The short way from a call to a kernel's run, for small contiguous arrays like those of the last call.

For an array of a thousand elements the general way takes as long as the run itself.  So the test whether a call is of
this kind and the kernel's calls of NumPy are written out as one Python function.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

import numpy as np

from .memory_pool import SMALLEST
from .numpy_program import NumPyProgram, compiled, indented
from .numpy_tiles import constant_views

Outputs = list[np.ndarray]
Quick = Callable[[Sequence[Any], Sequence[float]], Optional[Outputs]]


def binder(program: NumPyProgram, dtype: np.dtype, native: Optional[Callable] = None) -> Callable[..., Quick]:
    """A function of constants, and of the scalars that the program takes for them, that makes the short way.

    This is a function of a call's inputs and constants.  It returns None for other constants, and for all arrays but
    contiguous ones of `dtype`, of one shape, and smaller than those that the memory pool makes.  Where there is a
    `native` program it runs that.
    """
    arrays, tiles = program.lowering.array_names, program.tile_names()
    tests = [f"{name}.__class__ is ndarray and {name}.dtype is dtype and {name}.flags.c_contiguous" for name in arrays]
    tests += [f"{name}.shape == in0.shape" for name in arrays[1:]]
    # 0.0 equals -0.0, but 1 / 0.0 is not 1 / -0.0.
    tests += ["(constants is known or constants == known and 0.0 not in known)"]
    tests += [f"in0.ndim and in0.size <= {(SMALLEST - 1) // dtype.itemsize}"]
    lines = [f"{', '.join(arrays)}, = inputs", f"if not ({' and '.join(tests)}):", "    return None"]
    if native is not None:
        outputs = [f"empty(in0.shape, {'bool' if is_boolean else 'dtype'})" for is_boolean in program.is_boolean]
        lines += [f"outputs = [{', '.join(outputs)}]", "native(in0.size, inputs, constants, outputs)", "return outputs"]
    else:
        lines += [f"{', '.join(tiles)}, = tiles[in0.shape]"] * bool(tiles) + program.quick_lines()
    quick = ["def quick(inputs, constants):", *indented(lines), "return quick"]
    text = [f"def bind({', '.join(['known', *program.lowering.scalar_names])}):", *indented(quick)]
    return compiled(text, program.namespace | {"ndarray": np.ndarray, "empty": np.empty, "native": native,
                                               "tiles": constant_views(program, dtype)})


def not_quick(inputs: Sequence[Any], constants: Sequence[float]) -> None:
    """The short way of calls that have none."""
