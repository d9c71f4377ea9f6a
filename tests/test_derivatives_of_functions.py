"""Jacobians, Hessians, functions of functions, checkpoints, anomalies: beside PyTorch's."""

from __future__ import annotations

import collections
import importlib

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, autograd, func, nn
from gradcore.utils.checkpoint import checkpoint, checkpoint_sequential


def _same(ours, theirs):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs):
            _same(mine, other)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        _same(list(ours.values()), list(theirs.values()))
    else:
        assert ours.shape == tuple(theirs.shape) and ours.requires_grad == theirs.requires_grad
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-9)


def _number(x, y):
    return ((x * y).sin() * x.exp()).sum() + x.prod()


def _vector(x, y):
    return (x * y).tanh().cumsum(0), x ** 2 * y.sum()


def _flat(x, y):
    return (x * y).tanh().cumsum(0)


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("name, function, v", [
    ("jacobian", _vector, None), ("jacobian", _flat, None), ("hessian", _number, None), ("vjp", _flat, "out"),
    ("vjp", _number, None), ("jvp", _vector, "in"), ("vhp", _number, "in"), ("hvp", _number, "in")])
def test_functional_derivatives_are_pytorchs(name, function, v, keeps, torch, rng):
    arrays, weights = rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    results = []
    for library in (gradcore, torch):
        room = importlib.import_module(f"{library.__name__}.autograd.functional")
        inputs = tuple(library.tensor(array, requires_grad=True) for array in arrays)
        given = {"in": (tuple(library.tensor(one) for one in weights),), "out": (library.tensor(weights[0]),),
                 None: ()}[v]
        results.append(getattr(room, name)(function, inputs, *given, create_graph=keeps))
    _same(*results)


def test_derivatives_that_are_refused_are_refused_in_words():
    x = gradcore.ones(3)
    with pytest.raises(RuntimeError, match="hessian: the function must return one number"):
        autograd.functional.hessian(lambda x: x * 2, x)
    with pytest.raises(RuntimeError, match="do not depend on input 1"):
        autograd.functional.jacobian(lambda x, y: x * 2, (x, x), strict=True)
    with pytest.raises(TypeError, match="jacobian: `inputs` must be a Tensor"):
        autograd.functional.jacobian(lambda x: x, 3.0)
    assert autograd.functional.jacobian(lambda x, y: x * 2, (x, x))[1].tolist() == np.zeros((3, 3)).tolist()


CALLS = {
    "grad": lambda f, x, p: f.grad(lambda x: (x ** 3).sum())(x),
    "second": lambda f, x, p: f.grad(lambda x: f.grad(lambda y: (y ** 4).sum())(x).sin().sum())(x),
    "several": lambda f, x, p: f.grad(lambda x, y: (x * y.exp()).sum(), argnums=(0, 1))(x, x + 1),
    "tree": lambda f, x, p: f.grad(lambda p: (p["w"] * x).tanh().sum() + p["b"][0])(p),
    "aux": lambda f, x, p: f.grad_and_value(lambda x: ((x ** 2).sum(), x.sin()), has_aux=True)(x),
    "jacrev": lambda f, x, p: f.jacrev(lambda x: (x.sin(), x.sum()))(x),
    "jacfwd": lambda f, x, p: f.jacfwd(lambda x: x.cumsum(0))(x),
    "hessian": lambda f, x, p: f.hessian(lambda x: (x ** 3).prod())(x),
    "vjp": lambda f, x, p: f.vjp(lambda x, y: x * y, x, x + 1)[1](x),
    "jvp": lambda f, x, p: f.jvp(lambda x: x.exp(), (x,), (x * 2,)),
    "vmap": lambda f, x, p: f.vmap(lambda a, b: (a * b).sum(), in_dims=(0, None))(x.reshape(3, 1), x),
    "per sample": lambda f, x, p: f.vmap(f.grad(lambda p, x: (p["w"] * x).sum() * p["b"][0]), in_dims=(None, 0))(p, x),
    "out": lambda f, x, p: f.vmap(lambda a: (a * x, a), out_dims=(1, 0))(x),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("name", CALLS)
def test_functions_of_functions_are_pytorchs(name, torch, rng):
    x, w = rng.normal(size=3), rng.normal(size=3)
    results = []
    for library in (gradcore, torch):
        parameters = {"w": library.tensor(w), "b": [library.tensor(2.0, dtype=library.float64)]}
        results.append(CALLS[name](importlib.import_module(f"{library.__name__}.func"), library.tensor(x), parameters))
    _same(*results)


def test_gradients_reach_what_the_function_closes_over():
    w = Tensor([2.0], requires_grad=True)
    slope = func.grad(lambda x: (w * x ** 2).sum())(Tensor([3.0]))
    slope.backward()
    assert w.grad.tolist() == [6.0]


def test_a_module_called_with_other_parameters(torch, rng):
    x = rng.normal(size=(4, 3))
    results = []
    for library in (gradcore, torch):
        room = importlib.import_module(f"{library.__name__}.func")
        model = library.nn.Sequential(library.nn.Linear(3, 3), library.nn.BatchNorm1d(3), library.nn.Linear(3, 3))
        model[2].weight = model[0].weight  # tied: one name replaces both
        model = model.double()
        state = {name: library.tensor(np.arange(value.numel()).reshape(tuple(value.shape)) / 10 + 0.1,
                                      dtype=library.float64, requires_grad=True)
                 for name, value in model.named_parameters()}
        before = {name: value.tolist() for name, value in model.state_dict().items() if "running" not in name
                  and "num" not in name}
        out = room.functional_call(model, state, (library.tensor(x),))
        out.square().mean().backward()
        results.append([out, *[value.grad for value in state.values()]])
        assert all(model.state_dict()[name].tolist() == value for name, value in before.items())
        assert model[2].weight is model[0].weight
    _same(*results)
    with pytest.raises(ValueError, match="Linear has no scale"):
        func.functional_call(nn.Linear(2, 2), {"scale": gradcore.ones(1)}, gradcore.ones(2))
    with pytest.raises(ValueError, match="there is no bias"):
        func.functional_call(nn.Linear(2, 2), {"weight": gradcore.ones(2, 2)}, gradcore.ones(2), strict=True)


def test_an_ensemble_of_modules(torch, rng):
    models = [nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = func.stack_module_state(models)
    x = Tensor(rng.normal(size=(5, 3)).astype("float32"))
    out = func.vmap(lambda p, b: func.functional_call(models[0], (p, b), (x,)))(parameters, buffers)
    for i, model in enumerate(models):
        np.testing.assert_allclose(out[i].detach().numpy(), model(x).detach().numpy(), rtol=1e-6)


# -- what is computed again -----------------------------------------------------------------------------------------
def test_checkpoints_have_the_gradients_and_draws_of_a_plain_call(rng):
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 3))
    array = rng.normal(size=(5, 4)).astype("float32")
    found = []
    for call in (lambda x: model(x), lambda x: checkpoint(model, x, use_reentrant=False),
                 lambda x: checkpoint_sequential(model, 2, x, use_reentrant=False)):
        gradcore.manual_seed(3)
        x = Tensor(array, requires_grad=True)
        model.zero_grad()
        out = call(x)
        after = gradcore.rand(1).item()
        out.square().sum().backward()
        found.append([out.tolist(), after, gradcore.rand(1).item(), x.grad.tolist(),
                      *[p.grad.tolist() for p in model.parameters()]])
    assert found[0] == found[1] == found[2]


def test_a_checkpoint_calls_again_and_is_differentiated_twice():
    calls = []
    w = Tensor([3.0], dtype="float64", requires_grad=True)

    def cubed(x, factor):
        calls.append(1)
        return w * x ** 3 * factor, "text", x.detach()

    x = Tensor([2.0], dtype="float64", requires_grad=True)
    out, text, constant = checkpoint(cubed, x * 1, factor=2.0)
    assert text == "text" and not constant.requires_grad and len(calls) == 1
    slope, along_w = autograd.grad(out, [x, w], create_graph=True)
    assert (slope.item(), along_w.item(), len(calls)) == (72.0, 16.0, 2)
    assert autograd.grad(slope, x)[0].item() == 72.0
    assert autograd.gradgradcheck(lambda x: checkpoint(cubed, x, factor=1.5)[0], x)
    with gradcore.no_grad():
        assert not checkpoint(cubed, x, factor=1.0)[0].requires_grad


def test_a_checkpoint_keeps_less():
    def kept(call):
        x = gradcore.ones(4, requires_grad=True)
        out, nodes, seen = call(x), [], set()
        pending = [out.grad_fn]
        while pending:
            node = pending.pop()
            if node is None or isinstance(node, Tensor) or node in seen:
                continue
            seen.add(node)
            nodes.append(node)
            pending += node.parents
        return len(nodes)

    deep = lambda x: x.sin().exp().cos().tanh().sin()  # noqa: E731
    assert kept(lambda x: checkpoint(deep, x)) == 1 < kept(deep)


# -- what is looked for ---------------------------------------------------------------------------------------------
def test_the_first_nan_of_a_backward_pass_is_named():
    x = Tensor([0.0, 1.0], requires_grad=True)
    (x.sqrt() * 0).sum().backward()
    assert np.isnan(x.grad.numpy()[0])
    with pytest.raises(RuntimeError, match="[Ss]qrt returned a gradient with NaN for its input 0, of shape"):
        with autograd.detect_anomaly():
            (x.sqrt() * 0).sum().backward()
    (x.sqrt() * 0).sum().backward()  # the block is over
    autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(RuntimeError, match="NaN"):
            (x.sqrt() * 0).sum().backward()
        with autograd.set_detect_anomaly(False):
            (x.sqrt() * 0).sum().backward()
        with pytest.raises(RuntimeError, match="NaN"):
            (x.sqrt() * 0).sum().backward()
    finally:
        autograd.set_detect_anomaly(False)


def test_a_backward_that_is_once_differentiable():
    class Cube(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        @autograd.function.once_differentiable
        def backward(ctx, gradient):
            x, = ctx.saved_tensors
            assert not gradcore.is_grad_enabled()
            return 3 * x ** 2 * gradient

    x = Tensor([2.0], requires_grad=True)
    slope, = autograd.grad(Cube.apply(x), x)
    assert slope.item() == 12 and not slope.requires_grad
    slope, = autograd.grad(Cube.apply(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.backward()


def test_second_gradients_are_checked():
    x = Tensor([0.5, 1.5], dtype="float64", requires_grad=True)
    assert autograd.gradgradcheck(lambda x: (x ** 3 * x.sin()), x)

    class Wrong(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, gradient):
            return 3 * ctx.saved_tensors[0].detach() ** 2 * gradient

    assert autograd.gradcheck(Wrong.apply, x) and not autograd.gradgradcheck(Wrong.apply, x, raise_exception=False)


def test_gradients_along_any_iterable():
    x = {"a": Tensor([2.0], requires_grad=True), "b": Tensor([3.0], requires_grad=True)}
    assert [g.item() for g in autograd.grad(x["a"] * x["b"], x.values())] == [3.0, 2.0]
    model = nn.Linear(2, 1)
    assert len(autograd.grad(model(gradcore.ones(2)).sum(), model.parameters())) == 2


def test_named_tuples_stay_what_they_are():
    Pair = collections.namedtuple("Pair", "first second")

    class Both(nn.Module):
        def forward(self, x):
            return Pair(x * 2.0, x * 3.0)

    x, model = Tensor([1.0], requires_grad=True), Both()
    model.register_full_backward_hook(lambda module, inputs, outputs: None)
    for result in (checkpoint(Both(), x), model(x)):
        x.grad = None
        (result.first + result.second).sum().backward()
        assert type(result) is Pair and x.grad.tolist() == [5.0]
