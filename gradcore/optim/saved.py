"""Saved values that are to take the place of a scheduler's own: they must be of the same kinds."""

from __future__ import annotations

import numbers
from typing import Any, Mapping

from ..core.expectations import described

# What an own value is, and what may take its place.
_KINDS: tuple[tuple[type, type, str], ...] = (
    (bool, bool, "True or False"), (numbers.Real, numbers.Real, "a number"), (str, str, "a string"),
    (list, list, "a list"), (dict, Mapping, "a dict"))

_LENGTHS = {"T_max", "T_0", "T_mult", "div_factor", "final_div_factor", "step_size", "step_size_down", "step_size_up",
            "total_iters", "total_steps"}


def refuse_unlike(name: str, own: Mapping[str, Any], saved: Any, count: int) -> None:
    """Refuse saved values that are not those of `own` by name and kind; lists of rates have `count` numbers."""
    if not isinstance(saved, Mapping) or set(saved) != set(own):
        got = sorted(map(str, saved)) if isinstance(saved, Mapping) else described(saved)
        raise ValueError(f"{name}.load_state_dict: expected {sorted(own)}; got {got}")
    for option, value in own.items():
        _check_kind(f"{name}.load_state_dict: `{option}`", value, saved[option])
        if option in _LENGTHS and not saved[option] > 0:
            raise ValueError(f"{name}.load_state_dict: `{option}` must be above 0; got {saved[option]}")
        if "lr" in option and isinstance(value, list) and len(value) == count != len(saved[option]):
            raise ValueError(f"{name}.load_state_dict: `{option}` must be {count} number(s), one for each group; got "
                             f"{described(saved[option])}")


def _check_kind(what: str, own: Any, saved: Any) -> None:
    for kind, wanted, words in _KINDS:
        if isinstance(own, kind):
            if not isinstance(saved, wanted) or isinstance(saved, bool) is not isinstance(own, bool):
                raise ValueError(f"{what} must be {words}; got {described(saved)}")
            break
    if isinstance(own, list) and own:
        for part in saved:
            _check_kind(f"each of {what}", own[0], part)
    if own is None and not isinstance(saved, (numbers.Real, type(None))):
        raise ValueError(f"{what} must be None or a number; got {described(saved)}")
