"""The examples in the library's docstrings: every public name has one, and all are run as they are written."""

from __future__ import annotations

import contextlib
import doctest
import functools
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from types import ModuleType
from typing import Any, Iterator

import pytest

import gradcore
from gradcore import Tensor
from library import ROOT, modules
from mpi import needs_mpi
from native_compiler import needs_compiler

# Run over the stand-in for CuPy, so that they are run on machines without a card.
ON_CUDA = ("gradcore.cuda", "gradcore.operations.conversion", "gradcore.backends.cuda.backend")
# Run in a process that has joined a group, of itself, and that ends with it.
IN_A_GROUP = ("gradcore.distributed", "gradcore.nn.parallel.data_parallel", "gradcore.optim.zero")
# What draws pictures, and what brings the digits.
NEEDS = {"gradcore.utils.plotting": "matplotlib", "gradcore.utils.gallery": "matplotlib", "gradcore.data": "sklearn"}


def _examples(module: ModuleType) -> Iterator[doctest.DocTest]:
    """Those of a module, without what imports a library that is not installed, as JAX."""
    for test in doctest.DocTestFinder().find(module):
        imported = re.findall(r"^(?:import|from) ([\w, ]+)", "".join([line.source for line in test.examples]), re.M)
        names = [name.strip().partition(".")[0] for names in imported for name in names.split(",")]
        if all(importlib.util.find_spec(name.split()[0]) for name in names):
            yield test


def _run(module: ModuleType, around: Any = contextlib.nullcontext) -> int:
    """How many examples of a module fail; their outputs are printed."""
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    for test in _examples(module):
        with around(test):
            runner.run(test)
    return runner.summarize(verbose=False).failed


@pytest.mark.parametrize("name", [name for name in modules() if not name.startswith((*ON_CUDA, *IN_A_GROUP))])
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for what examples write
    for needing, library in NEEDS.items():
        if name.startswith(needing):
            pytest.importorskip(library)
    assert not _run(importlib.import_module(name)), "see the captured output"


@needs_compiler
@pytest.mark.parametrize("name", ON_CUDA)
def test_examples_on_cuda(name, cuda):
    assert not _run(importlib.import_module(name)), "see the captured output"


@contextlib.contextmanager
def _group(test: doctest.DocTest) -> Iterator[None]:
    """A process group, where an example does not begin one itself."""
    begins_one = any("init_process_group()" in example.source for example in test.examples)
    if test.examples and not begins_one:
        gradcore.distributed.init_process_group()
    yield
    gradcore.distributed.destroy_process_group()


@needs_mpi
def test_examples_in_a_group(tmp_path):
    program = f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'tests')]}; import test_doctests as tests; " \
              f"sys.exit(tests.failures_in_a_group())"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def failures_in_a_group() -> int:
    return sum([_run(importlib.import_module(name), _group) for name in modules() if name.startswith(IN_A_GROUP)])


# -- every public name has one --------------------------------------------------------------------------------
ROOMS = ("gradcore", "gradcore.accelerator", "gradcore.autograd", "gradcore.autograd.function",
         "gradcore.autograd.functional", "gradcore.backends", "gradcore.cpu", "gradcore.cuda", "gradcore.data",
         "gradcore.distributed", "gradcore.distributions", "gradcore.dtypes", "gradcore.functions", "gradcore.func",
         "gradcore.interop", "gradcore.linalg", "gradcore.nn", "gradcore.nn.functional", "gradcore.nn.init",
         "gradcore.nn.parallel", "gradcore.nn.utils", "gradcore.nn.utils.parametrizations",
         "gradcore.nn.utils.parametrize", "gradcore.nn.utils.rnn", "gradcore.optim", "gradcore.optim.lr_scheduler",
         "gradcore.optim.swa_utils",
         "gradcore.random", "gradcore.serialization", "gradcore.special", "gradcore.utils",
         "gradcore.utils.checkpoint", "gradcore.utils.data")
WITHOUT = ("gradcore.array_api",  # the standard shows its functions itself
           "gradcore.backends.native")  # for the CPU's backend; users choose by `gradcore.set_cpu_kernels`


@functools.cache
def _shown() -> set[str]:
    """All docstrings whose examples are run."""
    found = [test for name in modules() for test in doctest.DocTestFinder().find(importlib.import_module(name))]
    return {test.docstring for test in found if test.examples}


def _has_example(member: Any) -> bool:
    docstring = inspect.unwrap(member).__doc__ or ""
    pointed_at = re.match(r"See `gradcore.functions.(\w+)`", docstring)  # the same function with PyTorch's options
    return docstring in _shown() or bool(pointed_at) and _has_example(getattr(gradcore.functions, pointed_at[1]))


def _public(room: ModuleType) -> dict[str, Any]:
    """What is called among the names of a room: of those with a list of names all, else what is defined there."""
    listed = getattr(room, "__all__", None)
    members = {name: getattr(room, name) for name in listed or dir(room) if not name.startswith("_")}
    home = "gradcore" if listed else room.__name__
    return {name: member for name, member in members.items() if callable(member)
            and getattr(inspect.unwrap(member), "__module__", "").startswith(home)}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_example(room):
    if room in ("gradcore.utils", "gradcore"):
        pytest.importorskip("matplotlib")  # of modules that import it
    public = _public(importlib.import_module(room))
    assert public and not [name for name, member in public.items() if not _has_example(member)]


def test_every_member_of_a_tensor_has_an_example():
    """Those of the class itself are shown together, and an operation in place is that which makes a new tensor."""
    together = Tensor.__doc__ + gradcore.methods.__doc__
    names = [name for name in dir(Tensor) if not name.startswith("_")]
    unshown = [name for name in names if not re.search(rf">>> .*\.{name}\b", together)
               and not _has_example(getattr(Tensor, name)) and not _has_example(getattr(Tensor, name.rstrip("_")))]
    assert len(names) > 300 and not unshown


def test_all_rooms_are_looked_at():
    """Packages and modules of public names, which are those with a list of them."""
    listed = {name for name in modules() if getattr(importlib.import_module(name), "__all__", None)}
    assert listed - {*ROOMS, *WITHOUT} == set()
