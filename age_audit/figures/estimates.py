"""Estimates beside real ages: where they lie, how far off they are, and how sure the estimator is of them."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from age_audit.audit.errors.along_age import age_slope, estimates_by_age, with_exact_age
from age_audit.audit.errors.baselines import ONE_AGE
from age_audit.core.groups import ALL, require_columns
from age_audit.core.vocabulary import FEW_FACES
from age_audit.figures import style

MANY_POINTS = 500  # of more, their density is drawn
_CELL = 2  # years, the side of a square of that density: real ages are whole years, and hexagons would flicker
MATTERS = 2.0  # years by which a median has to be off for a title to say so: labels are whole years, and not sure
_MANY_RANGES = 10  # names of more stand upright
_APART = 0.2  # of the distance between two age ranges
_LINE = style.OTHER_COLOURS[0]
_REFERENCE = {"color": "0.35", "linestyle": ":", "linewidth": 1.2}
_YEARS_NAMED = 5  # of the cumulative score that titles name


def estimate_against_age(frame: pd.DataFrame, name: str) -> Figure:
    """Draw every estimate against the real age, with the median and the middle 80 % of estimates at each age.

    Parameters
    ----------
    frame : DataFrame
        With ``age_real`` and ``age_estimation`` in years. Faces whose age is a range are left out, and counted.
    name : str
        Of the estimator.

    Returns
    -------
    Figure
        Grey: how many faces are where, or each face if there are few. Line and band: median and 10th to 90th
        percentile, at ages with at least 30 faces. Dotted: an estimate without error.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    faces, table = with_exact_age(frame), estimates_by_age(frame)
    with style.applied():
        figure = style.new_figure(style.FULL, 5.4)
        axes = figure.subplots()
        limits = _draw_faces(figure, axes, faces)
        if len(table) > 1:
            axes.fill_between(table["age_mean"], table["p10"], table["p90"], color=_LINE, alpha=0.2, linewidth=0)
            axes.plot(table["age_mean"], table[["p10", "p90"]], color=_LINE, linewidth=0.9, linestyle=(0, (5, 2)))
            axes.plot(table["age_mean"], table["median"], color=_LINE, label="median (dashed: 10 and 90 %)")
        axes.plot(limits, limits, **_REFERENCE, label="estimate = real age")
        axes.set(xlim=limits, ylim=limits, aspect="equal", ylabel="estimate (years)")
        ranges = int(frame["age_estimation"].notna().sum()) - len(faces)
        left_out = f"; {ranges:,} without an exact age left out" if ranges else ""
        axes.set_xlabel(f"real age (years; {style.counted(len(faces), 'face')}{left_out})")
        figure.legend(loc="outside lower center", ncols=2)
        style.set_finding(figure, f"{name} {_course(table, age_slope(frame))}")
    return figure


def caption_against_age(frame: pd.DataFrame, source: str) -> str:
    """What :func:`estimate_against_age` draws of these faces: how many, as what, and which lines.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30, np.nan], "age_estimation": [31, 25]})
    >>> caption_against_age(frame, "mine").split(". ")[:2]
    ['Estimated against labelled age of 1 face (1 without an exact age is left out); mine', 'A dot: a face']
    """
    faces, lines = with_exact_age(frame), len(estimates_by_age(frame)) > 1
    ranges = int(frame["age_estimation"].notna().sum()) - len(faces)
    left_out = f" ({ranges:,} without an exact age {'is' if ranges == 1 else 'are'} left out)" if ranges else ""
    marks = "Darker: more faces" if len(faces) > MANY_POINTS else "A dot: a face"
    of_lines = "Line: median; dashed: 10 and 90 % of estimates; dotted" if lines else "Dotted"
    drawn = f"{style.counted(len(faces), 'face')}{left_out}; {source}. {marks}. {of_lines}: where both ages are equal."
    return f"Estimated against labelled age of {drawn}"


def _draw_faces(figure: Figure, axes: Axes, faces: pd.DataFrame) -> tuple[float, float]:
    """Faces as density or points; returns the ends of both axes."""
    ages = faces[["age_real", "age_estimation"]].to_numpy(dtype=float).T
    limits = (np.floor(ages.min(initial=0)), 5 + np.ceil(ages.max(initial=95)))
    if len(faces) > MANY_POINTS:
        edges = np.arange(limits[0], limits[1] + _CELL, _CELL)
        norm = LogNorm(vmin=0.3)  # a single face is grey, not white
        *_, cells = axes.hist2d(*ages, bins=edges, norm=norm, cmin=1, cmap="Greys")
        bar = figure.colorbar(cells, ax=axes, label=f"faces in {_CELL} × {_CELL} years", shrink=0.8, format="%d")
        bar.ax.set_ylim(bottom=1)
    else:
        axes.plot(*ages, "o", color="0.5", markersize=2.5, alpha=0.7, markeredgewidth=0)
    return limits


def _course(table: pd.DataFrame, slope: tuple[float, float, float]) -> str:
    """Whether the oldest are judged too young or the youngest too old, for sure and by more than labels are off."""
    if np.isnan(slope[0]) or table["n"].sum() < FEW_FACES:
        few = style.counted(table["n"].sum(), "face")
        return f"has estimated {few} of exact age: too few to say how estimates follow ages"
    first, last = table.iloc[0], table.iloc[-1]
    too_old = first["share_judged_older_low"] > 0.5 and first["median"] - first["age_mean"] > MATTERS
    too_young = last["share_judged_older_high"] < 0.5 and last["age_mean"] - last["median"] > MATTERS
    low, high, steep = (
        f"{table['median'].min():.0f}",
        f"{table['median'].max():.0f}",
        f"slope {slope[0]:.2f}".replace("-", "−"),
    )
    if len(table) > 1 and too_old and too_young:
        return f"judges old faces too young and young ones too old: {steep}, medians from {low} to {high}"
    if len(table) > 1 and too_young:
        return f"judges old faces too young: {steep}, no median above {high}"
    if len(table) > 1 and too_old:
        return f"judges young faces too old: {steep}, no median below {low}"
    interval = "{:.2f} to {:.2f}".format(*slope[1:]).replace("-", "−")
    return f"adds {slope[0]:.2f} years to an estimate for each year of real age (95 % interval {interval})"


def stated_spread(table: pd.DataFrame | None, name: str) -> Figure | None:
    """Draw how many real ages lie within one and two stated standard deviations, beside what should.

    Parameters
    ----------
    table : DataFrame or None
        From :func:`age_audit.audit.errors.stated_spread.spread_coverage`.
    name : str
        Of the estimator.

    Returns
    -------
    Figure or None
        By age range on the left, by stated spread on the right, with Wilson's intervals; by age range alone where the
        faces make one part, which the title is of. None without a table, which a warning says.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    if table is None:
        warnings.warn(f"{name} does not say how sure it is of any face of known age: no figure of that", stacklevel=2)
        return None
    require_columns(table, ("by", "group", "median_spread", "deviations", "n", "share", "low", "high", "expected"))
    with style.applied():
        ranges, spreads = (table[table["by"] == by] for by in ("age_range", "age_spread"))
        parts = (spreads["deviations"] == 1).sum()
        figure = style.new_figure(style.FULL, 3.3)
        left, *right = figure.subplots(1, 1 + (parts > 1), sharey=True, squeeze=False)[0]
        names = list(dict.fromkeys(ranges["group"]))
        _draw_coverage(left, ranges, ranges["group"].map(names.index))
        sizes = ranges.drop_duplicates("group")["n"]
        many = len(names) > style.MANY_GROUPS
        ticks = [f"{label}{' ' if many else chr(10)}(n = {n:,})" for label, n in zip(names, sizes, strict=True)]
        left.set_xticks(range(len(names)), ticks, rotation=90 * many)
        left.set(xlabel="real age (years)", ylabel="real ages within (%)", ylim=(0, 102), xlim=(-0.5, len(names) - 0.5))
        for axes in right:
            _draw_coverage(axes, spreads, spreads["median_spread"])
            axes.set_xlabel(f"stated SD (years; medians of {parts} equal parts)")
            axes.set_xlim(left=0)
        last = figure.axes[-1]
        for k, expected in dict(zip(table["deviations"], table["expected"], strict=True)).items():
            place = {"xycoords": last.get_yaxis_transform(), "textcoords": "offset points"}
            last.annotate(f"±{k} SD: {style.percent(expected)}", (1, 100 * expected), (4, 0), va="center", **place)
        keys = left.get_legend_handles_labels()[0] + [style.few_faces()] * bool(
            table.dropna(subset="share")["few_faces"].any()
        )
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
        style.set_finding(figure, _sureness(table[table["by"] == ALL], name))
    return figure


def _draw_coverage(axes: Axes, table: pd.DataFrame, places: pd.Series) -> None:
    for k, marker in zip((1, 2), "o^", strict=True):
        rows = table[table["deviations"] == k]
        # Of few faces both shares are often the same, and both intervals long: one would hide the other.
        x, values = places[rows.index] + (k - 1.5) * _APART * rows["few_faces"], 100 * rows[["share", "low", "high"]]
        axes.axhline(100 * rows["expected"].iloc[0] if len(rows) else np.nan, **_REFERENCE)
        axes.vlines(x, values["low"], values["high"], color="black", linewidth=1)
        for few, shown in rows.groupby("few_faces"):
            look = style.HOLLOW | {"clip_on": False} if few else {}
            axes.plot(x[shown.index], values.loc[shown.index, "share"], marker, color="black", markersize=4.5, **look)
        axes.plot([], [], marker, color="black", markersize=4.5, label=f"within ±{k} stated SD")


def _sureness(everyone: pd.DataFrame, name: str) -> str:
    """Whether intervals show that the stated spread is too narrow, or too wide, for one and two deviations alike."""
    one, two = (everyone[everyone["deviations"] == k].iloc[0] for k in (1, 2))
    if one["n"] < FEW_FACES:
        few = style.counted(one["n"], "face")
        return f"{name} has stated how sure it is of {few} of exact age: too few to say whether it is right"
    held, should = ([style.percent(row[name]) for row in (one, two)] for name in ("share", "expected"))
    held = f"±1\xa0SD holds {held[0]} of {one['n']:,} real ages, ±2\xa0SD {held[1]}"
    should = f"should be {should[0]} and {should[1]}"
    if one["high"] < one["expected"] and two["high"] < two["expected"]:
        return f"{name} is too sure of its estimates: {held} ({should})"
    if one["low"] > one["expected"] and two["low"] > two["expected"]:
        return f"{name} is less sure than it could be: {held} ({should})"
    return f"{name}: {held} ({should})"


def cumulative_scores(table: pd.DataFrame) -> Figure:
    """Draw the share of faces within so many years of their real age, all estimators beside a constant guess.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.errors.several_estimators.cumulative_scores`.

    Returns
    -------
    Figure
        Bands are Wilson's intervals; the guess is grey. The legend names estimators that are left out.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("estimator", "years", "n", "share", "low", "high"))
    looks = style.estimator_look([name for name in dict.fromkeys(table["estimator"]) if name != ONE_AGE])
    looks[ONE_AGE] = {"color": "0.45", "linestyle": ":", "marker": ""}
    with style.applied():
        figure = style.new_figure(style.FULL, 3.2 + 0.17 * len(looks))
        axes = figure.subplots()
        for name, look in looks.items():
            rows = table[table["estimator"] == name]
            out = rows["share"].isna().all()
            label = f"constant guess: {name}" if name == ONE_AGE else style.legend_name(name, width=80)
            label += f" (left out: has {rows['n'].max():,} of the faces)" if out else ""
            axes.plot(rows["years"], 100 * rows["share"], label=label, markersize=4, markevery=5, **look)
            axes.fill_between(
                rows["years"], 100 * rows["low"], 100 * rows["high"], color=look["color"], alpha=0.2, linewidth=0
            )
        n = table.loc[table["estimator"] == ONE_AGE, "n"].max()
        axes.set(
            xlabel="error of at most so many years",
            ylabel=f"share of the same {style.counted(n, 'face')} (%)",
            ylim=(0, 100),
        )
        axes.set_xlim(table["years"].min(), table["years"].max())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="0.92")
        figure.legend(loc="outside lower center", handlelength=3.5)
        style.set_finding(figure, _nearest(table))
    return figure


def _nearest(table: pd.DataFrame) -> str:
    """The best, the worst, and the guess, at five years or the nearest there is."""
    years = min(table["years"], key=lambda year: abs(year - _YEARS_NAMED))
    rows = table[(table["years"] == years) & table["share"].notna()].sort_values(
        "share", ascending=False, kind="stable"
    )
    if rows.empty:
        return "No faces that these estimators have in common"
    estimators, guess = rows[rows["estimator"] != ONE_AGE], rows[rows["estimator"] == ONE_AGE]
    ends = estimators.iloc[[0, -1]] if len(estimators) > 1 else estimators
    said = [f"{style.percent(row['share'])} for {row['estimator']}" for row in ends.to_dict("records")]
    said += [f"{style.percent(share)} for a constant guess" for share in guess["share"]]
    return f"Within {years:g} years of the label: {', '.join(said)}"


def confused_ranges(table: pd.DataFrame, name: str) -> Figure:
    """Draw where the faces of each range of real age are estimated, as a coloured table.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.errors.along_age.confusion`.
    name : str
        Of the estimator.

    Returns
    -------
    Figure
        Percent of each row; its own range is framed. Rows of fewer than 30 faces are not coloured.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("age_range", "estimated_range", "n", "faces", "share", "high", "few_faces"))
    shares = _square(table)
    few = table.drop_duplicates("age_range")["few_faces"].to_numpy(dtype=bool)
    sizes = table.drop_duplicates("age_range")["n"]
    with style.applied():
        figure = style.new_figure(0.9 + 0.62 * shares.shape[1], 1.4 + 0.36 * shares.shape[0])
        axes = figure.subplots()
        axes.imshow(np.where(few[:, None], np.nan, shares), cmap="Greys", vmin=0, vmax=1.3, aspect="auto")
        for (row, column), share in np.ndenumerate(shares.to_numpy()):
            if np.isfinite(share):
                colour = "0.6" if few[row] or not share else ("white" if share > 0.7 else "black")
                text = "<1" if 0 < share < 0.005 else f"{100 * share:.0f}"
                axes.text(column, row, text, ha="center", va="center", color=colour)
            if shares.index[row] == shares.columns[column]:
                axes.add_patch(
                    Rectangle(
                        (column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=_LINE, linewidth=1.2, clip_on=False
                    )
                )
        axes.set_xticks(range(shares.shape[1]), shares.columns, rotation=90 * (shares.shape[1] > _MANY_RANGES))
        axes.set_yticks(
            range(shares.shape[0]), [f"{label} (n = {n:,})" for label, n in zip(shares.index, sizes, strict=True)]
        )
        axes.set(xlabel="estimated (years); % of the row", ylabel="real age (years)")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        style.set_finding(figure, _most_confused(table, name))
    return figure


def _square(table: pd.DataFrame) -> pd.DataFrame:
    """Shares with a row a range of real age and a column a range of estimates, in the order of the table."""
    index, columns = (table[name].drop_duplicates() for name in ("age_range", "estimated_range"))
    return pd.DataFrame(table["share"].to_numpy().reshape(len(index), len(columns)), index, columns)


def _most_confused(table: pd.DataFrame, name: str) -> str:
    """The range whose faces are least often estimated in it, if surely less than half are; else how many are."""
    own = table[table["age_range"] == table["estimated_range"]]
    lowest = own[~own["few_faces"]].sort_values("share", kind="stable").head(1)
    for row in lowest[lowest["high"] < 0.5].to_dict("records"):
        others = table[(table["age_range"] == row["age_range"]) & (table["estimated_range"] != row["age_range"])]
        most = others.loc[others["share"].idxmax()]
        where = f"{style.percent(most['share'])} in {most['estimated_range']}"
        return f"{name} puts {style.percent(row['share'])} of faces aged {row['age_range']} in that range, {where}"
    n = own["n"].sum()
    share = style.percent(own["faces"].sum() / n) if n else "–"
    return f"{name} puts {share} of {style.counted(n, 'face')} in the range of their real age"
