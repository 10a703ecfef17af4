"""What the verdict of a test of normality goes with: the number of faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
FEATURES = ("race", "gender")  # markers and dashes are the first one's groups, colours the second one's


def p_values_against_n(
    sets: Mapping[str, pd.DataFrame], alpha: float = 0.05, source: str = "", features: Sequence[str] = FEATURES
) -> Figure:
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
        A row a set and a column an age range; both axes are logarithmic and shared. Markers are the first
        feature's groups (races), colours the second one's (genders).
    """
    for tests in sets.values():
        require_columns(tests, ("age_range", *features, "n", "p_value"))
    everything = pd.concat(sets.values())
    ages = list(dict.fromkeys(everything["age_range"].astype(str))) or ["no"]
    looks = _looks(everything, features)
    with style.applied():
        figure = style.new_figure(2.7 * len(ages) + 2.4, 3.1 * len(sets) + 1.2)
        panels = figure.subplots(len(sets), len(ages), sharex=True, sharey=True, squeeze=False)
        for row, (name, tests) in zip(panels, sets.items(), strict=True):
            shown = int(tests["p_value"].notna().sum())
            for axes, age in zip(row, ages, strict=True):
                inside = tests["age_range"].astype(str) == age
                _draw_p_values(axes, tests[inside], looks, features, alpha, max(1, shown))
                axes.set_title(f"{age} years")
            row[0].set_ylabel(f"{name} faces ({shown} of {len(tests)}\ngroups have 8 faces or more)")
        panels[0, 0].set(xlim=(6.5, 1.4 * max(100, everything["n"].max())), ylim=(None, 2))  # of all: they are shared
        marks = {"linestyle": "", "markersize": 5}
        handles = [Line2D([], [], **look | marks, label=", ".join(group)) for group, look in looks.items()]
        handles += panels[0, 0].lines[-2:]
        figure.legend(handles=handles, loc="outside right center")
        figure.suptitle(_title("Test of normality of each group's estimates, and how many faces the group has", source))
        figure.supxlabel("faces of the group (n)")
        figure.supylabel("p-value of the test of normality (D'Agostino's K²)")
    return figure


def _groups(table: pd.DataFrame, features: Sequence[str]) -> list[pd.Series]:
    """Of each row the group of the first feature, and of the second if there is one, as text."""
    return [table[feature].astype(str) for feature in features]


def _looks(table: pd.DataFrame, features: Sequence[str]) -> dict[tuple[str, ...], dict]:
    """Look by group, in the order of the rows."""
    return style.crossed_looks(*(list(dict.fromkeys(groups)) for groups in _groups(table, features)))


def _draw_p_values(
    axes: Axes,
    tests: pd.DataFrame,
    looks: Mapping[tuple[str, ...], dict],
    features: Sequence[str],
    alpha: float,
    tested: int,
) -> None:
    axes.set(xscale="log", yscale="log")
    tests = tests[tests["p_value"].notna()]
    for n, p, *group in zip(tests["n"], tests["p_value"], *_groups(tests, features), strict=True):
        axes.plot(n, max(p, _LEAST_P), **looks[tuple(group)] | {"linestyle": "", "markersize": 5})
    axes.axhline(alpha, label=f"level {alpha:g}: rejected below", **_LEVEL)
    axes.axhline(alpha / tested, label="level / tests of the row\n(Holm's first step)", **_HOLM)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())


def _power_of_ten(p: float, _: int) -> str:
    """1 as "1", 0.01 as "0.01", 1e-5 as "10⁻⁵"."""
    return f"{p:g}" if p > 0.005 else "10" + str(round(np.log10(p))).translate(_SUPERSCRIPTS)


def rejections_by_size(
    samples: pd.DataFrame, alpha: float = 0.05, source: str = "", features: Sequence[str] = FEATURES
) -> Figure:
    """Draw how often the test would reject each group, had fewer of its faces been seen.

    Parameters
    ----------
    samples : DataFrame
        From :func:`age_audit.recheck.normality.rejections_by_size`, with the columns ``age_range``, the
        features, ``n_group``, ``n``, ``rejected`` and ``rejected_normal``.
    alpha : float
        Level of the test.
    source : str
        Whose estimates of which faces, for the title.

    Returns
    -------
    Figure
        A panel for each age range; the grey band spans what rounded normal samples of the same groups give.
    """
    require_columns(samples, ("age_range", *features, "n", "n_group", "rejected", "rejected_normal"))
    ages = samples["age_range"]
    ages = list(ages.cat.categories) if isinstance(ages.dtype, pd.CategoricalDtype) else list(dict.fromkeys(ages))
    rows = max(1, -(-len(ages) // 2))
    with style.applied():
        figure = style.new_figure(11.5, 3.4 * rows + 0.8)
        panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        for axes, age in zip(panels.flat, ages, strict=False):
            _draw_rejections(axes, samples[samples["age_range"] == age], features, alpha)
            axes.set_title(f"real age {age} years")
            axes.tick_params(labelbottom=True)
        sizes = np.unique(samples["n"]) if len(samples) else np.array([10, 100])
        for axes in panels.flat:  # after the last panel: ticks of logarithmic axes follow the data
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.set_xlim(sizes.min() / 1.3, 1.3 * sizes.max())
            axes.minorticks_off()
        figure.suptitle(_title("The same groups, had fewer of their faces been seen", source))
        figure.supxlabel("faces drawn from the group (n)")
        figure.supylabel(f"share of samples in which normality is rejected (level {alpha:g})")
    return figure


def _draw_rejections(axes: Axes, samples: pd.DataFrame, features: Sequence[str], alpha: float) -> None:
    axes.set(xscale="log", ylim=(-0.02, 1.02))
    axes.axhline(alpha, **_LEVEL)
    if samples.empty:
        axes.text(0.5, 0.5, "too few faces", transform=axes.transAxes, ha="center", color="0.35")
        return
    normal = samples.groupby("n")["rejected_normal"].agg(["min", "max"])
    axes.fill_between(normal.index, normal["min"], normal["max"], color="0.8", label="normal, rounded to whole years")
    looks = _looks(samples, features)
    for name, group in samples.groupby(_groups(samples, features), sort=False):
        label = f"{', '.join(name)} (n = {group['n_group'].iloc[0]:,})"
        axes.plot(group["n"], group["rejected"], label=label, **looks[name], markersize=4, linewidth=1.0)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=3.2, fontsize=style.SMALL)


def _title(words: str, source: str) -> str:
    return f"{words} ({source})" if source else words
