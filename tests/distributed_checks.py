"""What is checked of collective operations, on several processes at once; `distributed_run` runs it."""

from __future__ import annotations

import os
from typing import Any, Callable

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, distributed
from gradcore.backends.cuda.nccl import NcclCommunicator
from gradcore.distributed.group import current_group

from strict_backend import DEVICE_TYPE

DTYPES = ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"]
COMBINED = {"sum": lambda parts: parts.sum(0), "mean": lambda parts: parts.mean(0),
            "max": lambda parts: parts.max(0), "min": lambda parts: parts.min(0)}
CHECKS: dict[str, Callable] = {}


def check(function: Callable) -> Callable:
    CHECKS[function.__name__] = function
    return function


def devices() -> list[str]:
    """The host, a device whose arrays go by way of the host, and where there is CUDA (or its stand-in) a card of it."""
    return ["cpu", DEVICE_TYPE] + [str(distributed.local_device("cuda"))] * gradcore.cuda.is_available()


def dtypes(device: str) -> list[str]:
    return DTYPES[device == DEVICE_TYPE:]  # the array API has no float16


def place() -> tuple[int, int]:
    return distributed.get_rank(), distributed.get_world_size()


def parts(dtype: Any, *shape: int, seed: int = 0) -> np.ndarray:
    """What the processes bring along, the first dimension being their rank; small integers, exact in every dtype."""
    drawn = np.random.default_rng(seed).integers(0, 2 if dtype == "bool" else 9, (place()[1], *shape))
    return drawn.astype(dtype)


def cases():
    """Devices with the dtypes and reductions that make sense there."""
    for device in devices():
        for dtype in dtypes(device):
            for op in COMBINED:
                if dtype == "bool" and op in ("sum", "mean") or op == "mean" and dtype[0] != "f":
                    continue
                yield device, dtype, op


def assert_values(tensor: Tensor, expected: np.ndarray) -> None:
    assert tensor.shape == expected.shape
    np.testing.assert_array_equal(tensor.numpy(), expected.astype(tensor.dtype))


# -- collective operations ------------------------------------------------------------------------------------
@check
def all_reduce_combines_the_values_of_all():
    rank, _ = place()
    for device, dtype, op in cases():
        given = parts(dtype, 3, 5)
        for is_async in (False, True):
            x = Tensor(given[rank], device=device)
            work = distributed.all_reduce(x, op, async_op=is_async)
            assert (work is not None) == is_async and (work is None or work.wait())
            assert_values(x, COMBINED[op](given))


@check
def reduce_gives_it_to_one():
    rank, size = place()
    for device, dtype, op in cases():
        given = parts(dtype, 4)
        x = Tensor(given[rank], device=device)
        distributed.reduce(x, size - 1, op)
        if rank == size - 1:
            assert_values(x, COMBINED[op](given))


@check
def broadcast_gives_all_the_values_of_one():
    rank, size = place()
    for device in devices():
        for dtype in dtypes(device):
            given = parts(dtype, 2, 3)
            x = Tensor(given[rank], device=device)
            distributed.broadcast(x, src=size - 1)
            assert_values(x, given[size - 1])


@check
def all_gather_collects_in_the_order_of_ranks():
    rank, size = place()
    for device in devices():
        for dtype in dtypes(device):
            given = parts(dtype, 2, 3)
            mine = Tensor(given[rank], device=device)
            for is_async in (False, True):
                found = [Tensor.zeros_like(mine) for _ in range(size)]
                work = distributed.all_gather(found, mine, async_op=is_async)
                assert work is None or work.wait()
                for x, expected in zip(found, given):
                    assert_values(x, expected)
            whole = Tensor(np.zeros((size * 2, 3)), dtype=dtype, device=device)
            distributed.all_gather_into_tensor(whole, mine)
            assert_values(whole, given.reshape(-1, 3))


@check
def reduce_scatter_gives_each_its_part():
    rank, size = place()
    for device, dtype, op in cases():
        given = parts(dtype, size, 3)
        expected = COMBINED[op](given)[rank]
        x, tensors = Tensor(np.zeros(3), dtype=dtype, device=device), [Tensor(p, device=device) for p in given[rank]]
        distributed.reduce_scatter(x, tensors, op)
        assert_values(x, expected)
        y = Tensor.zeros_like(x)
        work = distributed.reduce_scatter_tensor(y, Tensor(given[rank], device=device), op, async_op=True)
        work.wait()
        assert_values(y, expected)


@check
def tensors_are_sent_and_received():
    rank, size = place()
    for device in devices():
        for dtype in dtypes(device):
            given = parts(dtype, 3)
            x, mine = Tensor(np.zeros(3), dtype=dtype, device=device), Tensor(given[rank], device=device)
            sent = distributed.isend(mine, (rank + 1) % size, tag=7)
            received = distributed.irecv(x, None if device in ("cpu", DEVICE_TYPE) else (rank - 1) % size, tag=7)
            assert received.result == (rank - 1) % size and sent.wait()
            assert_values(x, given[rank - 1])
    if rank == 0:
        distributed.send(Tensor([3.0]), size - 1)
    if rank == size - 1:
        x = Tensor([0.0])
        assert distributed.recv(x, src=0) == 0 and x.item() == 3
    distributed.barrier()


@check
def shapes_without_and_with_holes_in_memory():
    rank, size = place()
    for device in devices():
        for shape in ((), (0,), (0, 3)):
            x = Tensor(np.full(shape, rank + 1.0), device=device)
            distributed.all_reduce(x)
            assert_values(x, np.full(shape, size * (size + 1) / 2))
        given = parts("float32", 4, 6)
        whole = Tensor(given[rank], device=device)
        distributed.all_reduce(whole[:, ::2], "max", async_op=True).wait()
        expected = given[rank].copy()
        expected[:, ::2] = given.max(0)[:, ::2]
        assert_values(whole, expected)
        x = Tensor(given[rank], device=device).T
        distributed.all_reduce(x, "min")
        assert_values(x, given.min(0).T)


@check
def the_memory_of_a_tensor_is_used_directly():
    x = Tensor(np.ones(1000), device="cpu")
    memory = x.numpy()
    distributed.all_reduce(x)
    assert x.numpy() is memory and memory[0] == place()[1]


@check
def many_operations_at_once_keep_their_order():
    rank, size = place()
    tensors = [Tensor(np.full(100, rank + i, "float64")) for i in range(50)]
    works = [distributed.all_reduce(x, async_op=True) for x in tensors]
    distributed.all_reduce(Tensor([1.0]))  # after all of them
    for i, (x, work) in enumerate(zip(tensors, works)):
        work.wait()
        work.wait()  # once more changes nothing
        assert_values(x, np.full(100, i * size + size * (size - 1) / 2))


@check
def sums_have_the_same_bits_on_all():
    rank, size = place()
    x = Tensor(np.random.default_rng(rank).standard_normal(10_001).astype("float32"))
    distributed.all_reduce(x)
    found = [Tensor.zeros_like(x) for _ in range(size)]
    distributed.all_gather(found, x)
    assert all((part == x).all() for part in found)


@check
def what_makes_no_sense_is_refused():
    size = place()[1]
    x, ints = Tensor([1.0, 2.0]), gradcore.tensor([1, 2])
    refused = [
        (lambda: distributed.all_reduce(x, "median"), ValueError, "op must be one of sum, mean, max, min"),
        (lambda: distributed.all_reduce(ints, "mean"), TypeError, "a mean needs floats; got int64"),
        (lambda: distributed.all_reduce(x > 1, "sum"), TypeError, "booleans have no sum"),
        (lambda: distributed.broadcast(x, size), ValueError, f"src is a rank from 0 to {size - 1}; got {size}"),
        (lambda: distributed.reduce(x, -1), ValueError, "dst is a rank"),
        (lambda: distributed.send(x, 1.5), TypeError, "`dst` must be an integer; got float 1.5"),
        (lambda: distributed.all_gather([x], x), ValueError, f"for each of {size} processes; got 1"),
        (lambda: distributed.all_gather([x] * (size - 1) + [ints], x), ValueError, "float32 .*int64"),
        (lambda: distributed.reduce_scatter_tensor(x, x), ValueError, f"must hold {size} times the other"),
        (lambda: distributed.all_reduce(Tensor([1.0]).expand(3)), ValueError, "it was expanded.*clone"),
        (lambda: distributed.init_process_group(), RuntimeError, "was called before"),
    ]
    for call, error, text in refused:
        with pytest.raises(error, match=text):
            call()


@check
def a_change_by_others_is_a_change_in_place():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    distributed.all_reduce(y)
    with pytest.raises(RuntimeError, match="was changed in place"):
        z.backward()


@check
def cards_of_their_own_are_joined_by_nccl():
    """With fewer cards than processes, their arrays go by way of the host."""
    if gradcore.cuda.is_available():
        backend = gradcore.get_backend(distributed.local_device("cuda"))
        engine = current_group().engine_of(backend)
        has_own = place()[1] <= gradcore.cuda.device_count()
        assert (type(engine) is NcclCommunicator) == has_own and engine.is_queued == has_own


@check
def cores_are_shared():
    from gradcore.backends.cpu import tiles, workers
    from threadpoolctl import threadpool_info

    assert tiles.CORES == max(1, workers.CORES // place()[1])
    products = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
    assert "OMP_NUM_THREADS" in os.environ or products and max(products) <= tiles.CORES
    assert distributed.get_node_local_rank() == place()[0]
    assert distributed.local_device("cpu") == "cpu" == distributed.local_device()
