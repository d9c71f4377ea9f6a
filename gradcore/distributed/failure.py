"""Termination: an error in one process must not leave the others waiting for it."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any, Callable, Optional

import numpy as np

from .line import Line

_POLL = 0.25  # seconds between checks for processes that have left
_POLL_AT_END = 0.01
_PATIENCE = 1.0  # seconds for which a process waits for one that has left, before all are ended


class Guard:
    """Ends all processes if one fails, or if one waits for another that has left.

    `comm` is a communicator of mpi4py for messages of processes that leave; `line` runs and counts the collective
    operations.  Without `has_thread` these messages are not checked while the program runs.
    """

    def __init__(self, mpi: Any, comm: Any, line: Line, has_thread: bool, timeout: Optional[float] = None):
        self._mpi, self._comm, self._line, self._timeout = mpi, comm, line, timeout
        self._left: dict[int, int] = {}  # by rank, the number of operations started by a process that has left
        self._stop = threading.Event()
        self._hook: Callable[..., Any] = sys.excepthook
        sys.excepthook = self._failed
        self._thread = threading.Thread(target=self._watch, name="gradcore_guard", daemon=True)
        if has_thread and comm.size > 1:
            self._thread.start()

    def _failed(self, kind: type, error: BaseException, traceback: TracebackType | None) -> None:
        print(f"rank {self._comm.rank} of {self._comm.size} failed, and all processes are ended:", file=sys.stderr)
        self._hook(kind, error, traceback)
        self._end_all()

    def _end_all(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._comm.Abort(1)

    def _watch(self) -> None:
        while not self._stop.wait(_POLL):
            self._read_notes()
            waiting = self._line.now
            waited = 0.0 if waiting is None else time.monotonic() - waiting.begin
            if waiting is not None and self._timeout is not None and waited > self._timeout:
                self._refuse_to_wait(f"has waited in {waiting.name} for {waited:.0f} s, the timeout: another process "
                                     f"hangs, or makes other collective calls.")
            if waiting is not None and waited > _PATIENCE:
                missing = [rank for rank, count in self._left.items() if count < waiting.number]
                if missing:
                    self._refuse_to_wait(f"waits in {waiting.name} for rank {', '.join(map(str, missing))}, which has "
                                         f"left: its program ended early, or it made fewer collective calls (as with "
                                         f"fewer batches).")

    def _read_notes(self) -> None:
        while self._comm.Iprobe():
            status, count = self._mpi.Status(), np.zeros(1, np.int64)
            self._comm.Recv(count, status=status)
            self._left[status.Get_source()] = int(count[0])

    def _refuse_to_wait(self, reason: str) -> None:
        print(f"rank {self._comm.rank} of {self._comm.size} {reason} All processes are ended. "
              f"GRADCORE_DISTRIBUTED_DEBUG=1 names the call in which they differ", file=sys.stderr)
        self._end_all()

    def leave(self) -> None:
        """Tell the others that this process makes no more collective calls, and wait until all have said so."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        note, others = np.array([self._line.count]), [r for r in range(self._comm.size) if r != self._comm.rank]
        sent = [self._comm.Isend(note, rank) for rank in others]
        while len(self._left) < len(others):
            self._read_notes()
            time.sleep(_POLL_AT_END)
        self._mpi.Request.Waitall(sent)
        if sys.excepthook == self._failed:
            sys.excepthook = self._hook
