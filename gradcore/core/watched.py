"""Leaves with hooks, which receive their gradient as soon as it is complete, during the backward pass."""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, Optional, Sequence

from .accumulation import accumulate


class WatchedLeaves:
    """The watched leaves that a backward pass has reached, with the sums of their gradients so far.

    A leaf's gradient is complete after the oldest node of which it is an input, since the pass goes from younger to
    older nodes.  With `targets`, gradients are stored in `found` instead of the leaves.
    """

    def __init__(self, targets: Optional[set[int]], found: dict[int, Any]):
        self._targets, self._found = targets, found
        self._sums: dict[int, tuple[Any, Any, bool]] = {}
        self._due: Optional[dict[float, list[int]]] = None  # by a node's order, the leaves that are complete after it
        self.ends: dict[Callable[[], None], None] = {}  # called at the end of the backward pass

    def add(self, leaf: Any, part: Any, is_new: bool) -> None:
        """Add a part of a leaf's gradient; `is_new` says that nothing else refers to its memory."""
        known = self._sums.get(id(leaf))
        self._sums[id(leaf)] = (leaf, part, is_new) if known is None else (leaf, known[1] + part, True)

    def finish(self, node: Any, queue: Sequence[tuple[int, Any]]) -> None:
        """Finish the leaves that are complete once the inputs of `node` have received their gradients.

        The first call traverses the nodes of the `queue`.
        """
        order = math.inf if node is None else node.order
        if self._due is None:
            last = _last_uses([waiting for _, waiting in queue])
            self._due = {}
            for leaf, use in last.items():
                self._due.setdefault(use, []).append(leaf)
            complete = [leaf for leaf in self._sums if leaf not in last]
        else:
            complete = self._due.pop(order, [])
        for leaf in complete:
            if leaf in self._sums:
                self._finish(*self._sums.pop(leaf))

    def finish_rest(self) -> None:
        """Finish the leaves of nodes that received no gradient."""
        while self._sums:
            self._finish(*self._sums.pop(next(iter(self._sums))))

    def _finish(self, leaf: Any, gradient: Any, is_new: bool) -> None:
        watch = leaf._watch
        is_new = is_new and not watch.hooks  # hooks may keep a reference
        gradient = watch.seen(gradient)
        if self._targets is None:
            accumulate(leaf, gradient, is_new)
            for hook in tuple(watch.after.values()):
                end = hook(leaf)
                if end is not None:
                    self.ends[end] = None
        elif id(leaf) in self._targets:
            self._found[id(leaf)] = gradient


def _last_uses(nodes: Iterable[Any]) -> dict[int, int]:
    """For each watched leaf below `nodes`, the order of the oldest node of which it is an input."""
    last: dict[int, int] = {}
    seen = set(nodes)
    waiting = list(seen)
    while waiting:
        node = waiting.pop()
        for parent in node.parents:
            if parent is None:
                continue
            if hasattr(parent, "parents"):  # a node, else a leaf
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
            elif parent._watch is not None:
                last[id(parent)] = min(node.order, last.get(id(parent), node.order))
    return last
