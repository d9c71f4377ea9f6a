"""The script for machines with a GPU: what it does where something is missing, and its measures over a stand-in."""

from __future__ import annotations

import importlib.util
import json
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
    costs = list(launches.measure("cuda:1"))
    assert [cost.what for cost in costs][-2:] == ["training step", "training step, a graph"]
    assert all(cost.host > 0 for cost in costs)
    text = launches.table([*costs, Cost("more", 1.0, 2.0, 3.0)], "a device").text()
    assert "training step, a graph" in text and "3.00" in text


@needs_compiler
def test_costs_stay_where_a_later_one_fails(cuda, monkeypatch, tmp_path, capsys):
    def measure(device):
        yield Cost("relu", 1.0, 2.0)
        raise RuntimeError("no graph")

    monkeypatch.setattr(launches, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["launches", "--device", "cuda:1", "--json", str(tmp_path / "costs.json")])
    with pytest.raises(RuntimeError, match="no graph"):
        launches.main()
    assert "relu" in capsys.readouterr().out and "relu" in (tmp_path / "costs.json").read_text()


def script(program: str) -> subprocess.CompletedProcess:
    """The script's functions without its last lines, which run it, in a process with `program` behind them."""
    text = (ROOT / ".ci" / "gpu").read_text()
    begin = text.index("\ncheck_machine()\n")
    return subprocess.run([sys.executable, "-c", text[:begin].replace("__file__", repr(str(ROOT / ".ci" / "gpu")))
                           + "\n" + program], capture_output=True, text=True, cwd=ROOT)


def test_how_each_part_went_is_written_at_once(tmp_path):
    report = tmp_path / "report" / "gpu.json"
    done = script(f"REPORT = pathlib.Path({str(report)!r})\n"
                  "run('good', ['-c', 'print(\"5 passed in 1 s\")'], 20)\n"
                  "run('bad', ['-c', '1 / 0'], 20)\n"
                  "run('endless', ['-c', 'print(1, flush=True); import time; time.sleep(60)'], 2)\n"
                  "os._exit(3)  # as where a machine is taken away")
    assert done.returncode == 3, done.stderr
    kept = json.loads(report.read_text())
    assert [(part["name"], part["status"]) for part in kept["parts"]] == [("good", 0), ("bad", 1),
                                                                          ("endless", "out of time")]
    assert kept["failures"] == ["bad", "endless"] and kept["parts"][0]["tests"] == "5 passed in 1 s"
    assert "ZeroDivisionError" in kept["parts"][1]["output"] and "ZeroDivisionError" in done.stdout
    assert kept["date"][:2] == "20" and kept["seconds"] >= 2


def test_all_tests_together_have_their_time(tmp_path):
    """Files that are begun late have what is left of it, so that there is time to measure."""
    done = script(f"REPORT, TESTS, begun = pathlib.Path({str(tmp_path / 'gpu.json')!r}), 3, time.monotonic()\n"
                  "given, run = run, lambda name, command, seconds, *rest, **more: given(\n"
                  "    name, ['-c', 'import time; time.sleep(9)'], min(seconds, 1e9), *rest, **more)\n"
                  "run_tests()\n"
                  "assert time.monotonic() - begun < 30, time.monotonic() - begun\n"
                  "print(len(failures))")
    assert done.returncode == 0 and int(done.stdout.split()[-1]) > 90, done.stdout[-500:] + done.stderr


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
