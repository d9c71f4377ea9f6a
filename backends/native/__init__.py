"""Native kernels on the CPU, where there is a C++ compiler."""

from __future__ import annotations

from ..cache import cache_folder
from .build import compiler
from .loops import Program, program, source
from .random import drawing
from .rows import RowLoop, row_program
from .threads import CORES, use_cores

__all__ = ["CORES", "Program", "RowLoop", "cache_folder", "compiler", "drawing", "program", "row_program", "source",
           "use_cores"]
