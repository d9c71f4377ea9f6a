"""The errors that a person meets when a device or a formula cannot be used."""

from __future__ import annotations


class BackendUnavailable(RuntimeError):
    """The device that was asked for cannot be used on this machine; the text says why and what to do."""


class DeviceMismatch(TypeError):
    """One operation was given tensors that live on different devices."""


class FormulaError(TypeError):
    """A formula is no elementwise kernel; the text names the construct and what to write instead."""
