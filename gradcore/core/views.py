"""Tensors that look at the same memory: changes of one are changes of all.

They have one list in common: the version, which counts the changes, and behind it weak references to the tensors.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any


def share_memory(view: Any, source: Any) -> None:
    """Note that the tensor `view` is one of the memory of `source`."""
    versions = view._versions = source._versions
    count = len(versions)
    if count == 1:
        versions.append(weakref.ref(source))
    elif not count & (count - 1):  # now and then those that are no more are taken out
        for known in [known for known in versions[1:] if known() is None]:
            with contextlib.suppress(ValueError):  # another thread was quicker
                versions.remove(known)
    versions.append(weakref.ref(view))


def is_shared(tensor: Any) -> bool:
    """Whether other tensors are views of the same memory."""
    return any(other is not None and other is not tensor for other in [known() for known in tensor._versions[1:]])
