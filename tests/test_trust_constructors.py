"""Wrong calls of what is made by a class, and of the modules below `gradcore`: refused by name, with what came in."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, array_api, autograd, distributions, linalg, nn, optim, special
from gradcore.nn import functional, init
from gradcore.optim import lr_scheduler
from gradcore.utils import data

LAYER = nn.Linear(2, 2)


def _optimizer():
    return optim.SGD(LAYER.parameters(), lr=0.1)


# The name that the words begin with, what came in, and the call.
CASES = [
    ("Linear", "in_features", lambda: nn.Linear("a", 2)), ("Linear", "got list", lambda: nn.Linear(2, [3])),
    ("Linear", "nonsense", lambda: nn.Linear(2, 2, nonsense=1)), ("Conv2d", "missing", lambda: nn.Conv2d(3)),
    ("Hardshrink", "lambd", lambda: nn.Hardshrink([None])), ("ModuleDict", "int 3", lambda: nn.ModuleDict(3)),
    ("Adam", "betas", lambda: optim.Adam(LAYER.parameters(), betas=1.5)),
    ("SGD", "got None", lambda: optim.SGD(LAYER.parameters(), lr=None)), ("SGD", "got int 3", lambda: optim.SGD(3)),
    ("StepLR", "got str", lambda: lr_scheduler.StepLR(_optimizer(), "a")),
    ("LambdaLR", "must be an Optimizer; got str", lambda: lr_scheduler.LambdaLR("a", lambda epoch: 1.0)),
    ("ExponentialLR", "got list", lambda: lr_scheduler.ExponentialLR(_optimizer(), [1])),
    ("SequentialLR", "got float", lambda: lr_scheduler.SequentialLR(_optimizer(), 0.5, 3)),
    ("ReduceLROnPlateau", "got slice", lambda: lr_scheduler.ReduceLROnPlateau(_optimizer(), factor=slice(3))),
    ("Normal", "got dict", lambda: distributions.Normal({}, 1.0)),
    ("sample", "got int 2", lambda: distributions.Normal(0.0, 1.0).sample(2)),
    ("log_prob", "got set", lambda: distributions.Exponential(1.0).log_prob(set())),
    ("Laplace", "validate_args", lambda: distributions.Laplace(0.0, 1.0, validate_args="a")),
    ("ConcatDataset", "got int 2", lambda: data.ConcatDataset(2)),
    ("normal_", "got complex", lambda: init.normal_(1j)), ("orthogonal_", "got list", lambda: init.orthogonal_([1.5])),
    ("get_total_norm", "got list", lambda: nn.utils.get_total_norm([0, 1])),
    ("parameters_to_vector", "nonsense", lambda: nn.utils.parameters_to_vector([LAYER.weight], nonsense=1)),
    ("pad_packed_sequence", "got float", lambda: nn.utils.rnn.pad_packed_sequence(0.5)),
    ("pad", "got str", lambda: functional.pad("a", (1, 1))),
    ("celu", "got None", lambda: functional.celu(None, inplace=True)),
    ("logsumexp", "got int 3", lambda: special.logsumexp(3, 0)),
    ("acosh", "nonsense", lambda: array_api.acosh(Tensor([2.0]), nonsense=1)),
    ("flip", "got bool", lambda: array_api.flip(True)), ("stack", "got float", lambda: array_api.stack(1.5)),
    ("diff", "dimension 4", lambda: array_api.diff(gradcore.ones(2, 2), axis=4)),
    ("svdvals", "got list", lambda: array_api.linalg.svdvals([1.0])),
    ("all_reduce", "got None", lambda: gradcore.distributed.all_reduce(None)),
    ("all_gather", "got int 3", lambda: gradcore.distributed.all_gather(3, Tensor([1.0]))),
    ("Variable", "got None", lambda: autograd.Variable(None)),
    ("is_available", "nonsense", lambda: gradcore.cuda.is_available(nonsense=1)),
]


@pytest.mark.parametrize("name, came_in, call", CASES)
def test_wrong_calls_are_refused_by_name(name, came_in, call):
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        call()
    assert name in str(caught.value) and came_in in str(caught.value), caught.value


def test_parameters_may_come_one_by_one():
    optim.Adam(iter(LAYER.parameters()))
    nn.utils.clip_grad_norm_((parameter for parameter in LAYER.parameters()), 1.0)
    data.Subset(range(5), [1, 2])  # whatever has a length and samples


def test_constructors_of_others_are_left_alone():
    """Errors of a user's own class, and of a user's function, are the user's."""
    class Own(nn.Linear):
        def __init__(self, size):
            super().__init__(size, size)
            self.extra = size.missing

    class Inheriting(nn.Linear):
        pass

    with pytest.raises(AttributeError, match="^'int' object has no attribute 'missing'$"):
        Own(3)
    assert Inheriting(2, 3).weight.shape == (3, 2)

    def fails(epoch):
        raise KeyError(epoch)

    with pytest.raises(KeyError):
        lr_scheduler.LambdaLR(_optimizer(), fails)


@pytest.mark.parametrize("function", [linalg.norm, functional.dropout, init.normal_, array_api.max, special.logit,
                                      nn.utils.clip_grad_norm_, gradcore.cuda.device_count])
def test_functions_of_modules_are_pickled_by_name(function):
    assert pickle.loads(pickle.dumps(function)) is function


def test_numbers_of_numpy_are_numbers():
    two = np.int64(2)
    assert nn.Linear(two, np.int32(3)).weight.shape == (3, 2)
    nn.Sequential(nn.Conv2d(two, two, two, groups=two), nn.LayerNorm(two), nn.ZeroPad2d((two, two, two, two)))
    data.DataLoader([1, 2], batch_size=two)
    optim.SGD(LAYER.parameters(), lr=np.float64(0.1))
    x = gradcore.ones(1, 4, 4)
    for pool in (functional.avg_pool2d, functional.max_pool2d):
        assert pool(x, two, two, padding=np.int64(1)).shape == (1, 3, 3) and pool(x, two, []).shape == (1, 2, 2)


def test_functions_called_back_keep_their_errors_and_the_others_have_words():
    def fails(a, b):
        raise KeyError("of the caller")

    x = gradcore.ones(2, 3)
    with pytest.raises(KeyError, match="^'of the caller'$"):
        functional.triplet_margin_with_distance_loss(x, x, x, distance_function=fails)
    with pytest.raises(TypeError, match="^triplet_margin_with_distance_loss: .*got"):
        functional.triplet_margin_with_distance_loss("a", x, x, distance_function=fails)
