"""Whether CUDA can be used through CuPy on this machine, and if not, why; nothing here raises."""

from __future__ import annotations

from typing import Optional

_ADVICE = ('install the extra that fits the driver: pip install "gradcore[cuda13]" (CUDA 13) or '
           '"gradcore[cuda12]" (CUDA 12)')
_proved: set[int] = set()  # devices on which a kernel was compiled and run


def device_count() -> int:
    """How many CUDA devices CuPy sees; 0 where there is no CuPy, no driver or no device."""
    return 0 if _why_no_devices() else _count()


def usable_reason(index: int = 0) -> Optional[str]:
    """Why the CUDA device `index` cannot be used, as a sentence that says what to do; None where it can."""
    if index in _proved:
        return None
    reason = _why_no_devices() or _why_no_such_device(index) or _why_no_kernels(index)
    if reason is None:
        _proved.add(index)
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
        found = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CUDARuntimeError: no driver, a driver too old, no device
        return (f"CuPy {cupy.__version__} finds no CUDA device or no driver that it can use ({error}); check with "
                f"nvidia-smi that the driver works and is new enough for this CuPy")
    return None if found else "the driver sees no CUDA device; check with nvidia-smi and CUDA_VISIBLE_DEVICES"


def _count() -> int:
    import cupy

    return cupy.cuda.runtime.getDeviceCount()


def _why_no_such_device(index: int) -> Optional[str]:
    count = _count()
    if index < count:
        return None
    return (f"there is no device with that index: this machine has {count} CUDA device(s), "
            f"{', '.join(f'cuda:{i}' for i in range(count))}")


def _why_no_kernels(index: int) -> Optional[str]:
    import cupy

    try:
        with cupy.cuda.Device(index):
            probe = cupy.ElementwiseKernel("float32 x", "float32 y", "y = x + 1", "gradcore_probe")
            cupy.asnumpy(probe(cupy.zeros(1, cupy.float32)))
    except Exception as error:  # NVRTC or the toolkit's headers missing, a card too old, a full memory
        return (f"CuPy {cupy.__version__} cannot compile and run a kernel on this device "
                f"({type(error).__name__}: {error}); it needs NVRTC and CUDA's headers, which the extras "
                f"gradcore[cuda13] and gradcore[cuda12] bring along, or a CUDA toolkit that CUDA_PATH names")
    return None
