"""Training on several processes and machines, with PyTorch's names.  Begin with `group` and `collectives`.

    mpiexec -n 4 python train.py

starts the same script four times.  `init_process_group` joins the processes; collective operations then use MPI on the
host (the extra gradcore[mpi]) and NCCL between CUDA devices.
`nn.parallel.DistributedDataParallel` and `utils.data.DistributedSampler` are built on it.
"""

from __future__ import annotations

from ..core.public import publish as _publish
from .checkpoint import load_checkpoint, save_checkpoint
from .collectives import (ReduceOp, all_gather, all_gather_into_tensor, all_reduce, barrier, broadcast, irecv, isend,
                          recv, reduce, reduce_scatter, reduce_scatter_tensor, send)
from .group import (destroy_process_group, get_node_local_rank, get_rank, get_world_size, init_process_group,
                    is_initialized, local_device)
from .mpi import is_available
from .work import Work

__all__ = ["ReduceOp", "Work", "all_gather", "all_gather_into_tensor", "all_reduce", "barrier", "broadcast",
           "destroy_process_group", "get_node_local_rank", "get_rank", "get_world_size", "init_process_group",
           "irecv", "is_available", "is_initialized", "isend", "load_checkpoint", "local_device", "recv", "reduce",
           "reduce_scatter", "reduce_scatter_tensor", "save_checkpoint", "send"]

_publish(globals())
