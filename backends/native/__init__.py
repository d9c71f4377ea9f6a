"""Native kernels on the CPU, compiled by the system's C++ compiler.

Begin with `loops` (elementwise kernels) and `rows` (row kernels, whose source `row_passes` and `row_source` generate).
`build` compiles and caches libraries, `threads` and `streaming` are the parts that all loops share.
"""

from __future__ import annotations

from ..cache import cache_folder
from .build import compiler
from .loops import Program, program, source
from .random import drawing
from .rows import RowLoop, row_program
from .threads import CORES, use_cores

__all__ = ["CORES", "Program", "RowLoop", "cache_folder", "compiler", "drawing", "program", "row_program", "source",
           "use_cores"]
