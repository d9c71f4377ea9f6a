"""Streams, events, copies and graphs of CUDA devices over the stand-in for CuPy."""

from __future__ import annotations

import gc
import weakref
import numpy as np
import pytest

import fake_cupy
import gradcore
from gradcore import Tensor, nn, optim
from gradcore.functions import cross_entropy, dropout
from native_compiler import needs_compiler

pytestmark = needs_compiler


def order() -> list[tuple]:
    """What was ordered by what."""
    return [entry for entry in fake_cupy.log if entry[0] in ("record", "wait event", "wait")]


def test_work_goes_to_the_stream_that_is_current(cuda):
    stream = gradcore.cuda.Stream("cuda:1")
    before = gradcore.cuda.current_stream("cuda:1")
    with gradcore.cuda.stream(stream) as entered:
        assert entered is stream and gradcore.cuda.current_stream("cuda:1") == stream
        assert gradcore.cuda.current_stream("cuda:0") != stream
        with gradcore.cuda.stream(None):
            assert gradcore.cuda.current_stream("cuda:1") == stream
    assert gradcore.cuda.current_stream("cuda:1") == before != stream
    assert fake_cupy.Device.current == [0] and "of cuda:1" in repr(stream) and stream.query()


def test_streams_wait_for_each_other_on_the_device(cuda):
    first, second = gradcore.cuda.Stream("cuda:1"), gradcore.cuda.Stream("cuda:1")
    fake_cupy.log.clear()
    second.wait_stream(first)
    assert order() == [("record", first.raw.ptr), ("wait event", second.raw.ptr, first.raw.ptr)]
    event = gradcore.cuda.Event(enable_timing=True, device="cuda:1")
    event.record(first)
    second.wait_event(event)
    assert order()[2:] == [("record", first.raw.ptr), ("wait event", second.raw.ptr, first.raw.ptr)]
    assert event.query() and event.elapsed_time(first.record_event()) == 1.5
    fake_cupy.log.clear()
    event.synchronize()
    first.synchronize()
    assert order() == [("wait", "Event.synchronize"), ("wait", "Stream.synchronize")]


def test_memory_that_a_stream_reads_is_kept(cuda):
    stream, x = gradcore.cuda.Stream("cuda:1"), gradcore.ones(3, device="cuda:1")
    array = x._array
    x.record_stream(stream)
    del x
    (event, kept), = cuda._kept
    assert kept is array and event.place == stream.raw.ptr
    event.is_done = False
    gradcore.zeros(2, device="cuda:1").record_stream(stream)
    assert [held is array for _, held in cuda._kept] == [True, False]
    event.is_done = True
    gradcore.zeros(2, device="cuda:1").record_stream(stream)
    assert not any(held is array for _, held in cuda._kept)


@pytest.mark.parametrize("part", [slice(None), slice(None, None, 2)])
def test_copies_between_devices_are_ordered_by_events(part, cuda):
    x = Tensor(np.arange(6.0), device="cuda:0", requires_grad=True)[part]
    streams = [gradcore.cuda.Stream(device) for device in ("cuda:0", "cuda:1")]
    with gradcore.cuda.stream(streams[0]), gradcore.cuda.stream(streams[1]):
        fake_cupy.log.clear()
        y = x.to("cuda:1")
        source, target = streams[0].raw.ptr, streams[1].raw.ptr
        assert order() == [("record", source), ("wait event", target, source), ("record", target),
                           ("wait event", source, target)]
    assert y.device == "cuda:1" and y.tolist() == np.arange(6.0)[part].tolist()
    (y * y).sum().backward()


def test_pinned_memory_is_copied_from_without_a_wait_where_that_is_asked(cuda):
    batch = Tensor(np.ones((4, 3))).pin_memory("cuda:1")
    assert batch.device == "cpu" and batch.numpy().ctypes.data in fake_cupy.pinned
    for tensor, non_blocking, waits in [(batch, False, [("array",)]), (batch, True, []), (Tensor([1.0]), False, [])]:
        fake_cupy.log.clear()
        moved = tensor.to("cuda:1", non_blocking=non_blocking)
        assert fake_cupy.logged("wait") == waits and moved.device == "cuda:1"
    fake_cupy.log.clear()
    back = moved.to("cpu", non_blocking=True)
    assert not fake_cupy.logged("wait") and back.tolist() == [1.0]


def test_memory_of_the_host_that_a_device_still_writes_to_is_kept(cuda):
    """CuPy gives pinned memory out again as soon as its array is gone."""
    x = gradcore.ones(3, device="cuda:1")
    x.to("cpu", non_blocking=True)
    (event, kept), = cuda._kept
    assert kept.tolist() == [1.0] * 3 and event.place == gradcore.cuda.current_stream("cuda:1").raw.ptr


def test_arrays_of_another_device_are_copied_after_they_are_made(cuda):
    there = gradcore.get_backend("cuda:0").asarray(np.arange(6.0).reshape(2, 3))
    fake_cupy.log.clear()
    here = cuda.asarray(there.T)
    assert cuda.owns(here) and here.tolist() == np.arange(6.0).reshape(2, 3).T.tolist()
    assert [kind for kind, *_ in order()] == ["record", "wait event", "record", "wait event"]


def parts(device: str, rng: np.random.Generator, **options) -> tuple:
    gradcore.manual_seed(3)
    model = nn.Sequential(nn.Neuron(5, 6, activation="tanh"), nn.Linear(6, 3)).to(device)
    optimizer = optim.AdamW(model.parameters(), lr=0.05, **options)
    batches = [(rng.normal(size=(7, 5)).astype("f4"), rng.integers(0, 3, 7)) for _ in range(6)]
    return model, optimizer, batches


def train(model, optimizer, x, target) -> Tensor:
    optimizer.zero_grad()
    loss = cross_entropy(model(x), target)
    loss.backward()
    optimizer.step()
    return loss


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}])
def test_a_captured_training_step_goes_on_as_the_step_itself(options, cuda, rng):
    seed = rng.integers(2 ** 32)
    model, optimizer, batches = parts("cpu", np.random.default_rng(seed), **options)
    expected = [train(model, optimizer, Tensor(x), Tensor(target)).item() for x, target in batches]

    model, optimizer, batches = parts("cuda:1", np.random.default_rng(seed), capturable=True, **options)
    x, target = (Tensor(array, device="cuda:1") for array in batches[0])
    graph = gradcore.cuda.graph(lambda: train(model, optimizer, x, target), device="cuda:1", warmup=1)
    losses = []
    for new_x, new_target in batches[1:]:
        x.copy_(Tensor(new_x, device="cuda:1"))
        target.copy_(Tensor(new_target, device="cuda:1"))
        fake_cupy.log.clear()
        result = graph.replay()
        assert not [entry for entry in fake_cupy.log if entry[0] in ("launch", "wait", "to device")]
        assert result is graph.result
        losses.append(result.item())
    np.testing.assert_allclose(losses, expected[1:], rtol=2e-5)


def test_a_graph_has_memory_of_its_own(cuda):
    x = gradcore.ones(4, device="cuda:1")
    fake_cupy.log.clear()
    graph = gradcore.cuda.graph(lambda: x * 2 + 1, device="cuda:1")
    (allocator,), (nothing,) = fake_cupy.logged("allocator")
    assert allocator == graph._pool.malloc and nothing is None
    x.fill_(3.0)
    assert graph.replay().tolist() == [7.0] * 4


def test_memory_of_a_graph_stays_though_its_pool_gives_it_back(cuda):
    """Where memory runs out while a graph is recorded, its pool frees what the recorded kernels use."""
    graph = gradcore.cuda.graph(lambda: gradcore.ones(4, device="cuda:1"), device="cuda:1")
    pointer = graph._pool._allocator(512)
    assert pointer.mem is graph._memory[-1] and pointer.ptr == pointer.mem.ptr


def test_warming_up_loads_the_kernels_that_are_recorded(cuda, monkeypatch):
    layer, x = gradcore.nn.Linear(2, 2, device="cuda:1"), gradcore.ones(1, 2, device="cuda:1")
    compiled = []
    monkeypatch.setattr(cuda._products, "_compile", lambda text, name: compiled.append(
        (name, fake_cupy.streams.recording is None)) or cuda._compile(text, name))
    gradcore.cuda.graph(lambda: layer(x), device="cuda:1")
    assert compiled == [("gradcore_matmul", True)]
    fake_cupy.log.clear()
    layer(x)
    assert "gradcore_matmul" not in [name for name, *_ in fake_cupy.logged("launch")]


def test_memory_that_another_stream_reads_in_a_recording_is_the_graphs(cuda):
    """An event of a recording cannot be asked whether it is over."""
    x, other = gradcore.ones(4, device="cuda:1"), gradcore.cuda.Stream("cuda:1")

    def work():
        y = x * 2
        y.record_stream(gradcore.cuda.current_stream("cuda:1"))
        return y

    graph = gradcore.cuda.graph(work, device="cuda:1", warmup=0)
    x.record_stream(other)
    x.record_stream(other)
    assert graph.replay().tolist() == [2.0] * 4


def test_a_graph_keeps_what_its_work_uses(cuda):
    """The recording knows addresses alone; were the model gone, its memory would be another's."""
    model = gradcore.nn.Linear(2, 2, device="cuda:1")
    kept = weakref.ref(model)
    graph = gradcore.cuda.graph(lambda model=model: model(gradcore.ones(1, 2, device="cuda:1")), device="cuda:1")
    del model
    gc.collect()
    assert kept() is not None and graph.replay().shape == (1, 2)


def test_each_replay_draws_the_numbers_of_the_function_itself(cuda):
    def noise(device):
        return dropout(gradcore.ones(50, device=device), 0.5), gradcore.randn(3, device=device)

    def numbers(pair):
        return [*pair[0].tolist(), *pair[1].tolist()]

    gradcore.manual_seed(4)
    expected = [numbers(noise("cpu")) for _ in range(2)] + [gradcore.rand(3).tolist(), numbers(noise("cpu"))]
    gradcore.manual_seed(2 ** 64 - 1)
    expected.append(numbers(noise("cpu")))
    gradcore.manual_seed(4)
    graph = gradcore.cuda.graph(lambda: noise("cuda:1"), device="cuda:1", warmup=1)
    found = [expected[0], numbers(graph.replay()), gradcore.rand(3).tolist(), numbers(graph.replay())]
    gradcore.manual_seed(2 ** 64 - 1)
    found.append(numbers(graph.replay()))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("work, why", [
    (lambda x: gradcore.rand(2, device="cuda:1", generator=gradcore.Generator()), "the default generator"),
    (lambda x: x.sum().item(), "no values are read"),
    (lambda x: x.to("cpu", non_blocking=True), "no values are read"),
    (lambda x: x + Tensor([1.0, 2.0], device="cuda:1"), "nothing can be copied from the host"),
    (lambda x: x[x > 0], "StreamCaptureUnsupported")])
def test_what_a_replay_would_repeat_wrongly_is_refused(work, why, cuda):
    x = gradcore.ones(2, device="cuda:1")
    with pytest.raises(RuntimeError, match=why):
        gradcore.cuda.graph(lambda: work(x), device="cuda:1")
    assert dropout(x, 0.5).shape == (2,) and (x + 1).tolist() == [2.0, 2.0]  # nothing is left behind
