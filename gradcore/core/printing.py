"""The text and HTML representations of tensors."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from ..backends.formulas.dtypes import BOOL, DEFAULT_FLOAT, INT64


_EDGE = 5  # rows or columns shown at either end of a long table


def text_of(x: Any) -> str:
    """The `repr`: the values, with dtype, shape, device and history if they are not the default."""
    values = np.array2string(x.numpy(), separator=", ", prefix="tensor(", precision=4)
    notes = [] if x.dtype in (DEFAULT_FLOAT, INT64, BOOL) else [f"dtype={x.dtype}"]
    notes += [] if x.size or x.shape == (0,) else [f"shape={x.shape}"]
    notes += [] if x.device == "cpu" else [f"device='{x.device}'"]
    return f"tensor({', '.join([values, *notes, *_history(x)])})"


def _history(x: Any) -> list[str]:
    if x.grad_fn is not None:
        return [f"grad_fn=<{x.grad_fn.name}>"]
    return ["requires_grad=True"] if x.requires_grad else []


def html_of(x: Any) -> str:
    """The HTML of notebooks: vectors and matrices as tables, others as text, with dtype, shape and device."""
    from html import escape

    sizes = " × ".join(map(str, x.shape)) or "a number"
    notes = escape(", ".join([f"{x.dtype}", sizes, f"{x.device}", *_history(x)]))
    if x.ndim not in (1, 2) or not x.size:
        values = np.array2string(x.numpy(), separator=", ", precision=4)
        return f"<div><pre>{escape(values)}</pre><small>{notes}</small></div>"
    rows = x.numpy().reshape(-1, x.shape[-1])
    lines = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in _shown(row, _as_text))}</tr>" if row is not None else
             "<tr><td>…</td></tr>" for row in _shown(rows, lambda row: row, None)]
    return f"<div><table>{''.join(lines)}</table><small>{notes}</small></div>"


def _shown(parts: Any, make: Callable[..., Any], gap: Any = "…") -> list[Any]:
    """`make(part)` for each part, or for the parts at both ends with a gap between them."""
    if len(parts) <= 2 * _EDGE + 1:
        return list(map(make, parts))
    return [*map(make, parts[:_EDGE]), gap, *map(make, parts[-_EDGE:])]


def _as_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, np.floating) else str(value)
