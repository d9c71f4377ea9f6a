"""Memory statistics of one device, from CuPy's default pool; a memory hook counts the peak."""

from __future__ import annotations

import threading
from typing import Any


class Memory:
    """The statistics of the device `index`, which must be the current one.

    CuPy calls a hook for each allocation and release of the thread that entered it, which costs time.  So counting ends
    when the peak is read, in the thread that began it.
    """

    def __init__(self, cupy: Any, index: int):
        self._pool = cupy.get_default_memory_pool()
        self._peak = 0
        self._counting = threading.local()
        memory = self

        class Peak(cupy.cuda.MemoryHook):
            name = f"gradcore_peak_cuda{index}"
            used = 0

            def malloc_postprocess(self, **call: Any) -> None:
                if call["device_id"] == index and call["mem_ptr"]:
                    self.used += call["mem_size"]
                    memory._peak = max(memory._peak, self.used)

            def free_postprocess(self, **call: Any) -> None:
                if call["device_id"] == index:
                    self.used -= call["mem_size"]

        self._make_hook = Peak

    def stats(self) -> dict[str, int]:
        """Bytes in use by arrays, and bytes reserved by the pool."""
        used = self._pool.used_bytes()
        self._peak = max(self._peak, used)
        return {"allocated": used, "reserved": self._pool.total_bytes()}

    def begin_peak(self) -> None:
        """Start counting from the bytes in use now."""
        self._end_count()
        hook = self._make_hook()
        self._peak = hook.used = self._pool.used_bytes()
        hook.__enter__()
        self._counting.hook = hook

    def peak(self) -> int:
        """The peak of bytes in use since `begin_peak`; stops counting."""
        self._end_count()
        self.stats()
        return self._peak

    def _end_count(self) -> None:
        hook = getattr(self._counting, "hook", None)
        if hook is not None:
            hook.__exit__(None, None, None)
            self._counting.hook = None
