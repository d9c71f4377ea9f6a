"""The exceptions of devices and formulas."""

from __future__ import annotations


class BackendUnavailable(RuntimeError):
    """The requested device cannot be used on this machine; the message says why and what to do.

    >>> from gradcore.backends import get_backend
    >>> try:
    ...     get_backend("cuda:63")
    ... except BackendUnavailable:
    ...     print("this machine has no 64 CUDA devices")
    this machine has no 64 CUDA devices
    """


class DeviceMismatch(TypeError):
    """An operation received tensors of different devices.

    >>> issubclass(DeviceMismatch, TypeError)
    True
    """


class FormulaError(TypeError):
    """A formula cannot become a kernel; the message names the construct and what to write instead.

    >>> import gradcore
    >>> try:
    ...     gradcore.elementwise(lambda xp, x: x if x > 0 else 0.0)(gradcore.ones(2))
    ... except FormulaError as error:
    ...     print(str(error)[:58])
    formula <lambda>: Python asked whether an array is true (`
    """
