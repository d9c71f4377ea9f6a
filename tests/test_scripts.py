"""Training scripts as they are written for PyTorch: with the imports changed, every loss is the same."""

from __future__ import annotations

import re

import numpy as np
import pytest

from library import ROOT

SCRIPTS = sorted(path.stem for path in (ROOT / "tests" / "scripts").glob("*.py"))


def _run(name: str, library: str) -> dict:
    """What a script leaves behind, with `torch` changed to another library."""
    source = (ROOT / "tests" / "scripts" / f"{name}.py").read_text(encoding="utf-8")
    namespace: dict = {"__name__": name}
    exec(compile(re.sub(r"\btorch\b", library, source), f"{name}.py", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_loss_is_the_same(name, torch):
    ours, theirs = _run(name, "gradcore"), _run(name, "torch")
    assert len(ours["losses"]) == len(theirs["losses"]) >= 20
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=1e-4, atol=1e-4)
    assert len(set(ours["losses"])) > 10  # it trains
    assert ours["result"].split()[0] == theirs["result"].split()[0]
