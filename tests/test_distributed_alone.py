"""What of several processes is checked in one: refusals without MPI, and each process' part of a data set."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gradcore import distributed, nn, optim
from gradcore.distributed.agreement import by_rank, check_equal
from gradcore.distributed.line import Line
from gradcore.utils.data import DistributedSampler
from library import ROOT
from mpi import needs_mpi


def test_without_mpi_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r'needs MPI.*pip install "gradcore\[mpi\]"'):
        distributed.init_process_group()
    assert not distributed.is_initialized()


@pytest.mark.parametrize("call", [
    distributed.get_rank, distributed.get_world_size, distributed.barrier,
    lambda: nn.parallel.DistributedDataParallel(nn.Linear(1, 1)), lambda: DistributedSampler(range(3)),
    lambda: optim.ZeroRedundancyOptimizer(nn.Linear(1, 1).parameters(), optim.SGD)])
def test_without_a_group_what_makes_one_is_named(call):
    with pytest.raises(RuntimeError, match="no process group.*init_process_group"):
        call()


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="one of auto, mpi, nccl; got 'gloo'"):
        distributed.init_process_group("gloo")


@needs_mpi
def test_processes_that_another_mpi_has_started_are_told_so():
    code = "import gradcore; gradcore.distributed.init_process_group()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "OMPI_COMM_WORLD_SIZE": "2"})
    assert done.returncode == 1 and "2 processes were started, but each is alone in its MPI" in done.stderr


@needs_mpi
@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_a_timeout_is_positive(timeout):
    with pytest.raises(ValueError, match="init_process_group: timeout must be positive, or None"):
        distributed.init_process_group(timeout=timeout)


def test_one_process_is_a_group_too():
    code = """
import gradcore
from gradcore import distributed as d
gradcore.manual_seed(3)
expected = gradcore.rand(2)
for _ in range(2):
    d.init_process_group(debug=True)
    gradcore.manual_seed(3)
    x = gradcore.rand(2)
    d.all_reduce(x, "mean", async_op=True).wait()
    assert (x == expected).all() and (d.get_rank(), d.get_world_size()) == (0, 1)
    d.destroy_process_group()
    d.destroy_process_group()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_mpi
def test_groups_that_are_left_free_their_communicators():
    code = """
from mpi4py import MPI
from gradcore import distributed as d
made, freed = [], []

class Communicator(MPI.Intracomm):
    def Dup(self):
        made.append(Communicator(super().Dup()))
        return made[-1]

    def Free(self):
        freed.append(self)
        super().Free()

MPI.COMM_WORLD = Communicator(MPI.COMM_WORLD)
d.init_process_group(debug=True)
d.destroy_process_group()
assert len(made) == 4 and set(map(id, made)) == set(map(id, freed))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_mpi
def test_gradients_are_sent_while_backward_goes_on():
    code = """
import threading
import gradcore
from gradcore import distributed as d, nn
from gradcore.distributed.group import current_group
d.init_process_group()
host, sending, gone_on = current_group().host, threading.Event(), threading.Event()
send = host.all_reduce

def recorded(array, op):
    sending.set()
    assert gone_on.wait(30), "backward waits until the gradient has been sent"
    send(array, op)

def at_the_first_layer(gradient):
    assert sending.wait(30), "no gradient of the last layer is on its way"
    gone_on.set()

host.all_reduce = recorded
model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), bucket_cap_mb=1e-5)
model.module[0].weight.register_hook(at_the_first_layer)
model(gradcore.ones(2, 3)).sum().backward()
assert gone_on.is_set()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "GRADCORE_DISTRIBUTED_THREAD": "1"})
    assert (done.returncode, done.stderr) == (0, "")


# -- the line of calls ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("has_thread", [True, False])
def test_calls_are_made_in_their_order_whoever_waits(has_thread):
    line, made = Line(has_thread), []
    waits = [line.submit("append", lambda i=i: made.append(i)) for i in range(20)]
    waits[3]()
    assert made[:4] == [0, 1, 2, 3]
    line.run("append", lambda: made.append("now"))
    assert made == [*range(20), "now"] and line.count == 21 and line.now is None
    for wait in waits:
        wait()
    assert len(made) == 21


@pytest.mark.parametrize("has_thread", [True, False])
def test_an_error_belongs_to_who_waits(has_thread):
    line, made = Line(has_thread), []
    failing, other = line.submit("fail", lambda: 1 / 0), line.submit("append", lambda: made.append(1))
    other()
    with pytest.raises(ZeroDivisionError):
        failing()
    assert made == [1]


def test_who_waits_for_another_process_makes_what_that_may_wait_for():
    line, made = Line(has_thread=False), []
    line.submit("append", lambda: made.append(1))
    assert not made
    line.catch_up()
    assert made == [1]


# -- agreement ------------------------------------------------------------------------------------------------
class _Everyone:
    """A communicator in which the others have said what they have."""

    def __init__(self, *others):
        self.others = others

    def allgather(self, mine):
        return [mine, *map(list, self.others)]


def test_what_differs_is_named_by_rank():
    assert by_rank([1, 2, 1]) == "rank 0, 2: 1; rank 1: 2"
    names = {"a": "float32 (2,)", "b": "float32 (3,)"}
    check_equal(_Everyone(names.items()), "parameters", names)
    with pytest.raises(ValueError, match=r"parameters differ between processes: b is of rank 0: float32 \(3,\); "
                                         r"rank 1: none$"):
        check_equal(_Everyone([("a", "float32 (2,)")]), "parameters", names)
    with pytest.raises(ValueError, match="stand in a different order: rank 0: a, b; rank 1: b, a"):
        check_equal(_Everyone(reversed(names.items())), "parameters", names)


# -- parts of a data set --------------------------------------------------------------------------------------
@pytest.mark.parametrize("count, size", [(10, 2), (11, 4), (3, 8), (1, 3), (12, 5)])
@pytest.mark.parametrize("drop_last", [False, True])
def test_parts_are_those_of_pytorch(count, size, drop_last, torch):
    from torch.utils.data import DistributedSampler as Theirs

    for rank in range(size):
        options = {"num_replicas": size, "rank": rank, "shuffle": False, "drop_last": drop_last}
        ours, theirs = DistributedSampler(range(count), **options), Theirs(range(count), **options)
        if not drop_last or count >= size:
            assert (list(ours), len(ours)) == (list(theirs), len(theirs))


def test_epochs_have_orders_of_their_own_that_repeat():
    def whole(epoch, seed=0):
        samplers = [DistributedSampler(range(40), 4, rank, seed=seed) for rank in range(4)]
        for sampler in samplers:
            sampler.set_epoch(epoch)
        return [index for group in zip(*samplers) for index in group]

    assert sorted(whole(0)) == list(range(40)) and whole(0) == whole(0)
    assert whole(0) != whole(1) != whole(1, seed=1)
    sampler = DistributedSampler(range(9), 2, 0)
    sampler.load_state_dict({"epoch": 5})
    assert sampler.epoch == 5 and sampler.state_dict() == {"epoch": 5}
    with pytest.raises(ValueError, match="takes {'epoch': an integer}"):
        sampler.load_state_dict({"seed": 5})
    with pytest.raises(ValueError, match="rank is a number from 0 to 1; got 2"):
        DistributedSampler(range(3), 2, 2)
