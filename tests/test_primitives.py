"""The derivatives in the table of primitives: against differences where they are smooth, and as stated at kinks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradcore import Tensor, grad, gradcheck
from gradcore.backends import Kernel
from gradcore.backends.formulas.expression import TABLE
from gradcore.core.elementwise import Elementwise

_DOMAINS = {"sqrt": (0.2, 3), "log": (0.2, 3), "log2": (0.2, 3), "log10": (0.2, 3), "log1p": (-0.8, 3),
            "arcsin": (-0.9, 0.9), "arccos": (-0.9, 0.9), "power": (0.3, 2.5), "arctan2": (0.3, 3),
            "reciprocal": (0.3, 3), "divide": (0.3, 3), "remainder": (1.1, 3), "tan": (-1.2, 1.2)}
DIFFERENTIABLE = sorted(name for name, primitive in TABLE.items() if primitive.derivative and not primitive.reduces)
# Values that nothing can be read off from nearby.
_NEIGHBOURS = {"nextafter"}


def _operation(name: str) -> Elementwise:
    return Elementwise.of_kernel(Kernel.of_primitive(name), {})


def _points(name: str, rng: np.random.Generator) -> list[Tensor]:
    low, high = _DOMAINS.get(name, (-2.0, 2.0))
    arrays = [rng.uniform(low, high, 7) for _ in range(TABLE[name].arity)]
    if name == "clip":
        arrays[1:] = -np.abs(arrays[1]) - 0.1, np.abs(arrays[2]) + 0.1
    return [Tensor(array, requires_grad=True) for array in arrays]


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if name not in _NEIGHBOURS])
def test_derivatives_are_slopes(name, rng):
    assert gradcheck(_operation(name), _points(name, rng), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if name not in _NEIGHBOURS])
def test_second_derivatives_are_slopes_of_the_first(name, rng):
    operation, points = _operation(name), _points(name, rng)
    weights = Tensor(rng.uniform(0.5, 1.5, 7))

    def slopes(*tensors):
        found = grad((operation(*tensors) * weights).sum(), tensors, create_graph=True)
        return sum(part for part in found)

    if slopes(*points).requires_grad:
        assert gradcheck(slopes, points, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, values, expected", [
    ("maximum", (1.0, 1.0), (0.5, 0.5)), ("minimum", (1.0, 1.0), (0.5, 0.5)),
    ("maximum", (2.0, 1.0), (1, 0)), ("minimum", (2.0, 1.0), (0, 1)),
    ("abs", (0.0,), (0,)), ("abs", (-2.0,), (-1,)),
    ("clip", (1.0, 1.0, 3.0), (1, 0, 0)), ("clip", (3.0, 1.0, 3.0), (1, 0, 0)), ("clip", (0.0, 1.0, 3.0), (0, 1, 0)),
    ("clip", (4.0, 1.0, 3.0), (0, 0, 1)), ("clip", (2.0, 3.0, 1.0), (0, 0, 1)),
    ("power", (0.0, 2.0), (0, 0)), ("power", (0.0, 0.0), (0, 0)), ("power", (3.0, 0.0), (0, math.log(3))),
    ("power", (0.0, 1.0), (1, 0)), ("power", (2.0, 3.0), (12, 8 * math.log(2))),
    ("hypot", (0.0, 0.0), (0, 0)), ("hypot", (3.0, 4.0), (0.6, 0.8)),
    ("remainder", (7.0, 2.0), (1, -3)), ("remainder", (-7.0, 2.0), (1, 4)), ("copysign", (-2.0, 3.0), (-1, 0)),
    ("nextafter", (1.0, 2.0), (1, 0)), ("sqrt", (4.0,), (0.25,)), ("sigmoid", (0.0,), (0.25,)),
])
def test_slopes_at_kinks(name, values, expected):
    tensors = [Tensor([value], dtype="float64", requires_grad=True) for value in values]
    _operation(name)(*tensors).sum().backward()
    found = [0.0 if tensor.grad is None else tensor.grad.item() for tensor in tensors]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_every_primitive_that_has_slopes_is_among_them():
    assert len(DIFFERENTIABLE) >= 35


def test_the_slope_of_logaddexp_at_infinities():
    inf = np.inf
    a, b = [Tensor(values, dtype="float64", requires_grad=True)
            for values in ([inf, -inf, inf, 1.0, -inf, 2.0], [inf, -inf, 1.0, inf, 2.0, 2.0])]
    _operation("logaddexp")(a, b).sum().backward()
    assert a.grad.tolist() == [0.5, 0.5, 1.0, 0.0, 0.0, 0.5]
    assert b.grad.tolist() == [0.5, 0.5, 0.0, 1.0, 1.0, 0.5]
