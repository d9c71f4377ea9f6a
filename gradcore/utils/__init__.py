"""Pictures (`plot` for curves, `gallery` for all activations with their derivatives), bars of progress, and `data`.

Begin with `plotting` for pictures, and with the room `data` for batches of samples.
"""

from __future__ import annotations

from . import data
from .gallery import gallery
from .plotting import plot
from .progress import progress

__all__ = ["data", "gallery", "plot", "progress"]
