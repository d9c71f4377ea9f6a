"""Stand-ins for PyTorch's `backends.mps` and `backends.cudnn`: never available, and their settings have no effect.

>>> mps.is_available(), cudnn.is_available()
(False, False)
>>> cudnn.benchmark = True
"""

from __future__ import annotations

from typing import Optional


class Absent:
    """A library that is never available; PyTorch's settings for it can be read and set."""

    def __init__(self, **settings: Optional[bool]):
        vars(self).update(settings)

    def is_available(self) -> bool:
        return False

    def is_built(self) -> bool:
        return False


mps = Absent()
cudnn = Absent(enabled=False, benchmark=False, deterministic=True, allow_tf32=False)
