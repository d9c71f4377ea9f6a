"""Threads that take parts of a computation."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import kernels
from gradcore import Tensor
from gradcore import elementwise
from gradcore.backends.cpu import tiles
from gradcore.backends.cpu.workers import Job, Workers


mish = elementwise(kernels.mish)


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr("gradcore.backends.cpu.workers.CORES", 2)


def test_a_worker_is_another_thread(two_cores):
    workers, who, has_run = Workers(), [], threading.Event()

    def note() -> None:
        who.append(threading.current_thread())
        has_run.set()

    job = workers.submit(note)
    assert has_run.wait(timeout=60)  # nobody waited for the job, so it was not this thread
    job.wait()
    assert len(who) == 1 and who[0] is not threading.current_thread() and who[0].daemon


def test_an_error_reaches_who_waits(two_cores):
    def fail() -> None:
        raise KeyError("of the worker")

    workers = Workers()
    with pytest.raises(KeyError, match="of the worker"):
        workers.submit(fail).wait()
    done = []
    workers.submit(done.append, 1).wait()  # and the worker lives on
    assert done == [1]


def test_who_waits_does_what_no_worker_has_begun(two_cores):
    workers, gate, done = Workers(), threading.Event(), []
    busy = workers.submit(gate.wait)
    for i in range(3):
        workers.submit(done.append, i).wait()
    assert done == [0, 1, 2]
    gate.set()
    busy.wait()


def test_a_job_is_done_once():
    done = []
    job = Job(done.append, 1)
    threads = [threading.Thread(target=job.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [1]


def test_what_is_done_is_freed_though_the_worker_is_busy(two_cores):
    workers, gate, array = Workers(), threading.Event(), np.zeros(3)
    trace = weakref.ref(array)
    busy = workers.submit(gate.wait)
    workers.submit(array.sum).wait()
    del array
    assert trace() is None
    gate.set()
    busy.wait()


def test_threads_that_cannot_be_started_are_done_without(two_cores, monkeypatch):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    workers, done = Workers(), []
    workers.submit(done.append, 1).wait()
    assert done == [1]
    assert workers._jobs.empty()  # or the jobs would pile up


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_workers_of_its_own():
    x = np.ones(3_000_000, np.float32)
    tiles.share(x.size, 10**9, lambda start, stop: None)
    child = os.fork()
    if child == 0:  # os._exit: a child must not go on with the tests
        done = []
        tiles.share(x.size, 10**9, lambda start, stop: done.append(stop - start))
        os._exit(0 if sum(done) == x.size else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("cores", [1, 2, 3, 16])
def test_parts_leave_nothing_out_and_nothing_twice(cores, monkeypatch):
    monkeypatch.setattr(tiles, "CORES", cores)
    for n in (1, 2, 15, 16, 17, 100, 1001, 123_457):
        for work in (n, 900_000, 1_600_000, 10**7, 10**10):
            counts, lock = np.zeros(n, int), threading.Lock()

            def run(start: int, stop: int) -> None:
                assert start < stop
                with lock:
                    counts[start:stop] += 1

            tiles.share(n, work, run)
            assert (counts == 1).all()


@pytest.mark.parametrize("n", [1, 1000, 131072, 131073, 700_001])
def test_tiles_and_threads_leave_no_seams(n):
    values = np.random.default_rng().standard_normal(n).astype(np.float32)
    x = Tensor(values, requires_grad=True)
    y = mish(x)
    y.backward(np.ones(n, np.float32))
    head = Tensor(values[-1000:], requires_grad=True)
    tail = mish(head)
    tail.backward(np.ones(tail.shape, np.float32))
    np.testing.assert_allclose(y.numpy()[-1000:], tail.numpy(), rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy()[-1000:], head.grad.numpy(), rtol=2e-6, atol=1e-6)
    few = slice(None, None, max(1, n // 997))
    np.testing.assert_allclose(y.numpy()[few], mish(Tensor(values[few])).numpy(), rtol=1e-6)


def test_a_thread_that_outlives_the_main_thread_computes_on():
    program = """
import threading
import gradcore
x = gradcore.ones(4_000_000)
def late():
    threading.main_thread().join()
    print(gradcore.functions.tanh(x).sum().item() > 3e6)
threading.Thread(target=late).start()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert (done.stdout, done.stderr) == ("True\n", "")
