"""Operations that are no elementwise kernels: reshapes, reductions, indexing, products.

An operation is a small class: `forward` computes on arrays through the backend, `backward` states the gradient in
operations on Tensors.  Because of the latter, gradients of gradients come for free.

>>> class Flip(Operation):
...     def forward(self, backend, x):
...         return backend.xp.flip(x)
...
...     def backward(self, gradient):
...         return [Flip.apply(gradient)]
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from .graph import Node, parent_of
from ..backends import Backend
from .grad_mode import is_grad_enabled
from .tensor import Tensor, as_operand, as_tensor, common_backend


class SavedTensor:
    """A tensor that is needed later, and the version it must still have then."""

    __slots__ = ("tensor", "version")

    def __init__(self, tensor: Tensor):
        self.tensor, self.version = tensor, tensor._versions[0]

    def value(self, operation: str) -> Tensor:
        """The tensor, if it was not changed in the meantime."""
        if self.tensor._versions[0] != self.version:
            refuse_changed(self.tensor.shape, self.tensor._versions[0], self.version, operation)
        return self.tensor


class Operation(Node):
    """Base class of operations: `Operation.apply(inputs)` runs `forward` and records it where a gradient is wanted.

    Keyword options go to the constructor and are kept as attributes; what `backward` needs of the inputs it names in
    `saves` and finds in `self.saved(i)`.
    """

    __slots__ = ("_saved", "backend", "input_shapes", "input_dtypes", "__dict__")

    saves: Sequence[int] = ()
    returns_view = False  # whether the output may share the memory of the first input

    def __init__(self, **options: Any):
        self.__dict__.update(options)

    def forward(self, backend: Backend, *arrays: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Tensor:
        """The operation's result for `inputs`: Tensors, or what can be made one."""
        backend = common_backend(cls.__name__, inputs)
        tensors = [value if isinstance(value, Tensor) else _made(value, backend, cls.__name__) for value in inputs]
        operation = cls(**options)
        array = operation.forward(backend, *[tensor._array for tensor in tensors])
        if isinstance(array, np.generic):  # NumPy gives a scalar, not an array, where one element is left
            array = backend.asarray(array)
        output = Tensor._wrap(array, backend)
        if operation.returns_view:
            output._share_memory_with(tensors[0])
        if is_grad_enabled() and any(tensor._requires_grad for tensor in tensors) and array.dtype.kind == "f":
            Node.__init__(operation, [parent_of(tensor) for tensor in tensors])
            operation.backend = backend
            operation.input_shapes = [tensor.shape for tensor in tensors]
            operation.input_dtypes = [tensor.dtype for tensor in tensors]
            operation._saved = {i: SavedTensor(tensors[i]) for i in cls.saves}
            output._node, output._requires_grad = operation, True
        return output

    def saved(self, i: int) -> Tensor:
        """Input `i` as it was at the time of the forward pass."""
        if self._saved is None:
            refuse_second_backward(self.name)
        return self._saved[i].value(self.name)

    def release(self) -> None:
        self._saved = None


def refuse_second_backward(name: str) -> None:
    raise RuntimeError(f"a second backward through {name}: what it had saved was freed by the first one; pass "
                       f"retain_graph=True to the first backward to go through the graph again")


def versions_of(value: Any) -> int:
    """How often a tensor was changed in place so far (0 of a number)."""
    return value._versions[0] if isinstance(value, Tensor) else 0


def refuse_changed(shape: tuple[int, ...], version: int, expected: int, name: str) -> None:
    raise RuntimeError(f"a tensor of shape {shape} that {name} needs for its backward pass was changed in place after "
                       f"it was used (it is at version {version}, version {expected} is needed); use an operation that "
                       f"makes a new tensor, or .clone() first")


def _made(value: Any, backend: Backend, name: str) -> Tensor:
    operand = as_operand(value, backend, name)
    return operand if isinstance(operand, Tensor) else as_tensor(operand, device=backend.device)
