"""What the verdict of a test of normality goes with: the number of faces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from age_audit.core.groups import require_columns
from age_audit.figures import style

_AGE_MARKERS = "os^Dv"
_LEVEL = {"color": "black", "linestyle": "--", "linewidth": 1.0, "zorder": 1}
_HOLM = {"color": "0.45", "linestyle": ":", "linewidth": 1.4, "zorder": 1}
_LEAST_P = 1e-30  # what is below is drawn there: no eye needs more
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")  # the style sets no formulas
_COLUMNS = ("age_range", "gender", "race", "n")


def p_values_against_n(sets: Mapping[str, pd.DataFrame], alpha: float = 0.05, source: str = "") -> Figure:
    """Draw the p-value of every group's test of normality against its number of faces.

    Parameters
    ----------
    sets : mapping of str to DataFrame
        Tests (:func:`age_audit.recheck.appendix_a.normality_table`) by what their faces are called; one panel each.
    alpha : float
        Level of the test.
    source : str
        Whose estimates of which faces, for the title.

    Returns
    -------
    Figure
        Both axes are logarithmic and shared. Colours are races, shapes age ranges, hollow ones the second gender.

    Raises
    ------
    UsageError
        If a frame lacks a column.
    """
    with style.applied():
        figure = style.new_figure(5.4 * len(sets) + 1.4, 6.0)
        panels = figure.subplots(1, len(sets), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (name, tests) in zip(panels, sets.items(), strict=True):
            require_columns(tests, (*_COLUMNS, "p_value"))
            _draw_p_values(axes, tests, alpha)
            shown = int(tests["p_value"].notna().sum())
            axes.set_title(f"{name} faces ({shown} of {len(tests)} groups have 8 faces or more)")
        most = max((tests["n"].max() for tests in sets.values() if len(tests)), default=0)
        panels[0].set(xlim=(6.5, 1.4 * max(100, most)), ylim=(None, 2))  # after the last panel: they share both
        panels[0].set_ylabel("p-value of the test of normality (D'Agostino's K²)")
        _key(panels[-1], next(iter(sets.values())))
        figure.suptitle(_title("Test of normality of each group's estimates, and how many faces the group has", source))
    return figure


def _draw_p_values(axes: Axes, tests: pd.DataFrame, alpha: float) -> None:
    axes.set(xscale="log", yscale="log", xlabel="faces of the group (n)")
    looks = style.group_look(list(dict.fromkeys(tests["race"].astype(str))))
    ages, genders = (list(dict.fromkeys(tests[name].astype(str))) for name in ("age_range", "gender"))
    for race, look in looks.items():
        chosen = tests[tests["race"].astype(str) == race]
        for row in chosen[chosen["p_value"].notna()].itertuples():
            face = look["color"] if str(row.gender) == genders[0] else "white"
            marker = _AGE_MARKERS[ages.index(str(row.age_range)) % len(_AGE_MARKERS)]
            points = {"marker": marker, "markersize": 7, "markeredgewidth": 1.5, "linestyle": ""}
            axes.plot(row.n, max(row.p_value, _LEAST_P), markerfacecolor=face, markeredgecolor=look["color"], **points)
        axes.plot([], [], "s", color=look["color"], label=f"{race} (n = {chosen['n'].sum():,})")
    axes.axhline(alpha, label=f"level {alpha:g}: rejected below", **_LEVEL)
    tested = max(1, int(tests["p_value"].notna().sum()))
    axes.axhline(alpha / tested, label=f"level / {tested} tests (Holm's first step)", **_HOLM)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)


def _power_of_ten(p: float, _: int) -> str:
    """1 as "1", 0.01 as "0.01", 1e-5 as "10⁻⁵"."""
    return f"{p:g}" if p > 0.005 else "10" + str(round(np.log10(p))).translate(_SUPERSCRIPTS)


def _key(axes: Axes, tests: pd.DataFrame) -> None:
    """What shapes and fillings mean, to the right of the last panel."""
    ages, genders = (list(dict.fromkeys(tests[name].astype(str))) for name in ("age_range", "gender"))
    handles = [
        Line2D([], [], marker=_AGE_MARKERS[i % len(_AGE_MARKERS)], color="0.3", linestyle="", label=f"{age} years")
        for i, age in enumerate(ages)
    ]
    handles += [
        Line2D([], [], marker="o", color="0.3", markerfacecolor=face, linestyle="", label=gender)
        for gender, face in zip(genders, ("0.3", "white"), strict=False)
    ]
    axes.figure.legend(handles=handles, loc="outside right center")


def rejections_by_size(samples: pd.DataFrame, alpha: float = 0.05, source: str = "") -> Figure:
    """Draw how often the test would reject each group, had fewer of its faces been seen.

    Parameters
    ----------
    samples : DataFrame
        From :func:`age_audit.recheck.normality.rejections_by_size`, with the columns ``age_range``, ``gender``,
        ``race``, ``n_group``, ``n``, ``rejected`` and ``rejected_normal``.
    alpha : float
        Level of the test.
    source : str
        Whose estimates of which faces, for the title.

    Returns
    -------
    Figure
        A panel for each age range; the grey band spans what rounded normal samples of the same groups give.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    """
    require_columns(samples, (*_COLUMNS, "n_group", "rejected", "rejected_normal"))
    ages = samples["age_range"]
    ages = list(ages.cat.categories) if isinstance(ages.dtype, pd.CategoricalDtype) else list(dict.fromkeys(ages))
    rows = max(1, -(-len(ages) // 2))
    with style.applied():
        figure = style.new_figure(11.5, 3.4 * rows + 0.8)
        panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        for axes, age in zip(panels.flat, ages, strict=False):
            _draw_rejections(axes, samples[samples["age_range"] == age], alpha)
            axes.set_title(f"real age {age} years")
            axes.tick_params(labelbottom=True)
        sizes = np.unique(samples["n"]) if len(samples) else np.array([10, 100])
        for axes in panels.flat:  # after the last panel: ticks of logarithmic axes follow the data
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.set_xlim(sizes.min() / 1.3, 1.3 * sizes.max())
            axes.minorticks_off()
        figure.suptitle(_title("The same groups, had fewer of their faces been seen", source))
        figure.supxlabel("faces drawn from the group (n)", fontsize=10)
        figure.supylabel(f"share of samples in which normality is rejected (level {alpha:g})", fontsize=10)
    return figure


def _draw_rejections(axes: Axes, samples: pd.DataFrame, alpha: float) -> None:
    axes.set(xscale="log", ylim=(-0.02, 1.02))
    axes.axhline(alpha, **_LEVEL)
    if samples.empty:
        axes.text(0.5, 0.5, "too few faces", transform=axes.transAxes, ha="center", color="0.35")
        return
    normal = samples.groupby("n")["rejected_normal"].agg(["min", "max"])
    axes.fill_between(normal.index, normal["min"], normal["max"], color="0.8", label="normal, rounded to whole years")
    looks = style.group_look(list(dict.fromkeys(samples["race"].astype(str))))
    genders = list(dict.fromkeys(samples["gender"].astype(str)))
    for (gender, race), group in samples.groupby(["gender", "race"], observed=True, sort=False):
        look = looks[str(race)]
        face = look["color"] if str(gender) == genders[0] else "white"
        label = f"{gender}, {race} (n = {group['n_group'].iloc[0]:,})"
        points = {"marker": "o", "markersize": 5, "markerfacecolor": face, "linewidth": 1.4}
        axes.plot(group["n"], group["rejected"], label=label, **look, **points)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=3.2, fontsize=8)


def _title(words: str, source: str) -> str:
    return f"{words} ({source})" if source else words
