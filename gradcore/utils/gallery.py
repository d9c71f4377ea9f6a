"""`gallery`: every activation with its derivative in one figure."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Union

import numpy as np

from .. import functions
from ..core.tensor import Tensor
from . import style

# The article's come first; the rest follow as they are found.
_ARTICLE = ("relu", "leaky_relu", "prelu", "rrelu", "elu", "softplus", "swish", "sigmoid", "tanh")
_ARGUMENTS = {"leaky_relu": (0.1,), "prelu": (0.25,), "threshold": (1.0, 0.0)}
_ONE_TO_THE_EYE = {"gelu_erf": "gelu", "gelu_tanh": "gelu"}
_COLUMNS = 5
_REACH = 7.0  # shows where relu6 turns
_JUMP = 0.1  # from one point to the next; no continuous curve here is that steep


def gallery(fname: Union[str, Path, None] = None) -> Any:
    """Draw every activation with its derivative, save the figure to `fname` if given, and return it.

    >>> [axes.get_title() for axes in gallery().axes[:3]]
    ['relu', 'leaky_relu(x, 0.1)', 'prelu(x, 0.25)']
    """
    with style.load_matplotlib().rc_context(style.settings()):
        from matplotlib.figure import Figure

        names = list(dict.fromkeys((*_ARTICLE, *(_ONE_TO_THE_EYE.get(name, name) for name in functions.ACTIVATIONS))))
        rows = math.ceil(len(names) / _COLUMNS)
        figure = Figure(figsize=(2.0 * _COLUMNS, 1.65 * rows), layout="constrained")
        panels = list(figure.subplots(rows, _COLUMNS, sharex=True, squeeze=False).flat)
        for axes, name in zip(panels, names):
            _draw(axes, name, _ARGUMENTS.get(name, ()))
        for axes in panels[len(names):]:
            axes.remove()
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        figure.supxlabel("x", fontsize=9)
        if fname is not None:
            figure.savefig(fname)
    return figure


def _draw(axes: Any, name: str, arguments: tuple[float, ...]) -> None:
    x = Tensor(np.linspace(-_REACH, _REACH, 1401), requires_grad=True)
    y = getattr(functions, name)(x, *(Tensor([value], dtype=x.dtype) if name == "prelu" else value
                                      for value in arguments))
    y.backward(np.ones(y.shape))
    assert x.grad is not None
    axes.plot(x.numpy(), _broken_at_jumps(y.numpy()), color=style.BLUE, label="activation")
    axes.plot(x.numpy(), _broken_at_jumps(x.grad.numpy()), color=style.VERMILION, linestyle=style.DASHES[1],
              label="derivative")
    title = f"{name}(x, {', '.join(map('{:g}'.format, arguments))})" if arguments else name
    axes.set(title=title, xlim=(-_REACH, _REACH))


def _broken_at_jumps(values: np.ndarray) -> np.ndarray:
    """`values` with a gap at each discontinuity, so that no line is drawn there."""
    broken = values.copy()
    broken[1:][np.abs(np.diff(values)) > _JUMP] = np.nan
    return broken
