"""NCCL in one process: why it cannot be used, and in which order the device is asked to work.

That its operations give what they should is checked on several processes, over the same stand-in: `test_distributed`.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fake_cupy
import fake_nccl
from gradcore.backends import BackendUnavailable, CuPyBackend
from gradcore.backends.cuda.nccl import NcclCommunicator
from native_compiler import needs_compiler

pytestmark = needs_compiler


@pytest.fixture
def card(pretended, monkeypatch) -> CuPyBackend:
    for name, module in fake_nccl.modules(devices=2).items():
        monkeypatch.setitem(sys.modules, name, module)
    return CuPyBackend(1)


def _alone(value):
    return [value]


class _Recorded:
    """The binding of a communicator, which writes down what it is asked for."""

    calls: list = []

    def __init__(self, ndev, commId, rank):
        type(self).calls = []

    def __getattr__(self, name):
        def call(*args):
            assert fake_nccl.Stream.current[-1].ptr == args[-1]
            _Recorded.calls.append((name, *args[-4:-1]))
            fake_cupy.log.append(("nccl", name))
        return call


@pytest.fixture
def engine(card, monkeypatch) -> NcclCommunicator:
    monkeypatch.setattr(fake_nccl.NCCL, "NcclCommunicator", _Recorded)
    return card.communicator(0, 1, _alone)


def test_work_goes_on_a_stream_of_its_own_between_two_waits(card, engine):
    array = card.asarray(np.ones(3, "float32"))
    fake_cupy.log.clear()
    engine.all_reduce(array, "sum")
    engine.mark()()
    (own, main), (waiting, of) = fake_cupy.logged("stream waits")
    assert own is of is not main is waiting
    kinds = [entry[0] for entry in fake_cupy.log if entry[0] in ("stream waits", "nccl")]
    assert kinds == ["stream waits", "nccl", "stream waits"] and not fake_cupy.logged("wait")


@pytest.mark.parametrize("dtype, sent, op", [
    ("float16", "NCCL_FLOAT32", "sum"), ("int16", "NCCL_INT32", "max"), ("bool", "NCCL_UINT8", "min"),
    ("float64", "NCCL_FLOAT64", "mean"), ("int64", "NCCL_INT64", "sum")])
def test_dtypes_that_nccl_cannot_compute_with_are_widened(dtype, sent, op, card, engine):
    engine.all_reduce(card.asarray(np.ones(3, dtype)), op)
    name, count, kind, operation = _Recorded.calls[-1][0], *_Recorded.calls[-1][1:]
    nccl = fake_nccl.NCCL
    assert (name, count, kind) == ("allReduce", 3, getattr(nccl, sent))
    assert operation == {"sum": nccl.NCCL_SUM, "mean": nccl.NCCL_SUM, "max": nccl.NCCL_MAX, "min": nccl.NCCL_MIN}[op]


def test_messages_between_two_processes_are_begun_together(card, engine):
    array = card.asarray(np.ones(3, "float32"))
    first, second = engine.send(array, 1, tag=0), engine.receive(array, 1, tag=0)
    assert _Recorded.calls == []  # one alone would hold up the stream
    first()
    assert [call[0] for call in _Recorded.calls] == ["send", "recv"]
    assert second() == 1 and len(_Recorded.calls) == 2
    with pytest.raises(ValueError, match="NCCL needs the source"):
        engine.receive(array, None, tag=0)


def test_memory_of_the_host_is_given_back_when_the_device_is_done_with_it(card):
    array = card.asarray(np.arange(6.0).reshape(2, 3).T)
    host = card.staged(array)
    assert host.flags.c_contiguous and host.tolist() == [[0, 3], [1, 4], [2, 5]]
    host += 1
    fake_cupy.log.clear()
    card.unstage(array, host)
    assert fake_cupy.log[-1] == ("wait", "Stream.synchronize") and card.to_numpy(array).tolist() == host.tolist()


# -- why it cannot be used ------------------------------------------------------------------------------------
def test_processes_that_share_a_card_have_no_nccl(card):
    with pytest.raises(BackendUnavailable, match="a device for each process, and ranks 0, 2 share one"):
        card.communicator(0, 3, lambda mine: [mine, (None, ("elsewhere", "0"), None), mine])


def test_one_process_without_nccl_is_named_on_all(card, monkeypatch):
    other = ("rank 1 has none (ImportError: libnccl.so.2)", None, None)
    with pytest.raises(BackendUnavailable, match=r"between 2 processes: rank 1 has none \(ImportError: libnccl"):
        card.communicator(0, 2, lambda mine: [mine, other])
    monkeypatch.setitem(sys.modules, "cupy.cuda.nccl", None)
    sent = []

    def exchange(mine):
        sent.append(mine)
        return [mine, (None, ("here", "1"), None)]

    with pytest.raises(BackendUnavailable, match="rank 0 has none .*nvidia-nccl-cu13"):
        card.communicator(0, 2, exchange)
    assert len(sent) == 1  # those that have it are told, and do not wait
