"""Training steps in the benchmark suite: one source for both libraries, equal losses, and what a step's memory is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cli, readme, steps
from benchmarks.cases import Case
from benchmarks.memory import peak_of_gradcore
from benchmarks.models import MODELS, classifier
from benchmarks.results import Results
from benchmarks.steps import PYTORCH, Contestant, beside_pytorch, measure_steps
from benchmarks.tables import WIDTH, all_tables, training_steps
from benchmarks.timing import Times
import gradcore
from gradcore.backends import get_backend
from made_up_results import FACTS

SMALL = classifier("small", (6, 5, 3), 4)


def figures(implementation: str, seconds: float, peak: int) -> dict:
    return {"network": "LSTM", "what": "wide", "device": "cpu", "implementation": implementation, "seconds": seconds,
            "rounds_s": [seconds] * 3, "disturbed_rounds": 0, "peak_bytes": peak}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_both_libraries_train_to_the_same_losses(model, torch):
    ours, theirs = (Contestant(name, model, "cpu").losses for name in ("gradcore", PYTORCH))
    np.testing.assert_allclose(ours, theirs, 2e-4)
    assert ours[0] > ours[-1] > 0


def test_steps_are_measured_with_their_memory():
    found = measure_steps(["cpu"], 0.0, models=[SMALL])
    assert [one["implementation"] for one in found][0] == "gradcore" and all(one["network"] == "small" for one in found)
    assert all(len(one["rounds_s"]) >= 3 and one["seconds"] > 0 and one["peak_bytes"] > 0 for one in found)


def test_steps_are_measured_on_cuda_too(cuda):
    device = str(cuda.device)
    found = measure_steps([device], 0.0, models=[SMALL])
    assert [(one["implementation"], one["device"]) for one in found] == [("gradcore", device)]
    assert found[0]["seconds"] > 0 and found[0]["peak_bytes"] >= 0
    assert training_steps(Results(dict(FACTS), steps=found)).rows[0][:3] == ["small", device, ""]


def test_a_step_that_computes_something_else_is_not_timed(monkeypatch):
    class Wrong(Contestant):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.losses = self.losses + 0.1 * (self.implementation == "wrong")

    monkeypatch.setattr(steps, "Contestant", Wrong)
    monkeypatch.setattr(steps, "implementations", lambda device: ["gradcore", "wrong"])
    with pytest.raises(AssertionError, match="the losses of small by wrong on cpu .* nothing is timed"):
        measure_steps(["cpu"], 0.0, models=[SMALL])


def test_the_peak_is_what_is_in_use_at_once():
    backend = get_backend("cpu")

    def step():
        x = gradcore.ones(1_000_000)
        x = x + 1  # two of four megabytes
        x = x + 1  # the first has gone

    for _ in range(2):  # whatever the pool has kept
        assert 8e6 <= peak_of_gradcore(step, backend) < 8.6e6
        step()
    assert backend.pool.kept > 0


def test_ratios_are_pytorchs_over_ours():
    results = Results(dict(FACTS), steps=[figures("gradcore", 0.1, 1000), figures("gradcore native", 0.05, 1000),
                                          figures("pytorch", 0.2, 1500)])
    assert [faster for _, _, faster in beside_pytorch(results.steps)] == [2.0, 4.0]
    table = training_steps(results)
    assert table.rows[1] == ["LSTM", "cpu", "native", "50.0 ms", "200 ms", "4.00x", "0.00 MB", "0.00 MB", "1.50x"]
    assert "LSTM: wide." in table.note and "2000-01-01" in table.note
    alone = training_steps(Results(dict(FACTS), steps=results.steps[:1]))
    assert alone.rows == [["LSTM", "cpu", "NumPy", "100 ms", "", "", "0.00 MB", "", ""]]


def test_networks_alone_are_measured_by_their_name(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "train_in_turn", lambda devices, epochs, progress: [])
    monkeypatch.setattr(cli, "measure_networks", lambda names, devices, seconds, progress: [])
    monkeypatch.setattr(cli, "measure_steps", lambda devices, seconds, progress: [figures("gradcore", 0.1, 1000)])
    assert cli.main(["--device", "cpu", "--only", "networks", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "A training step" in printed and max(map(len, printed.splitlines())) <= WIDTH
    results = Results.load(tmp_path / "results.json")
    assert not results.rows and results.steps == [figures("gradcore", 0.1, 1000)]
    assert "A training step" in (tmp_path / "report.md").read_text()


def test_networks_alone_go_into_the_reference_that_there_is(tmp_path: Path):
    facts = {**FACTS, "versions": {"numpy": "2.0"}}
    old, new = Results(facts), Results({**facts, "date": "2001-01-01"}, steps=[figures("gradcore", 0.1, 1000)])
    old.add(Case("relu", "both", 1000, "float32", "cpu", "gradcore"), 1, Times([2e-6] * 3))
    file, references = tmp_path / "README.md", tmp_path / "references"
    references.mkdir()
    file.write_text(f"{readme.BEGIN}\n{readme.END}\n")
    for run in (old, new):
        run.save(tmp_path / "results.json")
        kept = readme.keep(tmp_path / "results.json", file, references)
    both = Results.load(kept)
    assert list(both.rows) == list(old.rows) and both.steps == new.steps and both.facts["date"] == FACTS["date"]
    text = file.read_text()
    assert "| relu | 2.00 µs |" in text and "| LSTM | cpu | NumPy | 100 ms |" in text and "measured 2001-01-01" in text
    assert not [table for table in all_tables(replace(old)) if table.title.startswith("A training step")]
