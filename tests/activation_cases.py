"""What the activations are held to: formulas in plain NumPy, PyTorch's functions, limits and kinks.

The formulas are written for float64 and for readers, with no regard to speed; they share nothing with the library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from gradcore import functions

Formula = Callable[[np.ndarray], np.ndarray]

KNOWN_POINTS = np.array([0.0, 1.0, 3.0, 6.0, 9.0, 20.0, 30.0, 87.0, 87.5, 88.0, 88.5, 88.72, 89.0, 100.0, 1e4, 1e30,
                         3e38, 1e-3, 1e-7, 1e-30, 1e-38, 1e-40, 1.5e-45])


def points(rng: np.random.Generator, dtype: str, n: int = 4000) -> np.ndarray:
    """The known points with both signs and fresh random ones: ordinary, far out, and close to zero."""
    random = np.concatenate([rng.uniform(-9, 9, n), rng.uniform(-110, 110, n), rng.normal(size=n) * 1e-3])
    both = np.concatenate([KNOWN_POINTS, -KNOWN_POINTS, random])
    return both[np.abs(both) < np.finfo(dtype).max].astype(dtype)


@dataclass(frozen=True)
class Case:
    """An activation of one array with its default constants."""

    name: str
    value: Formula
    slope: Formula
    in_pytorch: Callable[[Any], Any]  # of the module torch.nn.functional
    limits: tuple[float, float, float, float]  # at -inf and inf: the values, then the slopes
    at_zero: float  # the slope at 0 and at -0
    kinks: tuple[float, ...] = ()

    def __call__(self, x: Any) -> Any:
        return getattr(functions, self.name)(x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, x)


def _exponential(scale: float, alpha: float) -> tuple[Formula, Formula]:
    return (lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
            lambda x: scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))))


def _normal(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * math.erfc(-t / math.sqrt(2)) for t in x])


def _gelu_slope(x: np.ndarray) -> np.ndarray:
    return _normal(x) + np.where(np.abs(x) < 100, x * np.exp(-x * x / 2), 0.0) / math.sqrt(2 * math.pi)


def _mish_slope(x: np.ndarray) -> np.ndarray:
    gate = np.tanh(_softplus(x))
    return gate + np.where(x < 100, x * (1 - gate * gate) * _sigmoid(x), 0.0)


def _swish_slope(x: np.ndarray) -> np.ndarray:
    return _sigmoid(x) * (1 + x * _sigmoid(-x))


def _between(low: float, high: float, slope: float = 1.0) -> Formula:
    return lambda x: np.where((x > low) & (x < high), slope, 0.0)


_SELU = _exponential(1.0507009873554804934, 1.6732632423543772848)
_INF = math.inf

def _tanhshrink(x):
    """The difference, where it does not cancel, and the first terms of its series."""
    wide = np.asarray(x, np.longdouble)
    series = wide ** 3 * (1 / np.longdouble(3) - 2 * wide ** 2 / 15 + 17 * wide ** 4 / 315 - 62 * wide ** 6 / 2835)
    return np.where(np.abs(wide) < 1e-2, series, wide - np.tanh(wide)).astype(np.float64)


CASES = [
    Case("relu", lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0), lambda F: F.relu, (0, _INF, 0, 1), 0,
         (0,)),
    Case("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1.0, 0.01),
         lambda F: F.leaky_relu, (-_INF, _INF, 0.01, 1), 0.01, (0,)),
    Case("rrelu", lambda x: np.where(x > 0, x, 11 / 48 * x), lambda x: np.where(x > 0, 1.0, 11 / 48),
         lambda F: F.rrelu, (-_INF, _INF, 11 / 48, 1), 11 / 48, (0,)),
    Case("elu", *_exponential(1, 1), lambda F: F.elu, (-1, _INF, 0, 1), 1, (0,)),
    Case("softplus", _softplus, _sigmoid, lambda F: F.softplus, (0, _INF, 0, 1), 0.5),
    Case("swish", lambda x: x * _sigmoid(x), _swish_slope, lambda F: F.silu, (0, _INF, 0, 1), 0.5),
    Case("sigmoid", _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x), lambda F: F.sigmoid, (0, 1, 0, 0), 0.25),
    Case("tanh", np.tanh, lambda x: 1 / np.cosh(np.clip(x, -300, 300)) ** 2, lambda F: F.tanh, (-1, 1, 0, 0), 1),
    Case("gelu", lambda x: x * _normal(x), _gelu_slope, lambda F: F.gelu, (0, _INF, 0, 1), 0.5),
    Case("selu", *_SELU, lambda F: F.selu, (-1.7580993408473766, _INF, 0, 1.0507009873554805), 1.7580993408473766,
         (0,)),
    Case("celu", *_exponential(1, 1), lambda F: F.celu, (-1, _INF, 0, 1), 1, (0,)),
    Case("mish", lambda x: x * np.tanh(_softplus(x)), _mish_slope, lambda F: F.mish, (0, _INF, 0, 1), 0.6),
    Case("softsign", lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2, lambda F: F.softsign,
         (-1, 1, 0, 0), 1),
    Case("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, _between(-3, 3, 1 / 6), lambda F: F.hardsigmoid,
         (0, 1, 0, 0), 1 / 6, (-3, 3)),
    Case("hardswish", lambda x: x * (np.clip(x + 3, 0, 6) / 6),
         lambda x: np.where(x <= -3, 0.0, np.where(x >= 3, 1.0, x / 3 + 0.5)), lambda F: F.hardswish,
         (0, _INF, 0, 1), 0.5, (-3, 3)),
    Case("hardtanh", lambda x: np.clip(x, -1, 1), _between(-1, 1), lambda F: F.hardtanh, (-1, 1, 0, 0), 1, (-1, 1)),
    Case("relu6", lambda x: np.clip(x, 0, 6), _between(0, 6), lambda F: F.relu6, (0, 6, 0, 0), 0, (0, 6)),
    Case("logsigmoid", lambda x: -_softplus(-x), lambda x: _sigmoid(-x), lambda F: F.logsigmoid, (-_INF, 0, 1, 0), 0.5),
    Case("threshold", lambda x: np.where(x > 0, x, 0), lambda x: np.where(x > 0, 1.0, 0.0),
         lambda F: lambda x: F.threshold(x, 0.0, 0.0), (0, _INF, 0, 1), 0, (0,)),
    Case("hardshrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), lambda x: np.where(np.abs(x) > 0.5, 1.0, 0.0),
         lambda F: F.hardshrink, (-_INF, _INF, 1, 1), 0, (-0.5, 0.5)),
    Case("softshrink", lambda x: x - np.clip(x, -0.5, 0.5), lambda x: np.where(np.abs(x) > 0.5, 1.0, 0.0),
         lambda F: F.softshrink, (-_INF, _INF, 1, 1), 0, (-0.5, 0.5)),
    Case("tanhshrink", _tanhshrink, lambda x: np.tanh(x) ** 2, lambda F: F.tanhshrink,
         (-_INF, _INF, 1, 1), 0),
]
PIECEWISE_STRAIGHT = ("relu", "leaky_relu", "rrelu", "hardsigmoid", "hardtanh", "relu6", "threshold", "hardshrink",
                      "softshrink")
