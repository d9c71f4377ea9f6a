"""What a training step asks of a CUDA device, counted over the stand-in for CuPy."""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cuda_on_cpu
import fake_cupy
import gradcore
import nvrtc
from gradcore import Tensor, nn, optim
from gradcore.backends.cuda.compiler import OPTIONS
from gradcore.functions import cross_entropy
from gradcore.operations.indexing import one_hot
from native_compiler import needs_compiler

pytestmark = needs_compiler



def network(device: str) -> tuple:
    gradcore.manual_seed(0)
    model = nn.Sequential(nn.Neuron(8, 16, activation="relu"), nn.Linear(16, 4)).to(device)
    generator = np.random.default_rng(1)
    x = Tensor(generator.normal(size=(12, 8)), dtype="float32", device=device)
    return model, optim.Adam(model.parameters()), x, Tensor(generator.integers(0, 4, 12), device=device)


def step(model, optimizer, x, target) -> Tensor:
    optimizer.zero_grad()
    loss = cross_entropy(model(x), target)
    loss.backward()
    optimizer.step()
    return loss


def test_a_training_step_waits_for_nothing_and_copies_nothing(cuda):
    parts = network("cuda:1")
    step(*parts)
    fake_cupy.log.clear()
    step(*parts)
    assert not [entry for entry in fake_cupy.log if entry[0] in ("wait", "to device", "to host")]
    launches = Counter(name for name, *_ in fake_cupy.logged("launch"))
    assert launches["gradcore_adam_step"] == 1 and launches["gradcore_class_loss"] == 1
    assert launches.total() <= 13, launches


STEPS = {
    "Adam": (optim.Adam, {}), "Adam, capturable": (optim.Adam, {"capturable": True}),
    "Adam, amsgrad": (optim.Adam, {"amsgrad": True, "weight_decay": 0.1}), "AdamW": (optim.AdamW, {}),
    "SGD": (optim.SGD, {"weight_decay": 0.1}), "momentum": (optim.SGD, {"momentum": 0.9}),
    "Nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "RMSprop": (optim.RMSprop, {}), "RMSprop, all": (optim.RMSprop, {"centered": True, "momentum": 0.5}),
    "Adagrad": (optim.Adagrad, {"lr_decay": 0.1}), "Adadelta": (optim.Adadelta, {"weight_decay": 0.1}),
    "NAdam": (optim.NAdam, {}), "NAdam, decay": (optim.NAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    "RAdam": (optim.RAdam, {"betas": (0.9, 0.8)}), "Adamax": (optim.Adamax, {}), "Rprop": (optim.Rprop, {}),
}


@pytest.mark.parametrize("name", STEPS)
def test_one_launch_for_many_parameters(name, cuda, rng):
    make, options = STEPS[name]
    shapes = [(3,), (40, 50), (1,), (2, 3, 4), (1025,), (0, 3)] + [(7,)] * 20
    values = [rng.normal(size=shape) for shape in shapes]
    slopes = [[rng.normal(size=shape) for shape in shapes] for _ in range(2)]
    after = []
    for device in ("cpu", "cuda:1"):
        parameters = [Tensor(value, dtype="float32", requires_grad=True, device=device) for value in values]
        apart = Tensor(np.repeat(values[1], 2, axis=1), dtype="float32", device=device)
        parameters[1] = apart[:, ::2].detach().requires_grad_()
        optimizer = make(parameters, lr=0.1, **options)
        for gradients in slopes:
            for parameter, gradient in zip(parameters, gradients):
                parameter.grad = Tensor(gradient, dtype="float32", device=device)
            fake_cupy.log.clear()
            optimizer.step()
        after.append([parameter.detach().numpy() for parameter in parameters])
    for expected, found in zip(*after):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    steps = [launch for launch in fake_cupy.logged("launch") if launch[0].endswith("_step")]
    assert len(steps) == 2  # all in one table, but for the parameter whose elements are apart
    assert not fake_cupy.logged("wait")[len(parameters):]  # but for the values above


def test_more_parameters_than_a_table_holds_take_several_launches(cuda):
    parameters = [Tensor(np.ones(7), dtype="float32", requires_grad=True, device="cuda:1") for _ in range(100)]
    optimizer = optim.Adam(parameters)
    for parameter in parameters:
        parameter.grad = gradcore.ones_like(parameter)
    fake_cupy.log.clear()
    optimizer.step()
    steps = [launch for launch in fake_cupy.logged("launch") if launch[0].endswith("_step")]
    assert 2 <= len(steps) <= 3
    assert all((parameter < 1).all().item() for parameter in parameters)


def test_a_training_step_is_that_of_the_cpu(cuda):
    losses = []
    for device in ("cpu", "cuda:1"):
        parts = network(device)
        losses.append([step(*parts).item() for _ in range(3)])
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.skipif(nvrtc.loaded() is None, reason="the wheel nvidia-cuda-nvrtc is not installed")
def test_the_very_texts_that_are_launched_compile(cuda, monkeypatch):
    """Whatever a step of training and others launch, by every way to the device, for one architecture after another."""
    texts, launch = set(), cuda_on_cpu.launch
    monkeypatch.setattr(cuda_on_cpu, "launch", lambda text, *given: texts.add(text) or launch(text, *given))
    model, optimizer, x, target = network("cuda:1")
    step(model, optimizer, x, target)
    rows, index = Tensor(np.ones((4, 8)), dtype="float16", device="cuda:1"), Tensor(np.array([1, 0]), device="cuda:1")
    for dtype in ("float16", "float64"):
        y = rows.to(dtype)
        y[index] = y[index] * 2 + 1.0
        gradcore.index_add(y.T, 0, index, y.T[:2]).softmax(0).amax().sum()
        optim.SGD([y.clone().requires_grad_()]).step()
    gradcore.randn(5, device="cuda:1"), gradcore.functions.dropout(x, 0.5)
    assert len(texts) > 20
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda given: nvrtc.compiled(*given, OPTIONS), zip(texts, itertools.cycle(nvrtc.ARCHITECTURES))))


@pytest.mark.parametrize("operation", [
    lambda x, i: x.gather(1, i), lambda x, i: one_hot(i[:, 0], 4) * x,
    lambda x, i: x.softmax(-1).log(), lambda x, i: x.clip(0, 1).var(), lambda x, i: (x - x.mean(0)) / x.std(0),
    lambda x, i: gradcore.functions.dropout(x, 0.5), lambda x, i: x.max(1).values, lambda x, i: x[:, 1:].sum(),
    lambda x, i: x.sort(1).values, lambda x, i: gradcore.where(x > 0, x, 0.0), lambda x, i: x @ x.T])
def test_operations_copy_nothing_from_the_host(operation, cuda):
    x = Tensor(np.arange(12.0).reshape(3, 4) - 5, dtype="float32", device="cuda:1", requires_grad=True)
    index = Tensor(np.array([[0, 1], [2, 3], [3, 0]]), device="cuda:1")
    fake_cupy.log.clear()
    result = operation(x, index)
    result.sum().backward()
    assert not [entry for entry in fake_cupy.log if entry[0] in ("wait", "to device", "to host")]


LAYERS = {
    "convolution": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.BatchNorm2d(4), nn.ReLU(),
                                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)), (5, 2, 8, 8)),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 3, stride=2, groups=1), nn.AvgPool2d(2)),
                   (2, 2, 4, 4)),
    "norms": (lambda: nn.Sequential(nn.LayerNorm(6), nn.GroupNorm(2, 4), nn.GELU()), (3, 4, 6)),
    "lstm": (lambda: nn.LSTM(5, 4, num_layers=2, batch_first=True), (3, 6, 5)),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), (2, 5, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_those_of_the_cpu(name, cuda, rng):
    make, shape = LAYERS[name]
    values, found = rng.normal(size=shape).astype("float32"), []
    for device in ("cpu", "cuda:1"):
        gradcore.manual_seed(0)
        layer, x = make().to(device), Tensor(values, requires_grad=True, device=device)
        result = layer(x)
        result = result[0] if isinstance(result, tuple) else result
        (result * result).sum().backward()
        found.append([result.detach(), x.grad, *[parameter.grad for parameter in layer.parameters()]])
    for mine, other in zip(*found):
        np.testing.assert_allclose(other.cpu().numpy(), mine.numpy(), rtol=2e-3, atol=2e-4)
