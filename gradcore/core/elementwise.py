"""`elementwise`: makes a differentiable operation from a formula.

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
from typing import Any, Callable, Generic, Optional, Protocol, Sequence, TypeVar, overload

from ..backends import Backend, Kernel
from ..backends.formulas.cpp import output_dtypes
from ..backends.formulas.dtypes import compute_and_result
from ..backends.formulas.derivative import OUTPUT, Gradient, gradient
from ..backends.formulas.expression import Expression, Literal, Symbol, rebuilt, rewrite
from ..backends.formulas.integers import nearest
from ..backends.formulas.namespace import FormulaNamespace
from ..backends.formulas.tracing import traced
from .elementwise_node import ElementwiseNode
from .formula import FormulaOperation, of_formula
from .formula_node import FormulaNode
from .grad_mode import mode
from .operation import refuse_unwritable
from .tensor import Tensor, as_tensor, common_backend


_FIRST = (0,)
_MOST_SIGNATURES = 256  # the number of cached signatures


Result = TypeVar("Result")  # the result of a call: a tensor, or a tuple of tensors


class Elementwise(FormulaOperation, Generic[Result]):
    """A differentiable elementwise operation; made by the decorator `elementwise`.

    A call takes the formula's arrays, which broadcast, and its constants.  `out`, a tensor or a tuple of tensors,
    receives the results and may be among the arrays; such a call is not recorded.

    A hand-written derivative takes `xp`, any of the formula's arrays and constants by name, and `output`, the
    formula's value.  Only the arrays that it names are saved for the backward pass.  It returns the derivative with
    respect to the array, or a tuple with one for each array.  If the formula returns a tuple, `output` is a tuple, and
    so is `upstream`, the gradients of the outputs; the function then returns gradients, like that of a row formula.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._writable: set[tuple[Any, ...]] = set()  # signatures of calls with `out` that have passed the checks

    def __repr__(self) -> str:
        return f"<elementwise operation {self.name}>"

    def gradient(self, along: tuple[int, ...] = (0,)) -> Gradient:
        """The backward pass with respect to the arrays at these positions."""
        found = self.gradients.get(along)
        if found is None:
            written = self._written_derivative(FormulaNamespace(), output=OUTPUT)
            found = self.gradients[along] = gradient(self.kernel, along, written)
        return found

    def gradient_operation(self, i: int) -> Elementwise[Tensor]:
        """The gradient with respect to array `i` as an operation of its own."""
        found: Optional[Elementwise[Tensor]] = self._derived.get(i)
        if found is None:
            kernel = self.gradient((i,)).own_kernel.with_plain_inputs()
            found = self._derived[i] = Elementwise.of_kernel(kernel, dict(zip(self.constants, self.defaults)))
        return found

    # -- calls ------------------------------------------------------------------------------------------------
    def launch(self, kernel: Kernel, arrays: Sequence[Any], values: tuple[float, ...], backend: Backend,
               frame: tuple[Any, ...]) -> list[Any]:
        return backend.elementwise(kernel, arrays, values)

    def __call__(self, *inputs: Any, out: Optional[Result] = None, **constants: Any) -> Result:
        values = self.defaults
        try:
            if out is not None:
                return self._into(out, inputs, constants)
            if constants or len(inputs) != len(self.arrays):
                inputs, values = self._bind(inputs, constants)
            if len(inputs) == 1 and inputs[0].__class__ is Tensor:  # most calls
                return self.run(inputs, values, inputs[0]._backend)
            has_tensor = False
            for value in inputs:
                if isinstance(value, Tensor):
                    has_tensor = True
                elif value.__class__ is not float and (value.__class__ is not int or not 0 <= value < 128):
                    # Other integers may need conversion to a dtype: see operations/integers.py.
                    has_tensor = False
                    break
            if not has_tensor:
                inputs = tuple(self._operands(inputs))
                beyond = self._integers_beyond(inputs)
                if beyond:
                    rest = [value for i, value in enumerate(inputs) if i not in beyond]
                    return self._with_numbers({i: inputs[i] for i in beyond})(*rest)
            return self.run(inputs, values, common_backend(self.name, inputs))
        except Exception as error:
            raise self.in_words(error, inputs, constants)

    def _integers_beyond(self, inputs: Sequence[Any]) -> list[int]:
        """The places of Python integers that the integers which they meet cannot hold."""
        integers = [i for i, value in enumerate(inputs) if value.__class__ is int]
        if not integers or not self.kernel.keeps_integers:
            return []
        arrays = [value._array if isinstance(value, Tensor) else value for value in inputs]
        dtype = compute_and_result(self.kernel, arrays)[0]
        return [i for i in integers if dtype.kind in "iu" and nearest(inputs[i], dtype) != inputs[i]]

    def _with_numbers(self, numbers: dict[int, int]) -> Elementwise[Result]:
        """The operation with numbers for some arrays, which count as if they stood in the formula."""
        kernel = self.kernel
        known: dict[Expression, Expression] = {kernel.inputs[i]: Literal.of(value) for i, value in numbers.items()}
        outputs = rewrite(kernel.outputs, lambda node, args: known[node] if node in known else rebuilt(node, args))
        rest = [symbol for symbol in kernel.inputs if symbol not in known]
        return Elementwise.of_kernel(Kernel(kernel.name, rest, (), outputs, kernel.widens), {})

    def _into(self, out: Result, inputs: Sequence[Any], constants: dict[str, Any]) -> Result:
        """Write the results to `out`, a tensor or a tuple of them, which may be among the inputs."""
        targets: tuple[Any, ...] = out if isinstance(out, tuple) else (out,)
        inputs, values = self._bind(tuple(inputs), constants)
        backend, arrays, outputs = self._checked_call(inputs, targets)
        for target in targets:  # before the values: what Ctrl-C ends in between is refused later, and not wrong
            target._versions[0] += 1
        backend.elementwise_into(self.kernel, arrays, values, outputs)
        return out

    def into_each(self, calls: Sequence[tuple[Sequence[Any], tuple[Tensor, ...]]], **constants: Any) -> None:
        """A call with `out` for each of several inputs and outputs.  No call reads what another writes."""
        values: Any = None
        together: dict[Backend, list[Any]] = {}
        for inputs, targets in calls:  # check all calls before running any
            if values is None or len(inputs) != len(self.arrays):
                inputs, values = self._bind(tuple(inputs), constants)
            backend, arrays, outputs = self._checked_call(inputs, targets)
            together.setdefault(backend, []).append((arrays, outputs))
        for _, targets in calls:  # as in `_into`
            for target in targets:
                target._versions[0] += 1
        for backend, checked in together.items():
            backend.elementwise_into_each(self.kernel, checked, values)

    def _checked_call(self, inputs: Sequence[Any], targets: tuple[Any, ...]) -> tuple[Backend, list[Any], list[Any]]:
        """The backend, the arrays and numbers, and the outputs of a call that writes to `targets`.

        The result of the checks of shapes and dtypes is cached; all others are made in every call.
        """
        backend: Any = None
        arrays: list[Any] = []
        signature: list[Any] = []
        for value in (*inputs, *targets):
            if isinstance(value, Tensor):
                array = value._array
                signature += array.shape, array.dtype
                if value._backend is not backend is not None or mode.enabled and value._requires_grad:
                    break
                backend = value._backend
            else:
                array = value
                signature.append(value.__class__)
            arrays.append(array)
        else:
            outputs = arrays[len(inputs):]
            if tuple(signature) in self._writable and False not in [backend.is_writable(array) for array in outputs]:
                return backend, arrays[:len(inputs)], outputs
        backend = common_backend(self.name, (*inputs, *targets))
        operands = self._operands(inputs)
        self._check_targets(targets, operands)
        if all(operand is value for operand, value in zip(operands, inputs)):  # converted operands have no signature
            if len(self._writable) >= _MOST_SIGNATURES:  # shapes keep changing
                self._writable.clear()
            self._writable.add(tuple(signature))
        return (backend, [value._array if isinstance(value, Tensor) else value for value in operands],
                [target._array for target in targets])

    def _check_targets(self, targets: Sequence[Any], operands: Sequence[Any]) -> None:
        name, tensors = f"{self.name}(out=)", [value for value in operands if isinstance(value, Tensor)]
        arrays = [value._array if isinstance(value, Tensor) else value for value in operands]
        shapes = {tensor.shape for tensor in tensors}
        shape = shapes.pop() if len(shapes) == 1 else self.common_shape(operands)
        dtypes = output_dtypes(self.kernel, compute_and_result(self.kernel, arrays)[1])
        if not all(isinstance(target, Tensor) for target in targets) or len(targets) != len(dtypes):
            raise TypeError(f"{name}: the formula has {len(dtypes)} result(s), each needs a tensor; got "
                            f"{', '.join(type(target).__name__ for target in targets)}")
        for target, dtype in zip(targets, dtypes):
            if target.shape != shape or target.dtype != dtype:
                raise ValueError(f"{name}: the result has shape {shape} and dtype {dtype}; got a tensor of shape "
                                 f"{target.shape} and dtype {target.dtype} for it")
            refuse_unwritable(target, name)
        if mode.enabled and any(tensor._requires_grad for tensor in (*tensors, *targets)):
            raise RuntimeError(f"{name}: writing to a given tensor is not recorded; call it within `with "
                               f"no_grad():`")

    def run(self, inputs: Sequence[Any], values: tuple[float, ...], backend: Backend) -> Result:
        """The result, or the tuple of results, for tensors of one device, numbers, and values of all constants."""
        # Most calls have one array, for which a comprehension costs as much as a NumPy call on a small array.
        arrays: Sequence[Any]
        along: tuple[int, ...]
        if len(inputs) == 1:
            arrays = (inputs[0]._array,)
            along = _FIRST if inputs[0]._requires_grad else ()
        else:
            arrays = [value._array if isinstance(value, Tensor) else value for value in inputs]
            along = tuple([i for i, value in enumerate(inputs) if isinstance(value, Tensor) and value._requires_grad])
        found = backend.elementwise(self._kernel or self.kernel, arrays, values)
        if len(found) > 1:
            # Result is a tuple, as the formula returns one.
            return self._several(inputs, along, values, backend, found)  # type: ignore[return-value]
        array = found[0]
        output = Tensor._wrap(array, backend)
        if along and mode.enabled and array.dtype.kind == "f":
            output._node = ElementwiseNode(self, inputs, along, values, output)
            output._requires_grad = True
        return output  # type: ignore[return-value]  # Result is Tensor, as the formula has one result

    def _several(self, inputs: Sequence[Any], along: tuple[int, ...], values: tuple[float, ...], backend: Backend,
                 arrays: Sequence[Any]) -> tuple[Tensor, ...]:
        """The results of a formula that returns several, recorded as one call."""
        outputs = [Tensor._wrap(array, backend) for array in arrays]
        if along and mode.enabled:
            dtype, device = max(outputs, key=lambda output: output.dtype.itemsize).dtype, backend.device
            tensors = [value if isinstance(value, Tensor) else as_tensor(value, dtype, device) for value in inputs]
            FormulaNode(self, tensors, along, values, (), outputs[0].shape, outputs, None)
        return tuple(outputs)


class _Decorator(Protocol):
    """`elementwise` with options."""

    @overload
    def __call__(self, function: Callable[..., Expression]) -> Elementwise[Tensor]: ...
    @overload
    def __call__(self, function: Callable[..., tuple[Expression, ...]]) -> Elementwise[tuple[Tensor, ...]]: ...
    @overload
    def __call__(self, function: Callable[..., Result]) -> Elementwise[Result]: ...  # annotated as callers see it


@overload
def elementwise(function: Callable[..., Expression], *, widens: bool = ...) -> Elementwise[Tensor]: ...
@overload
def elementwise(function: Callable[..., tuple[Expression, ...]], *,
                widens: bool = ...) -> Elementwise[tuple[Tensor, ...]]: ...
@overload
def elementwise(function: Callable[..., Result], *, widens: bool = ...) -> Elementwise[Result]: ...
@overload
def elementwise(function: None = None, *, widens: bool = ...) -> _Decorator: ...
def elementwise(function: Optional[Callable[..., Any]] = None, *, widens: bool = False) -> Any:
    """Make a differentiable operation from a formula, a pure function of the array namespace and arrays.

    The function is called once with symbols.  Its result becomes one kernel for every device, and its derivative, which
    is derived symbolically, another.  A formula may return a tuple, whose elements one kernel computes.  With `widens`,
    float32 is computed in float64 and rounded once, for formulas with cancellation.

    >>> @elementwise
    ... def leaky(xp, x, negative_slope=0.01):
    ...     return xp.where(x > 0, x, negative_slope * x)
    >>> leaky(Tensor([-1.0, 2.0]), negative_slope=0.5)
    tensor([-0.5,  2. ])
    """
    if function is None:
        return functools.partial(elementwise, widens=widens)
    return of_formula(Elementwise, function, _traced, widens, ("out",))


def _traced(function: Callable[..., Any], symbols: Sequence[Symbol]) -> tuple[Expression, ...]:
    return traced(function, FormulaNamespace(), symbols)
