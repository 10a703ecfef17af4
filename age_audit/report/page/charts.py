"""Pictures of the page as plain SVG: colours come from the page's style sheet, so that they suit dark and light.

Every text and attribute goes through :func:`tag`, which escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT = 480, 320
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 46  # room for axes
LEVELS = 5  # of colour to either side of 0 in a heatmap


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element; what is not :class:`~markupsafe.Markup` is escaped.

    An underscore in the name of an attribute stands for a dash, one at its end for nothing.

    Examples
    --------
    >>> tag("text", "a < b", class_="axis", text_anchor="end", x=1.25)
    Markup('<text class="axis" text-anchor="end" x="1.25">a &lt; b</text>')
    """
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    inside = "".join(f' {key}="{escape(_plain(value))}"' for key, value in pairs)
    return Markup(f"<{name}{inside}>{''.join(map(escape, children))}</{name}>")


def _plain(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, (float, np.floating)) else value


@dataclass(frozen=True)
class Scale:
    """From data to the picture, in proportion.

    Examples
    --------
    >>> Scale(0, 100, 0, 50)(80.0), Scale(0, 50, 300, 20).ticks()
    (40.0, [0, 10, 20, 30, 40, 50])
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers along the scale."""
        rough = (self.high - self.low) / most
        power = 10.0 ** np.floor(np.log10(rough))
        step = next(unit * power for unit in (1, 2, 5, 10) if unit * power >= rough * 0.999)
        first = int(np.ceil(self.low / step - 1e-9))
        last = int(np.floor(self.high / step + 1e-9))
        whole = step >= 1
        return [int(i * step) if whole else round(i * step, 10) for i in range(first, last + 1)]


def plane(x: tuple[float, float], y: tuple[float, float]) -> tuple[Scale, Scale]:
    """Scales of a picture of the usual size, for data between these ends."""
    return Scale(*x, LEFT, WIDTH - RIGHT), Scale(*y, HEIGHT - BOTTOM, TOP)


def picture(
    scales: tuple[Scale, Scale], marks: Iterable[Markup], titles: tuple[str, str], alt: str,
    percent: bool = False, look: str = "",
) -> Markup:  # fmt: skip
    """Axes with round numbers and their titles, and the marks on them.

    Parameters
    ----------
    scales : tuple of Scale
        From :func:`plane`.
    marks : iterable of Markup
    titles : tuple of str
        Of x and y; that of y stands above the axis, so that nobody has to turn the head.
    alt : str
        What it shows, for those who do not see it.
    percent : bool
        Whether y is a share of 0-1, told in per cent.
    look : str
        A class of its own for the style sheet.
    """
    x, y = scales
    axes = []
    for value in y.ticks():
        text = f"{100 * value:.0f} %" if percent else f"{value:g}".replace("-", "−")
        axes.append(tag("line", class_="grid", x1=x.start, x2=x.end, y1=y(value), y2=y(value)))
        axes.append(tag("text", text, class_="tick", x=x.start - 6, y=y(value) + 4, text_anchor="end"))
    for value in x.ticks():
        axes.append(tag("text", f"{value:g}", class_="tick", x=x(value), y=y.start + 17, text_anchor="middle"))
    axes.append(tag("line", class_="axis", x1=x.start, x2=x.end, y1=y.start, y2=y.start))
    axes.append(tag("text", titles[0], class_="title", x=(x.start + x.end) / 2, y=HEIGHT - 6, text_anchor="middle"))
    return tag(
        "div",
        tag("p", titles[1], class_="ytitle"),
        tag(
            "svg",
            *axes,
            *marks,
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            aria_label=alt,
            data_x0=x.start,
            data_x1=x.end,
            data_y0=y(0.0),
            data_y1=y(1.0),
        ),
        class_=f"plot {look}".strip(),
    )


def line(scales: tuple[Scale, Scale], xs: Sequence[float], ys: Sequence[float], look: str) -> Markup:
    """A line through points; one without a number is left out."""
    points = [(x, y) for x, y in zip(xs, ys, strict=True) if np.isfinite(x) and np.isfinite(y)]
    text = " ".join(f"{scales[0](x):.1f},{scales[1](y):.1f}" for x, y in points)
    return tag("polyline", class_=f"line {look}", points=text)


def band(
    scales: tuple[Scale, Scale], xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], look: str = ""
) -> Markup:
    """The area between two lines."""
    there = [row for row in zip(xs, lows, highs, strict=True) if np.isfinite(row).all()]
    ends = [(x, low) for x, low, _ in there] + [(x, high) for x, _, high in reversed(there)]
    return tag(
        "polygon",
        class_=f"band {look}".strip(),
        points=" ".join(f"{scales[0](x):.1f},{scales[1](y):.1f}" for x, y in ends),
    )


def dots(
    scales: tuple[Scale, Scale], rows: Iterable[tuple[float, float, float, float, str]], look: str
) -> list[Markup]:
    """Dots with intervals; each row x, y, low, high and the words that a pointer shows."""
    x, y = scales
    return [
        tag(
            "g",
            tag("title", words),
            tag("line", class_=f"whisker {look}", x1=x(at), x2=x(at), y1=y(low), y2=y(high))
            if np.isfinite([low, high]).all()
            else "",
            tag("circle", class_=f"dot {look}", cx=x(at), cy=y(value), r=4),
        )
        for at, value, low, high, words in rows
    ]


def density(scales: tuple[Scale, Scale], xs: np.ndarray, ys: np.ndarray, side: float = 2) -> Markup:
    """How many points lie in each square, the more the darker."""
    (x, y), cells = scales, {}
    for column, row in zip((xs // side).astype(int), (ys // side).astype(int), strict=True):
        cells[column, row] = cells.get((column, row), 0) + 1
    most = max(cells.values(), default=1)
    wide, tall = abs(x(side) - x(0)), abs(y(side) - y(0))
    levels: dict[int, list[str]] = {}
    for (column, row), count in sorted(cells.items()):
        level = max(1, round(8 * np.sqrt(count / most)))
        at = f"M{x(column * side):.1f} {y((row + 1) * side):.1f}h{wide:.1f}v{tall:.1f}h-{wide:.1f}z"
        levels.setdefault(level, []).append(at)
    return tag("g", *(tag("path", class_=f"d{level}", d="".join(d)) for level, d in sorted(levels.items())))


def bars(scales: tuple[Scale, Scale], xs: Sequence[float], heights: Sequence[float]) -> Markup:
    """A bar for each whole x."""
    x, y = scales
    wide = 0.8 * abs(x(1) - x(0))
    d = (
        f"M{x(at) - wide / 2:.1f} {y(0):.1f}V{y(height):.1f}h{wide:.1f}V{y(0):.1f}z"
        for at, height in zip(xs, heights, strict=True)
        if height
    )
    return tag("path", class_="bar", d="".join(d))


def strip(value: float, low: float, high: float, ends: tuple[float, float], null: float | None = None) -> Markup:
    """A dot with its interval, in a cell of a table; all rows of a table have the same ends.

    Examples
    --------
    >>> "circle" in strip(0.5, 0.4, 0.6, (0, 1)), strip(float("nan"), 0, 1, (0, 1))
    (True, Markup(''))
    """
    if not np.isfinite(value):
        return Markup("")
    x = Scale(*ends, 6, 154)
    marks = [tag("line", class_="rail", x1=6, x2=154, y1=8, y2=8)]
    if null is not None and ends[0] <= null <= ends[1]:
        marks.append(tag("line", class_="null", x1=x(null), x2=x(null), y1=0, y2=16))
    if np.isfinite([low, high]).all():
        marks.append(tag("line", class_="whisker", x1=x(low), x2=x(high), y1=8, y2=8))
    marks.append(tag("circle", class_="dot", cx=x(value), cy=8, r=4))
    return tag("svg", *marks, class_="strip", viewBox="0 0 160 16", aria_hidden="true")


def heatmap(values: np.ndarray, limit: float, alt: str) -> Markup:
    """A square of squares, of one colour above 0 and another below, the further from 0 the darker.

    Parameters
    ----------
    values : ndarray of float, shape (N, N)
    limit : float
        From which on a colour is darkest, above 0.
    alt : str
    """
    side = len(values)
    scaled = values / limit * LEVELS
    level = np.clip(np.trunc(np.abs(scaled) + 0.5), 0, LEVELS).astype(int) * np.sign(scaled).astype(int)
    paths = []
    for shade in range(-LEVELS, LEVELS + 1):
        d = "".join(f"M{column} {row}h1v1h-1z" for row, column in np.argwhere(level == shade)) if shade else ""
        if d:
            paths.append(tag("path", class_=f"{'more' if shade > 0 else 'less'} s{abs(shade)}", d=d))
    return tag("svg", *paths, class_="heat", viewBox=f"0 0 {side} {side}", role="img", aria_label=alt)


def legend(entries: Iterable[tuple[str, str]]) -> Markup:
    """Names beside the looks of their lines, as a list that wraps."""
    keys = (
        tag(
            "li",
            tag(
                "svg",
                tag("line", class_=f"line {look}", x1=0, x2=28, y1=6, y2=6),
                viewBox="0 0 28 12",
                aria_hidden="true",
            ),
            name,
        )
        for name, look in entries
    )
    return tag("ul", *keys, class_="legend")


def upright(scales: tuple[Scale, Scale], at: float, look: str) -> Markup:
    """A line from the bottom to the top."""
    x, y = scales
    return tag("line", class_=look, x1=x(at), x2=x(at), y1=y.start, y2=y.end)
