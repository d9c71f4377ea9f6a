"""Parametrizations of weights: weight normalization, spectral normalization, orthogonality."""

from __future__ import annotations

from typing import Any, Optional

from ...core.public import publish_own
from ...core.tensor import Tensor
from ...operations.creation import eye
from ...operations.decompositions import qr
from ...operations.matrix_functions import matrix_exp
from ...operations.shaping import cat
from ...operations.systems import solve
from ...operations.triangles import tril
from ..functional import normalize
from ..module import Module
from ..parameter import Buffer
from .parametrize import register_parametrization
from .weight_norms import as_matrix, first_vectors, largest_value, lengths, of_length, power_iteration, usual_dim

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: Optional[int]):
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return of_length(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return lengths(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: Optional[int] = 0) -> Any:
    """Parametrize a weight by its direction, `original1`, and its norms along `dim`, `original0`.

    Source: Salimans and Kingma, "Weight Normalization", NeurIPS 2016, eq. 2.

    >>> from gradcore import nn
    >>> [name for name, _ in weight_norm(nn.Linear(2, 3)).named_parameters()]
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float):
        if n_power_iterations < 1:
            raise ValueError(f"spectral_norm: `n_power_iterations` must be at least 1; got {n_power_iterations}")
        self.dim, self.n_power_iterations, self.eps = dim, n_power_iterations, eps
        self.is_vector = weight.ndim < 2
        if not self.is_vector:
            matrix = as_matrix(weight.detach(), dim)
            u, v = first_vectors(matrix, eps)
            power_iteration(matrix, u, v, 15, eps)
            self._u, self._v = Buffer(u), Buffer(v)

    def forward(self, weight: Tensor) -> Tensor:
        if self.is_vector:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            power_iteration(matrix.detach(), self._u, self._v, self.n_power_iterations, self.eps)
        quotient: Tensor = weight / largest_value(matrix, self._u, self._v)
        return quotient

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: Optional[int] = None) -> Any:
    """Divide a weight by its largest singular value, found by the power method at each access in training.

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018, algorithm 1.

    >>> from gradcore import nn
    >>> layer = spectral_norm(nn.Linear(1, 1))
    >>> layer.weight.abs().detach()
    tensor([[1.]])
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter or buffer {name!r}")
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, usual_dim(module, dim),
                                                                eps))


class _Orthogonal(Module):
    """Matrices Q = base · map(A - Aᵀ) with orthonormal columns, or rows if there are more columns."""

    def __init__(self, weight: Tensor, orthogonal_map: str):
        self.orthogonal_map = orthogonal_map
        self.shape = weight.shape
        self.base = Buffer(eye(max(weight.shape[-2:]), dtype=weight.dtype, device=weight.device))

    def _is_wide(self) -> bool:
        return self.shape[-2] < self.shape[-1]

    def forward(self, X: Tensor) -> Tensor:
        X = X.mT if self._is_wide() else X
        n, k = X.shape[-2:]
        A = tril(X, -1)
        if n > k:  # the remaining columns are constant
            A = cat([A, A.new_zeros(*A.shape[:-1], n - k)], -1)
        A = A - A.mT
        if self.orthogonal_map == "cayley":
            identity = eye(n, dtype=A.dtype, device=A.device)
            Q = solve(identity - A / 2, (identity + A / 2).expand(*A.shape))
        else:
            Q = matrix_exp(A)
        Q = (self.base @ Q)[..., :k]
        return Q.mT if self._is_wide() else Q

    def right_inverse(self, Q: Tensor) -> Tensor:
        """The base becomes the nearest that QR finds, and A is 0."""
        if Q.shape != self.shape:
            raise ValueError(f"orthogonal: expected a matrix of shape {self.shape}; got {Q.shape}")
        Q = Q.mT if self._is_wide() else Q
        found, R = qr(Q, "complete")
        signs = R.diagonal(dim1=-2, dim2=-1).sign()
        signs = signs + (signs == 0).to(Q.dtype)
        k = Q.shape[-1]
        found = found.clone()
        found[..., :k] = found[..., :k] * signs.unsqueeze(-2)
        self.base = Buffer(found)
        zero = Q.new_zeros(Q.shape)
        return zero.mT if self._is_wide() else zero


def orthogonal(module: Module, name: str = "weight", orthogonal_map: Optional[str] = None, *,
               use_trivialization: bool = True) -> Any:
    """Keep a matrix of a module orthogonal: with orthonormal columns, or rows if it has more columns.

    Parameters
    ----------
    orthogonal_map : "matrix_exp" (the default) or "cayley", which map skew-symmetric matrices to orthogonal ones.
        PyTorch's "householder", its default for non-square matrices, is not supported.
    use_trivialization : must be True: the map is relative to a base, the initial matrix.

    Source: Lezcano-Casado, "Trivializations for Gradient-Based Optimization on Manifolds", NeurIPS 2019.

    >>> from gradcore import nn
    >>> W = orthogonal(nn.Linear(3, 5)).weight.detach()
    >>> bool(((W.T @ W - eye(3)).abs() < 1e-5).all())
    True
    """
    if orthogonal_map not in (None, "matrix_exp", "cayley"):
        raise ValueError(f'orthogonal: `orthogonal_map` must be "matrix_exp" or "cayley"; got {orthogonal_map!r}')
    if not use_trivialization:
        raise NotImplementedError("orthogonal: use_trivialization=False is not supported")
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor) or weight.ndim < 2:
        raise ValueError(f"orthogonal: {type(module).__name__} has no matrix {name!r}")
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map or "matrix_exp"), unsafe=True)


publish_own(globals())
