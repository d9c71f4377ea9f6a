"""Reverse-mode automatic differentiation: the graph of operations, and the walk back through it.

Every tensor that comes out of a recorded operation points to a `Node`; the node points to the nodes of the
operation's inputs, or to the leaf tensors whose `grad` is wanted.  Nothing points forward, so there are no
reference cycles and a graph disappears with its last tensor.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Any, Optional, Sequence

from .accumulation import accumulate
from .grad_mode import mode

next_order = itertools.count().__next__


class Node:
    """One recorded operation with one output.

    `parents` has, for each input, the input's node, the input itself if it is a leaf that requires a gradient, or
    None.  `order` grows with every node that is made: inputs are always older than what is computed from them.
    """

    __slots__ = ("parents", "order", "retains", "__weakref__")

    # Whether `backward` returns arrays that nothing else holds, so that a leaf may keep them as its gradient.
    makes_new_arrays = True

    def __init__(self, parents: Sequence[Any]):
        self.parents = parents
        self.order = next_order()
        self.retains = None  # a weak reference to the output, where its gradient is to be kept as well

    @property
    def name(self) -> str:
        return type(self).__name__

    def backward(self, gradient: Any) -> Sequence[Any]:
        """The gradients of the inputs (None where there is none) from the one of the output."""
        raise NotImplementedError(f"{self.name} has no backward pass")

    def release(self) -> None:
        """Forget what was saved for the backward pass."""


def parent_of(tensor: Any) -> Any:
    """What a node keeps of an input: see `Node`."""
    if tensor._node is not None:
        return tensor._node
    return tensor if tensor._requires_grad else None


def propagate(parents: Sequence[Any], gradients: Sequence[Any], retain_graph: bool, create_graph: bool,
              wanted: Optional[Sequence[Any]] = None) -> list[Any]:
    """Walk from `parents` (see `parent_of`), which receive `gradients`, back to the leaves.

    Without `wanted` the leaves accumulate into their `grad`; with it, the gradients of these tensors are returned
    instead (None for those that the walk does not reach) and no tensor is changed.
    """
    targets = None if wanted is None else {id(parent_of(tensor)) for tensor in wanted}
    found: dict[int, Any] = {}  # the gradients of the targets
    pending: dict[Node, Any] = {}  # the sum of the gradients that a node has received
    queue: list[tuple[int, Node]] = []  # youngest first: when a node's turn comes, its sum is complete
    gradient, is_new = None, False
    before, mode.enabled = mode.enabled, create_graph
    try:
        while True:
            if len(parents) == 1 and not queue and isinstance(parents[0], Node) and gradients[0] is not None:
                node, gradient = parents[0], gradients[0]  # a chain: there is nothing to wait for
            else:
                for i, parent in enumerate(parents):  # half the time of zip, for the one input that most nodes have
                    part = gradients[i]
                    if parent is None or part is None:
                        continue
                    if isinstance(parent, Node):
                        if parent not in pending:
                            heapq.heappush(queue, (-parent.order, parent))
                        _add(pending, parent, part)
                    elif targets is None:
                        accumulate(parent, part, is_new and part is not gradient)
                    elif id(parent) in targets:
                        _add(found, id(parent), part)
                if not queue:
                    break
                node = heapq.heappop(queue)[1]
                gradient = pending.pop(node)
            if targets is None:
                retaining = node.retains and node.retains()
                if retaining is not None:
                    accumulate(retaining, gradient, False)
            elif id(node) in targets:
                found[id(node)] = gradient
            parents, gradients, is_new = node.parents, node.backward(gradient), node.makes_new_arrays
            if not retain_graph:
                node.release()
    finally:
        mode.enabled = before
    return [] if wanted is None else [found.get(id(parent_of(tensor))) for tensor in wanted]


def _add(sums: dict[Any, Any], key: Any, part: Any) -> None:
    known = sums.get(key)
    sums[key] = part if known is None else known + part
