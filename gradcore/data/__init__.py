"""Example data: handwritten digits, and batches of any data."""

from __future__ import annotations

from ..core.public import publish as _publish
from .batches import batches, train_test_split
from .digits import Split, load_digits

__all__ = ["Split", "batches", "load_digits", "train_test_split"]

_publish(globals())
