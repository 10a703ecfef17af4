"""A measure of every group with its interval: one row a group, one block of rows an age range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from age_audit.core.groups import ALL, feature_names, require_columns
from age_audit.core.vocabulary import FEW_FACES
from age_audit.figures import style

MEASURE_LABELS = {
    "mean_absolute_error": "mean absolute error (years)",
    "mean_signed_error": "mean signed error, estimate − real age (years)",
    "cumulative_score_5": "share of faces within 5 years",
    "study_accuracy": "accuracy = (100 − |estimate − real age in years|) / 100",
}
_FROM_ZERO = ("mean_absolute_error", "cumulative_score_5")
SHOWN = ("mean_absolute_error", "mean_signed_error")
_MARKERS = "osD^v"  # of the second feature's groups, where groups are combinations
_OVERALL = {"color": "0.55", "linewidth": 1.2, "zorder": 1}
_NO_ERROR = {"color": "0.35", "linestyle": ":", "linewidth": 1.2, "zorder": 1}
_ROW, _BLOCK = 0.235, 0.42  # inches: a group, and what a block adds for its title
_BAR_NOTE = "bars and brackets: 95 % bootstrap intervals; dotted: no error"


def forest(
    table: pd.DataFrame,
    features: str | Sequence[str],
    overall: pd.DataFrame,
    title: str,
    measures: Sequence[str] = SHOWN,
) -> Figure:
    """Draw a measure of each group with its interval, one block an age range, one column of panels a measure.

    Parameters
    ----------
    table : DataFrame
        ``by_group`` of :func:`age_audit.audit.errors.groups.disaggregate`, controlled for ``age_range``.
    features : str or sequence of str
        What groups are made of. Colours are those of the first one's groups, markers those of the second one's.
    overall : DataFrame
        ``overall`` of the same: a line behind each block, with its interval as a band.
    title : str
    measures : sequence of str
        Of :data:`MEASURE_LABELS`.

    Returns
    -------
    Figure
        All panels of one measure have the same horizontal axis. A group without faces keeps its row, empty; one
        without an interval is a point.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    features = feature_names(features)
    require_columns(table, ("age_range", *features, "measure", "n", "value", "low", "high", "few_faces"))
    require_columns(overall, ("age_range", "measure", "n", "value", "low", "high"))
    notes = f"grey line and band: all faces of that age range; {_BAR_NOTE}; hollow: fewer than {FEW_FACES} faces"
    with style.applied():
        figure, panels = _blocks(table, features, measures, title, notes)
        for age_range, row in panels.items():
            for measure, axes in row.items():
                here = overall[(overall["age_range"].astype(str) == age_range) & (overall["measure"] == measure)]
                for everyone in here.itertuples():
                    _name_block(axes, row, measure, f"{_in_words(age_range)} (n = {everyone.n:,})")
                    if np.isfinite(everyone.value):
                        axes.axvline(everyone.value, **_OVERALL)
                    if np.isfinite(everyone.low):
                        axes.axvspan(everyone.low, everyone.high, color="0.88", zorder=0, linewidth=0)
                _draw_rows(axes, _chosen(table, age_range, measure), features, "value")
        _same_axes(panels)
    return figure


def crude_and_standardised(
    table: pd.DataFrame, features: str | Sequence[str], title: str, measures: Sequence[str] = SHOWN
) -> Figure:
    """Draw what age standardisation does to each group: a cross as it is, a dot with interval at equal ages.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.errors.equal_ages.standardised_within`, controlled for ``age_range``.
    features, title, measures
        As :func:`forest`.

    Returns
    -------
    Figure
        As :func:`forest`; a group that cannot be standardised has its cross only.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    features = feature_names(features)
    columns = ("measure", "n", "crude", "standardised", "low", "high", "few_faces")
    require_columns(table, ("age_range", *features, *columns))
    notes = (
        "cross: the group's faces as they are; dot: the group with the ages of all faces of that age range; "
        f"hollow: fewer than {FEW_FACES} faces in some age band\n{_BAR_NOTE}"
    )
    with style.applied():
        figure, panels = _blocks(table, features, measures, title, notes)
        for age_range, row in panels.items():
            for measure, axes in row.items():
                chosen = _chosen(table, age_range, measure)
                _name_block(axes, row, measure, _in_words(age_range))
                _draw_moves(axes, chosen, features)
                _draw_rows(axes, chosen, features, "standardised")
        _same_axes(panels)
    return figure


def error_by_age(table: pd.DataFrame, feature: str, title: str, measures: Sequence[str] = SHOWN) -> Figure:
    """Draw a measure of each group along age, with intervals: how much is a matter of age, how much of the group.

    Parameters
    ----------
    table : DataFrame
        Rows as of :func:`age_audit.audit.errors.groups.estimates_of` with the features ``age_band`` and ``feature``.
    feature : str
        Column of groups.
    title : str
    measures : sequence of str
        Of :data:`MEASURE_LABELS`.

    Returns
    -------
    Figure
        One panel a measure, one step a band. Groups stand a little beside each other, so that their intervals can be
        told apart; hollow: fewer than 30 faces of the group in that band.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("age_band", feature, "measure", "n", "value", "low", "high", "few_faces"))
    groups, bands = (list(dict.fromkeys(table[column].astype(str))) for column in (feature, "age_band"))
    looks = style.group_look(groups)
    with style.applied():
        figure = style.new_figure(11, 4.9)
        panels = figure.subplots(1, len(measures), squeeze=False)[0]
        for axes, measure in zip(panels, measures, strict=True):
            axes.axhline(0, **_NO_ERROR)
            for i, group in enumerate(groups):
                rows = table[(table[feature].astype(str) == group) & (table["measure"] == measure)]
                places = np.arange(len(rows)) + 0.13 * (i - (len(groups) - 1) / 2)
                look = looks[group] | {"label": f"{group} (n = {rows['n'].sum():,})"}
                axes.plot(places, rows["value"], linewidth=1.1, marker="o", markersize=3.5, **look)
                axes.vlines(places, rows["low"], rows["high"], color=look["color"], linewidth=1.4)
                few = rows["few_faces"].to_numpy(dtype=bool)
                hollow = {"facecolor": "white", "edgecolor": look["color"], "zorder": 3}
                axes.scatter(places[few], rows["value"].to_numpy(dtype=float)[few], s=20, **hollow)
            axes.set_xticks(range(len(bands)), bands, rotation=45)
            axes.set(xlabel="real age (years)", ylabel=MEASURE_LABELS[measure])
            if measure in _FROM_ZERO:
                axes.set_ylim(bottom=0)
        panels[-1].legend(loc="best", handlelength=3.5)
        figure.suptitle(title)
        note = "bars: 95 % bootstrap intervals; groups stand beside each other for legibility; hollow: fewer than "
        figure.supxlabel(f"{note}{FEW_FACES} faces", fontsize=9)
    return figure


def _blocks(table: pd.DataFrame, features: Sequence[str], measures: Sequence[str], title: str, notes: str):
    """An empty figure and its panels, by age range and measure."""
    ranges = list(dict.fromkeys(table["age_range"].astype(str)))
    rows = len(table[features].drop_duplicates())
    figure = style.new_figure(11, 1.1 + len(ranges) * (rows * _ROW + _BLOCK))
    grid = figure.subplots(len(ranges), len(measures), sharex="col", squeeze=False)
    panels = {name: dict(zip(measures, row, strict=True)) for name, row in zip(ranges, grid, strict=True)}
    for measure, axes in panels[ranges[-1]].items() if ranges else ():
        axes.set_xlabel(MEASURE_LABELS[measure])
    figure.suptitle(title)
    figure.supxlabel(notes, fontsize=9)
    return figure, panels


def _name_block(axes: Axes, row: dict[str, Axes], measure: str, name: str) -> None:
    if measure == next(iter(row)):
        axes.set_title(name, loc="left", fontsize=10, fontweight="bold", pad=4)


def _in_words(age_range: str) -> str:
    return "all ages" if age_range == ALL else f"real age {age_range} years"


def _chosen(table: pd.DataFrame, age_range: str, measure: str) -> pd.DataFrame:
    return table[(table["age_range"].astype(str) == age_range) & (table["measure"] == measure)]


def _looks(rows: pd.DataFrame, features: Sequence[str]) -> list[tuple[str, dict]]:
    """Name, colour and marker of each row's group."""
    firsts = rows[features[0]].astype(str)
    colours = {group: look["color"] for group, look in style.group_look(list(dict.fromkeys(firsts))).items()}
    seconds = rows[features[1]].astype(str) if len(features) > 1 else pd.Series("", index=rows.index)
    markers = {group: _MARKERS[i % len(_MARKERS)] for i, group in enumerate(dict.fromkeys(seconds))}
    names = rows[list(features)].astype(str).agg(" / ".join, axis=1)
    return [
        (name, {"color": colours[first], "marker": markers[second]})
        for name, first, second in zip(names, firsts, seconds, strict=True)
    ]


def _draw_rows(axes: Axes, rows: pd.DataFrame, features: Sequence[str], value: str) -> None:
    """A dot and its interval for each group, the first one on top; the numbers stand at the right edge."""
    labels = []
    for place, ((name, look), row) in enumerate(zip(_looks(rows, features), rows.to_dict("records"), strict=True)):
        labels.append(f"{name} (n = {row['n']:,})")
        if not np.isfinite(row[value]):
            continue
        face = "white" if row["few_faces"] else look["color"]
        axes.hlines(place, row["low"], row["high"], color=look["color"], linewidth=1.8, zorder=3)
        axes.plot(row[value], place, markersize=6, markerfacecolor=face, linestyle="", zorder=4, **look)
        axes.text(1.01, place, _number(row, value), transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", zorder=-1)
    axes.set_axisbelow(True)


def _draw_moves(axes: Axes, rows: pd.DataFrame, features: Sequence[str]) -> None:
    """A cross for each crude value, and a thin line from it to the standardised one."""
    for place, ((_, look), row) in enumerate(zip(_looks(rows, features), rows.to_dict("records"), strict=True)):
        if np.isfinite(row["crude"]):
            axes.plot(row["crude"], place, marker="x", markersize=6, color=look["color"], markeredgewidth=1.6, zorder=2)
            axes.plot([row["crude"], row["standardised"]], [place] * 2, color="0.6", linewidth=0.8, zorder=1)


def _number(row: dict, value: str) -> str:
    """``10.9 (10.3 to 11.4)``, with true minus signs."""
    digits = 2 if row["measure"] in ("cumulative_score_5", "study_accuracy") else 1
    text = f"{row[value]:.{digits}f}"
    if np.isfinite(row["low"]):
        text += f" ({row['low']:.{digits}f} to {row['high']:.{digits}f})"
    return text.replace("-", "−")


def _same_axes(panels: dict[str, dict[str, Axes]]) -> None:
    """Zero in view in every column, marked, and groups named once, at the left."""
    for row in panels.values():
        for i, axes in enumerate(row.values()):
            axes.axvline(0, **_NO_ERROR)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
            axes.tick_params(labelbottom=False)
            if i:
                axes.tick_params(labelleft=False)
    for axes in list(panels.values())[-1].values() if panels else ():
        axes.tick_params(labelbottom=True)
