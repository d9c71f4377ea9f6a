"""NVIDIA's run-time compiler from its wheel, through ctypes: it compiles CUDA C++ without a GPU or a driver."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
from typing import Optional

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")  # those of the A100, the H100 and the B200
_WHEELS = ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu13", "nvidia-cuda-nvrtc-cu12")


@functools.cache
def loaded() -> Optional[ctypes.CDLL]:
    """libnvrtc of an installed wheel, or None."""
    for wheel in _WHEELS:
        try:
            files = importlib.metadata.files(wheel) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for builtins in (file for file in files if file.name.startswith("libnvrtc-builtins.so")):
            ctypes.CDLL(str(builtins.locate()))  # some versions do not look beside themselves
        for file in files:
            if file.name.startswith("libnvrtc.so"):
                return ctypes.CDLL(str(file.locate()))
    return None


@functools.cache
def quickly() -> tuple[str, ...]:
    """Options that leave out what only makes machine code fast, where this NVRTC has them."""
    options = ("--Ofast-compile=max",)
    try:
        compiled("__global__ void nothing() {}", ARCHITECTURES[0], options)
    except AssertionError:
        return ()
    return options


def together(prelude: str, texts: list[tuple[str, str]]) -> str:
    """Several texts that begin with `prelude`, each with its kernel's name, as one, which is compiled in less time.

    What follows the prelude stands in a namespace of its own, and a number is put behind each kernel's name.
    """
    parts = [prelude]
    for i, (text, name) in enumerate(texts):
        assert text.startswith(prelude) and text.count(f" {name}(") == 1
        own = text[len(prelude):].replace(f" {name}(", f" {name}_{i}(")
        parts.append(f"namespace text{i} {{ namespace gradcore {{ using namespace ::gradcore; }}\n{own}}}\n")
    return "".join(parts)


def compiled(source: str, architecture: str, options: tuple[str, ...] = ()) -> bytes:
    """The machine code of `source` for an architecture such as "sm_80"; an AssertionError shows the errors.

    For "compute_80" and its like it is text, PTX.
    """
    nvrtc = loaded()
    program = ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None))
    try:
        arguments = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17", *map(str.encode, options)]
        failed = nvrtc.nvrtcCompileProgram(program, len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
        assert not failed, f"{_text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)}\n{source}"
        if architecture.startswith("compute_"):
            return _bytes(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)
        return _bytes(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _bytes(size_of, get, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(size_of(program, ctypes.byref(size)))
    data = ctypes.create_string_buffer(size.value)
    _check(get(program, data))
    return data.raw


def _text(size_of, get, program: ctypes.c_void_p) -> str:
    return _bytes(size_of, get, program).rstrip(b"\0").decode()


def _check(status: int) -> None:
    assert status == 0, f"NVRTC returned error {status}"
