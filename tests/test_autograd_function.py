"""Operations of one's own by `autograd.Function`, operations of several outputs, and `autograd.backward`."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, autograd, gradcheck
from gradcore.autograd import Function


class Waves(Function):
    """exp(x y) and k sin(x): it saves inputs, an output, and a number."""

    @staticmethod
    def forward(ctx, x, y, k):
        product = gradcore.exp(x * y)
        ctx.k = k
        ctx.save_for_backward(x, None, y, product)
        return product, k * gradcore.sin(x)

    @staticmethod
    def backward(ctx, along_product, along_sine):
        x, nothing, y, product = ctx.saved_tensors
        assert nothing is None
        along_x = along_product * product * y + along_sine * ctx.k * gradcore.cos(x)
        return along_x, along_product * product * x if ctx.needs_input_grad[1] else None, None


def _leaf(values, device="cpu"):
    return Tensor(values, dtype="float64", device=device, requires_grad=True)


def _first(x, y):
    product, sine = Waves.apply(x, y, 3.0)
    return (product * sine).sum()


def test_its_gradients_of_both_orders(backend, rng):
    x, y = _leaf(rng.normal(size=4), backend.device), _leaf(rng.normal(size=4), backend.device)
    assert gradcheck(_first, (x, y))

    def slopes(x, y):
        a, b = gradcore.grad(_first(x, y), (x, y), create_graph=True)
        return (a * a).sum() + (b * x).sum()
    assert gradcheck(slopes, (x, y))


def test_as_pytorchs(torch, rng):
    class Theirs(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return 0.5 * (5 * x ** 3 - 3 * x)

        @staticmethod
        def backward(ctx, gradient):
            x, = ctx.saved_tensors
            return gradient * 1.5 * (5 * x ** 2 - 1)

    class Ours(Function):
        forward, backward = Theirs.__dict__["forward"], Theirs.__dict__["backward"]

    values = rng.normal(size=5)
    x, other = _leaf(values), torch.tensor(values, requires_grad=True)
    (Ours.apply(x) ** 2).sum().backward()
    (Theirs.apply(other) ** 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), other.grad.numpy(), rtol=1e-12)


def test_needs_input_grad_and_outputs_without_gradient():
    seen = []

    class Sorted(Function):
        @staticmethod
        def forward(ctx, x, y):
            order = gradcore.argsort(x)
            values = x[order]
            ranks = order.to(dtype="float32")
            ctx.mark_non_differentiable(ranks)
            ctx.order = order
            return values, ranks

        @staticmethod
        def backward(ctx, along_values, along_ranks):
            seen.append((ctx.needs_input_grad, along_ranks.tolist()))
            return gradcore.zeros_like(along_values).index_add(0, ctx.order, along_values), None

    x = Tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, ranks = Sorted.apply(x, Tensor([1.0]))
    assert values.requires_grad and not ranks.requires_grad
    (values * Tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]
    assert seen == [((True, False), [0.0, 0.0, 0.0])]


def test_gradients_may_stay_none():
    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            assert b is None
            return a * 2

    x = Tensor([1.0], requires_grad=True)
    Twice.apply(x)[0].backward()
    assert x.grad.tolist() == [2.0]


def test_setup_context_and_an_input_as_it_is():
    class Straight(Function):
        @staticmethod
        def forward(x):
            return x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.factor = 5.0

        @staticmethod
        def backward(ctx, gradient):
            return gradient * ctx.factor

    x = Tensor([1.0], requires_grad=True)
    y = Straight.apply(x)
    assert y is not x and x.is_leaf
    y.backward()
    assert x.grad.tolist() == [5.0]


def test_a_gradient_that_is_passed_on_is_not_shared():
    class Same(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, gradient):
            return gradient, gradient

    x, y = Tensor([1.0], requires_grad=True), Tensor([1.0], requires_grad=True)
    Same.apply(x, y).backward()
    x.grad.zero_()
    assert y.grad.tolist() == [1.0]


def test_nothing_is_kept_in_a_circle():
    x, y = _leaf([1.0]), _leaf([2.0])
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            Waves.apply(x, y, 2.0)
        assert gc.collect() == 0
    finally:
        gc.enable()


def _returning(gradients):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, k):
            ctx.save_for_backward(x)
            return x * k

        @staticmethod
        def backward(ctx, gradient):
            ctx.saved_tensors
            return gradients

    return Wrong


def test_mistakes_are_named():
    x = Tensor([1.0, 2.0], requires_grad=True)
    one = Tensor([1.0, 2.0])
    for gradients, message in (((one,), "for each of the 2"), ((one, None, one), "for each of the 2"),
                               ((Tensor([1.0]), None), r"argument 0 must be a tensor of shape \(2,\)"),
                               ((1.0, None), "got float")):
        with pytest.raises(RuntimeError, match=message):
            _returning(gradients).apply(x, 2.0).sum().backward()
    assert x.grad is None
    with pytest.raises(TypeError, match="save_for_backward: `tensors` must be a Tensor or None; got int 1"):
        class Saves(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x, 1)
        Saves.apply(x)
    with pytest.raises(NotImplementedError, match="static method"):
        Function.apply(x)


def test_a_saved_tensor_that_changed_is_noticed():
    right = _returning((Tensor([1.0]), None))
    source = Tensor([1.0], requires_grad=True)
    x = source * 1.0
    y = right.apply(x, 2.0)
    x.add_(1.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    y = right.apply(source, 2.0)
    y.backward()
    with pytest.raises(RuntimeError, match="second backward"):
        y.backward()


def test_backward_of_several(torch, rng):
    values = rng.normal(size=3)
    x, other = _leaf(values), torch.tensor(values, requires_grad=True)
    for library, leaf in ((gradcore, x), (torch, other)):
        weights = [None, library.ones_like(leaf) * 2]
        library.autograd.backward([leaf.sum(), leaf * leaf], weights)
        library.autograd.backward((leaf * 3).sum(), inputs=[leaf])
    np.testing.assert_allclose(x.grad.numpy(), other.grad.numpy())


def test_backward_touches_only_what_it_is_told_to():
    x, y = _leaf([1.0]), _leaf([2.0])
    autograd.backward(x * y, inputs=x)
    assert x.grad.tolist() == [2.0] and y.grad is None
    with pytest.raises(ValueError, match="1 output"):
        autograd.backward(x * y, [None, None])
    with pytest.raises(TypeError, match="backward: `tensors` must be a Tensor .*got float 3.0"):
        autograd.backward(3.0)


def test_variable_is_a_leaf_in_the_same_memory():
    x = Tensor([1.0], requires_grad=True)
    y = autograd.Variable(x * 1, requires_grad=True)
    assert y.is_leaf and y.requires_grad and not autograd.Variable(x).requires_grad
