"""The interface of examples: a module with a docstring, `STEPS`, and `run`, which returns `Findings`."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Sequence

NAMES = ("dead_units", "vanishing", "zigzag", "saturation", "own_activation", "own_loss", "digits",
         "convolution", "sequence_lstm", "character_gpt")

Bar = Callable[[Iterable[Any], str], Iterable[Any]]  # what shows the progress of a loop, as `gradcore.utils.progress`


class Findings(NamedTuple):
    """The measurements of an example, as sentences and numbers, and the curves of its figure."""

    sentences: Sequence[str]
    measures: Mapping[str, float]
    x: Any
    curves: Mapping[str, Any]
    xlabel: str
    ylabel: str


def example(name: str) -> ModuleType:
    """The module of an example."""
    if name not in NAMES:
        raise ValueError(f"there is no example {name!r}; there are {', '.join(NAMES)}")
    return importlib.import_module(f"{__package__}.{name}")


def title(name: str) -> str:
    """The first line of an example's docstring."""
    return (example(name).__doc__ or "").splitlines()[0]
