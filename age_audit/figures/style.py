"""One place for how figures look: colours, order of groups, fonts, and how a figure becomes a file.

Colours are those of Okabe & Ito (2008), which stay apart under the common colour deficiencies; their yellow is left
out because thin lines of it vanish on white. A group has the same colour and the same dashes in every figure, and
genders share none with races, so that a figure can be read in print without colour too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure

from age_audit.core.vocabulary import GENDERS, GROUP_ORDER, RACES
from age_audit.store.files import write_atomically

GENDER_COLOURS = dict(zip(GENDERS, ("#0072B2", "#D55E00"), strict=True))  # blue, vermilion
RACE_COLOURS = dict(zip(RACES, ("#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#4D4D4D"), strict=True))
GROUP_COLOURS = GENDER_COLOURS | RACE_COLOURS
_SOLID, _DASHED, _DASH_DOT, _DOTTED, _LONG = "-", (0, (5, 2)), (0, (6, 2, 1, 2)), (0, (1.5, 1.5)), (0, (9, 3))
GROUP_DASHES = dict(zip(GENDERS, (_SOLID, _DASHED), strict=True)) | dict(
    zip(RACES, (_SOLID, _DASHED, _DASH_DOT, _DOTTED, _LONG), strict=True)
)
UNKNOWN_GROUP_COLOURS = ("#999999", "#882255", "#44AA99", "#999933")  # for groups a CSV brings, in order of name
DIVERGING = "RdBu_r"  # colours of signed values, read alike with the common colour deficiencies

GROUP_TITLES = {"gender_real": "gender", "race_real": "race"}

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


def group_order(feature: str, present: list[str]) -> list[str]:
    """The groups of a feature in the order of figures: the published ones first, then any other by name."""
    published = GROUP_ORDER.get(feature, [])
    return [*published, *sorted(set(present) - set(published))]


def group_look(groups: list[str]) -> dict[str, dict]:
    """Colour and dashes of each group, as keyword arguments of ``Axes.plot``.

    Parameters
    ----------
    groups : list of str
        All groups of one figure, in their order; those that are neither one of the published genders nor races share
        out a few further colours.
    """
    unknown = [group for group in groups if group not in GROUP_COLOURS]
    further = {group: UNKNOWN_GROUP_COLOURS[i % len(UNKNOWN_GROUP_COLOURS)] for i, group in enumerate(unknown)}
    colours = GROUP_COLOURS | further
    return {group: {"color": colours[group], "linestyle": GROUP_DASHES.get(group, _SOLID)} for group in groups}


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
