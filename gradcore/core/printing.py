"""How a tensor prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends.formulas.dtypes import BOOL, DEFAULT_FLOAT, INT64


def text_of(x: Any) -> str:
    """The values, and what the reader cannot see in them: dtype, shape, device, history."""
    values = np.array2string(x.numpy(), separator=", ", prefix="tensor(", precision=4)
    notes = [] if x.dtype in (DEFAULT_FLOAT, INT64, BOOL) else [f"dtype={x.dtype}"]
    notes += [] if x.size or x.shape == (0,) else [f"shape={x.shape}"]
    notes += [] if x.device == "cpu" else [f"device='{x.device}'"]
    if x.grad_fn is not None:
        notes.append(f"grad_fn=<{x.grad_fn.name}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([values, *notes])})"
