"""NumPy's .npz format: a zip archive of .npy files, with the structure in another file.

`numpy.load` opens it too.  Nothing in it is pickled, and nothing that is pickled is read.
"""

from __future__ import annotations

import io
import json
import lzma
import math
import zipfile
import zlib
from typing import Any, BinaryIO

import numpy as np

from .structure import FOREIGN, Packed

STRUCTURE = "structure.json"
_NAME_AT = 30  # where the name stands in an entry
_LONGEST_HEADER = 1 << 14  # NumPy reads none of more than 10,000 characters
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def write(file: BinaryIO, packed: Packed) -> None:
    """Write an archive."""
    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
    try:
        archive.writestr(STRUCTURE, json.dumps(packed.tree))
        for name, array in packed.arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array, order="C"), allow_pickle=False)
        archive.close()
    finally:
        archive.fp = None  # else it is closed when it dies, and would be whole to look at where something is missing


def read(file: BinaryIO) -> tuple[Any, dict[str, np.ndarray]]:
    """The tree (None for files of NumPy itself) and the arrays of an archive.

    Raises
    ------
    ValueError : the file is damaged, or something in it is pickled.
    """
    start = file.tell()
    head = file.read(_NAME_AT + len(STRUCTURE))
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            _check_names(archive, head)
            if min([entry.header_offset for entry in archive.infolist()], default=start) != start:
                raise ValueError("something else lies before the last archive in it; a file holds one saved value")
            if any(name.endswith(".pkl") for name in names):
                raise ValueError("it is pickled, as torch.save writes it, and to unpickle it would be to run the code "
                                 "in it. In PyTorch, safetensors.torch.save_file(state_dict, path) writes what can be "
                                 "loaded")
            tree = json.loads(archive.read(STRUCTURE)) if STRUCTURE in names else FOREIGN
            return tree, {name[:-len(".npy")]: _array(archive, name) for name in names if name.endswith(".npy")}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, json.JSONDecodeError, UnicodeDecodeError, RuntimeError,
            EOFError, OSError) as error:
        raise ValueError(f"it is damaged or was cut off ({error})") from error


def _check_names(archive: zipfile.ZipFile, head: bytes) -> None:
    """Refuse an archive whose table of contents, which has no checksum, lacks an entry that is there.

    Without that of the structure, all others would look like a file of NumPy.
    """
    names = archive.namelist()
    if STRUCTURE not in names and head[_NAME_AT:] == STRUCTURE.encode() or not names and head.startswith(b"PK\3\4"):
        raise ValueError("it is damaged: its table of contents lacks what the file begins with")
    for name in names:
        if not name.endswith(".npy"):  # the others are read anyway
            archive.open(name).close()  # raises BadZipFile where the entry has another name


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as entry:
        head = io.BytesIO(entry.read(_LONGEST_HEADER))  # whatever length it claims
        version = np.lib.format.read_magic(head)
        if version not in _HEADERS:
            raise ValueError(f"{name} is of version {version} of the .npy format; known are {sorted(_HEADERS)}")
        try:
            shape, is_fortran, dtype = _HEADERS[version](head)
        except Exception as error:  # NumPy reads it as Python, whose parser raises of all kinds
            raise ValueError(f"{name} has a header that NumPy does not read ({error})") from error
        entry.seek(head.tell())
        if dtype.kind not in "biuf":
            raise ValueError(f"{name} holds {dtype}" + (", pickled objects" if dtype.hasobject else "")
                             + "; numbers and truth values are loaded, no code")
        size = math.prod(shape) * dtype.itemsize
        if not 0 <= size <= archive.getinfo(name).file_size:
            raise ValueError(f"{name} is shorter than its shape {shape} says")
        array: np.ndarray = np.empty(math.prod(shape), dtype)
        stream: Any = entry  # of zipfile's own class, which reads whole blocks in this way
        if io.BufferedIOBase.readinto(stream, array.view(np.uint8).data if array.size else bytearray()) != size \
                or entry.read(1):
            raise ValueError(f"{name} is not as long as its shape {shape} says")
    return array.reshape(shape, order="F" if is_fortran else "C")
