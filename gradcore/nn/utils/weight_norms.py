"""Weight normalization and spectral normalization, by hooks."""

from __future__ import annotations

from typing import Any, Optional

from ...core.grad_mode import no_grad
from ...core.tensor import Tensor
from ...operations.norms import norm
from ...operations.products import dot, mv
from ...operations.random import randn
from ...operations.shaping import reshape
from ..convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..functional import normalize
from ..module import Module
from ..parameter import Parameter


def lengths(weight: Tensor, dim: Optional[int]) -> Tensor:
    """The norm of each slice along `dim`, with the dimensions of the weight; of the whole for None or -1."""
    if dim is None or dim == -1:
        return norm(weight)
    if not -weight.ndim <= dim < weight.ndim:
        raise ValueError(f"weight_norm: `dim` must name one of {weight.ndim} dimensions; got {dim}")
    others = tuple(i for i in range(weight.ndim) if i != dim % weight.ndim)
    return norm(weight, 2, others, keepdim=True) if others else weight.abs()


def of_length(direction: Tensor, length: Tensor, dim: Optional[int]) -> Tensor:
    """The weight of a direction and norms."""
    weight: Tensor = direction * (length / lengths(direction, dim))
    return weight


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight as a matrix whose rows are along `dim`."""
    return reshape(weight.movedim(dim, 0), weight.shape[dim], -1)


def first_vectors(matrix: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Random unit vectors of the sizes of a matrix."""
    like: Any = {"dtype": matrix.dtype, "device": matrix.device}
    return (normalize(randn(matrix.shape[0], **like), dim=0, eps=eps),
            normalize(randn(matrix.shape[1], **like), dim=0, eps=eps))


@no_grad()
def power_iteration(matrix: Tensor, u: Tensor, v: Tensor, steps: int, eps: float) -> None:
    """Update u and v in place toward the singular vectors of the largest singular value: the power method."""
    for _ in range(steps):
        u.copy_(normalize(mv(matrix, v), dim=0, eps=eps))
        v.copy_(normalize(mv(matrix.T, u), dim=0, eps=eps))


def largest_value(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """The singular value of given singular vectors, which are constants."""
    return dot(u.detach().clone(), mv(matrix, v.detach().clone()))


def usual_dim(module: Module, dim: Optional[int]) -> int:
    """The dimension of outputs in a module's weight."""
    if dim is not None:
        return dim
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0


class _Reweighting:
    """A hook that computes a weight from other parameters before each call."""

    def __init__(self, name: str, **options: Any):
        self.name = name
        self.__dict__.update(options)

    def __call__(self, module: Any, inputs: Any) -> None:
        object.__setattr__(module, self.name, self.computed(module))

    def computed(self, module: Any) -> Tensor:
        raise NotImplementedError


class _ByLength(_Reweighting):
    dim: Optional[int]

    def computed(self, module: Any) -> Tensor:
        return of_length(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)


class _BySingularValue(_Reweighting):
    dim: int
    steps: int
    eps: float

    def computed(self, module: Any) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = as_matrix(weight, self.dim)
        if module.training:
            power_iteration(matrix.detach().T, v, u, self.steps, self.eps)
        quotient: Tensor = weight / largest_value(matrix, u, v)
        return quotient


def _weight_of(module: Any, name: str, function: str) -> Parameter:
    if any(hook.name == name for hook in _hooks(module)):
        raise RuntimeError(f"{function}: {name!r} of {type(module).__name__} is reweighted already")
    if name not in module._parameters or module._parameters[name] is None:
        raise AttributeError(f"{function}: {type(module).__name__} has no parameter {name!r}")
    weight: Parameter = module._parameters[name]
    return weight


def _hooks(module: Any) -> dict[_Reweighting, int]:
    """The reweighting hooks of a module, with their keys."""
    found = module._hooks.of_kind["forward_pre"] if module._hooks is not None else {}
    return {hook: key for key, hook in found.items() if isinstance(hook, _Reweighting)}


def _install(module: Module, hook: _Reweighting) -> Module:
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def _removed(module: Module, name: str, kind: type[_Reweighting], parts: str, function: str) -> Module:
    hook, key = next(((hook, key) for hook, key in _hooks(module).items()
                      if type(hook) is kind and hook.name == name), (None, 0))
    if hook is None:
        raise ValueError(f"{function}: {name!r} of {type(module).__name__} is not reweighted")
    with no_grad():
        weight = hook.computed(module).detach()
    for end in parts.split():
        delattr(module, f"{name}_{end}")
    delattr(module, name)
    hooks: Any = module._hooks
    del hooks.of_kind["forward_pre"][key]
    module.register_parameter(name, Parameter(weight))
    return module


def weight_norm(module: Module, name: str = "weight", dim: Optional[int] = 0) -> Module:
    """Parametrize a weight of a module by its direction, `weight_v`, and its norms along `dim`, `weight_g`.

    weight = weight_g · weight_v / |weight_v|, computed before each call.  With dim=None there is one norm for all.
    Source: Salimans and Kingma, "Weight Normalization", NeurIPS 2016, eq. 2.

    >>> from gradcore import nn
    >>> [name for name, _ in weight_norm(nn.Linear(2, 3)).named_parameters()]
    ['bias', 'weight_g', 'weight_v']
    """
    weight = _weight_of(module, name, "weight_norm")
    length = lengths(weight.detach(), dim)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(length))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    return _install(module, _ByLength(name, dim=dim))


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Undo `weight_norm`, with the current value as the parameter.

    >>> from gradcore import nn
    >>> [name for name, _ in remove_weight_norm(weight_norm(nn.Linear(2, 3))).named_parameters()]
    ['bias', 'weight']
    """
    return _removed(module, name, _ByLength, "g v", "remove_weight_norm")


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: Optional[int] = None) -> Module:
    """Divide a weight of a module by its largest singular value, as a matrix whose rows are along `dim`.

    It is updated by `n_power_iterations` steps of the power method before each call in training, starting from the last
    vectors (`weight_u`, `weight_v`).
    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018, algorithm 1.

    >>> from gradcore import nn
    >>> sorted(spectral_norm(nn.Linear(2, 3)).state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: `n_power_iterations` must be at least 1; got {n_power_iterations}")
    weight = _weight_of(module, name, "spectral_norm")
    hook = _BySingularValue(name, dim=usual_dim(module, dim), steps=n_power_iterations, eps=eps)
    u, v = first_vectors(as_matrix(weight.detach(), hook.dim), eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    return _install(module, hook)


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undo `spectral_norm`, with the current value as the parameter.

    >>> from gradcore import nn
    >>> [name for name, _ in remove_spectral_norm(spectral_norm(nn.Linear(2, 3))).named_parameters()]
    ['bias', 'weight']
    """
    return _removed(module, name, _BySingularValue, "orig u v", "remove_spectral_norm")
