"""What the reference shows: the public names of each room, in the order of the alphabet."""

from __future__ import annotations

import inspect
import textwrap
from types import ModuleType
from typing import Any, Iterator

from gradcore.core.formula import FormulaOperation

ROOMS = ["gradcore", "gradcore.functions", "gradcore.nn",
         "gradcore.optim", "gradcore.optim.swa_utils", "gradcore.utils.data", "gradcore.utils.checkpoint",
         "gradcore.autograd", "gradcore.autograd.functional", "gradcore.func", "gradcore.nn.utils.parametrize",
         "gradcore.distributions", "gradcore.linalg", "gradcore.special", "gradcore.distributed", "gradcore.random",
         "gradcore.cuda",
         "gradcore.interop", "gradcore.array_api", "gradcore.backends", "gradcore.testing"]


def public(module: ModuleType) -> dict[str, Any]:
    """The functions, classes and operations that a user finds in `module`."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    members = {name: getattr(module, name) for name in sorted(names)}
    return {name: member for name, member in members.items() if callable(member)
            and not isinstance(member, ModuleType) and getattr(member, "__module__", "").startswith("gradcore")}


def page(module: ModuleType) -> str:
    """A page in reStructuredText."""
    title = module.__name__
    parts = [title, "=" * len(title), "", f".. automodule:: {title}", ""]
    for name, member in public(module).items():
        parts += _entry(f"{title}.{name}", member)
    return "\n".join(parts) + "\n"


def _entry(name: str, member: Any) -> Iterator[str]:
    if isinstance(member, FormulaOperation):
        yield f".. py:function:: {name}({', '.join(_parameters(member))})"
        yield ""
        yield textwrap.indent(inspect.cleandoc(member.__doc__ or ""), "   ")
    elif inspect.isclass(member):
        yield f".. autoclass:: {name}"
        yield "   :members:"
    else:
        yield f".. autofunction:: {name}"
    yield ""


def _parameters(operation: FormulaOperation) -> Iterator[str]:
    yield from operation.arrays
    yield from (f"{name}={default:g}" for name, default in zip(operation.constants, operation.defaults))
