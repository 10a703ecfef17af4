"""Where in the picture explanations of a group agree: sums of masks as colours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase

from age_audit.plotting import style

LIMITS = (-3.0, 1.0)  # a sum within -m to m, scaled by its largest value m as the study does; its zero is in the middle
_TICKS = {-3.0: "−3", -1.0: "−1\n(0 before scaling)", 1.0: "1\n(largest)"}


def draw_heatmaps(figure: FigureBase, heatmaps: Mapping[str, np.ndarray], sizes: Mapping[str, str], what: str) -> None:
    """Draw the heatmap of every group beside each other, on one scale of colours.

    Parameters
    ----------
    figure : Figure or SubFigure
        Drawn into; empty.
    heatmaps : mapping of str to ndarray of float, shape (H, W)
        By group, scaled so that 1 is the largest value and -1 was 0; NaN everywhere if there is none. Values below -3
        have the colour of -3.
    sizes : mapping of str to str
        How many faces each stands for, in words such as ``"n = 12"``.
    what : str
        What is summed, for the scale.
    """
    if not heatmaps:
        return
    panels = figure.subplots(1, len(heatmaps), squeeze=False)[0]
    for axes, (group, heatmap) in zip(panels, heatmaps.items(), strict=True):
        draw_heatmap(axes, heatmap)
        axes.set_title(f"{group} ({sizes[group]})")
    colours = ScalarMappable(Normalize(*LIMITS), style.DIVERGING)
    bar = figure.colorbar(colours, ax=list(panels), extend="min", shrink=0.8, aspect=12, label=what)
    bar.set_ticks(list(_TICKS), labels=list(_TICKS.values()))


def draw_heatmap(axes: Axes, heatmap: np.ndarray) -> Axes:
    """Draw one heatmap, or say that there is none where it is NaN everywhere; returns the same axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_aspect("equal")
    if np.isnan(heatmap).all():
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.text(0.5, 0.5, "no heatmap", ha="center", va="center", color="0.35")
    else:
        axes.imshow(heatmap, cmap=style.DIVERGING, vmin=LIMITS[0], vmax=LIMITS[1], interpolation="gaussian")
    return axes
