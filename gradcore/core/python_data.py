"""The dtypes and values of Python numbers and nested lists, for new tensors."""

from __future__ import annotations

from typing import Any, Iterable, Optional

import numpy as np

from ..backends.formulas.dtypes import DEFAULT_FLOAT, as_dtype, kind_of


def dtype_of_numbers(data: Any, infer: bool = False) -> np.dtype:
    """The dtype for Python numbers and lists: float32, or with `infer` that of their values."""
    values = plain(data)
    try:
        probe = np.asarray(values)
    except ValueError:  # lists of several lengths
        probe = np.asarray(None)
    if probe.dtype.kind == "O":
        raise TypeError(f"a tensor holds numbers of at most 64 bits, in a regular shape; got {type(data).__name__} "
                        f"{data!r:.80}")
    if probe.dtype.kind not in "biuf":
        raise TypeError(f"tensors hold booleans, integers and floats; got {probe.dtype} data, {data!r:.60}")
    if not infer:
        return DEFAULT_FLOAT
    if probe.dtype.kind != "f":
        return probe.dtype
    return np.result_type(*[dtype for dtype in _dtypes_in(values) if dtype.kind == "f"] or [DEFAULT_FLOAT])


def asked_dtype(data: Any, dtype: Any, infer: bool = False) -> Optional[np.dtype]:
    """The dtype of a new tensor of `data`: `dtype`, else that of the numbers; None keeps the dtype of an array."""
    asked = None if dtype is None else as_dtype(dtype)
    if hasattr(data, "dtype") and not isinstance(data, type):
        kind_of(data.dtype)
        return asked
    found = dtype_of_numbers(data, infer)
    return found if asked is None else asked


def plain(data: Any) -> Any:
    """Nested lists with tensors replaced by NumPy arrays."""
    if isinstance(data, (list, tuple)):
        return [plain(part) for part in data]
    return data.numpy() if hasattr(data, "numpy") and not isinstance(data, type) else data


def _dtypes_in(data: Any) -> set[np.dtype]:
    """The dtypes of arrays in nested lists; Python floats count as float32."""
    if isinstance(data, (list, tuple)):
        return set().union(*map(_dtypes_in, data))
    if hasattr(data, "dtype") and not isinstance(data, type):
        return {data.dtype}
    return {DEFAULT_FLOAT} if isinstance(data, float) else set()


def of_kind(kind: Any, parts: Iterable[Any]) -> Any:
    """A tuple or list of a class, which may be a named tuple's, that holds `parts`."""
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
