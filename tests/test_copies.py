"""What is public can be pickled and copied, and used in processes that were spawned or forked."""

from __future__ import annotations

import copy
import functools
import importlib
import multiprocessing
import os
import pickle
import pkgutil
import re
import subprocess
import sys

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, elementwise, nn, optim, rowwise
from gradcore.functions import mish
from library import ROOT
from tensor_cases import share_memory


def pickled(value, protocol=None):
    return pickle.loads(pickle.dumps(value, protocol))


@elementwise
def cubed(xp, x, scale=1.0):
    return scale * x ** 3


@rowwise
def centred(xp, x):
    return x - xp.mean(x)


class Noted(Tensor):
    pass


def _namespaces():
    """All modules of public names: those that have no underscore, but for the commands and what a machine may lack."""
    yield gradcore
    for found in pkgutil.walk_packages(gradcore.__path__, "gradcore."):
        if not re.search(r"\._|\.(testing|examples|core|operations|backends)\b", found.name):
            yield importlib.import_module(found.name)


PUBLIC = {f"{space.__name__}.{name}": member for space in _namespaces() for name, member in vars(space).items()
          if name[0] != "_" and callable(member) and member.__module__.startswith("gradcore")
          and not isinstance(member, functools._lru_cache_wrapper)}


def test_functions_operations_and_classes_stay_themselves():
    lost = []
    by_pickle = [functools.partial(pickled, protocol=protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for name, member in PUBLIC.items():
        for copied in (*by_pickle, copy.copy, copy.deepcopy):
            try:
                if copied(member) is not member:
                    lost.append((name, copied))
            except Exception as error:
                lost.append((name, copied, error))
    assert len(PUBLIC) > 1000 and not lost


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("make", [
    lambda: gradcore.ones(2, 3).requires_grad_(), lambda: gradcore.device("cpu"), lambda: gradcore.Generator(),
    lambda: nn.LSTM(2, 3), lambda: nn.Neuron(2, 3, activation="tanh"),
    lambda: optim.SGD([nn.Parameter(gradcore.ones(2))], lr=0.1), lambda: nn.Linear(2, 2).state_dict()])
def test_every_protocol_of_pickle_takes_what_is_made(make, protocol):
    made = make()
    assert repr(pickled(made, protocol)) == repr(made)


@pytest.mark.parametrize("copied", [pickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("operation", [cubed, centred, mish, gradcore.exp, functools.partial(cubed, scale=2.0)],
                         ids=str)
def test_operations_of_ones_own(copied, operation):
    other = copied(operation)
    x = Tensor([1.0, 2.0, 4.0])
    assert other(x).tolist() == operation(x).tolist()


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
@pytest.mark.parametrize("make", [
    lambda: nn.Sequential(nn.Linear(3, 4), nn.Mish(), nn.Neuron(4, 2, activation=gradcore.exp)),
    lambda: nn.Neuron(3, 2, activation=cubed), lambda: nn.PReLU(),
    lambda: nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Linear(3, 1)).eval()])
def test_modules_with_operations_in_them(copied, make):
    gradcore.manual_seed(0)
    model, x = make(), gradcore.rand(5, 3) - 0.5
    other = copied(model)
    np.testing.assert_array_equal(other(x).detach().numpy(), model(x).detach().numpy())
    if list(model.parameters()):
        with gradcore.no_grad():
            next(iter(other.parameters())).add_(1)
        assert not np.array_equal(other(x).detach().numpy(), model(x).detach().numpy())


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.RMSprop])
def test_optimizers_with_their_model(make):
    model = nn.Linear(3, 1)
    optimizer = make(model.parameters(), lr=0.1)
    for copied in (pickled, copy.deepcopy):
        other_model, other = copied((model, optimizer))
        other_model(gradcore.ones(2, 3)).sum().backward()
        before = other_model.weight.tolist()
        other.step()
        assert other_model.weight.tolist() != before and model.weight.tolist() == before


def test_copies_of_tensors_are_pytorchs(backend):
    x = Tensor([1.0, 2.0], requires_grad=True, device=backend.device)
    y = x * 2
    for source in (x, y):
        shallow = copy.copy(source)
        assert shallow is not source and share_memory(shallow, source)
        assert shallow.is_leaf and shallow.requires_grad and shallow.grad is None
        loaded = pickled(source)
        assert not share_memory(loaded, source) and loaded.is_leaf and loaded.requires_grad
        assert loaded.device == backend.device and loaded.tolist() == source.tolist()
    with pytest.raises(RuntimeError, match="only leaves can be deep-copied"):
        copy.deepcopy(y)
    y.sum().backward()
    assert copy.deepcopy(x).grad.tolist() == [2, 2] and pickled(x).grad is None


def test_a_change_of_a_shallow_copy_is_seen_by_what_was_saved():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    with gradcore.no_grad():
        copy.copy(y).fill_(0)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


@pytest.mark.parametrize("copied", [pickled, copy.copy, copy.deepcopy])
def test_subclasses_keep_their_attributes(copied):
    x = Noted([1.0, 2.0], requires_grad=True)
    x.note, x.other = "text", [1]
    y = copied(x)
    assert type(y) is Noted and (y.note, y.other) == ("text", [1]) and y.requires_grad
    assert (y.other is x.other) == (copied is copy.copy)


def _in_another_process(arguments):
    operation, model, x, generator = arguments
    y = operation(model(x)).sum()
    y.backward()
    return y, model.weight.grad, gradcore.rand(3, generator=generator)


def test_a_spawned_process_is_given_modules_operations_and_generators():
    gradcore.manual_seed(1)
    arguments = cubed, nn.Linear(3, 2), gradcore.rand(4, 3), gradcore.Generator().manual_seed(5)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (found,) = pool.map(_in_another_process, [arguments])
    for one, other in zip(found, _in_another_process(arguments), strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=1e-6)


FORK = """
import os, signal, threading, warnings
import numpy as np, gradcore
warnings.simplefilter("ignore")  # of newer Pythons, that there are threads
x = gradcore.rand(1_000_000, requires_grad=True)
def work():
    y = gradcore.functions.mish(x).sum()
    y.backward()
    slope, x.grad = x.grad.numpy().copy(), None
    return y.item(), slope, gradcore.rand(300_000, generator=gradcore.Generator().manual_seed(3)).numpy()
expected = work()
busy = threading.Thread(target=lambda: [gradcore.rand(1000) for _ in range(3000)])
busy.start()
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        found = work()
        gradcore.rand(5)
        os._exit(0 if found[0] == expected[0] and all(map(np.array_equal, found[1:], expected[1:])) else 1)
    children.append(child)
busy.join()
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_forked_processes_compute_on_though_there_were_threads():
    done = subprocess.run([sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
