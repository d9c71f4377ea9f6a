"""Programs that fail on one process: `mpiexec -n 2 python tests/distributed_failures.py NAME`."""

from __future__ import annotations

import os
import signal
import sys
import time

import gradcore
from gradcore import distributed

what = sys.argv[1]
distributed.init_process_group(**{"timeout": 1.5} if what == "hang" else {})
rank, x = distributed.get_rank(), gradcore.ones(3)
if what == "calls":
    distributed.broadcast(x, 0) if rank == 0 else distributed.all_reduce(x)
if what == "shapes":
    distributed.all_reduce(gradcore.ones(3 + rank))
if what == "batches":
    for _batch in range(3 - rank):
        distributed.all_reduce(x)
    sys.exit()
if rank == 1:
    if what == "error":
        raise ValueError("a sample that cannot be read")
    if what == "exit":
        sys.exit(3)
    if what == "hang":
        time.sleep(60)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
distributed.all_reduce(x)
