"""Random numbers: every device has a generator of its own, and `manual_seed` sets them all.

What should be equal on all devices (initial weights, permutations, integers) is drawn on the host; large draws
(rand, randn, masks) on the device where they are needed.
"""

from __future__ import annotations

import threading
from typing import Any, Optional

import numpy as np

from .arithmetic import minimum
from ..backends import Backend, get_backend
from ..backends.formulas.dtypes import DEFAULT_FLOAT, FLOAT16, FLOAT32, INT64, kind_of
from .creation import finished, like
from ..core.dimensions import unpacked
from ..core.tensor import DeviceLike, Tensor

_lock = threading.Lock()
_LAST_BEFORE_ONE = 1 - 2.0 ** -11  # in float16


class _Generators:
    """One generator for each backend and one for draws on the host, all from one seed."""

    def __init__(self, seed: Optional[int]):
        host, device = np.random.SeedSequence(seed).spawn(2)
        self.host = np.random.default_rng(host)
        self.device_seed = int(device.generate_state(1, np.uint64)[0])
        self.of_backend: dict[Backend, Any] = {}


_generators: Optional[_Generators] = None  # made at the first draw: NumPy loads its random module only then


def _current() -> _Generators:
    global _generators
    with _lock:
        if _generators is None:
            _generators = _Generators(None)
        return _generators


def manual_seed(seed: int) -> None:
    """Begin every generator anew, so that all draws after it repeat.

    Draws on the host, among them initial weights, are equal on all devices.

    >>> manual_seed(0); a = rand(2); manual_seed(0); b = rand(2)
    >>> (a == b).all()
    tensor(True)
    """
    global _generators
    _generators = _Generators(int(seed) % 2**64)


def host_generator() -> np.random.Generator:
    """The generator of draws that are to be equal on all devices."""
    return _current().host


def _generator(backend: Backend) -> Any:
    generators = _current()
    with _lock:
        if backend not in generators.of_backend:
            generators.of_backend[backend] = backend.random_generator(generators.device_seed)
        return generators.of_backend[backend]


def _drawn(distribution: str, shape: tuple, dtype: Any, device: DeviceLike, requires_grad: bool) -> Tensor:
    backend = get_backend(device)
    dtype = np.dtype(dtype or DEFAULT_FLOAT)
    if kind_of(dtype) < 2:
        raise TypeError(f"random numbers of this distribution are floats; got dtype {dtype}")
    draw = getattr(backend, distribution)
    drawn = draw(_generator(backend), unpacked(shape), FLOAT32 if dtype == FLOAT16 else dtype)
    return finished(backend.astype(drawn, dtype), backend, requires_grad)


def rand(*shape: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Draws from the uniform distribution on [0, 1)."""
    drawn = _drawn("uniform", shape, dtype, device, requires_grad)
    if drawn.dtype == FLOAT16:  # a draw close below 1 was rounded to it
        drawn = minimum(drawn.detach(), _LAST_BEFORE_ONE).requires_grad_(requires_grad)
    return drawn


def randn(*shape: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Draws from the standard normal distribution."""
    return _drawn("normal", shape, dtype, device, requires_grad)


def randint(low: int, high: Optional[int] = None, size: Any = (), *, dtype: Any = None,
            device: DeviceLike = None) -> Tensor:
    """Integers from `low` (0 if only one bound is given) up to but without `high`; the same on every device."""
    if isinstance(high, (tuple, list)):
        high, size = None, high
    if high is None:
        low, high = 0, low
    return _on(host_generator().integers(low, high, unpacked((size,)), dtype=np.int64), dtype or INT64, device)


def randperm(n: int, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """The numbers from 0 to n - 1 in a random order; the same on every device."""
    return _on(host_generator().permutation(n), dtype or INT64, device)


def _on(values: Any, dtype: Any, device: DeviceLike) -> Tensor:
    return Tensor(np.asarray(values), dtype=dtype, device=get_backend(device).device)


def rand_like(x: Tensor, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Uniform draws in the shape, dtype and on the device of `x`."""
    return like(rand, x, (), dtype, device, requires_grad)


def randn_like(x: Tensor, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """Normal draws in the shape, dtype and on the device of `x`."""
    return like(randn, x, (), dtype, device, requires_grad)


def bernoulli(probability: Tensor) -> Tensor:
    """Ones with the probabilities that the tensor holds and zeros otherwise, in its dtype.

    >>> bernoulli(Tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    return (rand_like(probability) < probability.detach()).to(dtype=probability.dtype)
