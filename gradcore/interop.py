"""Functions of tensors as functions of PyTorch tensors and JAX arrays."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any, Callable, NamedTuple, Optional, Sequence

import numpy as np

from .core.public import publish_own as _publish_own
from .backends.formulas.dtypes import kind_of
from .core.grad_mode import enable_grad, no_grad
from .core.gradients import grad
from .core.python_data import of_kind
from .core.tensor import Tensor, as_tensor
from .operations.conversion import clone
from .operations.creation import zeros_like
from .operations.generator import fork_rng, get_rng_state, set_rng_state
from .operations.interchange import from_dlpack

__all__ = ["to_jax", "to_torch"]


def to_torch(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as a function of PyTorch tensors, which PyTorch differentiates to any order.

    It may be an operation made by `elementwise` or `rowwise`, or any function of tensors that returns one or several.
    Forward and backward pass are this library's kernels, on the memory of the PyTorch tensors, without copies.  Tensors
    among the arguments, also in lists and tuples, must be on one device, the CPU or a CUDA device; other arguments are
    passed unchanged.

    Tensors of gradcore that `function` holds, such as a module's parameters, get no gradient from PyTorch.
    `torch.compile` does not trace the call: it makes one graph before it and one after it.  `torch.func` and bfloat16
    tensors are not supported.

    Raises
    ------
    ModuleNotFoundError : PyTorch is not installed.
    TypeError : `function` is not callable.

    >>> import gradcore, torch
    >>> leaky_relu = to_torch(gradcore.functions.leaky_relu)
    >>> x = torch.tensor([-1.0, 2.0], requires_grad=True)
    >>> leaky_relu(x, negative_slope=0.5).sum().backward()
    >>> x.grad
    tensor([0.5000, 1.0000])
    """
    torch = _library("torch", "PyTorch", "to_torch")
    apply = _torch_function()

    return _ForTorch(to_torch, torch.Tensor, "PyTorch tensors", function,
                     lambda call, tensors: apply(call, torch.is_grad_enabled(), *tensors))


def to_jax(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as a function of JAX arrays, for `jit`, `vmap`, and `grad` of any order.

    It is computed by this library's kernels on the host, outside XLA (`jax.pure_callback`).  When JAX traces it, a call
    with ones determines the shapes of its results; random numbers are drawn at that time and are the same in each run.

    Raises
    ------
    ModuleNotFoundError : JAX is not installed.
    TypeError : `function` is not callable.

    >>> import gradcore, jax
    >>> relu = to_jax(gradcore.functions.relu)
    >>> jax.grad(lambda x: relu(x).sum())(jax.numpy.array([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    jax = _library("jax", "JAX", "to_jax")
    return _ForOther(to_jax, jax.Array, "JAX arrays", function, lambda call, arrays: _jax_function(call)(*arrays))


class _ForOther:
    """`function` for another library, whose tensors are of class `kind`; `run` has it compute on them."""

    def __init__(self, maker: Callable[..., Any], kind: type, kinds: str, function: Callable[..., Any],
                 run: Callable[..., Any]):
        if not callable(function):
            raise TypeError(f"{maker.__name__} takes a function of tensors; got {type(function).__name__}")
        self._maker, self._kind, self._kinds, self._function, self._run = maker, kind, kinds, function, run
        self.__name__ = self.__qualname__ = getattr(function, "__name__", None) or type(function).__name__
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tensors, call = _taken_apart(self._kind, self._function, args, kwargs)
        if not tensors:
            got = ", ".join([type(value).__name__ for value in (*args, *kwargs.values())])
            raise TypeError(f"{self.__name__}, made by {self._maker.__name__}, takes {self._kinds}, at least one, and "
                            f"other arguments of {self.__name__}; got {got or 'nothing'}")
        outputs = self._run(call, tensors)
        return call.together(outputs)

    def __repr__(self) -> str:
        return f"{self._maker.__name__}({self._function!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return self._maker, (self._function,)


class _ForTorch(_ForOther):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        torch = sys.modules["torch"]
        if torch.compiler.is_compiling():  # which follows no call into this library: it makes a graph on either side
            return torch.compiler.disable(super().__call__)(*args, **kwargs)
        return super().__call__(*args, **kwargs)


def _library(name: str, title: str, maker: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{maker} needs {title}, which is not installed (pip install {name})") from error


class _Place(NamedTuple):
    """The position of a tensor among the arguments."""

    number: int


class _Call:
    """A call without its tensors: given them, it returns the outputs as a tuple, with the same random numbers each
    time.
    """

    def __init__(self, call: Callable[[Sequence[Tensor]], Any]):
        self._call = call
        self._drawn_from: Optional[Tensor] = None  # the state of the generator before the first call, if that drew
        self._is_first = True
        self.together: Callable[[tuple[Any, ...]], Any] = tuple  # maps a tuple of outputs to the function's result

    def __call__(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if self._is_first:
            state, self._is_first = get_rng_state(), False
            outputs = self._listed(self._call(tensors))
            self._drawn_from = state if state.tolist() != get_rng_state().tolist() else None
            return outputs
        with fork_rng(enabled=self._drawn_from is not None):
            if self._drawn_from is not None:
                set_rng_state(self._drawn_from)
            return self._listed(self._call(tensors))

    def _listed(self, result: Any) -> tuple[Tensor, ...]:
        if isinstance(result, Tensor):
            self.together = lambda outputs: outputs[0]
            return (result,)
        if not (isinstance(result, (tuple, list)) and all(isinstance(part, Tensor) for part in result)):
            raise TypeError(f"a function for another library returns a tensor or several; got {type(result).__name__}")
        self.together = functools.partial(of_kind, type(result))
        return tuple(result)


def _taken_apart(kind: type, function: Callable[..., Any], args: tuple[Any, ...],
                 kwargs: dict[Any, Any]) -> tuple[list[Any], _Call]:
    """The tensors of class `kind` among the arguments, and the call of `function` with all others."""
    found: list[Any] = []

    def place(value: Any) -> Any:
        if isinstance(value, (tuple, list)) and any(isinstance(part, kind) for part in value):
            return of_kind(type(value), map(place, value))
        if not isinstance(value, kind):
            return value
        found.append(value)
        return _Place(len(found) - 1)

    places, named = [place(value) for value in args], {name: place(value) for name, value in kwargs.items()}

    def call(tensors: Sequence[Tensor]) -> Any:
        def put(value: Any) -> Any:
            if isinstance(value, _Place):
                return tensors[value.number]
            is_list = isinstance(value, (tuple, list)) and any(isinstance(part, _Place) for part in value)
            return of_kind(type(value), map(put, value)) if is_list else value

        return function(*map(put, places), **{name: put(value) for name, value in named.items()})

    return found, _Call(call)


def _slopes_of(call: _Call, wanted: Sequence[int], weighted: Sequence[int]) -> _Call:
    """The gradients with respect to the inputs `wanted`, as a call on the inputs and the upstream gradients."""
    def slopes(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        count = len(tensors) - len(weighted)
        inputs = [x if x.requires_grad or i not in wanted else x.detach().requires_grad_()
                  for i, x in enumerate(tensors[:count])]
        with enable_grad():
            outputs = call(inputs)
        along = [inputs[i] for i in wanted]
        found = grad([outputs[i] for i in weighted], along, list(tensors[count:]), create_graph=True, allow_unused=True)
        return tuple([zeros_like(x) if slope is None else slope for x, slope in zip(along, found)])

    return _Call(slopes)


def _shared(value: Any) -> Tensor:
    """A PyTorch tensor as a tensor that shares its memory."""
    # A lazy minus sign, which views of complex tensors may have, is not part of the memory.
    return from_dlpack(value.detach().resolve_neg())


@functools.lru_cache(maxsize=None)
def _torch_function() -> Any:
    """PyTorch's autograd function for a call; created when PyTorch is first used."""
    torch = _library("torch", "PyTorch", "to_torch")

    def given(output: Tensor, inputs: Sequence[Tensor]) -> Any:
        """An output for PyTorch, which must not share memory with other tensors."""
        output = output.detach()
        shares = [x for x in inputs if x._backend is output._backend
                  and x._backend.shares_memory(x._array, output._array)]
        return torch.from_dlpack(clone(output) if shares else output)

    class GradcoreFunction(torch.autograd.Function):  # type: ignore[misc,name-defined]  # torch is loaded by its name
        @staticmethod
        def forward(ctx: Any, call: _Call, records: bool, *tensors: Any) -> Any:
            inputs = list(map(_shared, tensors))
            ctx.wanted = [i for i in range(len(tensors)) if records and ctx.needs_input_grad[i + 2]]
            for i in ctx.wanted:
                inputs[i].requires_grad_()
            with enable_grad() if ctx.wanted else no_grad():
                outputs = call(inputs)
            ctx.weighted = [i for i, output in enumerate(outputs) if output.requires_grad]
            if ctx.weighted:
                ctx.call, ctx.inputs, ctx.outputs = call, inputs, outputs
                ctx.save_for_backward(*tensors)
            results = tuple([given(output, inputs) for output in outputs])
            ctx.mark_non_differentiable(*[result for i, result in enumerate(results) if i not in ctx.weighted])
            return results

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> tuple[Any, ...]:
            tensors = ctx.saved_tensors  # PyTorch raises here for tensors changed in place or freed
            weights = [upstream[i] for i in ctx.weighted]
            if torch.is_grad_enabled():  # the gradients will be differentiated, so they are a call too
                slopes = _slopes_of(ctx.call, ctx.wanted, ctx.weighted)
                found = GradcoreFunction.apply(slopes, True, *tensors, *weights)
            else:
                gradients_of = grad([ctx.outputs[i] for i in ctx.weighted], [ctx.inputs[i] for i in ctx.wanted],
                              list(map(_shared, weights)), retain_graph=True, allow_unused=True)
                found = [None if slope is None else torch.from_dlpack(slope.detach()) for slope in gradients_of]
            gradients: list[Any] = [None] * (2 + len(tensors))
            for i, slope in zip(ctx.wanted, found):
                gradients[2 + i] = slope
            return tuple(gradients)

    return GradcoreFunction.apply


def _jax_function(call: _Call) -> Callable[..., Any]:
    """`call` as a function of JAX arrays that returns a tuple."""
    jax = _library("jax", "JAX", "to_jax")

    def as_tensors(arrays: Sequence[Any]) -> list[Tensor]:
        return [as_tensor(np.asarray(array), device="cpu") for array in arrays]

    def described(arrays: Sequence[Any]) -> tuple[list[Any], list[int]]:
        """Shapes and dtypes of the results, and which have a gradient, from a call with ones."""
        ones = as_tensors([np.ones(array.shape, array.dtype) for array in arrays])
        with enable_grad():
            results = call([x.requires_grad_() if kind_of(x.dtype) == 2 else x for x in ones])
        return ([jax.ShapeDtypeStruct(x.shape, jax.dtypes.canonicalize_dtype(x.dtype)) for x in results],
                [i for i, x in enumerate(results) if x.requires_grad])

    def computed(like: Sequence[Any], *arrays: Any) -> tuple[np.ndarray, ...]:
        with no_grad():
            results = call(as_tensors(arrays))
        return tuple([x.numpy().astype(s.dtype, copy=False) for x, s in zip(results, like)])

    @jax.custom_vjp  # type: ignore[untyped-decorator]  # JAX is loaded by its name
    def run(*arrays: Any) -> tuple[Any, ...]:
        like, _ = described(arrays)
        results: tuple[Any, ...] = jax.pure_callback(functools.partial(computed, like), tuple(like), *arrays,
                                                     vmap_method="sequential")
        return results

    def backward(arrays: tuple[Any, ...], upstream: tuple[Any, ...]) -> tuple[Any, ...]:
        wanted = [i for i, array in enumerate(arrays) if kind_of(array.dtype) == 2]
        _, weighted = described(arrays)
        slopes = _jax_function(_slopes_of(call, wanted, weighted))(*arrays, *[upstream[i] for i in weighted])
        found = dict(zip(wanted, slopes))
        return tuple([found.get(i) for i in range(len(arrays))])

    run.defvjp(lambda *arrays: (run(*arrays), arrays), backward)
    made: Callable[..., Any] = run
    return made


_publish_own(globals())
