"""The text and HTML representations of modules."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any, Callable, Optional


def printed(module: Any, usual: Callable[..., Any], path: str = "", places: Optional[dict[Any, Any]] = None) -> str:
    """The text of a module; `places` has the paths of modules that are already printed.

    Modules with a `__repr__` other than the `usual` one print themselves.
    """
    places = {} if places is None else places
    places[module] = path
    name, options = type(module).__name__, module.extra_repr()
    children = {key: child for key, child in module._modules.items() if child is not None}
    blocks = [(key, _child(child, usual, f"{path}.{key}" if path else key, places)) for key, child in children.items()]
    if not blocks:
        return f"{name}({options})"
    lines = _grouped(blocks) if getattr(module, "prints_repeated_once", False) else [f"({k}): {t}" for k, t in blocks]
    return "\n".join([f"{name}(", textwrap.indent("\n".join([options] * bool(options) + lines), "  "), ")"])


def _child(child: Any, usual: Callable[..., Any], path: str, places: dict[Any, Any]) -> str:
    if child in places:
        return f"{type(child).__name__}, the same as {f'({places[child]})' if places[child] else 'the whole'}"
    return printed(child, usual, path, places) if type(child).__repr__ is usual else repr(child)


def _grouped(blocks: list[tuple[str, str]]) -> list[str]:
    """A line for each run of equal modules, such as "(0-3): 4 x Linear(...)"."""
    lines = []
    for text, run in itertools.groupby(blocks, key=lambda block: block[1]):
        keys = [key for key, _ in run]
        lines.append(f"({keys[0]}): {text}" if len(keys) == 1 else f"({keys[0]}-{keys[-1]}): {len(keys)} x {text}")
    return lines


def html_of(module: Any, name: str = "", path: str = "", places: Optional[dict[Any, Any]] = None) -> str:
    """The HTML of notebooks: collapsible modules, with their parameters and parameter counts."""
    from html import escape

    places = {} if places is None else places
    title = escape(f"({name}) " if name else "") + f"<b>{type(module).__name__}</b>({escape(module.extra_repr())})"
    if module in places:
        return f"<div>{title}, the same as {escape(places[module] or 'the whole')}</div>"
    places[module] = path
    count = sum(parameter.numel() for parameter in module.parameters())
    title += f" <small>{count:,} parameter{'' if count == 1 else 's'}</small>" if count else ""
    lines = [f"<li><code>{escape(key)}</code> {' × '.join(map(str, value.shape)) or 'a number'} {value.dtype} on "
             f"{value.device}{'' if value.requires_grad else ', not learned'}</li>"
             for key, value in (*module._parameters.items(), *module._buffers.items()) if value is not None]
    lines += [f"<li>{html_of(child, key, f'{path}.{key}' if path else key, places)}</li>"
              for key, child in module._modules.items() if child is not None]
    if not lines:
        return f"<div>{title}</div>"
    return f"<details{' open' if not path else ''}><summary>{title}</summary><ul>{''.join(lines)}</ul></details>"
