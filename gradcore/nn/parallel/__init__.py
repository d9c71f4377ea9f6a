"""Data-parallel training of modules on several processes, in `data_parallel`."""

from __future__ import annotations

from .data_parallel import DistributedDataParallel

__all__ = ["DistributedDataParallel"]
