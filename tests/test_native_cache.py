"""Native libraries on disk between processes, and those that are built while calls run.

What is kept is told whole from broken, replaced, and written so that it stays whole.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gradcore
from gradcore.backends import BackendUnavailable, Kernel, NumPyBackend, cache, native
from gradcore.backends.cpu.launcher import _TypedLauncher
from gradcore.backends.cpu.workers import builder
from gradcore.backends.native import build, threads
from library import ROOT
from native_compiler import needs_compiler

F32 = np.dtype("float32")
KERNEL = Kernel.of_primitive("negative")


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
    threads.share_address()  # so that what all libraries call is not built in there
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
                                    "a link to a folder", "other bytes", "one byte more", "a link to an endless file",
                                    "a pipe", "a terabyte"])
def test_what_is_broken_is_built_anew(damage, built, folder, tmp_path):
    name, content = built
    path = folder / name
    if damage.startswith("a folder"):
        path.mkdir()
        if "something" in damage:
            (path / "file").write_text("text")
    elif damage == "a pipe":
        os.mkfifo(path)
    elif damage == "a terabyte":
        with open(path, "wb") as file:
            file.truncate(1 << 40)
    elif damage == "a link to an endless file":
        path.symlink_to("/dev/zero")
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
def test_what_killed_processes_left_is_removed(folder):
    day = 24 * 3600
    ages = {"new-old": 2 * day, "new-now": 0, "new-later": -2 * day, "build-old": 2 * day, "build-now": 0,
            "key-old": 2 * day}
    for name, age in ages.items():
        path = folder / name
        path.mkdir() if name.startswith("build") else path.write_text("text")
        if path.is_dir():
            (path / "kernel.cpp").write_text("text")
        os.utime(path, (time.time() - age,) * 2)
    stored = cache.store("key", ".so", b"content")
    assert {path.name for path in folder.iterdir()} == {"new-now", "build-now", "key-old", stored.name}


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
    with pytest.raises(BackendUnavailable, match="CXX is not a command: \"g\\+\\+ 'a\" \\(No closing quotation\\)"):
        native.compiler()


@needs_compiler
def test_a_compiler_that_speaks_another_encoding_is_quoted(folder, monkeypatch, tmp_path):
    compiler = tmp_path / "compiler"
    compiler.write_text("#!/bin/sh\nprintf 'wrong \\351' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(BackendUnavailable, match="failed with\nwrong \ufffd"):
        negated()


# -- kernels that are built while calls run -------------------------------------------------------------------
@pytest.fixture
def automatic(monkeypatch) -> NumPyBackend:
    monkeypatch.setenv("GRADCORE_CPU_KERNELS", "auto")
    return NumPyBackend()


@pytest.fixture
def gate(monkeypatch) -> threading.Event:
    """Native programs write sevens, and are ready when the gate is open."""
    gate = threading.Event()

    def program(kernel, compute, result, scalar_inputs):
        assert gate.wait(60)
        return SimpleNamespace(run=lambda n, inputs, constants, outputs: [output.fill(7) for output in outputs])

    monkeypatch.setattr(native, "program", program)
    yield gate
    gate.set()
    let_the_builder_finish()


def let_the_builder_finish() -> None:
    """It takes one job after the other."""
    done = threading.Event()
    builder.submit(done.set)
    assert done.wait(60)


def called(backend: NumPyBackend, kernel: Kernel, n: int = 3) -> list[float]:
    return backend.elementwise(kernel, [np.ones(n, F32)])[0][:3].tolist()


@pytest.mark.parametrize("n", [3, 1 << 20])
def test_calls_do_not_wait_for_the_build(n, automatic, gate):
    """Small arrays, which have a way of their own, and large ones."""
    kernel = Kernel.of_primitive("negative")
    for _ in range(3):
        assert called(automatic, kernel, n) == [-1, -1, -1]
    gate.set()
    let_the_builder_finish()
    for _ in range(3):
        assert called(automatic, kernel, n) == [7, 7, 7]


def test_a_build_that_ends_within_a_call_is_used_by_the_next(automatic, gate, monkeypatch):
    kernel = Kernel.of_primitive("negative")
    bound_to = _TypedLauncher.bound_to

    def slowly(self, *args):
        bound = bound_to(self, *args)
        gate.set()
        let_the_builder_finish()
        return bound

    monkeypatch.setattr(_TypedLauncher, "bound_to", slowly)
    assert called(automatic, kernel) == [-1, -1, -1]
    assert called(automatic, kernel) == [7, 7, 7]


def test_other_dtypes_go_on_as_numpy_programs(automatic, gate, monkeypatch):
    monkeypatch.setattr(native, "program", lambda *_: None)
    kernel = Kernel.of_primitive("negative")
    for _ in range(3):
        assert automatic.elementwise(kernel, [np.ones(3, np.int64)])[0].tolist() == [-1, -1, -1]
        let_the_builder_finish()


@pytest.mark.parametrize("environment", [{"CXX": "", "PATH": ""}, {"CXX": "no-such-compiler"}, {"CXX": "/bin/false"},
                                         {"CXX": "g++ 'a"}, {"XDG_CACHE_HOME": "/dev/null", "TMPDIR": "/dev/null"}])
def test_without_a_compiler_that_works_nothing_is_raised(environment, folder, monkeypatch):
    backend = NumPyBackend()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null" if "TMPDIR" in environment else None)
    cache._private_folder.cache_clear()
    backend.use_kernels("auto")
    kernel = Kernel.of_primitive("negative")
    for _ in range(2):
        assert called(backend, kernel) == [-1, -1, -1]
        let_the_builder_finish()
    assert not list(folder.iterdir())


@needs_compiler
def test_the_real_build_takes_over(folder, automatic):
    """Native loops and NumPy agree, so it is seen by the file that is kept."""
    kernel = Kernel.of_primitive("negative")
    for _ in range(2):
        assert called(automatic, kernel) == [-1, -1, -1]
        let_the_builder_finish()
    (typed,) = kernel.compiled["auto"].programs.values()
    assert typed.native is not None and [path.suffix for path in folder.iterdir()] == [".so"]


def test_the_three_kinds_by_name(monkeypatch):
    monkeypatch.delenv("GRADCORE_CPU_KERNELS", raising=False)
    assert NumPyBackend().kernels == "numpy"
    before = gradcore.cpu_kernels()
    try:
        gradcore.set_cpu_kernels("auto")
        assert gradcore.cpu_kernels() == "auto"
        with pytest.raises(ValueError, match='"numpy", "native" or "auto"; got \'cuda\''):
            gradcore.set_cpu_kernels("cuda")
        assert gradcore.cpu_kernels() == "auto"
    finally:
        gradcore.set_cpu_kernels(before)


SLOW_COMPILER = """#!/bin/sh
# Compiles for ever, or until its source has gone.
for argument; do
    case "$argument" in *kernel.cpp) touch "$STARTED"; while [ -f "$argument" ]; do sleep 0.05; done; exit 1;; esac
done
"""
WHILE_IT_BUILDS = """
import os, signal, time
import gradcore
x = gradcore.ones(3)
assert gradcore.tanh(x).shape == (3,)
end = time.monotonic() + 30
while not os.path.exists(os.environ["STARTED"]):
    assert time.monotonic() < end
    time.sleep(0.01)
"""
FORKED = """
child = os.fork()
if child == 0:
    signal.alarm(20)
    from gradcore.backends import BackendUnavailable
    os.environ["CXX"] = "/bin/false"
    gradcore.set_cpu_kernels("native")
    try:
        gradcore.tanh(x)
    except BackendUnavailable:
        os._exit(0)
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
"""


TOLD = """#!/bin/sh
# Says that it has begun, and compiles half a second later.
for argument; do case "$argument" in *kernel.cpp) touch "$STARTED"; sleep 0.5;; esac; done
exec c++ "$@"
"""
INTERRUPTED = """
signal.signal(signal.SIGINT, lambda *signal: None)
os.killpg(0, signal.SIGINT)  # as a terminal does
while not any(name.endswith(".so") for name in os.listdir(os.environ["XDG_CACHE_HOME"] + "/gradcore")):
    assert time.monotonic() < end
    time.sleep(0.01)
"""


@needs_compiler
@pytest.mark.skipif(os.name != "posix", reason="the compiler of this test is a shell script")
def test_ctrl_c_does_not_end_what_another_thread_builds(folder, tmp_path):
    compiler = tmp_path / "compiler"
    compiler.write_text(TOLD)
    compiler.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CXX": str(compiler), "STARTED": str(tmp_path / "started"),
                   "GRADCORE_CPU_KERNELS": "auto"}
    done = subprocess.run([sys.executable, "-c", WHILE_IT_BUILDS + INTERRUPTED], env=environment, capture_output=True,
                          text=True, timeout=60, start_new_session=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="the compiler of this test is a shell script")
@pytest.mark.parametrize("then", ["", FORKED])
def test_the_process_may_end_or_fork_while_a_kernel_is_built(then, folder, tmp_path):
    compiler = tmp_path / "compiler"
    compiler.write_text(SLOW_COMPILER)
    compiler.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CXX": str(compiler), "STARTED": str(tmp_path / "started"),
                   "GRADCORE_CPU_KERNELS": "auto"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", WHILE_IT_BUILDS + then], env=environment,
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(folder.iterdir())
