"""Pictures: `plot` for curves, `gallery` for all activations with their derivatives."""

from __future__ import annotations

from .gallery import gallery
from .plotting import plot

__all__ = ["gallery", "plot"]
