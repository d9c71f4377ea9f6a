"""The benchmark suite: what it refuses to time, when it calls a difference a change, and both of its ends."""

from __future__ import annotations

import doctest
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from benchmarks import (cases, cli, draws, machine, plots, readme, report, row_operations, session, summary,
                        tables)
from benchmarks.activations import activations
from benchmarks.cases import Case
from benchmarks.compare import compare
from benchmarks.crossover import crossover, round_trip_times
from benchmarks.implementations import PEERS, Gradcore
from benchmarks.peers import peer_tables, ratios
from benchmarks.reference import WrongResult, check, values_and_slopes
from benchmarks.results import Results
from benchmarks.row_operations import row_groups, row_works
from benchmarks.summary import geometric_mean
from benchmarks.tables import WIDTH, all_tables
from benchmarks.timing import Times, Work, in_turn
from gradcore.backends import Kernel
from gradcore.backends.formulas.expression import Symbol
from made_up_results import FACTS


# -- made-up runs ---------------------------------------------------------------------------------------------
def made_up_run(seed: int, slower: dict[Case, float] | None = None, drift: float = 1.0, rows: int = 150) -> Results:
    """A run of code that takes always the same time, on a machine that does not.

    The machine is `drift` times slower throughout, 4 % quicker or slower from pass to pass and up to 40 % from round to
    round, for all in turn alike; each row has 2 % of its own from pass to pass, 4 % from round to round, and one round
    in twenty takes up to four times as long.
    """
    random = np.random.default_rng(seed)
    results = Results(dict(FACTS))
    for i in range(rows):
        group = Case(f"f{i}", "forward", (10**3, 10**5)[i % 2], "float32", "cpu", "*")
        for _ in range(3):
            machine = drift * math.exp(random.normal(0, 0.04)) * random.uniform(1.0, 1.4, size=10)
            for name in ("gradcore", "yardstick"):
                case = Case(group.activation, group.direction, group.size, group.dtype, group.device, name)
                own = 1e-4 * math.exp(random.normal(0, 0.02)) * np.exp(random.normal(0, 0.04, size=10))
                own *= np.where(random.random(10) < 0.05, random.uniform(1, 4, size=10), 1.0)
                results.add(case, 8 * group.size, Times((own * machine * (slower or {}).get(case, 1.0)).tolist()))
    return results


VICTIM = Case("f7", "forward", 10**5, "float32", "cpu", "gradcore")


def test_a_planted_slowdown_of_30_percent_is_found():
    for seed in range(10):
        found = compare(made_up_run(seed), made_up_run(1000 + seed, slower={VICTIM: 1.3}, drift=1.5))
        assert [change.case for change in found.slower] == [VICTIM], f"seed {seed}"
        assert not found.faster and abs(found.slower[0].factor / 1.3 - 1) < 0.1


def test_a_slowdown_of_everything_is_found_though_the_machine_is_quicker():
    ours = {case: 1.3 for case in made_up_run(0).rows if case.implementation == "gradcore"}
    found = compare(made_up_run(1), made_up_run(2, slower=ours, drift=0.7))
    assert len(found.slower) > 0.8 * len(ours) and not found.faster


def test_two_runs_of_the_same_code_are_called_different_in_at_most_one_of_twenty_comparisons():
    alarms = 0
    for seed in range(100):
        found = compare(made_up_run(2 * seed, rows=50), made_up_run(2 * seed + 1, drift=1.2, rows=50), threshold=0.05)
        alarms += bool(found.slower or found.faster)
    assert alarms <= 5


def test_what_got_quicker_is_no_failure():
    found = compare(made_up_run(1, slower={VICTIM: 1.5}), made_up_run(2))
    assert [change.case for change in found.faster] == [VICTIM] and not found.slower


def test_disturbed_rows_are_not_judged_and_counted():
    disturbed = made_up_run(2, slower={VICTIM: 3.0})
    disturbed.rows[VICTIM].disturbed = 20
    found = compare(made_up_run(1), disturbed)
    assert not found.slower and found.unjudged == 1 and "quiet machine" in found.verdict()


def test_one_pass_cannot_tell_a_change_from_chance():
    runs = [made_up_run(1), made_up_run(2, slower={VICTIM: 10.0})]
    for row in (row for run in runs for row in run.rows.values()):
        del row.passes[1:]
    assert not compare(*runs).slower


def test_runs_without_a_common_row_are_refused():
    with pytest.raises(ValueError, match="no row in common"):
        compare(made_up_run(1), Results(dict(FACTS)))


def test_compare_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture):
    old, new, same = tmp_path / "old.json", tmp_path / "new.json", tmp_path / "same.json"
    made_up_run(1).save(old)
    made_up_run(2, slower={VICTIM: 1.5}).save(new)
    made_up_run(3).save(same)
    assert cli.main(["--compare", str(old), str(new)]) == 1
    printed = capsys.readouterr().out
    assert "f7 " in printed and max(map(len, printed.splitlines())) <= WIDTH
    assert cli.main(["--compare", str(old), str(new), "--threshold", "90"]) == 0
    assert cli.main(["--compare", str(old), str(same)]) == 0


# -- correct first --------------------------------------------------------------------------------------------
def group(name: str, direction: str = "both", size: int = 1000, dtype: str = "float32") -> Case:
    return Case(name, direction, size, dtype, "cpu", "*")


@pytest.mark.parametrize("direction", cases.DIRECTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", activations())
def test_every_implementation_of_every_activation_is_right(name: str, dtype: str, direction: str):
    results = Results(dict(FACTS))
    place = group(name, direction, dtype=dtype)
    # torch.compile takes seconds for each, and native kernels are tested by themselves.
    left_out = ("gradcore native", "torch.compile")
    usable = [one for one in PEERS if one.is_for(place) and not one.why_not(place) and one.name not in left_out]
    works = session.prepared(place, activations()[name], usable, results)
    assert results.refused == {} and list(works) == [one.name for one in usable]


@pytest.mark.parametrize("direction", ["forward", "both"])
def test_a_kernel_that_returns_its_input_is_not_timed(direction: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    x = Symbol.array("x")
    operation = activations()["sigmoid"].operation
    monkeypatch.setattr(operation, "_kernel", Kernel("sigmoid", [x], (), (x,)))
    monkeypatch.setattr(operation, "gradients", {})
    results = Results(dict(FACTS))
    session.measure([group("sigmoid", direction)], [Gradcore()], results, seconds=0.0)
    (refused,), (reason,) = results.refused, results.refused.values()
    assert refused.implementation == "gradcore" and "is not timed because it is wrong" in reason
    assert results.rows == {}
    assert "Refused" in all_tables(results)[-1].title


def test_a_wrong_derivative_is_not_timed(monkeypatch: pytest.MonkeyPatch):
    operation = activations()["tanh"].operation
    monkeypatch.setattr(operation, "_written", lambda xp, x: xp.tanh(x))
    monkeypatch.setattr(operation, "gradients", {})
    results = Results(dict(FACTS))
    session.measure([group("tanh", "backward"), group("tanh", "forward")], [Gradcore()], results, seconds=0.0)
    assert [case.direction for case in results.refused] == ["backward"]
    assert [case.direction for case in results.rows] == ["forward"]


def test_the_reference_is_silent_at_kinks_only():
    values, slopes = values_and_slopes(lambda xp, x: xp.maximum(x, 0), np.array([-1.0, 0.0, 2.0]), ())
    assert values.tolist() == [0, 0, 2] and np.isnan(slopes).tolist() == [False, True, False]
    assert abs(slopes[2] - 1) < 1e-9


def test_nan_is_never_right():
    with pytest.raises(WrongResult, match="1 of 2 elements"):
        check("f", np.array([1.0, np.nan], np.float32), np.array([1.0, 2.0]), "float32")


# -- measuring ------------------------------------------------------------------------------------------------
def test_all_run_in_turn_and_equally_often():
    order: list[str] = []
    works = [Work(lambda name=name: order.append(name), lambda: None, lambda: None) for name in "abc"]
    times = in_turn(works, budget=0.0, least=4)
    assert [len(one.seconds) for one in times] == [4, 4, 4] and set(order) == set("abc")
    assert all(second > 0 for one in times for second in one.seconds)


def test_sets_hold_both_directions_of_every_activation():
    names = list(activations())
    for chosen, sizes in ((cases.quick, cases.CPU_SIZES[:4]), (cases.full, cases.CPU_SIZES)):
        groups = set(chosen(names, ["cpu", "cuda:0"]))
        for device in ("cpu", "cuda:0"):
            assert all(Case(name, direction, size, "float32", device, "*") in groups for size in sizes
                       for name in names if name != cases.ONE_LINE_MISH for direction in ("forward", "backward"))
    assert cases.full(names, ["cuda:0"])[-2].size == 2**28


def test_only_chooses_by_words():
    groups = cases.quick(["relu", "relu6"], ["cpu"])
    assert {one.activation for one in cases.matching(groups, ["relu forward"])} == {"relu"}
    assert {one.direction for one in cases.matching(groups, ["relu forward"])} == {"forward"}
    assert len(cases.matching(groups, ["1e3", "1e4"])) == 8


def test_bytes_are_the_least_traffic():
    table = activations()
    assert session.bytes_moved(group("swish", "forward"), table["swish"]) == 2 * 4000  # x, y
    assert session.bytes_moved(group("swish", "backward"), table["swish"]) >= 3 * 4000  # x, upstream, that of x
    assert session.bytes_moved(group("tanh", "both"), table["tanh"]) == 5 * 4000
    assert session.bytes_moved(group("prelu", "backward", dtype="float64"), table["prelu"]) == 3 * 8000


@pytest.mark.parametrize("module", [cases, summary, tables], ids=lambda module: module.__name__)
def test_examples_in_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed


# -- pictures, tables and files -------------------------------------------------------------------------------
def two_devices() -> Results:
    """Rows of a CPU, and of a device that takes 10 µs for a launch and moves data ten times as quickly."""
    results = Results({**FACTS, "devices": {"cpu": "a CPU", "cuda:0": "a GPU"}})
    for size in cases.CPU_SIZES:
        for device, start, each in (("cpu", 1e-6, 1e-9), ("cuda:0", 1e-5, 1e-10)):
            for name in ("relu", "swish"):
                for direction in ("forward", "backward"):
                    for implementation, factor in (("gradcore", 1.0), ("plain", 3.0), ("pytorch", 2.0)):
                        seconds = factor * (start + each * size)
                        results.add(Case(name, direction, size, "float32", device, implementation), 8 * size,
                                    Times([seconds] * 5))
            copy = Case("copy", "copy", size, "float32", device, "copy")
            results.add(copy, 8 * size, Times([start / 10 + each / 2 * size]))
        for way in (cases.TO_DEVICE, cases.TO_HOST):
            transfer = Case("transfer", way, size, "float32", "cuda:0", "transfer")
            results.add(transfer, 4 * size, Times([1e-5 + 2e-10 * size]))
    return results


def test_crossover_with_and_without_transfer():
    results = two_devices()
    line = list(results.select(activation="relu", direction="forward", device="cuda:0", implementation="gradcore"))
    without, with_transfer = (crossover(results, line, transfer) for transfer in (False, True))
    assert without == pytest.approx(1e4, rel=0.1)  # 1e-6 + 1e-9 n = 1e-5 + 1e-10 n
    assert with_transfer == pytest.approx(5.8e4, rel=0.2)  # the same with 2e-5 + 4e-10 n more
    assert round_trip_times(results, line)[1000] == pytest.approx(1e-5 + 1e-7 + 2 * (1e-5 + 2e-7))


def test_pictures_and_tables_of_two_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plots, "gallery", lambda path: path.write_bytes(bytes(20_000)))  # has tests of its own
    results = two_devices()
    results.networks = [{"activation": "relu", "device": "cpu", "implementation": name, "seconds": 0.1, "spread": 0.1,
                         "rounds": 3, "peak_bytes": 10**7} for name in ("gradcore", "pytorch")]
    drawn = plots.draw_all(results, tmp_path)
    assert set(drawn) == {"time-forward.png", "time-backward.png", "pytorch-forward.png", "pytorch-backward.png",
                          "bandwidth.png", "memory.png", "gallery.png"}
    assert all((tmp_path / name).stat().st_size > 10_000 for name in drawn)
    printed = "\n".join(table.text() for table in all_tables(results))
    assert "cuda:0" in printed and max(map(len, printed.splitlines())) <= WIDTH


def test_peers_are_summed_up_by_geometric_means():
    results = Results(dict(FACTS))
    for name, factor in (("relu", 2.0), ("tanh", 8.0)):
        for implementation, seconds in (("gradcore", 1.0), ("pytorch", factor)):
            results.add(Case(name, "both", 1000, "float32", "cpu", implementation), 1, Times([seconds, seconds]))
    assert geometric_mean(ratios(results, "gradcore", "pytorch", "cpu").values()) == pytest.approx(4.0)
    fields, means = peer_tables(results)
    assert fields.rows[-1] == ["least", "2.00x"]
    assert means.rows == [["gradcore", "PyTorch", "activations", "2", "4.00x", "2.00x", "8.00x", ""]]


def test_results_come_back_from_their_file(tmp_path: Path):
    results = made_up_run(0, rows=3)
    results.refused[VICTIM] = "wrong"
    results.skipped["cuda"] = "none"
    results.save(tmp_path / "results.json")
    loaded = Results.load(tmp_path / "results.json")
    assert list(loaded.rows) == list(results.rows) and loaded.refused == results.refused
    assert loaded.skipped == results.skipped and loaded.facts == results.facts
    (tmp_path / "other.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match="its format is 99"):
        Results.load(tmp_path / "other.json")


def test_readme_table_is_generated_between_its_markers(tmp_path: Path):
    results = Results({**FACTS, "versions": {"numpy": "2.0"}})
    for implementation, seconds in (("gradcore", 2e-6), ("pytorch", 5e-6)):
        results.add(Case("relu", "both", 1000, "float32", "cpu", implementation), 1, Times([seconds] * 3))
    results.save(tmp_path / "runs" / "a.json")
    file = tmp_path / "README.md"
    file.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    readme.update(file, tmp_path / "runs")
    text = file.read_text()
    assert "| relu | 2.00 µs (2.50x) |" in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    readme.update(file, tmp_path / "runs")
    assert file.read_text() == text
    file.write_text("no markers")
    with pytest.raises(ValueError, match="must hold each of these lines once"):
        readme.update(file, tmp_path / "runs")


def test_a_run_becomes_the_reference_of_its_device(tmp_path: Path):
    facts = {**FACTS, "versions": {"numpy": "2.0"}, "devices": {"cpu": "A CPU, 8 cores", "cuda:0": "NVIDIA X100 80GB"}}
    results = Results(facts)
    results.add(Case("relu", "both", 2**26, "float32", "cuda:0", "gradcore"), 1, Times([2e-4] * 3))
    results.save(tmp_path / "results.json")
    file, references = tmp_path / "README.md", tmp_path / "references"
    references.mkdir()
    file.write_text(f"{readme.BEGIN}\n{readme.END}\n")
    readme.update(file, references)
    assert ".ci/gpu" in file.read_text()  # how to get figures
    for _ in range(2):
        kept = readme.keep(tmp_path / "results.json", file, references)
    assert kept.name == "cuda-nvidia-x100-80gb.json" and list(references.iterdir()) == [kept]
    assert "| relu | 200 µs |" in file.read_text() and ".ci/gpu" not in file.read_text()


def test_command_line_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture):
    status = cli.main(["--device", "cpu", "--only", "relu 1e3", "--only", "tanh 1e3", "--seconds", "0.1",
                       "--output", str(tmp_path / "out"), "--json", str(tmp_path / "again.json")])
    printed = capsys.readouterr().out
    assert status == 0 and max(map(len, printed.splitlines())) <= WIDTH
    assert "tanh" in printed and "µs" in printed
    results = Results.load(tmp_path / "out" / "results.json")
    assert {case.activation for case in results.rows} == {"relu", "tanh", "copy"}
    assert {case.direction for case in results.rows} == {"forward", "backward", "copy"}
    assert (tmp_path / "again.json").read_text() == (tmp_path / "out" / "results.json").read_text()
    report = (tmp_path / "out" / "report.md").read_text()
    assert "gallery.png" in report and (tmp_path / "out" / "gallery.png").exists()


def test_a_device_that_cannot_be_used_is_reported_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture):
    from gradcore import cuda

    if cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert cli.main(["--device", "cuda", "--output", str(tmp_path)]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("cuda: skipped. cuda:0 cannot be used: ")
    assert Results.load(tmp_path / "results.json").skipped["cuda"] in line


def test_a_report_names_the_variables_that_choose_code_and_threads(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    lines = report.headline(Results({**FACTS, **machine.facts([])}))
    assert any(line.startswith("Environment: ") and "OPENBLAS_CORETYPE=Prescott" in line for line in lines)


def test_random_numbers_are_measured_beside_numpys(monkeypatch, capsys):
    monkeypatch.setattr(draws, "SIZES", (10, 1000))
    monkeypatch.setattr(draws, "in_turn", lambda works, budget: in_turn(works, 0.0, least=2, most=2))
    assert draws.main(["--largest", "10"]) == 0
    kinds = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[4:]]
    assert kinds == [["uniform", "10"], ["normal", "10"]]
    (theirs, ours) = (np.asarray(work.result()) for work in draws.works("uniform", 1000, "cpu"))
    assert theirs.dtype == ours.dtype == np.float32 and theirs.shape == ours.shape == (1000,)


@pytest.mark.parametrize("group", row_groups(["cpu"])[:15], ids=lambda group: group.activation)
def test_row_operations_are_right_and_wrong_ones_are_refused(group: Case, monkeypatch: pytest.MonkeyPatch):
    results = Results(dict(FACTS))
    assert "gradcore" in row_works(group, [one for one in PEERS if one.name != "gradcore native"], results, first=True)
    assert not results.refused
    operation, length = row_operations._NAMES[group.activation]
    wrong = replace(operation, gradient=lambda data: operation.gradient(data) + 1e-2)
    monkeypatch.setitem(row_operations._NAMES, group.activation, (wrong, length))
    assert not row_works(group, [Gradcore()], results, first=True) and len(results.refused) == 1
