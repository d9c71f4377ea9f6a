"""Where the checkout is, and which modules the library has; both for tests about the library as a whole."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def modules() -> dict[str, Path]:
    """The files of the library's modules by the modules' names, `backends/` under its installed name."""
    found = {}
    for folder, package in ((ROOT / "gradcore", "gradcore"), (ROOT / "backends", "gradcore.backends")):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found
