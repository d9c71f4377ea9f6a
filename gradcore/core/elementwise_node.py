"""The graph node of a recorded call of an elementwise operation.

Every activation and operator of a network creates one.  For small tensors this costs as much as the arithmetic, so the
most common case, a single input, has a fast path.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np

from .graph import Node, next_order, parent_of
from .broadcasting import cast, sum_to
from .grad_mode import mode
from .operation import refuse_changed, refuse_second_backward, versions_of
from .tensor import Tensor


_Saved = Sequence[tuple[Any, int]]
_Output = Optional[tuple[Any, list[Any]]]


class ElementwiseNode(Node):
    """A recorded call of `operation` (an `Elementwise`), with what its backward kernel needs.

    `saved` has pairs of an input, a tensor or a number, and its version at the time of the call.
    """

    __slots__ = ("operation", "needs", "values", "saved", "output", "odd")

    saved: Optional[_Saved]
    output: _Output
    odd: Optional[dict[int, tuple[tuple[int, ...], np.dtype]]]

    def __init__(self, operation: Any, inputs: Sequence[Any], along: tuple[int, ...], values: tuple[Any, ...],
                 output: Tensor):
        self.operation, self.values = operation, values
        self.needs = needs = operation.gradients.get(along) or operation.gradient(along)
        if len(inputs) == 1:
            source = inputs[0]
            # Node.__init__ and parent_of inlined.
            self.parents, self.order, self.watch = (source._node or source,), next_order(), None
            self.saved = ((source, source._versions[0]),) if needs.saved else ()
            self.odd = None
        else:
            Node.__init__(self, [parent_of(inputs[i]) for i in along])
            self.saved = [(inputs[i], versions_of(inputs[i])) for i in needs.saved]
            self.odd = _odd_inputs(inputs, along, output._array)
        # Only the array, since its tensor refers to this node and a cycle must not arise.
        self.output = (output._array, output._versions) if needs.saves_output else None

    @property
    def name(self) -> str:
        name: str = self.operation.name
        return name

    def backward(self, gradient: Tensor) -> list[Tensor]:
        needs = self.needs
        if needs.kernel is None:
            parts = [gradient] * len(needs.passed)
        else:
            output, saved = self.output, self.saved  # in this order: see `release`
            if saved is None:
                refuse_second_backward(self.name)
            arrays = self._saved_arrays(saved, output)
            parts = self._recorded(saved, output, gradient) if mode.enabled else self._computed(arrays, gradient)
        if self.odd:
            for k, i in enumerate(needs.along):
                if i in self.odd:
                    shape, dtype = self.odd[i]
                    parts[k] = cast(sum_to(parts[k], shape), dtype)
        return parts

    def _saved_arrays(self, saved: _Saved, output: _Output) -> list[Any]:
        """The saved arrays and numbers; raises RuntimeError if they were changed in place."""
        arrays = []
        for value, version in saved:
            if not isinstance(value, Tensor):
                arrays.append(value)
                continue
            if value._versions[0] != version:
                refuse_changed(value.shape, value._versions[0], version, self.name)
            arrays.append(value._array)
        if output is not None:
            array, versions = output
            if versions[0]:
                refuse_changed(array.shape, versions[0], 0, self.name)
            arrays.append(array)
        return arrays

    def _computed(self, arrays: list[Any], gradient: Tensor) -> list[Tensor]:
        """The gradients, computed by one kernel."""
        backend, needs = gradient._backend, self.needs
        arrays.append(gradient._array)
        outputs = backend.elementwise(needs.kernel, arrays, self.values)
        if len(outputs) == 1:
            parts = [Tensor._wrap(outputs[0], backend)]
        else:
            parts = [Tensor._wrap(array, backend) for array in outputs]
        for i in needs.passed:
            parts.insert(needs.along.index(i), gradient)
        return parts

    def _recorded(self, saved: _Saved, output: _Output, gradient: Tensor) -> list[Tensor]:
        """The gradients, each computed by a recorded operation."""
        backend, needs = gradient._backend, self.needs
        available = {i: value for i, (value, _) in zip(needs.saved, saved)}
        results = []
        if output is not None:
            results.append(Tensor._wrap(output[0], backend, self))
            results[0]._versions = output[1]

        def along(i: int) -> Tensor:
            less = self.operation.gradient((i,))  # one gradient may need fewer inputs than all together
            inputs = [available[j] for j in less.saved] + (results if less.saves_output else []) + [gradient]
            slope: Tensor = self.operation.gradient_operation(i).run(inputs, self.values, backend)
            return slope

        return [gradient if i in needs.passed else along(i) for i in needs.along]

    def release(self) -> None:
        # Another thread may be in `backward`: what it reads first is freed last.
        self.saved = None
        self.output = None


def _odd_inputs(inputs: Sequence[Any], along: tuple[int, ...],
                output: Any) -> dict[int, tuple[tuple[int, ...], np.dtype]]:
    """The shape and dtype of inputs that were broadcast or cast, whose gradients must be summed or cast back."""
    return {i: (inputs[i].shape, inputs[i].dtype) for i in along
            if inputs[i].shape != output.shape or inputs[i].dtype != output.dtype}
