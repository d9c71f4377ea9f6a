"""Jacobians and Hessians of functions, and their products with vectors, under PyTorch's names.

All use `grad`: the product of a Jacobian with a vector is the gradient, with respect to v, of the product of v with the
Jacobian.
Source: Townsend, "A new trick for calculating Jacobian vector products", 2017.

>>> jacobian(lambda x: x ** 2, Tensor([1.0, 3.0]))
tensor([[2., 0.],
        [0., 6.]])
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, Union

from ..core.public import publish_own
from ..core.grad_mode import enable_grad
from ..core.gradients import grad
from ..core.tensor import Tensor
from ..operations.shaping import reshape, stack

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Inputs = Union[Tensor, Sequence[Tensor]]


def _tuple(values: Any, name: str, what: str) -> tuple[Tensor, ...]:
    listed = tuple(values) if isinstance(values, (tuple, list)) else (values,)
    wrong = next((i for i, value in enumerate(listed) if not isinstance(value, Tensor)), None)
    if wrong is not None or not listed:
        got = "none" if wrong is None else type(listed[wrong]).__name__
        raise TypeError(f"{name}: {what} must be a Tensor or a tuple of them; got {got}")
    return listed


def _like(found: Sequence[Any], given: Any) -> Any:
    """One result for one value, a tuple for a tuple."""
    return tuple(found) if isinstance(given, (tuple, list)) else found[0]


def alias(x: Tensor) -> Tensor:
    """Another tensor for `x`, with its history, whose gradient is computed separately."""
    return reshape(x, *x.shape) if x.requires_grad else x.detach().requires_grad_()


def _called(func: Callable[..., Any], inputs: Any, name: str, keeps: bool) -> tuple[tuple[Tensor, ...], Any]:
    """The inputs as the function sees them, and its result; with their history if the result `keeps` it."""
    watched = tuple(alias(x if keeps else x.detach()) for x in _tuple(inputs, name, "inputs"))
    return watched, func(*watched)


def slopes(outputs: Any, inputs: Sequence[Tensor], weights: Any, create_graph: bool, strict: bool = False,
           name: str = "") -> tuple[Tensor, ...]:
    """The gradients with respect to all inputs; zeros for inputs without effect, an error with `strict`."""
    pairs = [(output, weight) for output, weight in zip(outputs, weights) if output.requires_grad]
    if pairs:
        found: Any = grad([output for output, _ in pairs], inputs, [weight for _, weight in pairs], retain_graph=True,
                          create_graph=create_graph, allow_unused=True)
    else:
        found = [None] * len(inputs)
    if strict and any(gradient is None for gradient in found):
        raise RuntimeError(f"{name}: the outputs do not depend on input "
                           f"{[gradient is None for gradient in found].index(True)}, and `strict` is True")
    return tuple(Tensor.zeros_like(x) if gradient is None else gradient for x, gradient in zip(inputs, found))


def _one_number(outputs: Sequence[Tensor], name: str) -> None:
    if len(outputs) != 1 or outputs[0].numel() != 1:
        raise RuntimeError(f"{name}: the function must return one number; it returned "
                           f"{', '.join(str(output.shape) for output in outputs)}")


def _weights(v: Any, outputs: Sequence[Tensor], name: str) -> tuple[Tensor, ...]:
    if v is None:
        _one_number(outputs, f"{name} without `v`")
        return tuple(Tensor.ones_like(output) for output in outputs)
    weights = _tuple(v, name, "`v`")
    shapes = [value.shape for value in weights], [output.shape for output in outputs]
    if shapes[0] != shapes[1]:
        raise RuntimeError(f"{name}: `v` must have the shapes {shapes[1]}; got {shapes[0]}")
    return weights


def _finished(values: Any, keeps: bool) -> Any:
    if isinstance(values, tuple):
        return tuple(_finished(value, keeps) for value in values)
    return values if keeps else values.detach()


def rows(outputs: Sequence[Tensor], inputs: Sequence[Tensor], create_graph: bool, strict: bool = False,
         name: str = "jacobian") -> tuple[tuple[Tensor, ...], ...]:
    """For each output and input the derivatives of all elements, of the output's shape plus the input's."""
    found = []
    for output in outputs:
        flat = reshape(output, -1)
        lines = [slopes([flat[i]], inputs, [None], create_graph, strict, name) for i in range(flat.numel())]
        found.append(tuple(reshape(stack([line[k] for line in lines]), *output.shape, *x.shape) if lines
                           else Tensor.zeros(*output.shape, *x.shape, dtype=x.dtype, device=x.device)
                           for k, x in enumerate(inputs)))
    return tuple(found)


def jacobian(func: Callable[..., Any], inputs: Inputs, create_graph: bool = False, strict: bool = False,
             vectorize: bool = False, strategy: str = "reverse-mode") -> Any:
    """The derivatives of every element of the outputs with respect to every element of the inputs.

    The result has the output's shape plus the input's; for several outputs it is a tuple, for several inputs of tuples.
    PyTorch's `vectorize` and `strategy` are accepted and have no effect.

    >>> jacobian(lambda x, y: x * y, (Tensor([1.0]), Tensor([2.0])))
    (tensor([[2.]]), tensor([[1.]]))
    """
    with enable_grad():
        watched, result = _called(func, inputs, "jacobian", create_graph)
        found = rows(_tuple(result, "jacobian", "outputs"), watched, create_graph, strict)
    return _finished(_like([_like(line, inputs) for line in found], result), create_graph)


def hessian(func: Callable[..., Any], inputs: Inputs, create_graph: bool = False, strict: bool = False,
            vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """The second derivatives of a scalar function with respect to all pairs of elements of the inputs.

    >>> hessian(lambda x: (x ** 3).sum(), Tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    def gradient(*values: Tensor) -> tuple[Tensor, ...]:
        outputs = _tuple(func(*values), "hessian", "the output")
        _one_number(outputs, "hessian")
        return slopes(outputs, values, [None], True, strict, "hessian")

    listed = _tuple(inputs, "hessian", "inputs")
    found = jacobian(gradient, listed, create_graph, strict)
    return _like([_like(line, inputs) for line in found], inputs)


def vjp(func: Callable[..., Any], inputs: Inputs, v: Optional[Inputs] = None, create_graph: bool = False,
        strict: bool = False) -> Any:
    """The function's result, and the product of `v` (of the outputs' shape) with its Jacobian.

    >>> vjp(lambda x: x ** 2, Tensor([1.0, 3.0]), Tensor([1.0, 1.0]))
    (tensor([1., 9.]), tensor([2., 6.]))
    """
    with enable_grad():
        watched, result = _called(func, inputs, "vjp", create_graph)
        outputs = _tuple(result, "vjp", "outputs")
        found = slopes(outputs, watched, _weights(v, outputs, "vjp"), create_graph, strict, "vjp")
    return _finished((_like(outputs, result), _like(found, inputs)), create_graph)


def jvp(func: Callable[..., Any], inputs: Inputs, v: Optional[Inputs] = None, create_graph: bool = False,
        strict: bool = False) -> Any:
    """The function's result, and the product of its Jacobian with `v` (of the inputs' shape).

    >>> jvp(lambda x: x ** 2, Tensor([1.0, 3.0]), Tensor([1.0, 0.0]))
    (tensor([1., 9.]), tensor([2., 0.]))
    """
    with enable_grad():
        watched, result = _called(func, inputs, "jvp", create_graph)
        outputs = _tuple(result, "jvp", "outputs")
        found = pushed(outputs, watched, _weights(v, watched, "jvp"), zero_weights(outputs), create_graph, strict)
    return _finished((_like(outputs, result), _like(found, result)), create_graph)


def zero_weights(outputs: Sequence[Tensor]) -> list[Tensor]:
    """Weights of outputs, with respect to which products with a Jacobian are differentiated."""
    return [Tensor.zeros_like(output).requires_grad_() for output in outputs]


def pushed(outputs: Sequence[Tensor], inputs: Sequence[Tensor], v: Sequence[Tensor], weights: Sequence[Tensor],
           create_graph: bool, strict: bool = False, name: str = "jvp") -> tuple[Tensor, ...]:
    """The Jacobian times `v`, as the gradient of the product of weights and Jacobian with respect to the weights."""
    return slopes(slopes(outputs, inputs, weights, True, strict, name), weights, v, create_graph)


def _second(func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool, name: str) -> Any:
    watched, result = _called(func, inputs, name, create_graph)
    outputs = _tuple(result, name, "the output")
    _one_number(outputs, name)
    return watched, result, slopes(outputs, watched, [None], True, strict, name), _weights(v, watched, name)


def vhp(func: Callable[..., Any], inputs: Inputs, v: Optional[Inputs] = None, create_graph: bool = False,
        strict: bool = False) -> Any:
    """The scalar function's result, and the product of `v` (of the inputs' shape) with its Hessian.

    >>> vhp(lambda x: (x ** 3).sum(), Tensor([1.0, 2.0]), Tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        watched, result, gradients, weights = _second(func, inputs, v, create_graph, strict, "vhp")
        found = slopes(gradients, watched, weights, create_graph, strict, "vhp")
    return _finished((result, _like(found, inputs)), create_graph)


def hvp(func: Callable[..., Any], inputs: Inputs, v: Optional[Inputs] = None, create_graph: bool = False,
        strict: bool = False) -> Any:
    """The scalar function's result, and the product of its Hessian with `v` (of the inputs' shape).

    Since the Hessian is symmetric, this is `vhp`.

    >>> hvp(lambda x: (x ** 3).sum(), Tensor([1.0, 2.0]), Tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return vhp(func, inputs, v, create_graph, strict)


publish_own(globals())
