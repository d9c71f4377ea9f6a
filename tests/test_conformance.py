"""The checks of `gradcore.testing` on each backend here, and that others can run them by one command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from gradcore.testing import test_interface, test_kernels, test_tensors
from gradcore.testing.test_interface import *  # noqa: F401, F403
from gradcore.testing.test_kernels import *  # noqa: F401, F403
from gradcore.testing.test_tensors import *  # noqa: F401, F403
from library import ROOT


def test_no_check_hides_another():
    names = [name for module in (test_interface, test_kernels, test_tensors) for name, member in vars(module).items()
             if name.startswith("test_") and member.__module__ == module.__name__]
    assert len(set(names)) == len(names) and set(names) <= set(globals())


FAULTY = """
from gradcore.backends import NumPyBackend, philox, register

class Faulty(NumPyBackend):
    def __init__(self, device):
        super().__init__()
        self.device = device

    def owns(self, array):
        return False

    def random(self, place, shape, dtype):
        return super().random(place._replace(offset=place.offset + 1), shape, dtype)

register("faulty", Faulty)
"""


def _run(device: str, *arguments: str, path: Path = ROOT) -> subprocess.CompletedProcess:
    environment = {**os.environ, "GRADCORE_DEVICE": device, "PYTHONPATH": os.pathsep.join([str(ROOT), str(path)])}
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs",
                           "gradcore.testing", *arguments], capture_output=True, text=True, env=environment, cwd=path)


def test_the_command_runs_the_checks_on_the_device_that_is_named():
    done = _run("cpu", "-k", "registry or memory or dtypes_of")
    assert done.returncode == 0 and re.search(r"^1\d passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_the_command_finds_a_fault(tmp_path):
    (tmp_path / "faulty_device.py").write_text(FAULTY)
    done = _run("faulty", "-p", "faulty_device", "-k", "random_numbers or operations_and", path=tmp_path)
    failed = set(re.findall(r"FAILED \S+::(\S+)", done.stdout))
    assert {"test_random_numbers_are_numpys_stream[float32]", "test_operations_and_their_gradients[dropout]"} <= failed
    assert "test_operations_and_their_gradients[mean]" not in failed, done.stdout
