"""Function transforms under the names of PyTorch's `func`: derivatives, vmap, functional modules.

Arguments may be tensors, or tuples, lists and dictionaries of tensors.

>>> grad(lambda x: (x ** 2).sum())(Tensor([1.0, 2.0]))
tensor([2., 4.])
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Sequence, Union

from .autograd.functional import alias, pushed, rows, slopes, zero_weights
from .core.expectations import described
from .core.public import publish_own
from .core.grad_mode import enable_grad
from .core.graph import leaves
from .core.python_data import of_kind
from .core.tensor import Tensor
from .nn.module import Module
from .nn.utils.stateless import functional_call
from .operations.shaping import stack

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "stack_module_state",
           "vjp", "vmap"]

Numbers = Union[int, tuple[int, ...]]


def _parts(tree: Any) -> list[Any]:
    """The leaves of a tree of tuples, lists and dictionaries, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [part for branch in tree for part in _parts(branch)] if isinstance(tree, (tuple, list)) else [tree]


def _rebuilt(tree: Any, parts: Any) -> Any:
    """A tree of the same structure, with leaves from an iterator."""
    if isinstance(tree, dict):
        return type(tree)((key, _rebuilt(branch, parts)) for key, branch in tree.items())
    if isinstance(tree, (tuple, list)):
        return of_kind(type(tree), [_rebuilt(branch, parts) for branch in tree])
    return next(parts)


def _mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    return _rebuilt(tree, map(function, _parts(tree)))


class _Call:
    """A call whose chosen arguments are differentiated, as tensors of its own."""

    def __init__(self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
                 argnums: Any = None, has_aux: bool = False):
        numbers = range(len(args)) if argnums is None else argnums if isinstance(argnums, tuple) else (argnums,)
        if not all(-len(args) <= number < len(args) for number in numbers):
            raise ValueError(f"{name}: `argnums` {argnums} names an argument that is not among the {len(args)} given")
        chosen = tuple(args[number] for number in numbers)
        wrong = next((part for part in _parts(chosen) if not isinstance(part, Tensor)), None)
        if wrong is not None:
            raise TypeError(f"{name}: what is differentiated along must be tensors; got {type(wrong).__name__}")
        with enable_grad():
            self.chosen = _mapped(alias, chosen)
            given = dict(zip([number % len(args) for number in numbers], self.chosen))
            result = func(*[given.get(i, arg) for i, arg in enumerate(args)], **kwargs)
        self.inputs = _parts(self.chosen)
        self.aux: Any = None
        self.result: Any = result
        if has_aux:
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise TypeError(f"{name}: with has_aux=True the function must return a pair, what is differentiated "
                                f"and something beside it; it returned {described(result)}")
            self.result, self.aux = result
        self.outputs = _parts(self.result)
        # The tensors of this call alone: a result that depends on no other has no history to the outside.
        self.own = {id(x) for x in self.inputs if x.is_leaf}

    def outside(self, tree: Any) -> Any:
        """Values as seen by the caller: without a history in this call."""
        def seen(value: Any) -> Any:
            if isinstance(value, Tensor) and value.requires_grad and all(id(x) in self.own for x in leaves([value])):
                return value.detach()
            return value

        return _mapped(seen, tree)


def grad_and_value(func: Callable[..., Any], argnums: Numbers = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of `func` and its result: see `grad`.

    >>> grad_and_value(lambda x: x ** 2)(Tensor(3.0))
    (tensor(6.), tensor(9.))
    """
    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = _Call("grad", func, args, kwargs, argnums, has_aux)
        if not isinstance(call.result, Tensor) or call.result.numel() != 1 or call.result.ndim:
            raise RuntimeError(f"grad: the function must return a tensor without dimensions; it returned "
                               f"{getattr(call.result, 'shape', type(call.result).__name__)}")
        with enable_grad():
            found = slopes([call.result], call.inputs, [None], create_graph=True)
        gradient = _rebuilt(call.chosen, iter(found))
        gradient = gradient if isinstance(argnums, tuple) else gradient[0]
        value = (call.result, call.aux) if has_aux else call.result
        return call.outside(gradient), call.outside(value)

    return wrapped


def grad(func: Callable[..., Any], argnums: Numbers = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of the scalar function `func` with respect to the arguments `argnums`.

    With `has_aux`, `func` returns a pair, whose second part is returned with the gradient.

    >>> grad(grad(lambda x: x ** 3))(Tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def jacrev(func: Callable[..., Any], argnums: Numbers = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the Jacobian of `func` with respect to the arguments `argnums`.

    >>> jacrev(lambda x: x ** 2)(Tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """
    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = _Call("jacrev", func, args, kwargs, argnums, has_aux)
        with enable_grad():
            found = rows(call.outputs, call.inputs, create_graph=True)
        lines = [_rebuilt(call.chosen, iter(line)) for line in found]
        lines = lines if isinstance(argnums, tuple) else [line[0] for line in lines]
        matrix = call.outside(_rebuilt(call.result, iter(lines)))
        return (matrix, call.outside(call.aux)) if has_aux else matrix

    return wrapped


jacfwd = jacrev  # forward mode in PyTorch; the values are the same


def hessian(func: Callable[..., Any], argnums: Numbers = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of `func` with respect to the arguments `argnums`.

    >>> hessian(lambda x: (x ** 3).sum())(Tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The result of `func`, and a function that multiplies vectors with the Jacobian from the left.

    >>> value, pulled = vjp(lambda x: x ** 2, Tensor([1.0, 3.0]))
    >>> pulled(Tensor([1.0, 1.0]))
    (tensor([2., 6.]),)
    """
    call = _Call("vjp", func, primals, {}, None, has_aux)

    def pulled(*cotangents: Any) -> tuple[Any, ...]:
        weights = _parts(cotangents)
        if len(weights) != len(call.outputs):
            raise ValueError(f"vjp: {len(call.outputs)} output(s), but {len(weights)} weight(s) for them")
        with enable_grad():
            found = slopes(call.outputs, call.inputs, weights, create_graph=True)
        gradients: tuple[Any, ...] = call.outside(_rebuilt(call.chosen, iter(found)))
        return gradients

    value = call.outside(call.result)
    return (value, pulled, call.outside(call.aux)) if has_aux else (value, pulled)


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, strict: bool = False,
        has_aux: bool = False) -> Any:
    """The result of `func` at `primals`, and its Jacobian times `tangents`.

    >>> jvp(lambda x: x ** 2, (Tensor([1.0, 3.0]),), (Tensor([1.0, 0.0]),))
    (tensor([1., 9.]), tensor([2., 0.]))
    """
    call = _Call("jvp", func, tuple(primals), {}, None, has_aux)
    with enable_grad():
        weights = zero_weights(call.outputs)
        found = pushed(call.outputs, call.inputs, _parts(tangents), weights, create_graph=True, strict=strict)
    call.own.update(id(x) for x in weights)
    value, slope = call.outside(call.result), call.outside(_rebuilt(call.result, iter(found)))
    return (value, slope, call.outside(call.aux)) if has_aux else (value, slope)


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: Any = None) -> Callable[..., Any]:
    """A function that calls `func` for each sample along a dimension of the arguments and stacks the results.

    `func` is called once for each sample, so this is not faster than a loop.  PyTorch's `randomness` and `chunk_size`
    are accepted and have no effect: each sample has its own random numbers.

    Parameters
    ----------
    in_dims : the dimension of samples in each argument, None for arguments that all samples share.
    out_dims : the dimension of samples in the results.

    >>> vmap(lambda x, y: x * y, in_dims=(0, None))(Tensor([1.0, 2.0]), Tensor([3.0, 1.0]))
    tensor([[3., 1.],
            [6., 2.]])
    """
    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        parts = _parts((args, kwargs))
        dims = [*_spread(in_dims, args), *[0] * len(_parts(kwargs))]
        counts = {part.shape[dim] for part, dim in zip(parts, dims) if dim is not None}
        if len(counts) != 1 or not all(isinstance(part, Tensor) for part, dim in zip(parts, dims) if dim is not None):
            raise ValueError(f"vmap: arguments need one number of samples along `in_dims`; got {sorted(counts)}")
        results = []
        for i in range(counts.pop()):
            own = iter([part if dim is None else part.select(dim, i) for part, dim in zip(parts, dims)])
            some_args, some_kwargs = _rebuilt((args, kwargs), own)
            results.append(func(*some_args, **some_kwargs))
        places = _spread(out_dims, results[0])
        lists = [_parts(result) for result in results]
        stacked = [stack([line[k] for line in lists], place) for k, place in enumerate(places)]
        return _rebuilt(results[0], iter(stacked))

    return wrapped


def _spread(dims: Any, tree: Any) -> list[Any]:
    """A dimension for each leaf of a tree, from one for all or one for each branch."""
    if isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list)) and len(dims) == len(tree):
        return [dim for branch, part in zip(dims, tree) for dim in _spread(branch, part)]
    if isinstance(dims, dict) and isinstance(tree, dict):
        return [dim for key, part in tree.items() for dim in _spread(dims[key], part)]
    if dims is not None and not isinstance(dims, int):
        raise ValueError(f"vmap: dimensions {dims} do not fit the values")
    return [dims] * len(_parts(tree))


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The stacked parameters and buffers of modules of one class: an ensemble for `vmap` and `functional_call`.

    >>> from gradcore.nn import Linear
    >>> parameters, buffers = stack_module_state([Linear(2, 3), Linear(2, 3)])
    >>> parameters["weight"].shape
    (2, 3, 2)
    """
    if not len(models):
        raise ValueError("stack_module_state needs at least one module")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return ({name: stack([one[name].detach() for one in parameters]).requires_grad_(value.requires_grad)
             for name, value in parameters[0].items()},
            {name: stack([one[name] for one in buffers]) for name in buffers[0]})


publish_own(globals())
