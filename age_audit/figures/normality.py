"""What the verdict of a test of normality goes with: the number of faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from age_audit.core.groups import require_columns
from age_audit.figures import style

_LEVEL = {"color": "black", "linestyle": "--", "linewidth": 1.0, "zorder": 1}
FEATURES = ("race", "gender")  # markers and dashes are the first one's groups, colours the second one's


def _groups(table: pd.DataFrame, features: Sequence[str]) -> list[pd.Series]:
    """Of each row the group of the first feature, and of the second if there is one, as text."""
    return [table[feature].astype(str) for feature in features]


def _looks(table: pd.DataFrame, features: Sequence[str]) -> dict[tuple[str, ...], dict]:
    """Look by group, in the order of the rows."""
    return style.crossed_looks(*(list(dict.fromkeys(groups)) for groups in _groups(table, features)))


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
        A panel for each age range; the grey band spans what rounded normal samples of the same groups give. The title
        says how often groups are rejected that are drawn both small and large.
    """
    require_columns(samples, ("age_range", *features, "n", "rejected", "rejected_normal"))
    ages = samples["age_range"]
    ages = list(ages.cat.categories) if isinstance(ages.dtype, pd.CategoricalDtype) else list(dict.fromkeys(ages))
    looks, rows = _looks(samples, features), max(1, -(-len(ages) // 2))
    with style.applied():
        height = min(style.TALLEST, 2.0 * rows + 0.7 + 0.16 * -(-(len(looks) + 2) // 3))
        figure = style.new_figure(style.FULL, height)
        panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        for axes, age in zip(panels.flat, ages, strict=False):
            _draw_rejections(axes, samples[samples["age_range"] == age], features, alpha, looks)
            axes.set_title(f"real age {age} years")
        for axes in panels.flat[len(ages) :]:
            axes.set_visible(False)
        sizes = np.unique(samples["n"]) if len(samples) else np.array([10, 100])
        for axes in panels.flat:  # after the last panel: ticks of logarithmic axes follow the data
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.set_xlim(sizes.min() / 1.3, 1.3 * sizes.max())
            axes.minorticks_off()
        handles = {
            label: handle
            for axes in panels.flat
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        if handles:
            place = {"loc": "outside lower center", "ncols": 3, "handlelength": 3.2}
            style.in_lines(figure.legend(handles.values(), handles, **place), 32)
        for axes in panels[-1]:
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
    looks: Mapping[tuple[str, ...], dict],
) -> None:
    axes.set(xscale="log", ylim=(-0.02, 1.04))
    axes.axhline(alpha, label=f"level of the test, {alpha:g}", **_LEVEL)
    if samples.empty:
        axes.text(0.5, 0.5, "too few faces", transform=axes.transAxes, ha="center", color="0.35")
        return
    normal = samples.groupby("n")["rejected_normal"].agg(["min", "max"])
    axes.fill_between(normal.index, normal["min"], normal["max"], color="0.8", label="normal, rounded to whole years")
    for name, group in samples.groupby(_groups(samples, features), sort=False):
        axes.plot(group["n"], group["rejected"], label=", ".join(name), **looks[name], markersize=3.5, linewidth=0.9)
