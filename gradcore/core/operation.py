"""The base class of operations other than formulas: reshapes, reductions, indexing, products.

An operation is a small class: `forward` computes on arrays through the backend, and `backward` computes gradients with
operations on Tensors, so that gradients of gradients need no extra code.

>>> class Flip(Operation):
...     def forward(self, backend, x):
...         return backend.xp.flip(x)
...
...     def backward(self, gradient):
...         return [Flip.apply(gradient)]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Optional, Sequence

import numpy as np

from .graph import Node, parent_of
from ..backends import Backend
from .grad_mode import mode
from .outputs import node_of_output
from .tensor import Tensor, as_operand, as_tensor, common_backend
from .views import share_memory


class SavedTensor:
    """A tensor saved for the backward pass, with its version."""

    __slots__ = ("tensor", "version")

    def __init__(self, tensor: Tensor):
        self.tensor, self.version = tensor, tensor._versions[0]

    def value(self, operation: str) -> Tensor:
        """The tensor; raises RuntimeError if it was changed in place since."""
        if self.tensor._versions[0] != self.version:
            refuse_changed(self.tensor.shape, self.tensor._versions[0], self.version, operation)
        return self.tensor


class SavedOutput:
    """An output saved by its own node for the backward pass, with its version.

    Only the array is kept, since the tensor refers to the node and a reference cycle must not arise.
    """

    __slots__ = ("array", "backend", "versions", "version")

    def __init__(self, output: Tensor):
        self.array, self.backend = output._array, output._backend
        self.versions, self.version = output._versions, output._versions[0]

    def value(self, node: Node, is_differentiable: bool = True) -> Tensor:
        """The output, as a result of `node` if recording is enabled and it has a gradient.

        Raises RuntimeError if it was changed in place since.
        """
        if self.versions[0] != self.version:
            refuse_changed(self.array.shape, self.versions[0], self.version, node.name)
        output = Tensor._wrap(self.array, self.backend, node if mode.enabled and is_differentiable else None)
        output._versions = self.versions
        return output


class Operation(Node):
    """Base class of operations: `Operation.apply(inputs)` runs `forward` and records it if a gradient is required.

    Keyword options become attributes.  `saves` lists the inputs that `backward` needs, which `self.saved(i)` returns;
    with `saves_outputs`, `self.outputs()` returns the outputs.  If `forward` returns a tuple, so does `apply`, and
    `backward` receives `Parts`.
    """

    __slots__ = ("_saved", "_outputs", "backend", "input_shapes", "input_dtypes", "__dict__")

    _saved: Optional[dict[int, SavedTensor]]
    _outputs: Optional[Sequence[SavedOutput]]

    saves: Sequence[int] = ()
    saves_outputs = False
    returns_view = False  # whether the output may share the memory of the first input

    def __init__(self, **options: Any):
        self.__dict__.update(options)

    if TYPE_CHECKING:
        def __getattr__(self, option: str) -> Any: ...

    def forward(self, backend: Backend, *arrays: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Tensor:
        """The operation's result for `inputs`, which are converted to tensors."""
        tensors: Sequence[Tensor] = inputs
        backend: Optional[Backend] = None
        for value in inputs:
            if not isinstance(value, Tensor) or value._backend is not backend is not None:
                backend = common_backend(cls.__name__, inputs)
                tensors = [_made(value, backend, cls.__name__) for value in inputs]
                break
            backend = value._backend
        backend = backend or common_backend(cls.__name__, inputs)
        operation = cls(**options)
        result = operation.forward(backend, *[tensor._array for tensor in tensors])
        if result.__class__ is tuple:
            outputs = tuple([Tensor._wrap(_array(part, backend), backend) for part in result])
            operation._record(tensors, outputs, backend)
            return outputs  # type: ignore[return-value]  # a few classes return a tuple, which their callers know
        output = Tensor._wrap(_array(result, backend), backend)
        if operation.returns_view:
            share_memory(output, tensors[0])
        operation._record(tensors, (output,), backend)
        return output

    def _record(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], backend: Backend) -> None:
        if not (mode.enabled and True in [tensor._requires_grad for tensor in inputs]):
            return
        has_gradient = [output._array.dtype.kind == "f" for output in outputs]
        if True not in has_gradient:
            return
        Node.__init__(self, [parent_of(tensor) for tensor in inputs])
        self.backend: Backend = backend
        self.input_shapes: list[Any] = [tensor._array.shape for tensor in inputs]
        self.input_dtypes: list[Any] = [tensor._array.dtype for tensor in inputs]
        self._saved = {i: SavedTensor(inputs[i]) for i in self.saves}
        for i, output in enumerate(outputs):
            if has_gradient[i]:
                output._node, output._requires_grad = node_of_output(self, i, len(outputs)), True
        self._outputs = [SavedOutput(output) for output in outputs] if self.saves_outputs else ()

    def saved(self, i: int) -> Tensor:
        """Input `i`; raises RuntimeError if it was freed or changed in place since."""
        saved = self._saved  # read once: another thread may free it
        if saved is None:
            refuse_second_backward(self.name)
        return saved[i].value(self.name)

    def outputs(self) -> list[Tensor]:
        """The outputs, as results of this operation if the backward pass is recorded."""
        outputs = self._outputs
        if outputs is None:
            refuse_second_backward(self.name)
        return [saved.value(node_of_output(self, i, len(outputs))) for i, saved in enumerate(outputs)]

    def release(self) -> None:
        self._saved = self._outputs = None


def _array(result: Any, backend: Backend) -> Any:
    """A result as an array: NumPy returns scalars for single elements."""
    return backend.asarray(result) if isinstance(result, np.generic) else result


def refuse_second_backward(name: str) -> NoReturn:
    raise RuntimeError(f"a second backward through {name}: what it had saved was freed by the first one; pass "
                       f"retain_graph=True to the first backward to go through the graph again")


def versions_of(value: Any) -> int:
    """The number of in-place changes of a tensor (0 for a number)."""
    version: int = value._versions[0] if isinstance(value, Tensor) else 0
    return version


def refuse_changed(shape: tuple[int, ...], version: int, expected: int, name: str) -> NoReturn:
    raise RuntimeError(f"a tensor of shape {shape} that {name} needs for its backward pass was changed in place after "
                       f"it was used (it is at version {version}, version {expected} is needed); use an operation that "
                       f"makes a new tensor, or .clone() first")


def refuse_unwritable(x: Tensor, name: str) -> None:
    """Raise RuntimeError if the memory of `x` must not be written to."""
    if x._backend.is_writable(x._array):
        return
    if x._backend.is_expanded(x._array):
        raise RuntimeError(f"{name}: the tensor is expanded: several of its elements share one memory location; "
                           f"change a .clone() of it")
    if x._backend.is_read_only(x._array):
        raise RuntimeError(f"{name}: the tensor's memory is read-only, as that of the array it was made of; change a "
                           f".clone() of it")


def _made(value: Any, backend: Backend, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    operand = as_operand(value, backend, name)
    return operand if isinstance(operand, Tensor) else as_tensor(operand, device=backend.device)
