"""What tools that read the code without running it say of it, and what type checkers are told."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tensor_stub
from library import ROOT


def test_the_stub_lists_the_members_that_tensors_have():
    assert tensor_stub.STUB.read_text(encoding="utf-8") == tensor_stub.text(), \
        "run `python tests/tensor_stub.py` after a change of the table in gradcore/methods.py"


def test_all_public_names_are_listed():
    assert tensor_stub.all_names() in tensor_stub.INIT.read_text(encoding="utf-8"), \
        "run `python tests/tensor_stub.py` after a change of what gradcore imports"


def test_type_checkers_are_told_that_there_are_annotations():
    """The marker of PEP 561 is in the checkout and in the package data of a wheel."""
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / "setup.cfg", encoding="utf-8")
    assert "py.typed" in configuration["options.package_data"]["gradcore"].split()
    marker = ROOT / "gradcore" / "py.typed"
    assert marker.is_file() and not marker.read_bytes()  # anything in it would mean "partial"


def check_types(folder: Path, *command: str) -> subprocess.CompletedProcess:
    """mypy's report of the library, which lies in a copy where `backends` is inside of it, as in an installed one."""
    pytest.importorskip("mypy", reason="mypy, of the extra `test`, is not installed")
    for source, target in (("gradcore", "gradcore"), ("backends", "gradcore/backends")):
        shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"),
                        dirs_exist_ok=True)
    return subprocess.run([sys.executable, "-m", "mypy", *command], cwd=folder, capture_output=True, text=True)


def test_a_users_script_is_typed(tmp_path):
    right, wrong = (ROOT / "tests" / "typed_script.py").read_text(encoding="utf-8"), "gradcore.zeros(2).exq()\n"
    formula = (ROOT / "tests" / "typed_formula.py").read_text(encoding="utf-8")
    for text, status in ((right, 0), (formula, 0), (right + wrong, 1)):
        (tmp_path / "script.py").write_text(text, encoding="utf-8")
        checked = check_types(tmp_path, "--strict", "--follow-imports=silent", "--config-file=", "script.py")
        assert checked.returncode == status, checked.stdout + checked.stderr
    assert '"Tensor" has no attribute "exq"' in checked.stdout


def test_pyright_accepts_a_users_script(tmp_path):
    pytest.importorskip("pyright", reason="pyright, which is no part of the extra `test`, is not installed")
    check_types(tmp_path, "--version")
    for source in ("typed_script.py", "typed_formula.py"):
        shutil.copy(ROOT / "tests" / source, tmp_path)
    checked = subprocess.run([sys.executable, "-m", "pyright", "typed_script.py", "typed_formula.py"], cwd=tmp_path,
                             capture_output=True, text=True)
    if checked.returncode > 1:
        pytest.skip(f"pyright cannot run here: {checked.stderr[-200:]}")
    assert checked.returncode == 0, checked.stdout


def test_the_library_is_typed(tmp_path):
    """One error is put in, which is the only one that is found; the settings are those of setup.cfg."""
    place = tmp_path / "gradcore" / "wrong.py"
    place.parent.mkdir()
    place.write_text("from .core.tensor import Tensor\n\n\ndef size(x: Tensor) -> int:\n    return x.exp()\n")
    checked = check_types(tmp_path, f"--config-file={ROOT / 'setup.cfg'}", "-p", "gradcore")
    found = [line for line in checked.stdout.splitlines() if "error:" in line]
    assert len(found) == 1 and "wrong.py:5" in found[0].replace("\\", "/"), checked.stdout + checked.stderr


def test_ruff_finds_nothing():
    pytest.importorskip("ruff", reason="ruff, of the extra `test`, is not installed")
    found = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", ROOT],
                           capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
