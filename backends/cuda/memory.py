"""Memory figures of one device, kept by CuPy's default pool; the peak is counted by a hook into it."""

from __future__ import annotations

import threading
from typing import Any


class Memory:
    """The figures of the device `index`, which must be the current one.

    CuPy calls a hook in the thread that entered it, for each allocation and each release, and that costs time.  So the
    count ends when it is read, in the thread that began it.
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
        """Bytes in use by arrays, and held from the system."""
        used = self._pool.used_bytes()
        self._peak = max(self._peak, used)
        return {"allocated": used, "reserved": self._pool.total_bytes()}

    def begin_peak(self) -> None:
        """Begin a count anew at what is in use now."""
        self._end_count()
        hook = self._make_hook()
        self._peak = hook.used = self._pool.used_bytes()
        hook.__enter__()
        self._counting.hook = hook

    def peak(self) -> int:
        """The most bytes in use since `begin_peak`; the count ends."""
        self._end_count()
        self.stats()
        return self._peak

    def _end_count(self) -> None:
        hook = getattr(self._counting, "hook", None)
        if hook is not None:
            hook.__exit__(None, None, None)
            self._counting.hook = None
