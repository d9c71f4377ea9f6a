"""Data sets: samples by index, or as an iterable."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate, chain
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Sequence, Sized, Union

from ...core.expectations import Expectation, described
from ...core.dimensions import is_integer
from ...core.public import checks_calls
from ...core.tensor import Tensor, tensor
from ...operations.generator import Generator
from .sampler import seeded


@checks_calls
class Dataset:
    """Samples by index: a subclass defines ``__getitem__(i)`` and ``__len__()``.

    For faster access to several samples at once, it may also define ``__getitems__(indices)``, which returns a list of
    samples.

    >>> class Squares(Dataset):
    ...     def __getitem__(self, i):
    ...         return i * i
    ...     def __len__(self):
    ...         return 10
    ...
    >>> Squares()[3]
    9
    """

    _unchecked = ("collated",)
    _stand_ins: Expectation = (lambda value: isinstance(value, IterableDataset) or isinstance(value, Sized) and hasattr(
        value, "__getitem__") and getattr(value, "ndim", 1) > 0,
        "a Dataset or a sequence")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checks_calls(cls)

    def __class_getitem__(cls, item: Any) -> type:
        return cls  # Dataset[int] is for type checkers

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __add__(self, other: "Dataset") -> "Dataset":
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples as an iterable: a subclass defines ``__iter__()``.

    Each worker of a DataLoader iterates over all samples unless ``__iter__`` uses `get_worker_info`.

    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([1, 2, 3])
    ...
    >>> from gradcore.utils.data import DataLoader
    >>> [batch.tolist() for batch in DataLoader(Count(), batch_size=2)]
    [[1, 2], [3]]
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def __add__(self, other: Dataset) -> "ChainDataset":
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Sample i is the tuple of the i-th slices of tensors.

    >>> TensorDataset(Tensor([1, 2]), Tensor([[3], [4]]))[1]
    (tensor(2.), tensor([4.]))
    """

    def __init__(self, *tensors: Tensor):
        lengths = [len(_checked(one)) for one in tensors]
        if not tensors or len(set(lengths)) != 1:
            raise ValueError(f"TensorDataset: there must be tensors, and one target for each sample; got lengths "
                             f"{lengths}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([one[index] for one in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0])

    def collated(self, indices: Sequence[int]) -> list[Tensor]:
        """The samples at these indices, collated as by `default_collate`."""
        return [one[tensor(indices, dtype="int64", device=one.device)] for one in self.tensors]


def _checked(one: Any) -> Tensor:
    if not isinstance(one, Tensor):
        raise TypeError(f"TensorDataset takes tensors; got {type(one).__name__}")
    return one


def _check_number(samples: Any, index: int) -> None:
    if not -len(samples) <= index < len(samples):
        raise IndexError(f"{type(samples).__name__}: there is no sample {index} among {len(samples)}")


class StackDataset(Dataset):
    """Sample i is the tuple (or, with keywords, the dict) of the i-th samples of data sets.

    >>> StackDataset(["a", "b"], [1, 2])[1]
    ('b', 2)
    >>> StackDataset(name=["a", "b"], number=[1, 2])[1]
    {'name': 'b', 'number': 2}
    """

    def __init__(self, *datasets: Dataset, **named: Dataset):
        parts: list[Any] = [*datasets, *named.values()]
        is_known, words = Dataset._stand_ins
        for part in parts:
            if not is_known(part):
                raise TypeError(f"StackDataset: each part must be {words}; got {described(part)}")
        if bool(datasets) == bool(named) or len({len(part) for part in parts}) != 1:
            raise ValueError(f"StackDataset takes data sets of one length, by position or by name; got lengths "
                             f"{[len(part) for part in parts]}")
        self.datasets: Union[tuple[Any, ...], Mapping[str, Dataset]] = named or datasets

    def __getitem__(self, index: int) -> Any:
        _check_number(self, index)
        if isinstance(self.datasets, dict):
            return {name: part[index] for name, part in self.datasets.items()}
        return tuple(part[index] for part in self.datasets)

    def __len__(self) -> int:
        return len(next(iter(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)))


class ConcatDataset(Dataset):
    """Data sets concatenated.

    >>> ConcatDataset([["a"], ["b", "c"]])[2]
    'c'
    """

    def __init__(self, datasets: Iterable[Dataset]):
        self.datasets: list[Any] = list(datasets)
        if not self.datasets or any(isinstance(part, IterableDataset) for part in self.datasets):
            raise ValueError("ConcatDataset takes at least one data set, each with samples by their numbers")
        self.cumulative_sizes: list[int] = list(accumulate(map(len, self.datasets)))

    def __getitem__(self, index: int) -> Any:
        _check_number(self, index)
        index %= len(self)
        part = bisect_right(self.cumulative_sizes, index)
        return self.datasets[part][index - (self.cumulative_sizes[part - 1] if part else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset):
    """Iterable data sets chained.

    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([1, 2])
    ...
    >>> list(ChainDataset([Count(), Count()]))
    [1, 2, 1, 2]
    """

    def __init__(self, datasets: Iterable[Dataset]):
        self.datasets: list[Any] = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self.datasets)

    def __len__(self) -> int:
        return sum(map(len, self.datasets))


class Subset(Dataset):
    """The samples of a data set at given indices.

    >>> list(Subset(["a", "b", "c"], [2, 0]))
    ['c', 'a']
    """

    def __init__(self, dataset: Dataset, indices: Any):  # a list, a range, a tensor, an array: any sequence of numbers
        if not hasattr(indices, "__getitem__") or not hasattr(indices, "__len__"):
            raise TypeError(f"Subset: `indices` must be a sequence of integers; got {type(indices).__name__}")
        self.dataset: Any = dataset
        self.indices: Any = indices

    @property
    def collated(self) -> Callable[[Sequence[int]], Any]:
        """A collated batch, if the data set provides it."""
        of_all = self.dataset.collated
        return lambda chosen: of_all([self.indices[i] for i in chosen])

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, list):
            return self.dataset[self._number(index)]
        numbers = [self._number(i) for i in index]
        return self.dataset[numbers] if isinstance(self.dataset, Dataset) else [self.dataset[i] for i in numbers]

    def _number(self, index: Any) -> Any:
        if not is_integer(index):
            raise TypeError(f"Subset: a sample is named by an integer, several by a list; got {described(index)}")
        _check_number(self, index)
        return self.indices[index]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Dataset, lengths: Sequence[Union[int, float]],
                 generator: Optional[Generator] = None) -> list[Subset]:
    """Random subsets of given lengths, or of fractions that sum to 1.

    Remaining samples are distributed one each to the first parts.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    sized: Any = dataset
    count = len(sized)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9:
        if not all(0 <= share <= 1 for share in lengths):
            raise ValueError(f"random_split: shares lie between 0 and 1; got {list(lengths)}")
        lengths = [math.floor(count * share) for share in lengths]
        lengths = [length + (i < count - sum(lengths)) for i, length in enumerate(lengths)]
    if sum(lengths) != count:
        raise ValueError(f"random_split: lengths {list(lengths)} do not add up to the {count} samples")
    order = seeded(generator).permutation(count).tolist()
    ends = list(accumulate(lengths))
    return [Subset(dataset, order[end - length:end]) for end, length in zip(ends, lengths)]
