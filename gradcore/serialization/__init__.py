"""`save` and `load`: tensors and nested states in files without code.

Begin with `files`; `structure` defines what can be saved; `npz` and `safetensors_file` are the two formats.
"""

from __future__ import annotations

from ..core.public import publish as _publish
from .files import load, save

__all__ = ["load", "save"]

_publish(globals())
