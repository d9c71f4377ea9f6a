"""Probability distributions with PyTorch's names: samples, log-probabilities and entropies, with gradients.

Begin with `distribution.Distribution`; each of the others is a few formulas.

>>> import gradcore
>>> Normal(0.0, gradcore.tensor([1.0, 2.0])).log_prob(0.0)
tensor([-0.9189, -1.6121])
"""

from __future__ import annotations

from .continuous import Exponential, Laplace, Normal, Uniform
from .discrete import Bernoulli, Categorical
from .distribution import Distribution
from .divergence import kl_divergence
from .independent import Independent

__all__ = ["Bernoulli", "Categorical", "Distribution", "Exponential", "Independent", "Laplace", "Normal", "Uniform",
           "kl_divergence"]
