"""nn.functional, nn.init and nn.utils beside PyTorch's."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, functions, nn
from gradcore.backends import Backend
from beside_torch import compare


def test_every_name_can_be_loaded():
    for room in (nn, nn.functional, functions, nn.utils):
        assert not [name for name in room.__all__ if getattr(room, name) is None]
    with pytest.raises(AttributeError, match="module 'gradcore.nn' has no attribute 'Conv9d'"):
        nn.Conv9d


def test_parameters_have_pytorchs_names_and_order(torch):
    """Where PyTorch's function is written in Python, its parameters are a beginning of ours or ours of its."""
    wrong = []
    for name in nn.functional.__all__:
        theirs = getattr(torch.nn.functional, f"{name}_with_indices", getattr(torch.nn.functional, name, None))
        if not inspect.isfunction(theirs) or name == "upsample":  # as interpolate
            continue
        names, expected = [list(inspect.signature(function).parameters) for function in
                           (getattr(nn.functional, name), theirs)]
        if names[:len(expected)] != expected[:len(names)]:
            wrong.append((name, names, expected))
    assert not wrong


@pytest.mark.parametrize("name, args", [
    ("relu", ()), ("relu6", ()), ("leaky_relu", (0.2,)), ("elu", (0.7,)), ("selu", ()), ("celu", (0.7,)), ("silu", ()),
    ("mish", ()), ("hardtanh", (-0.5, 0.7)), ("hardswish", ()), ("hardsigmoid", ()), ("threshold", (0.1, 2.0)),
    ("rrelu", (0.1, 0.3))])
def test_activations_in_place(name, args, torch, backend: Backend, rng):
    def called(library):
        def run(x):
            y = x * 1.5
            result = getattr(library, name)(y, *args, inplace=True)
            return result, y
        return run

    compare(torch, called(nn.functional), called(torch.nn.functional), [rng.normal(size=(4, 5))], backend.device, rng,
            tolerance=1e-7)  # some of PyTorch's constants are rounded to float32


def test_modules_in_place(backend: Backend):
    x = Tensor([-1.0, 2.0], device=backend.device)
    assert nn.ReLU(inplace=True)(x) is x and x.tolist() == [0, 2] and repr(nn.ReLU(True)) == "ReLU(inplace=True)"
    assert nn.Dropout(1.0, inplace=True)(x) is x and x.tolist() == [0, 0]
    leaky = nn.LeakyReLU(0.5)
    leaky.negative_slope = 0.25  # options are attributes
    assert leaky(Tensor([-4.0])).item() == -1 and repr(leaky) == "LeakyReLU(negative_slope=0.25)"


@pytest.mark.parametrize("call", [
    lambda F, x: F.softmax(x, 0), lambda F, x: F.softmax(x, dim=1), lambda F, x: F.log_softmax(x, -1),
    lambda F, x: F.softmin(x, 0), lambda F, x: F.glu(x, 1), lambda F, x: F.normalize(x),
    lambda F, x: F.normalize(x, 3.0, 0),
    lambda F, x: F.softplus(x, 2, 0.5), lambda F, x: F.gelu(x, approximate="tanh"), lambda F, x: F.hardshrink(x, 0.3),
    lambda F, x: F.softshrink(x, 0.3), lambda F, x: F.tanhshrink(x), lambda F, x: F.logsigmoid(x),
    lambda F, x: F.pad(x, (1, 2), value=3.0), lambda F, x: F.linear(x, x, x[:, 0]), lambda F, x: F.prelu(x, x[0, :1]),
    lambda F, x: F.cosine_similarity(x, x + 1), lambda F, x: F.pairwise_distance(x, x + 1, 2.0, 1e-6, True),
    lambda F, x: F.dropout(x, 0.5, False), lambda F, x: F.layer_norm(x, (4,)), lambda F, x: F.tanh(x)])
def test_functions(call, torch, backend: Backend, rng):
    compare(torch, lambda x: call(nn.functional, x), lambda x: call(torch.nn.functional, x), [rng.normal(size=(4, 4))],
            backend.device, rng, tolerance=1e-6)


def test_softmax_in_another_dtype(torch):
    x = np.array([[1.0, 2.0]], np.float16)
    for name in ("softmax", "log_softmax"):
        mine = getattr(nn.functional, name)(Tensor(x), dim=-1, dtype=gradcore.float32)
        theirs = getattr(torch.nn.functional, name)(torch.tensor(x), dim=-1, dtype=torch.float32)
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-6)


def test_one_hot(torch, backend: Backend):
    index = np.array([[2, 0], [1, 1]])
    for classes in (-1, 4):
        mine = nn.functional.one_hot(gradcore.tensor(index, device=backend.device), classes)
        assert mine.dtype == np.int64
        np.testing.assert_array_equal(mine.numpy(), torch.nn.functional.one_hot(torch.tensor(index), classes).numpy())


def test_samples_of_categories(backend: Backend):
    gradcore.manual_seed(0)
    scores = Tensor(np.log([[0.2, 0.5, 0.3]] * 4000), requires_grad=True, device=backend.device)
    hard = nn.functional.gumbel_softmax(scores, tau=0.5, hard=True)
    assert set(hard.numpy().round(6).ravel()) == {0, 1} and np.allclose(hard.numpy().sum(1), 1)
    np.testing.assert_allclose(hard.numpy().mean(0), [0.2, 0.5, 0.3], atol=0.04)
    hard[:, 0].sum().backward()
    assert np.abs(scores.grad.numpy()).max() > 0


# -- init -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fill, mean, std, low, high", [
    (lambda t: nn.init.uniform_(t, -1, 3), 1, 4 / math.sqrt(12), -1, 3),
    (lambda t: nn.init.normal_(t, 2, 3), 2, 3, -20, 20),
    (lambda t: nn.init.trunc_normal_(t, 0, 1, -1, 1), 0, 0.5396, -1, 1),
    (lambda t: nn.init.xavier_uniform_(t, 2.0), 0, 2 * math.sqrt(2 / 500), -4 * math.sqrt(6 / 500), 1),
    (lambda t: nn.init.xavier_normal_(t), 0, math.sqrt(2 / 500), -1, 1),
    (lambda t: nn.init.kaiming_uniform_(t, nonlinearity="relu"), 0, math.sqrt(2 / 300), -0.15, 0.15),
    (lambda t: nn.init.kaiming_normal_(t, 0.5, "fan_out"), 0, math.sqrt(2 / 1.25 / 200), -1, 1),
    (lambda t: nn.init.orthogonal_(t, 2.0), 0, 2 / math.sqrt(300), -1, 1)])
def test_initial_values(fill, mean, std, low, high, backend: Backend):
    weight = nn.Parameter(gradcore.empty(200, 300, device=backend.device))
    before = weight.numpy().copy()
    gradcore.manual_seed(3)
    assert fill(weight) is weight and weight.is_leaf and weight.requires_grad
    values = weight.numpy()
    assert abs(values.mean() - mean) < 0.02 * max(std, 1) and abs(values.std() - std) < 0.02 * std
    assert low <= values.min() and values.max() <= high and (values != before).any()
    gradcore.manual_seed(3)
    there = nn.Parameter(gradcore.empty(200, 300))
    fill(there)
    np.testing.assert_allclose(values, there.numpy(), rtol=1e-5, atol=1e-6)  # equal on all devices


def test_initial_values_that_are_no_draws(torch):
    for name, shape, args in (("eye_", (3, 4), ()), ("dirac_", (4, 2, 3), (2,)), ("ones_", (2,), ()),
                              ("zeros_", (2,), ()), ("constant_", (2, 2), (0.3,))):
        mine = getattr(nn.init, name)(gradcore.empty(*shape), *args)
        np.testing.assert_array_equal(mine.numpy(), getattr(torch.nn.init, name)(torch.empty(*shape), *args).numpy())
    for args in (("tanh",), ("relu",), ("leaky_relu", 0.3), ("selu",), ("linear",)):
        assert nn.init.calculate_gain(*args) == pytest.approx(torch.nn.init.calculate_gain(*args))
    q = nn.init.orthogonal_(gradcore.empty(3, 2, 2)).numpy().reshape(3, 4)
    np.testing.assert_allclose(q @ q.T, np.eye(3), atol=1e-6)
    assert ((nn.init.sparse_(gradcore.empty(10, 4), 0.3).numpy() == 0).sum(0) == 3).all()


@pytest.mark.parametrize("fill, words", [
    (lambda: nn.init.uniform_(gradcore.empty(2), 1, 0), "init.uniform_: bounds must be in order"),
    (lambda: nn.init.xavier_normal_(gradcore.empty(2)), "xavier_normal_: inputs and outputs"),
    (lambda: nn.init.kaiming_normal_(gradcore.empty(2, 2), mode="fan"), "init.kaiming_normal_: `mode`"),
    (lambda: nn.init.eye_(gradcore.empty(2)), "init.eye_ fills a tensor of 2 dimensions"),
    (lambda: nn.init.calculate_gain("sine"), "calculate_gain: `nonlinearity`"),
    (lambda: nn.init.ones_(Tensor([1], dtype=int)), "init.ones_ fills a tensor of floats; got int64")])
def test_initial_values_are_refused_in_words(fill, words):
    with pytest.raises((ValueError, TypeError), match=words):
        fill()


def test_layers_begin_as_pytorchs(torch):
    """The spread of the initial weights of each layer is that of PyTorch's."""
    for name, args in (("Linear", (300, 200)), ("Conv2d", (30, 40, 3)), ("ConvTranspose2d", (30, 40, 3)),
                       ("LSTM", (60, 70)), ("GRUCell", (60, 70)), ("Embedding", (300, 100)), ("Bilinear", (20, 30, 40)),
                       ("MultiheadAttention", (100, 2)), ("TransformerEncoderLayer", (64, 2, 128))):
        ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
        for (path, mine), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            if mine.numel() > 1000:
                assert mine.numpy().std() == pytest.approx(other.std().item(), rel=0.1), (name, path)


# -- utils ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("norm_type", [2.0, 1.0, math.inf, 3.0])
@pytest.mark.parametrize("bound", [0.5, 100.0])
def test_gradients_are_bounded_by_their_norm(norm_type, bound, torch, backend: Backend, rng):
    arrays = [rng.normal(size=shape) for shape in ((3, 4), (5,), ())]
    ours = [nn.Parameter(Tensor(array, device=backend.device)) for array in arrays]
    theirs = [torch.nn.Parameter(torch.tensor(array)) for array in arrays]
    for parameters in (ours, theirs):
        sum((parameter * parameter).sum() for parameter in parameters[:2]).backward()
    norms = [library.clip_grad_norm_(parameters, bound, norm_type) for library, parameters in
             ((nn.utils, ours), (torch.nn.utils, theirs))]
    assert norms[0].item() == pytest.approx(norms[1].item())
    for mine, other in zip(ours[:2], theirs):
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-6)
    nn.utils.clip_grad_value_(ours, 0.1)
    assert max(np.abs(parameter.grad.numpy()).max() for parameter in ours[:2]) <= 0.1 and ours[2].grad is None


def test_norms_that_are_not_finite_are_refused_where_asked_for():
    parameter = nn.Parameter(Tensor([1.0]))
    (parameter * math.inf).backward()
    with pytest.raises(RuntimeError, match="the norm of order 2.0 is not finite"):
        nn.utils.clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True)
    assert parameter.grad.item() == math.inf
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0


def test_parameters_as_a_vector(backend: Backend):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).to(backend.device)
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.shape == (13,) and vector.requires_grad
    nn.utils.vector_to_parameters(vector.detach() * 0 + 2, model.parameters())
    assert all((parameter == 2).all() for parameter in model.parameters())
    with pytest.raises(ValueError, match=r"a vector of 13 elements is needed; got \(12,\)"):
        nn.utils.vector_to_parameters(vector[1:], model.parameters())
