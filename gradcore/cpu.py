"""How kernels run on the CPU."""

from __future__ import annotations

from .backends import get_backend


def set_cpu_kernels(kind: str) -> None:
    """Run elementwise kernels on the CPU as "numpy" calls (the default) or as "native" loops.

    Native loops are built once by the system's C++ compiler, use all cores and are kept on disk for later
    processes.  GRADCORE_CPU_KERNELS in the environment sets the first choice.

    Raises
    ------
    BackendUnavailable : "native" was asked for and there is no compiler.
    ValueError : it is neither of the two.

    >>> set_cpu_kernels("numpy")
    """
    get_backend("cpu").use_kernels(kind)


def cpu_kernels() -> str:
    """Which of the two is in use."""
    return get_backend("cpu").kernels
