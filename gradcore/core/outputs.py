"""Nodes of operations with several outputs.

A node receives one gradient.  If an operation has several outputs, each is the result of an `Output` node, which passes
its gradient on as `Parts`; the sum of these is the gradient of the operation.
"""

from __future__ import annotations

from typing import Any, Sequence

from .graph import Node


class Parts(dict[int, Any]):
    """The gradients of some of the outputs, by position."""

    def __add__(self, other: "Parts") -> "Parts":
        total = Parts(self)
        for i, gradient in other.items():
            total[i] = total[i] + gradient if i in total else gradient
        return total


class Output(Node):
    """Output `i` of an operation with several outputs."""

    __slots__ = ("i",)

    def __init__(self, operation: Node, i: int):
        super().__init__((operation,))
        self.i: int = i

    @property
    def name(self) -> str:
        name: str = self.parents[0].name
        return name

    def backward(self, gradient: Any) -> Sequence[Any]:
        return [Parts({self.i: gradient})]


def node_of_output(operation: Node, i: int, count: int) -> Node:
    """The node of output `i` of `count`: the operation itself if there is only one."""
    return operation if count == 1 else Output(operation, i)
