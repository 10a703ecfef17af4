"""What quality of pictures makes of a group's error: its gap at equal quality, and its errors along quality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from age_audit.audit.dataset.description import MEASURES as MEASURE_NAMES
from age_audit.audit.dataset.equal_quality import MODEL, STRATA
from age_audit.audit.dataset.quality_and_error import BANDS
from age_audit.core.groups import ALL, require_columns
from age_audit.core.measures import MAE, MEASURES
from age_audit.figures import style

_BLOCK = 0.72  # inches a group
_MARK = {"linestyle": "", "markersize": 4.2}
# Column, way, whose faces; what it is called and how it is drawn, from the top of each block.
_MARKS = (
    ("gap", STRATA, "as they are", {"marker": "x", "color": "0.1"}),
    ("equal_age", STRATA, "equal ages, strata", {"marker": "o", "color": style.OTHER_COLOURS[1]}),
    ("equal_age", MODEL, "equal ages, model", {"marker": "D", "color": style.OTHER_COLOURS[1]}),
    ("equal_quality", STRATA, "equal ages and quality, strata", {"marker": "o", "color": style.OTHER_COLOURS[3]}),
    ("equal_quality", MODEL, "equal ages and quality, model", {"marker": "D", "color": style.OTHER_COLOURS[3]}),
)
_GAP = "gap in mean absolute error to all others (years)"
_PANELS = 3  # beside each other


def gap_forest(table: pd.DataFrame, qualities: Sequence[str], title: str) -> Figure:
    """Draw each group's gap as it is, at equal ages, and at equal ages and quality, by strata and by the model.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.dataset.equal_quality.gaps_at_equal_quality`.
    qualities : sequence of str
        Of its measures, one to three; a panel each.
    title : str

    Returns
    -------
    Figure
        A block a group, with 95 % intervals; what was refused is left out. Below a group's marks stands what the model
        says of its gap. Hollow: fewer than 30 faces of either side.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    ends = [f"{name}{end}" for name in ("gap", "equal_age", "equal_quality") for end in ("", "_low", "_high")]
    require_columns(table, ("group", "quality", "way", "n_group", *ends, "verdict", "few_faces"))
    groups = list(dict.fromkeys(table["group"]))
    with style.applied():
        figure = style.new_figure(style.FULL, 1.3 + _BLOCK * len(groups))
        panels = figure.subplots(1, len(qualities), sharex=True, sharey=True, squeeze=False)[0]
        for axes, quality in zip(panels, qualities, strict=True):
            rows = table[table["quality"] == quality].set_index(["group", "way"])
            for place, group in enumerate(groups):
                _draw_gaps(axes, place, {way: rows.loc[(group, way)] for way in (STRATA, MODEL)})
            axes.axvline(0, color="0.5", linestyle=":", linewidth=1.0, zorder=0)
            axes.set_title(MEASURE_NAMES.get(quality, quality.replace("_", " ")), loc="left")
            axes.grid(axis="x", color="0.92")
            axes.set_axisbelow(True)
        panels[0].set_yticks(range(len(groups)), groups)
        panels[0].set_ylim(len(groups) - 0.45, -0.55)
        panels[len(panels) // 2].set_xlabel(_GAP)
        keys = [Line2D([], [], label=label, **_MARK | look) for _, _, label, look in _MARKS]
        keys += [style.few_faces()] * bool(table["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=3)
        style.set_finding(figure, title)
    return figure


def _draw_gaps(axes: Axes, place: int, rows: dict[str, pd.Series]) -> None:
    """All marks of one group, one below the other, and what becomes of its gap."""
    # Raw, a gap is the same of either way, unless strata were refused.
    for i, (name, way, _, look) in enumerate(_MARKS):
        row = rows[MODEL] if name == "gap" else rows[way]
        if np.isnan(row[name]):
            continue
        y = place - 0.36 + 0.13 * i
        axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [y, y], color=look["color"], linewidth=1.1)
        axes.plot(row[name], y, **_MARK | look | (style.HOLLOW if row["few_faces"] else {}))
    said = f"model: {rows[MODEL]['verdict']} (n = {rows[MODEL]['n_group']:,})"
    axes.text(0.01, place + 0.36, said, transform=axes.get_yaxis_transform(), fontsize=style.SMALL, va="center")


def error_along_quality(
    table: pd.DataFrame,
    feature: str,
    qualities: Sequence[str],
    title: str,
    measure: str = MAE.key,
    equal_ages: bool = True,
) -> Figure:
    """Draw an error of each group in each fifth of quality, beside that of all faces.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.dataset.quality_and_error.error_by_quality_band`.
    feature : str
        Of its features.
    qualities : sequence of str
        Of its measures; a panel each.
    title : str
    measure : str
        Of :data:`age_audit.core.measures.MEASURES`.
    equal_ages : bool
        Whether each fifth has the ages of its group in all fifths together, or those that it has.

    Returns
    -------
    Figure
        Panels share their vertical axis; groups stand a little apart for their intervals. Hollow: fewer than 30 faces.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    shown = ("equal_age", "equal_age_low", "equal_age_high") if equal_ages else ("value", "low", "high")
    require_columns(table, ("quality", "feature", "group", "band", "measure", *shown, "few_faces"))
    table = table.loc[table["measure"] == measure, ["quality", "feature", "group", "band", *shown, "few_faces"]]
    table = table.rename(columns=dict(zip(shown, ("value", "low", "high"), strict=True)))
    rows = table[table["feature"] == feature]
    looks = style.group_look(list(dict.fromkeys(rows["group"])))
    with style.applied():
        columns = min(_PANELS, len(qualities))
        lines = -(-len(qualities) // columns)
        figure = style.new_figure(style.FULL, 1.0 + 2.0 * lines)
        grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, quality in zip(grid, qualities, strict=False):
            everyone = table[(table["feature"] == ALL) & (table["quality"] == quality)]
            axes.plot(range(len(BANDS)), _in_order(everyone)["value"], color="0.75", linewidth=4, zorder=0)
            for place, (group, look) in enumerate(looks.items()):
                shift = 0.1 * (place - (len(looks) - 1) / 2)
                _draw_bands(axes, _in_order(rows[(rows["quality"] == quality) & (rows["group"] == group)]), look, shift)
            axes.set_title(MEASURE_NAMES.get(quality, quality.replace("_", " ")), loc="left")
            axes.set_xticks(range(len(BANDS)), ["lowest", "2nd", "3rd", "4th", "highest"])
        for axes in grid[len(qualities) :]:
            axes.remove()
        for axes in grid[max(0, len(qualities) - columns) : len(qualities)]:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("fifth of all faces" + ", at equal ages" * equal_ages)
        figure.supylabel(MEASURES[measure].label, fontsize=style.BASE)
        keys = [Line2D([], [], color="0.75", linewidth=4, label="all faces"), *style.legend_keys(looks, markersize=3.5)]
        keys += [style.few_faces()] * bool(rows.dropna(subset="value")["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=4)
        style.set_finding(figure, title)
    return figure


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.set_index(rows["band"].astype(str)).reindex(BANDS)


def _draw_bands(axes: Axes, rows: pd.DataFrame, look: dict, shift: float) -> None:
    places, few = np.arange(len(BANDS)) + shift, rows["few_faces"].eq(True).to_numpy()
    axes.plot(places, rows["value"], linewidth=0.9, markersize=3.5, **look)
    axes.vlines(places, rows["low"], rows["high"], color=look["color"], linewidth=0.9)
    axes.plot(places[few], rows["value"][few], **look | style.HOLLOW | {"linestyle": "", "markersize": 3.5})
