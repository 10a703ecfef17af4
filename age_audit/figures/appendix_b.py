"""Figures of Appendix B, each beside what permuted data give: correlations, the workbook's last step, associations."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from age_audit.audit.findings import LEVEL
from age_audit.core.groups import ALL, require_columns
from age_audit.core.vocabulary import FEW_FACES, HALVES
from age_audit.figures import style
from age_audit.figures.correlations import FEW_CELLS, colour_limit, draw_correlations
from age_audit.study.appendix_b import SEGMENTS, cohorts_of

_INK, _NULL, _LINE = "#222222", "#C9C9C9", "0.5"
_ZERO = {"color": _LINE, "linewidth": 0.8, "zorder": 0}
_DOT = {"color": _INK, "marker": "o", "linestyle": ""}
_HEAVY = {"marker": "o", "markersize": 6, "markeredgewidth": 0, "linewidth": 2.4}  # beyond chance
_LIGHT = {"marker": "o", "markersize": 3.5, "markeredgewidth": 0, "linewidth": 0.9}
LEVEL_OF_NULL = 0.95  # of shuffled correlations, which are no further from 0
ERRORS = {"absolute_error": "r with the absolute error", "signed_error": "r with the signed error"}


def segment_name(segment: str) -> str:
    """A segment as figures and sentences name it: ``outer_boundary_left`` becomes "left"."""
    return segment.removeprefix("outer_boundary_")


SEGMENT_NAMES = tuple(map(segment_name, SEGMENTS))


def correlation_tables(correlations: pd.DataFrame, null: np.ndarray) -> Figure:
    """Draw r of every segment, group, age range and half: tables with one scale, in colour where chance gives less.

    Parameters
    ----------
    correlations : DataFrame
        From :func:`age_audit.study.appendix_b.correlation_table`.
    null : ndarray of float, shape (shuffles, 2, age ranges, groups, 5)
        From :func:`age_audit.recheck.repetition.shuffled_cohort_correlations`, of the same groups.

    Returns
    -------
    Figure
        A row of panels an age range; accurate estimates left, inaccurate ones right. Grey: no further from 0 than 95 %
        of the shuffles. Hatched and never coloured: groups of fewer than 30 faces. The title says how many are further.
    """
    require_columns(correlations, ("age_range", "estimates", "n", *SEGMENTS))
    name, groups, ages = cohorts_of(correlations)
    limit = colour_limit(correlations[list(SEGMENTS)].to_numpy(dtype=float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of cohorts without any r
        usual = np.nanquantile(np.abs(null), LEVEL_OF_NULL, axis=0)
    drawn = beyond = 0
    with style.applied():
        figure = style.new_figure(style.FULL, 1.2 + 1.9 * len(ages))
        panels = figure.subfigures(len(ages), len(HALVES), squeeze=False)
        for (row, column), panel in np.ndenumerate(panels):
            label, half = ages[row], HALVES[column]
            inside = (correlations["age_range"] == label) & (correlations["estimates"] == half)
            cohort = correlations[inside].set_index(name).reindex(groups)
            names = [f"{fill(str(group), 12)}\n(n = {n:,})" for group, n in cohort["n"].fillna(0).astype(int).items()]
            table = cohort[list(SEGMENTS)].T.set_axis(SEGMENT_NAMES)
            sizes = table.abs().to_numpy(dtype=float)
            by_chance = ~(sizes > usual[column, row].T)
            drawn, beyond = drawn + np.isfinite(sizes).sum(), beyond + (~by_chance).sum()
            few = cohort["n"].fillna(0).to_numpy() < FEW_FACES
            axes = draw_correlations(panel, table, names, limit, by_chance, few)
            axes.set_title(f"{label} years, {half} estimates")
        found = f"{beyond} of {drawn} correlations of share and accuracy are beyond 95 % of permuted ones"
        style.set_finding(figure, f"{found}; {(1 - LEVEL_OF_NULL) * drawn:.0f} would be expected by chance")
        words = "coloured, or black where hatched: beyond 95 % of permuted ones; grey: not; –: no correlation"
        keys = [Patch(**FEW_CELLS, label=f"fewer than {FEW_FACES} faces"), Patch(fill=False, linewidth=0, label=words)]
        figure.legend(handles=keys, loc="outside lower center", ncols=2)
        return figure


def steps_beside_null(table: pd.DataFrame, finals: np.ndarray) -> Figure:
    """Draw the last step over what permuted accuracies give, and below it the mean contributions it is made of.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.recheck.appendix_b.workbook_null`.
    finals : ndarray of float, shape (shuffles, age ranges, 5)
        The last step of each shuffle, -0.5 to 0.5.

    Returns
    -------
    Figure
        Upper row: a histogram of the shuffles as grey bars around every segment's place, the found value as a dot.
        Lower row: 95 % of the shuffles as a grey bar, the found value as a dot.
    """
    ages = list(dict.fromkeys(table["age_range"]))
    with style.applied():
        figure = style.new_figure(style.FULL, 5.6)
        upper, lower = figure.subplots(2, len(ages), sharey="row", sharex=True, squeeze=False)
        for age, label in enumerate(ages):
            rows = table[table["age_range"] == label].set_index("segment").reindex(SEGMENTS)
            n, groups = (int(rows[name].max()) if rows[name].notna().any() else 0 for name in ("n", "groups"))
            _draw_finals(upper[age], rows["final"], finals[:, age])
            upper[age].set_title(f"{label} years\n(n = {n:,}, {style.counted(groups, 'group')})")
            _draw_contributions(lower[age], rows)
        upper[0].set(ylabel="last step", ylim=(-0.58, 0.58))
        lower[0].set(ylabel="mean contribution over groups\n(r accurate − r inaccurate)")
        keys = [Line2D([], [], **_DOT, label="this data")]
        keys.append(Patch(color=_NULL, label="permuted accuracies: how often (above), middle 95 % (below)"))
        tested = table["p_holm"].dropna()
        found = f"{int((tested <= LEVEL).sum())} of {len(tested)} mean contributions are beyond chance (Holm)"
        put = table.groupby("age_range", sort=False)["final"].count().astype(bool)
        where = "at every age" if put.all() else f"in {put.sum()} of {style.counted(len(put), 'age range')}"
        return _finish(figure, f"{found}, though the last step puts one segment first {where}", keys)


def _draw_finals(axes: Axes, found: pd.Series, drawn: np.ndarray) -> None:
    edges = np.linspace(-0.5, 0.5, 22)
    counts = [np.histogram(values[np.isfinite(values)], edges)[0] for values in drawn.T]
    most = max(1, *(count.max() for count in counts))
    for i, count in enumerate(counts):
        if not count.any():
            continue
        widths = 0.8 * count / most
        axes.barh(edges[:-1], widths, np.diff(edges), left=i - widths / 2, align="edge", color=_NULL)
    axes.plot(range(len(SEGMENTS)), found, **_DOT, markersize=6)
    axes.axhline(0, **_ZERO)


def _draw_contributions(axes: Axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(SEGMENTS))
    axes.vlines(places, rows["contribution_null_low"], rows["contribution_null_high"], color=_NULL, linewidth=9)
    axes.plot(places, rows["contribution"], **_DOT, markersize=6)
    axes.axhline(0, **_ZERO)
    axes.set_xticks(places, SEGMENT_NAMES, rotation=45)
    axes.set_xlim(-0.6, len(SEGMENTS) - 0.4)


def association_panels(table: pd.DataFrame) -> Figure:
    """Draw how segments' shares are associated with both errors: log-ratios with intervals, and at equal estimates.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.recheck.shares.associations`, of one or two presets' masks.

    Returns
    -------
    Figure
        A row of panels an error, a column an age range. Bold: Holm-adjusted p up to 0.05. The title counts those of the
        last masks with the absolute error within age ranges.
    """
    masks, labels = (list(dict.fromkeys(table[name])) for name in ("masks", "age_range"))
    colours = dict(zip(masks, style.OTHER_COLOURS, strict=False))
    with style.applied():
        figure = style.new_figure(style.FULL, 6.4)
        grid = figure.subplots(len(ERRORS), len(labels), sharex=True, sharey=True, squeeze=False)
        for first, (error, words), panels in zip((True, False), ERRORS.items(), grid, strict=True):
            for axes, label in zip(panels, labels, strict=True):
                chosen, sizes = table[(table["age_range"] == label) & (table["error"] == error)], []
                for which, (name, colour) in enumerate(colours.items()):
                    rows = chosen[chosen["masks"] == name].set_index("segment").reindex(SEGMENTS)
                    _draw_associations(axes, rows, colour, 0.36 * which - 0.18 * (len(masks) - 1))
                    sizes.append(f"n = {int(np.nan_to_num(rows['n'].max())):,} {name}")
                _frame_segments(axes, label, *(sizes if first else ()))
            panels[0].set_ylabel(words)
            panels[0].locator_params(axis="x", nbins=3)
        grid[-1, len(labels) // 2].set_xlabel("Pearson's r")
        keys = [Line2D([], [], color=colour, **_LIGHT, label=f"{name} masks") for name, colour in colours.items()]
        keys.append(Line2D([], [], color=_INK, **_HEAVY, label=f"p ≤ {LEVEL:g} (Holm)"))
        keys.append(Line2D([], [], color=_LINE, marker="x", linestyle="", markersize=4, label="at equal estimates"))
        last = table[(table["masks"] == masks[-1]) & (table["error"] == "absolute_error") & (table["age_range"] != ALL)]
        counts = [int((last[column] <= LEVEL).sum()) for column in ("p_holm", "p_given_holm")]
        found = f"{counts[0]} of {len(last)} shares in {masks[-1]} masks are associated with the absolute error"
        return _finish(figure, f"{found} within age ranges, {counts[1]} at equal estimates (Holm)", keys)


def _draw_associations(axes: Axes, rows: pd.DataFrame, colour: str, shift: float) -> None:
    places = np.arange(len(rows)) + shift
    sure = (rows["p_holm"] <= LEVEL).to_numpy()
    sizes, widths = (np.where(sure, _HEAVY[name], _LIGHT[name]) for name in ("markersize", "linewidth"))
    axes.hlines(places, rows["low"], rows["high"], color=colour, linewidth=widths)
    axes.scatter(rows["r"], places, s=sizes**2, linewidths=0, color=colour, zorder=3)
    axes.plot(rows["r_given"], places, "x", color=_LINE, markersize=4, zorder=4)


def _frame_segments(axes: Axes, age_range: str, *words: str) -> None:
    """One row a segment, the first on top, a line at 0, and whose faces these are as title."""
    years = "all ages" if age_range == ALL else f"{age_range} years"
    if words:
        axes.set_title("\n".join([years, *words]), fontsize=style.SMALL)
    axes.axvline(0, **_ZERO)
    axes.set_yticks(range(len(SEGMENTS)), SEGMENT_NAMES)
    axes.set_ylim(len(SEGMENTS) - 0.5, -0.5)


def _finish(figure: Figure, found: str, keys: Sequence[Artist]) -> Figure:
    """A title that says what is found, and the keys of all panels in one row at the foot."""
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
    style.set_finding(figure, found)
    return figure
