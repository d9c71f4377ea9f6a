"""The state of modules: parameters and buffers by path."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from ..backends import backend_of
from ..core.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """The result of `Module.load_state_dict`: names missing in the state, and unexpected names in the state."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


EXTRA = "_extra_state"  # the name of a module's extra state


def read(module: Any, prefix: str, keep_vars: bool) -> dict[str, Any]:
    """The state of a module and its descendants: see `Module.state_dict`."""
    state: dict[str, Any] = {}
    open_parts: list[tuple[str, Any]] = []  # the ancestors of the current module
    for path, part in module.named_modules(None, prefix.removesuffix("."), remove_duplicate=False):
        _finish(open_parts, path, state)
        open_parts.append((path, part))
        start = f"{path}." if path else ""
        for hook in _hooks_of(part, "state_pre"):
            hook(part, start, keep_vars)
        kept = {name: buffer for name, buffer in part._buffers.items() if name not in part._transient}
        for name, tensor in {**part._parameters, **kept}.items():
            if tensor is not None:
                state[start + name] = tensor if keep_vars else tensor.detach()
        if keeps_more(part):
            state[start + EXTRA] = part.get_extra_state()
    _finish(open_parts, None, state)
    return state


def _finish(open_parts: list[tuple[str, Any]], path: Optional[str], state: dict[str, Any]) -> None:
    """Call the hooks of modules that have been read completely: those that are not ancestors of `path`."""
    while open_parts and (path is None or not _is_inside(path, open_parts[-1][0])):
        place, part = open_parts.pop()
        for hook in _hooks_of(part, "state"):
            hook(part, state, f"{place}." if place else "", {})


def _is_inside(path: str, place: str) -> bool:
    return not place or path.startswith(f"{place}.")


def keeps_more(module: Any) -> bool:
    """Whether a module has a state beside tensors: it defines `get_extra_state`."""
    return hasattr(type(module), "get_extra_state")


def _hooks_of(module: Any, kind: str) -> list[Callable[..., Any]]:
    return list(module._hooks.of_kind[kind].values()) if module._hooks is not None else []


def load_into(module: Any, state: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Load a state and call the hooks of its modules: see `Module.load_state_dict`."""
    name = type(module).__name__
    if not isinstance(state, Mapping) and not hasattr(state, "keys"):
        raise TypeError(f"{name}.load_state_dict takes a mapping of names to tensors; got {type(state).__name__}")
    modules = list(module.named_modules(remove_duplicate=False))
    given = {key: state[key] for key in state.keys()}
    messages: list[str] = []
    for path, part in modules:
        for hook in _hooks_of(part, "load_pre"):
            hook(part, given, f"{path}." if path else "", {}, strict, [], [], messages)
    if messages:
        raise ValueError(f"the state does not fit {name}: {'; '.join(messages)}")
    own = read_tensors(modules)
    extra = {(f"{path}." if path else "") + EXTRA: part for path, part in modules if keeps_more(part)}
    keys = load(own, given, strict, name, extra)
    if assign:
        for key in own:
            if key in given:
                _assign(module, key, given[key])
    for key, part in extra.items():
        if key in given:
            part.set_extra_state(given[key])
    for _, part in reversed(modules):
        for hook in _hooks_of(part, "load"):
            hook(part, keys)
    return keys


def read_tensors(modules: Sequence[tuple[str, Any]]) -> dict[str, Tensor]:
    """The module's own tensors that are part of its state."""
    return {(f"{path}." if path else "") + name: tensor for path, part in modules
            for name, tensor in {**part._parameters, **part._buffers}.items()
            if tensor is not None and name not in part._transient}


def _assign(module: Any, key: str, value: Any) -> None:
    """Make a tensor of the state the module's own, instead of copying its values."""
    path, _, name = key.rpartition(".")
    part = module.get_submodule(path)
    own = getattr(part, name)
    if name in part._parameters and not isinstance(value, type(own)):
        value = type(own)(value, own.requires_grad)
    setattr(part, name, value)


def load(own: Mapping[str, Tensor], state: Mapping[str, Any], strict: bool, name: str,
         extra: Mapping[str, Any] = {}) -> IncompatibleKeys:
    """Check the values of `state`, then write them to the tensors `own`."""
    given = list(state.keys())
    missing = [key for key in (*own, *extra) if key not in given]
    unknown = [key for key in given if key not in own and key not in extra]
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
    """A tensor or device array unchanged; other values (lists, tensors of other libraries) as NumPy arrays."""
    if isinstance(value, Tensor) or backend_of(value) is not None:
        return value
    try:
        return np.asarray(value)
    except ValueError:  # lists of several lengths
        return np.asarray(None)


def _misfit(key: str, value: Any, own: Tensor) -> list[str]:
    if value.dtype.kind not in "biuf":
        return [f"{key} holds {value.dtype}, no numbers"]
    return [f"{key} has shape {tuple(value.shape)}, not {own.shape}"] * (tuple(value.shape) != own.shape)
