"""Tensors that share memory, so that an in-place change of one changes all.

They share one list: the version, which counts in-place changes, followed by weak references to the tensors.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any


def share_memory(view: Any, source: Any) -> None:
    """Register the tensor `view` as sharing the memory of `source`."""
    versions = view._versions = source._versions
    count = len(versions)
    if count == 1:
        versions.append(weakref.ref(source))
    elif not count & (count - 1):  # at each power of two, remove references to deleted tensors
        for known in [known for known in versions[1:] if known() is None]:
            with contextlib.suppress(ValueError):  # another thread has removed it
                versions.remove(known)
    versions.append(weakref.ref(view))


def is_shared(tensor: Any) -> bool:
    """Whether other tensors share the memory of `tensor`."""
    return any(other is not None and other is not tensor for other in [known() for known in tensor._versions[1:]])
