"""Broadcasting of shapes."""

from __future__ import annotations

import functools

import numpy as np

broadcast_shapes = functools.lru_cache(1024)(np.broadcast_shapes)  # cached, since networks repeat the same shapes
