"""The schedulers against PyTorch's, over fifty epochs."""

from __future__ import annotations

import math

import pytest

import gradcore
from gradcore import Tensor, optim
from gradcore.optim import lr_scheduler

CASES = [
    ("StepLR", {"step_size": 7, "gamma": 0.5}), ("MultiStepLR", {"milestones": [30, 5, 5, 12], "gamma": 0.3}),
    ("ExponentialLR", {"gamma": 0.9}), ("LambdaLR", {"lr_lambda": lambda epoch: 0.95 ** epoch + 0.1}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 1 / (epoch + 1), lambda epoch: 0.5]}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 8}), ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.5, "end_factor": 0.1, "total_iters": 20}),
    ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.01}), ("CosineAnnealingLR", {"T_max": 15}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}), ("PolynomialLR", {"total_iters": 30, "power": 2.0}),
    ("PolynomialLR", {}), ("MultiplicativeLR", {"lr_lambda": lambda epoch: 1 - 1 / (epoch + 2)}),
]


CHAINS = [
    [("ConstantLR", {"factor": 0.5, "total_iters": 9}), ("ExponentialLR", {"gamma": 0.9})],
    [("LinearLR", {"start_factor": 0.2, "total_iters": 6}), ("MultiStepLR", {"milestones": [4, 11, 30]})],
    [("StepLR", {"step_size": 5, "gamma": 0.7}), ("CosineAnnealingLR", {"T_max": 20, "eta_min": 0.02})],
    [("LambdaLR", {"lr_lambda": lambda epoch: 1 / (epoch + 1)}), ("ExponentialLR", {"gamma": 0.9})],
    [("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.97}), ("PolynomialLR", {"total_iters": 40})],
]


def _optimizer():
    return optim.SGD([{"params": [Tensor([1.0], requires_grad=True)]},
                      {"params": [Tensor([1.0], requires_grad=True)], "lr": 0.2}], lr=0.5)


def _theirs(torch):
    return torch.optim.SGD([{"params": [torch.ones(1, requires_grad=True)]},
                            {"params": [torch.ones(1, requires_grad=True)], "lr": 0.2}], lr=0.5)


@pytest.mark.parametrize("name, options", CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_fifty_epochs_as_pytorchs(name, options, torch):
    mine, other = _optimizer(), _theirs(torch)
    ours = getattr(lr_scheduler, name)(mine, **options)
    theirs = getattr(torch.optim.lr_scheduler, name)(other, **options)
    for epoch in range(50):
        if epoch == 20:  # goes on from a saved state
            saved = ours.state_dict()
            ours = getattr(lr_scheduler, name)(mine, **options)
            ours.load_state_dict(saved)
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-9, abs=1e-12)
        other.step()
        ours.step()
        theirs.step()
        assert [group["lr"] for group in mine.param_groups] == ours.get_last_lr()


@pytest.mark.parametrize("parts", CHAINS, ids=lambda parts: "-".join(name for name, _ in parts))
@pytest.mark.parametrize("is_one", [True, False])
def test_schedulers_that_step_together_as_pytorchs(is_one, parts, torch):
    mine, other = _optimizer(), _theirs(torch)
    made = []
    for optimizer, library in ((mine, lr_scheduler), (other, torch.optim.lr_scheduler)):
        schedulers = [getattr(library, name)(optimizer, **options) for name, options in parts]
        made.append([library.ChainedScheduler(schedulers, optimizer=optimizer)] if is_one else schedulers)
    for epoch in range(19):
        if epoch == 10:  # somebody sets a rate
            mine.param_groups[1]["lr"] = other.param_groups[1]["lr"] = 0.3
        if epoch == 15 and is_one:
            made[0][0].load_state_dict(made[0][0].state_dict())
        assert [group["lr"] for group in mine.param_groups] == pytest.approx(
            [group["lr"] for group in other.param_groups], rel=1e-7, abs=1e-12)
        other.step()
        for scheduler in [*made[0], *made[1]]:
            scheduler.step()


@pytest.mark.parametrize("name, options", [CASES[0], CASES[2], CASES[8], CASES[10]],
                         ids=lambda value: value if isinstance(value, str) else "")
def test_training_goes_on_after_an_epoch(name, options):
    whole = _optimizer()
    scheduler = getattr(lr_scheduler, name)(whole, **options)
    for _ in range(8):
        scheduler.step()
    part = _optimizer()
    with pytest.raises(KeyError, match=f'{name}: to go on after epoch 7, .* needs an \\\\?"initial_lr'):
        getattr(lr_scheduler, name)(part, **options, last_epoch=7)
    for group in part.param_groups:
        group["initial_lr"] = group["lr"]
    assert getattr(lr_scheduler, name)(part, **options, last_epoch=7).get_last_lr() == scheduler.get_last_lr()


@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_parts_of_epochs_as_pytorchs(torch):
    mine, other = _optimizer(), _theirs(torch)
    ours = lr_scheduler.CosineAnnealingWarmRestarts(mine, 3, 2)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(other, 3, 2)
    for epoch in range(8):
        for part in range(4):
            ours.step(epoch + part / 4)
            theirs.step(epoch + part / 4)
            assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("options", [
    {"step_size_up": 6}, {"step_size_up": 4, "step_size_down": 9, "mode": "triangular2"},
    {"step_size_up": 5, "mode": "exp_range", "gamma": 0.95}, {"step_size_up": 5, "scale_fn": lambda x: 1 / x},
    {"step_size_up": 5, "scale_fn": lambda x: 0.9 ** x, "scale_mode": "iterations", "base_momentum": 0.7}], ids=str)
def test_cycles_as_pytorchs(options, torch):
    mine = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.5, momentum=0.9)
    other = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5, momentum=0.9)
    ours = lr_scheduler.CyclicLR(mine, 0.1, 0.6, **options)
    theirs = torch.optim.lr_scheduler.CyclicLR(other, 0.1, 0.6, **options)
    for _ in range(40):
        for key in ("lr", "momentum"):
            assert mine.param_groups[0][key] == pytest.approx(other.param_groups[0][key], rel=1e-9)
        other.step()
        ours.step()
        theirs.step()


@pytest.mark.parametrize("options", [
    {"patience": 2}, {"mode": "max", "patience": 3, "cooldown": 2, "factor": 0.5},
    {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "min_lr": 0.01},
], ids=str)
def test_a_plateau_as_pytorchs(options, torch):
    mine, other = _optimizer(), _theirs(torch)
    ours = lr_scheduler.ReduceLROnPlateau(mine, **options)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(other, **options)
    for epoch in range(50):
        measure = math.exp(-epoch / 10) + 0.2 * math.cos(epoch)
        ours.step(measure)
        theirs.step(measure)
        assert ours.get_last_lr() == pytest.approx([group["lr"] for group in other.param_groups], rel=1e-9)
    assert ours.get_last_lr()[0] < 0.5


@pytest.mark.parametrize("name, options", [("StepLR", {"step_size": 0}), ("LinearLR", {"start_factor": 2}),
                                           ("LinearLR", {"total_iters": 0}),
                                           ("CosineAnnealingLR", {"T_max": 0}), ("LambdaLR", {"lr_lambda": []}),
                                           ("ReduceLROnPlateau", {"mode": "least"}),
                                           ("PolynomialLR", {"total_iters": 0}),
                                           ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "mode": "square"}),
                                           ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 0}),
                                           ("CyclicLR", {"base_lr": 0.1, "max_lr": [1.0]})])
def test_a_wrong_option_changes_nothing(name, options):
    optimizer = _optimizer()
    with pytest.raises(ValueError, match=name):
        getattr(lr_scheduler, name)(optimizer, **options)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.2]
    assert "initial_lr" not in optimizer.param_groups[0]


def test_a_foreign_state_changes_nothing():
    scheduler = lr_scheduler.StepLR(_optimizer(), 3)
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="StepLR.load_state_dict: expected"):
        scheduler.load_state_dict({"last_epoch": 5, "step": 1})
    assert scheduler.state_dict() == before


@pytest.mark.parametrize("options", [
    {"max_lr": 0.7, "total_steps": 50}, {"max_lr": [0.7, 0.3], "epochs": 5, "steps_per_epoch": 10, "pct_start": 0.2},
    {"max_lr": 0.7, "total_steps": 50, "three_phase": True, "final_div_factor": 50.0},
    {"max_lr": 0.7, "total_steps": 50, "anneal_strategy": "linear", "div_factor": 10.0, "cycle_momentum": False},
], ids=str)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_one_cycle_as_pytorchs(name, options, torch):
    mine = getattr(optim, name)(_optimizer().param_groups[:1] + [{"params": Tensor([1.0], requires_grad=True)}])
    other = getattr(torch.optim, name)([{"params": [torch.ones(1, requires_grad=True)]} for _ in range(2)])
    key = "momentum" if name == "SGD" else "betas"
    if name == "SGD":
        for group in [*mine.param_groups, *other.param_groups]:
            group["momentum"] = 0.9
        other.defaults["momentum"] = 0.9
    ours = lr_scheduler.OneCycleLR(mine, **options)
    theirs = torch.optim.lr_scheduler.OneCycleLR(other, **options)
    for _ in range(49):
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-9)
        for group, their in zip(mine.param_groups, other.param_groups):
            assert group[key] == pytest.approx(their[key], rel=1e-9)
        other.step()
        ours.step()
        theirs.step()


def test_a_cycle_ends():
    scheduler = lr_scheduler.OneCycleLR(_optimizer(), 0.5, total_steps=2)
    scheduler.step()
    scheduler.step()
    with pytest.raises(ValueError, match="the cycle has 2 steps"):
        scheduler.step()
    with pytest.raises(ValueError, match="give `total_steps`"):
        lr_scheduler.OneCycleLR(_optimizer(), 0.5)


def test_one_after_another_as_pytorchs(torch):
    def made(module, optimizer):
        parts = [module.LinearLR(optimizer, 0.1, total_iters=5), module.CosineAnnealingLR(optimizer, 20),
                 module.ExponentialLR(optimizer, 0.9)]
        return module.SequentialLR(optimizer, parts, [5, 25])

    mine, other = _optimizer(), _theirs(torch)
    ours, theirs = made(lr_scheduler, mine), made(torch.optim.lr_scheduler, other)
    for epoch in range(50):
        if epoch == 15:
            saved, rates = ours.state_dict(), [group["lr"] for group in mine.param_groups]
            ours = made(lr_scheduler, mine)
            ours.load_state_dict(saved)
            assert ours.get_last_lr() == rates
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-9)
        other.step()
        ours.step()
        theirs.step()
        assert [group["lr"] for group in mine.param_groups] == ours.get_last_lr()


def test_a_foreign_sequence_changes_nothing():
    optimizer = _optimizer()
    parts = [lr_scheduler.StepLR(optimizer, 3), lr_scheduler.ExponentialLR(optimizer, 0.5)]
    with pytest.raises(ValueError, match="a rising milestone between each two"):
        lr_scheduler.SequentialLR(optimizer, parts, [])
    with pytest.raises(ValueError, match="schedulers of the same optimizer"):
        lr_scheduler.SequentialLR(_optimizer(), parts, [3])
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, [3])
    before, saved = scheduler.state_dict(), scheduler.state_dict()
    saved["last_epoch"] = 7
    saved["_schedulers"].reverse()
    with pytest.raises(ValueError, match="expected .*step_size"):
        scheduler.load_state_dict(saved)
    assert scheduler.state_dict() == before


SAVED = [*CASES, ("OneCycleLR", {"max_lr": 0.7, "total_steps": 12}), ("ReduceLROnPlateau", {"patience": 1})]


@pytest.mark.parametrize("name, options", SAVED, ids=lambda value: value if isinstance(value, str) else "")
def test_states_are_files_and_set_the_rates_of_an_optimizer_that_begins_anew(name, options, tmp_path):
    def made():
        optimizer = _optimizer()
        optimizer.momentum = 0.9
        return optimizer, getattr(lr_scheduler, name)(optimizer, **options)

    measure = (1.0,) if name == "ReduceLROnPlateau" else ()
    optimizer, scheduler = made()
    for _ in range(6):
        scheduler.step(*measure)
    gradcore.save([optimizer.state_dict(), scheduler.state_dict()], tmp_path / "a.npz")
    state, schedule = gradcore.load(tmp_path / "a.npz")
    for order in (0, 1):  # the scheduler may be made before or after the optimizer is loaded
        other = _optimizer()
        if order:
            other.load_state_dict(state)
        again = getattr(lr_scheduler, name)(other, **options)
        if not order:
            other.load_state_dict(state)
        again.load_state_dict(schedule)
        for group, known in zip(other.param_groups, optimizer.param_groups, strict=True):
            assert (group["lr"], group["momentum"]) == (known["lr"], known["momentum"])
        again.step(*measure)
    scheduler.step(*measure)
    assert [group["lr"] for group in other.param_groups] == [group["lr"] for group in optimizer.param_groups]


def test_a_function_that_raises_leaves_the_schedule_where_it_was():
    optimizer = _optimizer()
    parts = [lr_scheduler.LambdaLR(optimizer, [lambda epoch: 1.0 + epoch, lambda epoch: 1 / (3 - epoch)]),
             lr_scheduler.StepLR(optimizer, 1)]
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, [9])
    for _ in range(2):
        scheduler.step()
    before = scheduler.state_dict(), scheduler.get_last_lr(), [group["lr"] for group in optimizer.param_groups]
    with pytest.raises(ZeroDivisionError):
        scheduler.step()
    assert before == (scheduler.state_dict(), scheduler.get_last_lr(), [g["lr"] for g in optimizer.param_groups])


def test_a_rate_that_others_have_set_is_there_after_loading():
    def of(optimizer):
        parts = [lr_scheduler.ExponentialLR(optimizer, 0.5), lr_scheduler.ExponentialLR(optimizer, 0.25)]
        return lr_scheduler.SequentialLR(optimizer, parts, [9])

    optimizer, again = _optimizer(), _optimizer()
    scheduler, loaded = of(optimizer), of(again)
    optimizer.param_groups[0]["lr"] /= 10
    scheduler.step()
    loaded.load_state_dict(scheduler.state_dict())
    assert [group["lr"] for group in again.param_groups] == [group["lr"] for group in optimizer.param_groups]


def test_a_function_is_asked_once_for_each_epoch():
    asked = []
    scheduler = lr_scheduler.LambdaLR(optim.SGD([gradcore.ones(1)], lr=1.0), lambda epoch: asked.append(epoch) or 1.0)
    for _ in range(3):
        scheduler.step()
    assert asked == [0, 1, 2, 3]
