"""What the reference shows: the public names of each room, in the order of the alphabet."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from types import ModuleType
from typing import Any, Iterable, Iterator

from gradcore import Tensor
from gradcore.core.formula import FormulaOperation

ROOMS = ["gradcore", "gradcore.functions", "gradcore.nn",
         "gradcore.optim", "gradcore.optim.swa_utils", "gradcore.utils.data", "gradcore.utils.checkpoint",
         "gradcore.autograd", "gradcore.autograd.functional", "gradcore.func", "gradcore.nn.utils.parametrize",
         "gradcore.distributions", "gradcore.linalg", "gradcore.special", "gradcore.distributed", "gradcore.random",
         "gradcore.cuda",
         "gradcore.interop", "gradcore.array_api", "gradcore.backends", "gradcore.testing"]


def public(module: ModuleType) -> dict[str, Any]:
    """The functions, classes and operations that a user finds in `module`; `Tensor` is on the first page alone."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    members = {name: getattr(module, name) for name in sorted(names)}
    return {name: member for name, member in members.items() if callable(member)
            and not isinstance(member, ModuleType) and getattr(member, "__module__", "").startswith("gradcore")
            and (member is not Tensor or module.__name__ == "gradcore")}


def pages() -> dict[str, str]:
    """The page of each room, in reStructuredText."""
    shown: set[int] = set()  # a class that two rooms have is described in the first, and listed in the second
    return {room: _page(importlib.import_module(room), shown) for room in ROOMS}


def _page(module: ModuleType, shown: set[int]) -> str:
    title = module.__name__
    parts = [title, "=" * len(title), "", f".. automodule:: {title}", ""]
    for name, member in public(module).items():
        parts += _entry(f"{title}.{name}", member, id(member) in shown)
        shown.add(id(member))
    return "\n".join(parts) + "\n"


def _entry(name: str, member: Any, is_shown: bool) -> Iterator[str]:
    if isinstance(member, FormulaOperation):
        yield f".. py:function:: {name}({', '.join(_parameters(member))})"
        yield ""
        yield textwrap.indent("\n".join(marked_up(inspect.cleandoc(member.__doc__ or "").splitlines())), "   ")
    elif inspect.isclass(member):
        yield f".. autoclass:: {name}"
        yield "   :no-index:" if is_shown else "   :members:"
    else:
        yield f".. autofunction:: {name}"
    yield ""


def marked_up(lines: Iterable[str]) -> list[str]:
    """The lines of a docstring as reStructuredText: formulas in plain text, and what follows "name :" as a description.

    Sphinx would take |x| for the name of a text, * for emphasis, and the words after a colon for a type.
    """
    found: list[str] = []
    is_example = False
    for line in lines:
        if line.startswith(">>>") and "----------" in found and "Examples" not in found:
            found += ["Examples", "--------"]  # else it would be one more parameter
        is_example = line.lstrip().startswith(">>>") or is_example and bool(line.strip())
        parameter = re.fullmatch(r"(\*{0,2}\w[\w, *]*?) : (.+)", line)
        if parameter and not is_example:
            found += [parameter[1], "    " + _escaped(parameter[2])]
        else:
            found.append(line if is_example else _escaped(line))
    return found


def _escaped(line: str) -> str:
    spans = re.split(r"(``.*?``|`[^`]*`)", line)  # what stands between backticks stays as it is
    return "".join([span if i % 2 else re.sub(r"(?<!\\)[|*]", r"\\\g<0>", span) for i, span in enumerate(spans)])


def _parameters(operation: FormulaOperation) -> Iterator[str]:
    yield from operation.arrays
    yield from (f"{name}={default:g}" for name, default in zip(operation.constants, operation.defaults))
