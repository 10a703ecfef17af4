"""Figures of Appendix B: correlations by group, the workbook's last step, and both beside shuffled data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from age_audit.core.groups import ALL, require_columns
from age_audit.core.vocabulary import HALVES, PUBLISHED_HALVES, RACES
from age_audit.figures import style
from age_audit.figures.correlations import colour_limit, draw_correlations
from age_audit.study.appendix_b import SEGMENTS, cohorts_of

_INK, _NULL, _LINE = "#222222", "#C9C9C9", "0.5"
_ZERO = {"color": _LINE, "linewidth": 0.8, "zorder": 0}
_DOT = {"color": _INK, "marker": "o", "linestyle": ""}
# Not the colours of any group: which masks, and how their shares are taken.
_FIRST, _SECOND = "#882255", "#44AA99"
_LEAST_RANGE = 0.25  # of r: less would make nearly nothing look like much
_HALF_TITLES = dict(zip(HALVES, ("accuracy above 0.90", "accuracy up to 0.90"), strict=True))


def segment_name(segment: str) -> str:
    """A segment as figures and sentences name it: ``outer_boundary_left`` becomes "left"."""
    return segment.removeprefix("outer_boundary_")


SEGMENT_NAMES = tuple(map(segment_name, SEGMENTS))


def correlation_tables(correlations: pd.DataFrame, source: str = "") -> Figure:
    """Draw r of every segment, race, age range and half: coloured tables with one scale.

    Parameters
    ----------
    correlations : DataFrame
        From :func:`age_audit.study.appendix_b.correlation_table`.
    source : str
        What the faces are, for the title.

    Returns
    -------
    Figure
        A row of panels an age range; accurate estimates left, inaccurate ones right.
    """
    require_columns(correlations, ("age_range", "estimates", "n", *SEGMENTS))
    name, groups, ages = cohorts_of(correlations)
    limit = colour_limit(correlations[list(SEGMENTS)].to_numpy(dtype=float))
    with style.applied():
        figure = style.new_figure(max(12, 2 + 2 * len(groups)), 0.7 + 2.45 * len(ages))
        body, side = figure.subfigures(1, 2, width_ratios=(10, 1))
        panels = body.subfigures(len(ages), len(HALVES), squeeze=False)
        for (row, column), panel in np.ndenumerate(panels):
            label, half = ages[row], HALVES[column]
            inside = (correlations["age_range"] == label) & (correlations["estimates"] == half)
            cohort = correlations[inside].set_index(name).reindex(groups)
            names = [f"{group}\n(n = {n:,})" for group, n in cohort["n"].fillna(0).astype(int).items()]
            table = cohort[list(SEGMENTS)].T.set_axis(SEGMENT_NAMES)
            draw_correlations(panel, table, names, limit).set_title(f"{label} years, {half} ({_HALF_TITLES[half]})")
        scale = ScalarMappable(Normalize(-limit, limit), style.DIVERGING)
        side.colorbar(scale, cax=side.add_axes((0.05, 0.3, 0.18, 0.4)), label="Pearson's r of share and accuracy")
        return _finish(figure, "Which segment's share goes with accuracy", source)


def final_step(final: pd.DataFrame, source: str = "") -> Figure:
    """Draw the workbook's last step as the study reads it: one bar a segment, one panel an age range.

    Parameters
    ----------
    final : DataFrame
        ``final`` of :func:`age_audit.study.appendix_b.workbook_tables`.
    source : str
    """
    require_columns(final, ("age_range", "groups", "n", *SEGMENTS))
    with style.applied():
        figure = style.new_figure(12, 3.6)
        panels = figure.subplots(1, len(final), sharey=True, squeeze=False)[0]
        for axes, (_, row) in zip(panels, final.iterrows(), strict=True):
            axes.bar(SEGMENT_NAMES, row[list(SEGMENTS)].astype(float), color=_INK, width=0.6)
            axes.axhline(0, **_ZERO)
            axes.set_title(f"{row['age_range']} years\n(n = {row['n']:,}, {row['groups']} groups)")
            axes.tick_params(axis="x", rotation=45)
        panels[0].set(ylabel="final step, −0.5 to +0.5", ylim=(-0.55, 0.55))
        return _finish(figure, "The workbook's last step", source)


def steps_beside_null(table: pd.DataFrame, finals: np.ndarray, source: str = "") -> Figure:
    """Draw the last step over what shuffled accuracies give, and below it the mean contributions it is made of.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.recheck.appendix_b.workbook_null`.
    finals : ndarray of float, shape (shuffles, age ranges, 5)
        The last step of each shuffle, -0.5 to 0.5.
    source : str

    Returns
    -------
    Figure
        Upper row: a histogram of the shuffles as grey bars around every segment's place, the found value as a dot.
        Lower row: 95 % of the shuffles as a grey bar, the found value as a dot.
    """
    ages = list(dict.fromkeys(table["age_range"]))
    with style.applied():
        figure = style.new_figure(12, 7)
        upper, lower = figure.subplots(2, len(ages), sharey="row", sharex=True, squeeze=False)
        for age, label in enumerate(ages):
            rows = table[table["age_range"] == label].set_index("segment").reindex(SEGMENTS)
            n, groups = (int(rows[name].max()) if rows[name].notna().any() else 0 for name in ("n", "groups"))
            _draw_finals(upper[age], rows["final"], finals[:, age])
            upper[age].set_title(f"{label} years\n(n = {n:,}, {groups} groups)")
            _draw_contributions(lower[age], rows)
        upper[0].set(ylabel="last step", ylim=(-0.58, 0.58))
        lower[0].set(ylabel="mean contribution over groups\n(r accurate − r inaccurate)")
        keys = [Line2D([], [], **_DOT, label="this data")]
        keys.append(Patch(color=_NULL, label="shuffled accuracies: how often (above), middle 95 % (below)"))
        return _finish(figure, "The workbook's last step beside shuffled accuracies", source, keys)


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


def beside_study(table: pd.DataFrame, source: str = "") -> Figure:
    """Draw our r against the study's for ages 0-12, with our 95 % intervals; a panel a half.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.recheck.appendix_b.beside_study`.
    source : str
    """
    with style.applied():
        figure = style.new_figure(11, 5.2)
        panels = figure.subplots(1, len(HALVES), sharey=True, sharex=True)
        for axes, half in zip(panels, HALVES, strict=True):
            for race, rows in table[table["estimates"] == half].groupby("race", sort=False):
                label = f"{race} (n = {rows['n'].iloc[0]:,})"
                look = {"color": style.RACE_COLOURS[race], "marker": style.MARKERS[RACES.index(race)], "markersize": 5}
                axes.plot(rows["study_r"], rows["r"], linestyle="", label=label, **look)
                axes.vlines(rows["study_r"], rows["low"], rows["high"], color=look["color"], linewidth=0.8, alpha=0.7)
            axes.axline((0, 0), slope=1, linestyle=":", **_ZERO)
            for draw_line in (axes.axhline, axes.axvline):
                draw_line(0, **_ZERO)
            axes.set(xlabel="the study's r", title=f"{half} ({_HALF_TITLES[half]})")
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="our faces")
        furthest = np.nanmax(np.abs(table[["r", "low", "high"]].to_numpy(dtype=float)), initial=_LEAST_RANGE)
        panels[0].set(ylabel="our r (bars: 95 % interval, from 4 faces on)", ylim=(-1.05 * furthest, 1.05 * furthest))
        return _finish(figure, "Ages 0–12: our r beside the study's; dotted where both are equal", source)


def association_panels(table: pd.DataFrame, error: str = "absolute_error", source: str = "") -> Figure:
    """Draw how segments go with an error: log-ratios of each preset's masks with intervals, plain shares beside.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.recheck.shares.associations`, of one or two presets' masks.
    error : str
        ``"absolute_error"`` or ``"signed_error"``.
    source : str
    """
    table = table[table["error"] == error]
    masks = list(dict.fromkeys(table["masks"]))
    labels = list(dict.fromkeys(table["age_range"]))
    with style.applied():
        figure = style.new_figure(12.5, 4.2)
        panels = figure.subplots(1, len(labels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, label in zip(panels, labels, strict=True):
            words = []
            for which, (name, colour) in enumerate(zip(masks, (_FIRST, _SECOND), strict=False)):
                rows = table[(table["age_range"] == label) & (table["masks"] == name)]
                rows = rows.set_index("part").reindex(SEGMENTS)
                _draw_associations(axes, rows, colour, 0.36 * which - 0.18 * (len(masks) - 1))
                words.append(f"n = {int(rows['n'].max()):,} {name}")
            _frame_segments(axes, label, *words)
        panels[0].locator_params(axis="x", nbins=4)
        panels[len(panels) // 2].set_xlabel(f"Pearson's r with the {error.replace('_', ' ')}")
        keys = [
            Line2D([], [], color=colour, marker="o", label=f"{name} masks: log-ratio, 95 % interval")
            for name, colour in zip(masks, (_FIRST, _SECOND), strict=False)
        ]
        keys.append(Line2D([], [], color=_LINE, marker="x", linestyle="", label="plain share"))
        return _finish(figure, f"Shares and {error.replace('_', ' ')}, each face once", source, keys)


def _draw_associations(axes: Axes, rows: pd.DataFrame, colour: str, shift: float) -> None:
    places = np.arange(len(rows)) + shift
    axes.hlines(places, rows["low"], rows["high"], color=colour, linewidth=1.6)
    axes.plot(rows["r"], places, "o", color=colour, markersize=5)
    axes.plot(rows["r_share"], places, "x", color=colour, markersize=4)


def _frame_segments(axes: Axes, age_range: str, *words: str) -> None:
    """One row a segment, the first on top, a line at 0, and whose faces these are as title."""
    years = "all ages" if age_range == ALL else f"{age_range} years"
    axes.set_title("\n".join([years, *words]), fontsize=style.SMALL)
    axes.axvline(0, **_ZERO)
    axes.set_yticks(range(len(SEGMENTS)), SEGMENT_NAMES)
    axes.set_ylim(len(SEGMENTS) - 0.5, -0.5)


def restriction_panels(table: pd.DataFrame, source: str = "") -> Figure:
    """Draw r in all faces and in the halves over 95 % of what shuffled accuracies give; a panel a preset and age range.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.recheck.shares.restrictions`.
    source : str
    """
    masks, labels = (list(dict.fromkeys(table[name])) for name in ("masks", "age_range"))
    halves = {"all": "all", "positive": "accurate", "negative": "inaccurate"}
    with style.applied():
        figure = style.new_figure(12.5, 3.4 * len(masks) + 0.6)
        panels = figure.subplots(len(masks), len(labels), sharex=True, sharey=True, squeeze=False)
        for (row, column), axes in np.ndenumerate(panels):
            inside = (table["masks"] == masks[row]) & (table["age_range"] == labels[column])
            for i, half in enumerate(halves):
                rows = table[inside & (table["half"] == half)].set_index("part").reindex(SEGMENTS)
                places = np.arange(len(SEGMENTS)) + 0.27 * (i - 1)
                axes.hlines(places, rows["null_low"], rows["null_high"], color=_NULL, linewidth=5)
                axes.plot(rows["r"], places, linestyle="", **_HALF_LOOKS[half], markersize=5)
            sizes = table[inside].groupby("half")["n"].max()
            sizes = " + ".join(f"{int(sizes.get(half, 0)):,}" for half in PUBLISHED_HALVES)
            _frame_segments(axes, labels[column], f"n = {sizes}")
            axes.set_ylabel("" if column else f"{masks[row]} masks")
        keys = [Line2D([], [], linestyle="", label=name, **_HALF_LOOKS[half]) for half, name in halves.items()]
        keys.append(Patch(color=_NULL, label="middle 95 % of shuffled accuracies"))
        panels[-1, len(labels) // 2].set_xlabel("Pearson's r of share and accuracy (n = accurate + inaccurate faces)")
        return _finish(figure, "Splitting on accuracy, then correlating with it", source, keys)


_HALF_LOOKS = {
    "all": {"color": _INK, "marker": "s"},
    "positive": {"color": _SECOND, "marker": "o"},
    "negative": {"color": _FIRST, "marker": "D"},
}


def _finish(figure: Figure, text: str, source: str, keys: Sequence[Artist] = ()) -> Figure:
    """A title that says what the faces are, and the keys of all panels in one row at the foot."""
    if keys:
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
    figure.suptitle(f"{text} ({source})" if source else text)
    return figure
