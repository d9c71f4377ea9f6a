"""`mpiexec -n 2 python tests/distributed_run.py FOLDER`: every process makes every check, in the same order.

Each writes to FOLDER how every check went.  With the word "debug" their calls are compared before they are made; with
"nccl" NCCL must be used.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import gradcore
from gradcore import distributed
from gradcore.backends import register

import distributed_checks
import distributed_training_checks
import fake_nccl
from native_compiler import HAS_COMPILER
from strict_backend import DEVICE_TYPE, StrictBackend

CHECKS = {**distributed_checks.CHECKS, **distributed_training_checks.CHECKS}


def main(folder: Path) -> None:
    register(DEVICE_TYPE, lambda device: StrictBackend())
    if not gradcore.cuda.is_available() and HAS_COMPILER:  # the stand-in compiles what it is given
        sys.modules.update(fake_nccl.modules(devices=4))
    distributed.init_process_group("nccl" if "nccl" in sys.argv else "auto", debug="debug" in sys.argv)
    outcomes: dict[str, str] = {}
    for name, function in CHECKS.items():
        try:
            function()
            outcomes[name] = "passed"
        except BaseException:
            outcomes[name] = traceback.format_exc()
            raise
        finally:
            (folder / f"{distributed.get_rank()}.json").write_text(json.dumps(outcomes))
    distributed.destroy_process_group()
    distributed.init_process_group()  # once more, for the end of the program
    distributed.barrier()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
