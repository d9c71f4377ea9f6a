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

from .autograd import Node, parent_of
from .backends import Backend
from .grad_mode import is_grad_enabled
from .tensor import Tensor, as_operand, as_tensor, common_backend


class SavedTensor:
    """An input or output that the backward pass needs, and a check that it was not changed in between."""

    __slots__ = ("array", "backend", "parent", "versions", "version")

    def __init__(self, tensor: Tensor, parent: Any):
        self.array, self.backend, self.parent = tensor._array, tensor._backend, parent
        self.versions = tensor._versions
        self.version = tensor._versions[0]

    def value(self, operation: str, computed_by: Any = None) -> Tensor:
        """The tensor as it was, with its history (that of an output is the node `computed_by`)."""
        if self.versions[0] != self.version:
            raise RuntimeError(f"a tensor of shape {self.array.shape} that {operation} needs for its backward pass was "
                               f"changed in place after it was used (it is at version {self.versions[0]}, version "
                               f"{self.version} is needed); use an operation that makes a new tensor, or .clone() first")
        parent = self.parent if computed_by is None else computed_by
        if isinstance(parent, Tensor):  # a leaf: the object itself, so that gradients find it
            return parent
        tensor = Tensor._wrap(self.array, self.backend, parent)
        tensor._versions = self.versions
        return tensor


class Operation(Node):
    """Base class of operations: `Operation.apply(inputs)` runs `forward` and records it where a gradient is wanted.

    Keyword options go to the constructor and are kept as attributes; what `backward` needs of the inputs it names in
    `saves` and finds in `self.saved(i)`.
    """

    __slots__ = ("_saved", "backend", "input_shapes", "input_dtypes", "__dict__")

    saves: Sequence[int] = ()

    def __init__(self, **options: Any):
        self.__dict__.update(options)

    def forward(self, backend: Backend, *arrays: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Tensor:
        """The operation's result for `inputs`: Tensors, or what can be made one."""
        backend = common_backend(cls.__name__, inputs)
        tensors = [_tensor(value, backend, cls.__name__) for value in inputs]
        operation = cls(**options)
        array = operation.forward(backend, *[tensor._array for tensor in tensors])
        if is_grad_enabled() and any(tensor._requires_grad for tensor in tensors) and array.dtype.kind == "f":
            Node.__init__(operation, [parent_of(tensor) for tensor in tensors])
            operation.backend = backend
            operation.input_shapes = [tensor.shape for tensor in tensors]
            operation.input_dtypes = [tensor.dtype for tensor in tensors]
            operation._saved = {i: SavedTensor(tensors[i], operation.parents[i]) for i in cls.saves}
            return Tensor._wrap(array, backend, operation)
        return Tensor._wrap(array, backend)

    def saved(self, i: int) -> Tensor:
        """Input `i` as it was at the time of the forward pass."""
        check_not_released(self._saved, self.name)
        return self._saved[i].value(self.name)

    def release(self) -> None:
        self._saved = None


def check_not_released(saved: Any, name: str) -> None:
    if saved is None:
        raise RuntimeError(f"a second backward through {name}: what it had saved was freed by the first one; pass "
                           f"retain_graph=True to the first backward to go through the graph again")


def _tensor(value: Any, backend: Backend, name: str) -> Tensor:
    operand = as_operand(value, backend, name)
    return operand if isinstance(operand, Tensor) else as_tensor(operand, device=backend.device)
