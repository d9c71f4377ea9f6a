"""Checks that all processes agree, which raise errors instead of a deadlock."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

_LEAVING = "leaves the process group"


class Agreement:
    """Compares each collective call with those of the other processes beforehand (the debug mode)."""

    def __init__(self, comm: Any):
        self._comm = comm
        self._number = 0

    def check(self, call: str) -> None:
        """Raise an error on every process if their next calls differ."""
        self._number += 1
        calls = self._comm.allgather(call)
        if any(other != call for other in calls):
            raise RuntimeError(f"the processes differ in their collective call number {self._number}: "
                               f"{by_rank(calls)}")

    def leave(self) -> None:
        """Take part in the comparison for the last time; processes that still make calls will raise."""
        self._comm.allgather(_LEAVING)


def by_rank(values: Sequence[Any]) -> str:
    """A description for each group of ranks with equal values.

    >>> by_rank(["a", "b", "a"])
    'rank 0, 2: a; rank 1: b'
    """
    ranks: dict[Any, list[str]] = {}
    for rank, value in enumerate(values):
        ranks.setdefault(value, []).append(str(rank))
    return "; ".join(f"rank {', '.join(found)}: {value}" for value, found in ranks.items())


def check_equal(comm: Any, what: str, found: Mapping[str, str]) -> None:
    """Raise an error on every process if `found`, an ordered list of named descriptions, differs between processes."""
    everyone = comm.allgather(list(found.items()))
    if all(other == everyone[0] for other in everyone):
        return
    names = dict.fromkeys(name for items in everyone for name, _ in items)
    differing = [(name, [dict(items).get(name, "none") for items in everyone]) for name in names]
    differing = [(name, values) for name, values in differing if len(set(values)) > 1]
    if not differing:
        raise ValueError(f"{what} stand in a different order: "
                         f"{by_rank([', '.join(name for name, _ in items) for items in everyone])}")
    name, values = differing[0]
    more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
    raise ValueError(f"{what} differ between processes: {name} is of {by_rank(values)}{more}")
