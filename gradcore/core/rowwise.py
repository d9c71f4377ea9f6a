"""`rowwise`: a formula with reductions along a row becomes a differentiable operation.

>>> from gradcore import Tensor
>>> @rowwise
... def centred(xp, x):
...     return x - xp.mean(x)
>>> centred(Tensor([[1.0, 3.0], [2.0, 6.0]]))
tensor([[-1.,  1.],
        [-2.,  2.]])
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from ..backends import Backend, FormulaError
from ..backends.formulas.expression import Expression, Symbol
from ..backends.formulas.rows import RowGradient, RowNamespace, as_outputs, output_symbols, row_gradient
from .broadcasting import broadcast_to, cast, sum_to
from .dimensions import Dims, many_dims
from .formula import FormulaOperation, of_formula
from .grad_mode import mode
from .graph import Node, parent_of
from .operation import SavedTensor, refuse_changed, refuse_second_backward
from .tensor import Tensor, as_tensor, common_backend


class Rowwise(FormulaOperation):
    """A differentiable operation along rows; made by the decorator `rowwise`.

    A call takes the formula's arrays, which broadcast, its constants, `dim` (the dimension or dimensions that make a
    row, by default the last) and `keepdim` for results that have one number for each row.

    A derivative by hand takes `xp`, then by their names any of the formula's arrays and constants, `output` for the
    formula's value and `upstream` for the gradient with respect to it.  It returns the gradient of the array, or a
    tuple of them, one for each array (0 where there is none).
    """

    def __repr__(self) -> str:
        return f"<row operation {self.name}>"

    def gradient(self, along: tuple[int, ...], which: int) -> RowGradient:
        """The backward pass from output `which` along the arrays at these positions."""
        found = self.gradients.get((along, which))
        if found is None:
            output, upstream = output_symbols(self.kernel.outputs[which])
            written = self._written_derivative(RowNamespace(), output=output, upstream=upstream)
            if written is not None and len(self.kernel.outputs) > 1:
                raise FormulaError(f"the derivative of {self.name} is of one output, and the formula has "
                                   f"{len(self.kernel.outputs)}")
            found = self.gradients[along, which] = row_gradient(self.kernel, along, which, written)
        return found

    def gradient_operation(self, i: int, which: int) -> "Rowwise":
        """The gradient along array `i` as an operation in its own right."""
        if (i, which) not in self._derived:
            kernel = self.gradient((i,), which).kernel.with_plain_inputs()
            self._derived[i, which] = Rowwise.of_kernel(kernel, dict(zip(self.constants, self.defaults)))
        return self._derived[i, which]

    # -- calls ------------------------------------------------------------------------------------------------
    def __call__(self, *inputs: Any, dim: Dims = -1, keepdim: bool = False,
                 **constants: Any) -> Union[Tensor, tuple[Tensor, ...]]:
        values = self.defaults
        if constants or len(inputs) != len(self.arrays):
            inputs, values = self._bind(inputs, constants)
        backend = common_backend(self.name, inputs)
        tensors = [value if isinstance(value, Tensor) else as_tensor(value, device=backend.device)
                   for value in self._operands(inputs)]
        shape = self._shape(tensors)
        dims = many_dims(dim, len(shape))
        outputs = self.run_rows(tensors, values, backend, dims, shape)
        if not keepdim and dims:
            kept = tuple([n for i, n in enumerate(shape) if i not in dims])
            outputs = [output.reshape(kept) if root.is_row else output
                       for root, output in zip(self.kernel.outputs, outputs)]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _shape(self, tensors: Sequence[Tensor]) -> tuple[int, ...]:
        try:
            return np.broadcast_shapes(*[tensor.shape for tensor in tensors])
        except ValueError:
            shapes = ", ".join(f"{name} {tensor.shape}" for name, tensor in zip(self.arrays, tensors))
            raise ValueError(f"{self.name}: the arrays do not broadcast to one shape: {shapes}") from None

    def run_rows(self, tensors: Sequence[Tensor], values: tuple, backend: Backend, dims: tuple[int, ...],
                 shape: tuple[int, ...]) -> list[Tensor]:
        """The outputs, with `dims` of length one where they have one number for each row."""
        arrays = backend.rowwise(self.kernel, [tensor._array for tensor in tensors], values, dims, shape)
        along = tuple([i for i, tensor in enumerate(tensors) if tensor._requires_grad]) if mode.enabled else ()
        outputs = [Tensor._wrap(array, backend) for array in arrays]
        for which, output in enumerate(outputs if along else ()):
            if self.gradient(along, which).computed:
                output._node = RowNode(self, which, tensors, along, values, dims, shape, output)
                output._requires_grad = True
        return outputs


class RowNode(Node):
    """A recorded output of a row operation: what its backward kernel needs, and the kernel's run."""

    __slots__ = ("operation", "which", "along", "values", "dims", "shape", "saved", "output", "sources")

    makes_new_arrays = False

    def __init__(self, operation: Rowwise, which: int, tensors: Sequence[Tensor], along: tuple[int, ...], values: tuple,
                 dims: tuple[int, ...], shape: tuple[int, ...], output: Tensor):
        super().__init__([parent_of(tensors[i]) for i in along])
        self.operation, self.which, self.along, self.values = operation, which, along, values
        self.dims, self.shape = dims, shape
        needs = operation.gradient(along, which)
        self.saved = {i: SavedTensor(tensors[i]) for i in needs.saved}
        self.sources = {i: (tensors[i].shape, tensors[i].dtype) for i in along}
        # Only the array: its tensor points here, and must not be pointed back to.
        self.output = (output._array, output._versions) if needs.saves_output else None

    @property
    def name(self) -> str:
        return self.operation.name

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        needs = self.operation.gradient(self.along, self.which)
        if self.saved is None:
            refuse_second_backward(self.name)
        saved = {i: tensor.value(self.name) for i, tensor in self.saved.items()}
        run = self._recorded if mode.enabled else self._computed
        parts = dict(zip(needs.computed, run(needs, saved, gradient)))
        return [self._as_source(parts[i], i) if i in parts else None for i in self.along]

    def _output_tensor(self, backend: Backend) -> Tensor:
        array, versions = self.output
        if versions[0]:
            refuse_changed(array.shape, versions[0], 0, self.name)
        output = Tensor._wrap(array, backend, self)
        output._versions = versions
        return output

    def _computed(self, needs: RowGradient, saved: dict[int, Tensor], gradient: Tensor) -> list[Tensor]:
        backend = gradient._backend
        tensors = [saved[i] for i in needs.saved]
        tensors += [self._output_tensor(backend)] if needs.saves_output else []
        arrays = [tensor._array for tensor in (*tensors, gradient)]
        outputs = backend.rowwise(needs.kernel, arrays, self.values, self.dims, self.shape)
        return [Tensor._wrap(array, backend) for array in outputs]

    def _recorded(self, needs: RowGradient, saved: dict[int, Tensor], gradient: Tensor) -> list[Tensor]:
        """The gradients, each with a graph of its own."""
        backend = gradient._backend
        parts = []
        for i in needs.computed:
            less = self.operation.gradient((i,), self.which)  # one gradient may need less than all together
            tensors = [saved[j] for j in less.saved]
            tensors += [self._output_tensor(backend)] if less.saves_output else []
            operation = self.operation.gradient_operation(i, self.which)
            parts += operation.run_rows([*tensors, gradient], self.values, backend, self.dims, self.shape)
        return parts

    def _as_source(self, part: Tensor, i: int) -> Tensor:
        """The gradient in the shape and dtype of the input, which may have been broadcast or cast."""
        shape, dtype = self.sources[i]
        if part.shape != shape:
            part = sum_to(broadcast_to(part, self.shape), shape)
        return cast(part, dtype)

    def release(self) -> None:
        self.saved = self.output = None


def rowwise(function: Optional[Callable] = None, *, widens: bool = False) -> Any:
    """Make a differentiable operation of a formula whose elements are combined along a row.

    As `elementwise`; besides, `xp.sum`, `xp.mean`, `xp.max` and `xp.min` reduce along the row and give one number for
    it, `xp.position` is an element's place in its row, and `xp.stop_gradient(e)` is a constant for the derivative.
    Whether the result is a whole array or one number for each row follows from the formula; a formula may return a
    tuple.  A call names the row's dimension or dimensions by `dim`.

    >>> @rowwise
    ... def softmax(xp, x):
    ...     e = xp.exp(x - xp.stop_gradient(xp.max(x)))
    ...     return e / xp.sum(e)
    >>> softmax(Tensor([[0.0, 0.0], [1.0, 1.0]]), dim=0)
    tensor([[0.2689, 0.2689],
            [0.7311, 0.7311]])
    """
    if function is None:
        return functools.partial(rowwise, widens=widens)
    return of_formula(Rowwise, function, _traced, widens)


def _traced(function: Callable, symbols: Sequence[Symbol]) -> tuple[Expression, ...]:
    return as_outputs(function(RowNamespace(), *symbols), function)
