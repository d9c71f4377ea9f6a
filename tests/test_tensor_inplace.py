"""Changes in place: what they write, what they refuse, and that gradients are right or the change is detected."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, no_grad


def leaf(backend, *values, requires_grad=True):
    return Tensor([float(value) for value in values], device=backend.device, requires_grad=requires_grad)


@pytest.mark.parametrize("change, expected", [
    (lambda x: x.add_(1), [2, 3]), (lambda x: x.sub_(1), [0, 1]), (lambda x: x.mul_(3), [3, 6]),
    (lambda x: x.div_(2), [0.5, 1]), (lambda x: x.pow_(2), [1, 4]), (lambda x: x.neg_(), [-1, -2]),
    (lambda x: x.zero_(), [0, 0]), (lambda x: x.fill_(7), [7, 7]),
    (lambda x: x.copy_([5, 6]), [5, 6]),
    (lambda x: x.clamp_(max=1), [1, 1]), (lambda x: x.clamp_(1.5, 3), [1.5, 2]),
    (lambda x: x.square_().add_(1), [2, 5])])
def test_methods(backend, change, expected):
    x = leaf(backend, 1, 2, requires_grad=False)
    alias = x.detach()
    assert change(x) is x and x.dtype == np.float32
    assert x.tolist() == alias.tolist() == expected


def test_operators(backend):
    x = original = leaf(backend, 1, 2, requires_grad=False)
    x += 1
    x *= np.float64(2)
    x -= leaf(backend, 1, 0, requires_grad=False)
    x /= 2
    x **= 2
    assert x is original and x.tolist() == [2.25, 9.0] and x.dtype == np.float32
    x //= 2
    x %= 3
    assert x.tolist() == [1, 1]
    bits = Tensor([6, 3], dtype=int, device=backend.device)
    bits &= 5
    bits |= 8
    bits ^= 1
    assert bits.tolist() == [13, 8]


def test_the_dtype_stays(backend):
    x = leaf(backend, 1, 2, requires_grad=False)
    x += Tensor(np.ones(2), device=backend.device)
    assert x.dtype == np.float32
    n = Tensor([1, 2], dtype=int, device=backend.device)
    n += 1
    with pytest.raises(TypeError, match="int64"):
        n += 0.5
    with pytest.raises(ValueError, match="shape"):
        x += gradcore.ones(3, 2, device=backend.device)
    assert n.tolist() == [2, 3]


def test_gradients_through_a_chain_of_changes(backend):
    x = leaf(backend, 1, 2)
    y = x * 2
    y += x
    y *= 3
    y[0] = x[1] * x[1]
    assert y.requires_grad and y.tolist() == [4, 18]
    y.sum().backward()
    assert x.grad.tolist() == [0, 13]


def test_a_constant_takes_on_history(backend):
    x, out = leaf(backend, 2, 3), gradcore.zeros(2, 2, device=backend.device)
    out[0] = x
    out[1] = out[0] * 5
    assert out.requires_grad and not out.is_leaf
    out.sum().backward()
    assert x.grad.tolist() == [6, 6]


def test_overwritten_values_pass_no_gradient(backend):
    x = leaf(backend, 1, 2)
    y = x * 2
    y.fill_(3)
    (y * x.detach()).sum().backward()
    assert x.grad.tolist() == [0, 0]
    z = x * 2
    z.copy_(x)
    z.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_a_leaf_that_requires_a_gradient_is_changed_under_no_grad_only(backend):
    x = leaf(backend, 1, 2)
    for change in (lambda: x.add_(1), lambda: x.__iadd__(1), lambda: x.__setitem__(0, 5.0), lambda: x.zero_()):
        with pytest.raises(RuntimeError, match="leaf"):
            change()
    with no_grad():
        x -= 1
        x[0] = 9.0
    assert x.tolist() == [9, 1] and x.is_leaf and x.requires_grad
    x.data = x.data * 2
    x.data.add_(1)
    assert x.tolist() == [19, 3]


@pytest.mark.parametrize("change", [
    lambda y: y.add_(1), lambda y: y.__setitem__(0, 5.0), lambda y: y.detach().mul_(2),
    lambda y: y.reshape(2, 1).detach().zero_(), lambda y: y.data.zero_()])
def test_changes_of_saved_values_are_detected(backend, change):
    x = leaf(backend, 1, 2)
    y = x * 2
    z = y * y
    change(y)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.sum().backward()


def test_changes_of_what_is_not_needed_are_fine(backend):
    x = leaf(backend, 1, 2)
    y = x * 2
    z = y + 1
    y += 5
    z.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_changes_of_saved_outputs_are_detected(backend):
    x = leaf(backend, 1, 2)
    y = x.exp()
    with no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_weights_that_change_between_forward_and_backward_are_detected(backend):
    w, x = leaf(backend, 1, 2), leaf(backend, 3, 4)
    loss = (w * x).sum()
    with no_grad():
        w -= 1
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


@pytest.mark.parametrize("view", [lambda y: y[0], lambda y: y.reshape(2, 1), lambda y: y.T, lambda y: y.expand(3, 2),
                                  lambda y: y[None]])
def test_recorded_changes_of_shared_memory_are_refused(backend, view):
    y = leaf(backend, 1, 2) * 2
    v = view(y)
    with pytest.raises(RuntimeError, match="view|expanded"):
        v += 1
    with pytest.raises(RuntimeError, match="view"):
        y += 1
    del v
    y += 1
    assert y.tolist() == [3, 5]
    constant = gradcore.zeros(2, device=backend.device)
    v = view(constant)  # noqa: F841  # alive
    with pytest.raises(RuntimeError, match="view"):
        constant += leaf(backend, 1, 2)


def test_views_whose_source_is_gone_can_be_changed(backend):
    x = leaf(backend, 1, 2)
    y = (x * 2).reshape(2, 1)
    y += 1
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_expanded_tensors_are_not_written_to(backend):
    x = leaf(backend, 1, 2, requires_grad=False).expand(3, 2)
    for change in (lambda: x.add_(1), lambda: x.__setitem__(0, 5.0), lambda: x.zero_()):
        with pytest.raises((RuntimeError, ValueError), match="expanded|read-only"):
            change()
    y = x.clone()
    y[0] = 9.0
    assert x.tolist() == [[1, 2]] * 3 and y.tolist() == [[9, 9], [1, 2], [1, 2]]


@pytest.mark.parametrize("shape", [(0, 3, 1), (3, 0)])
def test_writing_nothing_is_fine(backend, shape):
    x = gradcore.ones(*shape, device=backend.device) * 2
    x[:] = 1.5
    x += 1
    x.copy_(np.zeros(shape))
    assert x.shape == shape


def test_gradients_are_the_leafs_own(backend):
    """No two leaves share the memory of their gradients, nor a leaf and the gradient that was passed in."""
    given = Tensor(np.ones((2, 2)), device=backend.device)
    for function in (lambda a, b: a + b, lambda a, b: a.reshape(4).reshape(2, 2) + b.T, lambda a, b: a.clone() - b,
                     lambda a, b: gradcore.cat([a, b])[:2], lambda a, b: (a + b).flip(0),
                     lambda a, b: a.double() + b[:],
                     lambda a, b: a.expand(2, 2) + b.squeeze(), lambda a, b: gradcore.stack([a, b]).sum(0),
                     lambda a, b: a.sum() + b.mean() + given * 0, lambda a, b: a.unsqueeze(0)[0] + b.view(2, 2)):
        a, b = (Tensor(np.ones((2, 2)), device=backend.device, requires_grad=True) for _ in "ab")
        function(a, b).backward(given)
        expected = b.grad.numpy().copy()
        a.grad.zero_()
        np.testing.assert_array_equal(b.grad.numpy(), expected)
        a.grad += 1
        b.grad.zero_()
        np.testing.assert_array_equal(a.grad.numpy(), 1)
        np.testing.assert_array_equal(given.numpy(), 1)
