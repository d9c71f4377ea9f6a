"""The script for machines with a GPU: what it does where something is missing, and its measures over a stand-in."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

import gradcore
from benchmarks import cli, launches
from benchmarks.launches import Cost
from benchmarks.results import Results
from library import ROOT
from native_compiler import needs_compiler


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed, and the script would run")
def test_without_cupy_it_says_so_and_fails():
    done = subprocess.run([sys.executable, str(ROOT / ".ci" / "gpu")], capture_output=True, text=True, cwd="/")
    assert done.returncode == 1 and "has no cupy" in done.stderr and not done.stdout


def test_tests_are_collected_without_the_strict_stand_in():
    """It is not on every machine with a GPU."""
    files = [f"tests/test_{name}.py" for name in ("array_api", "backends", "distributed", "sums")]
    program = ("import sys, pytest; sys.modules['array_api_strict'] = None; "
               f"sys.exit(pytest.main(['-q', '--co', '-m', 'gpu', '-p', 'no:cacheprovider', *{files}]))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "cuda" in done.stdout and "strict]" not in done.stdout


@needs_compiler
def test_launches_are_measured(cuda, monkeypatch):
    for name, value in (("_WARM", 1), ("_CALLS", 2), ("_ROUNDS", 1)):
        monkeypatch.setattr(launches, name, value)
    costs = launches.measure("cuda:1")
    assert [cost.what for cost in costs][-2:] == ["training step", "training step, a graph"]
    assert all(cost.host > 0 for cost in costs)
    text = launches.table([*costs, Cost("more", 1.0, 2.0, 3.0)], "a device").text()
    assert "training step, a graph" in text and "3.00" in text


@needs_compiler
def test_a_graph_that_computes_something_else_is_not_measured(cuda, monkeypatch):
    class Graph:
        def replay(self):
            return gradcore.ones(1)

    with pytest.raises(AssertionError):
        launches._check(Graph(), "cuda:1")


def test_benchmarks_do_without_what_draws_and_what_holds_the_digits(monkeypatch, tmp_path, capsys):
    for name in ("tqdm", "matplotlib", "sklearn"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(cli, "measure_in_processes", lambda *given: None)
    monkeypatch.setattr(cli, "measure_networks", lambda *given: [])
    monkeypatch.setattr(cli, "measure_steps", lambda *given: [])
    assert cli.main(["--device", "cpu", "--output", str(tmp_path)]) == 0
    skipped = Results.load(tmp_path / "results.json").skipped
    assert "scikit-learn" in skipped["training on digits"] and "matplotlib" in skipped["pictures"]
    assert "Pictures: none" in capsys.readouterr().out
