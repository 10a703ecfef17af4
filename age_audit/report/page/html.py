"""From a page as plain data to one HTML file that needs nothing else.

Text is escaped by Jinja2 wherever it stands; what is no text is made by :func:`age_audit.report.page.charts.tag`, which
escapes too. A policy in the page's head lets a browser run the page's own script and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from age_audit.core.csv_text import csv_text
from age_audit.report.page import charts
from age_audit.report.page.content import SCOPE, UNKNOWN, Page
from age_audit.report.page.parts import Table, percent_of
from age_audit.report.words import shown

_HERE = Path(__file__).parent
_WITH_INTERVAL = " (95 % interval)"  # which the page says once, of all numbers in brackets


@dataclass(frozen=True)
class Cell:
    """A cell as it is read, and what it is sorted by."""

    text: str
    value: object
    left: bool


@dataclass(frozen=True)
class Row:
    """A row that is shown: its place in the whole table, its cells, and its interval as a picture."""

    place: int
    cells: list[Cell]
    strip: Markup


def rows_of(table: Table) -> tuple[list[str], list[Row]]:
    """Heads and rows of what is shown of a table.

    Examples
    --------
    >>> heads, rows = rows_of(Table("t", "", pd.DataFrame({"n": [1200, 7]}), rows=[False, True]))
    >>> heads, rows[0].place, rows[0].cells
    (['n'], 1, [Cell(text='7', value=7, left=False)])
    """
    inside = np.ones(len(table.frame), dtype=bool) if table.rows is None else np.asarray(table.rows, dtype=bool)
    frame = table.frame[inside].reset_index(drop=True)
    scaled = [f"{name}{end}" for name in table.percent for end in ("", "_low", "_high") if f"{name}{end}" in frame]
    told = shown(frame.assign(**{name: 100 * frame[name] for name in scaled}), table.columns, table.digits)
    names = list(table.columns if table.columns is not None else frame)
    drawings = _strips(frame, table)
    rows = [
        Row(
            place,
            [
                Cell(text, _sorted_by(frame[name].iloc[i]), left)
                for text, name, left in zip(told.frame.iloc[i], names, told.left, strict=True)
            ],
            drawings[i],
        )
        for i, place in enumerate(np.flatnonzero(inside).tolist())
    ]
    return [head.strip().removesuffix(_WITH_INTERVAL) for head in told.frame], rows


def _sorted_by(value: object) -> object:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    return value.item() if isinstance(value, np.generic) else value


def _strips(frame: pd.DataFrame, table: Table) -> list[Markup]:
    if table.strip is None:
        return [Markup("")] * len(frame)
    names = [f"{table.strip}_low", f"{table.strip}_high"]
    names = names if set(names) <= set(frame) else ["low", "high"]
    numbers = frame[[table.strip, *names]].to_numpy(dtype=float)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return [Markup("")] * len(frame)
    ends = [finite.min(), finite.max()]
    if table.null is not None:
        ends = [min(ends[0], table.null), max(ends[1], table.null)]
    room = 0.05 * (ends[1] - ends[0]) or 1.0
    return [charts.strip(*row, (ends[0] - room, ends[1] + room), table.null) for row in numbers]


def download(frame: pd.DataFrame) -> str:
    """A table as CSV in an address of its own, which a browser saves as a file; cells are text for spreadsheets."""
    content = base64.b64encode(csv_text(frame).encode()).decode()
    return f"data:text/csv;charset=utf-8;base64,{content}"


@cache
def environment() -> Environment:
    """Templates of this folder, in which all text is escaped."""
    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unbroken,
    )
    made.globals |= {"rows_of": rows_of, "download": download, "percent_of": percent_of}
    return made


def _unbroken(value: object) -> object:
    """A number and its percent sign stay on one line; of what is no text, and of CSV, nothing changes."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.replace(" %", "\u00a0%").replace("± ", "±\u00a0")
    return value


def style() -> Markup:
    """The style sheet."""
    return Markup(_read("page.css"))


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def page_html(page: Page) -> str:
    """The file."""
    script = _read("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = {"style": style(), "script": Markup(script), "digest": digest}
    return environment().get_template("page.html").render(page=page, scope=SCOPE, unknown=UNKNOWN, **own)
