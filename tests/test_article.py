"""The article's listing, as it stands, as a script: it draws each activation and its gradient."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from library import ROOT

LISTING = """\
from gradcore.functions import *
from gradcore.utils import plot
x = Tensor.arange(-8.0, 8.0, 0.1, requires_grad=True)
y = {call}
plot(x.numpy(), y.numpy(), 'x', '{call}', random_fname=True, figsize=(5, 2.5))
y.backward(Tensor.ones_like(x))
plot(x.numpy(), x.grad.numpy(), 'x', 'grad of {name}', figsize=(5, 2.5){save})
"""
CALLS = ["relu(x)", "leaky_relu(x)", "elu(x)", "softplus(x)", "softplus(x, beta=10)", "swish(x)", "sigmoid(x)",
         "tanh(x)"]


def _run(folder, script: str) -> list[str]:
    """The names of the PNG files that `script` leaves in `folder`."""
    pytest.importorskip("matplotlib")
    (folder / "listing.py").write_text(script)
    done = subprocess.run([sys.executable, "-W", "error", "listing.py"], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""
    files = sorted(path.name for path in folder.iterdir() if path.name != "listing.py")
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in files)
    return files


def test_the_listing_as_it_stands(tmp_path):
    assert len(_run(tmp_path, LISTING.format(call="relu(x)", name="relu", save=""))) == 1


def test_all_activations_of_the_article(tmp_path):
    """One script for all, both pictures of each saved."""
    script = "".join(LISTING.format(call=call, name=call.split("(")[0], save=", random_fname=True") for call in CALLS)
    assert len(_run(tmp_path, script)) == 2 * len(CALLS)
