"""The figures as tables, for the console (at most 100 columns) and for Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Sequence

from .cases import Case, size_name
from .implementations import OURS
from .networks import NEURONS, SAMPLES
from .results import Results, Row, paired_ratio
from .steps import beside_pytorch

WIDTH = 100


@dataclass
class Table:
    """Cells of text; the first columns are labels, the others are set to the right."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    labels: int = 1
    note: str = ""

    def text(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]

        def line(cells: Sequence[str]) -> str:
            return "  ".join(cell.ljust(width) if i < self.labels else cell.rjust(width)
                             for i, (cell, width) in enumerate(zip(cells, widths))).rstrip()

        ruled = "-" * min(WIDTH, sum(widths) + 2 * (len(widths) - 1))
        head = [*wrapped(self.title), ruled, line(self.header), ruled]
        return "\n".join([*head, *map(line, self.rows), *wrapped(self.note)])

    def markdown(self) -> str:
        marks = ["---" if i < self.labels else "---:" for i in range(len(self.header))]
        lines = ["| " + " | ".join(cells) + " |" for cells in (self.header, marks, *self.rows)]
        note = [f"\n{self.note}"] if self.note else []
        return "\n".join([f"**{self.title}**\n", *lines, *note])


def wrapped(text: str) -> list[str]:
    """Lines of at most the console's width."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= WIDTH:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def time_text(seconds: float) -> str:
    """
    >>> time_text(2.5e-6), time_text(0.0123), time_text(3.0)
    ('2.50 µs', '12.3 ms', '3.00 s')
    """
    for unit, name in ((1e-6, "µs"), (1e-3, "ms"), (1.0, "s")):
        if seconds < 999.5 * unit or name == "s":
            return f"{three_digits(seconds / unit)} {name}"
    raise AssertionError("unreachable")


def three_digits(value: float) -> str:
    """
    >>> three_digits(0.1234), three_digits(12.34), three_digits(1234.5)
    ('0.12', '12.3', '1234')
    """
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def times(value: float) -> str:
    return f"{three_digits(value)}x"


# -- the tables -----------------------------------------------------------------------------------------------
def all_tables(results: Results) -> list[Table]:
    """Every table that the results have rows for."""
    tables = [table for device in results.values("device") for implementation in OURS
              for dtype in results.values("dtype")
              for table in _activation_tables(results, device, implementation, dtype)]
    tables += [*_transfers(results), *_training(results), training_steps(results), *_networks(results),
               *_left_out(results)]
    return [table for table in tables if table.rows]


def _activation_tables(results: Results, device: str, implementation: str, dtype: str) -> Iterator[Table]:
    rows = list(results.select(device=device, implementation=implementation, dtype=dtype))
    sizes = sorted({row.case.size for row in rows if row.case.direction in ("forward", "backward")})
    of_pytorch = any(row.case.implementation == "pytorch" for row in results.rows.values())
    names = {"gradcore": "gradcore", "gradcore native": "gradcore, native CPU kernels"}
    for some in (sizes[:4], sizes[4:]):
        if some:
            yield _by_size(results, rows, some, f"{names[implementation]} on {device}, {dtype}: time of one call"
                           + (" (and PyTorch's time over it)" if of_pytorch else ""))
    for size in sizes[-2:]:
        chosen = [row for row in rows if row.case.size == size and row.case.direction in ("forward", "backward")]
        yield _at_size(results, chosen, f"{names[implementation]} on {device}, {dtype}, {size_name(size)} elements: "
                                        f"bandwidth, and the times of others over its own")


def _by_size(results: Results, rows: Sequence[Row], sizes: Sequence[int], title: str) -> Table:
    table = Table(title, ["activation", "direction", *map(size_name, sizes)], labels=2)
    lines: dict[tuple, dict[int, str]] = {}
    for row in rows:
        if row.case.size in sizes and row.case.direction != "both":
            other = against(results, row, "pytorch")
            cell = time_text(row.summary.median) + ("" if other is None else f" ({times(other)})")
            lines.setdefault((row.case.activation, row.case.direction), {})[row.case.size] = cell
    table.rows = [[*line, *[cells.get(size, "") for size in sizes]] for line, cells in lines.items()]
    return table


def _at_size(results: Results, rows: Sequence[Row], title: str) -> Table:
    table = Table(title, ["activation", "direction", "median", "spread", "rounds", "GB/s", "of copy", "plain",
                          "PyTorch"], labels=2)
    for row in rows:
        fraction, summary = results.fraction_of_copy(row), row.summary
        others = [against(results, row, name) for name in ("plain", "pytorch")]
        table.rows.append([row.case.activation, row.case.direction, time_text(summary.median), f"{summary.spread:.0%}",
                           str(summary.rounds), three_digits(row.gigabytes_per_second),
                           "" if fraction is None else f"{fraction:.0%}",
                           *["" if other is None else times(other) for other in others]])
    device, size, dtype = ("cpu", 0, "") if not rows else (rows[0].case.device, rows[0].case.size, rows[0].case.dtype)
    roof = results.copy_bandwidth(size, dtype, device)
    table.note = "Median and interquartile range over all rounds; ratios from rounds that ran in turn." + (
        f" A copy of an array of this size: {three_digits(roof)} GB/s." if roof else "")
    return table


def against(results: Results, row: Row, implementation: str) -> float | None:
    """How many times longer the other implementation takes for the same case."""
    fields = {name: getattr(row.case, name) for name in ("activation", "direction", "size", "dtype", "device")}
    other = results.rows.get(Case(**fields, implementation=implementation))
    return None if other is None else paired_ratio(other, row)


def _transfers(results: Results) -> Iterator[Table]:
    table = Table("Between the host and the devices", ["device", "direction", "size", "dtype", "median", "GB/s"],
                  labels=4)
    for row in results.select(activation="transfer"):
        case = row.case
        table.rows.append([case.device, case.direction, size_name(case.size), case.dtype,
                           time_text(row.summary.median), three_digits(row.gigabytes_per_second)])
    yield table


def _training(results: Results) -> Iterator[Table]:
    table = Table("Training a classifier of the handwritten digits (1,797 images, scikit-learn's load_digits)",
                  ["library", "device", "steps/s", "spread", "test accuracy"], labels=2)
    for figures in results.training:
        accuracy = figures.get("accuracy")
        table.rows.append([figures["implementation"], figures["device"], f"{figures['steps_per_second']:,.0f}",
                           f"{figures['spread']:.0%}", "" if accuracy is None else f"{accuracy:.1%}"])
    yield table


def training_steps(results: Results) -> Table:
    """Networks' steps beside PyTorch's."""
    facts = results.facts.get("of_networks", results.facts)
    whats = {one["network"]: one["what"] for one in results.steps}
    table = Table("A training step: forward, cross entropy, backward and Adam",
                  ["network", "device", "kernels", "time", "PyTorch", "ratio", "peak", "PyTorch", "ratio"], labels=3,
                  note="; ".join(f"{name}: {what}" for name, what in whats.items()) + ". Time: medians, and the ratio "
                       f"of rounds that ran in turn; measured {facts['date'][:10]}. " + _PEAKS)
    for ours, theirs, faster in beside_pytorch(results.steps):
        kernels = "" if ours["device"] != "cpu" else "native" if "native" in ours["implementation"] else "NumPy"
        cells = [ours["network"], ours["device"], kernels]
        smaller = theirs and theirs["peak_bytes"] / ours["peak_bytes"]
        for figure, text, ratio in (("seconds", time_text, faster), ("peak_bytes", _megabytes, smaller)):
            cells += [text(ours[figure]), *([text(theirs[figure]), times(ratio)] if theirs else ["", ""])]
        table.rows.append(cells)
    return table


_PEAKS = ("Peak: the most bytes in use beyond what is there before the step. On the CPU every allocation counts: those "
          "that NumPy reports to tracemalloc, those that torch.profiler writes down; not what either library keeps of "
          "what was released. On CUDA both libraries' memory pools keep the count.")


def _networks(results: Results) -> Iterator[Table]:
    found: dict[tuple, dict[str, dict[str, Any]]] = {}
    for figures in results.networks:
        found.setdefault((figures["activation"], figures["device"]), {})[figures["implementation"]] = figures
    table = Table(f"Ten layers of {NEURONS} neurons, {SAMPLES} samples: forward and backward",
                  ["activation", "device", "time", "PyTorch", "ratio", "peak", "PyTorch", "ratio"], labels=2,
                  note=_PEAKS)
    for (activation, device), both in found.items():
        table.rows.append([activation, device, *_beside_pytorch(both, "seconds", time_text),
                           *_beside_pytorch(both, "peak_bytes", _megabytes)])
    yield table


def _beside_pytorch(both: dict[str, dict[str, Any]], figure: str, text: Callable[[float], str]) -> list[str]:
    """Ours, PyTorch's, and PyTorch's over ours."""
    ours = both["gradcore"][figure]
    theirs = both["pytorch"][figure] if "pytorch" in both else None
    return [text(ours), *(["", ""] if theirs is None else [text(theirs), times(theirs / ours)])]


def _megabytes(count: float) -> str:
    return f"{three_digits(count / 1e6)} MB"


def _left_out(results: Results) -> Iterator[Table]:
    yield Table("Refused: wrong results are not timed", ["case", "reason"],
                [[case.key, reason] for case, reason in results.refused.items()], labels=2)
