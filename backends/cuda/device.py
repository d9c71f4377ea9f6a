"""Whether CUDA can be used through CuPy on this machine, and if not, why.  Nothing here raises.

It asks the driver's management library and NVRTC, so that CUDA is not initialized: a process that has initialized CUDA
cannot fork and use CUDA in the child.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Optional

from .compiler import function

_ADVICE = ('install the extra that fits the driver: pip install "gradcore[cuda13]" (CUDA 13) or '
           '"gradcore[cuda12]" (CUDA 12)')
_usable: set[int] = set()  # devices known to be usable


def device_count() -> int:
    """The number of visible CUDA devices; 0 without CuPy, a driver or a device.

    >>> device_count() >= 0
    True
    """
    return 0 if _why_no_devices() else _count()


def usable_reason(index: int = 0) -> Optional[str]:
    """Why the CUDA device `index` cannot be used, and what to do; None if it can be used."""
    if index in _usable:
        return None
    reason = _why_no_devices() or _why_no_such_device(index) or _why_no_compiler()
    if reason is None:
        _usable.add(index)
    return reason


def _why_no_devices() -> Optional[str]:
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name == "cupy":
            return f"CuPy is not installed; {_ADVICE}"
        return f"CuPy cannot be imported ({error}); {_ADVICE}"
    except Exception as error:
        return f"CuPy cannot be imported ({type(error).__name__}: {error}); {_ADVICE}"
    try:
        found = _count()
    except Exception as error:  # CUDARuntimeError: no driver, a driver too old, no device
        return (f"CuPy {cupy.__version__} finds no CUDA device or no driver that it can use ({error}); check with "
                f"nvidia-smi that the driver works and is new enough for this CuPy")
    return None if found else "the driver sees no CUDA device; check with nvidia-smi and CUDA_VISIBLE_DEVICES"


def _count() -> int:
    import cupy

    driver = managed()
    if driver is None:  # systems on a chip lack this library: ask CUDA itself
        return cupy.cuda.runtime.getDeviceCount()
    count, version = driver
    needed = cupy.cuda.runtime.runtimeGetVersion()
    if version // 1000 < needed // 1000:
        raise RuntimeError(f"the driver supports CUDA {version // 1000}.{version % 1000 // 10}, and this CuPy needs "
                           f"CUDA {needed // 1000}")
    return visible(count, os.environ.get("CUDA_VISIBLE_DEVICES"))


def managed() -> Optional[tuple[int, int]]:
    """The driver's number of devices and its CUDA version, such as 12080; None without the management library."""
    try:
        library = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
        count, version = ctypes.c_uint(), ctypes.c_int()
        if library.nvmlInit_v2():
            return None
        try:
            failed = (library.nvmlDeviceGetCount_v2(ctypes.byref(count))
                      or library.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(version)))
        finally:
            library.nvmlShutdown()
    except (OSError, AttributeError):
        return None
    return None if failed else (count.value, version.value)


def visible(count: int, named: Optional[str]) -> int:
    """The number of `count` devices that CUDA_VISIBLE_DEVICES makes visible: those before its first invalid entry.

    >>> visible(4, None), visible(4, "2,0"), visible(4, "1,9,0"), visible(4, ""), visible(4, "GPU-8932f937")
    (4, 2, 1, 0, 1)
    """
    if named is None:
        return count
    seen: list[str] = []
    for name in (part.strip() for part in named.split(",")):
        is_number = name.lstrip("+-").isdigit()
        if not name or name in seen or (is_number and not 0 <= int(name) < count):
            break
        seen.append(name)
    return len(seen)


def _why_no_such_device(index: int) -> Optional[str]:
    count = _count()
    if index < count:
        return None
    return (f"there is no device with that index: this machine has {count} CUDA device(s), "
            f"{', '.join(f'cuda:{i}' for i in range(count))}")


def _why_no_compiler() -> Optional[str]:
    import cupy

    try:
        cupy.cuda.nvrtc.getVersion()
    except Exception as error:  # the library is missing
        return _needs_nvrtc(error)
    return None


def why_no_kernels(index: int) -> Optional[str]:
    """Why a kernel cannot be compiled and run on a device, or None; this creates a CUDA context."""
    import cupy

    try:
        with cupy.cuda.Device(index):
            array = cupy.zeros(1, cupy.float32)
            function(cupy, 'extern "C" __global__ void probe(float* x) { *x = 1; }', "probe")((1,), (1,), (array,))
            if float(array[0]) != 1:
                raise RuntimeError("the kernel had no effect")
    except Exception as error:  # NVRTC is missing, the device is too old, or its memory is full
        return _needs_nvrtc(error)
    return None


def _needs_nvrtc(error: Exception) -> str:
    import cupy

    return (f"CuPy {cupy.__version__} cannot compile and run a kernel on this device "
            f"({type(error).__name__}: {error}); it needs NVRTC and CUDA's headers, which come with the "
            f"extras gradcore[cuda13] and gradcore[cuda12], or with a CUDA toolkit that CUDA_PATH names")
