"""Observed numbers beside what chance alone gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from age_audit.figures import style

_OBSERVED, _NULL, _EVEN = "0.1", "0.7", "0.4"  # greys: colours stand for groups of faces
_FOUND = 0.05
_ROW, _LABEL = 0.24, 34  # inches of a row, characters of a line of its label
_SIZE = {"ha": "right", "va": "center", "color": "0.35", "fontsize": style.SMALL}


def observed_and_null(
    tables: Mapping[str, pd.DataFrame],
    labels: Sequence[str],
    columns: Mapping[str, str],
    xlabel: str,
    title: str,
    names: Mapping[str, str],
    sizes: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Draw one panel a table: a dot for each row's observed number, a bar for where chance puts it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By the panel's title, all with the same rows.
    labels : sequence of str
        What the rows are called, from top to bottom.
    columns : mapping of str to str
        Which columns hold ``observed``, ``null``, ``low``, ``high``, and perhaps ``even``.
    xlabel, title : str
    names : mapping of str to str
        Words of the legend for ``observed``, ``null`` and perhaps ``even``.
    sizes : mapping of str to sequence of str, optional
        By the panel's title, how many faces each row stands for; written on its right.

    Returns
    -------
    Figure
        A dot is large where ``p_holm`` is below 0.05, and hollow where ``few_faces`` is true; the legend says so then.
        Rows without a number say "too few faces".
    """
    with style.applied():
        figure = style.new_figure(2.2 + 2.9 * len(tables), 2.1 + _ROW * len(labels))
        panels = figure.subplots(1, len(tables), sharey=True, sharex=True, squeeze=False)[0]
        for axes, (name, table) in zip(panels, tables.items(), strict=True):
            for y, (_, row) in enumerate(table.iterrows()):
                _draw_row(axes, y, row, columns)
            for y, size in enumerate(sizes[name] if sizes else ()):
                axes.text(0.995, y, size, transform=axes.get_yaxis_transform(), **_SIZE)
            axes.set_title(name)
            axes.set_xlabel(xlabel)
            axes.grid(axis="x", color="0.9")
            axes.set_axisbelow(True)
        if 2.1 + _ROW * len(labels) <= style.TALLEST:  # or there is no room for a second line
            labels = [fill(label, _LABEL) for label in labels]
        panels[0].set_yticks(range(len(labels)), labels)
        panels[0].set_ylim(len(labels) - 0.4, -0.6)
        left, right = panels[0].get_xlim()
        right = max(right, 1e-9)
        signed = any((table[columns["low"]] < 0).any() for table in tables.values())
        panels[0].set_xlim(left if signed else 0, right * 1.3 if sizes else right)
        for axes in panels if signed else ():
            axes.axvline(0, color="0.5", linewidth=0.8, zorder=0)
        style.set_finding(figure, title)
        drawn = [table.dropna(subset=columns["observed"]) for table in tables.values()]
        few = any(table["few_faces"].any() for table in drawn if "few_faces" in table)
        figure.legend(handles=_legend(names) + [style.few_faces()] * few, loc="outside lower center", ncols=2)
    return figure


def _draw_row(axes, y: float, row: pd.Series, columns: Mapping[str, str]) -> None:
    if pd.isna(row[columns["observed"]]):
        axes.text(
            0.03,
            y,
            "too few faces",
            transform=axes.get_yaxis_transform(),
            va="center",
            color="0.5",
            fontsize=style.SMALL,
        )
        return
    axes.plot([row[columns["low"]], row[columns["high"]]], [y, y], color=_NULL, linewidth=5, solid_capstyle="butt")
    axes.plot(row[columns["null"]], y, "|", color="0.15", markersize=9)
    if "even" in columns:
        axes.plot(row[columns["even"]], y, "x", color=_EVEN, markersize=5, markeredgewidth=1.4)
    look = (style.HEAVY if row["p_holm"] < _FOUND else style.LIGHT) | (style.HOLLOW if row.get("few_faces") else {})
    axes.plot(row[columns["observed"]], y, "o", color=_OBSERVED, **look)


def _legend(names: Mapping[str, str]) -> list[Line2D]:
    dot = {"color": _OBSERVED, "marker": "o", "linestyle": ""}
    handles = [
        Line2D([], [], **dot, **style.HEAVY, label=f"{names['observed']}, adjusted p < {_FOUND}"),
        Line2D([], [], **dot, **style.LIGHT, label=f"{names['observed']}, not told apart from chance"),
        Line2D([], [], color=_NULL, linewidth=5, marker="|", markeredgecolor="0.15", label=names["null"]),
    ]
    if "even" in names:
        look = {"color": _EVEN, "marker": "x", "linestyle": "", "markersize": 5, "markeredgewidth": 1.4}
        handles.append(Line2D([], [], **look, label=names["even"]))
    return handles
