"""Where in the picture explanations of a group agree: sums of masks as colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Rectangle

from age_audit.audit.explanations.mean_masks import MeanMask
from age_audit.core.vocabulary import FEW_FACES
from age_audit.figures import style
from age_audit.figures.correlations import FEW_CELLS
from age_audit.figures.face_outline import draw_face_outline
from age_audit.study.heatmaps import StudyPanel

LIMITS = (-3.0, 1.0)  # a sum within -m to m, scaled by its largest value m as the study does; its zero is in the middle
_SCALE_CHARACTERS = 100  # of a line of its label, across a page
_NAME_CHARACTERS = 12  # of a line of a column's name, an inch
_TICKS = {-3.0: "−3", -1.0: "−1\n(0 before scaling)", 1.0: "1\n(largest)"}


@dataclass(frozen=True)
class Scale:
    """What the colours of a figure mean.

    Attributes
    ----------
    limits : (low, high)
        Ends of the colours; values beyond have the colour of the end.
    ticks : mapping of float to str
    label : str
    """

    limits: tuple[float, float]
    ticks: Mapping[float, str]
    label: str


STUDY_SCALE = Scale(LIMITS, _TICKS, "scaled as the study does")
# Added up, two sums that are 0 give -2, which is scaled to -3 where both have their largest value in one place.
OBSERVING_SCALE = Scale(
    (-7.0, 1.0),
    {-7.0: "−7", -3.0: "−3\n(0 in both sums, if they peak together)", 1.0: "1\n(largest)"},
    "scaled as the study does",
)
POSITIVE_SCALE = Scale(
    (-1.0, 1.0),
    {-1.0: "−1\n(in none)", -0.5: "−0.5", 0.0: "0\n(in half)", 0.5: "0.5", 1.0: "1\n(in all)"},
    "share of faces where a pixel is positive − share where it is not",
)
RAISES_SCALE = Scale(
    (-1.0, 1.0),
    {-1.0: "−1\n(lowers all)", -0.5: "−0.5", 0.0: "0\n(as many)", 0.5: "0.5", 1.0: "1\n(raises all)"},
    "share of faces where a pixel raises the estimate − share where it lowers the estimate",
)


@dataclass(frozen=True)
class Panel:
    """One heatmap of a figure.

    Attributes
    ----------
    heatmap : ndarray of float, shape (H, W)
        NaN everywhere if there is none.
    title : str
        With the number of faces.
    empty : str
        What is written where there is none.
    few_faces : bool
        Of so few that its colours would be those of single faces: hatched, not coloured, as the note then says.
    """

    heatmap: np.ndarray
    title: str
    empty: str = "no heatmap"
    few_faces: bool = False


def heatmap_grid(
    panels: Sequence[Sequence[Panel]],
    rows: Sequence[str],
    columns: Sequence[str],
    scale: Scale,
    title: str,
    landmarks: np.ndarray | None = None,
    note: str = "",
    size: float = 1.9,
) -> Figure:
    """Draw heatmaps in rows and columns on one scale of colours, each under the same face outline.

    Parameters
    ----------
    panels : sequence of sequence of Panel
        Row by row.
    rows, columns : sequence of str
        What they are called, on the left and on top; ``""`` for nothing.
    scale : Scale
    title : str
    landmarks : ndarray of float, shape (68, 2), optional
        Of the outline, in pixels of the canvas.
    note : str
        Below the panels: how to read the figure.
    size : float
        Side of a panel in inches; less where a page is not wide enough.

    Returns
    -------
    Figure
    """
    size, few = min(size, (style.FULL - 0.4) / len(columns)), False
    with style.applied():
        names = [fill(name, int(_NAME_CHARACTERS * size)) for name in columns]
        lines = max(len(name.splitlines()) for name in names)
        more = 0.15 * max(0, lines - 1)
        figure = style.new_figure(0.4 + size * len(columns), 1.9 + more + (size + 0.32) * len(rows))
        grid = figure.subplots(len(rows), len(columns), squeeze=False)
        for line, row in zip(panels, grid, strict=True):
            for panel, axes in zip(line, row, strict=True):
                hidden = panel.few_faces and not np.isnan(panel.heatmap).all()
                few |= hidden
                shown = np.ma.array(np.zeros_like(panel.heatmap), mask=True) if hidden else panel.heatmap
                draw_heatmap(axes, shown, scale.limits, panel.empty, "nearest")
                if hidden:
                    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, **FEW_CELLS))
                axes.set_title(panel.title, fontsize=style.SMALL)
                if not np.isnan(panel.heatmap).all():
                    draw_face_outline(axes, landmarks)
        above = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "center"}
        for axes, name in zip(grid[0], names, strict=True):
            axes.annotate(name, (0.5, 1), (0, 21), fontweight="bold", **above).set_in_layout(False)
        for axes, name in zip(grid[:, 0], rows, strict=True):
            axes.set_ylabel(name)
        _add_scale(figure, grid, scale, int(_SCALE_CHARACTERS * figure.get_figwidth() / style.FULL))
        style.set_finding(figure, title)
        # Above square panels the layout misjudges the room: it leaves out title and names, and begins below them.
        points = 12 + 11 * len(figure.get_suptitle().splitlines()) + bool(lines) * (10 + 10 * lines)
        figure.suptitle(figure.get_suptitle()).set_in_layout(False)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - points / 72 / figure.get_figheight()))
        style.set_note(figure, "; ".join(filter(None, [note, f"hatched: fewer than {FEW_FACES} faces" * few])))
    return figure


def study_figure(
    panels: Sequence[StudyPanel], this_type: str, title: str, landmarks: np.ndarray | None = None, note: str = ""
) -> Figure:
    """Draw the study's heatmaps, a row an age range and a column a group.

    Parameters
    ----------
    panels : sequence of StudyPanel
        From :func:`age_audit.study.heatmaps.study_panels`: groups within age ranges.
    this_type : str
        As :func:`age_audit.study.heatmaps.compared_heatmap`.
    title, landmarks, note
        As :func:`heatmap_grid`.
    """
    drawn = [
        Panel(panel.heatmap(this_type), f"n = {panel.n_first:,} and {panel.n_second:,}", _lacking(panel))
        for panel in panels
    ]
    scale = OBSERVING_SCALE if this_type == "observing" else STUDY_SCALE
    labels = [(panel.age_range, panel.group) for panel in panels]
    return _grid_of_levels(drawn, labels, scale, title, landmarks, note)


def mean_figure(
    means: Sequence[MeanMask],
    title: str,
    landmarks: np.ndarray | None = None,
    note: str = "",
    scale: Scale = RAISES_SCALE,
) -> Figure:
    """Draw mean masks, a row a level of the first feature (age ranges) and a column one of the second.

    Parameters
    ----------
    means : sequence of MeanMask
        From :func:`age_audit.audit.explanations.mean_masks.mean_masks` with two features.
    title, landmarks, note
        As :func:`heatmap_grid`.
    scale : Scale
        :data:`RAISES_SCALE`, or :data:`POSITIVE_SCALE` of masks that say positive or not.
    """
    drawn = [Panel(mean.heatmap, f"n = {mean.n:,}", "no faces", mean.n < FEW_FACES) for mean in means]
    return _grid_of_levels(drawn, [mean.labels.values() for mean in means], scale, title, landmarks, note)


def settled_finding(shares: Mapping[str, float], n: int) -> str:
    """How much of the picture the explanations of so many faces settle, or that these are too few to say.

    Examples
    --------
    >>> settled_finding({"settled": 0.37, "raises": 0.2, "lowers": 0.17}, 1008)
    'Explanations settle 37 % of the picture: 20 % of it raises the estimate, 17 % lowers it'
    """
    if n < FEW_FACES:
        return f"{style.counted(n, 'explained face')}: too few to say how much of a picture explanations settle"
    settled, raises, lowers = (style.percent(shares[name]) for name in ("settled", "raises", "lowers"))
    return f"Explanations settle {settled} of the picture: {raises} of it raises the estimate, {lowers} lowers it"


def _lacking(panel: StudyPanel) -> str:
    kinds = [kind for kind, n in (("accurate", panel.n_first), ("inaccurate", panel.n_second)) if not n]
    return "no faces" if len(kinds) == 2 else f"no {kinds[0]}\nestimate" if kinds else "no heatmap:\nno value above 0"


def _grid_of_levels(panels: Sequence[Panel], labels: Sequence[Iterable[str]], *others) -> Figure:
    """A row an age range and a column a group, for panels in that order with their (age range, group)."""
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*labels, strict=True))
    in_rows = [panels[start : start + len(columns)] for start in range(0, len(panels), len(columns))]
    return heatmap_grid(in_rows, [f"{age_range} years" for age_range in rows], columns, *others)


def _add_scale(figure: FigureBase, grid: np.ndarray, scale: Scale, characters: int) -> None:
    """With its label in lines of so many characters, and its ends' in lines of half as many."""
    shown = [image.get_array() for axes in grid.flat for image in axes.images]
    low = any(picture.min() < scale.limits[0] - 1e-9 for picture in shown)
    high = any(picture.max() > scale.limits[1] + 1e-9 for picture in shown)
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get((low, high), "neither")
    colours = ScalarMappable(Normalize(*scale.limits), style.DIVERGING)
    bar = figure.colorbar(colours, ax=list(grid.flat), extend=extend, location="bottom", shrink=0.6, aspect=40)
    bar.set_label(fill(scale.label, characters))
    names = ["\n".join(fill(line, characters // 2) for line in name.splitlines()) for name in scale.ticks.values()]
    bar.set_ticks(list(scale.ticks), labels=names)


def draw_heatmaps(figure: FigureBase, heatmaps: Mapping[str, np.ndarray], sizes: Mapping[str, str], what: str) -> None:
    """Draw the heatmap of every group beside each other, on one scale of colours.

    Parameters
    ----------
    figure : Figure or SubFigure
        Drawn into; empty.
    heatmaps : mapping of str to ndarray of float, shape (H, W)
        By group, scaled so that 1 is the largest value and -1 was 0; NaN everywhere if there is none. Values below -3
        have the colour of -3.
    sizes : mapping of str to str
        How many faces each stands for, in words such as ``"n = 12"``.
    what : str
        What is summed, for the scale.
    """
    if not heatmaps:
        return
    panels = figure.subplots(1, len(heatmaps), squeeze=False)[0]
    for axes, (group, heatmap) in zip(panels, heatmaps.items(), strict=True):
        draw_heatmap(axes, heatmap)
        axes.set_title(f"{group} ({sizes[group]})")
    colours = ScalarMappable(Normalize(*LIMITS), style.DIVERGING)
    bar = figure.colorbar(colours, ax=list(panels), extend="min", shrink=0.8, aspect=12, label=what)
    bar.set_ticks(list(_TICKS), labels=list(_TICKS.values()))


def draw_heatmap(
    axes: Axes,
    heatmap: np.ndarray,
    limits: tuple[float, float] = LIMITS,
    empty: str = "no heatmap",
    interpolation: str = "gaussian",
) -> Axes:
    """Draw one heatmap, or say that there is none where it is NaN everywhere; returns the same axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_aspect("equal")
    if np.isnan(heatmap).all():
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.text(0.5, 0.5, empty, ha="center", va="center", color="0.35")
    else:
        axes.imshow(heatmap, cmap=style.DIVERGING, vmin=limits[0], vmax=limits[1], interpolation=interpolation)
    return axes
