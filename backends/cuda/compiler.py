"""Compiles CUDA C++ with CuPy's binding of NVRTC, and caches the machine code on disk.

CuPy's own compilation adds -ftz=true, which flushes subnormal numbers (below 1.2e-38) to 0; here they are kept.  CuPy's
own kernels still flush them: cumulative sums, positions, conversions, and additions to parts of arrays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import cache
from ..errors import BackendUnavailable

# Formulas are computed as written, so that CPU and GPU agree: no fused multiply-adds, no approximate division or square
# root, and no flushing of subnormal numbers.
OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")


def function(cupy: Any, source: str, name: str) -> Any:
    """The kernel `name` of `source` for the current device, as CuPy's `Function`."""
    path = machine_code(cupy, source)
    return cupy.RawModule(path=str(path)).get_function(name).kernel


def machine_code(cupy: Any, source: str) -> Path:
    """The file with machine code for the current device: cached on disk, or compiled now."""
    nvrtc = cupy.cuda.nvrtc
    target = architecture(cupy.cuda.Device().compute_capability, nvrtc.getSupportedArchs())
    suffix = ".cubin" if target.startswith("sm_") else ".ptx"
    key = _key(source, target, nvrtc.getVersion())
    found = cache.find(key, suffix)
    if found is not None:
        return found
    try:
        return cache.store(key, suffix, compiled(nvrtc, source, target))
    except OSError as error:  # for example, a full disk
        raise BackendUnavailable(f"CUDA kernels: machine code could not be written to {cache.cache_folder()}: "
                                 f"{error}") from error


def architecture(capability: str, known: tuple[int, ...]) -> str:
    """The compilation target: the device's machine code, or PTX if the device is newer than NVRTC.

    >>> architecture("90", (80, 90, 100)), architecture("121", (80, 90, 100))
    ('sm_90', 'compute_100')
    """
    if int(capability) in known:
        return f"sm_{capability}"
    older = [arch for arch in known if arch < int(capability)]
    if not older:
        raise BackendUnavailable(f"CUDA kernels: this device has compute capability {capability}, and NVRTC compiles "
                                 f"for {min(known)} and later ones; an older CUDA toolkit may still know it")
    return f"compute_{max(older)}"


def _key(source: str, target: str, version: tuple[int, int]) -> str:
    """The cache key of machine code: a hash of everything that determines it."""
    import hashlib

    parts = [source, target, *OPTIONS, repr(version)]
    return "cuda-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def compiled(nvrtc: Any, source: str, target: str) -> bytes:
    """The machine code of `source`, or PTX for a target "compute_..."; a RuntimeError contains the compiler's log."""
    program = nvrtc.createProgram(source, "gradcore.cu", (), ())
    try:
        try:
            nvrtc.compileProgram(program, (*OPTIONS, f"--gpu-architecture={target}"))
        except Exception as error:
            raise RuntimeError(f"CUDA kernels: NVRTC {nvrtc.getVersion()} failed for {target} ({error}):\n"
                               f"{nvrtc.getProgramLog(program)}") from error
        if target.startswith("compute_"):
            return nvrtc.getPTX(program)
        return nvrtc.getCUBIN(program) + b"\0"  # CuPy drops the last byte as a terminator
    finally:
        nvrtc.destroyProgram(program)
