"""`f(x).backward(g)` against every other library: PyTorch, MyGrad and HIPS autograd on the CPU, PyTorch on CUDA."""

from __future__ import annotations

from typing import Iterator

from .cases import ARTICLE, ONE_LINE_MISH, size_name
from .implementations import NAMES, OURS
from .results import Results
from .summary import geometric_mean
from .tables import Table, against, times

TITLES = {"plain": "array code", "pytorch": "PyTorch", "mygrad": "MyGrad", "autograd": "HIPS autograd"}


def ratios(results: Results, ours: str, peer: str, device: str) -> dict[tuple[str, int], float]:
    """The peer's time over ours, by activation and size, over the article's activations."""
    return {(row.case.activation, row.case.size): found
            for row in results.select(implementation=ours, device=device, direction="both", dtype="float32")
            if row.case.activation in ARTICLE and (found := against(results, row, peer)) is not None}


def peer_tables(results: Results) -> list[Table]:
    """A table of all fields for each of our kinds of kernels against PyTorch, and one of the means over all peers."""
    tables = []
    for device in results.values("device"):
        for ours in OURS:
            tables += _fields(results, ours, device)
        tables += _means(results, device)
    return [table for table in tables if table.rows]


def _fields(results: Results, ours: str, device: str) -> Iterator[Table]:
    found = ratios(results, ours, "pytorch", device)
    sizes = sorted({size for _, size in found})
    table = Table(f"PyTorch's time over that of {ours} on {device}, f(x).backward(g), float32",
                  ["activation", *map(size_name, sizes)],
                  note="Above 1 gradcore is quicker. Medians of the ratios of rounds that ran in turn.")
    for name in dict.fromkeys(name for name, _ in found):
        table.rows.append([name, *[times(found[name, size]) if (name, size) in found else "" for size in sizes]])
    if table.rows:
        least = [min(found[field] for field in found if field[1] == size) for size in sizes]
        table.rows.append(["least", *map(times, least)])
    yield table


def _means(results: Results, device: str) -> Iterator[Table]:
    table = Table(f"Others' time over gradcore's on {device}, f(x).backward(g), float32",
                  ["kernels", "peer", "fields", "geometric mean", "least", "most", "one-line mish"], labels=2,
                  note="Geometric mean over the article's activations and all sizes; one-line mish: a formula of one's "
                       "own, against the same formula in the peer's words.")
    mish = {row.case.implementation: row for row in results.select(activation=ONE_LINE_MISH, device=device)}
    for ours in OURS:
        for peer in NAMES:
            found = ratios(results, ours, peer, device) if peer in TITLES else {}
            if found:
                own = against(results, mish[ours], peer) if ours in mish else None
                table.rows.append([ours, TITLES[peer], str(len(found)), times(geometric_mean(found.values())),
                                   times(min(found.values())), times(max(found.values())),
                                   "" if own is None else times(own)])
    yield table
