"""`save` and `load`: tensors and nested states in files that hold values and no code.

Begin with `files`; `structure` says what can be saved, `npz` and `safetensors_file` are the two formats.
"""

from __future__ import annotations

from .files import load, save

__all__ = ["load", "save"]
