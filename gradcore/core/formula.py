"""The base class of operations made of formulas: parameters, the traced kernel, and derivatives."""

from __future__ import annotations

import functools
import numbers
from typing import Any, Callable, Mapping, Optional, Sequence, TypeVar, cast

from ..backends import Backend, FormulaError, Kernel
from ..backends.formulas.dtypes import FLOAT16, FLOAT32, FLOAT64
from ..backends.formulas.expression import Expression, Literal
from ..backends.formulas.rows import RowGradient, RowNamespace, output_symbols, row_gradient, row_numbers
from ..backends.formulas.tracing import Signature, name_of, trace
from .broadcasting import add_up
from .dimensions import common_shape
from .arguments import codes, in_words, is_own
from .formula_node import FormulaNode, Recording
from .grad_mode import mode
from .synonyms import translated
from .tensor import Tensor, as_operand, as_tensor, common_backend

Self = TypeVar("Self", bound="FormulaOperation")


class FormulaOperation:
    """A differentiable operation made of a formula.

    Parameters of the formula without a default are arrays, which broadcast.  Those with a number as default are
    constants; each call may give them another value without a new kernel.
    """

    def __init__(self, kernel: Callable[[], Kernel], name: str, arrays: Sequence[str], constants: Mapping[str, float]):
        self._make_kernel = kernel
        self._written: Optional[Callable[..., Any]] = None
        self.name: str = name
        self.arrays: tuple[str, ...] = tuple(arrays)
        self.constants: tuple[str, ...] = tuple(constants)
        self.defaults: tuple[float, ...] = tuple(constants.values())
        self._constant_names = frozenset(constants)
        self._kernel: Optional[Kernel] = None
        self._demands: list[tuple[Callable[..., bool], str]] = []  # tests of the constants, with descriptions
        self._forget_derivatives()

    def _forget_derivatives(self) -> None:
        self.gradients: dict[Any, Any] = {}  # backward passes, by the inputs they are taken with respect to
        self._derived: dict[Any, Any] = {}  # gradients of one input as operations
        self._keeping: dict[tuple[int, ...], Kernel] = {}  # forward kernels that return row numbers too
        self._recordings: dict[tuple[Any, ...], Recording] = {}

    def __reduce__(self) -> str:
        """Pickle by qualified name, like functions."""
        return getattr(self, "__qualname__", self.name)

    # -- kernels ----------------------------------------------------------------------------------------------
    @property
    def kernel(self) -> Kernel:
        """The forward kernel, traced on first use."""
        if self._kernel is None:
            self._kernel = self._make_kernel()
        return self._kernel

    def derivative(self: Self, function: Callable[..., Any]) -> Self:
        """A decorator for a hand-written derivative, if it is better than the derived one."""
        self._written = function
        self._forget_derivatives()
        return self

    def _written_derivative(self, namespace: Any, **standing: Any) -> Optional[list[Expression]]:
        """The hand-written derivative for each array, or None if there is none.

        `standing` has the names that it may use beside the formula's arrays and constants: symbols, or tuples of them.
        """
        if self._written is None:
            return None
        signature = Signature(self._written)
        for name in standing:
            if name in (*self.arrays, *self.constants):
                raise FormulaError(f"the derivative of {self.name}: `{name}` is {_MEANINGS[name]} there; rename "
                                   f"the array or constant of the formula that has this name")
        symbols = {symbol.name: symbol for symbol in self.kernel.inputs + self.kernel.constants} | standing
        named = [*signature.arrays, *signature.constants]
        unknown = [name for name in named if name not in symbols]
        if unknown:
            raise FormulaError(f"the derivative of {self.name} takes `{unknown[0]}`, which is neither an array nor a "
                               f"constant of the formula ({', '.join(symbols)})")
        name = f"the derivative of {self.name}"
        result = trace(self._written, namespace, [symbols[known] for known in named], name)
        parts = result if isinstance(result, tuple) else (result,)
        if len(parts) != len(self.arrays):
            raise FormulaError(f"{name} returned {len(parts)} expression(s) for {len(self.arrays)} array(s)")
        wrong = [part for part in parts if not isinstance(part, (Expression, numbers.Real))]
        if wrong:
            raise FormulaError(f"{name} returned {wrong[0]!r:.80} for an array; it returns an expression or a number "
                               f"for each")
        return [part if isinstance(part, Expression) else Literal.of(part) for part in parts]

    def joint_gradient(self, along: tuple[int, ...], which: tuple[int, ...], keeps: bool = False) -> RowGradient:
        """The backward pass from the results at `which` with respect to the arrays at `along`.

        With `keeps` it reads the row numbers that the forward kernel returns instead of recomputing them.
        """
        found = self.gradients.get((along, which, keeps))
        if found is None:
            keepable: Sequence[Expression] = ()
            every = tuple(range(len(self.kernel.outputs)))
            if keeps:  # those that all results need, since the forward pass is already done
                keepable = row_numbers(self.kernel) if which == every else self.joint_gradient(along, every, True).kept
            written = self._written_joint(which)
            found = self.gradients[along, which, keeps] = row_gradient(self.kernel, along, which, written, keepable)
        return found

    def _written_joint(self, which: tuple[int, ...]) -> Optional[list[Expression]]:
        """The hand-written derivative; results without a gradient have the gradient 0."""
        if self._written is None:
            return None
        outputs, upstreams = zip(*output_symbols(self.kernel))
        if len(outputs) == 1:
            return self._written_derivative(RowNamespace(), output=outputs[0], upstream=upstreams[0])
        received = tuple(upstream if k in which else Literal.of(0.0) for k, upstream in enumerate(upstreams))
        return self._written_derivative(RowNamespace(), output=outputs, upstream=received)

    def joint_operation(self: Self, i: int, which: tuple[int, ...]) -> Self:
        """The gradient with respect to array `i` as an operation of its own."""
        found: Optional[Self] = self._derived.get((i, which))
        if found is None:
            kernel = self.joint_gradient((i,), which).own_kernel.with_plain_inputs()
            found = self._derived[i, which] = self.of_kernel(kernel, dict(zip(self.constants, self.defaults)))
        return found

    @classmethod
    def of_kernel(cls: type[Self], kernel: Kernel, constants: Mapping[str, float]) -> Self:
        """The operation that runs `kernel`, with default values of its constants."""
        return cls(lambda: kernel, kernel.name, [symbol.name for symbol in kernel.inputs], constants)

    # -- calls ------------------------------------------------------------------------------------------------
    def summed(self, outputs: Sequence[Expression], shapes: Sequence[tuple[int, ...]],
               frame: tuple[Any, ...]) -> tuple[bool, ...]:
        """Which outputs of a backward kernel `launch` can sum to inputs of these shapes, if appended to the frame."""
        return (False,) * len(outputs)

    def launch(self, kernel: Kernel, arrays: Sequence[Any], values: tuple[Any, ...], backend: Backend,
               frame: tuple[Any, ...]) -> Sequence[Any]:
        """Run a kernel of this operation; `frame` has a call's options beside arrays and constants."""
        raise NotImplementedError

    def record(self, tensors: Sequence[Tensor], values: tuple[Any, ...], backend: Backend, frame: tuple[Any, ...],
               shape: tuple[int, ...], adds_up: bool = False) -> list[Tensor]:
        """The results for tensors that broadcast to `shape`, recorded if a gradient is required.

        With `adds_up` they are the sums of the results; the derivative must not read the results then.
        """
        along = tuple([i for i, tensor in enumerate(tensors) if tensor._requires_grad]) if mode.enabled else ()
        given, kernel = [tensor._array for tensor in tensors], self.kernel
        # Row numbers rounded to float16 would make the backward pass inaccurate.
        keeps = bool(along) and not kernel.widens and FLOAT16 not in [array.dtype for array in given]
        arrays = self.launch(self._keeping_kernel(along) if keeps else kernel, given, values, backend, frame)
        count = len(kernel.outputs)
        results = [add_up(backend, array, None, False) for array in arrays[:count]] if adds_up else arrays[:count]
        outputs = [Tensor._wrap(array, backend) for array in results]
        if along:
            FormulaNode(self, tensors, along, values, frame, shape, outputs, arrays[count:] if keeps else None)
        return outputs

    def recording(self, along: tuple[int, ...], keeps: bool) -> Recording:
        """What a recorded call saves for its backward pass; see `joint_gradient` for `keeps`."""
        found = self._recordings.get((along, keeps))
        if found is None:
            every = tuple(range(len(self.kernel.outputs)))
            # Second derivatives need the backward formula in terms of the inputs alone.
            needs, again = self.joint_gradient(along, every, keeps), self.joint_gradient(along, every)
            found = self._recordings[along, keeps] = Recording(
                tuple({*needs.saved, *again.saved}), tuple({*needs.outputs, *again.outputs}), needs.kept,
                tuple([which for which in every if self.joint_gradient(along, (which,)).computed]))
        return found

    def _keeping_kernel(self, along: tuple[int, ...]) -> Kernel:
        """The forward kernel with the row numbers that the gradient reads as additional outputs."""
        found = self._keeping.get(along)
        if found is None:
            kernel = self.kernel
            kept = self.joint_gradient(along, tuple(range(len(kernel.outputs))), keeps=True).kept
            found = kernel if not kept else Kernel(kernel.name, kernel.inputs, kernel.constants,
                                                   (*kernel.outputs, *kept), kernel.widens)
            self._keeping[along] = found
        return found

    def _bind(self, inputs: tuple[Any, ...], constants: dict[Any, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The arrays and the values of the constants of a call, given by position or by keyword."""
        if len(inputs) == len(self.arrays) and constants.keys() <= self._constant_names:
            return inputs, self._numbers([constants.get(name, default)
                                          for name, default in zip(self.constants, self.defaults)])
        names = (*self.arrays, *self.constants)
        if not constants.keys() <= set(names):
            inputs, constants = translated(inputs, constants, names)
        given = dict(zip(names, inputs))
        missing = [name for name in self.arrays if name not in given and name not in constants]
        wrong = [name for name in constants if name in given or name not in names]
        if missing or wrong or len(inputs) > len(names):
            raise TypeError(f"{self.name}({', '.join(names)}) was called with {len(inputs)} positional argument(s)"
                            + (f" and {', '.join(constants)}" if constants else "")
                            + (f"; missing: {', '.join(missing)}" if missing else "")
                            + (f"; repeated or unknown: {', '.join(wrong)}" if wrong else ""))
        given.update(constants)
        values = [given.get(name, default) for name, default in zip(self.constants, self.defaults)]
        return tuple(given[name] for name in self.arrays), self._numbers(values)

    def _numbers(self, values: Sequence[Any]) -> tuple[float, ...]:
        for name, value in zip(self.constants, values):
            if value.__class__ is not float and not isinstance(value, numbers.Real):
                raise TypeError(f"{self.name}: the constant `{name}` must be a number; got {type(value).__name__}")
        values = tuple(map(float, values))
        for test, words in self._demands:
            if not test(*values):
                listed = ", ".join(f"{name}={value}" for name, value in zip(self.constants, values))
                raise ValueError(f"{self.name}: {words}; got {listed}")
        return values

    def demands(self: Self, words: str) -> Callable[[Callable[..., bool]], Self]:
        """A decorator for a test of the constants; ValueError with `words` is raised if it returns False."""

        def with_test(test: Callable[..., bool]) -> Self:
            self._demands.append((test, words))
            return self

        return with_test

    def check_constants(self, constants: Mapping[str, Any]) -> None:
        """Raise an error for constants that a call would reject."""
        self._numbers([constants.get(name, default) for name, default in zip(self.constants, self.defaults)])

    def _operands(self, inputs: Sequence[Any]) -> list[Any]:
        backend = common_backend(self.name, inputs)
        operands = [as_operand(value, backend, self.name) for value in inputs]
        if meets_float64(inputs):
            # Lists beside a float64 tensor become float64, since float32 would round them.
            operands = [as_tensor(value, FLOAT64, backend.device) if isinstance(value, (list, tuple))
                        and isinstance(operand, Tensor) and operand.dtype == FLOAT32 else operand
                        for value, operand in zip(inputs, operands)]
        if not any(isinstance(operand, Tensor) for operand in operands):
            operands[0] = as_tensor(operands[0], device=backend.device)
        return operands

    def common_shape(self, inputs: Sequence[Any]) -> tuple[int, ...]:
        """The shape that tensors broadcast to; numbers count as zero-dimensional."""
        return common_shape(self.name, [getattr(value, "shape", ()) for value in inputs], self.arrays)

    def in_words(self, error: Exception, inputs: Sequence[Any], options: dict[str, Any]) -> Exception:
        """The exception to raise for an `error` in a call; errors of the formula's own code are unchanged."""
        functions = (getattr(self, "__wrapped__", None), self._written)
        written = [getattr(function, "__code__", None) for function in functions]
        if any(code in written for code in codes(error)):
            return error
        if not is_own(error):
            self.common_shape(inputs)  # raises for the most common cause
            if isinstance(error, OverflowError):
                given = [value for value in (*inputs, *options.values()) if isinstance(value, int)]
                return OverflowError(f"{self.name}: an integer is out of the range of the numbers that it meets; got "
                                     f"{', '.join(map(str, given)):.80}")
        return in_words(error, self.name.lstrip("_"), inputs, options)


def meets_float64(values: Sequence[Any]) -> bool:
    """Whether a float64 tensor is among the operands; Python numbers are not rounded then."""
    return any(isinstance(value, Tensor) and value.dtype == FLOAT64 for value in values)


_MEANINGS = {"output": "the formula's value", "upstream": "the gradient with respect to it"}


def of_formula(kind: type[Self], function: Callable[..., Any], traced: Callable[..., tuple[Expression, ...]],
               widens: bool, options: tuple[str, ...]) -> Self:
    """An operation of class `kind` for a formula; `traced(function, symbols)` gives its outputs.

    `options` are what each call takes beside the formula's arrays and constants.
    """
    signature, name = Signature(function), name_of(function)
    if not signature.arrays:
        raise FormulaError(f"formula {name} has no array: a parameter without a default after xp")
    for option in options:
        if option in (*signature.arrays, *signature.constants):
            raise FormulaError(f"formula {name}: `{option}` is an option of every call, so that no array or constant "
                               f"of the formula can have that name; rename it")

    def kernel() -> Kernel:
        arrays = [signature.symbol(name) for name in signature.arrays]
        constants = [signature.symbol(name) for name in signature.constants]
        return Kernel(name, arrays, constants, traced(function, arrays + constants), widens)

    operation = kind(kernel, name, signature.arrays, signature.constants)
    functools.update_wrapper(cast(Any, operation), function)  # it has the attributes of a function
    return operation
