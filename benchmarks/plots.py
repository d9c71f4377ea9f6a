"""The figures as pictures that can be printed: time against size, bandwidth, ratio to PyTorch, training, memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np

from gradcore.utils import gallery, style

from .cases import size_name
from .crossover import crossover, round_trip_times
from .results import Results, Row
from .tables import against, three_digits

_COLUMNS = 4
_GREY = "#777777"
# Colour, dashes and marker, so that lines differ without colour too.
_LINES = {
    ("cpu", "gradcore"): (style.BLUE, "-", "o"),
    ("cpu", "gradcore native"): (style.SKY, "-", "s"),
    ("cpu", "plain"): (_GREY, style.DASHES[2], "x"),
    ("cpu", "pytorch"): (style.VERMILION, style.DASHES[1], "^"),
    ("cuda", "gradcore"): (style.GREEN, "-", "D"),
    ("cuda", "plain"): (style.BLACK, style.DASHES[2], "+"),
    ("cuda", "pytorch"): (style.ORANGE, style.DASHES[1], "v"),
}
_NAMES = {"gradcore": "gradcore", "gradcore native": "gradcore, native kernels", "plain": "array code",
          "pytorch": "PyTorch"}


def draw_all(results: Results, folder: Path) -> dict[str, str]:
    """Draw every picture that there are figures for; the file names with a caption each."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, str] = {}

    def save(name: str, caption: str, draw: Callable[[Results], Any]) -> None:
        with style.load_matplotlib().rc_context({**style.settings(), "figure.constrained_layout.use": True}):
            figure = draw(results)
            if figure is not None:
                figure.savefig(folder / name)
                drawn[name] = caption

    for direction in results.values("direction"):
        save(f"time-{direction}.png", f"Time of one call against size, {_worded(direction)}.",
             lambda r, d=direction: time_against_size(r, d))
        save(f"pytorch-{direction}.png", f"PyTorch's time over gradcore's, {_worded(direction)}; above 1 gradcore is "
             f"quicker.", lambda r, d=direction: ratio_map(r, d))
    save("bandwidth.png", "Memory traffic of every activation against the bandwidth of a copy in the same run.",
         bandwidth_bars)
    save("memory.png", "Peak memory of ten layers, forward and backward.", memory_bars)
    gallery(folder / "gallery.png")
    drawn["gallery.png"] = "Every activation with its derivative."
    return drawn


def _worded(direction: str) -> str:
    return "forward and backward together" if direction == "both" else direction


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


# -- time against size ----------------------------------------------------------------------------------------
def time_against_size(results: Results, direction: str, dtype: str = "float32") -> Any:
    """A panel for each activation, log-log, every device; the crossover of the devices where there are two."""
    rows = list(results.select(direction=direction, dtype=dtype))
    names = [name for name in results.values("activation")
             if len({row.case.size for row in rows if row.case.activation == name}) > 1]
    if not names:
        return None
    columns = min(_COLUMNS, len(names))
    lines = math.ceil(len(names) / columns)
    figure = _figure(max(5.0, 2.05 * columns), 1.3 + 1.75 * lines)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    handles: dict[str, Any] = {}
    for axes, name in zip(grid.flat, names):
        _draw_lines(axes, results, [row for row in rows if row.case.activation == name], handles)
        axes.set(title=name, xscale="log", yscale="log")
        axes.minorticks_off()  # a decade apart is near enough, and drawing them takes most of the time
    for axes in list(grid.flat)[len(names):]:
        axes.remove()
    for i, axes in enumerate(grid.flat[:len(names)]):
        axes.tick_params(labelbottom=i + columns >= len(names))
    figure.supxlabel("elements", fontsize=9)
    figure.supylabel(f"time of one call, {_worded(direction)} (s)", fontsize=9)
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=min(3, columns))
    return figure


def _draw_lines(axes: Any, results: Results, rows: Sequence[Row], handles: dict[str, Any]) -> None:
    for device, implementation in dict.fromkeys((row.case.device, row.case.implementation) for row in rows):
        kind = "cpu" if device == "cpu" else "cuda"
        if (kind, implementation) not in _LINES:
            continue
        line = sorted((row for row in rows if (row.case.device, row.case.implementation) == (device, implementation)),
                      key=lambda row: row.case.size)
        colour, dashes, marker = _LINES[kind, implementation]
        sizes, medians = [row.case.size for row in line], [row.summary.median for row in line]
        label = f"{_NAMES[implementation]}, {device}"
        handles[label] = axes.plot(sizes, medians, color=colour, linestyle=dashes, marker=marker, markersize=3,
                                   linewidth=1.2, label=label)[0]
        spread = [row.summary for row in line]
        axes.fill_between(sizes, [s.low for s in spread], [s.high for s in spread], color=colour, alpha=0.2,
                          linewidth=0)
        if kind == "cuda" and implementation == "gradcore":
            whole = round_trip_times(results, line)
            label = f"{label}, with transfer"
            handles[label] = axes.plot(list(whole), list(whole.values()), color=colour, linestyle=style.DASHES[1],
                                       linewidth=1.2, label=label)[0]
            for with_transfer, dash in ((False, "-"), (True, style.DASHES[1])):
                point = crossover(results, line, with_transfer)
                if point is not None:
                    label = f"as quick as the CPU{', with transfer' if with_transfer else ''}"
                    handles[label] = axes.axvline(point, color=style.BLACK, linewidth=0.7, linestyle=dash, label=label)


# -- bandwidth ------------------------------------------------------------------------------------------------
def bandwidth_bars(results: Results) -> Any:
    """A bar for each activation and direction at the largest size that all have, beside the roof of that size."""
    panels = []
    for device in results.values("device"):
        for implementation in ("gradcore", "gradcore native"):
            rows = [row for row in results.select(device=device, implementation=implementation, dtype="float32")
                    if row.case.direction in ("forward", "backward")]
            size = _largest_common(rows)
            if size:
                panels.append((device, implementation, size, [row for row in rows if row.case.size == size]))
    if not panels:
        return None
    names = list(dict.fromkeys(row.case.activation for *_, rows in panels for row in rows))
    figure = _figure(1.0 + 3.3 * len(panels), 1.3 + 0.27 * len(names))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (device, implementation, size, rows) in zip(grid, panels):
        for shift, direction, colour in ((-0.2, "forward", style.BLUE), (0.2, "backward", style.ORANGE)):
            found = {row.case.activation: row.gigabytes_per_second for row in rows if row.case.direction == direction}
            places = [i for i, name in enumerate(names) if name in found]
            axes.barh([i + shift for i in places], [found[names[i]] for i in places], 0.38, color=colour,
                      label=direction, hatch="" if direction == "forward" else "////", edgecolor="white", linewidth=0)
        roof = results.copy_bandwidth(size, "float32", device)
        if roof:
            axes.axvline(roof, color=style.BLACK, linewidth=1.2, linestyle=style.DASHES[1], label="copy")
        axes.set(title=f"{_NAMES[implementation]}, {device}\n{size_name(size)} float32 elements",
                 xlabel="memory traffic (GB/s)", xlim=(0, None))
        axes.grid(axis="y", visible=False)
    grid[0].set_yticks(range(len(names)), names)
    grid[0].set_ylim(len(names) - 0.4, -0.6)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _largest_common(rows: Sequence[Row]) -> int | None:
    """The largest size that every activation was measured at."""
    names = {row.case.activation for row in rows}
    sizes = sorted({row.case.size for row in rows}, reverse=True)
    return next((size for size in sizes
                 if {row.case.activation for row in rows if row.case.size == size} == names), None)


# -- against PyTorch ------------------------------------------------------------------------------------------
def ratio_map(results: Results, direction: str) -> Any:
    """A heat map of size and activation for each kind of kernel and device, the ratio written into each field."""
    panels = []
    for device in results.values("device"):
        for implementation in ("gradcore", "gradcore native"):
            found = {(row.case.activation, row.case.size): ratio
                     for row in results.select(device=device, implementation=implementation, direction=direction,
                                               dtype="float32")
                     if (ratio := against(results, row, "pytorch")) is not None}
            if found:
                panels.append((f"{_NAMES[implementation]}, {device}", found))
    if not panels:
        return None
    names = list(dict.fromkeys(name for _, found in panels for name, _ in found))
    sizes = [sorted({size for _, size in found}) for _, found in panels]
    width = 1.9 + 0.62 * sum(map(len, sizes)) + 0.5 * len(panels)
    figure = _figure(max(4.2, width), max(2.8, 1.3 + 0.24 * len(names)))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False, width_ratios=[len(s) for s in sizes])[0]
    for axes, (title, found), columns in zip(grid, panels, sizes):
        image = _draw_map(axes, title, found, names, columns)
    bar = figure.colorbar(image, ax=list(grid), ticks=[-3, -2, -1, 0, 1, 2, 3], fraction=0.05, pad=0.02)
    bar.ax.set_yticklabels(["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    bar.set_label("PyTorch's time / gradcore's")
    figure.suptitle(_worded(direction))  # not in the bar's label, which is no longer than the bar of a few rows
    return figure


def _draw_map(axes: Any, title: str, found: dict, names: Sequence[str], sizes: Sequence[int]) -> Any:
    values = np.array([[found.get((name, size), np.nan) for size in sizes] for name in names])
    with np.errstate(invalid="ignore"):
        image = axes.imshow(np.log2(values), cmap="PuOr", vmin=-3, vmax=3, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if not np.isnan(value):
            axes.text(j, i, three_digits(value), ha="center", va="center", fontsize=7,
                      color="white" if abs(math.log2(value)) > 2 else "black")
    axes.set(title=title, xlabel="elements")
    for line in range(1, len(sizes)):
        axes.axvline(line - 0.5, color="white", linewidth=1)
    for line in range(1, len(names)):
        axes.axhline(line - 0.5, color="white", linewidth=1)
    axes.set_xticks(range(len(sizes)), map(size_name, sizes))
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return image


# -- memory ---------------------------------------------------------------------------------------------------
def memory_bars(results: Results) -> Any:
    """Peak bytes of the ten-layer network for each activation and library."""
    devices = list(dict.fromkeys(figures["device"] for figures in results.networks))
    if not devices:
        return None
    names = list(dict.fromkeys(figures["activation"] for figures in results.networks))
    figure = _figure(1.0 + 3.3 * len(devices), 1.3 + 0.27 * len(names))
    grid = figure.subplots(1, len(devices), sharey=True, squeeze=False)[0]
    for axes, device in zip(grid, devices):
        for shift, library, colour in ((-0.2, "gradcore", style.BLUE), (0.2, "pytorch", style.VERMILION)):
            found = {figures["activation"]: figures["peak_bytes"] / 1e6 for figures in results.networks
                     if (figures["device"], figures["implementation"]) == (device, library)}
            places = [i for i, name in enumerate(names) if name in found]
            axes.barh([i + shift for i in places], [found[names[i]] for i in places], 0.38, color=colour,
                      label=_NAMES[library], hatch="" if library == "gradcore" else "////", edgecolor="white",
                      linewidth=0)
        axes.set(title=device, xlabel="peak memory, forward and backward (MB)")
        axes.grid(axis="y", visible=False)
    grid[0].set_yticks(range(len(names)), names)
    grid[0].set_ylim(len(names) - 0.4, -0.6)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
