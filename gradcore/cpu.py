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


def get_num_threads() -> int:
    """How many cores kernels on the CPU may take.

    >>> get_num_threads() >= 1
    True
    """
    return get_backend("cpu").cores()


def set_num_threads(count: int) -> None:
    """Let kernels on the CPU take so many cores; products of matrices keep to what NumPy's library was told.

    >>> set_num_threads(get_num_threads())
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"set_num_threads: expected at least one core; got {count!r:.60}")
    get_backend("cpu").use_cores(count)


def set_float32_matmul_precision(precision: str) -> None:
    """Accepts PyTorch's "highest", "high" and "medium": products of float32 matrices are computed in float32.

    >>> set_float32_matmul_precision("high")
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"set_float32_matmul_precision: expected \"highest\", \"high\" or \"medium\"; got "
                         f"{precision!r:.60}")


def _backend() -> Any:
    """The CPU's backend, which may be another than NumPy's where somebody has registered one."""
    return get_backend("cpu")


publish_own(globals())
