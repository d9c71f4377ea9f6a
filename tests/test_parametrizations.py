"""Weights as functions of others: weight and spectral norms in both forms, parametrizations, beside PyTorch's."""

from __future__ import annotations

import copy
import importlib
import pickle

import numpy as np
import pytest

import gradcore
from gradcore import nn


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)

    def right_inverse(self, A):
        return A.triu()


def _alike(torch, ours, theirs, rng, steps=6, shape=(4, 6)):
    """Both modules take the same state, train and keep the same outputs; the names of their states agree."""
    assert list(ours.state_dict()) == list(theirs.state_dict())
    state = {name: rng.normal(size=tuple(value.shape)) for name, value in theirs.state_dict().items()}
    ours, theirs = ours.double(), theirs.double()
    ours.load_state_dict({name: gradcore.tensor(value) for name, value in state.items()})
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    optimizers = gradcore.optim.SGD(ours.parameters(), lr=0.05), torch.optim.SGD(theirs.parameters(), lr=0.05)
    for step in range(steps):
        for module in (ours, theirs):
            module.train(step < steps - 2)
        x = rng.normal(size=shape)
        found, expected = ours(gradcore.tensor(x)), theirs(torch.tensor(x))
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-9)
        for optimizer, loss in zip(optimizers, (found.square().mean(), expected.square().mean())):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


FORMS = [("utils", "weight_norm", {}), ("utils", "weight_norm", {"dim": None}), ("utils", "weight_norm", {"dim": 1}),
         ("utils", "spectral_norm", {}), ("utils", "spectral_norm", {"n_power_iterations": 3, "dim": 1}),
         ("utils.parametrizations", "weight_norm", {}), ("utils.parametrizations", "weight_norm", {"dim": 1}),
         ("utils.parametrizations", "spectral_norm", {"n_power_iterations": 2})]
LAYERS = [("Linear", (6, 5), (4, 6)), ("Conv1d", (6, 3, 2), (2, 6, 5)), ("ConvTranspose2d", (2, 3, 2), (2, 2, 3, 3))]


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("room, name, options", FORMS)
@pytest.mark.parametrize("layer, sizes, shape", LAYERS)
def test_norms_of_weights_are_pytorchs(room, name, options, layer, sizes, shape, torch, rng):
    modules = []
    for library in (gradcore, torch):
        function = getattr(importlib.import_module(f"{library.__name__}.nn.{room}"), name)
        modules.append(function(getattr(library.nn, layer)(*sizes), **options))
    _alike(torch, *modules, rng, shape=shape)


@pytest.mark.parametrize("install, remove", [("weight_norm", "remove_weight_norm"),
                                             ("spectral_norm", "remove_spectral_norm")])
def test_a_norm_is_taken_away_again(install, remove, rng):
    layer = nn.Linear(4, 3)
    x = gradcore.tensor(rng.normal(size=(2, 4)).astype("float32"))
    getattr(nn.utils, install)(layer)
    with pytest.raises(RuntimeError, match=f"{install}: 'weight' of Linear is reweighted already"):
        getattr(nn.utils, install)(layer)
    expected = layer.eval()(x)
    getattr(nn.utils, remove)(layer)
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight"] and layer._hooks.of_kind
    np.testing.assert_allclose(layer(x).detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match="is not reweighted"):
        getattr(nn.utils, remove)(layer)
    with pytest.raises(AttributeError, match="no parameter 'scale'"):
        getattr(nn.utils, install)(layer, "scale")


def test_a_parametrized_module_is_pytorchs(torch, rng):
    import torch.nn.utils.parametrize as theirs_of
    ours_of = nn.utils.parametrize

    class Theirs(torch.nn.Module):
        forward, right_inverse = Symmetric.forward, Symmetric.right_inverse

    ours = ours_of.register_parametrization(nn.Linear(6, 6), "weight", Symmetric())
    theirs = theirs_of.register_parametrization(torch.nn.Linear(6, 6), "weight", Theirs())
    _alike(torch, ours, theirs, rng)
    ours_of.register_parametrization(ours, "bias", nn.Softplus())
    theirs_of.register_parametrization(theirs, "bias", torch.nn.Softplus())
    ours_of.register_parametrization(ours, "weight", nn.Tanh())
    theirs_of.register_parametrization(theirs, "weight", torch.nn.Tanh())
    _alike(torch, ours, theirs, rng)
    assert repr(ours) == repr(theirs).replace("Theirs", "Symmetric")
    for leaves in (True, False):
        name = "weight" if leaves else "bias"
        ours_of.remove_parametrizations(ours, name, leaves)
        theirs_of.remove_parametrizations(theirs, name, leaves)
        np.testing.assert_allclose(getattr(ours, name).detach().numpy(), getattr(theirs, name).detach().numpy())
        assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    assert type(ours) is nn.Linear and not ours_of.is_parametrized(ours)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_parametrized_modules_are_copied(copied):
    layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    other = copied(layer)
    layer.weight = gradcore.ones(3, 3)
    assert layer.weight.tolist() == [[1.0] * 3] * 3 != other.weight.tolist()
    assert nn.utils.parametrize.is_parametrized(other, "weight") and other(gradcore.ones(3)).shape == (3,)
    assert nn.utils.parametrize.type_before_parametrizations(other) is nn.Linear


def test_values_are_kept_in_a_cached_block():
    layer = nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "weight", nn.Tanh())
    assert layer.weight is not layer.weight
    with nn.utils.parametrize.cached():
        assert layer.weight is layer.weight


def test_what_does_not_fit_changes_nothing():
    layer = nn.Linear(2, 3)
    for parametrization, name, error in ((nn.Flatten(0), "weight", ValueError), (nn.Tanh(), "scale", ValueError)):
        with pytest.raises(error, match="keep the dtype and shape|no parameter or buffer 'scale'"):
            nn.utils.parametrize.register_parametrization(layer, name, parametrization)
        assert list(layer.state_dict()) == ["weight", "bias"] and type(layer) is nn.Linear
    nn.utils.parametrize.register_parametrization(layer, "weight", nn.Tanh())
    with pytest.raises(RuntimeError, match="Tanh has no right_inverse"):
        layer.weight = gradcore.zeros(3, 2)


@pytest.mark.parametrize("orthogonal_map", [None, "matrix_exp", "cayley"])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_orthogonal_weights_stay_orthogonal(orthogonal_map, shape, rng):
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(shape[1], shape[0]).double(), orthogonal_map=orthogonal_map)
    optimizer = gradcore.optim.SGD(layer.parameters(), lr=0.5)
    target = gradcore.tensor(np.linalg.qr(rng.normal(size=(5, 5)))[0][:shape[0], :shape[1]])
    losses = []
    for _ in range(20):
        loss = (layer.weight - target).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        W = layer.weight.detach().numpy()
        product = W.T @ W if shape[0] >= shape[1] else W @ W.T
        np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)
    assert losses[-1] < losses[0]
    layer.weight = target if shape == (4, 4) else layer.weight.detach() * -1
    assert np.isfinite(layer.weight.detach().numpy()).all()


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_matrix_exp_is_pytorchs(scale, torch, rng):
    array = rng.normal(size=(3, 4, 4)) * scale
    ours, theirs = gradcore.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    found, expected = gradcore.linalg.matrix_exp(ours), torch.linalg.matrix_exp(theirs)
    size = expected.detach().abs().max().item()
    np.testing.assert_allclose(found.detach().numpy() / size, expected.detach().numpy() / size, atol=1e-10)
    (found / size).sum().backward()
    (expected / size).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-7, atol=1e-7 * theirs.grad.max().item())


def test_layers_and_their_normalizations_become_one(torch, rng):
    for kind, sizes, norm, shape in (("Conv2d", (2, 3, 2), "BatchNorm2d", (2, 2, 4, 4)),
                                     ("ConvTranspose2d", (2, 3, 2), "BatchNorm2d", (2, 2, 4, 4)),
                                     ("Linear", (2, 3), "BatchNorm1d", (5, 2))):
        layer, bn = getattr(nn, kind)(*sizes).double(), getattr(nn, norm)(3).double()
        for _ in range(3):
            bn(layer(gradcore.tensor(rng.normal(size=shape))))
        with pytest.raises(ValueError, match="must be in evaluation"):
            nn.utils.fuse_linear_bn_eval(layer, bn)
        layer.eval(), bn.eval()
        fused = nn.utils.fuse_linear_bn_eval(layer, bn) if kind == "Linear" else nn.utils.fuse_conv_bn_eval(
            layer, bn, transpose=kind == "ConvTranspose2d")
        x = gradcore.tensor(rng.normal(size=shape))
        np.testing.assert_allclose(fused(x).detach().numpy(), bn(layer(x)).detach().numpy(), rtol=1e-9, atol=1e-12)
