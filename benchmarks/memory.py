"""The most memory that a piece of work takes, beyond what is there before it, in each library's own count.

On the CPU every allocation counts: those that Python and NumPy report to tracemalloc, and those that PyTorch's profiler
writes down; what the libraries' pools and allocators keep for later of what was released does not, on either side.  On
CUDA both libraries' memory pools keep the count.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np

from gradcore.backends import Backend, BackendUnavailable

Step = Callable[[], Any]


def peak_of_gradcore(step: Step, backend: Backend) -> int:
    """Bytes."""
    if backend.device == "cpu":
        with _nothing_kept(backend):
            return _peak_of_numpy(step)
    backend.synchronize()
    backend.reset_peak_memory()
    before = backend.memory_stats()["allocated"]
    step()
    backend.synchronize()
    return backend.peak_memory() - before


def pytorch_on(device: str) -> Any:
    """The module torch, where it can use the device."""
    import torch

    if device != "cpu" and not torch.cuda.is_available():
        raise BackendUnavailable("this PyTorch cannot use CUDA")
    return torch


def peak_of_pytorch(step: Step, device: str) -> int:
    """Bytes."""
    import torch

    if device == "cpu":
        return _peak_of_cpu_allocator(step)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def _peak_of_numpy(step: Step) -> int:
    """Python and NumPy report every allocation to tracemalloc, whoever asked for it."""
    tracemalloc.start()
    try:
        step()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@contextlib.contextmanager
def _nothing_kept(backend: Backend) -> Iterator[None]:
    """The pool of the CPU's backend gives back what is released."""
    most, backend.pool.most_kept = backend.pool.most_kept, 0
    backend.empty_cache()
    try:
        yield
    finally:
        backend.pool.most_kept = most


def _peak_of_cpu_allocator(step: Step) -> int:
    """PyTorch keeps no count of host memory, but its profiler writes down every allocation and release."""
    from torch.profiler import ProfilerActivity, profile

    with _standard_error_dropped(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    return int(max(np.cumsum([size for _, size in changes]), default=0))


@contextlib.contextmanager
def _standard_error_dropped() -> Iterator[None]:
    """The profiler's C++ part writes two lines there every time, past Python."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
