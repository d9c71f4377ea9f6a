"""`plot`: what it draws, where it saves, and what it says where it cannot."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gradcore import Tensor, functions

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from gradcore.utils import gallery, plot  # noqa: E402  (after the choice of a backend that needs no window)


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _points(axes) -> list[np.ndarray]:
    return [line.get_xydata() for line in axes.get_lines()]


@pytest.mark.parametrize("kind", [list, np.asarray, Tensor, lambda values: Tensor(values, requires_grad=True)])
def test_lists_arrays_and_tensors_are_drawn_alike(kind, rng):
    x, y = rng.normal(size=(2, 7)).astype(np.float32)
    (points,) = _points(plot(kind(x), kind(y)))
    assert np.array_equal(points, np.stack([x, y], axis=1))


def test_labels_limits_and_size():
    axes = plot([0, 1], [2, 3], "time", "height", "A title", "one", (0, 5), (1, 4), figsize=(4, 3))
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("time", "height", "A title")
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 5), (1, 4))
    assert tuple(axes.figure.get_size_inches()) == (4, 3)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one"]


def test_several_curves_over_one_x_or_each_over_its_own(rng):
    x, a, b = rng.normal(size=(3, 5))
    for xs in (x, [x, x]):
        axes = plot(xs, [Tensor(a), list(b)], legend=["a", "b"])
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
        assert np.array_equal(_points(axes), [np.stack([x, a], 1), np.stack([x, b], 1)])


def test_nothing_is_saved_unasked(working_folder):
    plot([0, 1], [0, 1])
    assert not list(working_folder.iterdir())


@pytest.mark.parametrize("given, written", [("curve", "curve.png"), ("curve.png", "curve.png"),
                                            ("swish(1.5)", "swish(1.5).png"), ("curve.pdf", "curve.pdf")])
def test_a_name_is_what_the_file_is_called(given, written, working_folder):
    plot([0, 1], [0, 1], fname=given)
    assert [path.name for path in working_folder.iterdir()] == [written]


def test_chosen_names_replace_nothing(working_folder):
    for _ in range(3):
        plot([0, 1], [0, 1], "x", "grad of f(x)/2", random_fname=True)
    names = [path.name for path in working_folder.iterdir()]
    assert len(names) == 3 and all(name.startswith("grad-of-f-x-2-") and name.endswith(".png") for name in names)


@pytest.mark.parametrize("x, y, legend, words", [
    ([0, 1], [0, 1, 2], None, r"shapes \(2,\) and \(3,\)"),
    (np.zeros((2, 2)), np.zeros((2, 2)), None, "one dimension"),
    ([np.arange(2)] * 2, [np.arange(2)] * 3, None, "x holds 2 curves and y holds 3"),
    ([0, 1], [0, 1], ["a", "b"], "2 labels for 1 curves"),
])
def test_what_does_not_fit_is_refused_in_words(x, y, legend, words):
    with pytest.raises(ValueError, match=words):
        plot(x, y, legend=legend)


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"gradcore\[plot\]"):
        plot([0, 1], [0, 1])


def test_it_is_shown_in_an_interactive_session_only(monkeypatch):
    from matplotlib import pyplot

    shown = []
    monkeypatch.setattr(pyplot, "show", lambda **options: shown.append(options))
    plot([0, 1], [0, 1])
    assert not shown and not pyplot.get_fignums()
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    axes = plot([0, 1], [0, 1])
    assert shown == [{"block": False}]
    pyplot.close(axes.figure)


def test_the_users_settings_are_left_alone():
    before = dict(matplotlib.rcParams)
    plot([0, 1], [0, 1], legend="one")
    assert dict(matplotlib.rcParams) == before


def test_the_gallery_shows_every_activation(working_folder):
    figure = gallery("gallery.png")
    assert (working_folder / "gallery.png").exists()
    shown = {axes.get_title().partition("(")[0] for axes in figure.axes}
    assert {*functions.ACTIVATIONS, "prelu", "rrelu", "gelu"} - {"gelu_erf", "gelu_tanh"} == shown
    for axes in figure.axes:
        values, slopes = (line.get_ydata() for line in axes.get_lines())
        x = axes.get_lines()[0].get_xdata()
        # The derivative drawn is the slope of the curve drawn, kinks and jumps aside.
        differences = np.abs(np.gradient(values, x) - slopes)
        assert np.mean(differences > 1e-3) < 0.01, axes.get_title()
