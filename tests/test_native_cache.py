"""What is kept on disk between processes: told whole from broken, replaced, and written so that it stays whole."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradcore.backends import BackendUnavailable, Kernel, cache, native
from gradcore.backends.native import build
from library import ROOT

F32 = np.dtype("float32")
KERNEL = Kernel.of_primitive("negative")

try:
    native.compiler()
    HAS_COMPILER = True
except BackendUnavailable as error:
    HAS_COMPILER = False
    WHY = str(error)
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="" if HAS_COMPILER else WHY)

NEGATED = """
import numpy as np
from gradcore.backends import Kernel, native
f = np.dtype("float32")
out = np.empty(3, f)
native.program(Kernel.of_primitive("negative"), f, f, (False,))(3, [np.ones(3, f)], (), [out])
assert out.tolist() == [-1, -1, -1]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty cache, on disk and in the process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "_libraries", {})
    return cache.cache_folder()


def negated() -> list[float]:
    out = np.empty(3, F32)
    native.program(KERNEL, F32, F32, (False,))(3, [np.ones(3, F32)], (), [out])
    return out.tolist()


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[str, bytes]:
    """The name and the content of a library as it is kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("built")))
        patch.setattr(build, "_libraries", {})
        assert negated() == [-1, -1, -1]
        (path,) = cache.cache_folder().iterdir()
        return path.name, path.read_bytes()


# -- broken files ---------------------------------------------------------------------------------------------
@needs_compiler
def test_a_truncated_library_does_not_kill_the_process(built, folder):
    """A disk that was full leaves a head that promises more than there is: to map that ends in SIGBUS."""
    name, content = built
    (folder / name).write_bytes(content[:len(content) // 4])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", NEGATED], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr}"
    assert cache.find(name.rpartition("-")[0], ".so") is not None


@needs_compiler
@pytest.mark.parametrize("damage", ["empty", "a folder", "a folder that holds something", "a broken link",
                                    "a link to a folder", "other bytes", "one byte more"])
def test_what_is_broken_is_built_anew(damage, built, folder, tmp_path):
    name, content = built
    path = folder / name
    if damage.startswith("a folder"):
        path.mkdir()
        if "something" in damage:
            (path / "file").write_text("text")
    elif "link" in damage:
        path.symlink_to(tmp_path if "folder" in damage else tmp_path / "nowhere")
    else:
        path.write_bytes({"empty": b"", "other bytes": b"\0" * len(content), "one byte more": content + b"\0"}[damage])
    assert negated() == [-1, -1, -1]
    assert cache.find(name.rpartition("-")[0], ".so") is not None
    assert not [left for left in folder.iterdir() if left.suffix != ".so"]  # no temporary file


@needs_compiler
def test_a_library_that_can_no_longer_be_loaded_is_built_anew(built, folder, monkeypatch):
    """As when a library that it was linked with has been removed since."""
    name, _ = built
    kept = cache.store(name.rpartition("-")[0], ".so", b"whole, but no library")
    assert negated() == [-1, -1, -1]
    assert len(list(folder.iterdir())) == 2 and kept.exists()


# -- the rules ------------------------------------------------------------------------------------------------
def test_what_is_stored_is_found_under_its_key_and_suffix(folder):
    assert cache.find("key", ".so") is None
    path = cache.store("key", ".so", b"content")
    assert cache.find("key", ".so") == path and path.read_bytes() == b"content"
    assert cache.find("key", ".cubin") is None and cache.find("ke", ".so") is None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_two_contents_of_one_key_do_not_disturb_each_other(folder):
    """Two processes build at once, and compilers need not give the same bytes twice."""
    first, second = cache.store("key", ".so", b"one"), cache.store("key", ".so", b"another")
    assert first.read_bytes() == b"one" and second.read_bytes() == b"another"
    first.write_bytes(b"o")
    assert cache.find("key", ".so") == second


def test_a_file_is_on_the_disk_before_it_has_its_name(folder, monkeypatch):
    """File, rename, folder: in this order."""
    steps = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("folder" if is_folder else f"file of {os.fstat(descriptor).st_size}")
        fsync(descriptor)

    def replaced(source, target):
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    cache.store("key", ".so", b"content")
    assert steps == ["file of 7", "rename", "folder"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_could_not_be_written_leaves_nothing_behind(step, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        cache.store("key", ".so", b"content")
    assert not list(folder.iterdir())


# -- errors in words ------------------------------------------------------------------------------------------
@needs_compiler
def test_a_full_disk_is_told(folder, monkeypatch):
    monkeypatch.setattr(build, "_compile", lambda *_: b"library")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackendUnavailable, match=f"could not be written to {folder}.*No space"):
        negated()


@pytest.mark.skipif(not os.access("/bin/true", os.X_OK), reason="this system has no /bin/true")
def test_a_compiler_that_makes_nothing_is_named(folder, monkeypatch):
    monkeypatch.setenv("CXX", "/bin/true")
    with pytest.raises(BackendUnavailable, match="/bin/true .* made no library; name a C\\+\\+ compiler in CXX"):
        negated()
    assert not list(folder.iterdir())


def test_a_cxx_that_is_no_command_is_quoted(folder, monkeypatch):
    monkeypatch.setenv("CXX", "g++ 'a")
    with pytest.raises(BackendUnavailable, match="CXX is no command: \"g\\+\\+ 'a\" \\(No closing quotation\\)"):
        native.compiler()


@needs_compiler
def test_a_compiler_that_speaks_another_encoding_is_quoted(folder, monkeypatch, tmp_path):
    compiler = tmp_path / "compiler"
    compiler.write_text("#!/bin/sh\nprintf 'wrong \\351' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(BackendUnavailable, match="failed with\nwrong \ufffd"):
        negated()
