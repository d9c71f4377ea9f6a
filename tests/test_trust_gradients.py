"""The gradients that tensors keep: adding is atomic and in place, and only what fits the tensor can be assigned."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, grad, no_grad
from gradcore.core import accumulation
from gradcore.core.views import share_memory
from gradcore.nn import functional
from places import child_ends


def leaf(backend, *values, dtype="float32"):
    return Tensor(np.array(values, dtype), device=backend.device, requires_grad=True)


def _in_threads(work, count=8):
    """Run `work` in threads that change as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("n", [1, 3000])
def test_backward_passes_of_several_threads_lose_no_gradient(backend, n):
    w = leaf(backend, *[1.0] * n)
    inner = (w * 1.0)
    inner.retain_grad()

    def work():
        for _ in range(100):
            (w * 1.0).sum().backward()
            inner.sum().backward(retain_graph=True)

    _in_threads(work)
    assert (w.grad == 1600).all() and (inner.grad == 800).all()


def test_gradients_are_added_to_the_tensor_that_is_there(backend):
    x = leaf(backend, 1, 2)
    (x * 3).sum().backward()
    seen = x.grad
    (x * 4).sum().backward()
    assert x.grad is seen and seen.tolist() == [7, 7]


def test_what_was_computed_from_a_gradient_notices_the_next_backward(backend):
    x, w = leaf(backend, 1, 2), leaf(backend, 1, 1)
    (x * 3).sum().backward()
    y = (w * x.grad).sum()
    (x * 4).sum().backward()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_gradients_with_a_history_are_not_changed(backend):
    x = leaf(backend, 2, 3)
    (x ** 3).sum().backward(create_graph=True)
    first = x.grad
    (x ** 3).sum().backward()
    assert first.tolist() == [12, 27] and x.grad.tolist() == [24, 54]
    assert grad(first.sum(), x)[0].tolist() == [12, 18]


def test_a_gradient_shares_its_memory_with_nothing(backend):
    """What a leaf keeps is changed by the next backward: neither the weights nor another leaf may see that."""
    a, b = leaf(backend, 1, 2), leaf(backend, 3, 4)
    weight = gradcore.ones(2, device=backend.device)
    for function in (lambda: a + b, lambda: a.reshape(2, 1).T[0] + b, lambda: (a - 0.0) + b.flip(0).flip(0), lambda: a):
        a.grad = b.grad = None
        for _ in range(2):
            function().backward(weight)
        assert a.grad.tolist() == [2, 2] and weight.tolist() == [1, 1]
        assert b.grad is None or b.grad.tolist() == [2, 2]


def test_expanded_and_read_only_gradients_are_replaced(backend):
    x = leaf(backend, 1, 2)
    x.grad = one = gradcore.ones(1, device=backend.device).expand(2)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [4, 4] and one.tolist() == [1, 1]
    fixed = np.ones(2, "f4")
    fixed.flags.writeable = False
    y = Tensor([1.0, 2.0], requires_grad=True)
    y.grad = gradcore.from_numpy(fixed)
    (y * 3).sum().backward()
    assert y.grad.tolist() == [4, 4] and fixed.tolist() == [1, 1]


def test_float16_gradients_overflow_without_a_warning():
    x = leaf(gradcore.get_backend("cpu"), 1, dtype="float16")
    for _ in range(2):
        (x * 60000.0).sum().backward()
    assert x.grad.tolist() == [np.inf]


def test_retained_gradients_add_up_as_in_pytorch(backend, torch):
    def kept(x):
        y = x * 2
        y.retain_grad()
        z = (y * y).sum()
        z.backward(retain_graph=True)
        z.backward()
        return y.grad.tolist()

    assert kept(leaf(backend, 1, 3)) == kept(torch.tensor([1.0, 3.0], requires_grad=True))


@pytest.mark.parametrize("change", [
    lambda y: y.mul_(3), lambda y: y.__setitem__(0, 5.0), lambda y: y.copy_(y.detach() + 1), lambda y: y.fill_(2.0),
    lambda y: (y.mul_(3), y.add_(1), y.__setitem__(1, 0.0)), lambda y: y.clamp_(0, 3)])
def test_retained_gradients_are_of_the_new_value_after_a_change_in_place(backend, torch, change):
    def kept(x):
        y = x * 2
        y.retain_grad()
        change(y)
        (y * y).sum().backward()
        return y.grad.tolist(), x.grad.tolist()

    assert kept(leaf(backend, 1, 3)) == kept(torch.tensor([1.0, 3.0], requires_grad=True))


def test_retain_grad_needs_a_gradient(backend):
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        leaf(backend, 1).detach().retain_grad()


@pytest.mark.parametrize("wrong", [
    lambda d: gradcore.ones(3, device=d), lambda d: gradcore.ones(1, 2, device=d),
    lambda d: gradcore.ones(2, dtype="float64", device=d), lambda d: gradcore.ones(2, dtype="int64", device=d),
    lambda d: 1.0, lambda d: [1.0, 2.0], lambda d: np.ones(2, "f4"), lambda d: "one"])
def test_only_what_fits_can_be_a_gradient(backend, wrong):
    x = leaf(backend, 1, 2)
    x.grad = kept = gradcore.zeros(2, device=backend.device)
    with pytest.raises(ValueError, match=r"the gradient must be a tensor of \(\(2,\), 'float32', .*got"):
        x.grad = wrong(backend.device)
    assert x.grad is kept
    x.grad = None
    assert x.grad is None


def test_a_gradient_lives_where_its_tensor_does(backend):
    there = "strict" if backend.device == "cpu" else "cpu"
    if there == "strict":
        pytest.importorskip("array_api_strict", reason="array-api-strict is not installed: there is one device")
    x = leaf(backend, 1, 2)
    with pytest.raises(ValueError, match=f"{backend.device}.*got.*{there}"):
        x.grad = gradcore.ones(2, device=there)
    with pytest.raises(ValueError, match="its own gradient"):
        x.grad = x
    assert x.grad is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_does_not_wait_for_a_thread_of_its_parent():
    w = Tensor([1.0], requires_grad=True)

    def computes():
        (w * 2).sum().backward()
        return w.grad.tolist() == [2]

    assert child_ends([accumulation._adding.lock], computes)


def test_views_can_be_listed_twice(backend):
    x = leaf(backend, 1, 2).detach()
    view = x[0:1]
    share_memory(view, x)
    share_memory(view, x)
    with no_grad():
        view.zero_()
    assert x.tolist() == [0, 2]


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_gradient_at_a_nan_that_is_a_rows_extremum_is_nan(backend, name):
    extremum = gradcore.rowwise(lambda xp, x: getattr(xp, name)(x))
    x = Tensor([[1.0, np.nan, 2.0], [3.0, 3.0, 3.0]], device=backend.device, requires_grad=True)
    extremum(x).sum().backward()
    assert np.isnan(x.grad.numpy()[0]).all() and np.allclose(x.grad.numpy()[1], 1 / 3)


def test_lists_beside_float64_are_not_rounded_to_float32(backend):
    x = Tensor(np.ones(2), device=backend.device)
    assert (x + [0.1, 0.2]).tolist() == [1.1, 1.2] and gradcore.minimum(x, (0.1, 0.2)).tolist() == [0.1, 0.2]
    assert (x.float() + [0.1, 0.2]).dtype == np.float32


class _Freeing(dict):
    """What a node has saved; another thread's backward pass frees it while the first of it is read."""

    node = None

    def __getitem__(self, i):
        self.node.release()
        return super().__getitem__(i)

    def __iter__(self):
        self.node.release()
        return iter(self.values())


class _Twice(gradcore.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, x * 1.0)
        return x * 2.0

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2.0 + 0.0 * ctx.saved_tensors[1]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("function", [
    lambda x: gradcore.tanh(x) * x, lambda x: x * (x + 1.0), lambda x: functional.softmax(x, dim=-1),
    lambda x: functional.layer_norm(x, (3,), x.detach()[0], x.detach()[1]), lambda x: x @ x.T, _Twice.apply])
def test_what_another_thread_frees_is_read_before_or_refused_in_words(function, create_graph, rng):
    x = Tensor(rng.normal(size=(3, 3)), requires_grad=True)
    expected = None
    for frees in (False, True):
        y = function(x)
        node = y.grad_fn
        if frees and hasattr(node, "kept"):
            saved = _Freeing(node.kept.saved)
            node.kept = node.kept._replace(saved=saved)
        elif frees:
            name = "_saved" if hasattr(node, "_saved") else "saved"
            given = getattr(node, name)
            saved = _Freeing(given if isinstance(given, dict) else dict(enumerate(given)))
            setattr(node, name, saved)
        if not frees:
            expected, = gradcore.autograd.grad(y.sum(), x, create_graph=create_graph)
            continue
        saved.node = node
        try:
            found, = gradcore.autograd.grad(y.sum(), x, create_graph=create_graph)
        except RuntimeError as error:
            assert "a second backward" in str(error)
        else:
            np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy())
