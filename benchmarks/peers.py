"""`f(x).backward(g)` against every other library: PyTorch with all activations and row operations, others with those
activations that all have."""

from __future__ import annotations

from typing import Iterator

from .cases import ONE_LINE_MISH, size_name
from .implementations import NAMES, OURS
from .results import Results
from .row_operations import is_row_operation
from .summary import geometric_mean
from .tables import Table, against, times

TITLES = {"plain": "array code", "pytorch": "PyTorch", "jax": "JAX", "torch.compile": "torch.compile",
          "mygrad": "MyGrad", "autograd": "HIPS autograd"}


def ratios(results: Results, ours: str, peer: str, device: str, of_rows: bool = False) -> dict[tuple[str, int], float]:
    """The peer's time over ours, by activation or operation along rows, and size."""
    return {(row.case.activation, row.case.size): found
            for row in results.select(implementation=ours, device=device, direction="both", dtype="float32")
            if is_row_operation(row.case.activation) == of_rows and row.case.activation != ONE_LINE_MISH
            and (found := against(results, row, peer)) is not None}


def peer_tables(results: Results) -> list[Table]:
    """A table of all fields for each of our kinds of kernels against PyTorch, and one of the means over all peers."""
    tables: list[Table] = []
    for device in results.values("device"):
        for ours in OURS:
            tables += _fields(results, ours, device, of_rows=False)
            tables += _fields(results, ours, device, of_rows=True)
        tables += means(results, device)
    return [table for table in tables if table.rows]


def _fields(results: Results, ours: str, device: str, of_rows: bool) -> Iterator[Table]:
    found = ratios(results, ours, "pytorch", device, of_rows)
    sizes = sorted({size for _, size in found})
    table = Table(f"PyTorch's time over that of {ours} on {device}, f(x).backward(g), float32",
                  ["operation" if of_rows else "activation", *map(size_name, sizes)],
                  note="Above 1 gradcore is quicker. Medians of the ratios of rounds that ran in turn."
                       + (" softmax:100 is one of rows of 100 elements." if of_rows else ""))
    for name in dict.fromkeys(name for name, _ in found):
        table.rows.append([name, *[times(found[name, size]) if (name, size) in found else "" for size in sizes]])
    if table.rows:
        least = [min(found[field] for field in found if field[1] == size) for size in sizes]
        table.rows.append(["least", *map(times, least)])
    yield table


def means(results: Results, device: str) -> Iterator[Table]:
    """The table of the means over all peers."""
    table = Table(f"Others' time over gradcore's on {device}, f(x).backward(g), float32",
                  ["kernels", "peer", "of", "fields", "geometric mean", "least", "most", "one-line mish"], labels=3,
                  note="Geometric mean over all activations, or operations along rows, that were measured, and all "
                       "sizes; one-line mish: a formula of one's own, against the same formula in the peer's words, "
                       "at the largest size.")
    own_rows = list(results.select(activation=ONE_LINE_MISH, device=device))
    largest = max((row.case.size for row in own_rows), default=0)
    mish = {row.case.implementation: row for row in own_rows if row.case.size == largest}
    for ours in OURS:
        for peer, of_rows in ((peer, of_rows) for peer in NAMES for of_rows in (False, True)):
            found = ratios(results, ours, peer, device, of_rows) if peer in TITLES else {}
            if found:
                own = against(results, mish[ours], peer) if ours in mish and not of_rows else None
                table.rows.append([ours, TITLES[peer], "rows" if of_rows else "activations", str(len(found)),
                                   times(geometric_mean(found.values())), times(min(found.values())),
                                   times(max(found.values())), "" if own is None else times(own)])
    yield table
