"""Numbers of groups with their intervals: one row a group, one block of rows an age range, one column a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from textwrap import fill, wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from age_audit.audit.errors.strata import TOLERANCE
from age_audit.audit.findings import LEVEL
from age_audit.core.groups import ALL, feature_names, require_columns
from age_audit.core.measures import MAE, MEASURES, SIGNED_ERROR, Measure
from age_audit.core.vocabulary import FEW_FACES, UNLABELLED
from age_audit.figures import style

SHOWN = (MAE.key, SIGNED_ERROR.key)
_OVERALL = {"color": "0.55", "linewidth": 1.2, "zorder": 1}
_NO_ERROR = {"color": "0.35", "linestyle": ":", "linewidth": 1.2, "zorder": 1}
_ROW, _BLOCK = 0.235, 0.42  # inches: a group, and what a block adds for its title
_LINE = 0.11  # inches, of a row's name
_SHORT, _LONGEST = 34, 62  # characters of a line of it: more take room from the panels, and more leave them none
_NARROW = 22  # characters of a line below a panel beside long names
_APART = 0.17  # of a row, by which a group as it is stands above its row, and at equal ages below
_BAR_NOTE = "bars and brackets: 95 % bootstrap intervals; dotted: no error"
_ROW_COLUMNS = ("measure", "n", "value", "low", "high", "few_faces")


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
        What groups are made of, one feature or two, which look as :func:`.style.crossed_looks` says.
    overall : DataFrame
        ``overall`` of the same: a line behind each block, with its interval as a band.
    title : str
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.

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
    require_columns(table, columns := ["age_range", *features, *_ROW_COLUMNS])
    require_columns(overall, ("age_range", "measure", "n", "value", "low", "high"))
    notes = f"grey line and band: all faces of that age range; {_BAR_NOTE}; thin, hollow: fewer than {FEW_FACES} faces"
    return _draw_blocks(table[columns], features, [MEASURES[name] for name in measures], overall, title, notes)


def crude_and_standardised(
    table: pd.DataFrame, features: str | Sequence[str], title: str, measures: Sequence[str] = SHOWN
) -> Figure:
    """Draw what age standardisation does to each group: above, a cross as it is; below, a dot at equal ages.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.errors.equal_ages.standardised_within`, controlled for ``age_range``.
    features, title, measures
        As :func:`forest`.

    Returns
    -------
    Figure
        As :func:`forest`, with an interval of both; the numbers are those at equal ages. A group that cannot be
        standardised has its cross only. Blocks in which all ages fell into one stratum say that nothing was adjusted;
        if no group could be, because its ages lie too far from those of all, that ages are too different.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    features = feature_names(features)
    columns = ["measure", "n", "crude", "crude_low", "crude_high", "standardised", "low", "high", "strata", "age_gap"]
    require_columns(table, ("age_range", *features, *(columns := [*columns, "few_faces"])))
    table = table[["age_range", *features, *columns]].rename(columns={"standardised": "value"})
    adjusted = "no group could be given the ages of all faces"
    if table["value"].notna().any():
        adjusted = "dot and number: the group with the ages of all faces of that age range"
        adjusted += f"; thin, hollow: fewer than {FEW_FACES} faces"
    notes = f"cross, pale bar: the group's faces as they are; {adjusted}\n{_BAR_NOTE}"
    return _draw_blocks(table, features, [MEASURES[name] for name in measures], None, title, notes)


def error_by_age(
    overall: pd.DataFrame, tables: Mapping[str, pd.DataFrame], title: str, measure: str = SIGNED_ERROR.key
) -> Figure:
    """Draw a measure of each group along age, with intervals: how much is a matter of age, how much of the group.

    Parameters
    ----------
    overall : DataFrame
        Rows as of :func:`age_audit.audit.errors.groups.estimates_of` with the feature ``age_band``: all faces, in grey.
    tables : mapping of str to DataFrame
        The same with a second feature, by its column.
    title : str
    measure : str
        Of :data:`age_audit.core.measures.MEASURES`.

    Returns
    -------
    Figure
        A panel a group, all with the same axes; each band at its middle, in years. Hollow: fewer than 30 faces of the
        group in that band.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    needed = ("age_band", "measure", "n", "value", "low", "high", "few_faces")
    for feature, table in {"n": overall, **tables}.items():
        require_columns(table, (*needed, feature))
    chosen = overall[overall["measure"] == measure]
    panels = [("", chosen, {"color": "0.45"})]
    for feature, table in tables.items():
        rows, groups = table[table["measure"] == measure], list(dict.fromkeys(table[feature].astype(str)))
        looks = style.group_look(groups)
        panels += [(group, rows[rows[feature].astype(str) == group], looks[group]) for group in groups]
    panels = panels[1:] or panels  # all faces have a panel only where there are no groups
    with style.applied():
        columns = min(4, len(panels))
        rows = -(-len(panels) // columns)
        figure = style.new_figure(style.FULL, 0.9 + 1.6 * rows)
        grid = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
        for (group, rows_of_group, look), axes in zip(panels, grid, strict=False):
            axes.axhline(0, **_NO_ERROR)
            axes.plot(_middles(chosen["age_band"]), chosen["value"], color="0.75", linewidth=4, zorder=0)
            draw_along(axes, rows_of_group, {"marker": "o"} | look | {"linestyle": "-"})
            axes.set_title(fill(f"{group} (n = {rows_of_group['n'].sum():,})".strip(), 26), fontsize=style.SMALL)
        for axes in grid[len(panels) - columns : len(panels)]:  # the lowest of each column
            axes.tick_params(labelbottom=True)
        for axes in grid[len(panels) :]:
            axes.remove()
        if MEASURES[measure].from_zero:
            grid[0].set_ylim(bottom=0)
        figure.supylabel(f"{MEASURES[measure].name} (years)", fontsize=style.BASE)
        for axes in grid[len(panels) - columns : len(panels)]:
            axes.set_xlabel("real age (years)")
        keys = [Line2D([], [], color="0.75", linewidth=4, label="all faces")]
        keys += [style.few_faces()] * any(rows.dropna(subset="value")["few_faces"].any() for _, rows, _ in panels)
        figure.legend(handles=keys, loc="outside lower center", ncols=2)
        style.set_finding(figure, title)
    return figure


def draw_along(axes: Axes, rows: pd.DataFrame, look: dict) -> None:
    """Draw values with their intervals at the middle of each band of age, hollow where they are of few faces."""
    years, few = _middles(rows["age_band"]), rows["few_faces"].to_numpy(dtype=bool)
    values = rows["value"].to_numpy(dtype=float)
    axes.plot(years, values, linewidth=0.9, markersize=3, **look)
    axes.vlines(years, rows["low"], rows["high"], color=look["color"], linewidth=0.9)
    if few.any():
        axes.plot(years[few], values[few], markersize=3, zorder=3, **look | style.HOLLOW | {"linestyle": ""})


def _middles(bands: pd.Series) -> np.ndarray:
    """The middle of each band, such as 5 of ``"3–6"``, whose last year is lived to its end."""
    ends = bands.astype(str).str.split("–", expand=True).astype(float)
    return ((ends[0] + ends[1] + 1) / 2).to_numpy()


def lost_by_group(table: pd.DataFrame) -> Figure:
    """Draw which share of the images of each group ended without an estimate, with Wilson's intervals.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.errors.lost_faces.lost_faces`.

    Returns
    -------
    Figure
        A block a feature; groups of another scheme than the study's, such as age ranges, are black. Grey line and band:
        all images. Bold: told apart from the other images, ``p_holm`` at most 0.05. Hollow: fewer than 30 images.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("feature", "group", "images", "lost", "share", "low", "high", "p_holm", "few_faces"))
    percent = 100 * table[["share", "low", "high"]].rename(columns={"share": "value"})
    rows = table[["feature", "group", "p_holm", "few_faces"]].assign(n=table["images"], **percent)
    everyone, groups = rows[rows["feature"] == ALL].iloc[0], rows[rows["feature"] != ALL]
    features = list(dict.fromkeys(groups["feature"])) or [ALL]
    blocks = [rows[rows["feature"] == feature] for feature in features]
    with style.applied():
        sizes = [len(block) for block in blocks]
        figure = style.new_figure(style.FULL, 1.3 + sum(sizes) * _ROW + len(sizes) * _BLOCK)
        panels = figure.subplots(len(blocks), 1, sharex=True, height_ratios=sizes, squeeze=False)[:, 0]
        for axes, feature, block in zip(panels, features, blocks, strict=True):
            _draw_behind(axes, everyone)
            _draw_rows(axes, block, ["group"], 1, only_published=True)
            for label, p_value in zip(axes.get_yticklabels(), block["p_holm"], strict=True):
                label.set_fontweight("bold" if p_value <= LEVEL else "normal")
            axes.set_title(feature.replace("_", " "), loc="left", fontweight="bold", pad=4)
        ends = groups.loc[~groups["few_faces"], "high"]
        end = max(0.1, (ends if len(ends) else rows["high"]).max())
        panels[-1].set_xlim(-0.02 * end, 1.15 * end)  # bars of few images are cut off
        panels[-1].set_xlabel("images without an estimate (%)")
        style.set_finding(figure, _most_lost(table))
        keys = [
            Patch(color="0.75", label="all images"),
            Patch(fill=False, linewidth=0, label="bold: beyond chance (Holm)"),
        ]
        keys += [style.few_faces("images")] * bool(table.dropna(subset="share")["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
    return figure


def _most_lost(table: pd.DataFrame) -> str:
    """The groups that lose surely more than the other images, one a feature: that with the largest share."""
    everyone = table[table["feature"] == ALL].iloc[0]
    if not everyone["images"]:
        return "No images"
    if not everyone["lost"]:
        return f"All {everyone['images']:,} images have an estimate"
    text = f"{style.percent(everyone['share'])} of {everyone['images']:,} images have no estimate"
    more = table[(table["p_holm"] <= LEVEL) & (table["share"] > everyone["share"]) & ~table["few_faces"]]
    more = more.sort_values("share", ascending=False, kind="stable").drop_duplicates("feature")
    if more.empty:
        return f"{text}; no group surely more"
    said = [(style.percent(row["share"]), row["feature"], row["group"]) for row in more.to_dict("records")]
    groups = [f"{share} {'aged' if feature == 'age_range' else 'labelled'} {name}" for share, feature, name in said]
    return f"{text}: {', '.join(groups)}"


def _draw_blocks(
    table: pd.DataFrame,
    features: Sequence[str],
    measures: Sequence[Measure],
    behind: pd.DataFrame | None,
    title: str,
    notes: str,
) -> Figure:
    """Draw a long table; ``behind`` holds a line of all faces, by age range and measure, with or without its ``n``."""
    ranges = list(dict.fromkeys(table["age_range"].astype(str)))
    rows = len(table[features].drop_duplicates())
    unadjusted = _unadjusted(table) if "strata" in table else {}
    with style.applied():
        figure = style.new_figure(11, 1.1 + len(ranges) * (rows * _ROW + _BLOCK))
        grid = figure.subplots(len(ranges), len(measures), sharex="col", squeeze=False)
        room = (figure.get_figheight() - 1.1) / max(1, len(ranges)) - _BLOCK
        lines = max(1, int(room / max(1, rows) / _LINE))
        for age_range, line in zip(ranges, grid, strict=True):
            name = "all ages" if age_range == ALL else f"real age {age_range} years"
            for measure, axes in zip(measures, line, strict=True):
                size = ""
                for _, everyone in () if behind is None else _chosen(behind, age_range, measure.key).iterrows():
                    _draw_behind(axes, everyone)
                    size = f" (n = {everyone['n']:,})" if "n" in everyone else ""
                size += unadjusted.get(age_range, "")
                if axes is line[0]:
                    axes.set_title(name + size, loc="left", fontweight="bold", pad=4)
                _draw_rows(axes, _chosen(table, age_range, measure.key), features, measure.digits, lines)
                axes.axvline(0, **_NO_ERROR)  # zero is in view in every column
                axes.tick_params(labelbottom=age_range == ranges[-1], labelleft=axes is line[0])
        names = [label.get_text().splitlines() for axes in grid.flat for label in axes.get_yticklabels()]
        narrow = max(map(len, chain(*names)), default=0) > _SHORT - 4
        for axes, measure in zip(grid[-1] if ranges else (), measures, strict=bool(ranges)):
            axes.set_xlabel(fill(measure.label, _NARROW) if narrow else measure.label)
        for axes in grid.flat:
            axes.xaxis.set_major_locator(MaxNLocator(nbins=2 if narrow else 6, steps=[1, 2, 5, 10]))
        style.set_finding(figure, title)
        style.set_note(figure, notes)
    return figure


def _unadjusted(table: pd.DataFrame) -> dict[str, str]:
    """Why nothing is adjusted in a block, for the title of each of which that is so."""
    said = {}
    for age_range, block in table.groupby(table["age_range"].astype(str)):
        if block["strata"].max() == 1:
            apart = (block["age_gap"].abs() > TOLERANCE).any() and block["value"].isna().all()
            why = "ages too different to compare" if apart else "one stratum of age: not adjusted"
            said[age_range] = f" ({why})"
    return said


def _chosen(table: pd.DataFrame, age_range: str, measure: str) -> pd.DataFrame:
    return table[(table["age_range"].astype(str) == age_range) & (table["measure"] == measure)]


def _draw_behind(axes: Axes, everyone: pd.Series) -> None:
    """All faces of the age range: a line, and its interval as a band."""
    if np.isfinite(everyone["value"]):
        axes.axvline(everyone["value"], **_OVERALL)
    if np.isfinite(everyone["low"]):
        axes.axvspan(everyone["low"], everyone["high"], color="0.88", zorder=0, linewidth=0)


def _looks(
    rows: pd.DataFrame, features: Sequence[str], only_published: bool = False
) -> list[tuple[tuple[str, ...], dict]]:
    """Name, by feature, and look of each row's group."""
    groups = rows[list(features)].astype(str)
    looks = style.crossed_looks(*(list(dict.fromkeys(groups[feature])) for feature in features))
    if only_published and not {*groups.to_numpy().flat} - {UNLABELLED} <= set(style.GROUP_COLOURS):
        looks = {group: look | {"color": "black", "marker": "o"} for group, look in looks.items()}
    return [(group, looks[group]) for group in groups.itertuples(index=False, name=None)]


def _row_label(names: Sequence[str], n: int, lines: int) -> str:
    """A group and its number of faces in at most so many lines, with an ellipsis where these leave it no room.

    Examples
    --------
    >>> print(_row_label(["Native Hawaiian or Other Pacific Islander"], 1200, 2))
    Native Hawaiian or Other
    Pacific Islander (n = 1,200)
    >>> print(_row_label(["Native Hawaiian or Other Pacific Islander", "of another gender, or none"], 1200, 1))
    Native Hawa…ic Islander / of another …er, or none (n = 1,200)
    """
    count = f"(n = {n:,})"
    room = _LONGEST * lines - len(count) - 1 - 3 * (len(names) - 1)
    most = max(map(len, names))
    while sum(min(len(name), most) for name in names) > room:
        most -= 1
    short = [name if len(name) <= most else f"{name[: (most - 1) // 2]}…{name[-(most // 2) :]}" for name in names]
    text, width = " ".join([" / ".join(short), count.replace(" ", "\xa0")]), _SHORT
    while len(wrap(text, width)) > lines:
        width += 2
    return fill(text, width).replace("\xa0", " ")


def _draw_rows(
    axes: Axes,
    rows: pd.DataFrame,
    features: Sequence[str],
    digits: int,
    lines: int = 1,
    only_published: bool = False,
) -> None:
    """A dot and its interval for each group, the first one on top; the numbers stand at the right edge."""
    labels, looks = [], _looks(rows, features, only_published)
    for place, ((names, look), row) in enumerate(zip(looks, rows.to_dict("records"), strict=True)):
        labels.append(_row_label(names, row["n"], lines))
        value, low, high, colour = row["value"], row["low"], row["high"], look["color"]
        at = place
        if np.isfinite(row.get("crude", np.nan)):
            above, at = place - _APART, place + _APART
            axes.plot(row["crude"], above, marker="x", markersize=4.5, color=colour, markeredgewidth=1.2, zorder=4)
            axes.hlines(above, row["crude_low"], row["crude_high"], color=colour, linewidth=1.3, alpha=0.45, zorder=3)
        if not np.isfinite(value):
            continue
        width, few = (style.THIN_LINE, style.HOLLOW) if row["few_faces"] else (1.3, {})
        axes.hlines(at, low, high, color=colour, linewidth=width, zorder=3)
        axes.plot(value, at, zorder=4, **look | few | {"linestyle": "", "markersize": 4.5})
        text = f"{value:.{digits}f}" + (f" ({low:.{digits}f} to {high:.{digits}f})" if np.isfinite(low) else "")
        text = text.replace("-", "−")
        axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=style.SMALL)
    axes.set_yticks(range(len(labels)), labels, fontsize=style.SMALL)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", zorder=-1)
    axes.set_axisbelow(True)
