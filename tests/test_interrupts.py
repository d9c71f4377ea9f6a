"""Ctrl-C at any place leaves everything as it says it is, and what a signal's handler computes disturbs nothing."""

from __future__ import annotations

import io
import os
import threading
import time

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn, optim
from gradcore.autograd import Function
from gradcore.backends import get_backend, philox
from gradcore.backends.cpu import tiles
from gradcore.backends.cpu.workers import Job, Workers
from gradcore.backends.locks import Guard
from gradcore.core import accumulation
from gradcore.operations.generator import Generator
from gradcore.utils.data import DataLoader
from places import child_ends, interrupted_everywhere, met_everywhere
from test_random import of_numpy

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
STRIDED = np.linspace(-2, 2, 18_000, dtype=np.float32).reshape(100, 180)[:, ::2]  # no short way takes these


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, gradient):
        x, = ctx.saved_tensors
        return 3 * x * x * gradient


def in_blocks():
    with gradcore.no_grad():
        with gradcore.enable_grad(), gradcore.inference_mode():
            gradcore.is_grad_enabled()


@gradcore.no_grad
def steps():
    yield from range(2)


def a_step():
    parameter = Tensor([1.0, 2.0], requires_grad=True)
    parameter.grad = gradcore.ones(2)
    optim.SGD([parameter], lr=0.1).step()


def a_new_name():
    x = Tensor([[1.0, 2.0]], requires_grad=True) * 1.0
    x.squeeze_()


@pytest.mark.parametrize("call", [in_blocks, lambda: list(steps()), a_step, a_new_name,
                                  lambda: Cube.apply(Tensor([1.0], requires_grad=True)).backward()],
                         ids=["blocks", "generator", "step", "reshaped", "Function"])
def test_the_mode_is_what_it_was(call):
    for place in interrupted_everywhere(call):
        assert gradcore.is_grad_enabled(), place


def test_a_block_may_be_shared_by_threads_and_entered_twice():
    shared, modes = gradcore.no_grad(), []

    def run(enabled, first, second):
        with gradcore.set_grad_enabled(enabled):
            first.wait(20)
            with shared, gradcore.enable_grad(), shared:
                second.set()
                time.sleep(0.01)
            modes.append(gradcore.is_grad_enabled() == enabled)

    events = [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=run, args=(True, events[0], events[1])),
               threading.Thread(target=run, args=(False, events[1], events[0]))]
    for thread in threads:
        thread.start()
    events[0].set()
    for thread in threads:
        thread.join()
    assert modes == [True, True]


@pytest.mark.parametrize("n", [5, 20_000])
def test_the_stream_goes_on_where_it_says(n):
    generator = Generator().manual_seed(3)
    for place in interrupted_everywhere(lambda: gradcore.rand(n, generator=generator)):
        generator.set_offset(generator.get_offset() + 700)  # no draw ahead has these
        at = generator.place
        np.testing.assert_array_equal(gradcore.rand(n, generator=generator).numpy(), of_numpy(at, n, "float32"))


def test_nobody_writes_to_an_array_after_the_interrupt(monkeypatch):
    monkeypatch.setattr(tiles, "CORES", 2)
    array, begun = np.zeros(2), threading.Event()

    def part(start, stop):
        if start:
            begun.set()
            time.sleep(0.05)
            array[1] += 1
        else:
            begun.wait(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiles.share(1_000_000, 10**9, part)
    seen = array.copy()
    time.sleep(0.1)
    np.testing.assert_array_equal(array, seen)


def test_a_job_that_was_ended_is_not_begun():
    done = []
    job = Job(done.append, 1)
    job.end()
    job.run()
    assert not done


def test_workers_that_were_interrupted_when_they_started_are_started_later(monkeypatch):
    start = threading.Thread.start
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(KeyboardInterrupt))
        workers = Workers(1)
        with pytest.raises(KeyboardInterrupt):
            workers.submit(print)
    assert threading.Thread.start is start
    has_run = threading.Event()
    workers.submit(has_run.set)
    assert has_run.wait(20)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_a_file_is_the_old_one_or_the_new_one(ending, tmp_path):
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"state.{ending}"
    gradcore.save({"x": Tensor([1.0])}, path)
    for place in interrupted_everywhere(lambda: gradcore.save({"x": Tensor([1.0]), "y": Tensor([2.0, 3.0])}, path), 7):
        assert os.listdir(tmp_path) == [path.name], place
        assert gradcore.load(path)["x"].tolist() == [1.0]


def test_persistent_workers_fetch_again():
    loader = DataLoader(range(4), num_workers=1, persistent_workers=True)

    def call():
        try:
            list(loader)
        except RuntimeError as error:  # concurrent.futures releases a lock that it was about to acquire
            raise KeyboardInterrupt from error

    for place in interrupted_everywhere(call, 3):
        assert [batch.item() for batch in loader] == [0, 1, 2, 3], place


def test_an_open_file_is_not_whole_before_it_is():
    class Disk(io.BytesIO):
        room = 600

        def write(self, data):
            self.room -= len(data)
            if self.room < 0:
                self.room = 10**6  # what is written later fits
                raise OSError("no space left")
            return super().write(data)

    disk = Disk()
    with pytest.raises(OSError, match="no space left"):
        gradcore.save({"x": gradcore.ones(10), "y": gradcore.ones(1000)}, disk)
    disk.seek(0)
    with pytest.raises(ValueError, match="damaged or was cut off"):
        gradcore.load(disk)


@pytest.mark.parametrize("change", [lambda x: x.mul_(2), lambda x: x.fill_(7), lambda x: gradcore.tanh(x, out=x),
                                    lambda x: x.copy_(gradcore.ones(2))], ids=["mul_", "fill_", "out", "copy_"])
def test_old_graphs_do_not_take_new_values(change):
    made = {}

    def call():
        x, w = Tensor([3.0, 4.0]), Tensor([1.0, 1.0], requires_grad=True)
        made.update(x=x, w=w, y=(x * w).sum())
        change(x)

    for place in interrupted_everywhere(call):
        if made and made["x"].tolist() != [3.0, 4.0]:
            with pytest.raises(RuntimeError, match="changed"):
                made["y"].backward()
        elif made and made["x"]._versions == [0]:
            made["y"].backward()
            assert made["w"].grad.tolist() == [3.0, 4.0], place
        made.clear()


def test_a_write_that_is_refused_does_not_count():
    x, w = Tensor([3.0, 4.0]), Tensor([1.0, 1.0], requires_grad=True)
    y = (x * w).sum()
    with pytest.raises(Exception, match="assignment"):
        x[:] = [1.0, 2.0, 3.0]
    y.backward()
    assert w.grad.tolist() == [3.0, 4.0]


def test_no_hook_is_lost():
    seen, module = [], nn.Identity()

    def call():
        module.register_forward_pre_hook(lambda *given: None, prepend=True)

    for name in "ab":
        module.register_forward_pre_hook(lambda module, given, name=name: seen.append(name))
    for place in interrupted_everywhere(call):
        seen.clear()
        module(1)
        assert seen == ["a", "b"], place


# -- what a signal's handler, or a finalizer, computes in the middle of something else ------------------------
def within(outer, inner):
    """The results of both, wherever `inner` is called in the middle of `outer`."""
    found = {}
    for place in met_everywhere(lambda: found.update(outer=outer()), lambda: found.update(inner=inner())):
        yield place, found["outer"], found["inner"]


@gradcore.elementwise
def tangled(xp, x):
    return xp.exp(x) * xp.sin(x) + xp.tanh(x) / (2 + xp.cos(x))


@gradcore.elementwise
def knotted(xp, x):
    return xp.where(x > 0, xp.exp(-x) * xp.cos(x), xp.tanh(x) * xp.sin(x)) - xp.log(1 + x * x) * xp.exp(x)


@gradcore.rowwise
def row_of_both(xp, x):
    largest = xp.max(x)
    return xp.exp(x - largest) * xp.sin(x) + xp.tanh(x - largest) / (2 + xp.cos(x)) - xp.sum(xp.exp(x) * xp.cos(x))


COMPUTED = [tangled, knotted, row_of_both]


@pytest.mark.parametrize("kernel", COMPUTED, ids=lambda kernel: kernel.name)
def test_a_kernel_within_a_kernel_has_memory_of_its_own(kernel):
    x, z = gradcore.from_numpy(STRIDED), gradcore.from_numpy(-STRIDED[::-1])
    expected = kernel(x).numpy().copy(), kernel(z).numpy().copy()
    for place, first, second in within(lambda: kernel(x).numpy(), lambda: kernel(z).numpy()):
        np.testing.assert_array_equal(first, expected[0], err_msg=str(place))
        np.testing.assert_array_equal(second, expected[1], err_msg=str(place))


def test_draws_within_draws_have_numbers_of_their_own():
    generator = Generator()
    each = philox.blocks(20_000, np.dtype("float32"))

    def draw():
        return gradcore.rand(20_000, generator=generator).numpy()

    def first_draw():
        generator.manual_seed(5)
        return draw()

    whole = of_numpy(philox.Place(5, 0, 0), 16 * each, "float32")
    for place, first, second in within(first_draw, draw):
        parts = whole[:20_000], whole[8 * each:][:20_000]
        i = 0 if np.array_equal(first, parts[0]) else 1
        np.testing.assert_array_equal(first, parts[i], err_msg=str(place))
        if generator.get_offset() == 2 * each:  # else it came before the seed
            np.testing.assert_array_equal(second, parts[1 - i], err_msg=str(place))


@pytest.mark.parametrize("has_gradient", [False, True])
def test_backward_passes_within_backward_passes_lose_no_gradient(has_gradient):
    x = Tensor([1.0], requires_grad=True)
    loss = [x * 2]

    def back():
        with gradcore.enable_grad():
            loss[0].backward(retain_graph=True)

    x.grad = Tensor([-2.0])  # of the first call, which nothing comes between
    for place in met_everywhere(back, back):
        assert x.grad.tolist() == [4.0], place
        x.grad = Tensor([0.0]) if has_gradient else None


# -- forks ----------------------------------------------------------------------------------------------------
def test_a_guard_may_be_taken_again_by_who_holds_it():
    guard = Guard()
    with guard.lock, guard.lock:
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_finds_all_locks_free():
    generator, pool = Generator(), get_backend("cpu").pool
    assert child_ends([generator._guard.lock, pool._guard.lock, accumulation._adding.lock],
                      lambda: gradcore.rand(3_000_000, generator=generator) is not None)
