"""Several processes: collective operations, and what becomes of all when one fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradcore
from mpi import needs_mpi, results, start

pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
import distributed_run  # noqa: E402  (it needs the stand-in)

pytestmark = needs_mpi
TESTS = Path(__file__).parent


@pytest.fixture(scope="module", params=[2, 4], ids="{} processes".format)
def outcomes(request, tmp_path_factory):
    """How every check went on every process."""
    folder = tmp_path_factory.mktemp("ranks")
    # Not all of them run in debug mode, which must not be what makes them right, and not all with a thread.
    done = start(request.param, TESTS / "distributed_run.py", folder, *["debug"] * (request.param == 2),
                 GRADCORE_DISTRIBUTED_THREAD=str(int(request.param == 2)))
    return results(folder, request.param), done


@pytest.mark.parametrize("name", distributed_run.CHECKS)
def test_on_several_processes(name, outcomes):
    found, done = outcomes
    for rank, outcome in enumerate(found):
        assert outcome.get(name) == "passed", f"rank {rank}: {outcome.get(name)}\n{done.stderr}"


def test_they_end_together(outcomes):
    assert outcomes[1].returncode == 0 and outcomes[1].stderr == ""


@pytest.mark.gpu
def test_two_cards_are_joined_by_nccl(tmp_path):
    if gradcore.cuda.device_count() < 2:
        pytest.skip(f"this machine has {gradcore.cuda.device_count()} CUDA device(s); NCCL joins two")
    done = start(2, TESTS / "distributed_run.py", tmp_path, "nccl")
    assert done.returncode == 0, done.stderr
    for name in distributed_run.CHECKS:
        assert [outcome[name] for outcome in results(tmp_path, 2)] == ["passed", "passed"]


def _failed(name: str, **environment: str) -> str:
    """What is printed, by a program that must fail and must not hang."""
    done = start(2, TESTS / "distributed_failures.py", name, **environment)
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_an_error_in_one_process_ends_all_with_its_traceback():
    printed = _failed("error")
    assert "rank 1 of 2 failed" in printed and "ValueError: a sample that cannot be read" in printed


@pytest.mark.parametrize("name", ["exit", "batches"])
def test_who_waits_for_a_process_that_has_left_says_so(name):
    assert "rank 0 of 2 waits in all_reduce for rank 1, which has left" in _failed(name)


@pytest.mark.parametrize("debug", ["0", "1"])
def test_who_waits_for_a_process_that_hangs_says_so(debug):
    printed = _failed("hang", GRADCORE_DISTRIBUTED_DEBUG=debug)
    assert "rank 0 of 2 has waited in all_reduce for 2 s, the timeout: another process hangs" in printed


def test_a_killed_process_ends_the_job_with_a_message():
    assert "signal 9" in _failed("killed").lower()


@pytest.mark.parametrize("name, expected", [
    ("calls", "number 1: rank 0: broadcast(float32 (3,), cpu, src=0); rank 1: all_reduce(float32 (3,), cpu, sum)"),
    ("shapes", "number 1: rank 0: all_reduce(float32 (3,), cpu, sum); rank 1: all_reduce(float32 (4,), cpu, sum)"),
    ("batches", "number 3: rank 0: all_reduce(float32 (3,), cpu, sum); rank 1: leaves the process group"),
])
def test_calls_that_differ_are_named_in_debug_mode(name, expected):
    assert f"the processes differ in their collective call {expected}" in _failed(name, GRADCORE_DISTRIBUTED_DEBUG="1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What a number of processes writes when it trains, and its checkpoint; each kind of run is made once."""
    runs = {}

    def train(processes: int, again: bool = False, **continued: Path) -> tuple[list, Path]:
        key = processes, again, *continued
        if key not in runs:
            folder = tmp_path_factory.mktemp("training")
            arguments = (10, continued["checkpoint"]) if continued else ()
            done = start(processes, TESTS / "distributed_losses.py", folder, *arguments)
            assert done.returncode == 0, done.stderr
            runs[key] = results(folder, processes), folder / "checkpoint.npz"
        return runs[key]

    return train


@pytest.mark.parametrize("processes", [2, 4])
def test_the_losses_are_those_of_one_process(processes, trained):
    (alone,), _ = trained(1)
    found, _ = trained(processes)
    assert all(result == found[0] for result in found)  # the same everywhere, to the bit
    np.testing.assert_allclose(found[0]["losses"], alone["losses"], rtol=1e-6)
    assert alone["losses"][-1] < alone["losses"][0]


def test_runs_repeat_to_the_bit(trained):
    assert trained(4)[0] == trained(4, again=True)[0]


@pytest.mark.parametrize("before, after", [(2, 4), (4, 1)])
def test_a_checkpoint_is_continued_by_another_number_of_processes(before, after, trained):
    (alone,), _ = trained(1)
    found, _ = trained(after, checkpoint=trained(before)[1])
    np.testing.assert_allclose(found[0]["losses"], alone["losses"][10:], rtol=1e-6)


@pytest.fixture(scope="module")
def example():
    """What the example prints for a number of processes."""
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    pytest.importorskip("tqdm", reason="the bar of progress is tqdm's")

    def run(processes: int) -> tuple[str, str]:
        done = start(processes, "gradcore.examples.distributed_digits", "--device", "cpu", "--epochs", "3")
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


def test_the_example_reads_digits_as_one_process_does(example):
    (alone, _), (together, bars) = example(1), example(2)
    assert together == alone.replace("1 process(es)", "2 process(es)")
    assert float(alone.split("read ")[1].split("%")[0]) > 90
    assert "digits on 2 processes: 100%" in bars and bars.count("| 0/3 ") == 1  # one bar
