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

from ..backends import Backend, FormulaError, Kernel
from ..backends.formulas.derivative import OUTPUT, Gradient, gradient
from ..backends.formulas.expression import Literal
from ..backends.formulas.kernel import Signature, as_formula, trace
from .elementwise_node import ElementwiseNode
from .grad_mode import mode
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
        self.gradients: dict[tuple[int, ...], Gradient] = {}
        self._derived: dict[int, "Elementwise"] = {}

    def __repr__(self) -> str:
        return f"<elementwise operation {self.name}>"

    def __reduce__(self) -> str:
        """Pickled as functions are, by its name, so that modules that hold one can be saved and copied."""
        return getattr(self, "__qualname__", self.name)

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
        self._slopes, self.gradients, self._derived = function, {}, {}
        return self

    def gradient(self, along: tuple[int, ...] = (0,)) -> Gradient:
        """The backward pass along the arrays at these positions."""
        found = self.gradients.get(along)
        if found is None:
            found = self.gradients[along] = gradient(self.kernel, along, self._hand_written())
        return found

    def _hand_written(self) -> Optional[Sequence[Any]]:
        if self._slopes is None:
            return None
        signature = Signature(self._slopes)
        if "output" in (*self.arrays, *self.constants):
            raise FormulaError(f"the derivative of {self.name}: `output` is the formula's value there, so that no "
                               f"array or constant of the formula can have that name; rename it")
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

    def gradient_operation(self, i: int) -> "Elementwise":
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
        if len(inputs) == 1 and inputs[0].__class__ is Tensor:  # most calls
            return self.run(inputs, values, inputs[0]._backend)
        for value in inputs:
            if value.__class__ is not Tensor:
                inputs = self._operands(inputs)
                break
        return self.run(inputs, values, common_backend(self.name, inputs))

    def run(self, inputs: Sequence[Any], values: tuple, backend: Backend) -> Tensor:
        """The result for tensors and numbers of one device, with the values of all constants."""
        # Calls with one array are most calls, and a comprehension costs as much as a NumPy call on a small array.
        if len(inputs) == 1:
            arrays = (inputs[0]._array,)
            along = _FIRST if inputs[0]._requires_grad else ()
        else:
            arrays = [value._array if isinstance(value, Tensor) else value for value in inputs]
            along = tuple([i for i, value in enumerate(inputs) if isinstance(value, Tensor) and value._requires_grad])
        array = backend.elementwise(self._kernel or self.kernel, arrays, values)[0]
        output = Tensor._wrap(array, backend)
        if along and mode.enabled and array.dtype.kind == "f":
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
