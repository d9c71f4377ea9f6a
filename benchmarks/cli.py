"""`python -m benchmarks`: measure, print tables, write a folder with report and pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Callable, Sequence

from . import cases, scaling
from .activations import activations
from .compare import THRESHOLD, compare
from .implementations import PEERS, STANDARD
from .machine import Watch, facts, usable_devices
from .networks import measure_networks
from .passes import measure_in_processes
from .peers import peer_tables
from .readme import update
from .report import headline, write_report
from .results import Results
from .row_operations import row_groups
from .session import skipped_rows
from .steps import measure_steps
from .tables import all_tables, wrapped
from .training import EPOCHS, train_in_turn

# Seconds of measuring: the activations, and the networks.
_SECONDS = {"quick": (65.0, 6.0), "full": (1800.0, 120.0), "peers": (900.0, 0.0)}
_NETWORKS = "networks"  # that --only measures without any activation


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=(
        "Times every activation, forward and backward, on every device of this machine, beside PyTorch (where it is "
        "installed) and plain array code, and trains a small classifier. A quick set takes under 3 minutes."))
    parser.add_argument("--full", action="store_true", help="every size, dtype and direction (about an hour)")
    parser.add_argument("--peers", action="store_true", help="only f(x).backward(g), of every activation and of "
                        "operations along rows, against PyTorch, JAX, torch.compile, MyGrad and HIPS autograd where "
                        "they are installed, with geometric means")
    parser.add_argument("--device", default="all", help="cpu, cuda, cuda:N, auto, or all (the default)")
    parser.add_argument("--only", action="append", default=[], metavar="WORDS", help="only cases that have all of "
                        'these words, as "swish backward" or "1e6"; may be given several times. "networks" measures '
                        'training and networks alone, "distributed" several processes: mpiexec -n 2 python -m '
                        "benchmarks --only distributed")
    parser.add_argument("--seconds", type=float, help="time to measure the activations for, instead of the set's own")
    parser.add_argument("--output", type=Path, default=Path("benchmark-report"), metavar="DIR",
                        help="the folder to write report.md, results.json and the pictures to (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file too")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("OLD", "NEW"),
                        help="measure nothing, compare two results.json; exit status 1 where something is slower")
    parser.add_argument("--threshold", type=float, default=100 * THRESHOLD, metavar="PERCENT",
                        help="the least change that --compare reports (default: %(default).0f)")
    parser.add_argument("--readme", nargs="?", type=Path, const=Path("README.md"), metavar="FILE",
                        help="measure nothing, put the reference runs' table into README.md")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """The exit status: 1 where a comparison found something slower, or a wrong kernel was refused."""
    options = arguments(given)
    if options.compare:
        return _compare(*options.compare, options.threshold / 100)
    if options.readme:
        update(options.readme)
        return 0
    if "distributed" in options.only:
        return scaling.run(options.output, Progress, options.seconds)
    results = _run(options)
    for table in [*peer_tables(results), *all_tables(results)]:
        print(f"\n{table.text()}")
    files = write_report(results, options.output)
    if options.json:
        results.save(options.json)
    print("\n" + "\n".join(line for text in headline(results) for line in wrapped(text)))
    print(f"\nReport: {files[0]}\nPictures: {', '.join(path.name for path in files[2:]) or 'none'}")
    return 1 if results.refused else 0


def _compare(old: Path, new: Path, threshold: float) -> int:
    comparison = compare(Results.load(old), Results.load(new), threshold)
    for table in comparison.tables():
        print(f"{table.text()}\n")
    print("\n".join(wrapped(comparison.verdict())))
    return 1 if comparison.slower else 0


def _run(options: argparse.Namespace) -> Results:
    devices, missing = usable_devices(options.device)
    for device, reason in missing.items():
        print(f"{device}: skipped. {reason}")
    results = Results(facts(devices), skipped=dict(missing))
    for device, description in results.facts["devices"].items():
        print(f"{device}: {description}")
    chosen = "peers" if options.peers else "full" if options.full else "quick"
    names = list(activations())
    groups = getattr(cases, chosen)(names, devices) + (row_groups(devices) if chosen == "peers" else [])
    of_networks = options.only == [_NETWORKS]
    groups = [] if of_networks else cases.matching(groups, options.only)
    groups = [*cases.machine_groups(groups), *groups]
    seconds, network_seconds = _SECONDS[chosen]
    seconds = seconds if options.seconds is None else options.seconds
    implementations = STANDARD if chosen == "quick" else PEERS
    results.skipped.update(skipped_rows(groups, implementations))
    watch = Watch()
    with Progress() as progress:
        if groups:
            measure_in_processes(groups, implementations, results, seconds, progress.of(seconds))
        if devices and (of_networks or chosen != "peers" and not options.only):
            results.training = _training(devices, results, progress.of(8.0))
            results.networks = measure_networks([name for name in names if name != cases.ONE_LINE_MISH], devices,
                                                network_seconds, progress.of(2 * network_seconds))
            results.steps = measure_steps(devices, 2 * network_seconds, progress.of(4 * network_seconds))
    results.facts["cpu_used_by_others"] = watch.used_by_others()
    return results


def _training(devices: list[str], results: Results, progress: Callable[[float, str], None]) -> list[dict[str, Any]]:
    try:
        return train_in_turn(devices, EPOCHS, progress)
    except ImportError as error:  # what holds the digits is not installed
        results.skipped["training on digits"] = str(error)
        return []


class Progress:
    """A bar with the time that remains, over parts that say in advance about how many seconds they take; none where
    tqdm, which draws it, is not installed."""

    def __enter__(self) -> "Progress":
        self.bar: Any = None
        try:
            from tqdm import tqdm
        except ImportError:
            return self
        self.bar = tqdm(total=0.0, bar_format="{percentage:3.0f}% |{bar}| {elapsed}<{remaining} {desc}", ncols=100,
                        file=sys.stderr)
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:
            self.bar.close()

    def of(self, seconds: float) -> Callable[[float, str], None]:
        """The report of a part that takes about `seconds`: which fraction of it was done, and what is next."""
        if self.bar is None:
            return lambda fraction, what: None
        self.bar.total += seconds

        def report(fraction: float, what: str) -> None:
            self.bar.set_description_str(what[:44].ljust(44), refresh=False)
            self.bar.update(min(fraction * seconds, self.bar.total - self.bar.n))

        return report
