"""The API reference, made of the docstrings:

    python -m pip install -e '.[docs]' && python -m sphinx docs docs/_build
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import gradcore  # noqa: E402
from reference import marked_up, pages  # noqa: E402

project, author = "gradcore", "gradcore developers"
version = release = gradcore.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]


def _write_pages(app: object) -> None:
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    for room, text in pages().items():
        (folder / f"{room}.rst").write_text(text, encoding="utf-8")


def _mark_up(app: object, what: str, name: str, member: object, options: object, lines: list[str]) -> None:
    lines[:] = marked_up(lines)


def setup(app: object) -> None:
    app.connect("builder-inited", _write_pages)  # type: ignore[attr-defined]
    app.connect("autodoc-process-docstring", _mark_up, priority=100)  # type: ignore[attr-defined]  # before napoleon
