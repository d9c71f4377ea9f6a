"""`grad`, `backward`, and `gradcheck`, which compares gradients with finite differences."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Literal, Optional, Sequence, Union, overload

import numpy as np

from .graph import parent_of, propagate
from .tensor import Tensor, upstream_gradient


@overload
def grad(outputs: Union[Tensor, Iterable[Tensor]], inputs: Union[Tensor, Iterable[Tensor]], grad_outputs: Any = None,
         retain_graph: Optional[bool] = None, create_graph: bool = False, only_inputs: bool = True,
         allow_unused: Literal[None, False] = None, is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple[Tensor, ...]: ...
@overload
def grad(outputs: Union[Tensor, Iterable[Tensor]], inputs: Union[Tensor, Iterable[Tensor]], grad_outputs: Any = None,
         retain_graph: Optional[bool] = None, create_graph: bool = False, only_inputs: bool = True, *,
         allow_unused: Optional[bool], is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple[Optional[Tensor], ...]: ...
def grad(outputs: Union[Tensor, Iterable[Tensor]], inputs: Union[Tensor, Iterable[Tensor]], grad_outputs: Any = None,
         retain_graph: Optional[bool] = None, create_graph: bool = False, only_inputs: bool = True,
         allow_unused: Optional[bool] = None, is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs`, weighted by `grad_outputs`, with respect to `inputs`.

    No tensor's `grad` is changed.  With `create_graph` the result can be differentiated again.  Raises RuntimeError for
    inputs on which no output depends; their gradient is None with `allow_unused` and zeros with `materialize_grads`.

    >>> x = Tensor([3.0], requires_grad=True)
    >>> slope, = grad(x ** 3, x, create_graph=True)
    >>> slope.item(), grad(slope, x)[0].item()
    (27.0, 18.0)
    """
    if not only_inputs or is_grads_batched:
        raise NotImplementedError("grad: `only_inputs=False` and `is_grads_batched=True` are not supported; call "
                                  "backward(), or grad() for each gradient")
    outputs, inputs = _listed(outputs), _listed(inputs)
    weights = [None] * len(outputs) if grad_outputs is None else _listed(grad_outputs)
    _check_ends("grad", outputs, weights, inputs)
    upstream = [upstream_gradient(output, weight) for output, weight in zip(outputs, weights)]
    retain_graph = create_graph if retain_graph is None else retain_graph
    found = propagate([parent_of(output) for output in outputs], upstream, retain_graph, create_graph, wanted=inputs)
    if materialize_grads:
        return tuple([Tensor.zeros_like(tensor) if gradient is None else gradient
                      for tensor, gradient in zip(inputs, found)])
    if not allow_unused and any(gradient is None for gradient in found):
        missing = [i for i, g in enumerate(found) if g is None][0]
        raise RuntimeError(f"grad: the outputs do not depend on input {missing} (shape {inputs[missing].shape}); pass "
                           f"allow_unused=True to get None for it")
    return tuple(found)


def backward(tensors: Union[Tensor, Iterable[Tensor]], grad_tensors: Any = None, retain_graph: Optional[bool] = None,
             create_graph: bool = False, inputs: Union[None, Tensor, Iterable[Tensor]] = None) -> None:
    """Accumulate the gradient of the weighted sum of `tensors` in the `grad` of every leaf, or of `inputs` only.

    `grad_tensors` has the weights, one tensor for each of `tensors`; None is allowed for tensors of one element.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> backward([x.sum(), x * x], [None, Tensor([1.0, 1.0])])
    >>> x.grad
    tensor([3., 5.])
    """
    tensors = _listed(tensors)
    weights = [None] * len(tensors) if grad_tensors is None else _listed(grad_tensors)
    wanted = None if inputs is None else _listed(inputs)
    _check_ends("backward", tensors, weights, wanted or ())
    upstream = [upstream_gradient(tensor, weight) for tensor, weight in zip(tensors, weights)]
    retain_graph = create_graph if retain_graph is None else retain_graph
    found = propagate([parent_of(tensor) for tensor in tensors], upstream, retain_graph, create_graph, wanted=wanted)
    for tensor, gradient in zip(wanted or (), found):
        if gradient is not None:
            tensor.grad = gradient.clone() if tensor.grad is None else tensor.grad + gradient


def _check_ends(name: str, outputs: Sequence[Tensor], weights: Sequence[Any], inputs: Sequence[Tensor]) -> None:
    if len(weights) != len(outputs):
        raise ValueError(f"{name}: {len(outputs)} output(s), but {len(weights)} gradient(s) for them")
    for kind, tensors in (("output", outputs), ("input", inputs)):
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(f"{name}: {kind} {i} must be a tensor; got {type(tensor).__name__}")
            if not tensor._requires_grad:
                raise RuntimeError(f"{name}: {kind} {i} (shape {tensor.shape}) does not require a gradient")


def _listed(tensors: Any) -> list[Any]:
    is_one = isinstance(tensors, Tensor) or not hasattr(tensors, "__iter__")
    return [tensors] if is_one else list(tensors)  # any iterable, as a module's parameters() or a dictionary's values()


class GradcheckError(RuntimeError):
    """A gradient differs from the finite difference; the message names the input and the element.

    >>> try:
    ...     gradcheck(lambda x: x.detach() * x, Tensor([3.0], dtype="float64", requires_grad=True))
    ... except GradcheckError as error:
    ...     print(str(error)[:80])
    the gradient of output 0, element (0,), along input 0, element (0,), is 3 by bac
    """


def gradcheck(func: Callable[..., Any], inputs: Union[Tensor, Sequence[Any]], eps: float = 1e-6, atol: float = 1e-5,
              rtol: float = 1e-3, raise_exception: bool = True) -> bool:
    """Check the gradients of `func` against central differences (f(x + eps) - f(x - eps)) / (2 eps).

    Parameters
    ----------
    func : a function of the inputs that returns one or several float64 tensors.
    inputs : those that require a gradient must be float64, since differences in float32 are too inaccurate.

    Raises
    ------
    GradcheckError : an error exceeds ``atol + rtol * |difference quotient|``; without `raise_exception` the result is
        False instead.

    >>> gradcheck(lambda x: x * x, Tensor([1.0, -2.0], dtype="float64", requires_grad=True))
    True
    """
    try:
        _check_gradients(func, _listed(inputs), eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Union[Tensor, Sequence[Any]], grad_outputs: Any = None,
                  eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False,
                  raise_exception: bool = True) -> bool:
    """Check the second derivatives of `func` against central differences, as `gradcheck`.

    `grad_outputs` are the weights of the outputs, by default samples of a normal distribution.

    >>> gradgradcheck(lambda x: x ** 3, Tensor([1.0, -2.0], dtype="float64", requires_grad=True))
    True
    """
    listed = _listed(inputs)
    outputs = _listed(func(*listed))
    draw = np.random.default_rng(0).standard_normal
    weights = _listed(grad_outputs) if grad_outputs is not None else [
        Tensor(draw(output.shape), dtype=output.dtype, device=output.device, requires_grad=True) for output in outputs]
    wanted = [i for i, value in enumerate(listed) if isinstance(value, Tensor) and value.requires_grad]

    def gradients(*values: Any) -> tuple[Tensor, ...]:
        given, weighted = values[:len(listed)], values[len(listed):]
        found = grad(_listed(func(*given)), [given[i] for i in wanted], list(weighted), create_graph=True,
                     allow_unused=True)
        return tuple(gradient for gradient in found if gradient is not None and gradient.requires_grad)

    return gradcheck(gradients, [*listed, *weights], eps, atol, rtol, raise_exception)


def _check_gradients(function: Callable[..., Any], inputs: list[Any], eps: float, atol: float, rtol: float) -> None:
    checked = [i for i, value in enumerate(inputs) if isinstance(value, Tensor) and value.requires_grad]
    if not checked:
        raise ValueError("gradcheck: none of the inputs requires a gradient")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise TypeError(f"gradcheck needs float64 inputs; input {i} holds {inputs[i].dtype}")
    leaves = [_leaf(value, i in checked) for i, value in enumerate(inputs)]
    outputs = _listed(function(*leaves))
    for o, output in enumerate(outputs):
        analytic = [np.zeros((output.size, leaves[i].size)) for i in checked]
        for element in range(output.size if output.requires_grad else 0):
            weight = np.zeros(output.size, output.dtype)
            weight[element] = 1
            upstream = upstream_gradient(output, weight.reshape(output.shape))
            found = propagate([parent_of(output)], [upstream], True, False, wanted=[leaves[i] for i in checked])
            for rows, gradient in zip(analytic, found):
                rows[element] = 0 if gradient is None else gradient.numpy().ravel()
        for rows, i in zip(analytic, checked):
            _compare(rows, _differences(function, inputs, i, o, eps), inputs[i].shape, output.shape, i, o, atol, rtol)


def _leaf(value: Any, requires_grad: bool) -> Any:
    return value.detach().clone().requires_grad_(requires_grad) if isinstance(value, Tensor) else value


def _differences(function: Callable[..., Any], inputs: Sequence[Any], i: int, o: int, eps: float) -> np.ndarray:
    """The central differences of output `o`, with a column for each element of input `i`."""
    center = np.array(inputs[i].numpy(), order="C")

    def value_at(element: int, step: float) -> np.ndarray:
        moved = center.copy()
        moved.reshape(-1)[element] += step
        # They still require gradients, since the function may compute gradients itself.
        arguments = [_leaf(value, isinstance(value, Tensor) and value.requires_grad) for value in inputs]
        arguments[i] = Tensor(moved, requires_grad=True, device=inputs[i].device)
        return np.array(_listed(function(*arguments))[o].numpy()).ravel()

    columns = [(value_at(element, eps) - value_at(element, -eps)) / (2 * eps) for element in range(center.size)]
    return np.stack(columns, axis=1) if columns else np.zeros((0, 0))


def _compare(analytic: np.ndarray, numeric: np.ndarray, input_shape: tuple[Any, ...], output_shape: tuple[Any, ...],
             i: int, o: int, atol: float, rtol: float) -> None:
    if not numeric.size:
        return
    wrong = ~(np.abs(analytic - numeric) <= atol + rtol * np.abs(numeric))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        of = tuple(map(int, np.unravel_index(row, output_shape)))
        along = tuple(map(int, np.unravel_index(column, input_shape)))
        raise GradcheckError(f"the gradient of output {o}, element {of}, along input {i}, element {along}, is "
                             f"{analytic[row, column]:.10g} by backward and {numeric[row, column]:.10g} by differences "
                             f"({int(wrong.sum())} of {wrong.size} elements disagree)")
