"""The examples, each in a short form: what they teach is what they measure."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gradcore
from gradcore.examples.__main__ import main
from gradcore.examples.study import NAMES, example, title
from library import ROOT

# Steps for a short form, and what must be true of the measures then.
SHORT = {
    "dead_units": (60, lambda m: m["relu below"] > m["leaky_relu below"] and m["relu loss"] > 3 * m["prelu loss"]),
    "vanishing": (1, lambda m: m["sigmoid"] < 1e-8 and all(0.01 < m[name] < 100 for name in m if name != "sigmoid")),
    "zigzag": (80, lambda m: m["positive inputs"] == 1.0 and 0.2 < m["centred inputs"] < 0.8),
    "saturation": (80, lambda m: m["squared error"] < 0.01 < 0.8 < m["log loss"]),
    "own_activation": (120, lambda m: m["wavelet"] < 0.5 * m["relu"]),
    "own_loss": (120, lambda m: m["expected distance"] < 0.9 * m["cross entropy"]),
    "digits": (3, lambda m: m["test"] > 0.85),
    "convolution": (2, lambda m: m["convolutions"] > 0.8 and m["neurons"] > 0.7),
    "sequence_lstm": (12, lambda m: all(0.05 < error < 0.6 for error in m.values())),
    "character_gpt": (16, lambda m: m["least"] < m["bits"] < m["first"] - 0.5),
}


def _quiet(steps, label):
    return steps


@pytest.mark.parametrize("name", NAMES)
def test_it_measures_what_it_says(name):
    if name in ("digits", "convolution"):
        pytest.importorskip("sklearn")
    gradcore.manual_seed(0)
    steps, holds = SHORT[name]
    found = example(name).run(steps, gradcore.Device("cpu"), _quiet)
    assert holds(found.measures), found.sentences
    assert found.sentences and all(len(found.x) == len(curve) or len(found.x) == len(found.curves)
                                   for curve in found.curves.values())


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_on_cuda(name):
    gradcore.manual_seed(0)
    steps, holds = SHORT[name]
    assert holds(example(name).run(steps, gradcore.Device("cuda"), _quiet).measures)


def test_they_are_listed(capsys):
    main([])
    listed = capsys.readouterr().out
    assert all(name in listed and title(name) in listed for name in NAMES)


def test_one_is_run_with_progress_and_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    done = subprocess.run([sys.executable, "-m", "gradcore.examples", "saturation", "--steps", "5", "--device", "cpu",
                           "--picture", str(tmp_path / "a.png")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "after 5 steps p = 0.000" in done.stdout and "log loss: 100%" in done.stderr
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_mistakes_are_named(capsys):
    for arguments in (["nothing"], ["zigzag", "--steps", "0"]):
        with pytest.raises(SystemExit):
            main(arguments)
    assert "--steps must be at least 1; got 0" in capsys.readouterr().err
    with pytest.raises(ValueError, match="there is no example 'nothing'"):
        example("nothing")
