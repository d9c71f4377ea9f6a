"""How kernels run on the CPU."""

from __future__ import annotations

from typing import Any

from .backends import get_backend
from .core.arguments import publish_own


def set_cpu_kernels(kind: str) -> None:
    """Run elementwise kernels on the CPU as "numpy" calls (the default), as "native" loops, or as "auto" chooses.

    Native loops are built once by the system's C++ compiler, use all cores and are kept on disk for later
    processes.  "auto" never raises and never waits: a kernel runs as NumPy calls while another thread builds its
    native loop, which then takes over, and always where there is no compiler that works.  The two differ in the last
    digit of some results.  GRADCORE_CPU_KERNELS in the environment sets the first choice.

    Raises
    ------
    BackendUnavailable : "native" was asked for and there is no compiler.
    ValueError : it is none of the three.

    >>> set_cpu_kernels("numpy")
    """
    _backend().use_kernels(kind)


def cpu_kernels() -> str:
    """Which of the three is in use: what was asked for last, "auto" too.

    >>> cpu_kernels() in ("numpy", "native", "auto")
    True
    """
    kernels: str = _backend().kernels
    return kernels


def _backend() -> Any:
    """The CPU's backend, which may be another than NumPy's where somebody has registered one."""
    return get_backend("cpu")


publish_own(globals())
