"""When is a difference between two runs a change?

Rounds differ, passes differ (arrays lie elsewhere, neighbours of the machine do something else), and whole runs
differ (the machine is slower today).  So each time is first divided by that of the yardstick in the same round:
fixed array code, which slows down with the machine and cannot change with this library.  A row is then reported
where all of this holds:

- the median over all rounds changed by more than the threshold;
- so did the quickest tenth of the rounds, since what disturbs a round makes it longer, never shorter;
- every pass of one run is above every pass of the other, so that one disturbed pass is never enough;
- the change is larger than chance makes the largest of so many rows in 19 of 20 comparisons (Bonferroni's
  correction), given how much passes differ.  That is pooled over rows of one kind, since three passes alone say too
  little, but a row that was disturbed more than its kind counts with its own spread.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Iterable, Sequence

import numpy as np

from .cases import Case
from .implementations import OURS, YARDSTICK
from .results import Results, Row
from .tables import Table, time_text, times

CHANCE = 0.05  # of any false report in a comparison of two runs of the same code
THRESHOLD = 0.10


@dataclass(frozen=True)
class Levels:
    """A row as logarithms: of the time over the yardstick's, where that was measured in turn."""

    passes: np.ndarray  # the median of each pass
    middle: float  # the median of all rounds
    quick: float  # the quickest tenth of them
    @classmethod
    def of(cls, row: Row, results: Results) -> "Levels":
        yardstick = results.rows.get(replace(row.case, implementation=YARDSTICK))
        rounds, quick = [np.log(one) for one in row.passes], math.log(np.quantile(row.seconds, 0.1))
        if yardstick is not None:
            rounds = [one - np.log(unit) for one, unit in zip(rounds, yardstick.passes)]
            quick -= math.log(np.quantile(yardstick.seconds, 0.1))
        within = max(np.subtract(*np.quantile(one, (0.75, 0.25))) / math.sqrt(len(one)) for one in rounds)
        return cls(np.array([np.median(one) for one in rounds]), float(np.median(np.concatenate(rounds))), quick, within)

    within: float  # how uncertain a pass's median is, for the scatter of its rounds

    @property
    def between(self) -> float:
        """The standard deviation of the passes; NaN for one pass."""
        return float(np.std(self.passes, ddof=1)) if len(self.passes) > 1 else math.nan


@dataclass(frozen=True)
class Change:
    """One row of both runs."""

    case: Case
    old: float  # seconds
    new: float
    factor: float  # new over old, in units of the yardstick
    detectable: float  # the least factor that this comparison could have told from chance
    verdict: int  # 1 slower, -1 faster, 0 neither


@dataclass(frozen=True)
class Comparison:
    """Two runs; `unmatched` rows are in one of them only."""

    changes: list[Change]
    unmatched: int
    threshold: float

    @property
    def slower(self) -> list[Change]:
        return sorted((change for change in self.changes if change.verdict > 0), key=lambda change: -change.factor)

    @property
    def faster(self) -> list[Change]:
        return sorted((change for change in self.changes if change.verdict < 0), key=lambda change: change.factor)

    def tables(self) -> list[Table]:
        found = []
        for title, changes in (("Slower", self.slower), ("Faster", self.faster)):
            rows = [[change.case.activation, change.case.direction, change.case.key.split("/", 2)[2],
                     time_text(change.old), time_text(change.new), times(change.factor)] for change in changes]
            found.append(Table(title, ["activation", "direction", "case", "old", "new", "new/old"], rows, labels=3,
                               note="new/old: of the times in units of the yardstick, which ran in turn."))
        return [table for table in found if table.rows]

    def verdict(self) -> str:
        """One paragraph: what was found, and what could have been found."""
        ordered = sorted(change.detectable for change in self.changes)
        median, worst = ordered[len(ordered) // 2] - 1, ordered[-1] - 1
        return (f"{len(self.changes)} rows compared: {len(self.slower)} slower and {len(self.faster)} faster by more than "
                f"{self.threshold:.0%}. What could be told from chance, given how much the passes of both runs differ: a "
                f"change of {median:.0%} in half of the rows, of {worst:.0%} in all of them."
                + (f" {self.unmatched} rows are in one of the runs only." if self.unmatched else ""))


def compare(old: Results, new: Results, threshold: float = THRESHOLD) -> Comparison:
    """What changed from `old` to `new` by more than `threshold` (0.1 is 10 %), beyond the noise of both."""
    cases = [case for case in old.rows if case in new.rows and case.implementation in OURS]
    if not cases:
        raise ValueError("the two runs have no row in common: they were made with different sets, sizes or devices")
    before = {case: Levels.of(old.rows[case], old) for case in cases}
    after = {case: Levels.of(new.rows[case], new) for case in cases}
    noise = _pooled((case, levels.between) for some in (before, after) for case, levels in some.items())
    quantile = NormalDist().inv_cdf(1 - CHANCE / 2 / len(cases))

    def change(case: Case) -> Change:
        a, b = before[case], after[case]
        spread = np.nanmax([noise[_kind(case)], a.between, b.between, a.within, b.within])
        # That of a difference of two medians, which are less certain than means by a factor of sqrt(pi / 2).
        error = spread * math.sqrt(math.pi / 2 * (1 / len(a.passes) + 1 / len(b.passes)))
        difference, least = b.middle - a.middle, max(math.log1p(threshold), quantile * error)
        at_best = b.quick - a.quick
        slower = difference > least and at_best > math.log1p(threshold) and b.passes.min() > a.passes.max()
        faster = difference < -least and at_best < -math.log1p(threshold) and b.passes.max() < a.passes.min()
        return Change(case, old.rows[case].summary.median, new.rows[case].summary.median, math.exp(difference),
                      math.exp(least), int(slower) - int(faster))

    ours = {case for results in (old, new) for case in results.rows if case.implementation in OURS}
    return Comparison([change(case) for case in cases], len(ours) - len(cases), threshold)


def _kind(case: Case) -> tuple:
    """Rows that are disturbed alike: short calls by the interpreter, long ones by whoever shares memory and cores."""
    return case.size, case.device, case.implementation


def _pooled(spreads: Iterable[tuple[Case, float]]) -> dict[tuple, float]:
    """The upper quartile of the spreads between passes, for each kind of rows."""
    found: dict[tuple, list[float]] = defaultdict(list)
    for case, spread in spreads:
        found[_kind(case)].append(spread)
    return {kind: _upper_quartile(values) for kind, values in found.items()}


def _upper_quartile(spreads: Sequence[float]) -> float:
    known = [spread for spread in spreads if not math.isnan(spread)]
    return float(np.quantile(known, 0.75)) if known else math.inf  # one pass says nothing of what passes differ by
