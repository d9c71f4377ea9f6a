"""`rowwise`: makes a differentiable operation from a formula with reductions along a row.

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
from typing import Any, Callable, Generic, Optional, Protocol, Sequence, TypeVar, overload

from ..backends import Backend, Kernel
from ..backends.formulas.dtypes import FLOAT64
from ..backends.formulas.expression import Expression, Symbol, as_number
from ..backends.formulas.rows import RowNamespace
from ..backends.formulas.tracing import traced
from .dimensions import Dims, many_dims
from .formula import FormulaOperation, meets_float64, of_formula
from .tensor import Tensor, as_tensor, common_backend


Result = TypeVar("Result")  # the result of a call: a tensor, or a tuple of tensors


class Rowwise(FormulaOperation, Generic[Result]):
    """A differentiable operation along rows; made by the decorator `rowwise`.

    A call takes the formula's arrays, which broadcast, its constants, `dim` (the dimension or dimensions of a row, by
    default the last) and `keepdim`, for results with one number for each row.

    A hand-written derivative takes `xp`, any of the formula's arrays and constants by name, `output`, the formula's
    value, and `upstream`, the gradient with respect to it (tuples if the formula returns one).  It returns the gradient
    of the array, or a tuple with one for each array (0 for no gradient).
    """

    def __repr__(self) -> str:
        return f"<row operation {self.name}>"

    def summed(self, outputs: Sequence[Expression], shapes: Sequence[tuple[int, ...]],
               frame: tuple[Any, ...]) -> tuple[bool, ...]:
        dims, shape = frame
        rows = [i - len(shape) for i in range(len(shape)) if i not in dims]
        return tuple([not output.is_row and all(-i > len(given) or given[i] == 1 for i in rows)
                      for output, given in zip(outputs, shapes)])

    def launch(self, kernel: Kernel, arrays: Sequence[Any], values: tuple[float, ...], backend: Backend,
               frame: tuple[Any, ...]) -> list[Any]:
        return backend.rowwise(kernel, arrays, values, *frame)

    # -- calls ------------------------------------------------------------------------------------------------
    def __call__(self, *inputs: Any, dim: Dims = -1, keepdim: bool = False, **constants: Any) -> Result:
        try:
            outputs, dims, shape = self._called(inputs, constants, dim)
            if not keepdim and dims:
                kept = tuple([n for i, n in enumerate(shape) if i not in dims])
                outputs = [output.reshape(kept) if root.is_row else output
                           for root, output in zip(self.kernel.outputs, outputs)]
            # Result is what the formula returns.
            return outputs[0] if len(outputs) == 1 else tuple(outputs)  # type: ignore[return-value]
        except Exception as error:
            raise self.in_words(error, inputs, {**constants, "dim": dim, "keepdim": keepdim})

    def totals(self, *inputs: Any, dim: Dims = -1, **constants: Any) -> list[Tensor]:
        """The results of a call, each summed over all elements, so that the upstream gradient is a single number.

        Only for formulas whose derivative does not read their results.
        """
        try:
            return self._called(inputs, constants, dim, adds_up=True)[0]
        except Exception as error:
            raise self.in_words(error, inputs, {**constants, "dim": dim})

    def _called(self, inputs: tuple[Any, ...], constants: dict[str, Any], dim: Dims,
                adds_up: bool = False) -> tuple[list[Tensor], tuple[int, ...], tuple[int, ...]]:
        """The results with row dimensions kept, the dimensions of a row, and the broadcast shape."""
        values = self.defaults
        if constants or len(inputs) != len(self.arrays):
            inputs, values = self._bind(inputs, constants)
        backend = common_backend(self.name, inputs)
        tensors: Sequence[Tensor] = inputs
        for value in inputs:
            if not isinstance(value, Tensor):
                operands = self._operands(inputs)
                real = FLOAT64 if meets_float64(operands) else None
                tensors = [operand if isinstance(operand, Tensor) else
                           as_tensor(operand, real if isinstance(operand, float) else None, backend.device)
                           for operand in operands]
                break
        shape = self.common_shape(tensors)
        dims = many_dims(dim, len(shape))
        return self.record(tensors, values, backend, (dims, shape), shape, adds_up), dims, shape


class _Decorator(Protocol):
    """`rowwise` with options."""

    @overload
    def __call__(self, function: Callable[..., Expression]) -> Rowwise[Tensor]: ...
    @overload
    def __call__(self, function: Callable[..., tuple[Expression, ...]]) -> Rowwise[tuple[Tensor, ...]]: ...
    @overload
    def __call__(self, function: Callable[..., Result]) -> Rowwise[Result]: ...  # annotated as callers see it


@overload
def rowwise(function: Callable[..., Expression], *, widens: bool = ...) -> Rowwise[Tensor]: ...
@overload
def rowwise(function: Callable[..., tuple[Expression, ...]], *, widens: bool = ...) -> Rowwise[tuple[Tensor, ...]]: ...
@overload
def rowwise(function: Callable[..., Result], *, widens: bool = ...) -> Rowwise[Result]: ...
@overload
def rowwise(function: None = None, *, widens: bool = ...) -> _Decorator: ...
def rowwise(function: Optional[Callable[..., Any]] = None, *, widens: bool = False) -> Any:
    """Make a differentiable operation from a formula with reductions along a row.

    It is like `elementwise`, with these additions: `xp.sum`, `xp.mean`, `xp.max` and `xp.min` reduce along the row to
    one number, `xp.position` is an element's index in its row, and `xp.stop_gradient(e)` is constant in the derivative.
    Whether the result is a full array or one number for each row follows from the formula, which may return a tuple.
    In a call, `dim` is the dimension or dimensions of a row.

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
    return of_formula(Rowwise, function, _traced, widens, ("dim", "keepdim"))


def _traced(function: Callable[..., Any], symbols: Sequence[Symbol]) -> tuple[Expression, ...]:
    return tuple(map(as_number, traced(function, RowNamespace(), symbols)))
