"""Probability distributions with PyTorch's names: samples, log-probabilities and entropies, with gradients.

Begin with `distribution.Distribution`; each of the others is a few formulas.

>>> import gradcore
>>> Normal(0.0, gradcore.tensor([1.0, 2.0])).log_prob(0.0)
tensor([-0.9189, -1.6121])
"""

from __future__ import annotations

from ..core.public import publish as _publish
from . import transforms
from .continuous import Exponential, Laplace, Normal, Uniform
from .counts import Binomial, Geometric, Multinomial, NegativeBinomial, Poisson
from .discrete import Bernoulli, Categorical
from .distribution import Distribution
from .divergence import kl_divergence, register_kl
from .gammas import Beta, Chi2, Dirichlet, Gamma, InverseGamma, StudentT
from .heavy import Cauchy, Gumbel, HalfCauchy, HalfNormal, Kumaraswamy, Pareto, Weibull
from .independent import Independent
from .mixture import MixtureSameFamily, MultivariateNormal
from .one_hot import (OneHotCategorical, OneHotCategoricalStraightThrough, RelaxedBernoulli,
                      RelaxedOneHotCategorical)
from .transformed import LogNormal, TransformedDistribution
from .transforms import (AbsTransform, AffineTransform, ComposeTransform, ExpTransform, PowerTransform,
                         SigmoidTransform, SoftplusTransform, StickBreakingTransform, TanhTransform, Transform)

__all__ = ["AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2",
           "ComposeTransform", "Dirichlet", "Distribution", "ExpTransform", "Exponential", "Gamma", "Geometric",
           "Gumbel", "HalfCauchy", "HalfNormal", "Independent", "InverseGamma", "Kumaraswamy", "Laplace", "LogNormal",
           "MixtureSameFamily", "Multinomial", "MultivariateNormal", "NegativeBinomial", "Normal",
           "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson", "PowerTransform",
           "RelaxedBernoulli", "RelaxedOneHotCategorical", "SigmoidTransform", "SoftplusTransform",
           "StickBreakingTransform", "StudentT", "TanhTransform", "Transform", "TransformedDistribution", "Uniform",
           "Weibull", "kl_divergence", "register_kl", "transforms"]

_publish(globals())
