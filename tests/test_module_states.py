"""States of modules with hooks and with more than tensors, and averages of models, beside PyTorch's."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn, optim


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.count = 0

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


def test_a_state_holds_more_than_tensors(tmp_path):
    model, other = nn.Sequential(Counting()), nn.Sequential(Counting())
    model[0].count = 5
    assert list(model.state_dict()) == ["0._extra_state", "0.layer.weight", "0.layer.bias"]
    gradcore.save(model.state_dict(), tmp_path / "state")
    other.load_state_dict(gradcore.load(tmp_path / "state"))
    assert other[0].count == 5 and other[0].layer.weight.tolist() == model[0].layer.weight.tolist()
    without = {name: value for name, value in model.state_dict().items() if "extra" not in name}
    with pytest.raises(ValueError, match="missing: 0._extra_state"):
        other.load_state_dict(without)
    assert other.load_state_dict(without, strict=False).missing_keys == ["0._extra_state"]
    assert repr(other.load_state_dict(model.state_dict())) == "<All keys matched successfully>"


def test_hooks_see_states(torch):
    seen = []
    for library in (gradcore, torch):
        log = []
        model = library.nn.Sequential(library.nn.Linear(1, 2), library.nn.BatchNorm1d(2))
        model[1].register_state_dict_pre_hook(lambda module, prefix, keep: log.append(("read", prefix, keep)))
        model[0].register_state_dict_post_hook(
            lambda module, state, prefix, data: state.update({f"{prefix}more": 1}))
        removed = model.register_load_state_dict_pre_hook(lambda module, state, prefix, *rest: log.append("no"))
        removed.remove()
        model[0].register_load_state_dict_pre_hook(
            lambda module, state, prefix, data, strict, missing, unexpected, errors:
            (log.append((prefix, strict)), state.pop(f"{prefix}more")))
        model.register_load_state_dict_post_hook(lambda module, keys: log.append(list(keys.missing_keys)))
        state = model.state_dict()
        model.load_state_dict(state)
        seen.append((log, list(state)))
        assert "0.more" in state
    assert seen[0] == seen[1]


def test_assigned_tensors_are_the_modules_own():
    model, given = nn.BatchNorm1d(2), {name: value.clone() for name, value in nn.BatchNorm1d(2).state_dict().items()}
    model.load_state_dict(given, assign=True)
    given["weight"].fill_(7.0)
    given["running_mean"].fill_(3.0)
    assert model.weight.tolist() == [7.0, 7.0] and isinstance(model.weight, nn.Parameter)
    assert model.running_mean.tolist() == [3.0, 3.0] and model.weight.requires_grad
    assert model.get_buffer("running_mean") is model.running_mean
    with pytest.raises(AttributeError, match="no buffer 'weight'"):
        model.get_buffer("weight")


@pytest.mark.parametrize("kind", ["mean", "ema", "multi", "buffers"])
def test_averages_of_models_are_pytorchs(kind, torch, rng):
    arrays = [rng.normal(size=(16, 3)) for _ in range(4)]
    outputs, states = [], []
    first = rng.normal(size=(2, 3)), rng.normal(size=2)
    for library in (gradcore, torch):
        utils = importlib.import_module(f"{library.__name__}.optim.swa_utils")
        options = {"mean": {}, "ema": {"avg_fn": utils.get_ema_avg_fn(0.8)},
                   "multi": {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.7)},
                   "buffers": {"use_buffers": True, "multi_avg_fn": utils.get_ema_multi_avg_fn(0.6)}}[kind]
        model = library.nn.Sequential(library.nn.BatchNorm1d(3), library.nn.Linear(3, 2)).double()
        for parameter, value in zip(model[1].parameters(), first):
            parameter.data.copy_(library.tensor(value))
        average = utils.AveragedModel(model, **options)
        optimizer = library.optim.SGD(model.parameters(), lr=0.01)
        for array in arrays:
            optimizer.zero_grad()
            model(library.tensor(array)).sin().sum().backward()
            optimizer.step()
            average.update_parameters(model)
        states.append({name: value.detach().numpy().copy() for name, value in average.state_dict().items()})
        utils.update_bn([(library.tensor(array), 0) for array in arrays], average)
        outputs.append(average.eval()(library.tensor(arrays[0])).detach().numpy())
    assert list(states[0]) == list(states[1])
    for name, value in states[1].items():
        np.testing.assert_allclose(states[0][name], value, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(*outputs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"anneal_epochs": 3}, {"anneal_epochs": 0}, {"swa_lr": [0.1, 0.3]},
                                     {"anneal_strategy": "linear", "anneal_epochs": 4}])
def test_rates_of_averaging_are_pytorchs(options, torch):
    rates = []
    for library in (gradcore, torch):
        utils = importlib.import_module(f"{library.__name__}.optim.swa_utils")
        groups = [{"params": [library.nn.Parameter(library.zeros(1))], "lr": lr} for lr in (0.5, 0.02)]
        optimizer = library.optim.SGD(groups, lr=0.1)
        plain = library.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
        scheduler = utils.SWALR(optimizer, **{"swa_lr": 0.05, **options})
        rates.append([])
        for step in range(9):
            optimizer.step()
            (plain if step < 2 else scheduler).step()
            rates[-1].append([group["lr"] for group in optimizer.param_groups])
        copied = utils.SWALR(optimizer, **{"swa_lr": 0.05, **options})
        copied.load_state_dict(scheduler.state_dict())
        rates[-1].append(copied.get_last_lr())
    np.testing.assert_allclose(*rates, rtol=1e-12)


def test_least_rates_of_groups(torch):
    rates = []
    for library in (gradcore, torch):
        groups = [{"params": [library.nn.Parameter(library.zeros(1))]} for _ in range(2)]
        optimizer = library.optim.SGD(groups, lr=1.0)
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0, min_lr=[0.05, 0.5])
        for _ in range(5):
            scheduler.step(1.0)
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert rates[0] == rates[1] == [0.05, 0.5]
    with pytest.raises(ValueError, match="one for each of 1 groups"):
        optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([Tensor([1.0])], lr=1.0), min_lr=[0.1, 0.2])


@pytest.mark.parametrize("indices", [range(2, 8, 2), np.array([2, 4, 6]), gradcore.tensor([2, 4, 6]), (2, 4, 6)])
def test_a_subset_of_any_sequence_of_numbers(indices):
    data = gradcore.utils.data.Subset([i * 10 for i in range(9)], indices)
    assert list(data) == [20, 40, 60] and len(data) == 3
    pairs = gradcore.utils.data.Subset(gradcore.utils.data.TensorDataset(gradcore.arange(9)), indices)
    batches = [batch.tolist() for batch, in gradcore.utils.data.DataLoader(pairs, 2)]
    assert batches == [[2, 4], [6]]


def test_modules_with_options_and_parts_print_as_pytorchs(torch):
    shown = []
    for library in (gradcore, torch):
        class Scaled(library.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = library.nn.Linear(1, 2)

            def extra_repr(self):
                return "scale=2"

        shown.append(repr(Scaled()))
    assert shown[0] == shown[1]
