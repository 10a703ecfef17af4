"""One place for how figures look: colours, order of groups, fonts, and how a figure becomes a file.

Colours are those of Okabe & Ito (2008), which stay apart under the common colour deficiencies; their yellow is left
out because thin lines of it vanish on white. A group has the same colour, dashes and marker in every figure, and
genders share none with races, so that a figure can be read in print without colour too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.store.files import write_atomically

GENDER_COLOURS = dict(zip(GENDERS, ("#0072B2", "#D55E00"), strict=True))  # blue, vermilion
RACE_COLOURS = dict(zip(RACES, ("#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#4D4D4D"), strict=True))
GROUP_COLOURS = GENDER_COLOURS | RACE_COLOURS
MARKERS = "os^DvPX*<"  # groups stay apart without colour too
_DASHES = ("-", (0, (5, 2)), (0, (6, 2, 1, 2)), (0, (1.5, 1.5)), (0, (9, 3)))
# Of groups by another scheme than the study's, in their order: dashes and marker come together again after 45 only.
_COLOURS = (*GENDER_COLOURS.values(), *RACE_COLOURS.values(), "#882255", "#999933")
MANY_GROUPS = 5  # curves of more are told apart by markers as well, and their legend stands beside them
DIVERGING = "RdBu_r"  # colours of signed values, read alike with the common colour deficiencies

_SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that figures are the same on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "figure.titlesize": 13,
    "figure.facecolor": "white",
    "text.parse_math": False,  # names of groups and data sets are text, even with a dollar sign in them
}
THIN_LINE = 0.9  # points, for what stands on few faces
DPI = 150  # pixels an inch of saved figures
# What would make equal figures differ: when they were made, and by which version of what.
_NAMELESS = {"png": {"Software": None}, "pdf": {"Creator": None, "Producer": None, "CreationDate": None}}


@contextmanager
def applied() -> Iterator[None]:
    """Draw in the style of this project inside the ``with`` block, whatever the user's own settings are."""
    interactive = matplotlib.is_interactive()
    try:
        with matplotlib.style.context(["default", _SETTINGS]):
            try:
                yield
            finally:
                # The first figure of a notebook switches this on; taken back, the later ones would not be shown.
                interactive = matplotlib.is_interactive()
    finally:
        matplotlib.interactive(interactive)


def group_look(groups: Sequence[str]) -> dict[str, dict]:
    """Colour, dashes and marker of each group, as keyword arguments of ``Axes.plot``.

    Parameters
    ----------
    groups : sequence of str
        All groups of one feature, in their order. The study's genders and races always look the same; where any group
        is of another scheme, each looks as its place in the order has it.
    """
    for published, colours in ((GENDERS, GENDER_COLOURS), (RACES, RACE_COLOURS)):
        if set(groups) <= set(published):
            places = {group: published.index(group) for group in groups}
            return {group: _look(place, colours[group]) for group, place in places.items()}
    return {group: _look(place, _COLOURS[place % len(_COLOURS)]) for place, group in enumerate(groups)}


def _look(place: int, colour: str) -> dict:
    return {
        "color": colour,
        "linestyle": _DASHES[place % len(_DASHES)],
        "marker": MARKERS[place % len(MARKERS)],
    }


def filling(place: int, colour: str) -> dict:
    """How a marker is filled that tells a second feature's groups apart: full, hollow, then halves."""
    if place < 2:
        return {"markerfacecolor": ("white" if place else colour)}
    half = ("left", "top", "right", "bottom")[(place - 2) % 4]
    return {"markerfacecolor": colour, "markerfacecoloralt": "white", "fillstyle": half}


def legend(axes: Axes, groups: int, **options) -> None:
    """The legend of that many groups: inside the panel, or beside it where it would cover the curves."""
    place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if groups > MANY_GROUPS else {"loc": "best"}
    axes.legend(handlelength=3.5, **place | options)  # long enough to show the dashes


def new_figure(width: float, height: float) -> Figure:
    """A figure of that size in inches that belongs to no window, so that no display is needed."""
    return Figure(figsize=(width, height), layout="constrained")


def open_figure(width: float, height: float) -> Figure:
    """A figure of that size in inches that a notebook shows at the end of its cell, or ``plt.show()`` in a window."""
    import matplotlib.pyplot as plt  # chooses a display, of which the other figures need none

    return plt.figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, folder: str | Path, stem: str, form: str = "png") -> Path:
    """Write the figure to ``folder/stem.<form>``; the same figure gives the same bytes, on any day.

    Parameters
    ----------
    figure : Figure
    folder : path
        Made if it is not there.
    stem : str
        File name without its ending.
    form : str
        ``"png"`` or ``"pdf"``.

    Returns
    -------
    Path
        Of the file written.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    """
    content = figure_bytes(figure, form)
    path = Path(folder) / f"{stem}.{form}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path


def figure_bytes(figure: Figure, form: str = "png", dpi: int = DPI) -> bytes:
    """The figure as a file of that form, without a date or a version in it."""
    buffer = io.BytesIO()
    with applied():
        figure.savefig(buffer, format=form, dpi=dpi, metadata=_NAMELESS[form])
    return buffer.getvalue()
