"""Settings of kernels on the CPU."""

from __future__ import annotations

from typing import Any

from .backends import get_backend
from .core.public import publish_own


def set_cpu_kernels(kind: str) -> None:
    """Run elementwise kernels on the CPU as "numpy" calls (the default), as "native" loops, or as "auto" chooses.

    Native loops are compiled once by the system's C++ compiler, use all cores and are cached on disk.  "auto" never
    raises and never waits: a kernel runs as NumPy calls until a background thread has built its native loop, and always
    if there is no working compiler.  Results of the two kinds may differ in the last digit.  The environment variable
    GRADCORE_CPU_KERNELS sets the initial kind.

    Raises
    ------
    BackendUnavailable : "native" without a compiler.
    ValueError : another kind.

    >>> set_cpu_kernels("numpy")
    """
    _backend().use_kernels(kind)


def cpu_kernels() -> str:
    """The kind of CPU kernels in use: "numpy", "native" or "auto".

    >>> cpu_kernels() in ("numpy", "native", "auto")
    True
    """
    kernels: str = _backend().kernels
    return kernels


def get_num_threads() -> int:
    """The number of cores that CPU kernels may use.

    >>> get_num_threads() >= 1
    True
    """
    return get_backend("cpu").cores()


def set_num_threads(count: int) -> None:
    """Set the number of cores that CPU kernels may use; NumPy's matrix products have a setting of their own.

    >>> set_num_threads(get_num_threads())
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"set_num_threads: expected at least one core; got {count!r:.60}")
    get_backend("cpu").use_cores(count)


def set_float32_matmul_precision(precision: str) -> None:
    """Accepts PyTorch's "highest", "high" and "medium"; products of float32 matrices are always float32.

    >>> set_float32_matmul_precision("high")
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"set_float32_matmul_precision: expected \"highest\", \"high\" or \"medium\"; got "
                         f"{precision!r:.60}")


def _backend() -> Any:
    """The CPU's backend; another than NumPy's may be registered."""
    return get_backend("cpu")


publish_own(globals())
