"""How alike explanations stay when one choice is made otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from age_audit.core.groups import require_columns
from age_audit.figures import style

_PANELS = {
    "rank_correlation": "rank correlation with the preset's map",
    "same_sign": "share of squares with the preset's sign",
}
_LOOKS = {
    "rank_correlation": {"color": "0.1", "marker": "o"},
    "same_sign": {"color": "0.1", "marker": "o"},
    "same_sign_settled": {"color": style.OTHER_COLOURS[3], "marker": "D"},
}
_OVER_FACES = {"color": "0.8", "linewidth": 3.5, "solid_capstyle": "butt", "zorder": 1}


def choices_forest(table: pd.DataFrame, kinds: Mapping[str, str], title: str) -> Figure:
    """Draw how alike explanations stay, a row a choice: their order on the left, their signs on the right.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.explanations.sensitivity.agreement_table`.
    kinds : mapping of str to str
        Which choice each is one of, in the order of rows from the top; "" of what is there for comparison.
    title : str

    Returns
    -------
    Figure
        Means over faces with their intervals, in the left panel on the middle 80 % of faces. Hollow: fewer than 30
        faces.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("choice", "measure", "mean", "low", "high", "p10", "p90", "few_faces"))
    names = list(kinds)
    with style.applied():
        figure = style.new_figure(style.FULL, 1.5 + 0.2 * len(names))
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (panel, label) in zip(panels, _PANELS.items(), strict=True):
            shown = [measure for measure in _LOOKS if measure.startswith(panel)]
            for place, measure in enumerate(shown):
                shift = (place - (len(shown) - 1) / 2) * 0.36
                rows = table[table["measure"] == measure].set_index("choice")
                for y, name in enumerate(names):
                    _draw(axes, y + shift, rows.loc[name], _LOOKS[measure], faces=panel == "rank_correlation")
            chance = 0 if panel == "rank_correlation" else 0.5
            axes.axvline(chance, color="0.5", linestyle=":", linewidth=1.0, zorder=0)
            axes.set_xlim(min(chance - 0.05, axes.get_xlim()[0]), 1.02)
            axes.set_xlabel(label)
            axes.grid(axis="x", color="0.92")
            axes.set_axisbelow(True)
            for y in range(1, len(names)):
                if kinds[names[y]] != kinds[names[y - 1]]:
                    axes.axhline(y - 0.5, color="0.85", linewidth=0.6, zorder=0)
        said = [name if kinds[name] in name else f"{kinds[name]}: {name}" for name in names]
        panels[0].set_yticks(range(len(names)), said)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        dot = {"linestyle": "", "markersize": 4}
        keys = [Line2D([], [], **_OVER_FACES, label="middle 80 % of faces")]
        keys += [Line2D([], [], **dot, **_LOOKS["same_sign"], label="squares that the estimator looks at")]
        keys += [Line2D([], [], **dot, **_LOOKS["same_sign_settled"], label="of these, settled in both")]
        keys += [style.few_faces()] * bool(table["few_faces"].any())
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
        style.set_finding(figure, title)
    return figure


def _draw(axes, y: float, row: pd.Series, look: dict, faces: bool) -> None:
    if pd.isna(row["mean"]):
        return
    if faces:
        axes.plot([row["p10"], row["p90"]], [y, y], **_OVER_FACES)
    axes.plot([row["low"], row["high"]], [y, y], color=look["color"], linewidth=1.2)
    axes.plot(row["mean"], y, **look, markersize=4, linestyle="", **(style.HOLLOW if row["few_faces"] else {}))
