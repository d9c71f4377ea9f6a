"""How arrays are handed over to a native loop."""

from __future__ import annotations

import ctypes
from typing import Callable

import numpy as np


def address(array: np.ndarray) -> int:
    """Where the first element is in memory."""
    place: int = array.__array_interface__["data"][0]
    return place


def _objects_hold_their_data() -> bool:
    """Whether `id` is an object's address and the data pointer of a NumPy array follows the object's head.

    That is so in CPython, since the structure of arrays is part of NumPy's binary interface; it is tried out
    because the alternative, to ask an array for its address in Python, takes longer than a small kernel.
    """
    array = np.empty(3, np.float32)
    try:
        return ctypes.c_void_p.from_address(id(array) + object.__basicsize__).value == address(array)
    except Exception:
        return False


# data<T>(handle): where the elements are of the array whose `handle` a loop was given.
_DATA = "template <class T> inline T* data(void* handle) {{ return {}; }}\n"
DATA_OF_ADDRESS = _DATA.format("(T*)handle")

if _objects_hold_their_data():
    handle: Callable[[np.ndarray], int] = id
    DATA = _DATA.format(f"*(T**)((char*)handle + {object.__basicsize__})")
else:
    handle, DATA = address, DATA_OF_ADDRESS
