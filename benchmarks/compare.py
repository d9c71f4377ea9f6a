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

Rows of which the system interrupted too many rounds, to run other processes, are not judged.

A single row of a short run can show large changes only.  All rows of an activation together show smaller ones: their
mean is judged by how much rows of the same activation differ (`whole_activations`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import NormalDist, mean, stdev
from typing import Iterable, Sequence

from .cases import Case
from .implementations import OURS, YARDSTICK
from .results import Results, Row
from .summary import median, quantiles
from .tables import Table, time_text, times

CHANCE = 0.05  # of any false report in a comparison of two runs of the same code
THRESHOLD = 0.10
_ENOUGH_ROWS = 6  # to judge an activation as a whole
_TOGETHER = 1.5  # how much less certain that may make it: more than runs of the same code have shown
_MOST_DISTURBED = 0.25  # of a row's rounds, and of its yardstick's


@dataclass(frozen=True)
class Levels:
    """A row as logarithms: of the time over the yardstick's, where that was measured in turn."""

    passes: list[float]  # the median of each pass
    middle: float  # the median of all rounds
    quick: float  # the quickest tenth of them
    within: float  # how uncertain a pass's median is, for the scatter of its rounds

    @classmethod
    def of(cls, row: Row, results: Results) -> "Levels":
        unit = results.rows.get(replace(row.case, implementation=YARDSTICK))
        rounds = [[math.log(time) for time in one] for one in row.passes]
        quick = math.log(quantiles(row.seconds, 0.1)[0])
        if unit is not None:
            rounds = [[a - math.log(b) for a, b in zip(one, units)] for one, units in zip(rounds, unit.passes)]
            quick -= math.log(quantiles(unit.seconds, 0.1)[0])
        quartiles = [quantiles(one, 0.25, 0.5, 0.75) for one in rounds]
        within = max((high - low) / math.sqrt(len(one)) for one, (low, _, high) in zip(rounds, quartiles))
        middle = median([time for one in rounds for time in one])
        return cls([pass_middle for _, pass_middle, _ in quartiles], middle, quick, within)

    @property
    def between(self) -> float:
        """The standard deviation of the passes; infinite for one pass, which says nothing of what passes differ by."""
        return stdev(self.passes) if len(self.passes) > 1 else math.inf


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
    """Two runs; `unmatched` rows are in one of them only, `unjudged` ones were disturbed in one of them."""

    changes: list[Change]
    wholes: list[Change]  # of all rows of an activation together
    unmatched: int
    unjudged: int
    threshold: float

    @property
    def slower(self) -> list[Change]:
        return sorted((change for change in self.wholes + self.changes if change.verdict > 0),
                      key=lambda change: -change.factor)

    @property
    def faster(self) -> list[Change]:
        return sorted((change for change in self.wholes + self.changes if change.verdict < 0),
                      key=lambda change: change.factor)

    def tables(self) -> list[Table]:
        found = []
        for title, changes in (("Slower", self.slower), ("Faster", self.faster)):
            rows = [[change.case.activation, change.case.direction, _place(change.case),
                     time_text(change.old), time_text(change.new), times(change.factor)] for change in changes]
            found.append(Table(title, ["activation", "direction", "case", "old", "new", "new/old"], rows, labels=3,
                               note="new/old: of the times in units of the yardstick, which ran in turn."))
        return [table for table in found if table.rows]

    def verdict(self) -> str:
        """One paragraph: what was found, and what could have been found."""
        parts = [f"{len(self.changes)} rows and {len(self.wholes)} activations compared: {len(self.slower)} slower and "
                 f"{len(self.faster)} faster by more than {self.threshold:.0%}."]
        if self.wholes:
            least = quantiles([change.detectable - 1 for change in self.wholes], 0.5)[0]
            parts.append(f"Of an activation as a whole, a change of {least:.0%} could be told from chance.")
        known = [change.detectable - 1 for change in self.changes if change.detectable < math.inf]
        if known:
            half, most = quantiles(known, 0.5, 0.9)
            parts.append(f"What could be told from chance, given how much the passes of both runs differ: a change of "
                         f"{half:.0%} in half of the rows, of {most:.0%} in nine of ten.")
        if len(known) < len(self.changes):
            parts.append(f"{len(self.changes) - len(known)} rows have a single pass in one of the runs, of which "
                         f"nothing can be told; measure for longer.")
        if self.unjudged:
            parts.append(f"{self.unjudged} rows were not judged, since other processes interrupted too many of their "
                         f"rounds; measure on a quiet machine.")
        if self.unmatched:
            parts.append(f"{self.unmatched} rows are in one of the runs only.")
        return " ".join(parts)


def compare(old: Results, new: Results, threshold: float = THRESHOLD) -> Comparison:
    """What changed from `old` to `new` by more than `threshold` (0.1 is 10 %), beyond the noise of both."""
    common = [case for case in old.rows if case in new.rows and case.implementation in OURS]
    cases = [case for case in common if not _disturbed(case, old) and not _disturbed(case, new)]
    if not common:
        raise ValueError("the two runs have no row in common: they were made with different sets, sizes or devices")
    before = {case: Levels.of(old.rows[case], old) for case in cases}
    after = {case: Levels.of(new.rows[case], new) for case in cases}
    noise = _pooled((case, levels.between) for some in (before, after) for case, levels in some.items())
    quantile = NormalDist().inv_cdf(1 - CHANCE / 2 / max(1, len(cases)))

    def change(case: Case) -> Change:
        a, b = before[case], after[case]
        spread = max(noise[_kind(case)], a.between, b.between, a.within, b.within)
        # That of a difference of two medians, which are less certain than means by a factor of sqrt(pi / 2).
        error = spread * math.sqrt(math.pi / 2 * (1 / len(a.passes) + 1 / len(b.passes)))
        difference, least = b.middle - a.middle, max(math.log1p(threshold), quantile * error)
        at_best = b.quick - a.quick
        slower = difference > least and at_best > math.log1p(threshold) and min(b.passes) > max(a.passes)
        faster = difference < -least and at_best < -math.log1p(threshold) and max(b.passes) < min(a.passes)
        return Change(case, old.rows[case].summary.median, new.rows[case].summary.median, math.exp(difference),
                      math.exp(least) if least < 700 else math.inf, int(slower) - int(faster))

    changes = [change(case) for case in cases]
    ours = {case for results in (old, new) for case in results.rows if case.implementation in OURS}
    return Comparison(changes, whole_activations(changes, threshold), len(ours) - len(common),
                      len(common) - len(cases), threshold)


def whole_activations(changes: Sequence[Change], threshold: float) -> list[Change]:
    """The mean change of each activation over its sizes and directions, for each device and kind of kernels."""
    families: dict[tuple, list[Change]] = defaultdict(list)
    for change in changes:
        families[change.case.activation, change.case.device, change.case.implementation].append(change)
    families = {key: rows for key, rows in families.items() if len(rows) >= _ENOUGH_ROWS}
    logs = {key: [math.log(row.factor) for row in rows] for key, rows in families.items()}
    freedom = sum(len(values) - 1 for values in logs.values())
    if not freedom:
        return []
    spread = math.sqrt(sum((value - mean(values)) ** 2 for values in logs.values() for value in values) / freedom)
    quantile = NormalDist().inv_cdf(1 - CHANCE / 2 / len(families))
    found = []
    for key, rows in families.items():
        middle = mean(logs[key])
        # Rows of one activation are disturbed together to some part, so that their mean is less certain than it seems.
        least = max(math.log1p(threshold), quantile * _TOGETHER * spread / math.sqrt(len(rows)))
        whole = replace(rows[0].case, direction="all", size=0)
        found.append(Change(whole, *(math.exp(mean(map(math.log, column))) for column in
                                     ([row.old for row in rows], [row.new for row in rows])),
                            math.exp(middle), math.exp(least), (middle > least) - (middle < -least)))
    return found


def _place(case: Case) -> str:
    """Where a row was measured, for the tables; a whole activation has no size of its own."""
    return case.key.split("/", 2)[2] if case.size else f"all rows/{case.device}/{case.implementation}"


def _disturbed(case: Case, results: Results) -> bool:
    rows = [results.rows.get(replace(case, implementation=name)) for name in (case.implementation, YARDSTICK)]
    return any(row is not None and row.disturbed > _MOST_DISTURBED * len(row.seconds) for row in rows)


def _kind(case: Case) -> tuple:
    """Rows that are disturbed alike: short calls by the interpreter, long ones by whoever shares memory and cores."""
    return case.size, case.device, case.implementation


def _pooled(spreads: Iterable[tuple[Case, float]]) -> dict[tuple, float]:
    """The upper quartile of the spreads between passes, for each kind of rows (0 where none has two passes)."""
    found: dict[tuple, list[float]] = defaultdict(list)
    for case, spread in spreads:
        found[_kind(case)] += [spread] if spread < math.inf else []
    return {kind: quantiles(spreads, 0.75)[0] if spreads else 0.0 for kind, spreads in found.items()}
