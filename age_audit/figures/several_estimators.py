"""Several estimators of the same faces in one picture: errors along age, and of groups at equal ages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from age_audit.core.groups import require_columns
from age_audit.core.measures import MAE, MEASURES, SIGNED_ERROR
from age_audit.figures import style
from age_audit.figures.forests import draw_along

SHOWN = (MAE.key, SIGNED_ERROR.key)
_ZERO = {"color": "0.35", "linestyle": ":", "linewidth": 1.2, "zorder": 1}


def errors_along_age(table: pd.DataFrame, title: str, measures: Sequence[str] = SHOWN) -> Figure:
    """Draw measures of each estimator along age, a panel a measure, a line an estimator.

    Parameters
    ----------
    table : DataFrame
        Rows as of :func:`age_audit.audit.errors.groups.estimates_of` with the feature ``age_band``, and ``estimator``.
    title : str
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.

    Returns
    -------
    Figure
        Each band at its middle, in years, with its interval. Hollow: fewer than 30 faces in that band.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("estimator", "age_band", "measure", "n", "value", "low", "high", "few_faces"))
    names = list(dict.fromkeys(table["estimator"]))
    looks = style.estimator_look(names)
    with style.applied():
        figure = style.new_figure(style.FULL, 3.4 + 0.17 * len(names) / 2)
        for axes, measure in zip(figure.subplots(1, len(measures), squeeze=False).flat, measures, strict=True):
            for name in names:
                rows = table[(table["estimator"] == name) & (table["measure"] == measure)]
                draw_along(axes, rows, looks[name])
            axes.axhline(0, **_ZERO)
            axes.set(xlabel="real age (years)", ylabel=MEASURES[measure].label)
            axes.grid(color="0.92")
        keys = style.legend_keys(looks, markersize=3, linewidth=0.9)
        keys += [style.few_faces()] * bool(table["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=2, handlelength=3.5)
        style.set_finding(figure, title)
    return figure


def adjusted_gaps(table: pd.DataFrame, title: str, measures: Sequence[str] = SHOWN) -> Figure:
    """Draw how each group's errors at equal ages differ from those of all faces, every estimator side by side.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`age_audit.audit.errors.equal_ages.standardised_within`, the group in the column ``group``, with
        ``estimator`` and ``feature``.
    title : str
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.

    Returns
    -------
    Figure
        A row a group, with its number of faces; in it a mark for each estimator with its interval. Hollow: fewer than
        30 faces. A row without a number at equal ages says so.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    columns = ("estimator", "feature", "group", "measure", "n", "difference", "difference_low", "difference_high")
    require_columns(table, (*columns, "few_faces"))
    names = list(dict.fromkeys(table["estimator"]))
    groups = list(dict.fromkeys(zip(table["feature"], table["group"].astype(str), strict=True)))
    looks, step = style.estimator_look(names), 0.8 / len(names)
    with style.applied():
        figure = style.new_figure(style.FULL, 1.1 + 0.17 * len(names) / 2 + (0.12 * len(names) + 0.12) * len(groups))
        panels = figure.subplots(1, len(measures), sharey=True, squeeze=False).flat
        for axes, measure in zip(panels, measures, strict=True):
            rows = table[table["measure"] == measure]
            axes.axvline(0, **_ZERO)
            for place, name in enumerate(names):
                chosen = rows[rows["estimator"] == name]
                keys = zip(chosen["feature"], chosen["group"].astype(str), strict=True)
                heights = np.array([groups.index(key) for key in keys]) + (place - (len(names) - 1) / 2) * step
                colour, marker = looks[name]["color"], looks[name]["marker"]
                ends = chosen["difference_low"], chosen["difference_high"]
                axes.hlines(heights, *ends, color=colour, linewidth=1.0)
                few = chosen["few_faces"].to_numpy(dtype=bool)
                look = {"marker": marker, "markersize": 4, "color": colour, "linestyle": "", "zorder": 3}
                axes.plot(chosen["difference"][~few], heights[~few], **look)
                if few.any():
                    axes.plot(chosen["difference"][few], heights[few], **look | style.HOLLOW)
            none = rows.groupby(["feature", rows["group"].astype(str)])["difference"].count()
            for place, key in enumerate(groups):
                if not none[key]:
                    axes.text(
                        0.5, place, "too few faces", transform=axes.get_yaxis_transform(), ha="center", va="center"
                    )
            axes.set_xlabel(f"{MEASURES[measure].name} at equal ages,\nless that of all faces (years)")
            axes.grid(axis="x", color="0.92")
            for edge in np.arange(len(groups) - 1) + 0.5:
                axes.axhline(edge, color="0.9", linewidth=0.6, zorder=0)
        sizes = table.groupby(["feature", table["group"].astype(str)])["n"].max()
        axes.set_yticks(range(len(groups)), [f"{group} (n = {sizes[feature, group]:,})" for feature, group in groups])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        keys = style.legend_keys(looks, markersize=4, linestyle="")
        keys += [style.few_faces()] * bool(table.dropna(subset="difference")["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=2)
        style.set_finding(figure, title)
    return figure
