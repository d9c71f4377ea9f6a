"""The examples in the library's docstrings, run as they are written."""

from __future__ import annotations

import doctest
import importlib

import pytest

from library import modules


@pytest.mark.parametrize("name", modules())
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for what examples write
    if name.startswith("gradcore.utils"):
        pytest.importorskip("matplotlib")
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert not failed, "see the captured output"
