"""Operations of several outputs.

A node has one gradient.  Where an operation has several outputs, each is the result of an `Output` behind it, which
sends on what it receives as `Parts`; their sum is the gradient of the operation.
"""

from __future__ import annotations

from typing import Any, Sequence

from .graph import Node


class Parts(dict[int, Any]):
    """The gradients of some of the outputs, by their numbers."""

    def __add__(self, other: "Parts") -> "Parts":
        total = Parts(self)
        for i, gradient in other.items():
            total[i] = total[i] + gradient if i in total else gradient
        return total


class Output(Node):
    """Output `i` of an operation of several."""

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
    """What output `i` of `count` points to: the operation itself where there is no other output."""
    return operation if count == 1 else Output(operation, i)
