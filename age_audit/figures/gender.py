"""Gender answers in pictures: who is recognised, along age and by group, and how far groups are apart."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from age_audit.audit.box_bias import TRUE_POSITIVE
from age_audit.audit.errors.gender import AS_THEY_ARE, AT_EQUAL_AGES, EQUALISED_ODDS, TRUE_NEGATIVE
from age_audit.core.groups import ALL, require_columns
from age_audit.core.vocabulary import GENDERS
from age_audit.figures import style
from age_audit.figures.forests import draw_along

_OF_LABEL = {"Male": TRUE_NEGATIVE, "Female": TRUE_POSITIVE}  # the rate that says who of a label is recognised
_GUESS = {"color": "0.35", "linestyle": ":", "linewidth": 1.2, "zorder": 1}
_ROW = 0.21  # inches of a group
_ROOM = 72  # percentage points left of 0, for numbers of faces


def recognised_along_age(table: pd.DataFrame, title: str) -> Figure:
    """Draw which share of the faces of each label is answered as labelled along age, a line an estimator.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`age_audit.audit.errors.gender.gender_rates` by ``age_band``, with ``estimator``.
    title : str

    Returns
    -------
    Figure
        A panel a gender, each band at its middle, in years, with its interval. Dotted: one half, as a coin has it.
        Hollow: fewer than 30 faces of that label in that band.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("estimator", "age_band", "rate", "share", "low", "high", "few_faces"))
    names = list(dict.fromkeys(table["estimator"]))
    looks = style.estimator_look(names)
    percent = table.assign(value=100 * table["share"], low=100 * table["low"], high=100 * table["high"])
    with style.applied():
        figure = style.new_figure(style.FULL, 3.2 + 0.17 * len(names) / 2)
        for axes, gender in zip(figure.subplots(1, 2, sharey=True), GENDERS[::-1], strict=True):
            rows = percent[percent["rate"] == _OF_LABEL[gender]]
            for name in names:
                draw_along(axes, rows[rows["estimator"] == name], looks[name])
            axes.axhline(50, **_GUESS)
            axes.set_title(f"labelled {gender}", loc="left", fontweight="bold")
            axes.set(xlabel="real age (years)", ylim=(0, 102))
            axes.grid(color="0.92")
        figure.axes[0].set_ylabel("answered as labelled (%)")
        shown = percent[percent["rate"].isin(_OF_LABEL.values())]
        _legend(figure, looks, bool(shown.dropna(subset="share")["few_faces"].any()))
        style.set_finding(figure, title)
    return figure


def recognised_by_group(table: pd.DataFrame, title: str) -> Figure:
    """Draw which share of each group's faces is answered as labelled, women and men, by estimator and age range.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`age_audit.audit.errors.gender.gender_rates` by ``age_range`` and the group in the column
        ``group``, with ``estimator``.
    title : str

    Returns
    -------
    Figure
        A row of panels an estimator, a column an age range; in it a row a group with a mark for either label, its
        interval, and left of it the numbers of faces. Dotted: one half, as a coin has it. Hollow: fewer than 30 faces.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("estimator", "age_range", "group", "rate", "n", "share", "low", "high", "few_faces"))
    table = table[table["rate"].isin(_OF_LABEL.values())]
    names, groups = (list(dict.fromkeys(table[column].astype(str))) for column in ("estimator", "group"))
    ranges = list(dict.fromkeys(table["age_range"].astype(str)))
    looks = style.group_look(GENDERS)
    with style.applied():
        figure = style.new_figure(style.FULL, 1.1 + len(names) * (_ROW * len(groups) + 0.35))
        grid = figure.subplots(len(names), len(ranges), sharex=True, sharey=True, squeeze=False)
        for name, line in zip(names, grid, strict=True):
            line[0].set_ylabel(fill(name, 18), fontweight="bold")
            for age_range, axes in zip(ranges, line, strict=True):
                rows = table[(table["estimator"] == name) & (table["age_range"].astype(str) == age_range)]
                _draw_groups(axes, rows, groups, looks)
        for age_range, axes in zip(ranges, grid[0], strict=True):
            axes.set_title(_ages(age_range), loc="left", fontweight="bold")
        for axes in grid[-1]:
            axes.set_xlabel("as labelled (%)")
        keys = [
            Line2D([], [], markersize=4, label=f"labelled {gender}", **looks[gender] | {"linestyle": ""})
            for gender in GENDERS[::-1]
        ]
        keys += [style.few_faces()] * bool(table.dropna(subset="share")["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=3)
        style.set_finding(figure, title)
    return figure


def _draw_groups(axes: Axes, rows: pd.DataFrame, groups: Sequence[str], looks: dict) -> None:
    """A row a group: either label's share with its interval, and the faces of both."""
    axes.axvline(50, **_GUESS)
    for gender, shift in zip(GENDERS[::-1], (-0.17, 0.17), strict=True):
        chosen = rows[rows["rate"] == _OF_LABEL[gender]]
        chosen = chosen.set_index(chosen["group"].astype(str)).reindex(groups)
        heights, colour = np.arange(len(groups)) + shift, looks[gender]["color"]
        axes.hlines(heights, 100 * chosen["low"], 100 * chosen["high"], color=colour, linewidth=1.0)
        few = chosen["few_faces"].eq(True).to_numpy()
        look = {"marker": looks[gender]["marker"], "markersize": 3.5, "color": colour, "linestyle": "", "zorder": 3}
        axes.plot(100 * chosen["share"][~few], heights[~few], **look)
        axes.plot(100 * chosen["share"][few], heights[few], **look | style.HOLLOW)
        right = -_ROOM / 2 - 4 if gender == "Female" else -4
        for place, n in enumerate(chosen["n"].fillna(0)):
            axes.text(right, place, f"{n:,.0f}", color=colour, ha="right", va="center", fontsize=6.5)
    axes.set_yticks(range(len(groups)), groups)
    axes.set(ylim=(len(groups) - 0.4, -0.6), xlim=(-_ROOM, 104), xticks=[0, 50, 100])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)


def gaps(table: pd.DataFrame, title: str) -> Figure:
    """Draw the score of equalised odds, groups as they are and at equal ages, every estimator side by side.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`age_audit.audit.errors.gender.equalised_odds` controlled for ``age_range``, both as they are and
        at equal ages, with ``estimator``.
    title : str

    Returns
    -------
    Figure
        A row an age range; in it a mark for each estimator with its interval, and in grey what chance alone gives. A
        row without a number says so.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    needed = ("estimator", "age_range", "rate", "ages", "groups", "gap", "low", "high", "by_chance")
    require_columns(table, needed)
    table = table[table["rate"] == EQUALISED_ODDS]
    names, ranges = (list(dict.fromkeys(table[column].astype(str))) for column in ("estimator", "age_range"))
    looks, step = style.estimator_look(names), 0.8 / len(names)
    with style.applied():
        figure = style.new_figure(style.FULL, 1.0 + (0.13 * len(names) + 0.12) * len(ranges))
        for axes, ages in zip(
            figure.subplots(1, 2, sharex=True, sharey=True), (AS_THEY_ARE, AT_EQUAL_AGES), strict=True
        ):
            rows = table[table["ages"] == ages]
            for place, name in enumerate(names):
                chosen = rows[rows["estimator"] == name]
                heights = chosen["age_range"].astype(str).map(ranges.index) + (place - (len(names) - 1) / 2) * step
                colour = looks[name]["color"]
                axes.hlines(heights, 100 * chosen["low"], 100 * chosen["high"], color=colour, linewidth=1.0)
                axes.plot(100 * chosen["by_chance"], heights, color="0.55", marker="|", markersize=5, linestyle="")
                look = {"marker": looks[name]["marker"], "markersize": 4, "color": colour, "linestyle": "", "zorder": 3}
                axes.plot(100 * chosen["gap"], heights, **look)
            known = rows.groupby(rows["age_range"].astype(str))["gap"].count()
            for place, age_range in enumerate(ranges):
                if not known.get(age_range, 0):
                    axes.text(
                        0.5,
                        place,
                        _why_not(rows[rows["age_range"].astype(str) == age_range]),
                        ha="center",
                        va="center",
                        transform=axes.get_yaxis_transform(),
                    )
            axes.set_title(f"ages {ages}" if ages == AS_THEY_ARE else ages, loc="left", fontweight="bold")
            axes.set_xlabel("larger gap between two groups (percentage points)")
            axes.grid(axis="x", color="0.92")
            for edge in np.arange(len(ranges) - 1) + 0.5:
                axes.axhline(edge, color="0.9", linewidth=0.6, zorder=0)
        most = table.groupby(table["age_range"].astype(str))["groups"].max()
        axes.set_yticks(range(len(ranges)), [f"{_ages(name)}\n({most[name]} groups)" for name in ranges])
        axes.set(ylim=(len(ranges) - 0.5, -0.5), xlim=(-1, None))
        chance = Line2D([], [], color="0.55", marker="|", linestyle="", label="groups that are alike, by chance")
        _legend(figure, looks, False, [chance])
        style.set_finding(figure, title)
    return figure


def _why_not(rows: pd.DataFrame) -> str:
    """Why a row of the figure has no number."""
    if rows.empty:
        return "not asked"
    return (
        "too few faces" if rows["groups"].max() < 2 or rows["age_gap"].isna().all() else "ages too different to compare"
    )


def _ages(age_range: str) -> str:
    return "all ages" if age_range == ALL else f"{age_range} years"


def _legend(figure: Figure, looks: dict[str, dict], few: bool, more: Sequence[Line2D] = ()) -> None:
    keys = style.legend_keys(looks, markersize=3.5, linewidth=0.9)
    keys += [*more, *[style.few_faces()] * few]
    figure.legend(handles=keys, loc="outside lower center", ncols=2 if len(keys) < 4 else 3, handlelength=3.5)
