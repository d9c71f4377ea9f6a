"""One run: every figure with what it was measured on, and its file."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Iterator

from .cases import Case
from .summary import Summary, ratio
from .timing import Times

FORMAT = 1


@dataclass
class Row:
    """The figures of one case: the seconds of one call, for each round of each pass over all cases.

    Each pass runs in a process of its own, so that passes differ as runs do: by where things lie in memory, and by
    what else the machine is doing.
    """

    case: Case
    bytes: int  # the least traffic: every input read once, every output written once
    passes: list[list[float]] = field(default_factory=list)
    disturbed: int = 0  # rounds during which the system gave a core to another process

    @property
    def seconds(self) -> list[float]:
        return [time for rounds in self.passes for time in rounds]

    @property
    def summary(self) -> Summary:
        return Summary.of(self.seconds)

    @property
    def gigabytes_per_second(self) -> float:
        return self.bytes / self.summary.median / 1e9


@dataclass
class Results:
    """A run."""

    facts: dict[str, Any]
    rows: dict[Case, Row] = field(default_factory=dict)
    refused: dict[Case, str] = field(default_factory=dict)  # wrong results, which are not timed
    skipped: dict[str, str] = field(default_factory=dict)  # what could not be measured here, and why
    training: list[dict[str, Any]] = field(default_factory=list)
    networks: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, case: Case, bytes_moved: int, times: Times) -> None:
        row = self.rows.setdefault(case, Row(case, bytes_moved))
        row.passes.append(times.seconds)
        row.disturbed += times.disturbed

    def absorb(self, other: "Results") -> None:
        """Add the passes of another run over the same cases."""
        for case, row in other.rows.items():
            mine = self.rows.setdefault(case, Row(case, row.bytes))
            mine.passes += row.passes
            mine.disturbed += row.disturbed
        self.refused.update(other.refused)

    # -- reading ----------------------------------------------------------------------------------------------
    def select(self, **wanted: Any) -> Iterator[Row]:
        """The rows whose case has these attributes, as implementation="plain"."""
        for case, row in self.rows.items():
            if all(getattr(case, name) == value for name, value in wanted.items()):
                yield row

    def groups(self) -> dict[Case, dict[str, Row]]:
        """The rows of each group by implementation."""
        found: dict[Case, dict[str, Row]] = defaultdict(dict)
        for case, row in self.rows.items():
            found[case.group][case.implementation] = row
        return dict(found)

    def values(self, attribute: str) -> list[Any]:
        """What occurs in the activations' cases, in the order of measuring; sizes and the like sorted."""
        found = list(dict.fromkeys(getattr(case, attribute) for case in self.rows if case.activation not in MACHINE))
        return sorted(found) if attribute == "size" else found

    def copy_bandwidth(self, size: int, dtype: str, device: str) -> float | None:
        """GB/s of the fastest copy of so many elements on the device, in this run."""
        found = [row.gigabytes_per_second
                 for row in self.select(activation="copy", size=size, dtype=dtype, device=device)]
        return max(found, default=None)

    def fraction_of_copy(self, row: Row) -> float | None:
        """The row's bandwidth as a part of that of a copy of arrays of the same size."""
        roof = self.copy_bandwidth(row.case.size, row.case.dtype, row.case.device)
        return row.gigabytes_per_second / roof if roof else None

    # -- files ------------------------------------------------------------------------------------------------
    def save(self, path: Path) -> None:
        rows = [{**asdict(row.case), "bytes": row.bytes, "median_s": row.summary.median, "rounds": row.summary.rounds,
                 "iqr_s": row.summary.high - row.summary.low, "gb_per_s": row.gigabytes_per_second,
                 "fraction_of_copy": self.fraction_of_copy(row), "disturbed_rounds": row.disturbed,
                 "passes_s": [[float(f"{time:.4g}") for time in rounds] for rounds in row.passes]}
                for row in self.rows.values()]
        refused = [{**asdict(case), "reason": reason} for case, reason in self.refused.items()]
        whole = {"format": FORMAT, **self.facts, "skipped": self.skipped, "refused": refused,
                 "training": self.training, "networks": self.networks, "steps": self.steps, "rows": rows}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_one_row_a_line(whole))

    @classmethod
    def load(cls, path: Path) -> "Results":
        whole = json.loads(Path(path).read_text())
        if whole.get("format") != FORMAT:
            raise ValueError(f"{path} is no results.json that this version reads: its format is "
                             f"{whole.get('format')!r}, expected {FORMAT}")
        facts = {name: value for name, value in whole.items()
                 if name not in ("format", "rows", "refused", "skipped", "training", "networks", "steps")}
        results = cls(facts, skipped=whole["skipped"], training=whole["training"], networks=whole["networks"],
                      steps=whole.get("steps", []))
        for row in whole["rows"]:
            case = _case(row)
            results.rows[case] = Row(case, row["bytes"], row["passes_s"], row["disturbed_rounds"])
        results.refused = {_case(row): row["reason"] for row in whole["refused"]}
        return results


MACHINE = ("copy", "transfer")  # rows that are no activation's


def paired_ratio(numerator: Row, denominator: Row) -> float:
    """How many times longer the first takes: the median over rounds in which both ran in turn."""
    return ratio(numerator.seconds, denominator.seconds)


def _case(fields: dict[str, Any]) -> Case:
    return Case(*[fields[name] for name in Case.__dataclass_fields__])


def _one_row_a_line(whole: dict[str, Any]) -> str:
    """JSON that a person can look through and that version control can compare."""
    parts = []
    for name, value in whole.items():
        if isinstance(value, list) and value:
            lines = ",\n  ".join(json.dumps(item) for item in value)
            parts.append(f"{json.dumps(name)}: [\n  {lines}\n ]")
        else:
            parts.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"

