"""What training needs beside layers: bounds on gradients, parameters as one vector, sequences of several lengths.

Begin with `clipping`; `rnn` has the sequences.
"""

from __future__ import annotations

from . import rnn
from .clipping import clip_grad_norm_, clip_grad_value_, get_total_norm
from ...core.arguments import publish as _publish
from .vectors import parameters_to_vector, vector_to_parameters

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm", "parameters_to_vector", "rnn",
           "vector_to_parameters"]

_publish(globals())
