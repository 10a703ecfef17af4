"""Figures and tables as files to cite: PNG and PDF, CSV and LaTeX, one workbook; same content, same bytes."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from age_audit.core.errors import UsageError
from age_audit.core.paths import file_stem
from age_audit.figures import style
from age_audit.store.files import write_atomically

SIGNIFICANT = 6  # digits in CSV: more would show how a machine adds, not what was measured
LATEX_SIGNIFICANT = 3
LONG = 45  # rows: a longer table goes over several pages
SHOWN_DPI = 80  # pixels an inch of figures inside a notebook
_NO_DAY = datetime.datetime(2000, 1, 1)  # workbooks have to name one


class Saver:
    """Saves what one notebook makes, each thing under a name of its own, and hands it back to be shown.

    Parameters
    ----------
    notebook : str
        Folder below both places.
    prefix : str
        What every file name begins with: which results it was made of.
    figures, tables : path
        Where figures (PNG, PDF) and tables (CSV, LaTeX, XLSX) go.

    Attributes
    ----------
    saved : dict of str to DataFrame
        Every table by its stem.
    """

    def __init__(self, notebook: str, prefix: str, figures: str | Path = "figures", tables: str | Path = "tables"):
        self.figures = Path(figures) / notebook
        self.tables = Path(tables) / notebook
        self.prefix = prefix
        self.saved: dict[str, pd.DataFrame] = {}
        self._taken: set[str] = set()

    def figure(self, figure: Figure, stem: str, colours: int = 256):
        """Write PNG and PDF; returns a picture that a notebook shows as the value of its cell.

        The picture shown (not those written) has at most so many ``colours``, up to 256: it then takes a third of the
        room in the notebook.
        """
        name = self._name(stem)
        style.save_figure(figure, self.figures, name, "png")
        figure.set_layout_engine("none")  # keeps what was laid out: the same picture in every form, and sooner
        style.save_figure(figure, self.figures, name, "pdf")
        from IPython.display import Image  # only notebooks show pictures
        from matplotlib import pyplot

        pyplot.close(figure)  # or the notebook shows once more what was opened there
        shown = style.figure_bytes(figure, "png", SHOWN_DPI)
        return Image(with_few_colours(shown, colours))

    def table(
        self,
        table: pd.DataFrame,
        stem: str,
        caption: str,
        layout: Callable[[pd.DataFrame, str, str], str] | None = None,
    ) -> pd.DataFrame:
        """Write CSV and LaTeX; returns the same table.

        Parameters
        ----------
        table : DataFrame
            Its index is not written.
        stem : str
        caption : str
            One or two sentences of plain text that let the table stand alone.
        layout : callable, optional
            From table, caption and label to LaTeX; :func:`latex_text` by default.
        """
        name = self._name(stem)
        self.tables.mkdir(parents=True, exist_ok=True)
        write_atomically(self.tables / f"{name}.csv", csv_text(table).encode())
        write_atomically(self.tables / f"{name}.tex", (layout or latex_text)(table, caption, f"tab:{name}").encode())
        self.saved[stem] = table
        return table

    def workbook(self, sheets: Mapping[str, pd.DataFrame], stem: str) -> Path:
        """Write one XLSX with a sheet a table; returns its path."""
        path = self.tables / f"{self._name(stem)}.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, workbook_bytes(sheets))
        return path

    def _name(self, stem: str) -> str:
        if stem in self._taken:
            raise UsageError(f"expected every figure and table to have a name of its own, got {stem!r} twice")
        self._taken.add(stem)
        return f"{self.prefix}_{file_stem(stem)}"


def with_few_colours(picture: bytes, colours: int) -> bytes:
    """A PNG with at most that many colours, 2-256."""
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        few = opened.convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE)  # others merge the rare dark ends
    few.save(stream, "png", optimize=True)
    return stream.getvalue()


def csv_text(table: pd.DataFrame) -> str:
    """Comma-separated values with six significant digits, empty where NaN."""
    return table.to_csv(index=False, float_format=f"%.{SIGNIFICANT}g", lineterminator="\n")


def latex_text(table: pd.DataFrame, caption: str, label: str) -> str:
    """A table for LaTeX's packages booktabs and longtable: three significant digits, a dash where NaN.

    Names of columns lose their underscores, and special characters of LaTeX are escaped.
    """
    words = table.rename(columns=lambda column: str(column).replace("_", " "))
    return words.to_latex(
        index=False,
        escape=True,
        float_format=_latex_number,
        na_rep="--",
        caption=escaped(caption),
        label=label,
        longtable=len(table) > LONG,
    )


def _latex_number(value: float) -> str:
    """Three significant digits: 1234.5 as 1234, 12.345 as 12.3, 0.01 as 0.0100, 1e-9 as 1.00e-09."""
    if 100 <= abs(value) < 1e6 or value == 0:
        return f"{value:.0f}"
    if 1e-4 <= abs(value) < 100:
        return f"{value:#.{LATEX_SIGNIFICANT}g}".rstrip(".")
    return f"{value:.{LATEX_SIGNIFICANT - 1}e}"


def escaped(text: str) -> str:
    """Plain text for LaTeX: the special characters that captions use, each with a backslash."""
    for character in "&%$#_":
        text = text.replace(character, f"\\{character}")
    return text


def workbook_bytes(sheets: Mapping[str, pd.DataFrame]) -> bytes:
    """An XLSX file, a sheet for each table, with full precision, empty cells where NaN."""
    stream = io.BytesIO()
    with pd.ExcelWriter(stream, engine="xlsxwriter") as writer:
        writer.book.set_properties({"created": _NO_DAY})
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name, index=False, freeze_panes=(1, 0))
            writer.sheets[name].autofit()
    return stream.getvalue()
