"""The report of several processes: tables, the model of larger machines, and its picture."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import gradcore
from gradcore import distributed
from gradcore.utils import style

from .distributed import SECONDS, measure
from .machine import Watch, facts
from .network_model import NETWORKS, Network, Step, fitted
from .report import DISTURBED
from .summary import median
from .tables import Table, time_text, wrapped

_FILE, _PICTURE = "distributed.json", "distributed.png"
_MOST = 10_000  # processes


def run(folder: Path, progress: Any, seconds: float | None) -> int:
    """Measure on the processes that have been started together, and let rank 0 print and write the report."""
    seconds = SECONDS if seconds is None else seconds
    distributed.init_process_group()
    if distributed.get_world_size() == 1:
        print("This is measured on several processes: mpiexec -n 2 python -m benchmarks --only distributed",
              file=sys.stderr)
        return 2
    watch = Watch()
    if distributed.get_rank():
        measure(lambda part, what: None, seconds)
        _used_by_all(watch)
        return 0
    with progress() as bar:
        found = measure(bar.of(seconds), seconds)
    others = watch.used_by_others(_used_by_all(watch))
    runs = _kept(folder, {**found, "facts": {**facts(["cpu"]), "cpu_used_by_others": others}})
    for text in (*(table.text() for table in tables(runs)), *map("\n".join, map(wrapped, notes(runs)))):
        print(f"\n{text}")
    print(f"\nReport: {write_report(runs, folder)}\nPicture: {folder / _PICTURE}")
    return 0


def write_report(runs: list[dict[str, Any]], folder: Path) -> Path:
    """The report, with its picture beside it."""
    _draw(runs, folder / _PICTURE)
    parts = ["# Several processes", *notes(runs), f"![Step time against processes]({_PICTURE})",
             *(table.markdown() for table in tables(runs))]
    (folder / "distributed.md").write_text("\n\n".join(parts) + "\n")
    return folder / "distributed.md"


def headline(folder: Path) -> str:
    """What the runs in the folder have measured, in a sentence or two."""
    runs = json.loads((folder / _FILE).read_text())
    facts, rows = runs[0]["facts"], runs[0]["all_reduce"]
    more = [row["gradcore_s"] - row["mpi4py_s"] for row in (rows[0], rows[-1])]
    speed = ", ".join(f"{run['processes']} processes train {run['training']['speed_up']:.2f} times as fast as one"
                      for run in runs)
    return (f"Measured on {facts['devices']['cpu']}, {facts['date'][:10]}: `all_reduce` between {runs[0]['processes']} "
            f"processes takes {1e6 * more[0]:.1f} µs more than that of bare mpi4py at {rows[0]['bytes']} bytes, and "
            f"{more[1] / rows[-1]['mpi4py_s']:.1%} more at {rows[-1]['bytes'] / 2**20:.0f} MiB; {speed}.")


def _used_by_all(watch: Watch) -> float:
    """The processor seconds of all processes of the run together."""
    seconds = gradcore.tensor([watch.used()], dtype="float64")
    distributed.all_reduce(seconds)
    return seconds.item()


def _kept(folder: Path, found: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs in the folder, with this one in place of an older one of as many processes."""
    path = folder / _FILE
    folder.mkdir(parents=True, exist_ok=True)
    runs = json.loads(path.read_text()) if path.exists() else []
    runs = sorted([*(run for run in runs if run["processes"] != found["processes"]), found],
                  key=lambda run: run["processes"])
    path.write_text(json.dumps(runs, indent=1) + "\n")
    return runs


# -- the model ------------------------------------------------------------------------------------------------
def this_machine(run: dict[str, Any]) -> Network:
    """The network, shared memory, that gives what the run has measured of bare mpi4py."""
    return fitted("this machine (shared memory)", run["processes"],
                  {row["bytes"]: row["mpi4py_s"] for row in run["all_reduce"]})


def step_of(run: dict[str, Any]) -> Step:
    training = run["training"]
    return Step(training["forward_s"], training["backward_s"], training["update_s"], training["buckets"])


def predicted(run: dict[str, Any], processes: int) -> float:
    """The step on so many processes of this machine, with a core for each."""
    return step_of(run).seconds(this_machine(run), processes, overlaps=run["training"]["has_thread"])


# -- the report -----------------------------------------------------------------------------------------------
def tables(runs: list[dict[str, Any]]) -> list[Table]:
    found = []
    for run in runs:
        table = Table(f"all_reduce of float32 on {run['processes']} processes, beside bare mpi4py",
                      ["bytes", "mpi4py", "gradcore", "more", "", "GB/s", "model"],
                      note="The quickest tenth of all rounds ends at these times.")
        network = this_machine(run)
        for row in run["all_reduce"]:
            table.rows.append([f"{row['bytes']:,}", time_text(row["mpi4py_s"]), time_text(row["gradcore_s"]),
                               f"{(row['gradcore_s'] - row['mpi4py_s']) * 1e6:.1f} µs",
                               f"{row['gradcore_s'] / row['mpi4py_s'] - 1:.1%}",
                               f"{row['bytes'] / row['gradcore_s'] / 1e9:.2f}",
                               time_text(network.all_reduce(row["bytes"], run["processes"]))])
        found.append(table)
    table = Table("A training step, 8 layers of 1024 neurons, batch of 128 for each process",
                  ["processes", "alone", "together", "communication", "hidden", "speed-up", "model"])
    for run in runs:
        training = run["training"]
        table.rows.append([str(run["processes"]), time_text(training["alone_s"]), time_text(training["step_s"]),
                           time_text(training["communication_s"]),
                           f"{training['hidden']:.0%}" if training["has_thread"] else "none",
                           f"{training['speed_up']:.2f}",
                           time_text(predicted(run, run["processes"]))])
    return [*found, table]


def notes(runs: list[dict[str, Any]]) -> list[str]:
    """Where the model was checked, and where not."""
    first, cores = runs[0], runs[0]["facts"]["threads"]["cores"]
    network = this_machine(first)
    errors = [abs(network.all_reduce(row["bytes"], run["processes"]) / row["mpi4py_s"] - 1)
              for run in runs for row in run["all_reduce"] if not (run is first and row["bytes"] in _ends(first))]
    steps = [f"{predicted(run, run['processes']) / run['training']['step_s'] - 1:+.0%} for {run['processes']} processes"
             for run in runs]
    others = max(run["facts"]["cpu_used_by_others"] or 0 for run in runs)
    counts = ", ".join(str(run["processes"]) for run in runs)
    lines = [f"The model has two numbers, fitted to the smallest and the largest all_reduce of bare mpi4py on "
             f"{first['processes']} processes: latency {network.latency * 1e6:.2f} µs, bandwidth "
             f"{network.bandwidth / 1e9:.2f} GB/s ({first['library']}, shared memory).",
             f"Checked: the other sizes and numbers of processes ({counts}) on this machine of {cores} cores, where "
             f"half of its times are within {median(errors):.0%} of those measured and the worst is "
             f"{max(errors):.0%} off; and steps of training, where it is {', '.join(steps)}. Not checked: all lines of "
             f"networks between machines. They are drawn from nominal latencies and bandwidths, as if every process "
             f"had a network port and the compute of this step for itself, and without congestion, stragglers and "
             f"failures."]
    if not all(run["training"]["has_thread"] for run in runs):
        lines.append("Where every core computes and processes share memory, communication is copying by these cores: "
                     "it is not begun before backward is over, and none of it is hidden. A thread does it where there "
                     "is a core to spare or another machine.")
    crowded = [str(run["processes"]) for run in runs if run["processes"] > cores]
    if crowded:
        lines.append(f"Runs of {', '.join(crowded)} processes share {cores} cores: their steps take longer for that "
                     f"alone, and their speed-up is that of {cores} cores.")
    if others > DISTURBED:
        lines.append(f"Other programs used up to {others:.0%} of the processor time during these runs, so that steps "
                     f"and speed-ups are worse than this machine's.")
    return lines


def _ends(run: dict[str, Any]) -> tuple[int, int]:
    sizes = [row["bytes"] for row in run["all_reduce"]]
    return min(sizes), max(sizes)


def _draw(runs: list[dict[str, Any]], path: Path) -> None:
    """Step time against the number of processes, by network, with what was measured."""
    step, counts = step_of(runs[0]), np.unique(np.geomspace(2, _MOST, 60).astype(int))
    looks = zip((style.VERMILION, style.ORANGE, style.GREEN, style.SKY), style.DASHES)
    with style.load_matplotlib().rc_context({**style.settings(), "figure.constrained_layout.use": True}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.2, 4.4))
        axes = figure.subplots()
        for network, (colour, dashes) in zip(NETWORKS, looks):
            axes.plot(counts, [1e3 * step.seconds(network, int(p)) for p in counts], color=colour, linestyle=dashes,
                      label=f"{network.name}: model, not checked")
        near = counts[counts <= 64]
        axes.plot(near, [1e3 * predicted(runs[0], int(p)) for p in near], color=style.BLUE,
                  label="this machine, a core for each: model")
        axes.plot([run["processes"] for run in runs], [1e3 * run["training"]["step_s"] for run in runs], "o",
                  color=style.BLACK, label="measured on this machine")
        axes.axhline(1e3 * step.alone, color="#777777", linewidth=1)
        axes.text(_MOST, 1e3 * step.alone, "no communication", ha="right", va="top", fontsize=8, color="#555555")
        axes.set(xscale="log", xlabel="processes", ylabel="time of a training step (ms)",
                 title="Training step at a fixed batch for each process")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)
        figure.savefig(path)
