"""Mixtures of distributions of one kind, and normal distributions of vectors."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

from ..core.tensor import Tensor, as_tensor
from ..functions import log_softmax
from ..operations.decompositions import cholesky
from ..operations.indexing import gather
from ..operations.norms import logsumexp
from ..operations.random import randn
from ..operations.systems import inv
from ..operations.triangular import solve_triangular
from .discrete import Categorical
from .distribution import Distribution, as_value


class MixtureSameFamily(Distribution):
    """The component that `mixture_distribution`, a Categorical, draws, of the last dimension of a batch.

    >>> from gradcore.distributions import Normal
    >>> MixtureSameFamily(Categorical(Tensor([1.0, 1.0])), Normal(Tensor([-1.0, 1.0]), 1.0)).mean
    tensor(0.)
    """

    def __init__(self, mixture_distribution: Categorical, component_distribution: Distribution,
                 validate_args: Optional[bool] = None):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(f"MixtureSameFamily: the mixture must be a Categorical; got {mixture_distribution!r}")
        shape, count = component_distribution.batch_shape, mixture_distribution.param_shape[-1]
        if not shape or shape[-1] != count:
            raise ValueError(f"MixtureSameFamily: the last dimension of the components' batch must be the {count} of "
                             f"the mixture; got a batch of shape {shape}")
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        super().__init__(shape[:-1], component_distribution.event_shape, validate_args)

    def _aligned(self, shares: Tensor) -> Tensor:
        """The mixture's numbers beside the components' events."""
        return shares.reshape(*shares.shape, *(1,) * len(self.event_shape))

    def _averaged(self, of_components: Tensor) -> Tensor:
        shares = self._aligned(self.mixture_distribution.probs)
        return (shares * of_components).sum(-1 - len(self.event_shape))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws without a gradient."""
        shape, events = self._shape(sample_shape), len(self.event_shape)
        chosen = self.mixture_distribution.sample(sample_shape).expand(shape)
        drawn = self.component_distribution.sample(sample_shape)
        places = chosen.reshape(*shape, *(1,) * (events + 1)).expand(*shape, 1, *self.event_shape)
        return gather(drawn, len(shape), places).squeeze(len(shape))

    def log_prob(self, value: Any) -> Tensor:
        value = as_tensor(value, device=self.mixture_distribution.logits.device)
        inside = self.component_distribution.log_prob(value.unsqueeze(-1 - len(self.event_shape)))
        return logsumexp(inside + log_softmax(self.mixture_distribution.logits, dim=-1), dim=-1)

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw below `value`."""
        value = as_tensor(value, device=self.mixture_distribution.logits.device)
        below = self.component_distribution.cdf(value.unsqueeze(-1))
        return (below * self.mixture_distribution.probs).sum(-1)

    @property
    def mean(self) -> Tensor:
        return self._averaged(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        means = self.component_distribution.mean
        apart = (means - self.mean.unsqueeze(-1 - len(self.event_shape))).square()
        return self._averaged(self.component_distribution.variance) + self._averaged(apart)

    def expand(self, batch_shape: Sequence[int]) -> "MixtureSameFamily":
        """The same distribution for a larger batch."""
        shape = tuple(batch_shape)
        count = self.mixture_distribution.param_shape[-1]
        return MixtureSameFamily(self.mixture_distribution.expand(shape),
                                 self.component_distribution.expand((*shape, count)), self._validates)


class MultivariateNormal(Distribution):
    """Normal vectors of a covariance, which is given as it is, by its inverse, or by the factor L of L Lᵀ.

    >>> MultivariateNormal(Tensor([0.0, 0.0]), Tensor([[1.0, 0.0], [0.0, 1.0]])).log_prob(Tensor([0.0, 0.0]))
    tensor(-1.8379)
    """

    has_rsample = True

    def __init__(self, loc: Any, covariance_matrix: Optional[Tensor] = None, precision_matrix: Optional[Tensor] = None,
                 scale_tril: Optional[Tensor] = None, validate_args: Optional[bool] = None):
        matrices = [one for one in (covariance_matrix, precision_matrix, scale_tril) if one is not None]
        if len(matrices) != 1:
            raise ValueError(f"MultivariateNormal: give one of `covariance_matrix`, `precision_matrix` and "
                             f"`scale_tril`; got {len(matrices)}")
        matrix = matrices[0]
        loc = as_value(loc, matrix)
        if loc.ndim < 1 or matrix.ndim < 2 or matrix.shape[-2:] != (loc.shape[-1],) * 2:
            raise ValueError(f"MultivariateNormal: a `loc` of shape {loc.shape} needs square matrices of its last "
                             f"dimension; got shape {matrix.shape}")
        batch = (loc[..., 0] + matrix[..., 0, 0]).shape
        matrix = matrix.expand(*batch, *matrix.shape[-2:])
        self.loc: Tensor = loc.expand(*batch, loc.shape[-1])
        if scale_tril is not None:
            self.scale_tril: Tensor = matrix
        elif covariance_matrix is not None:
            self.scale_tril = cholesky(matrix)
        else:  # of the inverse without computing it: P = U Uᵀ from behind, and L is the transposed inverse of U
            flipped = cholesky(matrix.flip((-2, -1))).flip((-2, -1)).mT
            self.scale_tril = inv(flipped)
        super().__init__(batch, loc.shape[-1:], validate_args)

    @property
    def covariance_matrix(self) -> Tensor:
        return self.scale_tril @ self.scale_tril.mT

    @property
    def precision_matrix(self) -> Tensor:
        return inv(self.covariance_matrix)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        z = randn((*self._shape(sample_shape), *self.event_shape), dtype=self.loc.dtype, device=self.loc.device)
        drawn: Tensor = self.loc + (self.scale_tril @ z.unsqueeze(-1)).squeeze(-1)
        return drawn

    def _log_root(self) -> Tensor:
        """The logarithm of the root of the covariance's determinant."""
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Any) -> Tensor:
        value = as_value(value, self.loc)
        apart = (value - self.loc).unsqueeze(-1)
        z = solve_triangular(self.scale_tril, apart, upper=False).squeeze(-1)
        density: Tensor = -0.5 * (self.event_shape[0] * math.log(2 * math.pi) + z.square().sum(-1)) - self._log_root()
        return density

    def entropy(self) -> Tensor:
        found: Tensor = 0.5 * self.event_shape[0] * (1 + math.log(2 * math.pi)) + self._log_root()
        return found

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self.scale_tril.square().sum(-1)
