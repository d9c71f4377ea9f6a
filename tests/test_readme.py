"""README is right: its snippets run, its commands are what CI runs, and the files it names exist."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess

import numpy as np
import pytest

import gradcore.functions
from benchmarks.readme import BEGIN, END
from gradcore.backends.formulas.expression import TABLE
import test_rowwise
from library import ROOT, modules

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
PROGRAMS = [snippet for snippet in SNIPPETS if not snippet.startswith("# in ")]
ADDITIONS = dict(re.match(r"# in (\S+)\n(.*)", snippet, flags=re.DOTALL).groups() for snippet in SNIPPETS
                 if snippet.startswith("# in "))


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _commands() -> list[str]:
    return re.search(r"```sh\n(.*?)```", _section("Quick start"), flags=re.DOTALL)[1].splitlines()


def _added(file: str, expression: bool = False) -> dict:
    """The names in a module of the library or of the tests, README's addition to its file included."""
    (name,) = [name for name, path in {**modules(), "activation_cases": ROOT / "tests/activation_cases.py"}.items()
               if path == ROOT / file]
    namespace = dict(vars(importlib.import_module(name)))
    exec(compile("(row,) = " * expression + ADDITIONS[file], "README.md", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: re.search(r"def (\w+)|(\w+)\(", program)[0])
def test_programs_print_what_their_comments_say(program, capsys):
    if "scipy" in program:
        pytest.importorskip("scipy", "1.17", "SciPy 1.17 or newer is not installed (the extra interop brings it)")
    exec(compile(program, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"print\(.*\)  # (.*)", program)


def test_the_first_snippet_has_eight_lines():
    assert len(PROGRAMS[0].splitlines()) == 8


def test_an_activation_is_added_as_shown(monkeypatch):
    squareplus = _added("gradcore/functions/rectifiers.py")["squareplus"]
    case = _added("tests/activation_cases.py", expression=True)["row"]
    monkeypatch.setattr(gradcore.functions, case.name, squareplus, raising=False)
    values = np.linspace(-9, 9, 1001)
    x = gradcore.Tensor(values, requires_grad=True)
    y = case(x)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), case.value(values))
    np.testing.assert_allclose(x.grad.numpy(), case.slope(values))


def test_a_row_operation_is_added_as_shown(rng, torch):
    operation = _added("gradcore/functions/normalization.py")["min_max"]
    case = eval(ADDITIONS["tests/test_rowwise.py"], {"Case": test_rowwise.Case, "min_max": operation})
    x = gradcore.Tensor(rng.normal(size=case.arrays[0]), requires_grad=True)
    other = torch.tensor(x.numpy(), requires_grad=True)
    result, expected = operation(x), case.theirs(torch, other)
    (result ** 2).sum().backward()
    (expected ** 2).sum().backward()
    np.testing.assert_allclose(result.numpy(), expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), other.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_a_primitive_is_added_as_shown(monkeypatch):
    row = _added("backends/formulas/primitives.py", expression=True)["row"]
    monkeypatch.setitem(TABLE, row.name, row)
    values = np.linspace(-9, 9, 1001)
    x = gradcore.Tensor(values, requires_grad=True)
    y = gradcore.elementwise(lambda xp, x: xp.arcsinh(x))(x)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), np.arcsinh(values), rtol=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), 1 / np.sqrt(1 + values ** 2), rtol=1e-12)


def test_the_quick_start_is_two_commands_of_one_line():
    commands = _commands()
    assert README.count("```sh\n") == 1 and "\\" not in "".join(commands)
    main, tests = commands
    assert "'.[bench]'" in main and main.endswith("-m benchmarks")
    assert "'.[test]'" in tests and tests.endswith("-m pytest")
    for command in commands:
        assert command.startswith("python3 -m venv .venv && ")
        assert subprocess.run(["sh", "-n", "-c", command]).returncode == 0


def test_the_performance_table_has_its_place():
    assert _section("Performance").count(BEGIN) == _section("Performance").count(END) == 1


def test_every_file_that_is_named_exists():
    named = re.findall(r"`((?:gradcore|backends|benchmarks|tests)/[\w/.]*)`", README)
    named += re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(named) > 20
    assert not [name for name in named if not (ROOT / name).exists()]


def test_every_room_is_in_the_table_of_what_is_where():
    """A room is a folder; a module that stands beside rooms, in `gradcore/` itself, has a row of its own."""
    table = _section("What is where")
    files = [path.relative_to(ROOT) for path in modules().values() if path.name != "__init__.py"]
    rooms = {f"`{path.parent}/`" if path.parent.name != "gradcore" else f"`{path}`" for path in files}
    assert not [room for room in rooms if room not in table]


def test_every_room_says_where_to_begin_to_read():
    guides = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for path in modules().values()
              if path.name == "__init__.py"}
    assert not [path for path, guide in guides.items() if not guide]
