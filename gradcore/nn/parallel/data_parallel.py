"""Data-parallel training: every process has a copy of the module and a part of each batch."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any, Iterator, Mapping

import numpy as np

from ...core.grad_mode import no_grad
from ...core.hooks import register_post_accumulate_grad_hook
from ...core.tensor import Tensor
from ...distributed import ReduceOp, all_reduce
from ...distributed.agreement import check_equal
from ...distributed.flat import broadcast_all
from ...distributed.group import current_group
from ..module import Module
from ..state import IncompatibleKeys
from .buckets import Bucket, in_buckets

_PREFIX = "module."
_MEGABYTE = 2 ** 20


class DistributedDataParallel(Module):
    """A module whose gradients are averaged over all processes during the backward pass.

    The constructor broadcasts the parameters and buffers of rank 0, and in training each forward pass broadcasts its
    buffers.  Gradients, and with the same optimizer also parameters, are then the same on all processes.  For a mean
    loss and parts of equal size they are those of one process with the whole batch.

    Parameters
    ----------
    module : the same on all processes; names, shapes and dtypes are compared.
    bucket_cap_mb : the size of a message of averaged gradients, in megabytes; a gradient of a megabyte or more is a
        message of its own.
    broadcast_buffers : whether to broadcast the buffers of rank 0.
    find_unused_parameters : allow parameters without a gradient in a backward pass; they count as zeros in the average,
        or keep their gradient if no process has used them.

    Raises
    ------
    RuntimeError : there is no process group, or no trainable parameter; in a backward pass: parameters got no gradient.
    ValueError : the modules differ between processes; the message names the first difference.

    Source: Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB 13, 2020.

    >>> from gradcore import distributed, nn, ones
    >>> distributed.init_process_group()  # of one process, where no `mpiexec` has started more
    >>> model = DistributedDataParallel(nn.Linear(2, 1))
    >>> model(ones(3, 2)).sum().backward()
    >>> model.module.weight.grad
    tensor([[3., 3.]])
    >>> distributed.destroy_process_group()
    """

    def __init__(self, module: Module, *, bucket_cap_mb: float = 25, broadcast_buffers: bool = True,
                 find_unused_parameters: bool = False):
        super().__init__()
        self._group = current_group()
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise RuntimeError("DistributedDataParallel: no parameter of the module requires a gradient, so that there "
                               "is nothing to average")
        if not bucket_cap_mb > 0:
            raise ValueError(f"DistributedDataParallel: bucket_cap_mb must be more than 0; got {bucket_cap_mb}")
        self.module = module
        self.broadcast_buffers, self.find_unused_parameters = broadcast_buffers, find_unused_parameters
        self._bucket_bytes = int(bucket_cap_mb * _MEGABYTE)
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        check_equal(self._group.comm, f"DistributedDataParallel: parameters and buffers of {type(module).__name__}",
                    {name: f"{tensor.dtype} {tensor.shape}" for name, tensor in tensors.items()})
        self._take_over(tensors.values())
        self._handles: list[Any] = []
        self._kinds_of_buckets: list[tuple[Any, ...]] = []  # the parameters that the buckets were created for
        self._buckets: list[Bucket] = []
        self._bucket_of: dict[int, Bucket] = {}
        self._begun = 0  # the number of buckets started, in the same order on all processes
        self._is_synchronized = self._averages = True
        self._prepare()

    def forward(self, *inputs: Any, **options: Any) -> Any:
        self._averages = self._is_synchronized
        if self._averages:
            self._prepare()
            if self.training and self.broadcast_buffers:
                self._take_over(self.module.buffers())
        return self.module(*inputs, **options)

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Forward passes inside of the block leave gradients to each process, where they add up; the backward pass of
        the first forward pass behind it averages the sums."""
        before, self._is_synchronized = self._is_synchronized, False
        try:
            yield
        finally:
            self._is_synchronized = before

    # -- the state --------------------------------------------------------------------------------------------
    def state_dict(self, *, prefix: str = "", keep_vars: bool = False, unwrapped: bool = False) -> dict[str, Tensor]:
        """As `Module.state_dict`; `unwrapped` gives names without the prefix "module."."""
        if unwrapped:
            return self.module.state_dict(prefix=prefix, keep_vars=keep_vars)
        return super().state_dict(prefix=prefix, keep_vars=keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True,
                        assign: bool = False) -> IncompatibleKeys:
        """As `Module.load_state_dict`, of either kind of names."""
        is_wrapped = any(name.startswith(_PREFIX) for name in state_dict)
        return super().load_state_dict(state_dict, strict, assign) if is_wrapped else \
            self.module.load_state_dict(state_dict, strict, assign)

    # -- gradients --------------------------------------------------------------------------------------------
    def _take_over(self, tensors: Any) -> None:
        if self._group.size > 1:
            broadcast_all(tensors, 0, self._group.rank == 0)

    def _prepare(self) -> None:
        """Empty the buckets; create them again if parameters were frozen or moved."""
        learned = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        kinds = [(id(parameter), parameter.dtype, parameter.device) for parameter in learned]
        if kinds != self._kinds_of_buckets:
            for handle in self._handles:
                handle.remove()
            ready = weakref.WeakMethod(self._ready)  # weak, since parameters may outlive this module

            def hook(parameter: Tensor) -> Any:
                method = ready()
                return None if method is None else method(parameter)

            self._handles = [register_post_accumulate_grad_hook(parameter, hook) for parameter in learned]
            # Backward passes reach the last layers first.
            self._buckets = in_buckets(learned[::-1], min(_MEGABYTE, self._bucket_bytes), self._bucket_bytes)
            self._bucket_of = {id(parameter): bucket for bucket in self._buckets for parameter in bucket.parameters}
            self._kinds_of_buckets = kinds
        self._empty()

    def _empty(self) -> None:
        self._begun = 0
        for bucket in self._buckets:
            bucket.empty()

    def _ready(self, parameter: Tensor) -> Any:
        """A parameter's gradient is complete: start averaging the buckets that are full."""
        if not self._averages:
            return None
        if parameter.grad is not None and parameter.grad.requires_grad:
            raise RuntimeError("DistributedDataParallel: gradients that have a history of their own "
                               "(create_graph=True) cannot be averaged; use no_sync()")
        self._bucket_of[id(parameter)].put(parameter)
        self._begin_full_ones()
        return self._finish

    def _begin_full_ones(self) -> None:
        while self._begun < len(self._buckets) and self._buckets[self._begun].is_full:
            self._buckets[self._begun].start()
            self._begun += 1

    def _finish(self) -> None:
        """At the end of the backward pass, average the rest and wait for everything."""
        missing = [parameter for bucket in self._buckets for parameter in bucket.missing]
        if missing and not self.find_unused_parameters:
            self._refuse_unused(missing)
        with no_grad():
            unused = self._unused_by_all(missing) if self.find_unused_parameters else []
            for parameter in missing:
                self._bucket_of[id(parameter)].put(parameter)
            self._begin_full_ones()
            for bucket in self._buckets:
                bucket.finish(unused)
        self._begun = 0

    def _unused_by_all(self, missing: list[Tensor]) -> list[Tensor]:
        """The parameters without a gradient on any process, from this pass or an earlier one."""
        parameters = [parameter for bucket in self._buckets for parameter in bucket.parameters]
        absent = {id(parameter) for parameter in missing if parameter.grad is None}
        used = Tensor(np.array([id(parameter) not in absent for parameter in parameters]), device="cpu")
        all_reduce(used, ReduceOp.MAX)
        return [parameter for parameter, is_used in zip(parameters, used.tolist()) if not is_used]

    def _refuse_unused(self, missing: list[Tensor]) -> None:
        identities = {id(parameter) for parameter in missing}
        names = [name for name, parameter in self.module.named_parameters() if id(parameter) in identities]
        self._empty()
        raise RuntimeError(f"DistributedDataParallel: the loss of rank {self._group.rank} does not depend on "
                           f"{', '.join(names)}, and the other processes wait for the gradients; pass "
                           f"find_unused_parameters=True, or freeze what is not learned with requires_grad_(False)")
