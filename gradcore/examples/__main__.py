"""``python -m gradcore.examples``: list the examples, or run one and draw its figure."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Iterable, Sequence

import gradcore
from gradcore import utils

from .study import NAMES, Findings, example, title


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    listed = "\n".join(f"  {name:16s}{title(name)}" for name in NAMES)
    parser = argparse.ArgumentParser(prog="python -m gradcore.examples", description=f"The examples:\n{listed}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=NAMES, metavar="name", help="the example to run")
    parser.add_argument("--device", default="auto", help='"cpu", "cuda", or "auto", which chooses (the default)')
    parser.add_argument("--steps", type=int, help="how many steps to take; a short form for a first look")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    parser.add_argument("--picture", help="the file for the picture; by default the example's name with .png")
    parser.add_argument("--no-picture", action="store_true", help="draw none (matplotlib is not needed then)")
    parser.add_argument("--quiet", action="store_true", help="show no progress (tqdm is not needed then)")
    parsed = parser.parse_args(argv)
    if parsed.name is None:
        parser.print_help()
    elif parsed.steps is not None and parsed.steps < 1:
        parser.error(f"--steps must be at least 1; got {parsed.steps}")
    return parsed


def _silent(steps: Iterable[Any], label: str) -> Iterable[Any]:
    return steps


def main(argv: Sequence[str]) -> None:
    """List the examples, or run one."""
    asked = _arguments(argv)
    if asked.name is None:
        return
    module = example(asked.name)
    gradcore.manual_seed(asked.seed)
    device = gradcore.get_backend(asked.device).device
    found: Findings = module.run(asked.steps or module.STEPS, device, _silent if asked.quiet else utils.progress)
    print(title(asked.name), f"(on {device})")
    print(*[f"  {sentence}" for sentence in found.sentences], sep="\n")
    if not asked.no_picture:
        name = asked.picture or f"{asked.name}.png"
        utils.plot(found.x, [*found.curves.values()], found.xlabel, found.ylabel, asked.name.replace("_", " "),
                   [*found.curves], figsize=(6, 3.5), fname=name)
        print(f"  picture: {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
