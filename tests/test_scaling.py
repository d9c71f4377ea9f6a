"""The benchmark of several processes: its model of larger machines, and one short run with its report."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from benchmarks import readme
from benchmarks.network_model import NETWORKS, Network, Step, fitted
from benchmarks.scaling import headline
from library import ROOT
from mpi import needs_mpi, start

NETWORK = Network("a network", latency=2e-6, bandwidth=10e9)


def test_small_messages_cost_their_latency_and_large_ones_their_bandwidth():
    assert NETWORK.all_reduce(4, 1) == 0
    assert NETWORK.all_reduce(4, 1024) == pytest.approx(20 * 2e-6, rel=1e-3)  # a tree of ten levels, up and down
    for processes in (2, 64, 1024):
        assert NETWORK.all_reduce(10**12, processes) == pytest.approx(200 * (1 - 1 / processes), rel=1e-3)


@pytest.mark.parametrize("processes", [2, 4, 7])
def test_a_fit_gives_the_numbers_that_made_the_times(processes):
    seconds = {size: NETWORK.all_reduce(size, processes) for size in (4, 1024, 2**20, 2**28)}
    found = fitted("", processes, seconds)
    assert found.latency == pytest.approx(NETWORK.latency, rel=1e-3)
    assert found.bandwidth == pytest.approx(NETWORK.bandwidth, rel=1e-3)


def test_a_step_hides_what_fits_beside_backward():
    step = Step(forward=0.1, backward=0.2, update=0.05, buckets=[10**7, 10**7, 10**6])
    last = NETWORK.all_reduce(10**6, 8)
    assert step.seconds(NETWORK, 1) == pytest.approx(step.alone)
    assert step.seconds(NETWORK, 8) == pytest.approx(step.alone + last)  # the last bucket is full when all is done
    everything = sum(NETWORK.all_reduce(size, 8) for size in step.buckets)
    assert step.seconds(NETWORK, 8, overlaps=False) == pytest.approx(step.alone + everything)
    slow = Network("", 1e-6, 1e7)  # ten seconds for each of the large buckets: hardly anything is hidden
    communication = sum(slow.all_reduce(size, 8) for size in step.buckets)
    assert step.seconds(slow, 8) == pytest.approx(0.15 + 0.2 * 10 / 21 + communication)


def test_faster_networks_are_faster_at_every_number_of_processes():
    step = Step(0.01, 0.02, 0.005, [2**22] * 8)
    for processes in (2, 100, 10_000):
        times = [step.seconds(network, processes) for network in NETWORKS]
        assert times == sorted(times, reverse=True)


@needs_mpi
def test_a_short_run_writes_its_report(tmp_path):
    done = start(2, "benchmarks", "--only", "distributed", "--seconds", "0.1", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = json.loads((tmp_path / "distributed.json").read_text())
    assert run["processes"] == 2 and all(row["gradcore_s"] > 0 for row in run["all_reduce"])
    assert run["training"]["speed_up"] > 0 and sum(run["training"]["buckets"]) == 8 * 4 * (1024 + 1) * 1024
    assert (tmp_path / "distributed.png").stat().st_size > 10_000
    assert "Not checked" in (tmp_path / "distributed.md").read_text() and "Not checked" in done.stdout


def test_readme_says_what_the_kept_runs_have_measured(tmp_path):
    row = {"mpi4py_s": 2e-6, "gradcore_s": 5e-6, "bytes": 4}
    run = {"processes": 2, "all_reduce": [row, {"mpi4py_s": 1e-3, "gradcore_s": 1.05e-3, "bytes": 2**24}],
           "training": {"speed_up": 1.5}, "facts": {"devices": {"cpu": "a CPU"}, "date": "2000-01-01T00:00"}}
    kept = tmp_path / readme.DISTRIBUTED
    kept.mkdir()
    (kept / "distributed.json").write_text(json.dumps([run]))
    said = headline(kept)
    assert "3.0 µs more" in said and "5.0% more at 16 MiB; 2 processes train 1.50 times as fast as one" in said
    file = tmp_path / "README.md"
    marks = [(mark, mark.replace(":", ", distributed:")) for mark in (readme.BEGIN, readme.END)]
    file.write_text("\n".join(mark for pair in zip(*marks) for mark in pair))
    readme.update(file, tmp_path)
    assert said == " ".join(file.read_text().split(marks[0][1])[1].split(marks[1][1])[0].split())


def test_readme_is_that_of_the_kept_runs(tmp_path):
    (tmp_path / "README.md").write_bytes((ROOT / "README.md").read_bytes())
    readme.update(tmp_path / "README.md")
    assert (tmp_path / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()
