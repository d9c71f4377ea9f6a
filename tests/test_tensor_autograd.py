"""The graph: long chains, memory, freed buffers, threads, gradients of gradients, and the check of gradients."""

from __future__ import annotations

import gc
import re
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import gradcore
from gradcore import (GradcheckError, Tensor, enable_grad, grad, gradcheck, is_grad_enabled, no_grad,
                      set_grad_enabled)


def leaf(backend, *values, **options):
    return Tensor([float(value) for value in values], device=backend.device, requires_grad=True, **options)


def random_leaf(backend, rng, *shape):
    return Tensor(rng.normal(size=shape), device=backend.device, requires_grad=True)


@pytest.mark.parametrize("step", [lambda y: y + 1, lambda y: y.reshape(1, -1).reshape(-1), lambda y: y * 1.0,
                                  lambda y: y.clone().add_(1)], ids=["add", "reshape", "multiply", "in place"])
def test_a_chain_of_20000_operations(step):
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x
    for _ in range(20_000):
        y = step(y)
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]
    y = x
    for _ in range(20_000):
        y = step(y)
    del y  # the graph was never used: it must be taken down without a recursion too


def graph(x, w):
    h = (x @ w).exp()
    h = h - h.mean(1, keepdim=True)
    h += h.detach().clone() * w[0, 0]
    h[0] = x[0] @ w
    return gradcore.cat([h, h.T.reshape(h.shape)]).max(1).values.mean() + gradcore.where(h > 0, h, h * 2).var()


def test_no_reference_cycles(rng):
    """Everything a graph holds is gone with its last tensor, without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        for backward in (True, False):
            x, w = (Tensor(rng.normal(size=(3, 3)), requires_grad=True) for _ in "xw")
            before = set(map(id, gc.get_objects()))
            loss = graph(x, w)
            node = weakref.ref(loss.grad_fn)
            if backward:
                loss.backward()
                x.grad = w.grad = None
            del loss
            assert node() is None
            left = [o for o in gc.get_objects() if id(o) not in before and type(o).__module__.startswith("gradcore")]
            assert not [o for o in left if isinstance(o, Tensor)], left
    finally:
        gc.enable()


def test_memory_stays_flat_without_the_collector(rng):
    x, w = (Tensor(rng.normal(size=(64, 64)) / 64, requires_grad=True) for _ in "xw")

    def step():
        graph(x, w).backward()
        x.grad = w.grad = None

    gc.disable()
    try:
        for _ in range(5):
            step()
        tracemalloc.start()
        step()
        objects, memory = len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
        for _ in range(50):
            step()
        assert len(gc.get_objects()) - objects < 50
        assert tracemalloc.get_traced_memory()[0] - memory < 50 * x.numpy().nbytes / 4  # Python keeps some free tuples
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.mark.parametrize("function", [lambda x: (x * x).sum(), lambda x: (x @ x), lambda x: x.exp().sum(),
                                      lambda x: x.max()])
def test_a_second_backward_is_refused_in_words(backend, function):
    x = leaf(backend, 1, 2)
    y = function(x)
    y.backward(retain_graph=True)
    first = x.grad.numpy().copy()
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * first)
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_gradients_accumulate(backend):
    x = leaf(backend, 1, 2)
    (x * 3).sum().backward()
    kept = x.grad
    (x * x).sum().backward()
    assert x.grad.tolist() == [5, 7] and kept is x.grad
    x.zero_grad()
    assert x.grad is None
    y = x * 2
    (y * y + y + x * y).sum().backward()
    assert x.grad.tolist() == [8 + 2 + 4, 16 + 2 + 8]


@pytest.mark.parametrize("gradient", [[3.0, 4.0], (3, 4), np.array([3, 4]), np.array([3.0, 4.0]),
                                      Tensor([3, 4], dtype="float64")])
def test_backward_takes_anything_array_like(gradient):
    x = Tensor([1, 2], requires_grad=True)
    (x * 2).backward(gradient)
    assert x.grad.tolist() == [6, 8] and x.grad.dtype == np.float32


def test_backward_refuses_in_words(backend):
    x = leaf(backend, 1, 2)
    with pytest.raises(RuntimeError, match="one element"):
        (x * 2).backward()
    with pytest.raises(ValueError, match="shape"):
        (x * 2).backward(gradcore.ones(3, device=backend.device))
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        x.detach().sum().backward()
    x.backward([1.0, 5.0])
    assert x.grad.tolist() == [1, 5]


def test_grad_mode(backend):
    x = leaf(backend, 1, 2)
    with no_grad():
        assert not is_grad_enabled() and not (x * 2).requires_grad and not x[0].requires_grad
        with enable_grad():
            assert (x * 2).requires_grad
    assert is_grad_enabled()

    @no_grad()
    def evaluate():
        return x * 2

    assert not evaluate().requires_grad and (x * 2).requires_grad
    with set_grad_enabled(False):
        assert not (x @ x).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0
    assert is_grad_enabled()


def test_threads_have_their_own_grad_mode():
    seen, entered, leave = {}, threading.Event(), threading.Event()

    def other():
        seen["at the start"] = is_grad_enabled()
        with no_grad():
            entered.set()
            leave.wait(10)
            seen["inside"] = is_grad_enabled()

    thread = threading.Thread(target=other)
    with no_grad():
        thread.start()
        entered.wait(10)
    assert is_grad_enabled()
    leave.set()
    thread.join()
    assert seen == {"at the start": True, "inside": False}


def test_threads_work_on_graphs_of_their_own(rng):
    values = [rng.normal(size=(4, 4)) for _ in range(4)]
    expected, found = [], [None] * 4

    def work(i):
        x, w = Tensor(values[i], requires_grad=True), Tensor(values[-1], requires_grad=True)
        for _ in range(20):
            x.grad = None
            graph(x, w).backward()
        found[i] = x.grad.numpy()

    for i in range(4):
        work(i)
    expected = [gradient.copy() for gradient in found]
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found, expected)


def test_gradients_of_inner_tensors_are_kept_when_asked_for(backend):
    x = leaf(backend, 1, 2)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [4, 8] and x.grad.tolist() == [8, 16]


class TestGrad:
    """grad(outputs, inputs)"""

    def test_returns_and_changes_nothing(self, backend):
        x, y = leaf(backend, 1, 2), leaf(backend, 3, 4)
        h = x * y
        along_x, along_h, along_y = grad([(h * h).sum(), x.sum()], [x, h, y])
        assert along_x.tolist() == [2 * 1 * 9 + 1, 2 * 2 * 16 + 1] and along_h.tolist() == [6, 16]
        assert along_y.tolist() == [6, 32] and x.grad is y.grad is h.grad is None

    def test_weights(self, backend):
        x = leaf(backend, 1, 2)
        assert grad(x * x, x, grad_outputs=[[1.0, 10.0]])[0].tolist() == [2, 40]
        assert grad(x * x, x, grad_outputs=gradcore.ones(2, device=backend.device))[0].tolist() == [2, 4]

    def test_unused_inputs(self, backend):
        x, y = leaf(backend, 1), leaf(backend, 2)
        assert grad(x.sum(), [x, y], allow_unused=True)[1] is None
        with pytest.raises(RuntimeError, match="input 1"):
            grad(x.sum(), [x, y])
        with pytest.raises(RuntimeError, match="input 0 .* does not require"):
            grad(x.sum(), [y.detach()])
        with pytest.raises(RuntimeError, match="output 0 .* does not require"):
            grad(y.detach(), x)

    def test_gradients_of_gradients(self, backend):
        x = leaf(backend, 2, 3, dtype="float64")
        slope, = grad((x ** 4).sum(), x, create_graph=True)
        curvature, = grad(slope.sum(), x, create_graph=True)
        third, = grad(curvature.sum(), x)
        assert slope.tolist() == [32, 108] and curvature.tolist() == [48, 108] and third.tolist() == [48, 72]

    def test_a_penalty_on_the_gradient(self, backend, rng, torch):
        values, weights = rng.normal(size=(5, 3)), rng.normal(size=(3, 2))

        def penalty(x, w, along):
            slope, = along(((x @ w).exp()).sum(), x, create_graph=True)
            return (slope * slope).sum()

        x, w = (Tensor(v, device=backend.device, requires_grad=True) for v in (values, weights))
        penalty(x, w, grad).backward()
        theirs = [torch.tensor(v, requires_grad=True) for v in (values, weights)]
        penalty(*theirs, torch.autograd.grad).backward()
        np.testing.assert_allclose(w.grad.numpy(), theirs[1].grad.numpy(), rtol=1e-10)
        np.testing.assert_allclose(x.grad.numpy(), theirs[0].grad.numpy(), rtol=1e-10)


SECOND_DERIVATIVES = [
    lambda x: (x @ x.T / 8).exp(), lambda x: x.max(1).values ** 2, lambda x: x.var(0), lambda x: x.prod(1),
    lambda x: x.logsumexp(1), lambda x: x[[0, 0, 1]] ** 3, lambda x: gradcore.cat([x, x * x]) ** 2,
    lambda x: x.cumsum(1) ** 2, lambda x: x.norm(dim=1),
    lambda x: x.reshape(-1).expand(2, -1) ** 2 * x[0, 0], lambda x: x.T.flip(0) ** 3, lambda x: x.mean((0, 1)) ** 3,
    lambda x: gradcore.where(x > 0, x ** 3, x.exp()),
    lambda x: (x * 2).pow_(2)]


@pytest.mark.parametrize("function", SECOND_DERIVATIVES, ids=range(len(SECOND_DERIVATIVES)))
def test_second_derivatives(backend, rng, function):
    x = random_leaf(backend, rng, 2, 3)

    def slope(x):
        return grad(function(x).sum(), x, create_graph=True)[0]

    def slope_with_grad(x):
        with enable_grad():
            return slope(x.requires_grad_() if x.is_leaf else x)

    assert gradcheck(slope_with_grad, x)


class TestGradcheck:
    """gradcheck"""

    def test_passes_right_gradients(self, backend, rng):
        a, b = random_leaf(backend, rng, 2, 3), random_leaf(backend, rng, 3)
        assert gradcheck(lambda a, b: (a * b, a.sum()), (a, b))
        assert gradcheck(lambda a, n: a * n, (a, 3))
        assert a.grad is None

    def test_names_input_and_element_that_disagree(self, backend, rng):
        @gradcore.elementwise
        def wrong(xp, x, y):
            return x * y

        @wrong.derivative
        def _(xp, x, y):
            return y, x + xp.where(y > 5, 1, 0)

        a = random_leaf(backend, rng, 2, 2)
        b = Tensor(np.array([[1.0, 2.0], [9.0, 3.0]]), device=backend.device, requires_grad=True)
        with pytest.raises(GradcheckError, match=r"input 1, element \(1, 0\)") as caught:
            gradcheck(wrong, (a, b))
        expected = a.numpy()[1, 0]
        numbers = re.search(r"is (\S+) by backward and (\S+) by differences", str(caught.value)).groups()
        assert [float(number) for number in numbers] == pytest.approx([expected + 1, expected], abs=1e-5)

    def test_refuses_what_it_cannot_check(self, backend):
        with pytest.raises(TypeError, match="float64"):
            gradcheck(lambda x: x, leaf(backend, 1))
        with pytest.raises(ValueError, match="requires a gradient"):
            gradcheck(lambda x: x, Tensor(np.ones(2), device=backend.device))


def test_float16_gradients_keep_the_dtype():
    x = Tensor(np.array([1.0, 2.0], np.float16), requires_grad=True)
    ((x * x).sum() / 2).backward()
    assert x.grad.dtype == np.float16 and x.grad.tolist() == [1, 2]


def test_gradients_meet_the_dtypes_of_their_tensors(backend):
    a = Tensor([1, 2], device=backend.device, requires_grad=True)
    b = Tensor(np.array([3.0, 4.0]), device=backend.device, requires_grad=True)
    ((a * b).sum() + (a @ b) + gradcore.cat([a, b]).sum()).backward()
    assert a.grad.dtype == np.float32 and b.grad.dtype == np.float64 and a.grad.tolist() == [7, 9]
