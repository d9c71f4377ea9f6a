"""Native kernels on the CPU, where there is a C++ compiler."""

from __future__ import annotations

from .native_compiler import cache_folder, compiler
from .native_program import program, source

__all__ = ["cache_folder", "compiler", "program", "source"]
