"""`elementwise`: a formula becomes a differentiable operation.

>>> from gradcore import Tensor
>>> @elementwise
... def bent_identity(xp, x):
...     return (xp.sqrt(x * x + 1) - 1) / 2 + x
>>> x = Tensor([0.0, 1.0], requires_grad=True)
>>> bent_identity(x).sum().backward()
>>> x.grad
tensor([1.    , 1.3536])
"""

from __future__ import annotations

import functools
import numbers
from typing import Any, Callable, Optional, Sequence

from .autograd import Node, parent_of
from .backends import FormulaError, Kernel
from .backends.derivative import OUTPUT, Gradient, gradient
from .backends.expression import Literal
from .backends.kernel import Signature, as_formula, trace
from .broadcasting import cast, sum_to
from .grad_mode import is_grad_enabled
from .operation import refuse_changed, refuse_second_backward, versions_of
from .tensor import Tensor, as_operand, as_tensor, common_backend


_FIRST = (0,)


class Elementwise:
    """A differentiable elementwise operation; made by the decorator `elementwise`.

    Parameters of the formula without a default are arrays, which broadcast; those with a default number are
    constants, which may be given another value at every call without a new kernel.
    """

    def __init__(self, kernel: Callable[[], Kernel], name: str, arrays: Sequence[str], constants: dict[str, float],
                 slopes: Optional[Callable] = None):
        self._make_kernel, self._slopes = kernel, slopes
        self.name, self.arrays = name, tuple(arrays)
        self.constants, self.defaults = tuple(constants), tuple(constants.values())
        self._kernel: Optional[Kernel] = None
        self._gradients: dict[tuple[int, ...], Gradient] = {}
        self._derived: dict[int, "Elementwise"] = {}

    def __repr__(self) -> str:
        return f"<elementwise operation {self.name}>"

    # -- kernels ----------------------------------------------------------------------------------------------
    @property
    def kernel(self) -> Kernel:
        """The forward kernel, traced on first use."""
        if self._kernel is None:
            self._kernel = self._make_kernel()
        return self._kernel

    def derivative(self, function: Callable) -> "Elementwise":
        """Give the derivative by hand (a decorator), where the formula has a better one than the derived.

        The function takes `xp`, then by their names any of the formula's arrays and constants, and `output` for the
        formula's value: only the arrays that it names are saved for the backward pass.  It returns the derivative
        along the array, or a tuple of them, one for each array.
        """
        self._slopes, self._gradients, self._derived = function, {}, {}
        return self

    def gradient(self, along: Sequence[int] = (0,)) -> Gradient:
        """The backward pass along the arrays at these positions."""
        along = tuple(along)
        if along not in self._gradients:
            self._gradients[along] = gradient(self.kernel, along, self._hand_written())
        return self._gradients[along]

    def _hand_written(self) -> Optional[Sequence[Any]]:
        if self._slopes is None:
            return None
        signature = Signature(self._slopes)
        symbols = {symbol.name: symbol for symbol in self.kernel.inputs + self.kernel.constants} | {"output": OUTPUT}
        unknown = [name for name in [*signature.arrays, *signature.constants] if name not in symbols]
        if unknown:
            raise FormulaError(f"the derivative of {self.name} takes `{unknown[0]}`, which is neither an array nor a "
                               f"constant of the formula ({', '.join(symbols)})")
        result = trace(self._slopes, [symbols[name] for name in [*signature.arrays, *signature.constants]])
        slopes = result if isinstance(result, tuple) else (result,)
        if len(slopes) != len(self.arrays):
            raise FormulaError(f"the derivative of {self.name} returned {len(slopes)} expression(s) for "
                               f"{len(self.arrays)} array(s)")
        return [Literal.of(s) if isinstance(s, numbers.Real) else s for s in slopes]

    def _gradient_operation(self, i: int) -> "Elementwise":
        """The gradient along array `i` as an operation in its own right, so that it can be differentiated too."""
        if i not in self._derived:
            kernel = self.gradient((i,)).kernel.with_plain_inputs()
            self._derived[i] = Elementwise(lambda: kernel, kernel.name, [symbol.name for symbol in kernel.inputs],
                                           dict(zip(self.constants, self.defaults)))
        return self._derived[i]

    # -- calls ------------------------------------------------------------------------------------------------
    def __call__(self, *inputs: Any, **constants: Any) -> Tensor:
        values = self.defaults
        if constants or len(inputs) != len(self.arrays):
            inputs, values = self._bind(inputs, constants)
        for value in inputs:
            if value.__class__ is not Tensor:
                inputs = self._operands(inputs)
                break
        backend = inputs[0]._backend if len(inputs) == 1 else common_backend(self.name, inputs)
        return self._run(inputs, values, backend)

    def _run(self, inputs: Sequence[Any], values: tuple, backend: Any) -> Tensor:
        # Calls with one array are most calls, and a comprehension costs as much as a NumPy call on a small array.
        if len(inputs) == 1:
            arrays = (inputs[0]._array,)
            along = _FIRST if inputs[0]._requires_grad else ()
        else:
            arrays = [value._array if isinstance(value, Tensor) else value for value in inputs]
            along = tuple([i for i, value in enumerate(inputs) if isinstance(value, Tensor) and value._requires_grad])
        array = backend.elementwise(self._kernel or self.kernel, arrays, values)[0]
        output = Tensor._wrap(array, backend)
        if along and is_grad_enabled() and array.dtype.kind == "f":
            output._node = ElementwiseNode(self, inputs, along, values, output)
            output._requires_grad = True
        return output

    def _bind(self, inputs: tuple, constants: dict) -> tuple[tuple, tuple]:
        """The arrays and the values of the constants of a call, which may name either or neither."""
        given = dict(zip((*self.arrays, *self.constants), inputs))
        names = (*self.arrays, *self.constants)
        missing = [name for name in self.arrays if name not in given and name not in constants]
        wrong = [name for name in constants if name in given or name not in names]
        if missing or wrong or len(inputs) > len(names):
            raise TypeError(f"{self.name}({', '.join(names)}) was called with {len(inputs)} positional argument(s)"
                            + (f" and {', '.join(constants)}" if constants else "")
                            + (f"; missing: {', '.join(missing)}" if missing else "")
                            + (f"; repeated or unknown: {', '.join(wrong)}" if wrong else ""))
        given.update(constants)
        values = [given.get(name, default) for name, default in zip(self.constants, self.defaults)]
        for name, value in zip(self.constants, values):
            if not isinstance(value, numbers.Real):
                raise TypeError(f"{self.name}: the constant `{name}` must be a number; got {type(value).__name__}")
        return tuple(given[name] for name in self.arrays), tuple(map(float, values))

    def _operands(self, inputs: Sequence[Any]) -> list[Any]:
        backend = common_backend(self.name, inputs)
        operands = [as_operand(value, backend, self.name) for value in inputs]
        if not any(isinstance(operand, Tensor) for operand in operands):
            operands[0] = as_tensor(operands[0], device=backend.device)
        return operands


class ElementwiseNode(Node):
    """A recorded call of an elementwise operation."""

    __slots__ = ("operation", "needs", "values", "saved", "output", "versions", "fits")

    def __init__(self, operation: Elementwise, inputs: Sequence[Any], along: tuple[int, ...], values: tuple,
                 output: Tensor):
        Node.__init__(self, [parent_of(inputs[i]) for i in along])
        self.operation, self.values = operation, values
        self.needs = needs = operation._gradients.get(along) or operation.gradient(along)
        # Tensors, and the numbers among the inputs.  Of the output only the array: its tensor points here, and must
        # not be pointed back to.
        self.saved = [inputs[i] for i in needs.saved] if needs.saved else ()
        self.versions = [versions_of(value) for value in self.saved] if needs.saved else ()
        self.output = (output._array, output._versions) if needs.saves_output else None
        self.fits = None if len(inputs) == 1 else self._odd_inputs(inputs, along, output._array)

    @staticmethod
    def _odd_inputs(inputs: Sequence[Any], along: tuple[int, ...], output: Any) -> dict[int, tuple]:
        """The shape and dtype of inputs that were broadcast or cast: their gradients are summed and cast back."""
        return {i: (inputs[i].shape, inputs[i].dtype) for i in along
                if inputs[i].shape != output.shape or inputs[i].dtype != output.dtype}

    @property
    def name(self) -> str:
        return self.operation.name

    def backward(self, gradient: Tensor) -> list[Tensor]:
        needs = self.needs
        if needs.kernel is None:
            parts = [gradient] * len(needs.passed)
        else:
            saved = self._unpacked(gradient._backend)
            if is_grad_enabled():
                parts = [gradient if i in needs.passed else self._recorded(i, saved, gradient) for i in needs.along]
            else:
                parts = self._computed(saved, gradient)
        if self.fits:
            for k, i in enumerate(needs.along):
                if i in self.fits:
                    shape, dtype = self.fits[i]
                    parts[k] = cast(sum_to(parts[k], shape), dtype)
        return parts

    def _unpacked(self, backend: Any) -> list[Any]:
        """What was saved, checked to be what it was."""
        if self.saved is None:
            refuse_second_backward(self.name)
        for value, version in zip(self.saved, self.versions):
            if versions_of(value) != version:
                refuse_changed(value, version, self.name)
        if self.output is None:
            return [*self.saved]
        output = Tensor._wrap(self.output[0], backend, self)
        output._versions = self.output[1]
        if output._versions[0]:
            refuse_changed(output, 0, self.name)
        return [*self.saved, output]

    def _computed(self, saved: list[Any], gradient: Tensor) -> list[Tensor]:
        """The gradients, by one kernel."""
        backend, needs = gradient._backend, self.needs
        arrays = [value._array if isinstance(value, Tensor) else value for value in (*saved, gradient)]
        parts = [Tensor._wrap(array, backend) for array in backend.elementwise(needs.kernel, arrays, self.values)]
        for i in needs.passed:
            parts.insert(needs.along.index(i), gradient)
        return parts

    def _recorded(self, i: int, saved: list[Any], gradient: Tensor) -> Tensor:
        """The gradient along input `i`, with a graph of its own; it may need less than all inputs together do."""
        available = dict(zip(self.needs.saved, saved))
        less = self.operation.gradient((i,))
        inputs = [available[j] for j in less.saved] + saved[-1:] * less.saves_output + [gradient]
        return self.operation._gradient_operation(i)._run(inputs, self.values, gradient._backend)

    def release(self) -> None:
        self.saved = self.output = None


def elementwise(function: Optional[Callable] = None, *, widens: bool = False) -> Any:
    """Make a differentiable operation of a formula, a pure function of the array namespace and arrays.

    The function is called once, with symbols; what it returns becomes one kernel on every device, and its
    derivative, which is derived, another.  `widens` computes float32 in float64 and rounds once, for formulas
    that cancel.

    >>> @elementwise
    ... def leaky(xp, x, negative_slope=0.01):
    ...     return xp.where(x > 0, x, negative_slope * x)
    >>> leaky(Tensor([-1.0, 2.0]), negative_slope=0.5)
    tensor([-0.5,  2. ])
    """
    if function is None:
        return functools.partial(elementwise, widens=widens)
    signature = Signature(function)
    if not signature.arrays:
        raise FormulaError(f"formula {function.__name__} takes no array: a parameter without a default, after xp")

    def kernel() -> Kernel:
        arrays = [signature.symbol(name) for name in signature.arrays]
        constants = [signature.symbol(name) for name in signature.constants]
        output = as_formula(trace(function, arrays + constants), function)
        return Kernel(function.__name__, arrays, constants, (output,), widens)

    operation = Elementwise(kernel, function.__name__, signature.arrays, signature.constants)
    functools.update_wrapper(operation, function)
    return operation
