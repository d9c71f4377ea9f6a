"""Checkpoints of several processes: one file, written by rank 0 and read by all."""

from __future__ import annotations

import os
from typing import Any, Union

from .group import current_group
from ..serialization import load, save


def save_checkpoint(obj: Any, path: Union[str, os.PathLike[str]]) -> None:
    """Rank 0 calls `save`; the others wait until the file is complete.

    Save what is the same on all processes, so that any number of processes can resume: the state of the module
    (``model.state_dict(unwrapped=True)``), the state of the optimizer, the epoch.

    Raises
    ------
    RuntimeError : on all other processes, if rank 0 could not write the file; rank 0 raises the original error.

    >>> save_checkpoint({"epoch": 3}, "state.npz")
    >>> load_checkpoint("state.npz")
    {'epoch': 3}
    """
    group, problem = current_group(), None
    try:
        if group.rank == 0:
            save(obj, path)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise
    finally:
        problem = group.comm.bcast(problem)
    if problem is not None:
        raise RuntimeError(f"save_checkpoint: rank 0 could not write {os.fspath(path)!r}: {problem}")


def load_checkpoint(path: Union[str, os.PathLike[str]]) -> Any:
    """The contents of a `save_checkpoint`, read by every process.

    Tensors are on the CPU; a module's `load_state_dict` copies them to its device.

    >>> from gradcore import Tensor
    >>> save_checkpoint({"weight": Tensor([1.0, 2.0])}, "state.npz")
    >>> load_checkpoint("state.npz")["weight"]
    tensor([1., 2.])
    """
    return load(path, map_location="cpu")
