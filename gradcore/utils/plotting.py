"""`plot`: line plots in one call."""

from __future__ import annotations

import itertools
import re
import sys
import uuid
from pathlib import Path
from typing import Any, Optional, Sequence, Union

import numpy as np

from ..core.tensor import Tensor
from . import style


def plot(x: Any, y: Any, xlabel: str = "", ylabel: str = "", title: Optional[str] = None,
         legend: Union[str, Sequence[str], None] = None, xlim: Optional[Sequence[float]] = None,
         ylim: Optional[Sequence[float]] = None, figsize: Sequence[float] = (5, 2.5),
         fname: Union[str, Path, None] = None, random_fname: bool = False) -> Any:
    """Plot y against x and return the axes; optionally save a PNG in the working folder.

    In an interactive session (a prompt, IPython, a notebook) the figure is also shown; scripts never block on a
    window.

    Parameters
    ----------
    x, y : tensors, arrays or lists of numbers.  A list of them draws several curves; x may be one for all.
    legend : a label for each curve.
    xlim, ylim : the lowest and highest value shown.
    figsize : width and height in inches.
    fname : the file to write, as PNG unless the extension is known; an existing file is replaced.
    random_fname : choose an unused name from `ylabel` and a random part.

    Raises
    ------
    ImportError : matplotlib is not installed; the message names the extra to install.
    ValueError : the numbers of curves, points or labels do not match.

    >>> axes = plot([0, 1, 2], [0, 1, 4], "x", "square(x)")
    >>> axes.get_ylabel()
    'square(x)'
    """
    curves = _curves(x, y)
    labels = [legend] if isinstance(legend, str) else list(legend or ())
    if labels and len(labels) != len(curves):
        raise ValueError(f"legend has {len(labels)} labels for {len(curves)} curves")
    with style.load_matplotlib().rc_context(style.settings()):
        figure = _new_figure(figsize)
        axes = figure.add_subplot()
        for (xs, ys), label in zip(curves, labels or itertools.repeat(None)):
            axes.plot(xs, ys, label=label)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title or "", xlim=xlim, ylim=ylim)
        if labels:
            axes.legend()
        if fname is not None or random_fname:
            figure.savefig(_unused_name(ylabel) if fname is None else _with_ending(figure, Path(fname)))
        if _is_interactive():
            _show()
    return axes


def _curves(x: Any, y: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The points of each curve."""
    ys = [_host(part) for part in y] if _is_list_of_curves(y) else [_host(y)]
    xs = [_host(part) for part in x] if _is_list_of_curves(x) else [_host(x)] * len(ys)
    if len(xs) != len(ys):
        raise ValueError(f"x holds {len(xs)} curves and y holds {len(ys)}")
    for a, b in zip(xs, ys):
        if a.ndim != 1 or a.shape != b.shape:
            raise ValueError(f"a curve needs x and y of one dimension and the same length; got shapes {a.shape} and "
                             f"{b.shape}")
    return list(zip(xs, ys))


def _is_list_of_curves(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and len(values) > 0 and np.ndim(_host(values[0])) > 0


def _host(values: Any) -> np.ndarray:
    return values.numpy() if isinstance(values, Tensor) else np.asarray(values)


def _is_interactive() -> bool:
    """Whether the session is interactive: Python's prompt, IPython's or a notebook, which set `sys.ps1`."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _new_figure(figsize: Any) -> Any:
    if _is_interactive():
        from matplotlib import pyplot

        return pyplot.figure(figsize=figsize, layout="constrained")
    # Without pyplot, which would choose a GUI and keep every figure alive.
    from matplotlib.figure import Figure

    return Figure(figsize=figsize, layout="constrained")


def _show() -> None:
    from matplotlib import pyplot

    pyplot.show(block=False)


def _with_ending(figure: Any, name: Path) -> Path:
    known = figure.canvas.get_supported_filetypes()
    return name if name.suffix.lower().lstrip(".") in known else name.with_name(name.name + ".png")


def _unused_name(ylabel: str) -> Path:
    words = re.sub(r"\W+", "-", ylabel, flags=re.ASCII).strip("-") or "plot"
    while True:
        name = Path(f"{words}-{uuid.uuid4().hex[:8]}.png")
        if not name.exists():
            return name
