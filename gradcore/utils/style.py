"""The style of figures: colours that are distinguishable for the colour-blind, thin lines, no decoration."""

from __future__ import annotations

from types import ModuleType
from typing import Any

# Okabe and Ito, "Color Universal Design" (2008), the darker ones first; in print they differ in lightness too.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), "-.")

_GREY = "#666666"


def load_matplotlib() -> ModuleType:
    """The module matplotlib, imported for the first figure; an ImportError names the extra to install."""
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise ImportError('pictures need matplotlib, which is not installed; the extra "plot" brings it: '
                          'pip install "gradcore[plot]"') from error
    return matplotlib


def settings() -> dict[str, Any]:
    """matplotlib's settings for one figure, for `matplotlib.rc_context`; the user's settings do not change."""
    from cycler import cycler

    return {
        "axes.axisbelow": True,
        "axes.edgecolor": _GREY,
        "axes.grid": True,
        "axes.labelsize": 9,
        "axes.linewidth": 0.6,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 10,
        "figure.facecolor": "white",
        "font.size": 9,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.5,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "savefig.dpi": 200,
        "xtick.color": _GREY,
        "xtick.labelcolor": "black",
        "xtick.labelsize": 8,
        "ytick.color": _GREY,
        "ytick.labelcolor": "black",
        "ytick.labelsize": 8,
    }
