"""The state of modules: parameters and buffers by their paths, read and loaded."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

import numpy as np

from ..backends import backend_of
from ..core.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` returns: names that only the module has, and names that only the state has."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load(own: Mapping[str, Tensor], state: Mapping[str, Any], strict: bool, name: str) -> IncompatibleKeys:
    """Write the values of `state` to the tensors `own`, after everything has been checked."""
    if not isinstance(state, Mapping) and not hasattr(state, "keys"):
        raise TypeError(f"{name}.load_state_dict takes a mapping of names to tensors; got {type(state).__name__}")
    given = list(state.keys())
    missing = [key for key in own if key not in given]
    unknown = [key for key in given if key not in own]
    problems = [f"missing: {', '.join(missing)}"] * bool(strict and missing)
    problems += [f"unknown: {', '.join(map(str, unknown))}"] * bool(strict and unknown)
    values = {key: _value(state[key]) for key in own if key in given}
    problems += [problem for key, value in values.items() for problem in _misfit(key, value, own[key])]
    if problems:
        raise ValueError(f"the state does not fit {name}: {'; '.join(problems)}")
    for key, value in values.items():
        own[key].detach().copy_(value)
    return IncompatibleKeys(missing, unknown)


def _value(value: Any) -> Any:
    """A tensor or an array of a device as it is, all else (lists, tensors of other libraries) as a NumPy array."""
    return value if isinstance(value, Tensor) or backend_of(value) is not None else np.asarray(value)


def _misfit(key: str, value: Any, own: Tensor) -> list[str]:
    if tuple(value.shape) != own.shape:
        return [f"{key} has shape {tuple(value.shape)}, not {own.shape}"]
    if value.dtype.kind not in "biuf":
        return [f"{key} holds {value.dtype}, no numbers"]
    return []
