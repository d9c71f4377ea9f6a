"""The graph node of a recorded call of a formula with rows or several results.

One backward kernel handles all results of a call that have received a gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence

from ..backends.formulas.expression import Expression
from ..backends.formulas.rows import RowGradient
from .broadcasting import broadcast_to, cast, sum_to
from .grad_mode import mode
from .graph import Node, parent_of
from .operation import SavedOutput, SavedTensor, refuse_second_backward
from .outputs import Parts, node_of_output
from .tensor import Tensor


class Recording(NamedTuple):
    """What a recorded call saves: inputs and outputs, by position, and the row numbers of the forward kernel.

    The outputs at `differentiable` have a gradient.
    """

    saved: tuple[int, ...]
    outputs: tuple[int, ...]
    rows: tuple[Expression, ...]
    differentiable: tuple[int, ...]


class Kept(NamedTuple):
    """What a recorded call keeps for its backward pass: inputs and outputs, by position, and numbers of the rows."""

    saved: dict[int, SavedTensor]
    outputs: dict[int, SavedOutput]
    rows: dict[Expression, Any]


class FormulaNode(Node):
    """A recorded call of `operation` (a `FormulaOperation`), with what its backward kernel needs.

    `frame` has the options of the operation's `launch`, and `shape` is the broadcast shape of the inputs.  `rows` are
    arrays with one number for each row, from the forward kernel for the backward kernel; None if it returned none.
    """

    __slots__ = ("operation", "along", "values", "frame", "shape", "kept", "count", "keeps", "sources")

    def __init__(self, operation: Any, tensors: Sequence[Tensor], along: tuple[int, ...], values: tuple[Any, ...],
                 frame: tuple[Any, ...], shape: tuple[int, ...], outputs: Sequence[Tensor],
                 rows: Optional[Sequence[Any]]):
        super().__init__([parent_of(tensors[i]) for i in along])
        self.operation, self.along, self.values, self.frame, self.shape = operation, along, values, frame, shape
        self.keeps, self.count = rows is not None, len(outputs)
        recording = operation.recording(along, self.keeps)
        self.kept: Optional[Kept] = Kept({i: SavedTensor(tensors[i]) for i in recording.saved},
                                         {k: SavedOutput(outputs[k]) for k in recording.outputs},
                                         dict(zip(recording.rows, rows or ())))
        self.sources = {i: (tensors[i]._array.shape, tensors[i]._array.dtype) for i in along}
        for which in recording.differentiable:
            output = outputs[which]
            if output._array.dtype.kind == "f":
                output._node, output._requires_grad = node_of_output(self, which, self.count), True

    @property
    def name(self) -> str:
        name: str = self.operation.name
        return name

    def backward(self, gradient: Any) -> list[Optional[Tensor]]:
        kept = self.kept
        if kept is None:
            refuse_second_backward(self.name)
        upstream = gradient if isinstance(gradient, Parts) else {0: gradient}
        which = tuple(sorted(upstream))
        run = self._recorded if mode.enabled else self._computed
        parts = run(kept, which, [upstream[k] for k in which])
        return [self._as_source(parts[i], i) if i in parts else None for i in self.along]

    def _computed(self, kept: Kept, which: tuple[int, ...], upstream: list[Tensor]) -> dict[int, Tensor]:
        """The gradients, computed by one kernel."""
        needs, backend = self.operation.joint_gradient(self.along, which, self.keeps), upstream[0]._backend
        if not needs.computed:  # results that depend on none of these inputs, and were read by a backward kernel
            return {}
        arrays = [tensor._array for tensor in self._read(kept, needs)]
        arrays += [kept.rows[row] for row in needs.kept] + [gradient._array for gradient in upstream]
        shapes = [self.sources[i][0] for i in needs.computed]
        sums: tuple[bool, ...] = ()
        if shapes.count(self.shape) < len(shapes):  # else none was repeated
            sums = self.operation.summed(needs.kernel.outputs, shapes, self.frame)
        frame = (*self.frame, sums) if True in sums else self.frame
        found = self.operation.launch(needs.kernel, arrays, self.values, backend, frame)
        parts = {i: Tensor._wrap(array, backend) for i, array in zip(needs.computed, found)}
        summed = {i for i, is_summed in zip(needs.computed, sums) if is_summed}
        return {i: sum_to(part, shape) if i in summed else self._whole(part, i)
                for (i, part), shape in zip(parts.items(), shapes)}

    def _recorded(self, kept: Kept, which: tuple[int, ...], upstream: list[Tensor]) -> dict[int, Tensor]:
        """The gradients, each computed by a recorded operation."""
        backend, parts = upstream[0]._backend, {}
        for i in self.operation.joint_gradient(self.along, which).computed:
            needs = self.operation.joint_gradient((i,), which)  # one gradient may need fewer inputs than all together
            inputs = [*self._read(kept, needs), *upstream]
            operation = self.operation.joint_operation(i, which)
            part, = operation.record(inputs, self.values, backend, self.frame, self.shape)
            parts[i] = self._whole(part, i)
        return parts

    def _whole(self, part: Tensor, i: int) -> Tensor:
        """A gradient that is the same for all elements of a row, for each of them, unless the input is one number for
        each row to the formula too."""
        is_row = self.operation.kernel.inputs[i].is_row
        return part if is_row or part.shape == self.shape else broadcast_to(part, self.shape)

    def _read(self, kept: Kept, needs: RowGradient) -> list[Tensor]:
        """The inputs and results that a backward kernel reads; raises RuntimeError if they were changed in place."""
        differentiable = self.operation.recording(self.along, self.keeps).differentiable
        return [*[kept.saved[i].value(self.name) for i in needs.saved],
                *[kept.outputs[which].value(node_of_output(self, which, self.count), which in differentiable)
                  for which in needs.outputs]]

    def _as_source(self, part: Tensor, i: int) -> Tensor:
        """The gradient in the shape and dtype of the input, which may have been broadcast or cast."""
        shape, dtype = self.sources[i]
        return cast(part if part.shape == shape else sum_to(part, shape), dtype)

    def release(self) -> None:
        self.kept = None  # at once, since another thread may be in `backward`
