"""Generators of random numbers: a seed, and a position in its stream.

All devices draw from the stream of `default_generator`, so a program gives the same numbers on every
device.  `backends.philox` defines the streams.
"""

from __future__ import annotations

import contextlib
import math
import os
from typing import Any, Iterator, Optional

import numpy as np

from ..backends import Backend, Device, as_device, philox
from ..backends.formulas.dtypes import INT64
from ..backends.locks import Guard
from ..core.expectations import Expectation
from ..core.public import checks_calls
from ..core.tensor import DeviceLike, Tensor

_WORD = 2 ** 64
_place_at = tuple.__new__  # twice as fast as the named tuple's own constructor


@checks_calls
class Generator:
    """A stream of random numbers, for functions with a `generator` argument.

    Parameters
    ----------
    device : accepted for compatibility with PyTorch; numbers are drawn on the device of the tensors and are the same.

    >>> from gradcore.operations.random import rand
    >>> a = rand(2, generator=Generator().manual_seed(1))
    >>> (a == rand(2, generator=Generator().manual_seed(1))).all()
    tensor(True)
    """

    _unchecked = ("draw", "skip")
    _stand_ins: Expectation = (lambda value: isinstance(value, Generator), "a gradcore.Generator")

    def __init__(self, device: DeviceLike = None):
        self.device: Device = as_device("cpu" if device is None else device)
        self._guard = Guard()
        self._place = philox.Place(_any_seed(), 0, 0)

    # -- its state --------------------------------------------------------------------------------------------
    def manual_seed(self, seed: int) -> "Generator":
        """Start the stream of a seed (modulo 2^64) and return the generator."""
        return self._moved_to(philox.Place(_integer(seed, "manual_seed") % _WORD, self._place.stream, 0))

    def seed(self) -> int:
        """Start the stream of a random seed and return the seed."""
        return self.manual_seed(_any_seed()).initial_seed()

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._place.seed

    def get_offset(self) -> int:
        """The number of blocks read from the stream."""
        return self._place.offset

    def set_offset(self, offset: int) -> None:
        """Set the number of blocks read from the stream."""
        if not 0 <= _integer(offset, "set_offset") < _WORD:
            raise ValueError(f"set_offset: the blocks of a stream are numbered from 0 to 2^64 - 1; got {offset}")
        self._moved_to(self._place._replace(offset=int(offset)))

    def get_state(self) -> Tensor:
        """Seed, stream and offset as three int64 numbers, for checkpoints.

        >>> Generator().manual_seed(5).get_state()
        tensor([5, 0, 0])
        """
        words = np.array(self._place, np.uint64).view(INT64)
        return Tensor(words, device="cpu")

    def set_state(self, state: Tensor) -> None:
        """Restore the state of a `get_state`."""
        self._moved_to(_place_of(state, "set_state"))

    def clone_state(self) -> "Generator":
        """Another generator in the same state."""
        return self.split(self._place.stream)._moved_to(self._place)

    def split(self, stream: int) -> "Generator":
        """A generator of another stream of the same seed, from its start.

        >>> generator = Generator().manual_seed(5)
        >>> [generator.split(rank).get_state().tolist() for rank in (0, 1)]
        [[5, 0, 0], [5, 1, 0]]
        """
        stream = _integer(stream, "split")
        if not 0 <= stream < _WORD:
            raise ValueError(f"split: streams are numbered from 0 on; got {stream}")
        return Generator(self.device)._moved_to(philox.Place(self._place.seed, stream, 0))

    def _moved_to(self, place: philox.Place) -> "Generator":
        with self._guard.lock:  # so that no draw of another thread comes between
            self._place = place
        return self

    # -- draws ------------------------------------------------------------------------------------------------
    def draw(self, backend: Backend, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """The next numbers as an array of `backend`: float32 or float64 in [0, 1), or int64 with 64 random bits."""
        return backend.random(self.skip(philox.blocks(math.prod(shape), dtype)), shape, dtype)

    @property
    def place(self) -> philox.Place:
        """The current place in the stream."""
        return self._place

    def skip(self, count: int) -> philox.Place:
        """Advance by `count` blocks and return the place where they begin."""
        with self._guard.lock:
            while True:
                place = seed, stream, offset = self._place
                after = _place_at(philox.Place, (seed, stream, (offset + count) % _WORD))
                if self._place is place:  # else a signal's handler has drawn in the meantime
                    self._place = after
                    return place

    # -- Python's protocols -----------------------------------------------------------------------------------
    def __repr__(self) -> str:
        seed, stream, offset = self._place
        return f"<gradcore.Generator seed={seed} stream={stream} offset={offset} device='{self.device}'>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _loaded, (str(self.device), tuple(self._place))


def _loaded(device: str, place: tuple[int, int, int]) -> Generator:
    return Generator(device)._moved_to(philox.Place(*place))


def _any_seed() -> int:
    return int.from_bytes(os.urandom(8), "little")


def _integer(value: Any, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} takes an integer; got {type(value).__name__}")
    return int(value)


def _place_of(state: Any, name: str) -> philox.Place:
    if not isinstance(state, Tensor) or state.dtype != INT64 or state.shape != (3,):
        found = f"{state.dtype} of shape {state.shape}" if isinstance(state, Tensor) else type(state).__name__
        raise TypeError(f"{name} takes a state as get_state gives it, an int64 tensor of 3 numbers (seed, stream, "
                        f"offset); got {found}")
    return philox.Place(*state.numpy().view(np.uint64).tolist())


# -- the generator of all draws that name none ----------------------------------------------------------------
default_generator = Generator()
_of_weights: Optional[Generator] = None  # set if processes have streams of their own


def chosen(generator: Optional[Generator], name: str) -> Generator:
    """The `generator` argument of the function `name`, or the default generator."""
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}: `generator` must be a gradcore.Generator or None; got {type(generator).__name__}")
    return generator


def weights_generator() -> Generator:
    """The generator of initial weights: the default one, or that of stream 0 after `use_stream`."""
    return default_generator if _of_weights is None else _of_weights


def use_stream(index: Optional[int]) -> None:
    """Use stream `index`, for example the rank, so that processes with the same seed draw different numbers.

    Dropout and all other draws of `default_generator` then differ between processes, while initial weights are still
    drawn from one stream, the same in all processes.  None restores a single stream for everything.

    >>> _ = manual_seed(0)
    >>> use_stream(3)
    >>> get_rng_state()[0]
    tensor([0, 4, 0])
    >>> use_stream(None)
    """
    global _of_weights
    if index is None:
        if _of_weights is not None:
            default_generator._moved_to(_of_weights._place)
            _of_weights = None
        return
    if _integer(index, "use_stream") < 0:
        raise ValueError(f"use_stream: processes are numbered from 0 on; got {index}")
    own = default_generator.split(index + 1)  # stream 0 is that of weights
    if _of_weights is None:
        _of_weights = default_generator.clone_state()
    default_generator._moved_to(own._place)


def manual_seed(seed: int) -> Generator:
    """Start the stream of a seed (modulo 2^64), so that later draws are reproducible on any device.

    >>> from gradcore.operations.random import rand
    >>> _ = manual_seed(0); a = rand(2); _ = manual_seed(0); b = rand(2)
    >>> (a == b).all()
    tensor(True)
    """
    default_generator.manual_seed(seed)
    if _of_weights is not None:
        _of_weights.manual_seed(seed)
    return default_generator


def seed() -> int:
    """Start the stream of a random seed and return the seed.

    >>> chosen = seed()
    >>> initial_seed() == chosen
    True
    """
    return manual_seed(_any_seed()).initial_seed()


def initial_seed() -> int:
    """The seed of the default generator.

    >>> _ = manual_seed(5)
    >>> initial_seed()
    5
    """
    return default_generator.initial_seed()


def get_rng_state(device: DeviceLike = None) -> Tensor:
    """The state of the default generator, which all devices share, for checkpoints.

    After `use_stream`, a second row has the state of the generator of initial weights.

    >>> _ = manual_seed(5)
    >>> get_rng_state()
    tensor([5, 0, 0])
    """
    state = default_generator.get_state()
    if _of_weights is None:
        return state
    return Tensor(np.stack([state.numpy(), _of_weights.get_state().numpy()]), device="cpu")


def set_rng_state(new_state: Tensor, device: DeviceLike = None) -> None:
    """Restore the state of a `get_rng_state`.

    >>> from gradcore.operations.random import rand
    >>> state = get_rng_state(); a = rand(2); set_rng_state(state)
    >>> (a == rand(2)).all()
    tensor(True)
    """
    global _of_weights
    is_split = isinstance(new_state, Tensor) and new_state.shape == (2, 3)
    places = [_place_of(state, "set_rng_state") for state in (new_state if is_split else (new_state,))]
    default_generator._moved_to(places[0])
    _of_weights = Generator()._moved_to(places[1]) if is_split else None


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: str = "cuda") -> Iterator[None]:
    """Restore the state of the random numbers at the end of the block.

    There is one state for all devices, so the devices passed by PyTorch scripts do not matter.

    >>> from gradcore.operations.random import rand
    >>> _ = manual_seed(0)
    >>> with fork_rng():
    ...     _ = rand(5)
    >>> get_rng_state()
    tensor([0, 0, 0])
    """
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)
