"""The .safetensors format, which PyTorch checkpoints also use: arrays by name, and metadata.

A state that is nested keeps its structure in that text, under the name "gradcore".
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

import numpy as np

from .structure import FOREIGN, Packed

_METADATA, _KEY = "__metadata__", "gradcore"
_DTYPES = {"BOOL": "?", "U8": "<u1", "I8": "<i1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "U16": "<u2",
           "U32": "<u4", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError('files that end in .safetensors need the library safetensors, which is not installed: pip '
                          'install safetensors, or save under a name that ends in .npz') from error
    return safetensors


def looks_like_one(head: bytes) -> bool:
    """Whether a file begins like this format: the length of a header, below 2^32 bytes, then JSON."""
    return head[4:9] == b"\0\0\0\0{"


def write(file: BinaryIO, packed: Packed) -> None:
    """Write a file; a flat dict of tensors can be read by any library."""
    arrays = {name: np.asarray(array, array.dtype.newbyteorder("="), order="C")
              for name, array in packed.arrays.items()}
    metadata = None if _is_flat(packed) else {_KEY: json.dumps(packed.tree)}
    file.write(_library().numpy.save(arrays, metadata=metadata))


def _is_flat(packed: Packed) -> bool:
    """Whether the names alone describe the structure: a dict of CPU tensors that do not require a gradient.

    They lie in the file in the order of their dtypes and names, which must be that of the dict.
    """
    pairs = packed.tree.get("dict", ()) if isinstance(packed.tree, dict) else ()
    is_in_order = sorted(packed.arrays) == list(packed.arrays) and len({x.dtype for x in packed.arrays.values()}) == 1
    return bool(pairs) and is_in_order and all(value == {"tensor": key, "device": "cpu", "requires_grad": False}
                               for key, value in pairs)


def read(file: BinaryIO) -> tuple[Any, dict[str, np.ndarray]]:
    """The tree (FOREIGN where another library wrote the file) and the arrays of a file.

    bfloat16, which tensors cannot hold, becomes float32, of which it is the first half.
    """
    library, contents = _library(), file.read()
    try:
        entries = dict(library.deserialize(contents))  # in any order
        (length,) = struct.unpack("<Q", contents[:8])
        header = json.loads(contents[8:8 + length])
        text = header.pop(_METADATA, {}).get(_KEY)
        tree = FOREIGN if text is None else json.loads(text)
    except (library.SafetensorError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"it is damaged or was cut off ({error})") from error
    return tree, {name: _array(name, entries[name]) for name in header}


def _array(name: str, entry: Any) -> np.ndarray:
    kind, shape, data = entry["dtype"], tuple(entry["shape"]), entry["data"]
    if kind == "BF16":
        upper = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return upper.view(np.float32).reshape(shape)
    if kind not in _DTYPES:
        raise ValueError(f"{name} holds {kind}, which tensors cannot; known are BF16, {', '.join(_DTYPES)}")
    return np.frombuffer(data, _DTYPES[kind]).reshape(shape)
