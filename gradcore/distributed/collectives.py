"""Collective and point-to-point operations on tensors of any device."""

from __future__ import annotations

import operator
from typing import Any, Callable, Optional, Sequence

import numpy as np

from .group import ProcessGroup, current_group
from .work import Buffer, Work, nothing
from ..backends.formulas.dtypes import BOOL, kind_of
from ..core.tensor import Tensor, common_backend


class ReduceOp:
    """The reduction operations; their names may be used as well.

    >>> x = Tensor([1.0, 2.0])
    >>> all_reduce(x, ReduceOp.MAX)
    >>> x
    tensor([1., 2.])
    """

    SUM, AVG, MAX, MIN = "sum", "mean", "max", "min"


def barrier(async_op: bool = False) -> Optional[Work]:
    """Wait until all processes have called it.

    >>> barrier()
    """
    return all_reduce(Tensor(np.zeros(1, np.int8), device="cpu"), async_op=async_op)


def broadcast(tensor: Tensor, src: int, async_op: bool = False) -> Optional[Work]:
    """Copy `tensor` of rank `src` to all other processes.

    >>> x = Tensor([1.0, 2.0])
    >>> broadcast(x, src=0)
    >>> x
    tensor([1., 2.])
    """
    group, src = current_group(), _rank(src, "broadcast: src")
    return _start(group, "broadcast", lambda engine, array: engine.broadcast(array, src), [(tensor, True)], async_op,
                  f"src={src}")


def all_reduce(tensor: Tensor, op: str = ReduceOp.SUM, async_op: bool = False) -> Optional[Work]:
    """Reduce `tensor` over all processes, in place, on each of them.

    Sums are bitwise the same on all processes, and in every run with the same number of processes.

    Parameters
    ----------
    tensor : of the same shape and dtype everywhere; float16 is accumulated in float32.
    op : "sum", "mean" (of floats), "max" or "min".
    async_op : return a `Work` immediately; call its `wait()` before using the tensor.

    Raises
    ------
    ValueError : an unknown operation, or an expanded or read-only tensor.
    TypeError : a mean of integers, a sum of booleans.

    >>> x = Tensor([1.0, 2.0])
    >>> all_reduce(x)  # over one process here
    >>> x
    tensor([1., 2.])
    """
    op = _checked(op, tensor, "all_reduce")
    return _start(current_group(), "all_reduce", lambda engine, array: engine.all_reduce(array, op), [(tensor, True)],
                  async_op, op)


def reduce(tensor: Tensor, dst: int, op: str = ReduceOp.SUM, async_op: bool = False) -> Optional[Work]:
    """Reduce `tensor` over all processes, in place on rank `dst`; on other ranks its contents become undefined.

    >>> x = Tensor([1.0, 2.0])
    >>> reduce(x, dst=0, op="mean")
    >>> x
    tensor([1., 2.])
    """
    op, dst = _checked(op, tensor, "reduce"), _rank(dst, "reduce: dst")
    return _start(current_group(), "reduce", lambda engine, array: engine.reduce(array, op, dst), [(tensor, True)],
                  async_op, op, f"dst={dst}")


def all_gather(tensor_list: Sequence[Tensor], tensor: Tensor, async_op: bool = False) -> Optional[Work]:
    """Gather the `tensor` of every process in `tensor_list`, ordered by rank.

    >>> parts = [Tensor([0.0])]  # a tensor for each process
    >>> all_gather(parts, Tensor([5.0]))
    >>> parts
    [tensor([5.])]
    """
    group = current_group()
    _check_list(tensor_list, tensor, group.size, "all_gather")
    gathered = _stacked_like(tensor, group.size)

    def unpack() -> None:
        for i, part in enumerate(tensor_list):
            _copy(gathered, i, part)

    work = all_gather_into_tensor(gathered, tensor, async_op)
    if work is not None:
        return Work(work.wait, unpack)
    unpack()
    return None


def all_gather_into_tensor(output: Tensor, input: Tensor, async_op: bool = False) -> Optional[Work]:
    """Concatenate the `input` of every process in `output`, ordered by rank, without copies.

    >>> whole = Tensor([0.0, 0.0])  # a part for each process
    >>> all_gather_into_tensor(whole, Tensor([5.0, 6.0]))
    >>> whole
    tensor([5., 6.])
    """
    group = current_group()
    _check_parts(output, input, group.size, "all_gather_into_tensor")
    return _start(group, "all_gather", lambda engine, out, part: engine.all_gather(out, part),
                  [(output, True), (input, False)], async_op)


def reduce_scatter(output: Tensor, input_list: Sequence[Tensor], op: str = ReduceOp.SUM,
                   async_op: bool = False) -> Optional[Work]:
    """Reduce the tensors of `input_list` over all processes; `output` gets the one at this rank.

    >>> part = Tensor([0.0])
    >>> reduce_scatter(part, [Tensor([5.0])])  # a tensor for each process
    >>> part
    tensor([5.])
    """
    group = current_group()
    _check_list(input_list, output, group.size, "reduce_scatter")
    stacked = _stacked_like(output, group.size)
    for i, part in enumerate(input_list):
        stacked._backend.assign(stacked._array, i, part._array)
    return reduce_scatter_tensor(output, stacked, op, async_op)


def reduce_scatter_tensor(output: Tensor, input: Tensor, op: str = ReduceOp.SUM,
                          async_op: bool = False) -> Optional[Work]:
    """Reduce `input` over all processes; `output` gets the part of this rank.

    >>> part = Tensor([0.0, 0.0])
    >>> reduce_scatter_tensor(part, Tensor([5.0, 6.0]))  # a part for each process
    >>> part
    tensor([5., 6.])
    """
    group, op = current_group(), _checked(op, output, "reduce_scatter_tensor")
    _check_parts(input, output, group.size, "reduce_scatter_tensor")
    return _start(group, "reduce_scatter", lambda engine, out, parts: engine.reduce_scatter(out, parts, op),
                  [(output, True), (input, False)], async_op, op)


# -- between two processes ------------------------------------------------------------------------------------
def send(tensor: Tensor, dst: int, tag: int = 0) -> None:
    """Send `tensor` to the process `dst`, which receives it with the same `tag`.

    >>> x, y = Tensor([1.0, 2.0]), Tensor([0.0, 0.0])
    >>> work = irecv(y, src=0)
    >>> send(x, dst=0)  # to itself, which has begun to receive
    >>> work.wait()
    True
    >>> y
    tensor([1., 2.])
    """
    isend(tensor, dst, tag).wait()


def isend(tensor: Tensor, dst: int, tag: int = 0) -> Work:
    """Start sending; the tensor must not change before `wait()` returns.

    >>> x, y = Tensor([1.0, 2.0]), Tensor([0.0, 0.0])
    >>> work = isend(x, dst=0)
    >>> recv(y)  # from rank 0
    0
    >>> work.wait()
    True
    """
    group, dst = current_group(), _rank(dst, "send: dst")
    engine = group.engine_of(tensor._backend)
    buffer = Buffer(tensor, engine is group.host, False, "send")
    return Work(_after_the_line(group, engine.send(buffer.flat, dst, tag)), nothing, buffer)


def recv(tensor: Tensor, src: Optional[int] = None, tag: int = 0) -> int:
    """Receive into `tensor` from `src` (None: any process); returns the sender's rank.

    >>> x, y = Tensor([1.0, 2.0]), Tensor([0.0, 0.0])
    >>> work = isend(x, dst=0)
    >>> recv(y, src=0)
    0
    >>> y
    tensor([1., 2.])
    >>> work.wait()
    True
    """
    source: int = irecv(tensor, src, tag).result
    return source


def irecv(tensor: Tensor, src: Optional[int] = None, tag: int = 0) -> Work:
    """Start receiving; the tensor must not be used before `wait()` returns.

    >>> x, y = Tensor([1.0, 2.0]), Tensor([0.0, 0.0])
    >>> work = irecv(y)
    >>> send(x, dst=0)
    >>> work.wait(), work.result  # the sender's rank
    (True, 0)
    """
    group, src = current_group(), None if src is None else _rank(src, "recv: src")
    engine = group.engine_of(tensor._backend)
    buffer = Buffer(tensor, engine is group.host, True, "recv")
    return Work(_after_the_line(group, engine.receive(buffer.flat, src, tag)), buffer.write_back)


def _after_the_line(group: ProcessGroup, wait: Callable[[], Any]) -> Callable[[], Any]:
    """`wait`, without delaying collective operations that this process has started."""

    def catch_up_and_wait() -> Any:
        group.line.catch_up()
        return wait()

    return catch_up_and_wait


# -- how they are run -----------------------------------------------------------------------------------------
def _start(group: ProcessGroup, name: str, call: Callable[..., Any], tensors: Sequence[tuple[Tensor, bool]],
           async_op: bool, *details: str) -> Optional[Work]:
    """Run `call` with the communicator of the tensors' device; tensors come with whether it writes them."""
    backend = common_backend(name, [tensor for tensor, _ in tensors])
    if group.is_compared:
        group.check(name, *[f"{tensor.dtype} {tensor.shape}" for tensor, _ in tensors], backend.device.type, *details)
    engine = group.engine_of(backend)
    buffers = [Buffer(tensor, engine is group.host, writes, name) for tensor, writes in tensors]
    arrays = [buffer.flat for buffer in buffers]

    def run() -> None:
        call(engine, *arrays)

    def meet_and_run() -> None:
        group.host.meet()
        run()

    if async_op and not engine.is_queued:
        return Work(group.line.submit(name, meet_and_run), buffers[0].write_back)
    group.line.run(name, run)
    if async_op:
        return Work(engine.mark(), buffers[0].write_back, buffers)
    if engine.is_queued:
        engine.mark()()
    buffers[0].write_back()
    return None


def _stacked_like(tensor: Tensor, size: int) -> Tensor:
    return Tensor._wrap(tensor._backend.empty((size, *tensor.shape), tensor.dtype), tensor._backend)


def _copy(stacked: Tensor, i: int, target: Tensor) -> None:
    backend = target._backend
    backend.assign(target._array, ..., backend.take(stacked._array, i))
    target._versions[0] += 1


# -- checks ---------------------------------------------------------------------------------------------------
def _checked(op: str, tensor: Tensor, name: str) -> str:
    """`op`, if it is valid for the dtype of the tensor."""
    known = (ReduceOp.SUM, ReduceOp.AVG, ReduceOp.MAX, ReduceOp.MIN)
    if op not in known:
        raise ValueError(f"{name}: op must be one of {', '.join(known)}; got {op!r}")
    if op == ReduceOp.AVG and kind_of(tensor.dtype) < 2:
        raise TypeError(f"{name}: a mean needs floats; got {tensor.dtype}")
    if op == ReduceOp.SUM and tensor.dtype == BOOL:
        raise TypeError(f"{name}: booleans have no sum; use \"max\" for any and \"min\" for all")
    return op


def _rank(rank: Any, name: str) -> int:
    size = current_group().size
    if not hasattr(rank, "__index__") or not 0 <= operator.index(rank) < size:
        raise ValueError(f"{name} is a rank from 0 to {size - 1}; got {rank!r}")
    return operator.index(rank)


def _check_list(tensors: Sequence[Tensor], tensor: Tensor, size: int, name: str) -> None:
    if len(tensors) != size:
        raise ValueError(f"{name}: one tensor is wanted for each of {size} processes; got {len(tensors)}")
    common_backend(name, [*tensors, tensor])
    for i, part in enumerate(tensors):
        if (part.shape, part.dtype) != (tensor.shape, tensor.dtype):
            raise ValueError(f"{name}: the tensors must be of {tensor.dtype} {tensor.shape}; number {i} is of "
                             f"{part.dtype} {part.shape}")


def _check_parts(whole: Tensor, part: Tensor, size: int, name: str) -> None:
    if whole.numel() != size * part.numel() or whole.dtype != part.dtype:
        raise ValueError(f"{name}: one tensor must hold {size} times the other, a part for each process; got "
                         f"{whole.dtype} {whole.shape} and {part.dtype} {part.shape}")
