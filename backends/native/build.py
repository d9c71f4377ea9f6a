"""Compiles C++ source to shared libraries with the system's compiler, and caches them on disk.

Modules that only this one needs are imported in its functions, since every process imports it and few compile.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
from pathlib import Path
from typing import Any

from .. import cache
from ..errors import BackendUnavailable
from ..locks import Guard

# The formula is computed as written: no fused multiply-adds, and no assumption that NaN and infinity do not occur.
FLAGS: tuple[str, ...] = (
    "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fPIC", "-shared",
    "-fvisibility=hidden", "-fopenmp-simd", "-pthread", "-w", "-x", "c++")
if platform.machine() in ("x86_64", "AMD64"):
    FLAGS = ("-mprefer-vector-width=512",) + FLAGS  # on processors with AVX-512
# GCC would split a loop at a bound such as min(x, 10) into two branches and duplicate half of its body.
GCC_FLAGS = ("-fno-thread-jumps",)

_building = Guard()
_libraries: dict[str, ctypes.CDLL] = {}


def library(source: str) -> ctypes.CDLL:
    """The shared library of `source`: already loaded, cached on disk, or compiled now."""
    found = _libraries.get(source)
    if found is not None:
        return found
    with _building.lock:
        if source not in _libraries:
            _libraries[source] = _found_or_built(source)
        return _libraries[source]


def compiler() -> list[str]:
    """The command of the C++ compiler: the variable CXX, or the first of c++, g++ and clang++ that exists."""
    import shlex
    import shutil

    text = os.environ.get("CXX", "")
    try:
        asked = shlex.split(text)
    except ValueError as error:
        raise BackendUnavailable(f"native CPU kernels need a C++ compiler, and CXX is not a command: {text!r} "
                                 f"({error}); correct CXX or unset it") from error
    if asked:
        if shutil.which(asked[0]) is None:
            raise BackendUnavailable(f"native CPU kernels need a C++ compiler, and CXX names {asked[0]!r}, which "
                                     f"does not exist; correct CXX or unset it")
        return asked
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    raise BackendUnavailable("native CPU kernels need a C++ compiler, and there is no c++, g++ or clang++ on the PATH; "
                             "install one (apt install g++, dnf install gcc-c++, xcode-select --install), name one in "
                             "CXX, or use CPU kernels \"numpy\"")


def _found_or_built(source: str) -> ctypes.CDLL:
    command = compiler()
    is_clang = "clang" in " ".join([*command, _compiler_identity(command[0])])
    command += [*FLAGS, *(() if is_clang else GCC_FLAGS)]
    key = _key(source, command)
    found = cache.find(key, ".so")
    if found is not None:
        try:
            return ctypes.CDLL(str(found))
        except OSError:  # a library that it is linked to no longer exists
            pass
    try:
        path = cache.store(key, ".so", _compile(source, command))
    except OSError as error:  # for example, a full disk
        raise BackendUnavailable(f"native CPU kernels: a library could not be written to {cache.cache_folder()}: "
                                 f"{error}") from error
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise BackendUnavailable(f"native CPU kernels: {path} was built but cannot be loaded: {error}") from error


def _key(source: str, command: list[str]) -> str:
    """The cache key of a library: a hash of everything that determines its content."""
    import hashlib

    parts = [source, *command, _compiler_identity(command[0]), _processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


@functools.lru_cache(maxsize=None)
def _compiler_identity(name: str) -> str:
    import shutil

    path = Path(shutil.which(name) or name).resolve()
    version = _run([str(path), "--version"]).stdout
    return f"{path}\n{path.stat().st_mtime_ns}\n{version}"


@functools.lru_cache(maxsize=None)
def _processor() -> str:
    """The processor, on which -march=native depends: different machines may share a home folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.machine() + platform.processor()
    told = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU implementer", "CPU part")
    return platform.machine() + "\n".join(line for line in lines if line.split(":")[0].strip() in told)


def _compile(source: str, command: list[str]) -> bytes:
    """The content of the shared library that `command` builds from `source`."""
    import shlex

    with cache.build_folder() as folder:
        text, built = Path(folder, "kernel.cpp"), Path(folder, "kernel.so")
        text.write_text(source)
        done = _run([*command, str(text), "-o", str(built), "-lm"], TMPDIR=folder)
        if done.returncode != 0:
            raise BackendUnavailable(f"native CPU kernels: {shlex.join(command)} failed with\n{done.stderr[-2000:]}")
        if not built.is_file():
            raise BackendUnavailable(f"native CPU kernels: {shlex.join(command)} reported no error but made no "
                                     f"library; name a C++ compiler in CXX or unset it")
        return built.read_bytes()


def _run(command: list[str], **environment: str) -> Any:
    """The finished process; in a session of its own, so that Ctrl-C in a terminal does not end a build that another
    thread has begun."""
    import subprocess

    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", start_new_session=True,
                              env={**os.environ, **environment})
    except OSError as error:
        raise BackendUnavailable(f"native CPU kernels: the C++ compiler could not be run: {error}") from error
