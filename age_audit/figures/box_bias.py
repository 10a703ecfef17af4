"""Which parts of faces are active, in pictures: how often, beside chance, and how differently between two groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from age_audit.core.groups import ALL, require_columns
from age_audit.figures import style
from age_audit.regions.boxes import BOX_REGIONS

ALPHA = 0.05
_ROW = 0.3  # inches of a part
_BAND = {"color": "0.82", "linewidth": 5, "solid_capstyle": "butt", "zorder": 1}
_TICK = {"color": "0.35", "marker": "|", "linestyle": "", "markersize": 8, "zorder": 2}


def part_name(region: str) -> str:
    """What a reader calls a part: its name without underscores; ``"all"`` is the mean over parts.

    Examples
    --------
    >>> part_name("left_eye")
    'left eye'
    """
    return "all, mean" if region == ALL else region.replace("_", " ")


def activity(shares: pd.DataFrame, chance: pd.DataFrame, protected: str, title: str) -> Figure:
    """Draw how often each part is active, by outcome and group, beside how often it is by chance.

    Parameters
    ----------
    shares : DataFrame
        From :func:`age_audit.audit.box_bias.activation_shares`.
    chance : DataFrame
        From :func:`age_audit.audit.box_chance.beside_chance`, with a column ``chance``: the first kind is drawn as
        bands, the second as ticks.
    protected : str
        Column of the groups.
    title : str

    Returns
    -------
    Figure
        A panel an outcome; in it a row a part with a mark and Wilson's interval for each group. Grey bands: where 95 %
        of draws of the first kind of chance lie; ticks: the mean of the second. Hollow: fewer than 30 faces.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(shares, ("outcome", protected, "region", "share", "low", "high", "few_faces"))
    require_columns(chance, ("chance", "outcome", protected, "region", "null_mean", "null_low", "null_high"))
    outcomes, groups = (list(dict.fromkeys(shares[column].astype(str))) for column in ("outcome", protected))
    kinds = list(dict.fromkeys(chance["chance"]))
    looks = style.group_look(groups)
    with style.applied():
        figure, panels = _panels(outcomes, len(BOX_REGIONS))
        for outcome, axes in panels.items():
            _name_rows(axes, BOX_REGIONS)
            for place, group in enumerate(groups):
                y = np.arange(len(BOX_REGIONS)) + 0.4 * ((place + 0.5) / len(groups) - 0.5) * 1.3
                null = chance[(chance["outcome"] == outcome) & (chance[protected].astype(str) == group)]
                _draw_chance(axes, null, kinds, y)
                rows = shares[(shares["outcome"] == outcome) & (shares[protected].astype(str) == group)]
                _draw_marks(axes, _in_order(rows), y, "share", looks[group], 100)
            axes.set_xlabel("faces on which it is active (%)")
        for axes in panels.values():
            axes.set_xlim(0)  # all panels share it: after everything is drawn
        keys = [Line2D([], [], markersize=4, label=group, **looks[group] | {"linestyle": ""}) for group in groups]
        looks_of_chance = (_BAND, "95 % of draws"), (_TICK, "mean")
        keys += [
            Line2D([], [], **look, label=f"{kind} ({what})")
            for (look, what), kind in zip(looks_of_chance, kinds, strict=False)
        ]
        _finish(figure, keys, shares, title)
    return figure


def differences(table: pd.DataFrame, title: str) -> Figure:
    """Draw by how much more often each part is active in one group than in the other, beside permuted groups.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.box_bias.bias_table`, of one pair of groups; rows of all parts together are left
        out.
    title : str

    Returns
    -------
    Figure
        A panel an outcome; in it a row a part: the difference in percentage points with its bootstrap interval. Grey
        bands: 95 % of permuted groups differ by less. Heavy: p after Holm's adjustment below 0.05. Hollow: fewer than
        30 faces of either group.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    columns = ("outcome", "group", "other", "region", "difference", "low", "high", "score_high", "p_holm", "few_faces")
    require_columns(table, columns)
    table = table[table["region"] != ALL]
    outcomes = list(dict.fromkeys(table["outcome"].astype(str)))
    group, other = table[["group", "other"]].iloc[0] if len(table) else ("one group", "the other")
    with style.applied():
        figure, panels = _panels(outcomes, len(BOX_REGIONS))
        for outcome, axes in panels.items():
            _name_rows(axes, BOX_REGIONS)
            rows = _in_order(table[table["outcome"] == outcome])
            y = np.arange(len(rows))
            ends = 100 * rows["score_high"].to_numpy(dtype=float)
            axes.hlines(y, -ends, ends, color=_BAND["color"], linewidth=_BAND["linewidth"], zorder=1)
            axes.axvline(0, color="0.35", linewidth=0.8, zorder=1)
            _draw_marks(axes, rows, y, "difference", {"color": "black", "marker": "o"}, 100)
            axes.set_xlabel(f"{group} − {other} (percentage points)")
        keys = [Line2D([], [], **_BAND, label="95 % of permuted groups differ less")]
        keys.append(
            Line2D([], [], color="black", marker="o", linestyle="", label="heavy: p (Holm) < 0.05", **style.HEAVY)
        )
        _finish(figure, keys, table.dropna(subset="difference"), title)
    return figure


def _panels(outcomes: Sequence[str], rows: int) -> tuple[Figure, dict[str, Axes]]:
    figure = style.new_figure(style.FULL, 1.2 + _ROW * rows)
    grid = figure.subplots(1, max(len(outcomes), 1), sharex=True, sharey=True, squeeze=False)[0]
    for outcome, axes in zip(outcomes, grid, strict=False):
        axes.set_title(outcome, loc="left", fontweight="bold")
        axes.grid(axis="x", color="0.92")
        axes.set_axisbelow(True)
    return figure, dict(zip(outcomes, grid, strict=False))


def _name_rows(axes: Axes, regions: Sequence[str]) -> None:
    axes.set_yticks(range(len(regions)), [part_name(region) for region in regions])
    axes.set_ylim(len(regions) - 0.5, -0.5)


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.set_index("region").reindex(BOX_REGIONS).reset_index()


def _draw_chance(axes: Axes, null: pd.DataFrame, kinds: Sequence[str], y: np.ndarray) -> None:
    for kind, place in zip(kinds, range(2), strict=False):
        rows = _in_order(null[null["chance"] == kind])
        if place == 0:
            ends = (100 * rows[column].to_numpy(dtype=float) for column in ("null_low", "null_high"))
            axes.hlines(y, *ends, color=_BAND["color"], linewidth=_BAND["linewidth"], zorder=1)
        else:
            axes.plot(100 * rows["null_mean"].to_numpy(dtype=float), y, **_TICK)


def _draw_marks(axes: Axes, rows: pd.DataFrame, y: np.ndarray, value: str, look: dict, factor: float) -> None:
    """A mark with its interval a row: hollow where faces are few, heavy where it is told apart from chance."""
    for place, row in zip(y, rows.to_dict("records"), strict=True):
        if pd.isna(row[value]):
            continue
        found = style.HEAVY if row.get("p_holm", np.nan) < ALPHA else style.LIGHT
        hollow = style.HOLLOW if row["few_faces"] else {}
        colour = look["color"]
        axes.hlines(place, factor * row["low"], factor * row["high"], color=colour, linewidth=1.0, zorder=3)
        mark = {"color": colour, "marker": look["marker"], "linestyle": "", "zorder": 4}
        axes.plot(factor * row[value], place, **mark | found | hollow)


def _finish(figure: Figure, keys: list[Line2D], table: pd.DataFrame, title: str) -> None:
    keys = keys + [style.few_faces()] * bool(table["few_faces"].any())
    figure.legend(handles=keys, loc="outside lower center", ncols=3)
    style.set_finding(figure, title)
