"""Reverse-mode automatic differentiation: the graph of recorded operations and its backward traversal.

Every result of a recorded operation refers to a `Node`.  The node refers to the nodes of the operation's inputs, or to
leaf tensors that require a gradient.  There are no references forward, so there are no cycles, and a graph is freed
with its last tensor.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Any, Callable, Optional, Sequence

from .accumulation import accumulate
from .grad_mode import mode
from .watched import WatchedLeaves

next_order = itertools.count().__next__
Step = Callable[["Node", Any, Sequence[Any]], None]
_watching: list[Step] = []  # what looks at every step of a walk, if anything does


def watch_steps(step: Optional[Step]) -> Optional[Step]:
    """Call ``step(node, gradient, gradients)`` after each node's backward pass, or None for nothing; what it was."""
    before = _watching[0] if _watching else None
    _watching[:] = [] if step is None else [step]
    return before


class Watch:
    """The observers of a tensor's gradient.

    `hooks` may replace it, hooks `after` run when a leaf has accumulated it, and `retains` is a result that keeps it.
    """

    __slots__ = ("hooks", "after", "retains")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[..., Any]] = {}
        self.after: dict[int, Callable[..., Any]] = {}
        self.retains: Any = None  # a weak reference to a non-leaf tensor that keeps its gradient

    def seen(self, gradient: Any, keeps: bool = False) -> Any:
        """The gradient after the hooks; with `keeps`, a retaining tensor accumulates it."""
        for hook in tuple(self.hooks.values()):
            replaced = hook(gradient)
            if replaced is not None:
                _check_replaced(gradient, replaced)
                gradient = replaced
        retaining = self.retains() if keeps and self.retains else None
        if retaining is not None:
            accumulate(retaining, gradient, False)
        return gradient


def _check_replaced(gradient: Any, replaced: Any) -> None:
    if not isinstance(replaced, type(gradient)) or replaced.shape != gradient.shape:
        raise ValueError(f"a hook must return None or a gradient of the same shape, {gradient.shape}; got "
                         f"{getattr(replaced, 'shape', replaced)!r:.80}")


class Node:
    """One recorded operation with one output.

    `parents` has, for each input, its node, or the input itself if it is a leaf that requires a gradient, or None.
    `order` increases with every node, so a node is always younger than its inputs' nodes.
    """

    __slots__ = ("parents", "order", "watch", "__weakref__")

    # Whether nothing else refers to the arrays that `backward` returns, so that a leaf may keep them.
    makes_new_arrays = True

    def __init__(self, parents: Sequence[Any]):
        self.parents: Sequence[Any] = parents
        self.order: int = next_order()
        self.watch: Optional[Watch] = None  # what observes the gradient of the output

    @property
    def name(self) -> str:
        return type(self).__name__

    def backward(self, gradient: Any) -> Sequence[Any]:
        """The gradients of the inputs, or None, from the gradient of the output."""
        raise NotImplementedError(f"{self.name} has no backward pass")

    def release(self) -> None:
        """Free what was saved for the backward pass."""


def parent_of(tensor: Any) -> Any:
    """The entry of a tensor in `Node.parents`."""
    if tensor._node is not None:
        return tensor._node
    return tensor if tensor._requires_grad else None


def leaves(tensors: Sequence[Any]) -> list[Any]:
    """The leaf tensors that require a gradient and that `tensors` were computed from, each once."""
    found: dict[int, Any] = {}
    pending, seen = [parent_of(tensor) for tensor in tensors], set()
    while pending:
        parent = pending.pop()
        if isinstance(parent, Node):
            if parent not in seen:
                seen.add(parent)
                pending.extend(parent.parents)
        elif parent is not None:
            found.setdefault(id(parent), parent)
    return list(found.values())


def propagate(parents: Sequence[Any], gradients: Sequence[Any], retain_graph: bool, create_graph: bool,
              wanted: Optional[Sequence[Any]] = None) -> list[Any]:
    """Propagate `gradients` from `parents` (see `parent_of`) back to the leaves.

    Without `wanted`, leaves accumulate their gradients in `grad`.  With it, the gradients of these tensors are returned
    instead (None for those that are not reached), and no tensor is changed.
    """
    targets = None if wanted is None else {id(parent_of(tensor)) for tensor in wanted}
    found: dict[int, Any] = {}  # the gradients of the targets
    watched: Optional[WatchedLeaves] = None  # leaves with hooks
    pending: dict[Node, Any] = {}  # the sum of the gradients that a node has received so far
    queue: list[tuple[int, Node]] = []  # youngest first, so that a node's sum is complete when it is taken out
    node, gradient, is_new = None, None, False
    before, mode.enabled = mode.enabled, create_graph
    try:
        while True:
            if len(parents) == 1 and not queue and isinstance(parents[0], Node) and gradients[0] is not None:
                node, gradient = parents[0], gradients[0]  # a chain needs no queue
            else:
                for i, parent in enumerate(parents):  # twice as fast as zip for a single input, as most nodes have
                    part = gradients[i]
                    if parent is None or part is None:
                        continue
                    if isinstance(parent, Node):
                        if parent not in pending:
                            heapq.heappush(queue, (-parent.order, parent))
                        _add(pending, parent, part)
                    elif parent._watch is not None:
                        watched = watched or WatchedLeaves(targets, found)
                        watched.add(parent, part, is_new and part is not gradient)
                    elif targets is None:
                        accumulate(parent, part, is_new and part is not gradient)
                    elif id(parent) in targets:
                        _add(found, id(parent), part)
                if watched is not None:
                    watched.finish(node, queue)
                if not queue:
                    break
                node = heapq.heappop(queue)[1]
                gradient = pending.pop(node)
            if node.watch is not None:
                gradient = node.watch.seen(gradient, keeps=targets is None)
            if targets is not None and id(node) in targets:
                found[id(node)] = gradient
            parents, gradients, is_new = node.parents, node.backward(gradient), node.makes_new_arrays
            if _watching:
                _watching[0](node, gradient, gradients)
            if not retain_graph:
                node.release()
        if watched is not None:
            watched.finish_rest()
    finally:
        mode.enabled = before
    if watched is not None:
        for end in watched.ends:
            end()
    return [] if wanted is None else [found.get(id(parent_of(tensor))) for tensor in wanted]


def _add(sums: dict[Any, Any], key: Any, part: Any) -> None:
    known = sums.get(key)
    sums[key] = part if known is None else known + part
