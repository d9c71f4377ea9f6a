"""The node that a recorded call of an elementwise operation leaves in the graph.

Every activation and every operator of a network goes through here, forward and backward; for small tensors these
lines take as long as the arithmetic, so the commonest case, one input, takes the shortest way.
"""

from __future__ import annotations

from typing import Any, Sequence

from .autograd import Node, parent_of
from .broadcasting import cast, sum_to
from .grad_mode import is_grad_enabled
from .operation import refuse_changed, refuse_second_backward, versions_of
from .tensor import Tensor


class ElementwiseNode(Node):
    """A recorded call of `operation` (an `Elementwise`): what its backward kernel needs, and the kernel's run."""

    __slots__ = ("operation", "needs", "values", "saved", "output", "versions", "fits")

    def __init__(self, operation: Any, inputs: Sequence[Any], along: tuple[int, ...], values: tuple, output: Tensor):
        self.operation, self.values = operation, values
        self.needs = needs = operation.gradient(along)
        # Tensors, and the numbers among the inputs.
        if len(inputs) == 1:
            Node.__init__(self, (parent_of(inputs[0]),))
            self.saved = inputs if needs.saved else ()
            self.fits = None
        else:
            Node.__init__(self, [parent_of(inputs[i]) for i in along])
            self.saved = [inputs[i] for i in needs.saved]
            self.fits = self._odd_inputs(inputs, along, output._array)
        self.versions = [versions_of(value) for value in self.saved] if needs.saved else ()
        # Only the array: its tensor points here, and must not be pointed back to.
        self.output = (output._array, output._versions) if needs.saves_output else None

    @staticmethod
    def _odd_inputs(inputs: Sequence[Any], along: tuple[int, ...], output: Any) -> dict[int, tuple]:
        """The shape and dtype of inputs that were broadcast or cast: their gradients are summed and cast back."""
        return {i: (inputs[i].shape, inputs[i].dtype) for i in along
                if inputs[i].shape != output.shape or inputs[i].dtype != output.dtype}

    @property
    def name(self) -> str:
        return self.operation.name

    def backward(self, gradient: Tensor) -> list[Tensor]:
        if self.needs.kernel is None:
            parts = [gradient] * len(self.needs.passed)
        else:
            self._check_saved()
            parts = self._recorded(gradient) if is_grad_enabled() else self._computed(gradient)
        if self.fits:
            for k, i in enumerate(self.needs.along):
                if i in self.fits:
                    shape, dtype = self.fits[i]
                    parts[k] = cast(sum_to(parts[k], shape), dtype)
        return parts

    def _check_saved(self) -> None:
        """What was saved must still be there, and be what it was."""
        if self.saved is None:
            refuse_second_backward(self.name)
        for value, version in zip(self.saved, self.versions):
            if versions_of(value) != version:
                refuse_changed(value.shape, value._versions[0], version, self.name)
        if self.output is not None and self.output[1][0]:
            refuse_changed(self.output[0].shape, self.output[1][0], 0, self.name)

    def _computed(self, gradient: Tensor) -> list[Tensor]:
        """The gradients, by one kernel."""
        backend, needs = gradient._backend, self.needs
        arrays = [value._array if isinstance(value, Tensor) else value for value in self.saved]
        if self.output is not None:
            arrays.append(self.output[0])
        arrays.append(gradient._array)
        parts = [Tensor._wrap(array, backend) for array in backend.elementwise(needs.kernel, arrays, self.values)]
        for i in needs.passed:
            parts.insert(needs.along.index(i), gradient)
        return parts

    def _recorded(self, gradient: Tensor) -> list[Tensor]:
        """The gradients, each with a graph of its own."""
        backend, needs = gradient._backend, self.needs
        available = dict(zip(needs.saved, self.saved))
        if self.output is not None:
            output = Tensor._wrap(self.output[0], backend, self)
            output._versions = self.output[1]

        def along(i: int) -> Tensor:
            less = self.operation.gradient((i,))  # one gradient may need less than all of them together
            inputs = [available[j] for j in less.saved] + ([output] if less.saves_output else []) + [gradient]
            return self.operation.gradient_operation(i).run(inputs, self.values, backend)

        return [gradient if i in needs.passed else along(i) for i in needs.along]

    def release(self) -> None:
        self.saved = self.output = None
