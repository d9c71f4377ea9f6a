"""Writes what type checkers cannot find out: the stub of the members that `gradcore.methods` adds to `Tensor`, and the
list of the names that `gradcore` has.

    python tests/tensor_stub.py
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import typing
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import gradcore  # noqa: E402
from gradcore import methods  # noqa: E402
from gradcore.core.elementwise import Elementwise  # noqa: E402

STUB = ROOT / "gradcore" / "core" / "members.pyi"
INIT = ROOT / "gradcore" / "__init__.py"
# Modules that users find without an import of their own; any other is there where somebody has imported it.
MODULES = {"backends", "functions", "random", *gradcore._LATER}
HEAD = '''"""The members of `Tensor` that are added to the class; written by tests/tensor_stub.py."""

# ruff: noqa
'''
# Where the names in annotations come from, beside `typing`.
SOURCES = {"gradcore.backends": "..backends", "gradcore.core.dimensions": ".dimensions",
           "gradcore.core.tensor": ".tensor", "gradcore.core.hooks": ".hooks",
           "gradcore.operations.generator": "..operations.generator"}
# Types that share their name with a member, which would be found first inside of the class.
HIDDEN = ("bool", "float", "int")
# Whose second operand may be anything, and whose result is another than in `object`.
COMPARISONS = ("__eq__", "__ne__")


def text() -> str:
    """The text of the stub."""
    names: set[str] = set()
    members = [f"    {line}" for line in _members(names)]
    return HEAD + "\n".join([*_imports(names), "", "class Members:", *members, ""])


def _members(names: set[str]) -> Iterator[str]:
    for name, member in sorted(methods.members().items()):
        if isinstance(member, property):
            yield "@property"
            result = _annotation(inspect.signature(member.fget).return_annotation, names, "Tensor")
            yield f"def {name}(self) -> {result}: ..."
        elif isinstance(member, staticmethod):
            yield "@staticmethod"
            yield _stub(name, inspect.signature(member.__func__), names, None)
        elif isinstance(getattr(member, "operation", None), Elementwise):
            yield _stub(name, _signature_of(member.operation), names, "self")
        elif name.startswith("__i") and name.endswith("__") and name != "__invert__":
            yield f"def {name}(self, other: Any) -> Tensor: ..."
        elif overloads := _overloads(member):
            for signature in overloads:
                yield "@overload"
                yield _stub(name, signature, names, "self")
        else:
            yield _stub(name, inspect.signature(member), names, "self")


def _overloads(function: Any) -> list[inspect.Signature]:
    """What `@overload` says of a function, read from its module: Python keeps it from 3.11 on."""
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType):
        return []
    module = sys.modules[function.__module__]
    found = [node for node in ast.parse(inspect.getsource(module)).body
             if isinstance(node, ast.FunctionDef) and node.name == function.__name__
             and any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)]
    return [_signature_in(node) for node in found]


def _signature_in(node: ast.FunctionDef) -> inspect.Signature:
    keyword, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    given, empty = node.args, inspect.Parameter.empty
    defaults = [empty] * (len(given.args) - len(given.defaults)) + given.defaults
    of = [(arg, keyword, default) for arg, default in zip(given.args, defaults)]
    of += [(arg, named, empty if default is None else default)
           for arg, default in zip(given.kwonlyargs, given.kw_defaults)]
    return inspect.Signature([inspect.Parameter(arg.arg, kind, default=default, annotation=ast.unparse(arg.annotation))
                              for arg, kind, default in of], return_annotation=ast.unparse(node.returns))


def _signature_of(operation: Elementwise) -> inspect.Signature:
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    arrays = [inspect.Parameter(name, keyword, annotation="Any") for name in operation.arrays]
    constants = [inspect.Parameter(name, keyword, default=default, annotation="float")
                 for name, default in zip(operation.constants, operation.defaults)]
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Optional[Tensor]")
    return inspect.Signature([*arrays, *constants, out], return_annotation="Tensor")


def _stub(name: str, signature: inspect.Signature, names: set[str], first: str | None) -> str:
    parameters = list(signature.parameters.values())
    if first is not None:
        parameters[0] = parameters[0].replace(name=first, annotation=inspect.Parameter.empty)
    parts, starred = [], False
    for i, parameter in enumerate(parameters):
        annotation = "" if i == 0 and first else f": {_annotation(parameter.annotation, names)}"
        default = "" if parameter.default is parameter.empty else " = ..." if annotation else "=..."
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or parameter.kind in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY)
        parts.append(f"{stars}{parameter.name}{annotation}{default}")
        following = parameters[i + 1].kind if i + 1 < len(parameters) else None
        if parameter.kind is parameter.POSITIONAL_ONLY and following is not parameter.POSITIONAL_ONLY:
            parts.append("/")
    result = _annotation(signature.return_annotation, names, "Tensor")
    ignored = "  # type: ignore[override]" if name in COMPARISONS else ""
    return f"def {name}({', '.join(parts)}) -> {result}: ...{ignored}"


def _annotation(annotation: Any, names: set[str], otherwise: str = "Any") -> str:
    written = otherwise if annotation is inspect.Parameter.empty else str(annotation)
    used = {node.id for node in ast.walk(ast.parse(written)) if isinstance(node, ast.Name)}
    names.update(used)
    return re.sub(rf"(?<![\w.])({'|'.join(HIDDEN)})(?!\w)", r"builtins.\1", written)


def _imports(names: set[str]) -> Iterator[str]:
    from_typing = sorted(name for name in names if name in typing.__all__ and name != "Generator")
    from_typing = sorted({*from_typing, "overload"})
    yield f"from typing import {', '.join(from_typing)}"
    yield "import builtins"
    if "np" in names:
        yield "import numpy as np"
    left = names - set(from_typing) - {"np"} - set(vars(__import__("builtins")))
    for module, place in SOURCES.items():
        found = sorted(name for name in left if hasattr(sys.modules[module], name))
        left -= set(found)
        if found:
            yield f"from {place} import {', '.join(found)}"
    for name in sorted(left):
        (place,) = {getattr(module, name).__module__ for key, module in sys.modules.items()
                    if key.startswith("gradcore.operations.") and hasattr(module, name)}
        yield f"from .{place.removeprefix('gradcore')} import {name}"


def all_names() -> str:
    """The list `__all__` of `gradcore`, as it should be written."""
    found = [name for name in sorted(dir(gradcore)) if not name.startswith("_") and name != "annotations"
             and (name in MODULES or not isinstance(vars(gradcore).get(name), ModuleType))]
    names = ", ".join(f'"{name}"' for name in found)
    return "__all__ = [\n" + textwrap.fill(names, 118, initial_indent="    ", subsequent_indent="    ",
                                           break_long_words=False) + "]\n"


if __name__ == "__main__":
    STUB.write_text(text(), encoding="utf-8")
    before, _, rest = INIT.read_text(encoding="utf-8").partition("__all__ = [")
    INIT.write_text(before + all_names() + rest.partition("]\n")[2], encoding="utf-8")
