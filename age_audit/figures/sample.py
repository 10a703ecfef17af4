"""Who is in the data, before anything is said of how well they are estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from age_audit.audit.sample import faces_by_age
from age_audit.core.groups import feature_title, levels, real_ages, require_columns
from age_audit.core.vocabulary import FEW_FACES
from age_audit.figures import style

_BAND = 5  # years
_ALONE, _UNLABELLED, _LOST = "0.75", "0.87", "0.55"


def sample_by_age(images: pd.DataFrame, features: Sequence[str]) -> Figure:
    """Draw how many images there are at each real age, one panel a group, and what became of them.

    Parameters
    ----------
    images : DataFrame
        :attr:`age_audit.data.results.Results.images`: ``age_real``, ``age_range``, the features, and of ``estimated``
        and ``explained`` what is known.
    features : sequence of str
        Columns; those by which no image is labelled are left out. The first one's groups have a panel each; the second
        one's, if at most five, are the colours in it. None: one panel, of all images.

    Returns
    -------
    Figure
        Bars are stacked: images with an estimate by colour, and those without in grey on top. A black outline counts
        the explained ones. Every panel has its own vertical scale. An age that is a range is spread evenly over it.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    require_columns(images, ("age_real", "age_range", *features))
    labelled = [name for name in features if images[name].notna().any()]
    first, second = labelled[:1], labelled[1:2]
    if second and len(levels(images[second[0]])) > style.MANY_GROUPS:
        second = []
    panels = {name: images[images[first[0]] == name] for name in levels(images[first[0]])} if first else {"": images}
    looks = style.group_look(levels(images[second[0]])) if second else {}
    totals, parts = (faces_by_age(images, names, _BAND) for names in (first, first + second))
    with style.applied():
        columns = min(4, int(np.ceil(np.sqrt(len(panels)))))
        rows = -(-len(panels) // columns)
        figure = style.new_figure(style.FULL, 1.2 + 1.5 * rows)
        grid = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
        legend: dict[str, Artist] = {}
        for (name, inside), axes in zip(panels.items(), grid, strict=False):
            here = [table[table[first[0]] == name] if first else table for table in (totals, parts)]
            legend = _draw_layers(axes, here[0], _layers(*here, second, looks)) | legend
            lines = [fill(text, 100 // columns) for text in (str(name), _counted(inside)) if text]
            axes.set_title("\n".join(lines), fontsize=style.SMALL)
        for axes in grid[len(panels) - columns : len(panels)]:  # the lowest of each column
            axes.set_xlabel("real age (years)")
        for axes in grid[len(panels) :]:
            axes.remove()
        style.set_finding(figure, _finding(images, first))
        figure.supylabel(f"images in {_BAND} years of age", fontsize=style.BASE)
        style.in_lines(figure.legend(handles=list(legend.values()), loc="outside lower center", ncols=4))
    return figure


def caption_of_sample(images: pd.DataFrame, source: str) -> str:
    """What :func:`sample_by_age` draws of these images.

    Examples
    --------
    >>> images = pd.DataFrame({"age_real": [30, 31], "explained": [True, False]})
    >>> caption_of_sample(images, "mine")
    'Labelled images by age and group; mine. Each panel has its own vertical scale. Black outline: the explained faces.'
    """
    said = [f"Labelled images by age and group; {source}.", "Each panel has its own vertical scale."]
    if "explained" in images and images["explained"].any():
        said.append("Black outline: the explained faces.")
    lowest, highest = real_ages(images)
    if (highest > lowest).any():
        said.append("An age that is a range is spread over its years.")
    return " ".join(said)


def _layers(totals: pd.DataFrame, parts: pd.DataFrame, second: Sequence[str], looks: Mapping[str, dict]):
    """Name, colour and images by band of what is stacked, from the bottom; only what there is."""
    counted = "estimated" if "estimated" in totals else "images"
    layers = [
        (str(name), look["color"], parts.loc[parts[second[0]] == name, counted].to_numpy())
        for name, look in looks.items()
    ]
    rest = totals[counted].to_numpy() - sum(counts for *_, counts in layers)
    name, colour = (f"no {feature_title(second[0])} label", _UNLABELLED) if second else (counted, _ALONE)
    lost = (totals["images"] - totals[counted]).to_numpy()
    return [layer for layer in (*layers, (name, colour, rest), ("no estimate", _LOST, lost)) if layer[2].any()]


def _draw_layers(axes: Axes, totals: pd.DataFrame, layers) -> dict[str, Artist]:
    """Stack the layers, and draw the explained images as a line; returns what a legend shows of them."""
    if not layers:
        axes.text(0.5, 0.5, "no images", transform=axes.transAxes, ha="center", va="center", color="0.35")
        axes.set_yticks([])
        return {}
    edges, floor, shown = [*totals["age_low"], totals["age_high"].iloc[-1] + 1], np.zeros(len(totals)), {}
    for name, colour, counts in layers:
        shown[name] = axes.stairs(floor + counts, edges, baseline=floor, fill=True, color=colour, label=name)
        floor = floor + counts
    if "explained" in totals and totals["explained"].any():
        shown["explained"] = axes.stairs(totals["explained"], edges, color="black", linewidth=0.8, label="explained")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.tick_params(labelbottom=True)
    return shown


def _counted(images: pd.DataFrame) -> str:
    words = [style.counted(len(images), "image")]
    if "estimated" in images and not images["estimated"].all():
        words.append(f"{(~images['estimated']).sum():,} lost")
    if "explained" in images:
        words.append(f"{images['explained'].sum():,} explained")
    return ", ".join(words)


def _finding(images: pd.DataFrame, features: Sequence[str]) -> str:
    """The largest and the smallest group, and in how many ages a group is too small to speak for it."""
    sizes = images[features[0]].value_counts() if features else pd.Series(dtype=int)
    sizes = sizes[sizes > 0]
    if len(sizes) < 2:
        ages = real_ages(images)
        known = f", of ages {np.nanmin(ages[0]):.0f} to {np.nanmax(ages[1]):.0f}" if np.isfinite(ages[0]).any() else ""
        return f"{style.counted(len(images), 'image')}{known}"
    (largest, most), (smallest, least) = ((sizes.index[i], style.percent(sizes.iloc[i] / len(images))) for i in (0, -1))
    cells = pd.crosstab(images[features[0]], images["age_range"], dropna=False).loc[list(sizes.index)]
    cells = cells[[name for name in cells.columns if name in levels(images["age_range"])]]
    few, all_cells = int((cells < FEW_FACES).sum().sum()), cells.size
    text = f"{most} of {len(images):,} images are labelled {largest}, {least} {smallest}"
    words = f"{few} of {all_cells} groups of {feature_title(features[0])} and age range have fewer than {FEW_FACES}"
    return f"{text}; {words}" if few else text
