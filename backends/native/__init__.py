"""Native kernels on the CPU, where there is a C++ compiler."""

from __future__ import annotations

from .build import cache_folder, compiler
from .loops import program, source
from .rows import RowLoop, row_program

__all__ = ["RowLoop", "cache_folder", "compiler", "program", "row_program", "source"]
