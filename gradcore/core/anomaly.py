"""Anomaly mode: backward passes raise an error at the first operation whose gradient is NaN."""

from __future__ import annotations

from typing import Any

from .graph import Node, watch_steps
from .tensor import Tensor


def _is_nan(gradient: Any) -> bool:
    return isinstance(gradient, Tensor) and bool((gradient.detach() != gradient.detach()).any())


def _refuse_nan(node: Node, given: Any, gradients: Any) -> None:
    """Raise RuntimeError if a node computes NaN from a gradient without NaN."""
    for i, gradient in enumerate(gradients):
        if _is_nan(gradient) and not _is_nan(given):
            raise RuntimeError(f"{node.name} returned a gradient with NaN for its input {i}, of shape "
                               f"{gradient.shape}; the gradient of its result has none")


class set_detect_anomaly:
    """Enable or disable checking of gradients for NaN; in a `with` block until its end.

    >>> with set_detect_anomaly(True):
    ...     pass
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before: Any = watch_steps(_refuse_nan if mode and check_nan else None)

    def __enter__(self) -> "set_detect_anomaly":
        return self

    def __exit__(self, *exception: Any) -> None:
        watch_steps(self.before)


class detect_anomaly:
    """A context in which backward passes raise RuntimeError at the first operation that computes NaN.

    The error names the operation and its input.  Checking each gradient is slow and waits for the device.

    >>> x = Tensor([0.0], requires_grad=True)
    >>> try:
    ...     with detect_anomaly():
    ...         (x.sqrt() * 0).sum().backward()
    ... except RuntimeError as error:
    ...     print("NaN" in str(error))
    True
    """

    def __init__(self, check_nan: bool = True):
        self.check_nan, self._entered = check_nan, []  # type: tuple[bool, list[set_detect_anomaly]]

    def __enter__(self) -> None:
        self._entered.append(set_detect_anomaly(True, self.check_nan))

    def __exit__(self, *exception: Any) -> None:
        self._entered.pop().__exit__()
