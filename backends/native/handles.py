"""Passing arrays to native loops."""

from __future__ import annotations

import ctypes
from typing import Callable

import numpy as np


def address(array: np.ndarray) -> int:
    """The memory address of the first element."""
    place: int = array.__array_interface__["data"][0]
    return place


def _objects_hold_their_data() -> bool:
    """Whether `id` is an object's address and a NumPy array's data pointer follows the object header.

    This holds in CPython, where the array struct is part of NumPy's ABI.  It matters because getting an array's address
    in Python takes longer than a small kernel.
    """
    array = np.empty(3, np.float32)
    try:
        return ctypes.c_void_p.from_address(id(array) + object.__basicsize__).value == address(array)
    except Exception:
        return False


# data<T>(handle): the address of the elements of an array, from its `handle`.
_DATA = "template <class T> inline T* data(void* handle) {{ return {}; }}\n"
DATA_OF_ADDRESS = _DATA.format("(T*)handle")

if _objects_hold_their_data():
    handle: Callable[[np.ndarray], int] = id
    DATA = _DATA.format(f"*(T**)((char*)handle + {object.__basicsize__})")
else:
    handle, DATA = address, DATA_OF_ADDRESS
