"""What only a card can show: threads side by side, streams, recorded graphs, arrays beyond 32 bits, other libraries.

The same paths are counted and computed over a stand-in in the ordinary tests; there threads run one after another.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn, optim
from gradcore.backends import get_backend
from gradcore.backends.formulas.cpp import TYPES
from gradcore.functions import cross_entropy, dropout
from library import ROOT

pytestmark = pytest.mark.gpu
CUDA = "cuda"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_fork_uses_the_device_that_its_parent_asked_for():
    program = ("import os, gradcore; assert gradcore.cuda.is_available() and gradcore.cuda.device_count()\n"
               "child = os.fork()\n"
               "if not child: os._exit(int(gradcore.ones(3, device='cuda').sum().item()))\n"
               "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("dtype", TYPES)
def test_many_threads_add_to_one_element(dtype, rng):
    """Of neighbouring elements some share a word that is changed as a whole."""
    index = rng.integers(-7, 7, 100_000)
    values = rng.integers(0, 2, (100_000, 3)).astype(dtype) if dtype != "float16" else np.zeros((100_000, 3), dtype)
    if dtype == "float16":
        values[:1000] = 1  # sums up to 2048 are exact
    cuda, total, expected = get_backend(CUDA), np.ones((7, 3), dtype), np.ones((7, 3), dtype)
    there = cuda.asarray(total)
    cuda.add_at(there, (cuda.asarray(index),), cuda.asarray(values))
    np.add.at(expected, index, values)
    np.testing.assert_array_equal(cuda.to_numpy(there), expected)


def test_a_write_to_a_position_that_does_not_exist_is_raised_by_the_next_look():
    x, index = gradcore.zeros(5, 2, device=CUDA), Tensor([1, 5, -6], dtype="int64", device=CUDA)
    x[index] = 1.0
    with pytest.raises(IndexError, match="names a position that does not exist"):
        x.numpy()
    assert x.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0], [0, 0]]
    gradcore.index_add(x, 0, index, gradcore.ones(3, 2, device=CUDA))
    with pytest.raises(IndexError, match="names a position that does not exist"):
        gradcore.cuda.synchronize()
    gradcore.cuda.synchronize()
    assert np.isnan(x[index].numpy()[1:]).all()


@pytest.mark.parametrize("stack", [(), (3,)])
def test_matrices_that_have_no_decomposition_are_refused(stack):
    ones = gradcore.ones(*stack, 3, 3, dtype="float64", device=CUDA)
    for name, given in [("cholesky", (-ones,)), ("inv", (ones * 0,)), ("solve", (ones * 0, ones))]:
        with pytest.raises(gradcore.linalg.LinAlgError, match=f"{name}: "):
            getattr(gradcore.linalg, name)(*given)
    assert gradcore.linalg.det(ones * 0).sum().item() == 0


@pytest.mark.parametrize("offset", range(5))
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_arrays_begin_anywhere(dtype, offset, rng):
    for n in (1, 3, 7, 8, 9, 255, 256, 257, 1023, 1024, 1025, 4097, 300_001):
        host = rng.integers(-50, 50, n + offset).astype(dtype)
        x = Tensor(host, device=CUDA)[offset:]
        np.testing.assert_array_equal((x + x).numpy(), host[offset:] + host[offset:])
        np.testing.assert_array_equal(x[::-1].abs().numpy(), np.abs(host[offset:][::-1]))


def test_more_elements_than_32_bits_count():
    n = 2 ** 31 + 5
    x = gradcore.zeros(n, dtype="int8", device=CUDA)
    x[-3:] = 7
    doubled = x + x
    assert doubled[-4:].tolist() == [0, 14, 14, 14] and doubled[:2].tolist() == [0, 0]
    assert (doubled[::2] + 1)[-3:].tolist() == [1, 15, 15]  # the last even places are n - 5, n - 3 and n - 1
    del x, doubled
    gradcore.cuda.empty_cache()


STEPS = {"SGD": (optim.SGD, {"momentum": 0.9, "nesterov": True}), "Adam": (optim.Adam, {"amsgrad": True}),
         "AdamW": (optim.AdamW, {}), "RMSprop": (optim.RMSprop, {"centered": True, "momentum": 0.5}),
         "Adagrad": (optim.Adagrad, {}), "Adadelta": (optim.Adadelta, {}), "NAdam": (optim.NAdam, {}),
         "RAdam": (optim.RAdam, {"betas": (0.9, 0.8)}), "Adamax": (optim.Adamax, {}), "Rprop": (optim.Rprop, {})}


@pytest.mark.parametrize("name", STEPS)
def test_optimizers_take_the_cpus_steps(name, rng):
    make, options = STEPS[name]
    shapes = [(3,), (400, 500), (1,), (2, 3, 4), (1025,), (0, 3), ()] + [(7,)] * 60
    values, found = [rng.normal(size=shape) for shape in shapes], []
    slopes = [[rng.normal(size=shape) for shape in shapes] for _ in range(3)]
    for device in ("cpu", CUDA):
        parameters = [Tensor(value, dtype="float32", requires_grad=True, device=device) for value in values]
        optimizer = make(parameters, lr=0.01, **options)
        for gradients in slopes:
            for i, (parameter, gradient) in enumerate(zip(parameters, gradients)):
                padded = Tensor(np.append(np.zeros(i % 3), gradient), dtype="float32", device=device)
                parameter.grad = padded[i % 3:].reshape(gradient.shape)  # begins at any address
            optimizer.step()
        found.append([parameter.detach().numpy() for parameter in parameters])
    for expected, ours in zip(*found):
        np.testing.assert_allclose(ours, expected, rtol=2e-5, atol=1e-6)


def test_a_recorded_training_step_is_the_step_itself(rng):
    batches = [(rng.normal(size=(64, 20)).astype("f4"), rng.integers(0, 5, 64)) for _ in range(6)]

    def step_of(device, **options):
        gradcore.manual_seed(3)
        model = nn.Sequential(nn.Neuron(20, 32, activation="gelu"), nn.LayerNorm(32), nn.Linear(32, 5)).to(device)
        optimizer = optim.AdamW(model.parameters(), lr=0.01, **options)
        x, target = (Tensor(array, device=device) for array in batches[0])

        def step():
            optimizer.zero_grad()
            loss = cross_entropy(dropout(model(x), 0.25), target)
            loss.backward()
            optimizer.step()
            return loss

        return step, x, target

    step, x, target = step_of("cpu")
    expected = []
    for batch in batches:
        x.copy_(Tensor(batch[0])), target.copy_(Tensor(batch[1]))
        expected.append(step().item())
    step, x, target = step_of(CUDA, capturable=True)
    graph, found = gradcore.cuda.graph(step, device=CUDA, warmup=1), []
    noise = gradcore.ones(1000, 1000, device=CUDA)  # other work, in memory that is none of the graph's
    for batch in batches[1:]:
        x.copy_(Tensor(batch[0], device=CUDA)), target.copy_(Tensor(batch[1], device=CUDA))
        found.append(graph.replay().item())
        noise = noise @ noise / 1000
    np.testing.assert_allclose(found, expected[1:], rtol=1e-4)


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-4), ("float64", 1e-12)])
def test_recorded_products_are_those_of_cublas(dtype, tolerance, rng):
    for shape, other in [((64, 64), (64, 10)), ((1000, 300), (300, 1100)), ((7, 65, 33), (33, 129)), ((5,), (5, 3))]:
        a, b = (Tensor(rng.normal(size=size) / 10, dtype=dtype, device=CUDA) for size in (shape, other))
        for left, right in [(a, b), (a.T.contiguous().T if a.ndim == 2 else a, b.T.contiguous().T)]:
            graph, expected = gradcore.cuda.graph(lambda: left @ right, device=CUDA), (left @ right).numpy()
            np.testing.assert_allclose(graph.replay().numpy(), expected, rtol=tolerance, atol=tolerance)


def test_streams_wait_for_each_other():
    first, second = gradcore.cuda.Stream(CUDA), gradcore.cuda.Stream(CUDA)
    begin, end = (gradcore.cuda.Event(enable_timing=True, device=CUDA) for _ in range(2))
    x = gradcore.ones(2000, 2000, device=CUDA)
    for stream in (first, second):
        stream.wait_stream(gradcore.cuda.current_stream(CUDA))
    with gradcore.cuda.stream(first):
        begin.record()
        y = x
        for _ in range(20):
            y = y @ x / 2000
        event = first.record_event()
    with gradcore.cuda.stream(second):
        event.wait()
        z = y + 1
        end.record()
    y.record_stream(second)
    second.synchronize()
    assert first.query() and second.query() and begin.elapsed_time(end) > 0
    np.testing.assert_allclose(z.numpy(), 2.0, rtol=1e-4)


def test_batches_from_pinned_memory(rng):
    host = rng.normal(size=(1000, 1000)).astype("f4")
    batch = Tensor(host).pin_memory(CUDA)
    there = [batch.to(CUDA, non_blocking=True) * k for k in range(3)]
    back = [x.to("cpu", non_blocking=True) for x in there]
    gradcore.cuda.synchronize()
    for k, x in enumerate(back):
        np.testing.assert_array_equal(x.numpy(), host * np.float32(k))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_numbers_are_the_cpus(dtype):
    for n in (1, 1000, 3_000_001):
        drawn = [gradcore.rand(n, dtype=dtype, device=device, generator=gradcore.Generator().manual_seed(9)).numpy()
                 for device in ("cpu", CUDA)]
        np.testing.assert_array_equal(*drawn)


def test_the_peak_of_memory():
    gc.collect()
    gradcore.cuda.empty_cache()
    before = gradcore.cuda.memory_allocated(CUDA)
    gradcore.cuda.reset_peak_memory_stats(CUDA)
    x = gradcore.ones(1 << 20, device=CUDA)
    y = x + 1
    del y
    assert gradcore.cuda.max_memory_allocated(CUDA) - before == 2 * (4 << 20)
    assert gradcore.cuda.memory_allocated(CUDA) - before == 4 << 20


def test_memory_is_shared_with_cupy():
    import cupy

    array = cupy.arange(6, dtype=cupy.float32)
    x = gradcore.from_dlpack(array)
    assert x.device == "cuda:0"
    x.mul_(2.0)
    assert cupy.asnumpy(array).tolist() == [0, 2, 4, 6, 8, 10]
    assert cupy.asnumpy(cupy.asarray(x)).tolist() == x.tolist()  # by __cuda_array_interface__


def test_memory_is_shared_with_pytorch(torch):
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch cannot use CUDA")
    theirs = torch.arange(6, dtype=torch.float32, device=CUDA)
    x = gradcore.from_dlpack(theirs)
    x.add_(1.0)
    assert theirs.tolist() == [1, 2, 3, 4, 5, 6]
    back = torch.from_dlpack(x * 2)
    assert back.is_cuda and back.tolist() == [2, 4, 6, 8, 10, 12]
