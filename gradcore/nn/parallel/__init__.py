"""Modules that are trained on several processes at once; all of it is in `data_parallel`."""

from __future__ import annotations

from .data_parallel import DistributedDataParallel

__all__ = ["DistributedDataParallel"]
