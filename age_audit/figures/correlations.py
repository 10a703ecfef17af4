"""Correlations as coloured tables, and the points that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Rectangle

from age_audit.figures import style

FEW_CELLS = {"facecolor": "white", "edgecolor": "0.87", "linewidth": 0, "hatch": "///"}  # hollow, of a table
_LEAST_LIMIT = 0.1  # so that correlations of nearly nothing do not look like much
_IN_WORDS = {"age_estimation_accuracy": "accuracy", "gender_real": "gender (male 1, female 0)"}


def in_words(column: str) -> str:
    """A column as figures name it: ``outer_boundary_left`` becomes "outer boundary left"."""
    return _IN_WORDS.get(column, column.replace("_", " "))


def draw_correlations(
    figure: FigureBase,
    table: pd.DataFrame,
    columns: Sequence[str] | None = None,
    limit: float | None = None,
    by_chance: np.ndarray | None = None,
    few_faces: np.ndarray | None = None,
) -> Axes:
    """Draw correlations as a table whose cells are coloured and hold their number.

    Parameters
    ----------
    figure : Figure or SubFigure
        Drawn into; empty.
    table : DataFrame of float, shape (R, C)
        Pearson's r, -1 to 1; NaN is left white, with a dash.
    columns : sequence of str, length C, optional
        What the columns are called; their own names in words by default.
    limit : float, optional
        Above 0: how far the colours go, where several tables share one scale. It is not drawn then.
    by_chance : ndarray of bool, shape (R, C), optional
        Cells that chance alone would give: white, with a grey number.
    few_faces : ndarray of bool, length C, optional
        Columns of few faces: hatched, not coloured.

    Returns
    -------
    Axes
        That of the table. Without a limit, colours go as far as the largest correlation off the diagonal of ones.
    """
    axes = figure.subplots()
    values = table.to_numpy(dtype=float)
    shared = limit is not None
    limit = limit if shared else colour_limit(values)
    grey = np.zeros(values.shape, dtype=bool) if by_chance is None else by_chance
    few = np.zeros(len(table.columns), dtype=bool) if few_faces is None else few_faces
    shown = np.where(grey | few, np.nan, values)
    image = axes.imshow(shown, cmap=style.DIVERGING, vmin=-limit, vmax=limit, aspect="auto")
    for place in np.flatnonzero(few):
        axes.add_patch(Rectangle((place - 0.5, -0.5), 1, len(table), **FEW_CELLS))
    for (row, column), r in np.ndenumerate(values):
        dark = np.isfinite(shown[row, column]) and abs(r) > 0.6 * limit
        text = f"{round(r, 3) + 0:+.3f}".replace("-", "−") if np.isfinite(r) else "–"  # no −0.000
        colour = "0.6" if grey[row, column] else "white" if dark else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=style.SMALL)
    names = [fill(in_words(name), 10) for name in table.columns] if columns is None else list(columns)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(table)), [in_words(name) for name in table.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if not shared:
        figure.colorbar(image, ax=axes, label="Pearson's r")
    return axes


def colour_limit(values: np.ndarray) -> float:
    """The largest correlation by absolute value, ones and NaN aside, and at least 0.1."""
    sizes = np.abs(values[np.isfinite(values) & (np.abs(values) < 1 - 1e-12)])
    return max(_LEAST_LIMIT, float(sizes.max(initial=0)))


def draw_accuracy_scatter(
    figure: FigureBase,
    groups: Mapping[str, pd.DataFrame],
    sizes: Mapping[str, str],
    x_vars: Sequence[str],
    alpha: float,
) -> np.ndarray:
    """Draw the accuracy of every face against each of its shares, one panel a share.

    Parameters
    ----------
    figure : Figure or SubFigure
        Drawn into; empty.
    groups : mapping of str to DataFrame
        Rows of each group, with ``age_estimation_accuracy`` and the columns of ``x_vars`` (0-1).
    sizes : mapping of str to str
        How many faces each group has, in words such as ``"n = 12"``.
    x_vars : sequence of str
        At least one.
    alpha : float
        Opacity of one point, 0-1; repeated faces add up.

    Returns
    -------
    ndarray of Axes, shape (len(x_vars),)
    """
    panels = figure.subplots(1, len(x_vars), sharey=True, squeeze=False)[0]
    looks = style.group_look(list(groups))
    for axes, column in zip(panels, x_vars, strict=True):
        for group, faces in groups.items():
            points = looks[group] | {"linestyle": "", "markersize": 4, "markeredgewidth": 0, "alpha": alpha}
            x, y = (faces[name].to_numpy(dtype=float) for name in (column, "age_estimation_accuracy"))
            axes.plot(x, y, **points, label=f"{group} ({sizes[group]})")
        axes.set(xlim=(0, 1), xticks=(0, 0.5, 1), xlabel=f"share of {in_words(column)}")
    panels[0].set_ylabel("accuracy")
    if groups:
        legend = style.in_lines(panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5)))
        for handle in legend.legend_handles:
            handle.set_alpha(1)
    return panels


def draw_rounded_ages(axes: Axes, years: Sequence[int], title: str) -> Axes:
    """Draw how many estimates there are of each whole year; returns the same axes."""
    low, high = (min(years), max(years)) if years else (0, 0)
    axes.hist(years, bins=np.arange(low, high + 2) - 0.5, color="0.45")
    axes.set(title=f"{title} (n = {len(years):,})", xlabel="estimate (years, rounded)", ylabel="faces")
    return axes
