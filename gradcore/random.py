"""The default random number generator of all devices: its seed and its state."""

from __future__ import annotations

from .core.public import publish as _publish
from .operations.generator import (Generator, default_generator, fork_rng, get_rng_state, initial_seed, manual_seed,
                                   seed, set_rng_state, use_stream)

__all__ = ["Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
           "set_rng_state", "use_stream"]

_publish(globals())
