"""One place for how figures look: what a mark means, colours, fonts, sizes, and how a figure becomes a file.

What a mark means, in every figure the same and nothing else:

- hollow: few faces (:data:`HOLLOW`, :func:`few_faces`). A thin line means the same of a curve, and hatching of a cell
  of a table, which cannot be hollow;
- heavy (large, thick, bold): more than chance gives, after adjustment (:data:`HEAVY`, :data:`LIGHT`);
- colour, dashes and marker: the group (:func:`group_look`). Genders share no colour with races, and what is no group of
  faces, such as an estimator, has none of a group's (:data:`OTHER_COLOURS`). Where a group is made
  of two features, such as race and gender, the colour says the second one, so that women and men are told apart by
  colour; dashes and marker say the first (:func:`crossed_looks`);
- grey: all faces, or what chance alone gives.

Colours are those of Okabe & Ito (2008), which stay apart under the common colour deficiencies; their yellow is left
out because thin lines of it vanish on white.

Figures are drawn in the size in which they are printed: :data:`FULL` inches wide or :data:`COLUMN`, and no taller than
:data:`TALLEST`, with text of :data:`BASE` points, in small print :data:`SMALL`. What asks for more room gets a page.
The title of a figure is what it finds; what it shows, and how to read it, is its caption.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, combinations
from pathlib import Path
from textwrap import fill, wrap

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font, get_font_names
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.path import Path as Path2D
from matplotlib.text import Text

from age_audit.core.vocabulary import FEW_FACES, GENDERS, RACES, UNLABELLED
from age_audit.store.files import write_atomically

GENDER_COLOURS = dict(zip(GENDERS, ("#0072B2", "#D55E00"), strict=True))  # blue, vermilion
RACE_COLOURS = dict(zip(RACES, ("#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#4D4D4D"), strict=True))
GROUP_COLOURS = GENDER_COLOURS | RACE_COLOURS
MARKERS = "os^DvPX*<"  # groups stay apart without colour too
_DASHES = ("-", (0, (5, 2)), (0, (6, 2, 1, 2)), (0, (1.5, 1.5)), (0, (9, 3)))
# Of groups by another scheme than the study's, in their order: dashes and marker come together again after 45 only.
_COLOURS = (*RACE_COLOURS.values(), "#882255", "#999933", *GENDER_COLOURS.values())
# Not of groups of faces; of Tol's muted ones.
OTHER_COLOURS = ("#882255", "#44AA99", "#999933", "#332288", "#CC6677", "#117733", "#AA4499")
_NO_GROUP = {"color": "0.45", "linestyle": "-", "marker": "d"}
MANY_GROUPS = 5  # curves of more are told apart by markers as well, and their legend stands beside them
DIVERGING = "RdBu_r"  # colours of signed values, read alike with the common colour deficiencies

NOTE_CHARACTERS = 118  # of small print across a page
TITLE_CHARACTERS = 80  # of a line across a page
FULL, COLUMN, TALLEST = 7.0, 3.4, 9.0  # inches: across a page, across one of its two columns, down a page
BASE, SMALL = 8, 7  # points; nothing is set smaller than 6.5
HOLLOW = {"markerfacecolor": "white"}  # few faces, whatever the marker
HEAVY = {"markersize": 6.5, "markeredgewidth": 1.2}  # told apart from chance
LIGHT = {"markersize": 3.5, "markeredgewidth": 0.8}  # not told apart from it

FONT = "DejaVu Sans"  # comes with matplotlib, so that figures are the same on every machine
# For letters that it lacks, such as Chinese, Japanese and Korean ones: the first of these that is there and has them.
FURTHER_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans", "Droid Sans Fallback", "WenQuanYi Zen Hei", "Arial Unicode MS"),
    *("Microsoft YaHei", "Malgun Gothic", "Yu Gothic", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo"),
)
NAME_LINE = 24  # characters of a name in a legend before it goes on in another line

_SETTINGS = {
    "font.size": BASE,
    "axes.titlesize": BASE,
    "axes.labelsize": BASE,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.3,
    "figure.titlesize": 9,
    "figure.titleweight": "bold",
    "figure.facecolor": "white",
    "pdf.fonttype": 42,  # outlines that journals take and that can be searched for; 3, the default, many refuse
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # names of groups and data sets are text, even with a dollar sign in them
}
PAGE_EDGE = "the edge of the page"
THIN_LINE = 0.6  # points, for what stands on few faces
DPI = 200  # pixels an inch of saved figures
_TOUCHING = 0.5 * DPI / 72  # pixels by which two texts may share their margins
# What would make equal figures differ: when they were made, and by which version of what.
_DESCRIPTION = {"png": "Description", "pdf": "Subject"}
_NAMELESS = {"png": {"Software": None}, "pdf": {"Creator": None, "Producer": None, "CreationDate": None}}


@contextmanager
def applied() -> Iterator[None]:
    """Draw in the style of this project inside the ``with`` block, whatever the user's own settings are."""
    interactive = matplotlib.is_interactive()
    try:
        with matplotlib.style.context(["default", _SETTINGS | {"font.family": fonts()}]):
            try:
                yield
            finally:
                # The first figure of a notebook switches this on; taken back, the later ones would not be shown.
                interactive = matplotlib.is_interactive()
    finally:
        matplotlib.interactive(interactive)


@cache
def fonts() -> list[str]:
    """The fonts of all text, in the order in which they are asked for a letter."""
    there = set(get_font_names())
    return [FONT, *(name for name in FURTHER_FONTS if name in there)]


@cache
def _letters() -> frozenset[int]:
    """Code points that these fonts have."""
    return frozenset(chain.from_iterable(get_font(findfont(name)).get_charmap() for name in fonts()))


@cache
def _tell_lacking(letters: str) -> None:
    """Warn of letters that no font has; of the same ones once, however many figures they are in."""
    if letters:
        warnings.warn(
            f"no font here has the letters {letters}, tried: {', '.join(fonts())}; install one, such as Noto Sans CJK, "
            "or write the names in other letters",
            stacklevel=2,
        )


@contextmanager
def _rendering(figure: Figure) -> Iterator[None]:
    """In the style of this project, and with one warning in place of matplotlib's of each letter in each figure."""
    written = {letter for text in figure.findobj(Text) for letter in text.get_text() if letter.isprintable()}
    _tell_lacking("".join(sorted(letter for letter in written if ord(letter) not in _letters())))
    with applied(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def group_look(groups: Sequence[str]) -> dict[str, dict]:
    """Colour, dashes and marker of each group, as keyword arguments of ``Axes.plot``.

    Parameters
    ----------
    groups : sequence of str
        All groups of one feature, in their order. The study's genders and races always look the same; where any group
        is of another scheme, each looks as its place in the order has it.
    """
    if UNLABELLED in groups:  # no group, and so in none of the looks of one
        return group_look([group for group in groups if group != UNLABELLED]) | {UNLABELLED: _NO_GROUP}
    for published, colours in ((GENDERS, GENDER_COLOURS), (RACES, RACE_COLOURS)):
        if set(groups) <= set(published):
            places = {group: published.index(group) for group in groups}
            return {group: _look(place, colours[group]) for group, place in places.items()}
    return {group: _look(place, _COLOURS[place % len(_COLOURS)]) for place, group in enumerate(groups)}


def estimator_look(names: Sequence[str]) -> dict[str, dict]:
    """As :func:`group_look`, of estimators, in their order and in colours that no group has."""
    return {name: _look(place, OTHER_COLOURS[place % len(OTHER_COLOURS)]) for place, name in enumerate(names)}


def legend_name(name: str, width: int = 44, lines: int = 2) -> str:
    """A name in lines that two columns of a legend have room for, the middle left out where it needs more.

    Examples
    --------
    >>> legend_name("dex-wrn (not aligned)")
    'dex-wrn (not aligned)'
    >>> print(legend_name("net_" + "x" * 30 + "_run_17_best.keras", width=20))
    net_xxxxxxxxxxxxxxxx
    …xx_run_17_best.keras
    """
    whole = wrap(name, width)
    if len(whole) <= lines:
        return "\n".join(whole)
    return "\n".join([*whole[: lines - 1], f"…{name[-width:]}"])


def legend_keys(looks: dict[str, dict], **options) -> list[Line2D]:
    """Keys of a legend for looks by name, such as :func:`estimator_look` gives."""
    return [Line2D([], [], label=legend_name(name), **look | options) for name, look in looks.items()]


def _look(place: int, colour: str) -> dict:
    return {
        "color": colour,
        "linestyle": _DASHES[place % len(_DASHES)],
        "marker": MARKERS[place % len(MARKERS)],
    }


def crossed_looks(firsts: Sequence[str], seconds: Sequence[str] = ()) -> dict[tuple[str, ...], dict]:
    """The look of every combination of two features' groups, by (first, second); of one feature, by (first,).

    Dashes and marker are those of the first feature's group, the colour that of the second one's.
    """
    looks = group_look(firsts)
    if not seconds:
        return {(first,): look for first, look in looks.items()}
    colours = {second: look["color"] for second, look in group_look(seconds).items()}
    return {(first, second): look | {"color": colours[second]} for first, look in looks.items() for second in seconds}


def legend(axes: Axes, groups: int, **options) -> None:
    """The legend of that many groups: inside the panel, or beside it where it would cover the curves."""
    place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if groups > MANY_GROUPS else {"loc": "best"}
    in_lines(axes.legend(handlelength=3.5, **place | options))  # long enough to show the dashes


def few_faces(what: str = "faces") -> Line2D:
    """What a legend shows where a figure has hollow marks."""
    look = {"color": "black", "linestyle": "", "marker": "o"} | LIGHT | HOLLOW
    return Line2D([], [], **look, label=f"hollow: fewer than {FEW_FACES} {what}")


def in_lines(legend: Legend, characters: int = NAME_LINE) -> Legend:
    """The same legend, in which long names go on in another line; "(n = 31)" behind one stays together."""
    for text in legend.get_texts():
        together = re.sub(r"\(n = [\d,]+\)", lambda count: count[0].replace(" ", "\xa0"), text.get_text())
        text.set_text(fill(together, characters).replace("\xa0", " "))
    return legend


def set_finding(figure: Figure, text: str) -> None:
    """Make what the figure finds its title, in lines that fit its width: of 80 characters across a page."""
    width = int(TITLE_CHARACTERS * figure.get_figwidth() / FULL)
    figure.suptitle(fill(text.replace(" %", "\xa0%"), width).replace("\xa0", " "))  # no line begins with a unit


def set_note(figure: Figure, text: str) -> None:
    """Say below all panels how to read them, in lines that fit the figure's width."""
    width = int(NOTE_CHARACTERS * figure.get_figwidth() / FULL)
    figure.supxlabel("\n".join(fill(line, width) for line in text.splitlines()), fontsize=SMALL)


def counted(n: int, what: str) -> str:
    """A number of things: "1 face", "1,200 faces"."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def percent(share: float) -> str:
    """A share of 0-1 as titles say it: "37 %", with a decimal below 10 and above 99; "–" of NaN."""
    if share != share:
        return "–"
    return f"{100 * share:.{int(0 < share < 0.0995 or 0.99 < share < 1)}f} %"


def new_figure(width: float, height: float) -> Figure:
    """A figure across a page, or across one column where that is as wide as asked for; at most as tall as a page.

    In inches. It belongs to no window, so that no display is needed.
    """
    return Figure(figsize=(COLUMN if width <= COLUMN else FULL, min(height, TALLEST)), layout="constrained")


def open_figure(width: float, height: float) -> Figure:
    """A figure of that size in inches that a notebook shows at the end of its cell, or ``plt.show()`` in a window."""
    import matplotlib.pyplot as plt  # chooses a display, of which the other figures need none

    return plt.figure(figsize=(width, height), layout="constrained")


def title_of(figure: Figure) -> str:
    """What the figure finds: its title, or that of its first panel, in one line."""
    titles = (figure.get_suptitle(), *(axes.get_title() for axes in figure.axes))
    return " ".join(next(filter(None, titles), "").split())


def overlapping_texts(figure: Figure, drawn: bool = False) -> list[tuple[str, str]]:
    """Texts of a figure that lie over each other, in pairs, or that :data:`PAGE_EDGE` cuts off; none of a good one.

    Parameters
    ----------
    figure : Figure
        Laid out if it has a layout engine. Texts that touch do not overlap.
    drawn : bool
        Whether it was written as PNG just before: then it is not drawn again.

    Returns
    -------
    list of (str, str)
        What is written, in the order in which the figure holds it.
    """
    before, figure.dpi = figure.dpi, DPI
    try:
        with _rendering(figure):  # the number of ticks depends on it
            if not drawn:
                figure.draw_without_rendering()
            texts = [text for text in _drawn_texts(figure) if text.get_text().strip()]
            corners = [_corners(text) for text in texts]
    finally:
        figure.dpi = before
    width, height = figure.get_size_inches() * DPI
    found = [
        (text.get_text(), PAGE_EDGE)
        for text, points in zip(texts, corners, strict=True)
        if points.min() < -1 or points[:, 0].max() > width + 1 or points[:, 1].max() > height + 1
    ]
    paths = [Path2D([*points, points[0]], closed=True) for points in corners]
    boxes = [path.get_extents() for path in paths]
    for (one, first, box), (other, second, other_box) in combinations(zip(texts, paths, boxes, strict=True), 2):
        if box.overlaps(other_box) and first.intersects_path(second, filled=True):
            found.append((one.get_text(), other.get_text()))
    return found


def _drawn_texts(artist: Artist) -> Iterator[Text]:
    """Every text below an artist that is drawn: of an axis those at ticks within the view only."""
    if not artist.get_visible():
        return
    if isinstance(artist, Text):
        yield artist
    children = artist.get_children()
    if isinstance(artist, Axes) and not artist.axison:
        children = [child for child in children if not isinstance(child, Axis)]
    if isinstance(artist, Axis):
        low, high = sorted(artist.get_view_interval())
        room = 1e-6 * (high - low)
        ticks = (*artist.get_major_ticks(), *artist.get_minor_ticks())
        hidden = [tick for tick in ticks if not low - room <= tick.get_loc() <= high + room]
        children = [child for child in children if child not in hidden]
    for child in children:
        yield from _drawn_texts(child)


def _corners(text: Text) -> np.ndarray:
    """Corners of the box around a text, turned as it is, in pixels: (4, 2), a point within its edges."""
    around = text.get_window_extent()
    angle = text.get_rotation()
    text.set_rotation(0)
    size = text.get_window_extent()
    text.set_rotation(angle)
    across, up = np.array([[np.cos(a), np.sin(a)] for a in (np.radians(angle), np.radians(angle + 90))])
    across, up = across * max(0, size.width / 2 - _TOUCHING), up * max(0, size.height / 2 - _TOUCHING)
    centre = np.array([(around.x0 + around.x1) / 2, (around.y0 + around.y1) / 2])
    return np.array([centre - across - up, centre + across - up, centre + across + up, centre - across + up])


def save_figure(
    figure: Figure, folder: str | Path, stem: str, form: str = "png", title: str = "", description: str = ""
) -> Path:
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
    title, description : str
        That the file carries with it.

    Returns
    -------
    Path
        Of the file written.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    """
    content = figure_bytes(figure, form, title=title, description=description)
    path = Path(folder) / f"{stem}.{form}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path


def figure_bytes(figure: Figure, form: str = "png", dpi: int = DPI, title: str = "", description: str = "") -> bytes:
    """The figure as a file of that form, with its title and description in it, but neither date nor version."""
    buffer = io.BytesIO()
    about = {"Title": title, _DESCRIPTION[form]: description}
    with _rendering(figure):
        figure.savefig(buffer, format=form, dpi=dpi, metadata=_NAMELESS[form] | {k: v for k, v in about.items() if v})
    return buffer.getvalue()
