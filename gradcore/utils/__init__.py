"""Pictures (`plot` for curves, `gallery` for all activations), progress bars, and `data`.

Begin with `plotting` for pictures, and with the room `data` for batches of samples.
"""

from __future__ import annotations

from ..backends.lazy import loader as _loader
from ..core.public import publish as _publish
from . import data
from .gallery import gallery
from .plotting import plot
from .progress import progress

__getattr__ = _loader(__name__, {"checkpoint": ""})

__all__ = ["checkpoint", "data", "gallery", "plot", "progress"]

_publish(globals())
