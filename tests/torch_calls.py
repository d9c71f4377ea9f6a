"""Calls that are made of this library and of PyTorch: as functions and as methods, with their gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from beside_torch import derivatives_of
from gradcore import Tensor


class Call(NamedTuple):
    """`name(*operands, *args, **options)`; operands are arrays, or shapes of random ones."""

    name: str
    operands: tuple
    args: tuple = ()
    options: dict = {}
    is_method: bool = True
    is_function: bool = True
    has_gradient: bool = True  # in PyTorch

    def __str__(self) -> str:
        shapes = "-".join(str(operand if isinstance(operand, tuple) else operand.shape) for operand in self.operands)
        return f"{self.name}-{shapes}-{self.args}{self.options or ''}".replace(" ", "")


def case(name: str, *operands: Any, args: tuple = (), method: bool = True, function: bool = True,
         gradient: bool = True, **options: Any) -> Call:
    return Call(name, operands, args, options, method, function, gradient)


INF, NAN = np.inf, np.nan
SMALL = np.array([[0.3, -0.2, 0.9], [-0.999, 0.0, 0.55]])  # inside of (-1, 1)
PART = np.array([0.1, 0.5, 0.9999])
LARGE = np.array([1.0001, 1.5, 40.0, 1e12])
NUMBERS = np.array([-7.5, -2.0, 3.25, 1e12])
SPECIAL = np.array([NAN, INF, -INF, 1.0])
TIES = np.array([[2.0, 1.0, 2.0, 3.0], [0.0, 0.0, -1.0, 0.0]])
WITH_NAN = np.array([[2.0, NAN, 1.0], [3.0, 1.0, 2.0]])
ZEROS = np.array([[2.0, 0.0, 3.0, 0.0, 4.0], [1.0, 2.0, 3.0, 4.0, 0.0]])
INTEGERS = np.array([[3, 1, 2], [1, 3, 0]])
TRUTH = np.array([[True, False, True], [False, False, True]])
INDEX = np.array([[0, 1, 0], [2, 2, 1]])
COUNTED = np.array([3, 1, 1, 0])


def arrays_of(call: Call, rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.normal(size=operand) if isinstance(operand, tuple) else operand for operand in call.operands]


def parts_of(result: Any) -> list[Any]:
    """The tensors of a result, however they are nested."""
    return [part for item in result for part in parts_of(item)] if isinstance(result, (tuple, list)) else [result]


def _gradient_of(parts: list[Any], weights: list[Any], leaves: list[Any]) -> list[Any]:
    recorded = [(part, weight) for part, weight in zip(parts, weights) if part.requires_grad]
    if recorded:
        sum((part * weight).sum() for part, weight in recorded).backward()
    return [leaf.grad for leaf in leaves]


def compare_calls(torch: Any, backend: Any, rng: np.random.Generator, ours: Any, theirs: Any,
             arrays: list[np.ndarray], gradients: bool = True) -> None:
    """`ours` of tensors has the values, dtypes and gradients that `theirs` has of PyTorch's."""
    tensors = [Tensor(a, gradients and a.dtype.kind == "f", dtype=a.dtype, device=backend.device) for a in arrays]
    expected = [torch.tensor(a, requires_grad=gradients and a.dtype.kind == "f") for a in arrays]
    result, wanted = ours(*tensors), theirs(*expected)
    assert isinstance(result, tuple) == isinstance(wanted, tuple)
    result, wanted = parts_of(result), parts_of(wanted)
    assert len(result) == len(wanted)
    for part, reference in zip(result, wanted):
        assert part.device == backend.device and part.shape == tuple(reference.shape)
        assert part.dtype == str(reference.dtype).split(".")[1]
        np.testing.assert_allclose(part.detach().numpy(), reference.detach().numpy(), rtol=1e-9, atol=1e-12)
    weights = [rng.normal(size=tuple(reference.shape)) for reference in wanted]
    computed = _gradient_of(result, [Tensor(weight, device=backend.device) for weight in weights], tensors)
    with derivatives_of(torch):
        references = _gradient_of(wanted, [torch.tensor(weight) for weight in weights], expected)
    for gradient, reference in zip(computed, references):
        if gradient is None or reference is None:
            rest = gradient if reference is None else reference
            assert rest is None or not rest.detach().cpu().numpy().any()
        else:
            np.testing.assert_allclose(gradient.numpy(), reference.numpy(), rtol=1e-8, atol=1e-10)


def forms_of(call: Call) -> list[Any]:
    """The call as a function of a library and its operands: as the library's function and as the tensor's method."""
    options = dict(call.options)

    def as_function(library: Any, x: Any, *rest: Any) -> Any:
        return getattr(library, call.name)(x, *rest, *call.args, **options)

    def as_method(library: Any, x: Any, *rest: Any) -> Any:
        return getattr(x, call.name)(*rest, *call.args, **options)

    return [as_function] * call.is_function + [as_method] * call.is_method
