"""What is checked of training on several processes at once; `distributed_run` runs it."""

from __future__ import annotations

import gc
from typing import Any, Callable
from unittest import mock

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, distributed, nn, optim
from gradcore.functions import mse_loss
from gradcore.nn.parallel import DistributedDataParallel
from gradcore.nn.parallel import buckets
from gradcore.optim import ZeroRedundancyOptimizer
from gradcore.utils.data import DataLoader, DistributedSampler, TensorDataset

from distributed_checks import devices, place

CHECKS: dict[str, Callable] = {}


def check(function: Callable) -> Callable:
    CHECKS[function.__name__] = function
    return function


def network(seed: int = 0, device: str = "cpu") -> nn.Module:
    with gradcore.random.fork_rng():
        gradcore.manual_seed(seed)
        layers = nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)
        return nn.Sequential(*layers).double().to(device)


def batch(seed: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """A batch of 8 samples, the same on all processes."""
    drawn = np.random.default_rng(seed).standard_normal((8, 5))
    return Tensor(drawn[:, :3], device=device), Tensor(drawn[:, 3:], device=device)


def own(x: Tensor) -> Tensor:
    """This process' part of a batch."""
    rank, size = place()
    return x[rank * len(x) // size:(rank + 1) * len(x) // size]


def backward(module: Any, seed: int, mine: bool = True, device: str = "cpu") -> None:
    x, y = batch(seed, device)
    mse_loss(module(own(x) if mine else x), own(y) if mine else y).backward()


def gradients(module: nn.Module) -> list[np.ndarray]:
    return [parameter.grad.numpy() for parameter in module.parameters()]


def assert_close(found: list, expected: list) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def assert_equal_everywhere(module: nn.Module) -> None:
    for parameter in module.parameters():
        first = parameter.detach().clone()
        distributed.broadcast(first, 0)
        assert (first == parameter).all()


# -- DistributedDataParallel ----------------------------------------------------------------------------------
@check
def gradients_are_those_of_the_whole_batch():
    for device in devices():
        for capacity in (25, 1e-4, 1e-9):  # one bucket, several, one for each parameter
            model = DistributedDataParallel(network(seed=place()[0], device=device), bucket_cap_mb=capacity)
            alone = network(seed=0, device=device)  # what rank 0 began with
            for seed in (1, 2):  # the second adds to the first
                backward(model, seed, device=device)
                backward(alone, seed, mine=False, device=device)
            assert_close(gradients(model), gradients(alone))


@check
def communication_begins_while_backward_runs():
    order, model = [], DistributedDataParallel(network(), bucket_cap_mb=1e-9)
    begin = buckets.all_reduce

    def noted(*args: Any, **options: Any) -> Any:
        order.append("message")
        return begin(*args, **options)

    model.module[0].register_full_backward_hook(lambda module, inputs, outputs: order.append("first layer"))
    x, y = batch(1)
    with mock.patch.object(buckets, "all_reduce", noted):
        mse_loss(model(own(x).requires_grad_()), own(y)).backward()
    assert order.count("message") == 6 and order.index("first layer") >= 4


@check
def gradients_add_up_without_messages():
    model, alone = DistributedDataParallel(network()), network()
    with model.no_sync():
        backward(model, 1)
    mine = network()
    backward(mine, 1, mine=True)
    assert_close(gradients(model), gradients(mine))
    backward(model, 2)
    for seed in (1, 2):
        backward(alone, seed, mine=False)
    assert_close(gradients(model), gradients(alone))


class Branches(nn.Module):
    """Two layers, of which a process may use one."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(3, 2).double() for _ in range(3))

    def forward(self, x: Tensor, names: str) -> Tensor:
        return sum(getattr(self, name)(x) for name in names)


@check
def parameters_that_are_not_used_count_as_zeros():
    rank, size = place()
    for capacity in (25, 1e-9):
        module = Branches()
        model = DistributedDataParallel(module, find_unused_parameters=True, bucket_cap_mb=capacity)
        model(batch(0)[0], "ab" if rank == 0 else "a").sum().backward()
        expected = Branches()
        expected.load_state_dict(module.state_dict())
        expected(batch(0)[0], "ab").sum().backward()
        np.testing.assert_allclose(module.a.weight.grad.numpy(), expected.a.weight.grad.numpy())
        np.testing.assert_allclose(module.b.weight.grad.numpy(), expected.b.weight.grad.numpy() / size)
        assert module.c.weight.grad is None and module.c.bias.grad is None
    model = DistributedDataParallel(Branches())
    with pytest.raises(RuntimeError, match="does not depend on b.weight, b.bias, c.weight, c.bias.*find_unused"):
        model(batch(0)[0], "a").sum().backward()
    model.module.b.requires_grad_(False)
    model.module.c.requires_grad_(False)
    model(batch(0)[0], "a").sum().backward()  # what is frozen is not waited for
    distributed.barrier()


@check
def a_parameter_that_is_used_twice_is_averaged_once():
    model = DistributedDataParallel(Branches(), find_unused_parameters=True)
    alone = Branches()
    alone.load_state_dict(model.state_dict(unwrapped=True))
    x = batch(3)[0]
    for module, part in ((model, own(x)), (alone, x)):
        y = module(part, "ab")
        (module(gradcore.cat([y, y[:, :1]], dim=1), "a") * module(part, "a")).mean().backward()
    assert_close([model.module.a.weight.grad.numpy()], [alone.a.weight.grad.numpy()])


@check
def buffers_follow_those_of_rank_0():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter([1.0])
            self.count, self.other = nn.Buffer([float(place()[0])]), nn.Buffer(gradcore.tensor([place()[0]]))

        def forward(self, x):
            return self.weight * x + self.count

    model = DistributedDataParallel(Counting())
    assert model.module.count.item() == 0 == model.module.other.item()
    model.module.count.fill_(7 + place()[0])
    assert model(Tensor([0.0])).item() == 7
    model.module.count.fill_(7 + place()[0])
    assert model.eval()(Tensor([0.0])).item() == 7 + place()[0]  # in evaluation each is by itself


@check
def modules_that_differ_are_refused():
    rank = place()[0]
    wide = nn.Linear(3, 2 + (rank == 1))
    with pytest.raises(ValueError, match=r"of Linear differ.*weight is of rank 0.*: float32 \(2, 3\); rank 1: float32 "
                                         r"\(3, 3\) \(and 1 more\)"):
        DistributedDataParallel(wide)
    with pytest.raises(ValueError, match=r"bias is of rank 0.*: float32 \(2,\); rank 1: none"):
        DistributedDataParallel(nn.Linear(3, 2, bias=rank != 1))
    with pytest.raises(RuntimeError, match="no parameter of the module requires a gradient"):
        DistributedDataParallel(nn.Tanh())


@check
def the_state_has_names_with_and_without_a_prefix():
    model = DistributedDataParallel(network())
    names = list(network().state_dict())
    assert list(model.state_dict()) == [f"module.{name}" for name in names]
    assert list(model.state_dict(unwrapped=True)) == names
    for state in (network(5).state_dict(), DistributedDataParallel(network(5)).state_dict()):
        model.load_state_dict(state)
        assert_close([p.numpy() for p in model.parameters()], [p.numpy() for p in network(5).parameters()])


@check
def a_module_can_be_wrapped_anew():
    module = network()
    DistributedDataParallel(module)
    gc.collect()
    model, alone = DistributedDataParallel(module), network()
    backward(model, 1)
    backward(alone, 1, mine=False)
    assert_close(gradients(model), gradients(alone))
    x = batch(1)[0]
    with pytest.raises(RuntimeError, match="history of their own"):
        model(x).sum().backward(create_graph=True)


# -- ZeroRedundancyOptimizer ----------------------------------------------------------------------------------
@check
def sharded_steps_are_those_of_the_optimizer_alone():
    rank, size = place()
    for kind, options in ((optim.Adam, {"lr": 0.1}), (optim.SGD, {"lr": 0.1, "momentum": 0.9})):
        model, alone = network(), network()
        sharded = ZeroRedundancyOptimizer(_in_groups(model), kind, **options)
        whole = kind(_in_groups(alone), **options)
        for step in range(4):
            for module, optimizer in ((model, sharded), (alone, whole)):
                optimizer.zero_grad()
                backward(module, step, mine=False)
                optimizer.param_groups[1]["lr"] = 0.1 / (step + 1)
                optimizer.step()
            assert_equal_everywhere(model)
            for a, b in zip(model.parameters(), alone.parameters()):
                np.testing.assert_array_equal(a.numpy(), b.numpy())
            if step == 1:
                sharded, whole = _reloaded(sharded, whole, model, kind, options)
        assert 0 < len(sharded.state) < 6  # each keeps its part


def _in_groups(module: nn.Module) -> list:
    *others, last = module.parameters()
    return [{"params": others}, {"params": [last], "lr": 0.01}]


def _reloaded(sharded: Any, whole: Any, model: nn.Module, kind: type, options: dict) -> tuple:
    """Both as new optimizers that take over the state: the sharded one that of the whole one, and vice versa."""
    rank, size = place()
    if size > 1:
        with pytest.raises(RuntimeError, match="consolidate_state_dict"):
            sharded.state_dict()
    for to in range(size):
        sharded.consolidate_state_dict(to=to)
        assert to != rank or _values(sharded.state_dict()) == _values(whole.state_dict())
    new_sharded = ZeroRedundancyOptimizer(_in_groups(model), kind, **options)
    new_sharded.load_state_dict(whole.state_dict())
    return new_sharded, whole


def _values(state: dict) -> dict:
    return {**state, "state": {index: {name: value.tolist() if isinstance(value, Tensor) else value
                                       for name, value in one.items()} for index, one in state["state"].items()}}


@check
def sharding_is_refused_where_it_cannot_be():
    class Joint(optim.SGD):
        def step(self, closure=None):
            return None

    with pytest.raises(TypeError, match="Joint has a step of its own"):
        ZeroRedundancyOptimizer(network().parameters(), Joint)
    with pytest.raises(ValueError, match="lr"):
        ZeroRedundancyOptimizer(network().parameters(), optim.Adam, lr=-1)
    optimizer = ZeroRedundancyOptimizer(network().parameters(), optim.Adam)
    with pytest.raises(ValueError, match="no beta|missing"):
        optimizer.load_state_dict({"state": {}, "param_groups": [{"params": list(range(6))}]})
    optimizer.add_param_group({"params": [nn.Parameter([1.0])], "lr": 5})
    assert len(optimizer.param_groups) == 2 and optimizer.param_groups[1]["lr"] == 5


# -- data and random numbers ----------------------------------------------------------------------------------
@check
def every_sample_is_taken_by_one_process():
    rank, size = place()
    data = TensorDataset(gradcore.arange(4 * size))
    sampler = DistributedSampler(data, seed=3)
    loader = DataLoader(data, batch_size=2, sampler=sampler)
    passes = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        mine = gradcore.cat([x for x, in loader])
        found = [gradcore.zeros_like(mine) for _ in range(size)]
        distributed.all_gather(found, mine)
        passes.append(gradcore.cat(found).tolist())
        assert sorted(passes[-1]) == list(range(4 * size))
    assert passes[0] != passes[1]


@check
def noise_differs_and_initial_weights_do_not():
    size = place()[1]
    gradcore.manual_seed(5)
    layer, noise = nn.Linear(4, 4), gradcore.functions.dropout(gradcore.ones(64))
    assert_equal_everywhere(layer)
    found = [gradcore.zeros_like(noise) for _ in range(size)]
    distributed.all_gather(found, noise)
    assert len({tuple(part.tolist()) for part in found}) == size
    gradcore.manual_seed(5)
    assert (nn.Linear(4, 4).weight == layer.weight).all()
    assert (gradcore.functions.dropout(gradcore.ones(64)) == noise).all()
