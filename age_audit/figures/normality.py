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
        A row a set and a column an age range; both axes are logarithmic and shared. Colours and markers are races,
        hollow ones the second gender.
    """
    for tests in sets.values():
        require_columns(tests, (*_COLUMNS, "p_value"))
    everything = pd.concat(sets.values())
    ages, races, genders = (
        list(dict.fromkeys(everything[name].astype(str))) for name in ("age_range", "race", "gender")
    )
    ages = ages or ["no"]
    looks = {race: look | {"linestyle": "", "markersize": 7} for race, look in style.group_look(races).items()}
    with style.applied():
        figure = style.new_figure(2.7 * len(ages) + 2.4, 3.1 * len(sets) + 1.2)
        panels = figure.subplots(len(sets), len(ages), sharex=True, sharey=True, squeeze=False)
        for row, (name, tests) in zip(panels, sets.items(), strict=True):
            shown = int(tests["p_value"].notna().sum())
            for axes, age in zip(row, ages, strict=True):
                _draw_p_values(axes, tests[tests["age_range"].astype(str) == age], looks, genders, alpha, max(1, shown))
                axes.set_title(f"{age} years", fontsize=10)
            row[0].set_ylabel(f"{name} faces ({shown} of {len(tests)}\ngroups have 8 faces or more)")
        panels[0, 0].set(xlim=(6.5, 1.4 * max(100, everything["n"].max())), ylim=(None, 2))  # of all: they are shared
        handles = [Line2D([], [], **look, label=race) for race, look in looks.items()]
        hollow = {"marker": "o", "color": "0.3", "linestyle": ""}
        handles += [
            Line2D([], [], markerfacecolor=face, label=gender, **hollow)
            for gender, face in zip(genders, ("0.3", "white"), strict=False)
        ]
        handles += panels[0, 0].lines[-2:]
        figure.legend(handles=handles, loc="outside right center")
        figure.suptitle(_title("Test of normality of each group's estimates, and how many faces the group has", source))
        figure.supxlabel("faces of the group (n)", fontsize=10)
        figure.supylabel("p-value of the test of normality (D'Agostino's K²)", fontsize=10)
    return figure


def _draw_p_values(
    axes: Axes, tests: pd.DataFrame, looks: Mapping[str, dict], genders: list[str], alpha: float, tested: int
) -> None:
    axes.set(xscale="log", yscale="log")
    for row in tests[tests["p_value"].notna()].itertuples():
        look = looks[str(row.race)]
        face = look["color"] if str(row.gender) == genders[0] else "white"
        axes.plot(row.n, max(row.p_value, _LEAST_P), markerfacecolor=face, markeredgewidth=1.5, **look)
    axes.axhline(alpha, label=f"level {alpha:g}: rejected below", **_LEVEL)
    axes.axhline(alpha / tested, label="level / tests of the row\n(Holm's first step)", **_HOLM)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())


def _power_of_ten(p: float, _: int) -> str:
    """1 as "1", 0.01 as "0.01", 1e-5 as "10⁻⁵"."""
    return f"{p:g}" if p > 0.005 else "10" + str(round(np.log10(p))).translate(_SUPERSCRIPTS)


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
        points = {"markersize": 5, "markerfacecolor": face, "linewidth": 1.4}
        axes.plot(group["n"], group["rejected"], label=label, **look, **points)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=3.2, fontsize=8)


def _title(words: str, source: str) -> str:
    return f"{words} ({source})" if source else words
