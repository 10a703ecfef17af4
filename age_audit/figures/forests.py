"""Numbers of groups with their intervals, one line a group, one row of panels an age range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from age_audit.core.groups import require_columns
from age_audit.core.vocabulary import FEW_FACES
from age_audit.figures import style


@dataclass(frozen=True)
class Quantity:
    """A column of a table, with its interval in ``<column>_low`` and ``<column>_high``.

    Attributes
    ----------
    column : str
    axis_label : str
        With the unit.
    reference : float or str
        Where a vertical line stands: a number, or the column that holds the group's difference to it.
    """

    column: str
    axis_label: str
    reference: float | str = 0.0


def forests_by_age_range(table: pd.DataFrame, quantities: list[Quantity], title: str, note: str = "") -> Figure:
    """Draw quantities of every gender and race with their intervals, a row of panels for each age range.

    Parameters
    ----------
    table : DataFrame
        With ``age_range``, ``gender``, ``race``, ``n`` and the quantities with their intervals; NaN is left out.
    quantities : list of Quantity
        One column of panels each.
    title, note : str
        Above and below.

    Returns
    -------
    Figure
        Colours are races, squares the second gender; groups of fewer than 30 faces have thin lines and hollow marks.

    Raises
    ------
    UsageError
        If the table lacks a column.
    """
    wanted = [f"{quantity.column}{end}" for quantity in quantities for end in ("", "_low", "_high")]
    wanted += [quantity.reference for quantity in quantities if isinstance(quantity.reference, str)]
    require_columns(table, ("age_range", "gender", "race", "n", *wanted))
    ages = list(dict.fromkeys(table["age_range"].astype(str)))
    with style.applied():
        figure = style.new_figure(5.2 * len(quantities) + 1.0, 2.5 * len(ages) + 1.0)
        panels = figure.subplots(len(ages), len(quantities), sharex="col", squeeze=False)
        for age, line in zip(ages, panels, strict=True):
            groups = table[table["age_range"].astype(str) == age]
            for axes, quantity in zip(line, quantities, strict=True):
                _draw_groups(axes, groups, quantity)
                axes.set_title(f"real age {age} years")
                axes.tick_params(labelleft=axes is line[0])
        for axes, quantity in zip(panels[-1], quantities, strict=True):
            axes.set_xlabel(quantity.axis_label)
        figure.suptitle(title)
        figure.supxlabel(note, fontsize=9)
    return figure


def _draw_groups(axes: Axes, groups: pd.DataFrame, quantity: Quantity) -> None:
    """One line a group, the first at the top."""
    looks = style.group_look(list(dict.fromkeys(groups["race"].astype(str))))
    genders = list(dict.fromkeys(groups["gender"].astype(str)))
    reference = _reference(groups, quantity)
    if np.isfinite(reference):
        axes.axvline(reference, color="0.35", linestyle=":", linewidth=1.2, zorder=0)
    values = groups[[f"{quantity.column}{end}" for end in ("", "_low", "_high")]].to_numpy(dtype=float)
    for place, (row, (value, low, high)) in enumerate(zip(groups.itertuples(), values, strict=True)):
        colour = looks[str(row.race)]["color"]
        width, face = (style.THIN_LINE, "white") if row.n < FEW_FACES else (2.0, colour)
        shape = "o" if str(row.gender) == genders[0] else "s"
        axes.plot([low, high], [place, place], color=colour, linewidth=width)
        axes.plot(value, place, shape, markersize=6, markeredgecolor=colour, markerfacecolor=face, markeredgewidth=1.5)
    axes.set_yticks(range(len(groups)), [f"{row.gender}, {row.race} (n = {row.n:,})" for row in groups.itertuples()])
    axes.set_ylim(len(groups) - 0.5, -0.5)


def _reference(groups: pd.DataFrame, quantity: Quantity) -> float:
    """Where the line stands; with differences, the value all groups of the panel are compared with."""
    if not isinstance(quantity.reference, str):
        return float(quantity.reference)
    compared_with = (groups[quantity.column] - groups[quantity.reference]).dropna()
    return float(compared_with.iloc[0]) if len(compared_with) else float("nan")
