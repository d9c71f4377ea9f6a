"""Data sets, samplers and the DataLoader: beside PyTorch's where that is defined, and what only this one does."""

from __future__ import annotations

import threading
from collections import Counter, namedtuple

import numpy as np
import pytest

import gradcore
from gradcore.utils.data import (BatchSampler, ChainDataset, ConcatDataset, DataLoader, Dataset, IterableDataset,
                                 RandomSampler, Sampler, SequentialSampler, StackDataset, Subset, SubsetRandomSampler,
                                 TensorDataset, WeightedRandomSampler, default_collate, get_worker_info, random_split)


class Squares(Dataset):
    """i and its square, as numbers; it can be sent to another process."""

    def __init__(self, count, broken_at=None):
        self.count, self.broken_at = count, broken_at

    def __getitem__(self, i):
        if i == self.broken_at:
            raise ArithmeticError(f"sample {i} is broken")
        return i, float(i * i)

    def __len__(self):
        return self.count


class Counting(IterableDataset):
    """0, 1, ... in equal shares to the workers."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        info = get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(start, self.count, step))


def _firsts(loader):
    return [x.tolist() for x, *_ in loader]


# -- batches --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True},
                                     {"batch_size": None}, {"sampler": [4, 0, 0, 2], "batch_size": 3},
                                     {"batch_sampler": [[1, 2, 3], [0]]}], ids=str)
def test_batches_as_pytorchs(options, torch):
    from torch.utils.data import DataLoader as Theirs
    for samples in (Squares(7), [np.float32(0.5)] * 7, [{"a": i, "b": str(i)} for i in range(7)],
                    [np.arange(3) + i for i in range(7)], [((i, float(i)), [i]) for i in range(7)]):
        ours, theirs = DataLoader(samples, **options), Theirs(samples, **options)
        assert len(ours) == len(theirs)
        assert [_plain(batch) for batch in ours] == [_plain(batch) for batch in theirs]


def _plain(batch):
    """A batch with tensors as their dtype and values."""
    if isinstance(batch, (tuple, list)):
        return [_plain(part) for part in batch]
    if isinstance(batch, dict):
        return {name: _plain(part) for name, part in batch.items()}
    if hasattr(batch, "tolist"):
        return str(batch.dtype).replace("torch.", ""), batch.tolist()
    return batch


def test_named_tuples_stay_what_they_are():
    Pair = namedtuple("Pair", "x y")
    batch, = DataLoader([Pair(1, 2.0), Pair(3, 4.0)], batch_size=2)
    assert isinstance(batch, Pair) and batch.x.tolist() == [1, 3]


def test_tensors_are_taken_at_once_and_are_what_they_are_one_by_one(backend, rng):
    x = gradcore.tensor(rng.normal(size=(7, 2)), device=backend.device)
    y = gradcore.tensor(rng.integers(0, 9, 7), device=backend.device)
    samples = TensorDataset(x, y)
    chosen = Subset(samples, [6, 0, 3, 3])
    for part in (samples, chosen):
        at_once = [*DataLoader(part, batch_size=3)]
        one_by_one = [*DataLoader(part, batch_size=3, collate_fn=default_collate)]
        for left, right in zip(at_once, one_by_one, strict=True):
            for a, b in zip(left, right, strict=True):
                assert a.device == b.device == backend.device and a.dtype == b.dtype and a.tolist() == b.tolist()


def test_batches_are_moved(backend):
    for x, parts in DataLoader([(1.0, {"a": i}) for i in range(3)], batch_size=2, device=backend.device):
        assert x.device == parts["a"].device == backend.device


def test_batches_are_pinned_for_the_device_that_asks(backend, monkeypatch):
    pinned = []

    def pin(self, host):
        pinned.append(host.tolist())
        return host.copy()

    place = str(backend.device)
    if place.startswith("cuda"):
        pytest.skip("the memory itself is tested with CUDA's streams")
    monkeypatch.setattr(type(backend), "pinned", pin)
    loader = DataLoader(range(3), batch_size=2, pin_memory=True, pin_memory_device=place)
    assert [(batch.tolist(), str(batch.device)) for batch in loader] == [([0, 1], "cpu"), ([2], "cpu")]
    assert pinned == ([] if place == "cpu" else [[0, 1], [2]])
    assert [len(batch) for batch in DataLoader(range(3), batch_size=2, pin_memory=True)] == [2, 1]


def test_own_collate_fn_and_many_samples_at_once():
    class Fast(Squares):
        def __getitems__(self, indices):
            return [("fast", i) for i in indices]

    assert [*DataLoader(Fast(3), batch_size=2, collate_fn=list)] == [[("fast", 0), ("fast", 1)], [("fast", 2)]]
    assert [*DataLoader(range(3), batch_size=None, collate_fn=str)] == ["0", "1", "2"]


# -- orders ---------------------------------------------------------------------------------------------------
def test_a_shuffled_pass_has_every_sample_once_and_follows_the_seed():
    loader = DataLoader(range(50), batch_size=7, shuffle=True)
    gradcore.manual_seed(3)
    first, second = [sum((batch.tolist() for batch in loader), []) for _ in range(2)]
    assert sorted(first) == sorted(second) == list(range(50)) and first != second and first != sorted(first)
    gradcore.manual_seed(3)
    assert sum((batch.tolist() for batch in loader), []) == first


def test_orders_do_not_depend_on_the_device(backend):
    orders = []
    for place in ("cpu", backend.device):
        gradcore.manual_seed(5)
        with _default_device(place):
            orders.append([*RandomSampler(range(20)), *WeightedRandomSampler(gradcore.ones(4), 9),
                           *SubsetRandomSampler([5, 6, 7]), *random_split(range(5), [5])[0].indices])
    assert orders[0] == orders[1]


class _default_device:
    def __init__(self, device):
        self.device = device

    def __enter__(self):
        gradcore.set_default_device(self.device)

    def __exit__(self, *error):
        gradcore.set_default_device(None)


def test_weights_are_what_they_say():
    gradcore.manual_seed(0)
    counts = Counter(WeightedRandomSampler([1.0, 0.0, 3.0], 4000))
    assert counts[1] == 0 and abs(counts[2] / 4000 - 0.75) < 0.04
    assert sorted(WeightedRandomSampler([1, 2, 3, 0], 3, replacement=False)) == [0, 1, 2]
    assert max(Counter(RandomSampler(range(3), num_samples=7)).values()) == 3
    assert len([*RandomSampler(range(3), replacement=True, num_samples=7)]) == 7


def test_parts_of_a_data_set():
    both = Squares(2) + [(9, 81.0)]
    assert isinstance(both, ConcatDataset) and [sample[0] for sample in (both[0], both[2], both[-1])] == [0, 9, 9]
    assert [*Counting(2) + Counting(1)] == [0, 1, 0] and isinstance(Counting(1) + Counting(1), ChainDataset)
    assert StackDataset(Squares(2), "ab")[1] == ((1, 1.0), "b") and StackDataset(x="ab")[0] == {"x": "a"}
    parts = random_split(Squares(10), [0.55, 0.45])
    assert [len(part) for part in parts] == [6, 4]
    assert sorted(part[i][0] for part in parts for i in range(len(part))) == list(range(10))
    with pytest.raises(IndexError, match="no sample 3"):
        both[3]


def test_batches_of_a_sampler():
    assert [*BatchSampler(SequentialSampler("abcde"), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3


# -- workers --------------------------------------------------------------------------------------------------
def test_workers_are_threads_and_batches_stay_in_order():
    names = set()

    class Watched(Squares):
        def __getitem__(self, i):
            names.add((threading.current_thread().name, get_worker_info().id))
            return super().__getitem__(i)

    loader = DataLoader(Watched(20), batch_size=3, num_workers=3)
    assert _firsts(loader) == _firsts(DataLoader(Squares(20), batch_size=3))
    assert len(names) == 3 and {number for _, number in names} == {0, 1, 2}
    assert get_worker_info() is None


def test_workers_share_an_iterable_data_set():
    for count in (1, 2, 3):
        batches = [batch.tolist() for batch in DataLoader(Counting(11), batch_size=2, num_workers=count)]
        assert sorted(sum(batches, [])) == list(range(11))
    assert [len(b) for b in DataLoader(Counting(7), batch_size=2, num_workers=2, drop_last=True)] == [2, 2, 2]


def test_persistent_workers_are_started_once():
    started = []
    loader = DataLoader(Squares(4), num_workers=2, worker_init_fn=started.append, persistent_workers=True)
    assert _firsts(loader) == _firsts(loader)
    assert sorted(started) == [0, 1]


def test_what_goes_wrong_in_a_worker_is_told():
    with pytest.raises(ArithmeticError, match="sample 3 is broken"):
        _firsts(DataLoader(Squares(6, broken_at=3), num_workers=2))
    never = threading.Event()

    class Slow(Squares):
        def __getitem__(self, i):
            never.wait(5)
            return super().__getitem__(i)

    with pytest.raises(RuntimeError, match="worker 0 fetched no batch in 0.05 s"):
        _firsts(DataLoader(Slow(2), num_workers=1, timeout=0.05))
    never.set()


def test_processes_fetch_the_same_batches():
    loader = DataLoader(Squares(7), batch_size=2, num_workers=2, multiprocessing_context="spawn")
    assert [_plain(batch) for batch in loader] == [_plain(batch) for batch in DataLoader(Squares(7), batch_size=2)]


# -- to be continued ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [0, 1, 4])
def test_a_pass_is_continued_after_any_batch(taken, workers):
    def new():
        return DataLoader(range(10), batch_size=3, shuffle=True, num_workers=workers)

    loader = new()
    whole = [batch.tolist() for batch in loader]
    batches = iter(loader)
    first = [next(batches).tolist() for _ in range(taken)]
    state, again = loader.state_dict(), new()
    again.load_state_dict(state)
    assert again.state_dict() == state
    rest = [batch.tolist() for batch in again]
    assert first + rest == first + [batch.tolist() for batch in batches] and len(first + rest) == len(whole)
    assert len([*again]) == len(whole)  # the pass after it is a whole one


def test_a_finished_pass_is_not_continued():
    loader = DataLoader(range(4), shuffle=True)
    _ = [*loader]
    again = DataLoader(range(4), shuffle=True)
    again.load_state_dict(loader.state_dict())
    assert len([*again]) == 4


def test_an_iterable_data_set_is_continued_too():
    loader = DataLoader(Counting(7), batch_size=2)
    next(iter(loader))
    again = DataLoader(Counting(7), batch_size=2)
    again.load_state_dict(loader.state_dict())
    assert [batch.tolist() for batch in again] == [[2, 3], [4, 5], [6]]


# -- mistakes -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options, message", [
    ({"batch_size": 0}, "at least one sample; got batch_size=0"),
    ({"sampler": [0], "shuffle": True}, "`shuffle` exclude each other"),
    ({"batch_sampler": [[0]], "shuffle": True}, "leave out"),
    ({"batch_size": None, "drop_last": True}, "batch_size=None"), ({"num_workers": -1}, "at least 0; got -1"),
    ({"num_workers": 1, "multiprocessing_context": "fork"}, "got 'fork'"), ({"persistent_workers": True}, "none with"),
    ({"num_workers": 1, "prefetch_factor": 0}, "at least 1; got 0"), ({"timeout": -1}, "at least 0; got -1"),
], ids=str)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(range(3), **options)


def test_other_mistakes_are_named():
    cases = [
        (ValueError, "own order", lambda: DataLoader(Counting(3), shuffle=True)),
        (TypeError, "`batch_size` must be an integer or None; got bool", lambda: DataLoader(range(3), True)),
        (TypeError, r"anything with len\(...\) and \[i\]; got int", lambda: DataLoader(3)),
        (ValueError, r"got lengths \[2, 3\]", lambda: TensorDataset(gradcore.ones(2), gradcore.ones(3))),
        (TypeError, "`tensors` must be a Tensor; got list", lambda: TensorDataset([1])),
        (ValueError, "do not add up to the 3 samples", lambda: random_split(range(3), [1, 1])),
        (ValueError, "different lengths", lambda: default_collate([(1,), (1, 2)])),
        (TypeError, "got NoneType", lambda: default_collate([None])),
        (ValueError, "finite weights", lambda: WeightedRandomSampler([-1.0], 1)),
        (ValueError, r"draw 2 sample\(s\) from 1 with", lambda: WeightedRandomSampler([1.0, 0.0], 2, False)),
        (ValueError, "`num_samples` must be at least 1", lambda: RandomSampler(range(3), num_samples=0)),
        (ValueError, "what state_dict", lambda: DataLoader(range(3)).load_state_dict({"batches": 1})),
        (ValueError, "an integer", lambda: RandomSampler(range(3)).load_state_dict({"seed": "x"})),
        (NotImplementedError, "define __getitem__", lambda: Dataset()[0]),
        (NotImplementedError, "define __iter__", lambda: iter(IterableDataset())),
        (NotImplementedError, "define __iter__", lambda: iter(Sampler())),
    ]
    for error, message, call in cases:
        with pytest.raises(error, match=message):
            call()


def test_a_bar_of_progress(capsys):
    assert [batch.tolist() for batch in DataLoader(range(3), batch_size=2, progress="digits")] == [[0, 1], [2]]
    assert "digits: 100%" in capsys.readouterr().err
