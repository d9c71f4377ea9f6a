"""What tools that read the code without running it say of it, and what type checkers are told."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

import tensor_stub
from library import ROOT


def test_the_stub_lists_the_members_that_tensors_have():
    assert tensor_stub.STUB.read_text(encoding="utf-8") == tensor_stub.text(), \
        "run `python tests/tensor_stub.py` after a change of the table in gradcore/methods.py"


def test_all_public_names_are_listed():
    assert tensor_stub.all_names() in tensor_stub.INIT.read_text(encoding="utf-8"), \
        "run `python tests/tensor_stub.py` after a change of what gradcore imports"


def test_a_users_script_is_typed(tmp_path):
    """The library lies in a copy, where a type checker finds `backends` inside of it, as in an installed one."""
    pytest.importorskip("mypy", reason="mypy, of the extra `test`, is not installed")
    for source, target in (("gradcore", "gradcore"), ("backends", "gradcore/backends")):
        shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
    right, wrong = (ROOT / "tests" / "typed_script.py").read_text(encoding="utf-8"), "gradcore.zeros(2).exq()\n"
    for text, status in ((right, 0), (right + wrong, 1)):
        (tmp_path / "script.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", "script.py"]
        checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert checked.returncode == status, checked.stdout + checked.stderr
    assert '"Tensor" has no attribute "exq"' in checked.stdout


def test_ruff_finds_nothing():
    pytest.importorskip("ruff", reason="ruff, of the extra `test`, is not installed")
    found = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", ROOT],
                           capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
