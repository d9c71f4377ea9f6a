"""`python -m benchmarks.draws`: random numbers beside NumPy's own generator, or CuPy's on a CUDA device, in turn."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Callable, Iterator, Sequence

import numpy as np

import gradcore
from gradcore.backends import get_backend

from .data import SEED
from .summary import median, ratio
from .tables import Table
from .timing import Work, in_turn

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
KINDS = ("uniform", "normal")


def peer(device: str) -> Any:
    """The generator to compare with: `numpy.random.default_rng()`, or the like of CuPy."""
    return get_backend(device).xp.random.default_rng(SEED) if device != "cpu" else np.random.default_rng(SEED)


def works(kind: str, size: int, device: str) -> list[Work]:
    """The peer's draw of float32 numbers, and the library's."""
    backend, theirs = get_backend(device), peer(device)
    name, ours = ("random", gradcore.rand) if kind == "uniform" else ("standard_normal", gradcore.randn)
    draw = getattr(theirs, name)
    calls: list[Callable] = [lambda: draw(size, dtype=np.float32), lambda: ours(size, device=device)]
    return [Work(call, backend.synchronize, call) for call in calls]


def measured(device: str, sizes: Sequence[int], budget: float) -> Iterator[list[str]]:
    """A row for each kind and size: microseconds of the peer and of the library, and the peer's time over the other."""
    for kind in KINDS:
        for size in sizes:
            theirs, ours = (times.seconds for times in in_turn(works(kind, size, device), budget))
            yield [kind, f"{size:,}", *(f"{median(seconds) * 1e6:.3g}" for seconds in (theirs, ours)),
                   f"{ratio(theirs, ours):.2f}"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.draws", description=__doc__)
    parser.add_argument("--device", default="cpu", help="where to draw (default: cpu)")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each row (default: 2)")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="leave out larger sizes")
    chosen = parser.parse_args(arguments)
    sizes = [size for size in SIZES if size <= chosen.largest]
    kernels = f", {gradcore.cpu_kernels()} kernels" if chosen.device == "cpu" else ""
    header = ["draws", "numbers", "theirs, µs", "here, µs", "theirs / here"]
    rows = list(measured(chosen.device, sizes, chosen.budget))
    print(Table(f"float32 on {chosen.device}{kernels}", header, rows).text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
