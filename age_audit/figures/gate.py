"""A gate by estimates alone in pictures: who passes at which age, for whom it errs, what every threshold does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from age_audit.audit.gate.rates import FALSE_PASS, FALSE_REFUSAL, LEAST_SHOWN, NEAR
from age_audit.core.groups import ALL, require_columns
from age_audit.figures import style

_ALL = {"color": "0.45", "linestyle": "-"}
_APART = 3  # years between labels of an axis
_MARK = {"color": "0.35", "linestyle": ":", "linewidth": 0.9, "zorder": 1}
_SIDES = {FALSE_PASS: "labelled {ages}: pass (%)", FALSE_REFUSAL: "labelled {ages}: do not pass (%)"}


def passes_by_age(table: pd.DataFrame, limit: int, title: str) -> Figure:
    """Draw how many pass at each year of age, a line a policy.

    Parameters
    ----------
    table : DataFrame
        Rows of single years of :func:`age_audit.audit.gate.rates.gate_rates`, with ``policy``.
    limit : int
        The age, in years, from which on somebody may pass: shaded below.
    title : str

    Returns
    -------
    Figure
        Of policies of one limit, with 95 % intervals as bands. Hollow: fewer than 30 faces of that age.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("policy", "rate", "age_low", "age_high", "share", "low", "high", "few_faces"))
    rows = table[table["age_low"] == table["age_high"]].dropna(subset="share").reset_index(drop=True)
    names = list(dict.fromkeys(rows["policy"]))
    looks = style.estimator_look(names)
    refused = (rows["rate"] == FALSE_REFUSAL).to_numpy()
    drawn = {end: np.where(refused, 1 - rows[other], rows[end]) for end, other in _MIRRORED.items()}
    rows = rows.assign(**drawn)
    with style.applied():
        figure = style.new_figure(style.FULL, 3.4)
        axes = figure.subplots()
        axes.axvspan(-0.5, limit - 0.5, color="0.95", zorder=0)
        for name in names:
            _curve(axes, rows[rows["policy"] == name], "age_low", looks[name])
        shown = [*rows["age_low"], limit - NEAR, limit + NEAR]  # the limit, whoever there is
        axes.set(xlim=(min(shown) - 0.7, max(shown) + 0.7), ylim=(-2, 102))
        axes.set(xlabel="labelled age (years)", ylabel="pass (%)")
        axes.text(
            limit - 0.7, 100, f"should not pass: under {limit}", ha="right", va="top", fontsize=style.SMALL, color="0.3"
        )
        axes.grid(axis="y", color="0.9")
        keys = style.legend_keys(looks, markersize=3.5)
        keys += [style.few_faces()] * bool(rows["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=3, handlelength=3.5)
        style.set_finding(figure, title)
    return figure


_MIRRORED = {"share": "share", "low": "high", "high": "low"}


def rates_along_threshold(table: pd.DataFrame, ages: Sequence[str], title: str, marked: Sequence[float] = ()) -> Figure:
    """Draw false passes and false refusals against the estimate that is asked for, a line a group.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`age_audit.audit.gate.curves.gate_curves` with the group in the column ``group`` (``"all"`` for
        all faces).
    ages : sequence of str
        Of the table, a panel each, such as ``["13–17", "18–22"]``.
    title : str
    marked : sequence of float
        Thresholds, in years, with a dotted line.

    Returns
    -------
    Figure
        With 95 % intervals as bands, one threshold at a time. Grey: all faces. Thin: fewer than 30 faces.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("group", "rate", "ages", "threshold", "n", "share", "low", "high", "few_faces"))
    rows = table[table["ages"].isin(ages)].dropna(subset="share")
    groups = [name for name in dict.fromkeys(table["group"].astype(str)) if name != ALL]
    looks = {ALL: _ALL} | style.group_look(groups)
    with style.applied():
        figure = style.new_figure(style.FULL, 3.6)
        for axes, label in zip(figure.subplots(1, len(ages), sharey=True, squeeze=False).flat, ages, strict=True):
            panel = rows[rows["ages"] == label]
            for at in marked:
                axes.axvline(at, **_MARK)
            for name, look in looks.items():
                of = panel[panel["group"].astype(str) == name]
                thin = {"linewidth": style.THIN_LINE} if of["few_faces"].any() else {}
                _curve(axes, of, "threshold", {**look, "marker": ""} | thin)
            rate = table.loc[table["ages"] == label, "rate"].iloc[0]
            axes.set_title(_SIDES[rate].format(ages=label), loc="left", fontweight="bold")
            axes.set(xlabel="passes from an estimate of (years)", ylim=(-2, 102))
            tens = np.arange(0, table["threshold"].max() + 1, 10)
            axes.set_xticks([*marked, *(ten for ten in tens if all(abs(ten - at) > _APART for at in marked))])
            axes.set_xlim(table["threshold"].min(), table["threshold"].max())
            axes.grid(axis="y", color="0.9")
        keys = style.legend_keys(
            {("all faces" if name == ALL else name): look for name, look in looks.items()}, marker=""
        )
        if rows["few_faces"].any():
            keys.append(Line2D([], [], color="black", linewidth=style.THIN_LINE, label="thin: fewer than 30 faces"))
        figure.legend(handles=keys, loc="outside lower center", ncols=4, handlelength=3.5)
        style.set_finding(figure, title)
    return figure


def _curve(axes: Axes, rows: pd.DataFrame, x: str, look: dict) -> None:
    """A line in percent with its band, hollow where faces are few."""
    across, few = rows[x].to_numpy(dtype=float), rows["few_faces"].to_numpy(dtype=bool)
    low, high = (100 * rows[end].to_numpy(dtype=float) for end in ("low", "high"))
    axes.fill_between(across, low, high, color=look["color"], alpha=0.05 if few.all() else 0.14, linewidth=0)
    axes.plot(across, 100 * rows["share"], **{"markersize": 3.5, "linewidth": 1.2, **look})
    if look.get("marker") and few.any():
        hollow = {"marker": look["marker"], "markersize": 3.5, "color": look["color"], "linestyle": ""}
        axes.plot(across[few], 100 * rows["share"][few], **hollow | style.HOLLOW)


def rates_of_groups(table: pd.DataFrame, ages: Sequence[str], title: str) -> Figure:
    """Draw the rates of groups, a row a group and a mark a policy.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`age_audit.audit.gate.rates.gate_rates` with ``policy`` and the group in the column ``group``.
    ages : sequence of str
        Of the table, a panel each.
    title : str

    Returns
    -------
    Figure
        Right of each panel's edge the number of faces. Hollow: fewer than 30. A group of fewer than ten has no mark.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("policy", "group", "rate", "ages", "n", "share", "low", "high", "few_faces"))
    rows = table[table["ages"].isin(ages)]
    names, groups = (list(dict.fromkeys(rows[column].astype(str))) for column in ("policy", "group"))
    looks, step = style.estimator_look(names), 0.5 / len(names)
    with style.applied():
        figure = style.new_figure(style.FULL, 1.2 + 0.22 * len(groups))
        for axes, label in zip(figure.subplots(1, len(ages), sharey=True, squeeze=False).flat, ages, strict=True):
            panel = rows[rows["ages"] == label]
            for place, name in enumerate(names):
                of = panel[panel["policy"] == name].dropna(subset="share")
                rows_of = np.array([groups.index(group) for group in of["group"].astype(str)], dtype=float)
                heights = rows_of + (place - (len(names) - 1) / 2) * step
                few = of["few_faces"].to_numpy(dtype=bool)
                axes.hlines(heights, 100 * of["low"], 100 * of["high"], color=looks[name]["color"], linewidth=1.0)
                mark = {key: looks[name][key] for key in ("color", "marker")} | {"linestyle": "", "markersize": 4}
                axes.plot(100 * of["share"][~few], heights[~few], **mark)
                axes.plot(100 * of["share"][few], heights[few], **mark | style.HOLLOW)
            _count_faces(axes, panel.groupby(panel["group"].astype(str))["n"].max(), groups)
            axes.set_title(_SIDES[panel["rate"].iloc[0]].format(ages=label), loc="left", fontweight="bold")
            axes.set(xlim=(-2, 116), xticks=range(0, 101, 20), ylim=(len(groups) - 0.4, -0.6))
            axes.grid(axis="x", color="0.92")
            axes.tick_params(axis="y", length=0)
        axes.set_yticks(range(len(groups)), ["all faces" if name == ALL else name for name in groups])
        keys = style.legend_keys(looks, markersize=4, linestyle="")
        keys += [style.few_faces()] * bool(rows.dropna(subset="share")["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=3)
        style.set_finding(figure, title)
    return figure


def _count_faces(axes: Axes, sizes: pd.Series, groups: Sequence[str]) -> None:
    for place, name in enumerate(groups):
        n = int(sizes.get(name, 0))
        text = f"n = {n:,}" if n >= LEAST_SHOWN else f"n < {LEAST_SHOWN}"
        axes.text(115, place, text, ha="right", va="center", fontsize=6.5, color="0.3")
