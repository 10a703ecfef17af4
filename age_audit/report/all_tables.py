"""Every table that notebooks left in a folder: a list of them with captions, and one workbook that holds them all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from openpyxl import load_workbook

from age_audit.core.csv_text import read_csv
from age_audit.core.paths import file_stem
from age_audit.report.formats import CONTENTS, workbook_bytes
from age_audit.report.saving import TABLES

ALL_TABLES = "all_tables.xlsx"


@dataclass(frozen=True)
class Listed:
    """A table: its CSV, its stem, the run that made it, and the run whose rows and caption are told.

    The latter is another one where of a run only its tables were kept and no workbook (``…_tables.xlsx``).
    """

    path: Path
    stem: str
    run: str
    told_for: str = ""
    rows: int | None = None
    caption: str = ""


def tables_of(notebook: Path) -> list[Listed]:
    """All CSV files in the folder of a notebook, those of a run with a workbook first and in its order."""
    told: dict[str, dict[str, tuple[int, str]]] = {}
    for book in sorted(notebook.glob(f"*_{TABLES}.xlsx")):
        run = book.stem.removesuffix(f"_{TABLES}")
        for _, stem, caption, rows, _ in load_workbook(book, read_only=True)[CONTENTS].iter_rows(
            min_row=2, values_only=True
        ):
            told.setdefault(stem, {})[run] = rows, caption
    found = []
    for path in sorted(notebook.glob("*.csv")):
        stem = max((stem for stem in told if path.stem.endswith(f"_{file_stem(stem)}")), key=len, default="")
        run = path.stem.removesuffix(f"_{file_stem(stem)}")
        if not stem:
            found.append(Listed(path, path.stem, path.stem))
            continue
        told_for = run if run in told[stem] else next(iter(told[stem]))
        found.append(Listed(path, stem, run, told_for, *told[stem][told_for]))
    order = [*told, *(table.stem for table in found)]
    return sorted(found, key=lambda table: (table.run != table.told_for, order.index(table.stem)))


def table_list(folder: Path) -> str:
    """A page of Markdown that lists every table below a folder, by notebook, with its caption.

    Parameters
    ----------
    folder : Path
        With a folder for each notebook, in it the CSV files and the workbooks (``…_tables.xlsx``) of its runs.

    Returns
    -------
    str
        A table that several runs made stands there once, with the caption of one run and, after it, the others' names.
    """
    lines = [
        "# Tables",
        "",
        f"By notebook; `{ALL_TABLES}` holds them all, `…_tables.xlsx` those of one run. Where several runs made a "
        "table, rows and caption are those of the first. Written by `make paper`.",
        "",
    ]
    for notebook in sorted(path for path in folder.iterdir() if path.is_dir()):
        by_stem: dict[str, list[Listed]] = {}
        for table in tables_of(notebook):
            by_stem.setdefault(table.stem, []).append(table)
        note = _common_end([first.caption for first, *_ in by_stem.values() if first.caption])
        lines += [f"## {notebook.name}", "", *([note, ""] if note else [])]
        lines += ["| table | rows | holds | runs |", "|---|---|---|---|"]
        for stem, (first, *others) in sorted(by_stem.items()):
            count = "" if first.rows is None else f"{first.rows:,}"
            holds = first.caption.removesuffix(note).rstrip()
            cells = (f"`{stem}`", count, holds, ", ".join(table.run for table in (first, *others)))
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def one_workbook(folder: Path) -> bytes:
    """All tables below a folder as one XLSX: a sheet of contents, then the tables of one notebook after the other.

    Parameters
    ----------
    folder : Path
        As of :func:`table_list`.

    Returns
    -------
    bytes
        A table whose name another notebook, or another run, has taken is called by its notebook and run too.
    """
    sheets: dict[str, pd.DataFrame] = {}
    captions: dict[str, str] = {}
    for notebook in sorted(path for path in folder.iterdir() if path.is_dir()):
        for table in tables_of(notebook):
            name = table.stem if table.stem not in sheets else f"{table.stem} ({notebook.name}, {table.run})"
            sheets[name] = read_csv(table.path)
            caption = table.caption
            if table.run != table.told_for:
                caption = f"Of {table.run}. " + (f"As for {table.told_for}: {caption}" if caption else "")
            captions[name] = f"{caption.rstrip()} Notebook: {notebook.name}."
    return workbook_bytes(sheets, captions)


def _common_end(captions: Sequence[str]) -> str:
    """The sentences with which all of several captions end."""
    end = os.path.commonprefix([caption[::-1] for caption in captions])[::-1]  # noqa: RUF071 - letters are meant
    return end.partition(". ")[2] if len(captions) > 1 else ""
