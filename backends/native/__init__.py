"""Native kernels on the CPU, where there is a C++ compiler."""

from __future__ import annotations

from .build import cache_folder, compiler
from .loops import program, source

__all__ = ["cache_folder", "compiler", "program", "source"]
