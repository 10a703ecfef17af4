"""Saves what a notebook makes, as files to cite: figures with captions and alternative texts, tables, a workbook.

A notebook makes one :class:`Saver`, hands it every figure and table, and ends with :meth:`Saver.finish`.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from age_audit.core.csv_text import csv_text
from age_audit.core.errors import UsageError
from age_audit.core.groups import feature_title
from age_audit.core.paths import file_stem
from age_audit.figures import style
from age_audit.report.formats import latex_label, markdown_text, workbook_bytes
from age_audit.report.words import page_text
from age_audit.store.files import write_atomically

SHOWN_DPI = 120  # pixels an inch of figures inside a notebook
TABLES = "tables"  # stem of the workbook that holds all tables of a notebook
FIGURES = "figures"  # stem of the list of its figures


@dataclass(frozen=True)
class Picture:
    """A figure as a notebook shows it: the picture, below it the caption, and unfolded the alternative text.

    The picture carries its alternative text too, but only some viewers of notebooks hand that on to screen readers.
    """

    png: bytes
    caption: str
    alt: str

    def _ipython_display_(self) -> None:
        from IPython.display import Image, display  # only notebooks show pictures

        caption, alt = page_text(self.caption), page_text(self.alt)
        words = f"<p>{caption}</p>\n<details><summary>In words</summary>{alt}</details>"
        display(Image(self.png, alt=self.alt))
        display({"text/html": words, "text/plain": f"{self.caption}\nIn words: {self.alt}"}, raw=True)


class Saver:
    """Saves what one notebook makes, each thing under a name of its own, and hands it back to be shown.

    Parameters
    ----------
    notebook : str
        Folder below both places.
    prefix : str
        What every file name begins with: which results it was made of. What leads to another folder becomes ``_``.
    figures, tables : path
        Where figures (PNG, PDF) and tables (CSV, LaTeX, XLSX) go.
    note : str
        A sentence that ends every caption, such as :attr:`age_audit.data.results.Results.label_origin`.

    Attributes
    ----------
    saved, captions : dict of str to DataFrame and to str
        Every table by its stem, and its caption.
    """

    def __init__(
        self,
        notebook: str,
        prefix: str,
        figures: str | Path = "figures",
        tables: str | Path = "tables",
        note: str = "",
    ):
        self.figures = Path(figures) / notebook
        self.tables = Path(tables) / notebook
        self.prefix, self.note = file_stem(prefix), note
        self.saved: dict[str, pd.DataFrame] = {}
        self.captions: dict[str, str] = {}
        self._figures: list[str] = []
        self._taken: set[str] = set()

    def figure(self, figure: Figure, stem: str, caption: str, alt: str, colours: int = 256) -> Picture:
        """Write PNG and PDF; returns a picture that a notebook shows, with its caption, as the value of its cell.

        Parameters
        ----------
        figure : Figure
            Its title is what it finds.
        stem : str
        caption : str
            One or two sentences of plain text: what is shown, of how many faces, and how to read it.
        alt : str
            What somebody who cannot see the figure should know of it beside its title, in a sentence; a screen reader
            reads both, and the files carry it with title and caption.
        colours : int
            At most so many, up to 256, has the picture shown (not those written): with fewer it takes less room.

        Raises
        ------
        UsageError
            If caption or alternative text is empty, or the stem is taken.

        Warns
        -----
        UserWarning
            If texts of the figure overlap or leave the page.
        """
        if not (caption.strip() and alt.strip()):
            raise UsageError(
                f"expected a caption and an alternative text of the figure {stem}, got {caption!r}, {alt!r}"
            )
        name, caption = self._name(stem), f"{caption} {self.note}".strip()
        about = {"title": style.title_of(figure), "description": f"{caption} {alt}"}
        style.save_figure(figure, self.figures, name, "png", **about)
        if overlaps := style.overlapping_texts(figure, drawn=True):
            pairs = "; ".join(f"“{one}” and {other}" for one, other in overlaps)
            warnings.warn(f"texts of the figure {stem} overlap: {pairs}", stacklevel=2)
        with style.applied():  # or the user's own settings would lay it out once more
            figure.set_layout_engine(None)  # keeps what was laid out: the same picture in every form, and sooner
        style.save_figure(figure, self.figures, name, "pdf", **about)
        from matplotlib import pyplot

        pyplot.close(figure)  # or the notebook shows once more what was opened there
        title, shown_caption, shown_alt = map(markdown_text, (about["title"], caption, alt))
        self._figures.append(f"## {name}\n**{title}**\n\n{shown_caption}\n\nIn words: {shown_alt}\n")
        shown = for_notebook((self.figures / f"{name}.png").read_bytes(), colours)
        return Picture(shown, caption, ". ".join(filter(None, (about["title"], alt))))

    def table(
        self,
        table: pd.DataFrame,
        stem: str,
        caption: str,
        layout: Callable[[pd.DataFrame, str, str], str] | None = None,
    ) -> pd.DataFrame:
        """Write CSV, and LaTeX where there is a layout; returns what is written, for :func:`.words.shown`.

        Parameters
        ----------
        table : DataFrame
            Its index is not written. What groups are compared by is called as everywhere else: ``race``, not
            ``race_real``, as only the study's files have it.
        stem : str
        caption : str
            One or two sentences of plain text that let the table stand alone.
        layout : callable, optional
            From table, caption and label to LaTeX, such as those of :mod:`age_audit.report.latex`.
        """
        table = table.rename(columns=feature_title)
        name, caption = self._name(stem), f"{caption} {self.note}".strip()
        self.tables.mkdir(parents=True, exist_ok=True)
        write_atomically(self.tables / f"{name}.csv", csv_text(table).encode())
        if layout is not None:
            text = layout(table, caption, latex_label(f"tab:{name}"))
            write_atomically(self.tables / f"{name}.tex", text.encode())
        self.saved[stem], self.captions[stem] = table, caption
        return table

    def workbook(self, sheets: Mapping[str, pd.DataFrame], stem: str) -> Path:
        """Write an XLSX with these sheets and nothing else, as somebody published it; returns its path."""
        return self._write(self.tables / f"{self._name(stem)}.xlsx", workbook_bytes(sheets))

    def finish(self) -> None:
        """Write the workbook of all tables, with their captions, and the list of all figures: the last cell does so."""
        self._write(self.tables / f"{self._name(TABLES)}.xlsx", workbook_bytes(self.saved, self.captions))
        if self._figures:
            self._write(self.figures / f"{self._name(FIGURES)}.md", "\n".join(self._figures).encode())

    @staticmethod
    def _write(path: Path, content: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        return path

    def _name(self, stem: str) -> str:
        if stem in self._taken:
            raise UsageError(f"expected every figure and table to have a name of its own, got {stem!r} twice")
        self._taken.add(stem)
        return f"{self.prefix}_{file_stem(stem)}"


def for_notebook(picture: bytes, colours: int) -> bytes:
    """A smaller PNG of what is written, with at most that many colours, 2-256.

    Drawn anew at fewer pixels an inch, its texts would be wider than those that were laid out, and leave the page.
    """
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        size = [round(side * SHOWN_DPI / style.DPI) for side in opened.size]
        smaller = opened.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        few = smaller.quantize(colours, Image.Quantize.MAXCOVERAGE)  # others merge the rare dark ends
    few.save(stream, "png", optimize=True)
    return stream.getvalue()
