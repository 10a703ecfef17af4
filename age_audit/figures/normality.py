"""What the verdict of a test of normality depends on: the number of faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from age_audit.core.groups import levels, require_columns
from age_audit.figures import style

_LEVEL = {"color": "black", "linestyle": "--", "linewidth": 1.0, "zorder": 1}
FEATURES = ("race", "gender")  # the first one's groups are lines, the second one's panels
_MOST_COLUMNS = 3  # of more groups of the second one all stand in one panel
_ROOM = 3.0  # by which the axis goes on behind the largest sample, for the names of lines
_NAME_HEIGHT, _NAME_WIDTH = 0.1, 2.5  # of a panel's vertical axis; the ratio of two n


def rejections_by_size(samples: pd.DataFrame, alpha: float = 0.05, features: Sequence[str] = FEATURES) -> Figure:
    """Draw how often the test would reject each group, had fewer of its faces been seen.

    Parameters
    ----------
    samples : DataFrame
        From :func:`age_audit.recheck.normality.rejections_by_size`, with the columns ``age_range``, the
        features, ``n``, ``rejected`` and ``rejected_normal``.
    alpha : float
        Level of the test.

    Returns
    -------
    Figure
        A row of panels for each age range, a column for each group of the second feature, a named line for each of the
        first; the grey band spans what rounded normal samples of the same groups give. The title says how often groups
        are rejected that are drawn both small and large.
    """
    require_columns(samples, ("age_range", *features, "n", "rejected", "rejected_normal"))
    ages = levels(samples["age_range"])
    groups, *others = (list(dict.fromkeys(samples[feature].astype(str))) for feature in features)
    seconds = others[0] if others and 0 < len(others[0]) <= _MOST_COLUMNS else []
    looks = style.group_look(groups) if seconds or not others else style.crossed_looks(groups, others[0])
    columns = len(seconds) or 2
    rows = len(ages) if seconds else max(1, -(-len(ages) // 2))
    with style.applied():
        figure = style.new_figure(style.FULL, 1.7 * rows + 0.9 + 0.16 * -(-(len(looks) + 2) // 4))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = [(age, second) for age in ages for second in seconds or [""]]
        for axes, (age, second) in zip(grid.flat, panels, strict=False):
            inside = samples[samples["age_range"].astype(str) == age]
            inside = inside[inside[features[1]].astype(str) == second] if seconds else inside
            _draw_rejections(axes, inside, features[:1] if seconds else features, alpha, looks)
            axes.set_title(f"real age {age} years" + f", {second}" * bool(second))
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        sizes = np.unique(samples["n"]) if len(samples) else np.array([10, 100])
        for axes in grid.flat:  # after the last panel: ticks of logarithmic axes follow the data
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.set_xlim(sizes.min() / 1.3, _ROOM * sizes.max())
            axes.minorticks_off()
        handles = {
            label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        if handles:
            place = {"loc": "outside lower center", "ncols": 4, "handlelength": 3.2}
            style.in_lines(figure.legend(handles.values(), handles, **place), 32)
        for axes in grid[-1]:
            axes.set_xlabel("faces drawn from the group (n; at most half of it)")
        figure.supylabel("share of samples in which normality is rejected", fontsize="medium")
        style.set_finding(figure, _found(samples, features))
    return figure


def _found(samples: pd.DataFrame, features: Sequence[str]) -> str:
    """How often the groups are rejected of which both few and many faces are drawn."""
    by_group = samples.groupby(["age_range", *features], observed=True)["n"].agg(["min", "max"])
    if by_group.empty or by_group["max"].max() <= by_group["min"].min():
        return "How often normality is rejected, had fewer faces been seen"
    few = by_group["min"].min()
    reached = by_group["max"].sort_values(ascending=False)
    many = reached.iloc[min(len(reached), 5) - 1]  # of the most faces that five groups have
    large = samples.set_index(["age_range", *features]).loc[by_group.index[by_group["max"] >= many]]
    low, high = (style.percent(large.loc[large["n"] == n, "rejected"].mean()) for n in (few, many))
    return f"Of the same groups normality is rejected in {low} of samples of {few:,} faces and in {high} of {many:,}"


def _draw_rejections(
    axes: Axes,
    samples: pd.DataFrame,
    features: Sequence[str],
    alpha: float,
    looks: Mapping[str | tuple[str, ...], dict],
) -> None:
    axes.set(xscale="log", ylim=(-0.02, 1.04))
    axes.axhline(alpha, label=f"level of the test, {alpha:g}", **_LEVEL)
    if samples.empty:
        axes.text(0.5, 0.5, "too few faces", transform=axes.transAxes, ha="center", color="0.35")
        return
    normal = samples.groupby("n")["rejected_normal"].agg(["min", "max"])
    axes.fill_between(normal.index, normal["min"], normal["max"], color="0.8", label="normal, rounded to whole years")
    ends = []
    for name, group in samples.groupby([samples[feature].astype(str) for feature in features], sort=False):
        look = looks[name if len(features) > 1 else name[0]]
        axes.plot(group["n"], group["rejected"], label=", ".join(name), **look, markersize=3.5, linewidth=0.9)
        ends.append((group["rejected"].iloc[-1], group["n"].iloc[-1], ", ".join(name), look["color"]))
    if len(ends) <= style.MANY_GROUPS:
        _name_lines(axes, ends)


def _name_lines(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write the name of each line behind its last point; where names would lie over each other they move inwards."""
    placed: list[tuple[float, float]] = []  # height and n
    for rejected, n, name, colour in sorted(ends, key=lambda end: -abs(end[0] - 0.5)):
        height, step = rejected, 0.02 if rejected < 0.5 else -0.02
        while any(abs(height - y) < _NAME_HEIGHT and _NAME_WIDTH > max(n / x, x / n) for y, x in placed):
            height += step
        placed.append((height, n))
        axes.annotate(name, (n, height), (5, 0), textcoords="offset points", va="center", color=colour, fontsize=6.5)
