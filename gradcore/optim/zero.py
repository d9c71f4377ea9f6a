"""`ZeroRedundancyOptimizer`: the state of an optimizer distributed over all processes."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

import numpy as np

from ..core.expectations import described
from ..core.tensor import Tensor
from ..distributed.flat import broadcast_all
from ..distributed.group import current_group
from .optimizer import Optimizer


class ZeroRedundancyOptimizer(Optimizer):
    """An optimizer that keeps the state of a part of the parameters on each process, updates it and broadcasts it.

    Gradients must be the same on all processes, as with `nn.parallel.DistributedDataParallel`.  Each of N processes
    holds about 1/N of the state; the steps are those of the optimizer alone.

    Parameters
    ----------
    params : as for any optimizer, the same on all processes.
    optimizer_class : such as `optim.Adam`; it must update each parameter independently.
    options : its options, such as lr=1e-3.

    Source: Rajbhandari et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", SC 2020 (its
    first stage).

    >>> from gradcore.optim import SGD
    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = ZeroRedundancyOptimizer([x], SGD, lr=0.25)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([ 0.5, -1. ])
    """

    def __init__(self, params: Iterable[Any], optimizer_class: type[Optimizer], **options: Any):
        if not isinstance(optimizer_class, type) or not issubclass(optimizer_class, Optimizer):
            raise TypeError(f"ZeroRedundancyOptimizer: `optimizer_class` must be a class of optimizers, as optim.Adam; "
                            f"got {described(optimizer_class)}")
        if optimizer_class.step is not Optimizer.step:
            raise TypeError(f"ZeroRedundancyOptimizer: {optimizer_class.__name__} has a step of its own for all "
                            f"parameters together, and cannot be shared out")
        self._group = current_group()
        self.inner: Optimizer = optimizer_class(params, **options)
        self.kept, self.counted, self.optional = self.inner.kept, self.inner.counted, self.inner.optional
        self.param_groups: list[dict[str, Any]] = []
        self._checked: dict[int, list[Any]] = {}
        self._owners: dict[Tensor, int] = {}
        self._loads = [0] * self._group.size  # the number of elements of each process
        self._whole_state: Optional[dict[int, dict[str, Any]]] = None
        for group in self.inner.param_groups:
            self._share_out(group)
        self.defaults: dict[str, Any] = dict(self.inner.defaults)

    def _share_out(self, group: dict[str, Any]) -> None:
        """Assign each parameter of a group of `inner` to the process with the fewest elements; keep this one's in the
        group.
        """
        self.param_groups.append(dict(group))
        for parameter in sorted(group["params"], key=lambda parameter: -parameter.numel()):
            owner = int(np.argmin(self._loads))
            self._owners[parameter] = owner
            self._loads[owner] += parameter.numel()
        group["params"] = [parameter for parameter in group["params"] if self._owners[parameter] == self._group.rank]

    @property
    def state(self) -> dict[Tensor, dict[str, Any]]:
        """The state kept by this process."""
        return self.inner.state

    @state.setter
    def state(self, state: dict[Tensor, dict[str, Any]]) -> None:
        self.inner.state = state

    def check(self, options: Mapping[str, Any]) -> None:
        self.inner.check(options)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        super().add_param_group(param_group)  # it is checked against all groups
        group = self.param_groups.pop()
        self.inner.param_groups.append(group)
        self._share_out(group)

    def _change_all(self) -> None:
        """Update this process' parameters and receive the others'; a collective call."""
        self._whole_state = None
        for group, own in zip(self.param_groups, self.inner.param_groups):
            own.update({name: value for name, value in group.items() if name != "params"})
        self.inner._change_all()
        for rank in range(self._group.size if self._group.size > 1 else 0):
            changed = [parameter for parameter in self.parameters if self._owners[parameter] == rank]
            broadcast_all(changed, rank, rank == self._group.rank)

    # -- the whole state --------------------------------------------------------------------------------------
    def consolidate_state_dict(self, to: int = 0) -> None:
        """Send the whole state to the process `to`, for its next `state_dict()`; a collective call."""
        own = super().state_dict()["state"]
        sent = {index: {name: value.numpy() if isinstance(value, Tensor) else value for name, value in state.items()}
                for index, state in own.items()}
        parts = self._group.comm.gather(sent, root=to)
        self._whole_state = None if parts is None else {index: {
            name: Tensor(value, device=self.parameters[index].device) if isinstance(value, np.ndarray) else value
            for name, value in state.items()} for part in parts for index, state in sorted(part.items())}

    def state_dict(self) -> dict[str, Any]:
        """The state of the whole optimizer, from which any number of processes can resume.

        Raises
        ------
        RuntimeError : `consolidate_state_dict` was not called since the last step.
        """
        whole = super().state_dict()
        if self._group.size > 1:
            if self._whole_state is None:
                raise RuntimeError(f"rank {self._group.rank} has a part of the optimizer's state only: call "
                                   f"consolidate_state_dict(to={self._group.rank}) on all processes first")
            whole["state"] = dict(sorted(self._whole_state.items()))
        return whole

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a whole state; each process keeps its part."""
        saved = self._checked_indices(state_dict)
        mine = {index for index, parameter in zip(saved, self.parameters)
                if self._owners[parameter] == self._group.rank}
        kept = {index: state for index, state in state_dict["state"].items() if index in mine or index not in saved}
        super().load_state_dict({**state_dict, "state": kept})
        self._whole_state = None
