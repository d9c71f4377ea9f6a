"""Initialization: each function fills a tensor in place, without recording, and returns it.

Samples come from the default generator, so they are reproducible with `gradcore.manual_seed` on every device.
"""

from __future__ import annotations

import math
from typing import Any, Optional, Union

import numpy as np

from ..backends.formulas.dtypes import FLOAT64, kind_of
from ..core.public import publish_own
from ..core.tensor import Tensor
from ..operations.generator import Generator, weights_generator
from ..operations.random import rand, randn, randperm

# The factors that compensate for the variance lost in a nonlinearity.
_GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0, "conv_transpose2d": 1.0,
          "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: Optional[float] = None) -> float:
    """The recommended gain of a nonlinearity; `param` is the slope of "leaky_relu".

    >>> round(calculate_gain("leaky_relu", 1.0), 4)
    1.0
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"calculate_gain: `nonlinearity` must be one of {', '.join(_GAINS)}, leaky_relu; got "
                         f"{nonlinearity!r}")
    return _GAINS[nonlinearity]


def _fill(tensor: Tensor, values: Any, name: str) -> Tensor:
    if not isinstance(tensor, Tensor) or kind_of(tensor.dtype) < 2:
        raise TypeError(f"init.{name} fills a tensor of floats; got {getattr(tensor, 'dtype', type(tensor).__name__)}")
    if isinstance(values, Tensor):
        tensor.detach().copy_(values)
    else:
        tensor.detach().fill_(values)
    return tensor


def _uniform(tensor: Tensor, low: float, high: float, generator: Optional[Generator], name: str) -> Tensor:
    drawn = rand(tensor.shape, device=tensor.device, generator=generator or weights_generator())
    return _fill(tensor, drawn * (high - low) + low, name)


def _normal(tensor: Tensor, mean: float, std: float, generator: Optional[Generator], name: str) -> Tensor:
    drawn = randn(tensor.shape, device=tensor.device, generator=generator or weights_generator())
    return _fill(tensor, drawn * std + mean, name)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Optional[Generator] = None) -> Tensor:
    """Fill with samples of the uniform distribution on [a, b).

    >>> from gradcore import empty
    >>> bool((uniform_(empty(100), 2.0, 3.0) >= 2.0).all())
    True
    """
    if not a <= b:
        raise ValueError(f"init.uniform_: bounds must be in order; got {a} and {b}")
    return _uniform(tensor, a, b, generator, "uniform_")


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Optional[Generator] = None) -> Tensor:
    """Fill with samples of the normal distribution.

    >>> from gradcore import empty
    >>> normal_(empty(1000), mean=5.0).mean().round()
    tensor(5.)
    """
    if not std >= 0:
        raise ValueError(f"init.normal_: `std` must be at least 0; got {std}")
    return _normal(tensor, mean, std, generator, "normal_")


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Optional[Generator] = None) -> Tensor:
    """Fill with samples of the normal distribution truncated to [a, b].

    >>> from gradcore import empty
    >>> bool(trunc_normal_(empty(1000), a=-1.0, b=1.0).abs().max() <= 1.0)
    True
    """
    if not (std > 0 and a < b):
        raise ValueError(f"init.trunc_normal_: `std` must be above 0 and the bounds in order; got {std}, {a} and {b}")
    chosen = generator or weights_generator()
    values, wrong = np.zeros(tensor.shape), np.ones(tensor.shape, bool)
    if not _probability(b, mean, std) - _probability(a, mean, std) > 1e-3:
        raise ValueError(f"init.trunc_normal_: hardly a draw lies between {a} and {b}")
    while wrong.any():
        values[wrong] = randn(int(wrong.sum()), dtype=FLOAT64, device="cpu", generator=chosen).numpy() * std + mean
        wrong = (values < a) | (values > b)
    return _fill(tensor, _there(values, tensor), "trunc_normal_")


def _probability(x: float, mean: float, std: float) -> float:
    return 0.5 * (1.0 + math.erf((x - mean) / (std * math.sqrt(2.0))))


def _there(values: np.ndarray, tensor: Tensor) -> Tensor:
    return Tensor(values, device=tensor.device)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with a number.

    >>> constant_(Tensor([1.0, 2.0]), 5.0)
    tensor([5., 5.])
    """
    return _fill(tensor, val, "constant_")


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    >>> ones_(Tensor([5.0, 6.0]))
    tensor([1., 1.])
    """
    return _fill(tensor, 1.0, "ones_")


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    >>> zeros_(Tensor([5.0, 6.0]))
    tensor([0., 0.])
    """
    return _fill(tensor, 0.0, "zeros_")


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity.

    >>> eye_(Tensor.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    _of_ndim(tensor, "eye_", 2)
    rows, columns = tensor.shape
    return _fill(tensor, _there(np.eye(rows, columns), tensor), "eye_")


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill with the Dirac delta: filters that preserve their input channels.

    >>> from gradcore import empty
    >>> dirac_(empty(2, 2, 3)).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    _of_ndim(tensor, "dirac_", 3, 4, 5)
    out, channels = tensor.shape[:2]
    if out % groups:
        raise ValueError(f"init.dirac_: the {out} output channel(s) are not divisible into {groups} groups")
    values = np.zeros(tensor.shape)
    middle = tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(out // groups, channels)):
            values[(group * (out // groups) + channel, channel, *middle)] = 1.0
    return _fill(tensor, _there(values, tensor), "dirac_")


def _of_ndim(tensor: Tensor, name: str, *wanted: int) -> None:
    if tensor.ndim not in wanted:
        raise ValueError(f"init.{name} fills a tensor of {' or '.join(map(str, wanted))} dimensions; got shape "
                         f"{tensor.shape}")


def fans(tensor: Tensor, name: str = "fans") -> tuple[int, int]:
    """The number of inputs of each output (fan_in) and of outputs of each input (fan_out), for a weight (out, in,
    ...).

    >>> from gradcore import empty
    >>> fans(empty(4, 3, 5, 5))
    (75, 100)
    """
    if tensor.ndim < 2:
        raise ValueError(f"init.{name}: inputs and outputs of a weight of fewer than 2 dimensions are unknown; got "
                         f"shape {tensor.shape}")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Optional[Generator] = None) -> Tensor:
    """Fill with uniform samples of variance gain² · 2 / (fan_in + fan_out).

    Source: Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", 2010.

    >>> from gradcore import empty
    >>> bool(xavier_uniform_(empty(4, 2)).abs().max() <= 1.0)  # sqrt(6 / (4 + 2))
    True
    """
    bound = gain * math.sqrt(6.0 / max(sum(fans(tensor, "xavier_uniform_")), 1))
    return _uniform(tensor, -bound, bound, generator, "xavier_uniform_")


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Optional[Generator] = None) -> Tensor:
    """Fill with normal samples of variance gain² · 2 / (fan_in + fan_out); see `xavier_uniform_`.

    >>> from gradcore import empty
    >>> xavier_normal_(empty(100, 100)).std().round(decimals=1)
    tensor(0.1)
    """
    std = gain * math.sqrt(2.0 / max(sum(fans(tensor, "xavier_normal_")), 1))
    return _normal(tensor, 0.0, std, generator, "xavier_normal_")


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str, name: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'init.{name}: `mode` must be "fan_in" or "fan_out"; got {mode!r}')
    fan = fans(tensor, name)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Optional[Generator] = None) -> Tensor:
    """Fill with uniform samples of variance gain² / fan; `a` is the slope of "leaky_relu".

    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2.

    >>> from gradcore import empty
    >>> weight = kaiming_uniform_(empty(4, 6), nonlinearity="relu")
    >>> bool(weight.abs().max() <= 1.0)  # sqrt(6 / 6)
    True
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_uniform_")
    return _uniform(tensor, -bound, bound, generator, "kaiming_uniform_")


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Optional[Generator] = None) -> Tensor:
    """Fill with normal samples of variance gain² / fan; see `kaiming_uniform_`.

    >>> from gradcore import empty
    >>> kaiming_normal_(empty(100, 200), nonlinearity="relu").std().round(decimals=1)
    tensor(0.1)
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_normal_")
    return _normal(tensor, 0.0, std, generator, "kaiming_normal_")


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Optional[Generator] = None) -> Tensor:
    """Fill with an orthogonal matrix times `gain`: orthogonal rows, or columns if there are more rows.

    Source: Saxe, McClelland and Ganguli, "Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural
    Networks", ICLR 2014.

    >>> from gradcore import empty
    >>> weight = orthogonal_(empty(2, 3))
    >>> (weight @ weight.T).round(decimals=3).abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    fans(tensor, "orthogonal_")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = randn(rows, columns, dtype=FLOAT64, device="cpu", generator=generator or weights_generator()).numpy()
    q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
    q = q * np.sign(np.diag(r))  # for a uniform distribution over orthogonal matrices
    q = q.T if rows < columns else q
    return _fill(tensor, _there(gain * q.reshape(tensor.shape), tensor), "orthogonal_")


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Optional[Generator] = None) -> Tensor:
    """Fill with normal samples, with a fraction `sparsity` of each column set to zero.

    Source: Martens, "Deep Learning via Hessian-Free Optimization", ICML 2010.

    >>> from gradcore import empty
    >>> (sparse_(empty(10, 3), sparsity=0.5) == 0).sum(dim=0)
    tensor([5, 5, 5])
    """
    _of_ndim(tensor, "sparse_", 2)
    if not 0 <= sparsity <= 1:
        raise ValueError(f"init.sparse_: `sparsity` must be between 0 and 1; got {sparsity}")
    chosen = generator or weights_generator()
    rows, columns = tensor.shape
    values = randn(rows, columns, dtype=FLOAT64, device="cpu", generator=chosen).numpy() * std
    for column in range(columns):
        zeros = randperm(rows, device="cpu", generator=chosen).numpy()[:math.ceil(sparsity * rows)]
        values[zeros, column] = 0.0
    return _fill(tensor, _there(values, tensor), "sparse_")


def bound_for(fan_in: Union[int, float]) -> float:
    """1 / sqrt(fan_in), the bound of PyTorch's layers, which makes the variance of outputs independent of fan_in.

    Source: LeCun et al., "Efficient BackProp", 1998, section 4.6.

    >>> bound_for(16)
    0.25
    """
    return 1.0 / math.sqrt(fan_in) if fan_in else 0.0


publish_own(globals())
