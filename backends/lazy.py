"""Names that a package loads on first use, which keeps its import fast."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable, Mapping


def loader(package: str, places: Mapping[str, str],
           finish: Callable[[Any], Any] = lambda member: member) -> Callable[[str], Any]:
    """A package's `__getattr__`: `places` maps each module of the package to the names it defines.

    `finish` turns a member of such a module into the package's attribute.
    """
    module_of = {name: module for module, names in places.items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        if name in places:
            return importlib.import_module(f"{package}.{name}")
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = finish(getattr(importlib.import_module(f"{package}.{module_of[name]}"), name))
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__
