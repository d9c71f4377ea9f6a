"""Dropout: random zeros in training, a regularization."""

from __future__ import annotations

from typing import Any, Callable

from ..backends import Expression, FormulaNamespace
from ..backends.formulas.dtypes import FLOAT32, kind_of
from ..core.broadcasting import cast
from ..core.elementwise import Elementwise, elementwise
from ..core.tensor import Tensor, as_tensor
from ..operations.generator import default_generator


_SATURATION = -1.7580993408473766  # of selu, at minus infinity


@elementwise
def dropped(xp: FormulaNamespace, x: Expression, noise: Expression, p: float = 0.5) -> Expression:
    """0 where the noise is below p, else x / (1 - p), which preserves the mean: the kernel of `dropout`."""
    return xp.where(noise < p, 0.0, x / (1.0 - p))


@dropped.derivative
def _(xp: FormulaNamespace, noise: Expression, p: float = 0.5) -> tuple[Expression, float]:
    return xp.where(noise < p, 0.0, 1.0 / (1.0 - p)), 0.0


@elementwise
def alpha_dropped(xp: FormulaNamespace, x: Expression, noise: Expression, p: float = 0.5) -> Expression:
    """The saturation value of selu where the noise is below p, rescaled to mean 0 and variance 1: for `alpha_dropout`.
    """
    scale = 1.0 / xp.sqrt((1.0 - p) * (1.0 + p * _SATURATION * _SATURATION))
    return scale * (xp.where(noise < p, _SATURATION, x) - p * _SATURATION)


def check_probability(p: float, name: str) -> None:
    """Raise an error unless `p` is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: `p` must be between 0 and 1, a probability; got {p}")


def dropout(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """In training, set elements to 0 with probability p and scale the others by 1 / (1 - p).

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014.

    >>> dropout(Tensor([1.0, 2.0]), p=0.5, training=False)
    tensor([1., 2.])
    """
    return _masked(dropped, x, p, training, "dropout", lambda shape: shape)


def dropout1d(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """As `dropout`, for whole channels: the input has the shape (N, C, L) or (C, L).

    >>> dropout1d(Tensor([[[1.0, 2.0]]]), p=0.5, training=False)
    tensor([[[1., 2.]]])
    """
    return _of_channels(x, p, training, "dropout1d", 1)


def dropout2d(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """As `dropout`, for whole channels: the input has the shape (N, C, H, W) or (C, H, W).

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015, section 3.2.

    >>> dropout2d(Tensor([[[[1.0, 2.0]]]]), p=0.5, training=False)
    tensor([[[[1., 2.]]]])
    """
    return _of_channels(x, p, training, "dropout2d", 2)


def dropout3d(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """As `dropout`, for whole channels: the input has the shape (N, C, D, H, W) or (C, D, H, W).

    >>> dropout3d(Tensor([[[[[1.0, 2.0]]]]]), p=0.5, training=False)
    tensor([[[[[1., 2.]]]]])
    """
    return _of_channels(x, p, training, "dropout3d", 3)


def alpha_dropout(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Dropout for selu: dropped elements get its saturation value, and mean and variance are preserved.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017, section 2.

    >>> alpha_dropout(Tensor([1.0, 2.0]), p=0.5, training=False)
    tensor([1., 2.])
    """
    return _masked(alpha_dropped, x, p, training, "alpha_dropout", lambda shape: shape)


def _of_channels(x: Any, p: float, training: bool, name: str, count: int) -> Tensor:
    x = as_tensor(x)
    if x.ndim not in (count + 1, count + 2):
        raise ValueError(f"{name}: the input must have {count + 1} or {count + 2} dimensions; got shape {x.shape}")
    return _masked(dropped, x, p, training, name, lambda shape: shape[:-count] + (1,) * count)


def _masked(formula: Elementwise[Tensor], x: Any, p: float, training: bool, name: str,
            of_noise: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Tensor:
    """In training, a formula of the input and of noise of the shape `of_noise(shape)`."""
    check_probability(p, name)
    given = as_tensor(x)
    if not training or p == 0:
        return given
    backend = given._backend
    noise = Tensor._wrap(default_generator.draw(backend, of_noise(given.shape), FLOAT32), backend)
    result: Tensor = formula(given, noise, p=p)
    return cast(result, given.dtype) if kind_of(given.dtype) == 2 else result  # the noise is float32, also for float16
