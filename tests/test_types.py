"""What tools that read the code without running it say of it, and what type checkers are told."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tensor_stub
from library import ROOT


def test_the_stub_lists_the_members_that_tensors_have():
    assert tensor_stub.STUB.read_text(encoding="utf-8") == tensor_stub.text(), \
        "run `python tests/tensor_stub.py` after a change of the table in gradcore/methods.py"


def test_ruff_finds_nothing():
    pytest.importorskip("ruff", reason="ruff, of the extra `test`, is not installed")
    found = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", ROOT],
                           capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
