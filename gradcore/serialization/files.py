"""`save` and `load` for all formats."""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO, Callable, Mapping, Optional, Union, cast

from ..backends import BackendUnavailable, Device, get_backend
from ..core.tensor import DeviceLike, Tensor, tensor
from . import npz, safetensors_file
from .atomic import write_whole
from .structure import FOREIGN, Packed, unpacked

MapLocation = Union[DeviceLike, Mapping[str, str], Callable[[Tensor, str], Any]]


def save(obj: Any, f: Union[str, os.PathLike[str], BinaryIO]) -> None:
    """Save tensors, arrays, numbers, strings, None, and dicts, lists and tuples of them to a file.

    A name that ends in .safetensors makes a file of that format, any other one in NumPy's .npz.  The file is written
    beside an older one of its name and takes its place when it is complete.

    Parameters
    ----------
    obj : to resume a training, for example ``{"model": model.state_dict(), "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(), "data": loader.state_dict(), "random": gradcore.get_rng_state()}``.
    f : a path, or a binary file.

    Raises
    ------
    TypeError : `obj` contains something else, whose position is given; no file has changed.

    >>> save({"weight": tensor([1.0, 2.0]), "epoch": 3}, "state.npz")
    >>> load("state.npz")
    {'weight': tensor([1., 2.]), 'epoch': 3}
    """
    packed = Packed(obj)
    if hasattr(f, "write"):
        npz.write(cast(BinaryIO, _Stream(f)), packed)
        return
    path = os.fsdecode(f)
    form = safetensors_file if path.endswith(".safetensors") else npz
    write_whole(path, lambda file: form.write(file, packed))


def load(f: Union[str, os.PathLike[str], BinaryIO], map_location: MapLocation = None, *,
         weights_only: bool = True) -> Any:
    """The contents of a file written by `save`, or the tensors of another library's .safetensors or .npz file by name.

    Parameters
    ----------
    f : a path, or a binary file.
    map_location : where tensors go: a device, a dict from saved devices to others, or a function of a tensor on the
        CPU and its saved device that returns the moved tensor.  By default they go to their saved device, or to the CPU
        if that cannot be used; those of other libraries go to the default device.
    weights_only : accepted for compatibility with PyTorch; code is never run.

    Raises
    ------
    ValueError : the file is damaged, was cut off, is pickled, or is of another kind.

    >>> from gradcore import serialization
    >>> serialization.save({"weight": Tensor([1.0, 2.0]), "epoch": 3}, "state.npz")
    >>> load("state.npz")
    {'weight': tensor([1., 2.]), 'epoch': 3}
    """
    if hasattr(f, "read"):
        return _loaded(cast(BinaryIO, f), getattr(f, "name", "the file"), map_location)
    path = os.fsdecode(f)
    with open(path, "rb") as file:
        return _loaded(file, path, map_location)


class _Stream:
    """A sequential output file: not every open file is seekable."""

    def __init__(self, file: Any):
        self.write = file.write
        self.flush = getattr(file, "flush", lambda: None)


def _loaded(file: BinaryIO, name: Any, map_location: MapLocation) -> Any:
    if not (hasattr(file, "seekable") and file.seekable()):
        file = io.BytesIO(file.read())
    if isinstance(file, io.TextIOBase):
        raise TypeError(f"gradcore.load: {name!r} must be open in binary mode ('rb'), not in text mode")
    start = file.tell()
    head = file.read(9)
    file.seek(start)
    try:
        tree, arrays = _format(head).read(file)
        if tree is FOREIGN:
            return {key: _placed(array, None, map_location) for key, array in arrays.items()}
        return unpacked(tree, arrays, lambda array, device: _placed(array, device, map_location))
    except ValueError as error:
        raise ValueError(f"gradcore.load: {name!r} cannot be loaded: {error}") from error


def _format(head: bytes) -> Any:
    if safetensors_file.looks_like_one(head):  # the first: it begins with a number, which may look like the others
        return safetensors_file
    if head[:2] == b"PK":
        return npz
    if head[:1] == b"\x80":
        raise ValueError("it is pickled, and unpickling runs code")
    raise ValueError("it is empty" if not head else f"it is no .npz and no .safetensors file (it begins with {head!r})")


def _placed(array: Any, saved: Optional[str], map_location: MapLocation) -> Tensor:
    """A tensor of an array that was on the device `saved` (None: unknown), where `map_location` wants it."""
    if callable(map_location):
        placed = map_location(tensor(array, device="cpu"), saved or "cpu")
        if not (placed is None or isinstance(placed, Tensor)):
            raise ValueError(f"the function map_location must return a tensor, or None for where it was; it has "
                             f"returned {type(placed).__name__}")
        return _placed(array, saved, None) if placed is None else placed
    if isinstance(map_location, Mapping):
        map_location = map_location.get(saved or "", saved)
    elif map_location is None:
        map_location = _usable(saved)
    return tensor(array, device=get_backend(map_location).device)


def _usable(saved: Optional[str]) -> Optional[Device]:
    try:
        return get_backend(saved).device
    except (BackendUnavailable, ValueError):
        return get_backend("cpu").device
