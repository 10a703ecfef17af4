"""What a page is made of: tables, pictures, claims and sections, as plain data that knows nothing of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from markupsafe import Markup

from age_audit.core.vocabulary import FEW_FACES
from age_audit.report.words import filled

FIRM, TENTATIVE, CHANCE = "firm", "tentative", "chance"


@dataclass(frozen=True)
class Table:
    """A table that is shown, and can be downloaded whole.

    Attributes
    ----------
    key : str
        Its anchor and the name of its file.
    caption : str
    frame : DataFrame
        All of it: what is downloaded.
    columns : sequence of str or mapping of str to str, optional
        What is shown, as :func:`age_audit.report.words.shown` takes it.
    digits : int or mapping, optional
        As there.
    rows : sequence of bool, optional
        Which rows are shown; all by default.
    strip : str, optional
        A column that is also drawn, as a dot with its interval (``…_low`` and ``…_high``, or ``low`` and ``high``).
    null : float, optional
        Where the drawing has a line: nothing differs there.
    folded : bool
        Whether a reader has to open it.
    percent : sequence of str
        Columns of shares (0-1), shown in per cent with their intervals.
    view : str
        Of tables that show one thing in two ways, which way.
    """

    key: str
    caption: str
    frame: pd.DataFrame
    columns: Sequence[str] | Mapping[str, str] | None = None
    digits: int | Mapping[str, int] | None = None
    rows: Sequence[bool] | None = None
    strip: str | None = None
    null: float | None = None
    folded: bool = True
    percent: Sequence[str] = ()
    view: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture as SVG, with what it shows in words beside it."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Claim:
    """A sentence with one number, how sure it is, and the row of the table where the number stands."""

    sentence: str
    verdict: str
    table: str
    row: int


@dataclass(frozen=True)
class Section:
    """One question, answered: the finding is the heading.

    ``special`` names a part of the template that draws ``data``, where tables and pictures do not do; ``missing`` says
    that what the question asks for is not there, and the finding that it is not.
    """

    key: str
    name: str
    finding: str
    text: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    claims: Sequence[Claim] = ()
    special: str = ""
    data: Mapping = field(default_factory=dict)
    missing: bool = False


def verdict(beyond: bool, adjusted: bool = True, n: float = np.inf) -> str:
    """How sure a claim is.

    Parameters
    ----------
    beyond : bool
        Whether it holds at either end of its 95 % interval, or p is at most 0.05.
    adjusted : bool
        Whether it still does when the number of comparisons is allowed for.
    n : float
        Faces of the smaller side.

    Examples
    --------
    >>> verdict(True), verdict(True, adjusted=False), verdict(True, n=12), verdict(False)
    ('firm', 'tentative', 'tentative', 'chance')
    """
    if not beyond:
        return CHANCE
    return FIRM if adjusted and n >= FEW_FACES else TENTATIVE


def counted(n: int, what: str) -> str:
    """So many of something.

    Examples
    --------
    >>> counted(1, "face"), counted(1170, "face")
    ('1 face', '1,170 faces')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def percent(value: float, low: float, high: float) -> str:
    """A share with its interval.

    Examples
    --------
    >>> percent(0.616, 0.5761, 0.6542)
    '62 % (58 to 65 %)'
    >>> percent(0.004, 0.001, 0.02)
    '0.4 % (0.1 to 2.0 %)'
    """
    digits = 0 if value >= 0.05 or value == 0 else 1
    return filled(f"{{:.{digits}%}} ({{:.{digits}f}} to {{:.{digits}%}})", value, 100 * low, high)


def percent_of(share: float) -> str:
    """A share alone, as :func:`percent` tells it.

    Examples
    --------
    >>> percent_of(0.616), percent_of(0.004)
    ('62 %', '0.4 %')
    """
    return filled("{:.0%}" if share >= 0.05 or share == 0 else "{:.1%}", share)


def years(value: float, low: float, high: float, sign: str = "") -> str:
    """Years with their interval, where too few faces leave one.

    Examples
    --------
    >>> years(-3.25, -4, -2.5, "+"), years(10.22, 10.06, 10.38)
    ('−3.2 years (−4.0 to −2.5)', '10.2 years (10.1 to 10.4)')
    >>> years(4.0, np.nan, np.nan)
    '4.0 years'
    """
    if np.isnan(low):
        return filled(f"{{:{sign}.1f}} years", value)
    return filled(f"{{:{sign}.1f}} years ({{:{sign}.1f}} to {{:{sign}.1f}})", value, low, high)


def row_of(frame: pd.DataFrame, **where: object) -> int:
    """The place of the one row where columns have these values, compared as text.

    Raises
    ------
    LookupError
        If there is none, or several.

    Examples
    --------
    >>> row_of(pd.DataFrame({"group": ["a", "b"], "n": [1, 2]}), group="b")
    1
    """
    inside = np.ones(len(frame), dtype=bool)
    for column, value in where.items():
        inside &= (frame[column].astype(str) == str(value)).to_numpy()
    if inside.sum() != 1:
        raise LookupError(f"expected one row with {where}, got {inside.sum()}")
    return int(np.flatnonzero(inside)[0])
