"""Data sets, samplers and data loaders, with PyTorch's names.

Begin with `dataset.Dataset`; `loader.DataLoader` combines everything.

>>> import gradcore
>>> samples = TensorDataset(gradcore.arange(5), gradcore.arange(5) ** 2)
>>> [x.tolist() for x, y in DataLoader(samples, batch_size=2)]
[[0, 1], [2, 3], [4]]
"""

from __future__ import annotations

from ...core.public import publish as _publish
from .collate import default_collate
from .dataset import (ChainDataset, ConcatDataset, Dataset, IterableDataset, StackDataset, Subset, TensorDataset,
                      random_split)
from .distributed import DistributedSampler
from .loader import DataLoader
from .sampler import (BatchSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler,
                      WeightedRandomSampler)
from .workers import WorkerInfo, get_worker_info

__all__ = ["BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
           "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
           "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "WorkerInfo", "default_collate",
           "get_worker_info", "random_split"]

_publish(globals())
