"""Starting a program on several processes, for tests: by the mpiexec of the MPI that mpi4py has loaded."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional, Union

import pytest

from library import ROOT

_TIMEOUT = 120  # seconds; no program takes more than a few


def _starter() -> Optional[str]:
    """mpiexec of a wheel, beside Python; else that of the system, whose MPI mpi4py then uses too."""
    return shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")


def _why_no_mpi() -> Optional[str]:
    if importlib.util.find_spec("mpi4py") is None:
        return "mpi4py is not installed; it is part of the extras `mpi` and `test`"
    return None if _starter() else "there is no mpiexec, neither beside Python nor on the PATH"


needs_mpi = pytest.mark.skipif(_why_no_mpi() is not None, reason=f"no MPI: {_why_no_mpi()}")


def start(processes: int, program: Union[Path, str], *arguments: Any,
          **environment: str) -> subprocess.CompletedProcess:
    """Run a program, a file or the name of a module, on several processes; its exit status and what all printed."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    run = ["-m", program] if isinstance(program, str) else [str(program)]
    command = [str(_starter()), "-n", str(processes), sys.executable, *run, *map(str, arguments)]
    # A session of its own: the starter's children end with it where the time is up.
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, start_new_session=True,
                          env={**os.environ, "PYTHONPATH": path, **environment}) as running:
        try:
            out, err = running.communicate(timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            out, err = running.communicate()
            pytest.fail(f"{program} hung on {processes} processes\n{out}{err}")
    return subprocess.CompletedProcess(command, running.returncode, out, err)


def results(folder: Path, processes: int) -> list[dict[str, Any]]:
    """What each process has written."""
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]
