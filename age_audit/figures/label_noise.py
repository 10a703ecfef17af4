"""What noise in the labels makes of errors and of gaps between groups."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from age_audit.core.groups import ALL, require_columns
from age_audit.figures import style

_PANELS = {
    "mean_absolute_error": "mean absolute error (years)",
    "gap": "gap in it to all others (years)",
}
_SHADE = "0.88"


def errors_along_noise(
    table: pd.DataFrame, title: str, of_copies: Sequence[float] = (), said: str = "noise that copies' labels show"
) -> Figure:
    """Draw errors, and gaps between groups, had the labels more noise than they have.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.dataset.label_noise.errors_under_noise`, without control features.
    title : str
    of_copies : (low, high), optional
        SD of noise in years, from and to, that is shaded.
    said : str
        What is shaded, for the legend.

    Returns
    -------
    Figure
        Two panels over the SD of the noise that is added; grey, all faces. Dotted, 95 % intervals. Hollow: fewer than
        30 faces.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    columns = [f"{name}{end}" for name in _PANELS for end in ("", "_low", "_high")]
    require_columns(table, ("group", "noise_sd", *columns, "few_faces"))
    groups = [name for name in dict.fromkeys(table["group"]) if name != ALL]
    looks = style.group_look(groups)
    with style.applied():
        figure = style.new_figure(style.FULL, 3.3)
        for axes, (column, label) in zip(figure.subplots(1, 2), _PANELS.items(), strict=True):
            everyone = table[table["group"] == ALL]
            axes.plot(everyone["noise_sd"], everyone[column], color="0.75", linewidth=4, zorder=0)
            for group in groups:
                _draw(axes, table[table["group"] == group], column, looks[group])
            if len(of_copies) == 2:
                axes.axvspan(*of_copies, color=_SHADE, zorder=-1)
            axes.set(xlabel="SD of noise added to labels (years)", ylabel=label)
        axes.axhline(0, color="0.35", linestyle=":", linewidth=1.2, zorder=1)
        keys = style.legend_keys({"all faces": {"color": "0.75", "linewidth": 4}} | looks, markersize=3.5)
        keys += [Patch(color=_SHADE, label=said)] * (len(of_copies) == 2)
        keys += [style.few_faces()] * bool(table["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=4)
        style.set_finding(figure, title)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, column: str, look: dict) -> None:
    hollow = style.HOLLOW if rows["few_faces"].any() else {}
    axes.plot(rows["noise_sd"], rows[column], linewidth=0.9, markersize=3.5, **look | hollow)
    for end in ("low", "high"):
        axes.plot(rows["noise_sd"], rows[f"{column}_{end}"], color=look["color"], linestyle=":", linewidth=0.7)
