"""README's performance table, generated from the reference runs in benchmarks/results/."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Sequence

from .cases import ARTICLE, size_name
from .implementations import OURS
from .report import named_devices
from .results import Results, Row
from .tables import Table, against, time_text, times

BEGIN, END = "<!-- benchmarks: begin (python -m benchmarks --readme) -->", "<!-- benchmarks: end -->"
REFERENCES = Path(__file__).parent / "results"


def update(readme: Path, references: Path = REFERENCES) -> None:
    """Put the table of the reference runs between the two markers of `readme`."""
    text = readme.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{readme} must hold each of these lines once, the table goes between them:\n{BEGIN}\n{END}")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{summary(sorted(references.glob('*.json')))}\n{END}{after}")


def summary(paths: Iterable[Path]) -> str:
    """A table for each device and kind of kernels of each run, in Markdown."""
    found = [part for path in paths for part in _tables(Results.load(path))]
    return "\n\n".join(found) or "No reference run has been made so far."


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


def _table(results: Results, rows: Sequence[Row], title: str) -> Table:
    sizes = sorted({row.case.size for row in rows})
    cells: dict[str, dict[int, str]] = {}
    for row in rows:
        peer = against(results, row, "pytorch")
        cells.setdefault(row.case.activation, {})[row.case.size] = time_text(row.summary.median) + (
            "" if peer is None else f" ({times(peer)})")
    return Table(title, ["activation", *map(size_name, sizes)],
                 [[name, *[found.get(size, "") for size in sizes]] for name, found in cells.items()])
