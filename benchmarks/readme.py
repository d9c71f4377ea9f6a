"""README's performance table, generated from the reference runs in benchmarks/results/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable, Sequence

from .cases import ARTICLE, size_name
from .implementations import OURS
from .peers import means
from .report import named_devices
from .results import Results, Row
from .scaling import headline
from .tables import Table, against, time_text, times, training_steps, wrapped

BEGIN, END = "<!-- benchmarks: begin (python -m benchmarks --readme) -->", "<!-- benchmarks: end -->"
NOT_MEASURED = ("cuda: not measured so far; `.ci/gpu` on a machine with a CUDA device runs all tests there, measures, "
                "and puts the figures here.")
REFERENCES = Path(__file__).parent / "results"
DISTRIBUTED = "distributed"  # the folder of what several processes have measured


def update(readme: Path, references: Path = REFERENCES) -> None:
    """Put the table of the reference runs between the two markers of `readme`."""
    _put(readme, BEGIN, END, summary(sorted(references.glob("*.json"))))
    if (references / DISTRIBUTED).is_dir():
        _put(readme, BEGIN.replace(":", ", distributed:"), END.replace(":", ", distributed:"),
             "\n".join(wrapped(headline(references / DISTRIBUTED))))


def _put(readme: Path, begin: str, end: str, new: str) -> None:
    text = readme.read_text()
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{readme} must hold each of these lines once, the table goes between them:\n{begin}\n{end}")
    before, rest = text.split(begin)
    readme.write_text(f"{before}{begin}\n{new}\n{end}{rest.split(end)[1]}")


def keep(run: Path = Path("benchmark-report/results.json"), readme: Path = Path("README.md"),
         references: Path = REFERENCES) -> Path:
    """Make a run the reference of its device, in the place of an older one, and renew the table of `readme`.

    What `--only networks` has measured goes into the reference that there is.
    """
    results = Results.load(run)
    device, description = list(results.facts["devices"].items())[-1]  # CUDA devices come last
    name = f"{device.partition(':')[0]} {description}".lower()
    kept = references / (re.sub("[^a-z0-9]+", "-", name).strip("-") + ".json")
    if kept.exists() and not results.rows:
        networks, results = results, Results.load(kept)
        results.training, results.networks, results.steps = networks.training, networks.networks, networks.steps
        results.facts["of_networks"] = networks.facts
    results.save(kept)
    update(readme, references)
    return kept


def summary(paths: Iterable[Path]) -> str:
    """A table for each device and kind of kernels of each run, in Markdown."""
    runs = [Results.load(path) for path in paths]
    found = [part for results in runs for part in _tables(results)]
    if not any(device != "cpu" for results in runs for device in results.facts["devices"]):
        found.append(NOT_MEASURED)
    return "\n\n".join(found)


def _tables(results: Results) -> Iterable[str]:
    versions = results.facts["versions"]
    libraries = ", ".join(f"{name} {versions[name]}" for name in ("numpy", "torch") if name in versions)
    yield f"{named_devices(results.facts)}; {libraries}; {results.facts['date'][:10]}."
    for device in results.values("device"):
        for implementation in OURS:
            rows = [row for row in results.select(device=device, implementation=implementation, direction="both",
                                                  dtype="float32") if row.case.activation in ARTICLE]
            if rows:
                yield _table(results, rows, f"{implementation} on {device}, forward and backward together, float32: "
                                            f"time, and PyTorch's time over it").markdown()
    if results.steps:
        yield training_steps(results).markdown()
    for device in results.values("device"):
        if any(row.case.implementation in ("jax", "torch.compile") for row in results.rows.values()):
            yield from (table.markdown() for table in means(results, device))


def _table(results: Results, rows: Sequence[Row], title: str) -> Table:
    sizes = sorted({row.case.size for row in rows})
    cells: dict[str, dict[int, str]] = {}
    for row in rows:
        peer = against(results, row, "pytorch")
        cells.setdefault(row.case.activation, {})[row.case.size] = time_text(row.summary.median) + (
            "" if peer is None else f" ({times(peer)})")
    return Table(title, ["activation", *map(size_name, sizes)],
                 [[name, *[found.get(size, "") for size in sizes]] for name, found in cells.items()])
