"""Samplers: the order in which samples are used.

Random samplers draw one seed for each pass, from `generator` or the default generator, and order the samples on the
host: the order does not depend on the device.  `state_dict` has the seed, from which a pass can be repeated.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence, Sized, Union

import numpy as np

from ...core.public import checks_calls
from ...core.dimensions import is_integer
from ...core.tensor import Tensor, as_tensor
from ...operations.generator import Generator
from ...operations.random import randint

Indices = Union[Sequence[int], range, np.ndarray, Tensor]  # numbers of samples
_LARGEST = 2 ** 63 - 1


def drawn_seed(generator: Optional[Generator] = None) -> int:
    """A seed from `generator` or the default generator."""
    return int(randint(0, _LARGEST, (), device="cpu", generator=generator).item())


def seeded(generator: Optional[Generator] = None) -> np.random.Generator:
    """A NumPy generator on the host for a drawn seed."""
    return np.random.default_rng(drawn_seed(generator))


@checks_calls
class Sampler:
    """The order of samples: a subclass defines ``__iter__()`` and ``__len__()``.

    >>> class Backwards(Sampler):
    ...     def __init__(self, data_source):
    ...         self.count = len(data_source)
    ...     def __iter__(self):
    ...         return iter(range(self.count)[::-1])
    ...     def __len__(self):
    ...         return self.count
    ...
    >>> list(Backwards("abc"))
    [2, 1, 0]
    """

    _unchecked = ("order",)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checks_calls(cls)

    def __init__(self, data_source: Optional[Sized] = None):
        self.data_source = data_source

    def __class_getitem__(cls, item: Any) -> type:
        return cls

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def state_dict(self) -> dict[str, Any]:
        """What reproduces the current pass; empty if all passes are the same."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Let the next pass repeat that of a `state_dict`."""


class SequentialSampler(Sampler):
    """All samples in order.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    data_source: Sized

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class SeededSampler(Sampler):
    """Base class of random orders: a subclass defines `order`."""

    def __init__(self, data_source: Optional[Sized], generator: Optional[Generator]):
        super().__init__(data_source)
        self.generator = generator
        self.seed: Optional[int] = None  # of the last pass started
        self._repeated: Optional[int] = None  # the seed of the next pass, if it is a repetition

    def order(self, rng: np.random.Generator) -> Iterable[int]:
        """The indices of the samples of one pass."""
        raise NotImplementedError(f"{type(self).__name__} must define order")

    def __iter__(self) -> Iterator[int]:
        self.seed = drawn_seed(self.generator) if self._repeated is None else self._repeated
        self._repeated = None
        return iter(np.asarray(self.order(np.random.default_rng(self.seed))).tolist())

    def state_dict(self) -> dict[str, Any]:
        return {"seed": self.seed}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        seed = state_dict.get("seed", "")
        if set(state_dict) != {"seed"} or not (seed is None or isinstance(seed, int)):
            raise ValueError(f"{type(self).__name__}.load_state_dict takes {{'seed': an integer}}; got {state_dict!r}")
        self.seed = self._repeated = seed


class RandomSampler(SeededSampler):
    """All samples in random order, or with `replacement` as many random samples (or `num_samples`).

    >>> sorted(RandomSampler(["a", "b", "c"]))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized, replacement: bool = False, num_samples: Optional[int] = None,
                 generator: Optional[Generator] = None):
        if num_samples is not None and num_samples < 1:
            raise ValueError(f"RandomSampler: `num_samples` must be at least 1; got {num_samples}")
        super().__init__(data_source, generator)
        self.data_source: Sized = data_source
        self.replacement, self._num_samples = replacement, num_samples

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self, rng: np.random.Generator) -> Iterable[int]:
        count = len(self.data_source)
        if self.replacement:
            return rng.integers(0, count, self.num_samples)
        rounds = [rng.permutation(count) for _ in range(-(-self.num_samples // count) if count else 0)]
        return np.concatenate(rounds)[:self.num_samples] if rounds else ()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(SeededSampler):
    """The samples at given indices in random order.

    >>> sorted(SubsetRandomSampler([5, 7, 9]))
    [5, 7, 9]
    """

    def __init__(self, indices: Indices, generator: Optional[Generator] = None):
        super().__init__(None, generator)
        self.indices = indices

    def order(self, rng: np.random.Generator) -> Iterable[int]:
        return [int(self.indices[i]) for i in rng.permutation(len(self.indices))]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(SeededSampler):
    """`num_samples` samples drawn by weights, which need not sum to 1.

    >>> list(WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Optional[Generator] = None):
        super().__init__(None, generator)
        self.weights = as_tensor(weights, "float64", "cpu").detach().numpy()
        if self.weights.ndim != 1 or not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise ValueError("WeightedRandomSampler takes a vector of finite weights of at least 0")
        possible = np.count_nonzero(self.weights)
        if num_samples < 1 or not possible or (not replacement and num_samples > possible):
            raise ValueError(f"WeightedRandomSampler: cannot draw {num_samples} sample(s) from {possible} with a "
                             f"weight above 0 {'with' if replacement else 'without'} replacement")
        self.num_samples, self.replacement = num_samples, replacement

    def order(self, rng: np.random.Generator) -> Iterable[int]:
        return rng.choice(len(self.weights), self.num_samples, self.replacement, self.weights / self.weights.sum())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """The indices of another sampler in batches of `batch_size`; `drop_last` drops a smaller last batch.

    >>> list(BatchSampler(SequentialSampler(range(5)), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool):
        if not is_integer(batch_size) or batch_size < 1:
            raise ValueError(f"a batch holds at least one sample; got batch_size={batch_size!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        return self._batches(iter(self.sampler))

    def _batches(self, indices: Iterator[Any]) -> Iterator[list[Any]]:
        batch: list[Any] = []
        for index in indices:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        sampler: Any = self.sampler
        count = len(sampler)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def state_dict(self) -> dict[str, Any]:
        return self.sampler.state_dict() if isinstance(self.sampler, Sampler) else {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if isinstance(self.sampler, Sampler):
            self.sampler.load_state_dict(state_dict)
