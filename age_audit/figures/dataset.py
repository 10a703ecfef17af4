"""A data set in pictures: who is in it at which age, how its pictures are, and which cells are too thin to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, MultipleLocator

from age_audit.audit.dataset import heaping as heaps
from age_audit.audit.dataset.description import MEASURES, largest_difference
from age_audit.audit.sample import faces_by_age
from age_audit.core.groups import ALL, feature_title, levels, require_columns
from age_audit.core.vocabulary import FEW_FACES
from age_audit.figures import style
from age_audit.figures.correlations import FEW_CELLS
from age_audit.figures.densities import density, has_density

_ROUND = 5  # years
_TEN_YEARS = np.array([0.5, *[1] * 9, 0.5]) / 10  # weights of ages around one, each final digit once
_COURSE = {"color": "black", "linewidth": 0.9}
_PALE = 0.4  # opacity of ages that are not round
_SHOWN = (0.5, 99.5)  # percent: what lies beyond would squeeze all others into a corner
_GRID_POINTS = 201
_THIN, _ENOUGH = "1", "#9EC5E0"  # the second light enough for black text, dark enough to be told from white


def age_pyramid(images: pd.DataFrame, heaping: pd.DataFrame, feature: str = "gender_real") -> Figure:
    """Draw how many images there are of each year of age, ages that end in 0 or 5 dark.

    Parameters
    ----------
    images : DataFrame
        One row an image: ``age_real`` and the feature.
    heaping : DataFrame
        From :func:`age_audit.audit.dataset.heaping.heaping` of these images; the title is its row of all.
    feature : str
        Column of groups, a panel each; of two the first is mirrored. Of more than five, or if no image is labelled,
        there is one panel of all images.

    Returns
    -------
    Figure
        All panels have one scale. A line says how many there would be if each age had the mean of the ten years around
        it: bars beyond are preferred ages.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(images, ("age_real", feature))
    require_columns(heaping, ("measure", "n", "value", "low", "high"))
    groups = [name for name in levels(images[feature]) if (images[feature] == name).any()]
    by = [feature] if 0 < len(groups) <= style.MANY_GROUPS else []
    table = faces_by_age(images, by)
    looks = style.group_look(levels(images[feature])) if by else {}
    names = groups if by else [ALL]
    with style.applied():
        figure = style.new_figure(style.FULL, 6.4)
        panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for name, axes in zip(names, panels, strict=True):
            here = table[table[feature] == name] if by else table
            _draw_ages(axes, here, looks.get(name, {}).get("color", "0.2"))
            title = f"{'all images' if name == ALL else name} (n\xa0=\xa0{here['images'].sum():,.0f})"
            axes.set_title(fill(title, 90 // len(names)).replace("\xa0", " "))
            axes.xaxis.set_major_locator(MaxNLocator(nbins=max(2, 8 // len(names)), integer=True))
            axes.set_xlim(0, max(1.0, 1.05 * table["images"].max()) if len(table) else 1)
        if len(panels) == 2:
            panels[0].invert_xaxis()
        panels[0].set_ylabel("labelled age (years)")
        keys = [Patch(color="0.2", label="ends in 0 or 5"), Patch(color="0.2", alpha=_PALE, label="other ages", lw=0)]
        keys.append(Line2D([], [], **_COURSE, label="mean of ten years around"))
        figure.legend(handles=keys, loc="outside lower center", ncols=3)
        style.set_finding(figure, heaping_finding(heaping))
    return figure


def _draw_ages(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    whole = table["age_low"] % _ROUND == 0
    for chosen, opacity in ((~whole, _PALE), (whole, 1.0)):
        rows = table[chosen]
        axes.barh(rows["age_low"], rows["images"], height=0.9, color=colour, alpha=opacity, linewidth=0)
    if len(table) > len(_TEN_YEARS):
        course = np.convolve(table["images"].to_numpy(dtype=float), _TEN_YEARS, mode="valid")
        axes.plot(course, table["age_low"].iloc[_ROUND:-_ROUND], **_COURSE)
    axes.yaxis.set_major_locator(MultipleLocator(10))
    axes.set_xlabel("images a year")
    axes.set_ylim(bottom=-0.5)


def heaping_finding(heaping: pd.DataFrame) -> str:
    """What Whipple's indices of all images say: where round ages stand out most, or that they hardly do.

    Examples
    --------
    >>> row = {"measure": "whipple", "ages": "23–62", "n": 900, "value": 181.4, "low": 172.0, "high": 191.0}
    >>> heaping_finding(pd.DataFrame([row]))
    'Ages that end in 0 or 5 are labelled 1.81 times as often as expected at 23–62 years (1.72 to 1.91)'
    >>> heaping_finding(pd.DataFrame([row | {"value": 101.0, "low": 95.0, "high": 108.0}]))
    'Ages that end in 0 or 5 are labelled about as often as expected (1.01 times at 23–62 years, 0.95 to 1.08)'
    """
    rows = [row for row in map(_of_all, [heaping] * len(heaps.AGES), heaps.AGES) if row.get("n")]
    if not rows:
        return "No image is labelled with an age of 3–92: nothing can be said of round ages"
    uneven = [row for row in rows if not row["low"] <= 100 <= row["high"]]
    row = max(uneven, key=lambda row: abs(row["value"] - 100)) if uneven else rows[0]
    value, low, high = (f"{row[name] / 100:.2f}" for name in ("value", "low", "high"))
    said, where = "Ages that end in 0 or 5 are labelled", f"at {row['ages']} years"
    if uneven:
        return f"{said} {value} times as often as expected {where} ({low} to {high})"
    return f"{said} about as often as expected ({value} times {where}, {low} to {high})"


def _of_all(heaping: pd.DataFrame, measure: str) -> dict:
    """The row of all images, which is the last one of its measure."""
    return next(iter(heaping[heaping["measure"] == measure].tail(1).to_dict("records")), {})


def caption_of_pyramid(images: pd.DataFrame, heaping: pd.DataFrame, source: str, feature: str = "gender_real") -> str:
    """What :func:`age_pyramid` draws of these images, and all indices.

    Examples
    --------
    >>> images = pd.DataFrame({"age_real": [30, 31, None], "gender_real": ["Male", "Female", "Male"]})
    >>> row = {"measure": "whipple", "ages": "23–62", "n": 2, "value": 250.0, "low": 40.0, "high": 453.0}
    >>> caption_of_pyramid(images, pd.DataFrame([row]), "mine")
    'Images by year of labelled age and gender; mine. Dark: ages that end in 0 or 5; of 23–62 years they are labelled
    2.50 times as often as expected (0.40 to 4.53). 1 of 3 has no label of these.'
    """
    found = [row for row in map(_of_all, [heaping] * len(heaps.AGES), heaps.AGES) if row.get("n")]
    times = [
        f"of {row['ages']} years they are labelled {row['value'] / 100:.2f} times as often as expected "
        f"({row['low'] / 100:.2f} to {row['high'] / 100:.2f})"
        for row in found
    ]
    said = [f"Images by year of labelled age and {feature_title(feature)}; {source}."]
    said.append("; ".join(["Dark: ages that end in 0 or 5", *times]) + ".")
    myers = _of_all(heaping, heaps.MYERS)
    if myers.get("n"):
        value, low, high, chance = (style.percent(myers[name] / 100) for name in ("value", "low", "high", "by_chance"))
        said.append(f"Of all final digits, Myers' index is {value} ({low} to {high}; by chance {chance}).")
    lacking = len(images) - faces_by_age(images, [feature])["images"].sum()
    if lacking:
        said.append(f"{lacking:,.0f} of {len(images):,} {'has' if lacking == 1 else 'have'} no label of these.")
    return " ".join(said)


def measure_densities(frame: pd.DataFrame, measures: Sequence[str], feature: str) -> Figure:
    """Draw how each measure is distributed in every group of a feature, a panel a measure.

    Parameters
    ----------
    frame : DataFrame
        One row an image: the measures and the feature.
    measures : sequence of str
        Columns, such as those of :data:`age_audit.audit.dataset.description.MEASURES`; those that no image has, or of
        which all have the same, are left out.
    feature : str
        Column of groups.

    Returns
    -------
    Figure
        The middle 99 % of each measure; the area under every curve is 1, and heights are to be compared within a panel.
        Groups of fewer than ten images have no curve.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(frame, (*measures, feature))
    shown = [name for name in measures if frame[name].min() < frame[name].max()]
    groups = [name for name in levels(frame[feature]) if (frame[feature] == name).any()]
    looks, thin = style.group_look(levels(frame[feature])), False
    with style.applied():
        columns = min(3, max(1, len(shown)))
        rows = max(1, -(-len(shown) // columns))
        figure = style.new_figure(style.FULL, 1.3 + 1.6 * rows + 0.15 * (len(groups) > style.MANY_GROUPS))
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for axes in grid[len(shown) :]:
            axes.remove()
        for name, axes in zip(shown, grid, strict=False):
            values = {group: frame.loc[frame[feature] == group, name].dropna().to_numpy(float) for group in groups}
            thin |= any(0 < len(found) < FEW_FACES for found in values.values())
            _draw_measure(axes, values, looks, np.percentile(frame[name].dropna().astype(float), _SHOWN))
            axes.set_xlabel(MEASURES.get(name, name.replace("_", " ")), fontsize=style.SMALL)
        sizes = {group: frame.loc[frame[feature] == group, shown].count() for group in groups}
        keys = style.legend_keys({f"{name} (n = {_from_to(sizes[name])})": looks[name] for name in groups}, marker="")
        keys += [Line2D([], [], color="0.2", lw=style.THIN_LINE, label=f"thin: fewer than {FEW_FACES} images")] * thin
        if keys:
            figure.legend(handles=keys, loc="outside lower center", ncols=3, handlelength=3.5)
        style.set_finding(figure, difference_finding(largest_difference(frame, shown, feature)))
    return figure


def _from_to(counts: pd.Series) -> str:
    """How many images have the measures: one number, or the least and the most."""
    return "–".join(f"{count:,}" for count in sorted({counts.min(), counts.max()})) if len(counts) else "0"


def _draw_measure(axes: Axes, values: Mapping[str, np.ndarray], looks: Mapping[str, dict], limits: np.ndarray) -> None:
    low, high = limits if limits[0] < limits[1] else (limits[0] - 0.5, limits[1] + 0.5)  # nearly all have the same
    grid = np.linspace(low, high, _GRID_POINTS)
    for group, found in values.items():
        if has_density(found):
            few = {"linewidth": style.THIN_LINE} if len(found) < FEW_FACES else {}
            axes.plot(grid, density(found, grid), **looks[group] | {"marker": ""} | few)
    axes.set(xlim=(low, high), yticks=[])
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.spines["left"].set_visible(False)


def difference_finding(table: pd.DataFrame) -> str:
    """Which measure tells groups apart most.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.dataset.description.largest_difference`.

    Examples
    --------
    >>> row = ("luminance", "Caucasian", "African", 90, 80, 0.714)
    >>> columns = ["measure", "highest_group", "lowest_group", "n_highest", "n_lowest", "probability"]
    >>> difference_finding(pd.DataFrame([row], columns=columns))
    'Groups differ most in luminance: it is higher in 71 % of pairs of a Caucasian and an African image'
    """
    if table.empty:
        return "Too few images to compare groups"
    row = table.iloc[0]
    name = row["measure"].replace("_", " ")
    pair = " and ".join(f"{_article(group)} {group}" for group in (row["highest_group"], row["lowest_group"]))
    words = f"it is higher in {style.percent(row['probability'])} of pairs of {pair} image"
    return f"Groups differ most in {'BRISQUE' if name == 'brisque' else name}: {words}"


def _article(word: str) -> str:
    return "an" if str(word)[:1].upper() in set("AEIO") else "a"


def thin_cells(table: pd.DataFrame, half_width: float) -> Figure:
    """Draw a table of ages by groups: how many images a cell has, and whether they are enough.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.audit.dataset.composition.cells`.
    half_width : float
        That was asked for there, in years.

    Returns
    -------
    Figure
        A row an age range and level of every feature but the first, a column a level of the first. Coloured: enough
        images; hatched: fewer than 30.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(table, ("age_range", "images", "n_needed", "thin", "half_width", "few_faces"))
    names = list(table.columns)
    features = names[names.index("age_range") + 1 : names.index("images")]
    across, down = features[:1], ["age_range", *features[1:]]
    columns = list(product(*(dict.fromkeys(table[name]) for name in across)))
    rows = list(dict.fromkeys(table[down].itertuples(index=False, name=None)))
    at = {tuple(cell[name] for name in (*down, *across)): cell for cell in table.to_dict("records")}
    needed = table.drop_duplicates("age_range").set_index("age_range")["n_needed"]
    with style.applied():
        figure = style.new_figure(style.FULL, 1.6 + 0.34 * len(rows))
        axes = figure.subplots()
        for (i, row), (j, column) in product(enumerate(rows), enumerate(columns)):
            _draw_cell(axes, j, i, at[row + column])
        for i in range(1, len(rows)):
            if rows[i][0] != rows[i - 1][0]:  # another age range
                axes.axhline(i - 0.5, color="0.2", linewidth=1.0)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.set_xticks(
            range(len(columns)),
            [fill(" ".join(map(str, name)) or "all images", 65 // len(columns)) for name in columns],
        )
        said = [f"{', '.join(map(str, (f'{ages} years', *rest)))} (needs {needed[ages]:,})" for ages, *rest in rows]
        axes.set_yticks(range(len(rows)), [fill(text, 40) for text in said])
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        keys = [
            Patch(facecolor=_ENOUGH, edgecolor="0.6", label=f"enough for {_within(half_width)}"),
            Patch(facecolor=_THIN, edgecolor="0.6", label="too thin"),
            Patch(label=f"fewer than {FEW_FACES} images", **FEW_CELLS),
        ]
        figure.legend(handles=keys, loc="outside lower center", ncols=3)
        style.set_finding(figure, thin_finding(table, half_width))
    return figure


def _draw_cell(axes: Axes, x: int, y: int, cell: Mapping) -> None:
    corner = (x - 0.5, y - 0.5)
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=_THIN if cell["thin"] else _ENOUGH, edgecolor="0.6", lw=0.5))
    if cell["few_faces"]:
        axes.add_patch(Rectangle(corner, 1, 1, **FEW_CELLS))
    half = np.ceil(10 * cell["half_width"]) / 10  # never said to be narrower than it is
    text = f"{cell['images']:,}" + (f" (± {half:.1f})" if np.isfinite(half) else "")
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.2} if cell["few_faces"] else None
    axes.text(x, y, text, ha="center", va="center", fontsize=style.SMALL, bbox=ground)


def thin_finding(table: pd.DataFrame, half_width: float) -> str:
    r"""How many cells are too thin, in a sentence.

    Examples
    --------
    >>> thin_finding(pd.DataFrame({"thin": [True, False, True]}), 1.0)
    '2 of 3 cells have too few images to know their mean absolute error to within ±\xa01\xa0year'
    >>> thin_finding(pd.DataFrame({"thin": [False, False]}), 0.5)
    'Every cell has enough images to know its mean absolute error to within ±\xa00.5\xa0years'
    """
    thin, within = int(table["thin"].sum()), f"to within {_within(half_width)}"
    if not thin:
        return f"Every cell has enough images to know its mean absolute error {within}"
    words = "cell has" if len(table) == 1 else "cells have" if thin > 1 else "cells has"
    whose = "its" if thin == 1 else "their"
    return f"{thin} of {len(table)} {words} too few images to know {whose} mean absolute error {within}"


def _within(half_width: float) -> str:
    """Which no line breaks."""
    return f"±\xa0{half_width:g}\xa0year{'' if half_width == 1 else 's'}"


def caption_of_cells(table: pd.DataFrame, half_width: float) -> str:
    """What :func:`thin_cells` draws of this table.

    Examples
    --------
    >>> table = pd.DataFrame({"images": [120, 20], "assumed": [True, True], "standard_deviation": [8.0, 8.0]})
    >>> caption_of_cells(table, 1.0)
    'Images of each cell (n = 140), and ± half the width of the 95 % interval of the mean absolute error that so many
    give: t · SD / √n, in years, rounded up. Coloured: at most ± 1. Assumed SD of absolute errors: 8 years.'
    """
    given = "Images of each cell (n = {:,}), and ± half the width of the 95 % interval of the mean absolute error that "
    said = [given.format(table["images"].sum()) + "so many give: t · SD / √n, in years, rounded up."]
    said.append(f"Coloured: at most ± {half_width:g}.")
    low, high = table["standard_deviation"].min(), table["standard_deviation"].max()
    spread = f"{low:.3g}" if low == high else f"{low:.1f} to {high:.1f}"
    how = "Assumed SD of absolute errors" if table["assumed"].all() else "SD of absolute errors, by age range"
    return " ".join([*said, f"{how}: {spread} years."])
