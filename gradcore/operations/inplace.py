"""In-place operations, and the rules that keep gradients correct.

Every write increments the version of the memory, which the backward pass compares with that of its saved values.  A
recorded write makes the tensor the result of a new node; no other tensor may share its memory then, since its history
would no longer match its values.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, Callable, NoReturn, Optional

import numpy as np

from ..backends import Array, Backend, backend_of
from ..backends.formulas.dtypes import kind_of
from ..core.expectations import described
from ..core.broadcasting import cast, sum_to
from ..core.grad_mode import enable_grad, is_grad_enabled, no_grad
from ..core.hooks import keep_retaining
from .conversion import to
from .indexing import Index, Take
from .integers import stored
from ..core.operation import Operation, refuse_unwritable
from .shaping import reshape
from ..core.tensor import Tensor, as_operand, as_tensor, common_backend
from ..core.views import is_shared


class Write(Operation):
    """``x[index] = value``, in the memory of `x`."""

    makes_new_arrays = False

    def forward(self, backend: Backend, x: Array, value: Array) -> Array:
        self.index.use(backend.assign, x, value, backend=backend, operation="assignment")
        return x

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        along_x, along_value = [parent is not None for parent in self.parents]
        kept = Write.apply(gradient.clone(), 0.0, index=self.index) if along_x else None
        return [kept, self._along_value(gradient) if along_value else None]

    def _along_value(self, gradient: Tensor) -> Tensor:
        taken, shape = Take.apply(gradient, index=self.index), self.input_shapes[1]
        fitting = shape[max(0, len(shape) - taken.ndim):]  # a value may have leading dimensions of length one
        return cast(reshape(sum_to(taken, fitting), shape), self.input_dtypes[1])


def write(x: Tensor, index: Any, value: Any, name: str = "assignment") -> Tensor:
    """Write `value` (a tensor, an array, a list or a number) to ``x[index]``; recorded if a gradient is required."""
    backend = common_backend(name, (x, value))
    if isinstance(value, (list, tuple)) and kind_of(x.dtype) == 2:
        value = as_tensor(value, dtype=x.dtype, device=x.device)  # not float32, which would round it
    value = as_operand(value, backend, name)
    value = value if isinstance(value, Tensor) else stored(value, x.dtype)
    index = Index(index, x)
    recorded = _check(x, isinstance(value, Tensor) and value._requires_grad, name)
    x._versions[0] += 1  # before the values: what Ctrl-C ends in between is refused later, and not wrong
    try:
        if recorded:
            value = value if isinstance(value, Tensor) else as_tensor(value, dtype=x.dtype, device=x.device)
            _continue(x, Write.apply(x, value, index=index))
        else:
            array = value._array if isinstance(value, Tensor) else value
            index.use(backend.assign, x._array, array, backend=backend, operation=name)
    except Exception:
        x._versions[0] -= 1
        raise
    return x


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``."""
    write(x, index, value)


def _check(x: Tensor, value_requires_grad: bool, name: str) -> bool:
    """Whether a write to `x` must be recorded; raises RuntimeError if it is not allowed."""
    refuse_unwritable(x, name)
    if not (is_grad_enabled() and (x._requires_grad or value_requires_grad)):
        return False
    if x._requires_grad and x._node is None:
        refuse_leaf(name)
    if kind_of(x.dtype) < 2:
        raise RuntimeError(f"{name}: a tensor of {x.dtype} cannot hold values that require a gradient")
    if is_shared(x):
        raise RuntimeError(f"{name}: other tensors are views of the same memory, or this one is a view of another, and "
                           f"their history would not be that of their new values; change a .clone(), or write "
                           f"inside of `with no_grad():`")
    return True


def refuse_leaf(name: str) -> NoReturn:
    raise RuntimeError(f"{name}: a leaf that requires a gradient cannot be changed in place, its gradient would be "
                       f"that of the old values; write inside of `with no_grad():`, or use a new tensor")


def _continue(x: Tensor, result: Tensor) -> None:
    """Give `x` the history of `result`, whose values it now has; `retain_grad` is carried over."""
    before = x._node
    x._node, x._requires_grad = result._node, result._requires_grad
    if before is not None:
        keep_retaining(x, before)


def _as_it_was(x: Tensor) -> Tensor:
    """A copy with the values and the history from before the write, for the operation to save."""
    return Tensor._wrap(x._backend.copy(x._array), x._backend, x._node)


def in_place(operation: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The in-place form of an operation: writes the result to the first argument, in its dtype."""

    def changed(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        given = (*args, *kwargs.values())
        recorded = _check(x, any(isinstance(value, Tensor) and value._requires_grad for value in given), name)
        result = operation(_as_it_was(x) if recorded else x, *args, **kwargs)
        if result.shape != x.shape:
            raise ValueError(f"{name}: the result has shape {result.shape}, which does not fit into the tensor's shape "
                             f"{x.shape}")
        if kind_of(result.dtype) > kind_of(x.dtype):
            raise TypeError(f"{name}: the result is {result.dtype} and cannot be kept in a tensor of {x.dtype}; use "
                            f"the operation that makes a new tensor")
        result = cast(result, x.dtype)
        x._versions[0] += 1
        x._backend.assign(x._array, ..., result._array)
        if recorded:
            _continue(x, result)
        return x

    if isinstance(operation, FunctionType):
        vars(changed)["__wrapped__"] = operation  # for its signature
    changed.__name__ = changed.__qualname__ = name
    changed.__doc__ = f"As {name.strip('_')}, with the result in the tensor's own memory."
    return changed


def reshaped_in_place(operation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The in-place form of an operation that returns a view of all elements: the tensor itself becomes that view."""

    def changed(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if is_grad_enabled() and x._requires_grad and x._node is None:
            refuse_leaf(name)
        with enable_grad() if x._node is not None else no_grad():
            result = operation(x, *args, **kwargs)
        x._array = result._array
        x._versions[0] += 1
        if x._node is not None:
            _continue(x, result)
        return x

    vars(changed)["__wrapped__"] = operation
    changed.__name__ = changed.__qualname__ = name
    changed.__doc__ = f"As {name.strip('_')}, of the tensor itself; views of it stay as they are."
    return changed


def fill_(x: Tensor, value: Any) -> Tensor:
    """Fill with a number.

    >>> fill_(Tensor([1.0, 2.0]), 5.0)
    tensor([5., 5.])
    """
    return write(x, ..., value, "fill_")


def zero_(x: Tensor) -> Tensor:
    """Fill with zeros.

    >>> zero_(Tensor([1.0, 2.0]))
    tensor([0., 0.])
    """
    return write(x, ..., 0, "zero_")


def copy_(x: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Copy the elements of `src`, which broadcasts to the shape of `x` and may be on another device.

    >>> copy_(Tensor([[1.0, 2.0], [3.0, 4.0]]), [5.0, 6.0])
    tensor([[5., 6.],
            [5., 6.]])
    """
    if isinstance(src, Tensor):
        src = to(src, device=x.device, non_blocking=non_blocking)
    elif backend_of(src) is not None:
        src = as_tensor(src, device=x.device)
    return write(x, ..., src, "copy_")


def fill_diagonal_(x: Tensor, fill_value: Any) -> Tensor:
    """Fill the diagonal of a matrix with a number.

    >>> fill_diagonal_(Tensor([[1.0, 2.0], [3.0, 4.0]]), 0.0)
    tensor([[0., 2.],
            [3., 0.]])
    """
    if x.ndim != 2:
        raise ValueError(f"fill_diagonal_ takes a matrix; got shape {x.shape}")
    places = np.arange(min(x.shape))
    return write(x, (places, places), fill_value, "fill_diagonal_")


def in_place_if(inplace: bool, function: Callable[..., Tensor], x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """The result of a function of `x`, written to the memory of `x` if `inplace`."""
    if not inplace:
        return function(x, *args, **kwargs)
    if not isinstance(x, Tensor):
        raise TypeError(f"{function.__name__}: `inplace` needs a Tensor; got {described(x)}")
    return in_place(function, f"{function.__name__}_")(x, *args, **kwargs)
