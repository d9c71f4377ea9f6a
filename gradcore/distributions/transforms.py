"""Invertible functions of draws, with the logarithm of their slope."""

from __future__ import annotations

import math
from typing import Any, Sequence

from ..core.tensor import Tensor, as_tensor
from ..functions import logsigmoid, sigmoid, softplus
from ..operations.rearranging import pad
from ..operations.reduction import sum


class Transform:
    """Base class: a subclass states `_call`, `_inverse` and `log_abs_det_jacobian`.

    `event_dim` is the number of last dimensions that belong to one value.

    >>> ExpTransform().inv(ExpTransform()(Tensor([1.0])))
    tensor([1.])
    """

    event_dim = 0
    bijective = True
    sign = 1

    def __init__(self, cache_size: int = 0):
        self.cache_size = cache_size

    def __call__(self, x: Any) -> Tensor:
        return self._call(as_tensor(x))

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not state _call")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log |dy / dx| for an `x` and its `y`."""
        raise NotImplementedError(f"{type(self).__name__} does not state log_abs_det_jacobian")

    @property
    def inv(self) -> "Transform":
        """The inverse function."""
        return _Inverse(self)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(vars(self)) == str(vars(other))

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Inverse(Transform):
    def __init__(self, transform: Transform):
        super().__init__()
        self.transform, self.event_dim, self.sign = transform, transform.event_dim, transform.sign

    def _call(self, x: Tensor) -> Tensor:
        return self.transform._inverse(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.transform._call(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self.transform.log_abs_det_jacobian(y, x)

    @property
    def inv(self) -> Transform:
        return self.transform


class ComposeTransform(Transform):
    """Functions one after the other.

    >>> ComposeTransform([ExpTransform(), AffineTransform(1.0, 2.0)])(Tensor([0.0]))
    tensor([3.])
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0):
        super().__init__(cache_size)
        self.parts = list(parts)
        self.event_dim = max([part.event_dim for part in self.parts], default=0)
        self.bijective = all(part.bijective for part in self.parts)
        self.sign = math.prod(part.sign for part in self.parts)

    def _call(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part._call(x)
        return x

    def _inverse(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part._inverse(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        total: Any = 0.0
        for part in self.parts:
            after = part._call(x)
            slope = part.log_abs_det_jacobian(x, after)
            total, x = total + summed(slope, self.event_dim - part.event_dim), after
        found: Tensor = total
        return found


def summed(x: Tensor, count: int) -> Tensor:
    """The sum over the last `count` dimensions."""
    return sum(x, tuple(range(x.ndim - count, x.ndim))) if count > 0 else x


class ExpTransform(Transform):
    """y = exp(x).

    >>> ExpTransform()(Tensor([0.0]))
    tensor([1.])
    """

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class AffineTransform(Transform):
    """y = loc + scale · x.

    >>> AffineTransform(1.0, 2.0)(Tensor([3.0]))
    tensor([7.])
    """

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0):
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim

    @property
    def sign(self) -> Any:  # type: ignore[override]
        return self.scale.sign() if isinstance(self.scale, Tensor) else math.copysign(1, self.scale)

    def _call(self, x: Tensor) -> Tensor:
        y: Tensor = self.loc + self.scale * x
        return y

    def _inverse(self, y: Tensor) -> Tensor:
        x: Tensor = (y - self.loc) / self.scale
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        slope = self.scale.abs().log() if isinstance(self.scale, Tensor) else x.new_tensor(math.log(abs(self.scale)))
        return summed((x * 0 + slope), self.event_dim)


class PowerTransform(Transform):
    """y = x^exponent, for x above 0.

    >>> PowerTransform(2.0)(Tensor([3.0]))
    tensor([9.])
    """

    def __init__(self, exponent: Any, cache_size: int = 0):
        super().__init__(cache_size)
        self.exponent = as_tensor(exponent)

    def _call(self, x: Tensor) -> Tensor:
        return x.pow(self.exponent)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.exponent * y / x).abs().log()


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x)).

    >>> SigmoidTransform()(Tensor([0.0]))
    tensor([0.5])
    """

    def _call(self, x: Tensor) -> Tensor:
        return sigmoid(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x) - softplus(x)


class TanhTransform(Transform):
    """y = tanh(x); its slope is computed without the difference that cancels.

    >>> TanhTransform()(Tensor([0.0]))
    tensor([0.])
    """

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        slope: Tensor = 2 * (math.log(2) - x - softplus(-2 * x))
        return slope


class SoftplusTransform(Transform):
    """y = log(1 + exp(x)).

    >>> SoftplusTransform()(Tensor([0.0]))
    tensor([0.6931])
    """

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return logsigmoid(x)


class AbsTransform(Transform):
    """y = |x|; the inverse gives what is not negative.

    >>> AbsTransform()(Tensor([-2.0]))
    tensor([2.])
    """

    bijective = False

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class StickBreakingTransform(Transform):
    """n - 1 numbers as n shares that add up to 1: each breaks a part off what the ones before have left.

    >>> StickBreakingTransform()(Tensor([0.0]))
    tensor([0.5, 0.5])
    """

    event_dim = 1

    def _offsets(self, x: Tensor) -> Tensor:
        if not x.ndim:
            raise ValueError("StickBreakingTransform takes vectors, in the last dimension; got a tensor of shape ()")
        return x.new_tensor([math.log(x.shape[-1] - i) for i in range(x.shape[-1])])

    def _call(self, x: Tensor) -> Tensor:
        z = sigmoid(x - self._offsets(x))
        left = (1 - z).cumprod(-1)
        return pad(z, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        kept = y[..., :-1]
        left = 1 - kept.cumsum(-1)
        return kept.log() - left.log() + self._offsets(kept)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        moved = x - self._offsets(x)
        slopes: Tensor = -moved + logsigmoid(moved) + y[..., :-1].log()
        return slopes.sum(-1)
