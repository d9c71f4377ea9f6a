"""The shape of the code: which module may know which, and how long a module may be.

What the modules import is read from their text, so that imports inside of functions are seen too.
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import Iterator

import pytest

from library import ROOT, modules

LONGEST_FILE = 400
LONGEST_LINE = 120

MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8"), str(path)) for name, path in MODULES.items()}
EVERY_MODULE = pytest.mark.parametrize("module", MODULES)
BACKENDS = [name for name in MODULES if name.startswith("gradcore.backends")]
ABOVE_BACKENDS = [name for name in MODULES if name not in BACKENDS]


def _imports(module: str, tree: ast.AST) -> Iterator[str]:
    """The full names of what `tree`, a part of `module`, imports: modules, or names in modules."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[:len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(start + ([node.module] if node.module else []))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _own(imported: str) -> str | None:
    """The module of this library that an imported name is or lives in, if it does."""
    while imported and imported not in MODULES:
        imported = imported.rpartition(".")[0]
    return imported or None


def _dependencies(module: str, tree: ast.AST) -> set[str]:
    return {own for own in map(_own, _imports(module, tree)) if own is not None and own != module}


@pytest.mark.parametrize("module", BACKENDS)
def test_backends_know_nothing_above_them(module):
    above = {name for name in _dependencies(module, TREES[module]) if name not in BACKENDS}
    assert not above, f"{module} imports {above}"


# What each room may import beside itself: imports run one way, down.
_BACKENDS = "gradcore.backends"
ROOMS = {
    f"{_BACKENDS}.formulas": {f"{_BACKENDS}.errors"},
    f"{_BACKENDS}.native": {_BACKENDS + end for end in (".errors", ".cache", ".locks", ".philox", ".formulas")},
    f"{_BACKENDS}.cpu": {_BACKENDS + end for end in (".errors", ".device", ".base", ".locks", ".windows", ".philox",
                                                   ".formulas", ".native")},
    f"{_BACKENDS}.cuda": {_BACKENDS + end for end in (".errors", ".device", ".base", ".windows", ".communicator",
                                                    ".cache", ".philox", ".formulas")},
    "gradcore.core": {_BACKENDS},
    "gradcore.operations": {_BACKENDS, "gradcore.core"},
    "gradcore.distributed": {_BACKENDS, "gradcore.core", "gradcore.operations", "gradcore.serialization"},
    "gradcore.functions": {_BACKENDS, "gradcore.core", "gradcore.operations"},
    "gradcore.nn": {_BACKENDS, "gradcore.core", "gradcore.operations", "gradcore.distributed", "gradcore.functions"},
    "gradcore.optim": {_BACKENDS, "gradcore.core", "gradcore.operations", "gradcore.distributed",
                       "gradcore.functions", "gradcore.nn"},
    "gradcore.autograd": {_BACKENDS, "gradcore.core", "gradcore.operations"},
    "gradcore.array_api": {_BACKENDS, "gradcore.core", "gradcore.operations", "gradcore.functions", "gradcore.dtypes",
                           "gradcore.linalg", "gradcore.special"},
    "gradcore.utils.data": {_BACKENDS, "gradcore.core", "gradcore.operations", "gradcore.distributed",
                            "gradcore.utils.progress"},
    "gradcore.serialization": {_BACKENDS, "gradcore.core"},
    "gradcore.distributions": {_BACKENDS, "gradcore.core", "gradcore.operations", "gradcore.functions"},
    "gradcore.testing": {"gradcore"},  # as those who use the library, and as no part of it does
    "gradcore.examples": {"gradcore"},
    "gradcore.data": {_BACKENDS, "gradcore.core", "gradcore.operations", "gradcore.utils.data"},
}


def _lies_in(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room):
    upward = [(module, own) for module in MODULES if _lies_in(module, room)
              for own in _dependencies(module, TREES[module])
              if not any(_lies_in(own, below) for below in {room, *ROOMS[room]})]
    assert not upward


@pytest.mark.parametrize("module", ABOVE_BACKENDS)
def test_cupy_is_imported_in_backends_only(module):
    assert not [name for name in _imports(module, TREES[module]) if name.split(".")[0] in ("cupy", "cupyx")]


@pytest.mark.parametrize("module", ABOVE_BACKENDS)
def test_nothing_above_the_backends_asks_which_device_it_is_for(module):
    compared = [operand.value for node in ast.walk(TREES[module]) if isinstance(node, ast.Compare)
                for operand in (node.left, *node.comparators) if isinstance(operand, ast.Constant)]
    assert not [value for value in compared if isinstance(value, str) and value.startswith("cuda")]


@EVERY_MODULE
def test_functions_import_no_module_of_the_library(module):
    functions = [node for node in ast.walk(TREES[module]) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert not [(function.name, _dependencies(module, function)) for function in functions
                if _dependencies(module, function)]


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {module: _dependencies(module, TREES[module]) for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " <- ".join(error.args[1]))


@EVERY_MODULE
def test_modules_are_read_at_one_sitting(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("folder", ["gradcore", "backends", "benchmarks", "tests"])
def test_lines_fit_on_a_screen(folder):
    assert not [f"{path}:{number}" for path in (ROOT / folder).rglob("*.py")
                for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
                if len(line) > LONGEST_LINE]


@EVERY_MODULE
def test_no_module_hides_a_library(module):
    assert MODULES[module].name not in ("numpy.py", "cupy.py")
