"""Operators and elementary functions, compared with NumPy in float64 and PyTorch, with broadcasting and gradients."""

from __future__ import annotations

import operator
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import gradcore
from gradcore import Tensor

from tensor_cases import SEEDS, SHAPES, check, layouts, normal

BROADCASTING = npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
SMOOTH = ["exp", "expm1", "exp2", "sin", "cos", "sinh", "cosh", "arctan", "square", "negative"]
OF_POSITIVE = ["log", "log1p", "log2", "sqrt", "reciprocal", "abs"]


@pytest.mark.parametrize("operation", ARITHMETIC, ids=lambda f: f.__name__)
@given(shapes=BROADCASTING, seed=SEEDS)
def test_arithmetic_broadcasts(backend, operation, shapes, seed):
    a, b = normal(seed, shapes.input_shapes[0]), np.exp(normal(seed + 1, shapes.input_shapes[1]))
    check(backend, operation, operation, a, b)
    for left, right in zip(layouts(a), layouts(b)):
        check(backend, operation, operation, left, right, gradients=False)


@pytest.mark.parametrize("operation", [*ARITHMETIC, operator.pow], ids=lambda f: f.__name__)
@given(shape=SHAPES, seed=SEEDS, number=st.sampled_from([2, 3.0, np.float64(1.5), np.int64(2), np.float32(0.5)]))
def test_arithmetic_with_numbers(backend, operation, shape, seed, number):
    x = np.exp(normal(seed, shape))
    check(backend, lambda t: operation(t, number), lambda a: operation(a, float(number)), x)
    check(backend, lambda t: operation(number, t), lambda a: operation(float(number), a), x)


@pytest.mark.parametrize("operation", COMPARISONS, ids=lambda f: f.__name__)
@given(shapes=BROADCASTING, seed=SEEDS)
def test_comparisons(backend, operation, shapes, seed):
    a, b = (np.round(normal(seed + i, shape)) for i, shape in enumerate(shapes.input_shapes))
    check(backend, operation, operation, a, b)
    check(backend, lambda t: operation(t, 1), lambda v: operation(v, 1), a)
    check(backend, lambda t: operation(1, t), lambda v: operation(1, v), a)


@pytest.mark.parametrize("name", SMOOTH + OF_POSITIVE)
@given(shape=SHAPES, seed=SEEDS)
def test_elementary_functions(backend, name, shape, seed):
    x = normal(seed, shape)
    x = np.exp(x) if name in OF_POSITIVE else x
    for values in layouts(x):
        check(backend, getattr(Tensor, name), getattr(np, name), values, rtol=1e-12, gradients=False)
    check(backend, getattr(Tensor, name), getattr(np, name), x, rtol=1e-12)


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "sign", "isnan", "isfinite", "isinf"])
def test_functions_without_slope(backend, name):
    x = np.array([-np.inf, -2.5, -1.0, -0.0, 0.0, 0.3, 7.0, np.inf, np.nan])
    check(backend, getattr(Tensor, name), getattr(np, name), x, gradients=False)


@given(data=st.data(), shape=SHAPES, seed=SEEDS)
def test_floor_division_and_remainder_of_integers(backend, data, shape, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-9, 9, shape), rng.integers(1, 9, shape)
    for operation in (operator.floordiv, operator.mod, operator.add, operator.mul, operator.sub):
        check(backend, operation, operation, a, b)
    check(backend, operator.neg, operator.neg, a)


def test_bits_and_truth(backend):
    a, b = np.array([0b1100, 7, -1]), np.array([0b1010, 2, 5])
    for operation in (operator.and_, operator.or_, operator.xor):
        check(backend, operation, operation, a, b)
        check(backend, operation, operation, a > 5, b > 3)
        check(backend, lambda t: operation(t, True), lambda v: operation(v, True), a > 5)
        check(backend, lambda t: operation(True, t), lambda v: operation(True, v), a > 5)
    check(backend, operator.invert, operator.invert, a)
    check(backend, operator.invert, operator.invert, a > 5)
    with pytest.raises(TypeError, match="boolean and integer"):
        Tensor([1.0], device=backend.device) & True


@given(shapes=npst.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), seed=SEEDS)
def test_where(backend, shapes, seed):
    condition, a, b = (normal(seed + i, shape) for i, shape in enumerate(shapes.input_shapes))
    check(backend, lambda a, b: gradcore.where(Tensor(condition > 0, device=backend.device), a, b),
          lambda a, b: np.where(condition > 0, a, b), a, b)
    check(backend, lambda a: a.where(a > 0, 2.0), lambda a: np.where(a > 0, a, 2.0), a)


def test_where_is_not_poisoned_by_the_other_branch(backend):
    x = Tensor([0.0, 4.0], device=backend.device, requires_grad=True)
    gradcore.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert x.grad[1].item() == 0.25
    y = Tensor([np.inf, 1.0], device=backend.device, requires_grad=True)
    gradcore.where(Tensor([False, True], dtype=bool, device=backend.device), y * 3, 0.0).sum().backward()
    assert y.grad.tolist() == [0.0, 3.0]


def test_clip(backend, torch, rng):
    values = np.concatenate([rng.normal(size=50), [-1.0, 1.0, 0.0]])
    for low, high in ((-1.0, 1.0), (None, 0.5), (-1, None)):
        x = Tensor(values, device=backend.device, requires_grad=True)
        theirs = torch.tensor(values, requires_grad=True)
        result = x.clip(low, high)
        result.sum().backward()
        expected = theirs.clip(low, high)
        expected.sum().backward()
        np.testing.assert_array_equal(result.numpy(), expected.detach().numpy())
        np.testing.assert_array_equal(x.grad.numpy(), theirs.grad.numpy())
    assert gradcore.arange(5, device=backend.device).clamp(min=1, max=3).tolist() == [1, 1, 2, 3, 3]
    with pytest.raises(TypeError, match="min, max or both"):
        x.clip()


def test_powers(backend, torch):
    base, exponent = np.array([0.0, 2.0, 0.0, 3.0, -2.0]), np.array([2.0, 0.0, 0.5, 1.5, 3.0])
    x, p = (Tensor(v, device=backend.device, requires_grad=True) for v in (base, exponent))
    theirs = [torch.tensor(v, requires_grad=True) for v in (base, exponent)]
    (x ** p).sum().backward()
    (theirs[0] ** theirs[1]).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), theirs[0].grad.numpy())
    np.testing.assert_allclose(p.grad.numpy(), theirs[1].grad.numpy())


def test_equal_operands_share_the_gradient(backend):
    a, b = (Tensor([1.0, 2.0], device=backend.device, requires_grad=True) for _ in "ab")
    gradcore.maximum(a, b).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [0.5, 0.5]


def test_numbers_of_other_kinds_are_refused():
    for value in (1j, np.complex64(1j), np.str_("1"), None):
        with pytest.raises(TypeError, match="operands must be tensors, arrays or numbers; got"):
            gradcore.Tensor([1.0]) + value
    wide = [np.longdouble] if np.dtype(np.longdouble).itemsize > 8 else []  # the same as float64 on some systems
    for dtype in [np.complex64, *wide]:
        with pytest.raises(TypeError, match="floats of at most 64 bits"):
            gradcore.Tensor(np.ones(2, dtype))


def test_values_beyond_a_dtype_become_infinite_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradcore.tensor([1.0, -1e30]).to(np.float16).tolist() == [1.0, -np.inf]


def test_shapes_that_do_not_broadcast_are_refused(backend):
    with pytest.raises(ValueError, match="shape"):
        gradcore.ones(2, device=backend.device) + gradcore.ones(3, device=backend.device)
