"""Modules: neurons, layers, activations, and the tree that they make."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, functions, nn
from gradcore.backends import Backend

# Each activation module with options, the function, and the same as arguments.
MODULES = [
    (nn.ReLU(), functions.relu, {}), (nn.LeakyReLU(0.2), functions.leaky_relu, {"negative_slope": 0.2}),
    (nn.RReLU(0.1, 0.2).eval(), functions.rrelu, {"lower": 0.1, "upper": 0.2}),
    (nn.ELU(alpha=0.5), functions.elu, {"alpha": 0.5}), (nn.Softplus(2.0), functions.softplus, {"beta": 2.0}),
    (nn.Swish(beta=0.5), functions.swish, {"beta": 0.5}), (nn.SiLU(), functions.silu, {}),
    (nn.Sigmoid(), functions.sigmoid, {}), (nn.Tanh(), functions.tanh, {}), (nn.GELU(), functions.gelu, {}),
    (nn.GELU("tanh"), functions.gelu, {"approximate": "tanh"}), (nn.SELU(), functions.selu, {}),
    (nn.CELU(0.5), functions.celu, {"alpha": 0.5}), (nn.Mish(), functions.mish, {}),
    (nn.Softsign(), functions.softsign, {}), (nn.Hardsigmoid(), functions.hardsigmoid, {}),
    (nn.Hardswish(), functions.hardswish, {}),
    (nn.Hardtanh(-2, 0.5), functions.hardtanh, {"min_val": -2, "max_val": 0.5}),
    (nn.ReLU6(), functions.relu6, {}), (nn.LogSigmoid(), functions.logsigmoid, {}),
    (nn.Threshold(0.1, 20), functions.threshold, {"threshold": 0.1, "value": 20}),
    (nn.Softmax(dim=0), functions.softmax, {"dim": 0}), (nn.LogSoftmax(dim=0), functions.log_softmax, {"dim": 0}),
]


@pytest.mark.parametrize("module, function, options", MODULES, ids=lambda value: repr(value)[:40])
def test_an_activation_module_is_its_function(module, function, options, rng):
    x = Tensor(rng.normal(size=(5, 3)).astype("float32"))
    np.testing.assert_array_equal(module(x).numpy(), function(x, **options).numpy())


def test_every_activation_has_a_module_that_prints_its_options():
    modules = {name.lower() for name in nn.__all__}
    kernels_of_gelu = {"geluerf", "gelutanh"}
    assert not [name for name in functions.ACTIVATIONS if name.replace("_", "") not in modules | kernels_of_gelu]
    assert repr(nn.Hardtanh(max_val=2.0)) == "Hardtanh(min_val=-1.0, max_val=2.0)"
    assert repr(nn.ReLU()) == "ReLU()"
    with pytest.raises(TypeError, match="slope"):
        nn.LeakyReLU(slope=1)


@pytest.mark.parametrize("activation", ["relu", functions.tanh, nn.PReLU(), None, "gelu", lambda x: x * 2])
@pytest.mark.parametrize("count", [None, 1, 4])
def test_a_neuron_is_f_of_wx_plus_b(activation, count, backend: Backend, rng):
    neuron = nn.Neuron(3, count, activation).to(backend.device)
    x = rng.normal(size=(5, 3)).astype("float32")
    f = getattr(functions, activation) if isinstance(activation, str) else activation or (lambda x: x)
    f = f if not isinstance(f, nn.Module) else lambda x: functions.leaky_relu(x, negative_slope=0.25)
    total = x @ neuron.weight.numpy().T + neuron.bias.numpy()
    y = neuron(Tensor(x, device=backend.device))
    assert y.shape == ((5,) if count is None else (5, count))
    np.testing.assert_allclose(y.numpy(), f(Tensor(total)).numpy(), rtol=1e-5, atol=1e-6)
    y.sum().backward()
    assert all(parameter.grad.shape == parameter.shape for parameter in neuron.parameters())


def test_a_single_neuron_takes_a_single_input():
    neuron = nn.Neuron(2, activation=None, bias=False)
    neuron.load_state_dict({"weight": [2.0, -1.0]})
    assert neuron(Tensor([3.0, 1.0])).item() == 5.0
    assert repr(neuron) == "Neuron(in_features=2, out_features=None, activation=None, bias=False)"


def test_a_neuron_knows_what_activations_it_can_have():
    with pytest.raises(ValueError, match="no activation 'rleu' .* relu"):
        nn.Neuron(2, activation="rleu")
    with pytest.raises(TypeError, match="got int 3"):
        nn.Neuron(2, activation=3)


def test_linear_as_in_pytorch(rng):
    torch = pytest.importorskip("torch")
    layer, theirs = nn.Linear(4, 3), torch.nn.Linear(4, 3)
    layer.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    x = rng.normal(size=(2, 5, 4)).astype("float32")
    ours_in, their_in = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, their_y = layer(ours_in), theirs(their_in)
    (y * y).sum().backward()
    (their_y * their_y).sum().backward()
    np.testing.assert_allclose(y.numpy(), their_y.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours_in.grad.numpy(), their_in.grad.numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer.bias.grad.numpy(), theirs.bias.grad.numpy(), rtol=1e-5, atol=1e-5)


def test_initial_weights_are_equal_on_all_devices_and_within_their_bound(backend: Backend):
    gradcore.manual_seed(3)
    here = nn.Linear(100, 50)
    gradcore.manual_seed(3)
    there = nn.Linear(100, 50, device=backend.device)
    assert there.weight.device == backend.device and there.weight.dtype == np.float32
    for mine, other in zip(here.parameters(), there.parameters()):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
    weights = here.weight.numpy()
    assert np.abs(weights).max() <= 0.1 and abs(weights.std() - 0.1 / np.sqrt(3)) < 0.003


def test_modules_are_made_on_the_default_device(backend: Backend):
    gradcore.set_default_device(backend.device)
    try:
        model = nn.Sequential(nn.Linear(2, 3), nn.PReLU(3), nn.Neuron(3))
        assert {parameter.device for parameter in model.parameters()} == {backend.device}
    finally:
        gradcore.set_default_device(None)


# -- the tree ---------------------------------------------------------------------------------------------------------

class Scaled(nn.Module):
    def __init__(self):
        self.inner = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU())
        self.scale = nn.Parameter(2.0)
        self.seen = nn.Buffer([0.0, 0.0])
        self.again = self.inner  # a shared part counts once

    def forward(self, x):
        return self.scale * self.inner(x)


def test_parameters_are_found_by_their_paths():
    model = Scaled()
    assert [name for name, _ in model.named_parameters()] == ["scale", "inner.0.weight"]
    assert [name for name, _ in model.named_buffers()] == ["seen"]
    assert [name for name, _ in model.named_modules()] == ["", "inner", "inner.0", "inner.1"]
    assert all(isinstance(parameter, Tensor) and parameter.requires_grad for parameter in model.parameters())
    assert not model.seen.requires_grad


def test_what_a_module_prints():
    assert repr(Scaled()).splitlines()[:4] == [
        "Scaled(", "  (inner): Sequential(", "    (0): Linear(in_features=2, out_features=3, bias=False)",
        "    (1): ReLU()"]


def test_training_and_evaluation():
    model = nn.Sequential(nn.Dropout(0.5), nn.RReLU())
    x = Tensor.full((1000,), -1.0)
    assert model.training and len(set(model(x).tolist())) > 10
    assert model.eval() is model and not model[0].training
    assert set(model(x).tolist()) == {np.float32(-11 / 48).item()}
    assert model.train().training


def test_state_goes_round(tmp_path, rng):
    model, other = Scaled(), Scaled()
    state = model.state_dict()
    assert list(state) == ["scale", "seen", "inner.0.weight", "again.0.weight"]
    assert all(type(value) is Tensor and not value.requires_grad for value in state.values())
    before = model.inner[0].weight.numpy().copy()
    model.load_state_dict({**state, "inner.0.weight": state["inner.0.weight"] + 1})
    np.testing.assert_array_equal(state["inner.0.weight"].numpy(), before + 1)  # shared memory
    np.testing.assert_array_equal(model.inner[0].weight.numpy(), before + 1)
    np.savez(tmp_path / "state.npz", **state)
    with np.load(tmp_path / "state.npz") as saved:
        other.load_state_dict(saved)
    x = Tensor(rng.normal(size=(4, 2)).astype("float32"))
    model.load_state_dict(state)
    np.testing.assert_array_equal(model(x).numpy(), other(x).numpy())


def test_state_is_what_safetensors_keeps(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    model = Scaled()
    safetensors.save_file({name: value.numpy() for name, value in model.state_dict().items()}, tmp_path / "model")
    other = Scaled()
    other.load_state_dict(safetensors.load_file(tmp_path / "model"))
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name].numpy(), value.numpy())


def test_state_that_does_not_fit_is_refused_in_words():
    layer = nn.Linear(2, 3)
    with pytest.raises(ValueError, match="missing: bias; unknown: gain; weight has shape .2,., not .3, 2."):
        layer.load_state_dict({"weight": np.zeros(2), "gain": np.zeros(1)})
    layer.load_state_dict({"bias": np.ones(3), "gain": np.zeros(1)}, strict=False)
    assert layer.bias.tolist() == [1, 1, 1]


def test_moving_keeps_the_parameters_the_same_objects(backend: Backend):
    model = Scaled()
    parameters = list(model.parameters())
    model(Tensor.ones(1, 2)).sum().backward()
    assert model.to(backend.device) is model
    assert all(mine is other for mine, other in zip(parameters, model.parameters()))
    assert {tensor.device for tensor in [*parameters, *(p.grad for p in parameters), model.seen]} == {backend.device}
    model.zero_grad()
    model(Tensor.ones(1, 2, device=backend.device)).sum().backward()
    assert model.to(dtype="float64").scale.dtype == np.float64


def test_copies_and_pickles():
    model = Scaled()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert isinstance(other.scale, nn.Parameter) and isinstance(other.seen, nn.Buffer)
        other.scale.data.fill_(7.0)
        assert model.scale.item() == 2.0 and other.scale.item() == 7.0
        assert [name for name, _ in other.named_parameters()] == [name for name, _ in model.named_parameters()]


@pytest.mark.parametrize("activation", ["sigmoid", "gelu", functions.leaky_relu, nn.ELU(0.5), None])
def test_neurons_are_copied_and_pickled_with_their_activation(activation):
    neuron = nn.Neuron(2, 3, activation=activation)
    x = gradcore.randn(4, 2)
    for other in (copy.deepcopy(neuron), pickle.loads(pickle.dumps(neuron))):
        assert repr(other) == repr(neuron)
        np.testing.assert_array_equal(other(x).numpy(), neuron(x).numpy())


def test_a_state_is_loaded_on_every_device(backend: Backend):
    source, model = nn.Linear(3, 2), nn.Linear(3, 2, device=backend.device)
    model.load_state_dict(source.state_dict())
    assert model.weight.device == backend.device
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), source.state_dict()[name].numpy())


def test_dtypes_of_models_are_named_as_those_of_tensors():
    model = Scaled()
    for dtype, change in (("float64", lambda: model.to("float64")), ("float16", model.half), ("float64", model.double),
                          ("float32", model.float), ("float16", lambda: model.to("cpu", np.float16))):
        assert change() is model and model.scale.dtype == dtype


def test_parameters_can_be_kept_as_they_are():
    layer = nn.Linear(2, 1).requires_grad_(False)
    assert not layer(Tensor.ones(1, 2)).requires_grad


def test_sequential_wants_modules():
    with pytest.raises(TypeError, match=r"nn.ReLU\(\) for relu"):
        nn.Sequential(functions.relu)
    assert len(nn.Sequential(nn.ReLU(), nn.Tanh())) == 2


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module must define forward"):
        nn.Module()(1)


def test_flatten_and_dropout(backend: Backend):
    x = Tensor.ones(2, 3, 400, requires_grad=True, device=backend.device)
    y = nn.Dropout(0.25)(nn.Flatten()(x))
    y.sum().backward()
    assert y.shape == (2, 1200)
    np.testing.assert_array_equal(x.grad.numpy().reshape(y.shape), y.numpy())
    assert set(np.round(y.numpy(), 5).ravel().tolist()) == {0.0, np.float32(1.33333).item()}
    assert 0.18 < (y.numpy() == 0).mean() < 0.32
    assert not nn.Dropout(1.0)(x).numpy().any()
    with pytest.raises(ValueError, match="probability; got 1.5"):
        functions.dropout(x, 1.5)


@pytest.mark.parametrize("module, name, target", [
    (nn.MSELoss(reduction="sum"), "mse_loss", [[0.5, 1.0]]),
    (nn.BCELoss(reduction="sum"), "binary_cross_entropy", [[0.5, 1.0]]),
    (nn.BCEWithLogitsLoss(reduction="sum"), "binary_cross_entropy_with_logits", [[0.5, 1.0]]),
    (nn.NLLLoss(reduction="sum"), "nll_loss", [1]), (nn.CrossEntropyLoss(reduction="sum"), "cross_entropy", [1])])
def test_a_loss_module_is_its_function(module, name, target):
    x = Tensor([[0.25, 0.75]])
    assert module(x, target).item() == getattr(functions, name)(x, target, reduction="sum").item()
    assert repr(module) == f"{type(module).__name__}(reduction='sum')"
