"""One function a format, in each of which text stays text: LaTeX, Markdown, XLSX; same content, same bytes.

CSV is in :mod:`age_audit.core.csv_text`.
"""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Mapping

import pandas as pd

from age_audit.report.words import digits_of, is_p_value, units_of

CONTENTS = "contents"  # sheet of a workbook that lists the others
_NO_DAY = datetime.datetime(2000, 1, 1)  # workbooks have to name one
_LONGEST_SHEET = 31  # letters, by the format
_TEXT_ONLY = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{character: f"{{{character}}}" for character in "[]*"},  # which begin an option after the end of a row
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", '"': "''", "\n": " "},
    **{"–": "--", "—": "---", "“": "``", "”": "''", "‘": "`", "’": "'", "…": r"\ldots{}", "\u00a0": "~"},
    **{"−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "≤": r"$\le$", "≥": r"$\ge$", "≈": r"$\approx$"},
    **{"²": "$^2$", "³": "$^3$", "°": r"$^\circ$", "→": r"$\to$", "Δ": r"$\Delta$", "Σ": r"$\Sigma$"},
    **{"α": r"$\alpha$", "δ": r"$\delta$", "ε": r"$\varepsilon$", "σ": r"$\sigma$", "χ": r"$\chi$"},
}


def markdown_text(text: str) -> str:
    r"""Plain text for Markdown: no sign of it makes a link, a formula or HTML.

    Examples
    --------
    >>> print(markdown_text("[x](here) <b> $2"))
    \[x\](here) \<b\> \$2
    """
    return re.sub(r"([\\`*_\[\]<>$|~])", r"\\\1", text)


def escaped(text: str) -> str:
    r"""Plain text for pdfLaTeX: every special character, and every sign that its fonts lack, as a command.

    Letters of European languages stay; a letter of another script, for which pdfLaTeX has no font, becomes its code
    point in brackets.

    Examples
    --------
    >>> print(escaped(r"50 % of \input{a_b}, ε ≤ 2"))
    50 \% of \textbackslash{}input\{a\_b\}, $\varepsilon$ $\le$ 2
    """
    text = "".join(_ESCAPES.get(character, character) for character in text)
    return re.sub(r"[^\x20-\x7e\u00c0-\u017f]", lambda found: f"{{[}}U+{ord(found[0]):04X}{{]}}", text)


def latex_label(text: str) -> str:
    """A label without any character that LaTeX takes for something else."""
    return re.sub(r"[^A-Za-z0-9:.-]+", "-", text)


def workbook_bytes(sheets: Mapping[str, pd.DataFrame], captions: Mapping[str, str] | None = None) -> bytes:
    """An XLSX file, a sheet for each table: full precision, empty cells where NaN, text never a formula or a link.

    Parameters
    ----------
    sheets : mapping of str to DataFrame
        By name; of a name that is too long for a sheet the end is left out.
    captions : mapping of str to str, optional
        By the same names. With them the first sheet lists all others with their captions, numbers of rows, and the
        units of columns; each sheet has its caption in its first row and its table from the third on, whose numbers
        are shown with the digits that they deserve.
    """
    names = dict(zip(sheets, _sheet_names(sheets), strict=True))
    stream = io.BytesIO()
    with pd.ExcelWriter(stream, engine="xlsxwriter", engine_kwargs={"options": _TEXT_ONLY}) as writer:
        writer.book.set_properties({"created": _NO_DAY})
        if captions is not None:
            listed = [
                (names[name], name, captions[name], len(table), units_of(table)) for name, table in sheets.items()
            ]
            columns = ["sheet", "table", "caption", "rows", "units"]
            _write_sheet(writer, CONTENTS, pd.DataFrame(listed, columns=columns))
        for name, table in sheets.items():
            _write_sheet(writer, names[name], table, None if captions is None else captions[name])
    return stream.getvalue()


def _write_sheet(writer: pd.ExcelWriter, name: str, table: pd.DataFrame, caption: str | None = None) -> None:
    head = 0 if caption is None else 2
    table.to_excel(writer, sheet_name=name, index=False, startrow=head, freeze_panes=(head + 1, 0))
    sheet = writer.sheets[name]
    for place, column in enumerate(table if caption is not None else ()):
        if pd.api.types.is_float_dtype(table[column]):
            digits = 4 if is_p_value(column) else digits_of(table[column])
            form = writer.book.add_format({"num_format": "0." + "0" * digits if digits else "#,##0"})
            sheet.set_column(place, place, None, form)
    sheet.autofit()
    if caption is not None:
        sheet.write_string(0, 0, caption)


def _sheet_names(names: Mapping[str, object]) -> list[str]:
    """What Excel takes as names of sheets, each once."""
    found: list[str] = []
    for name in names:
        stem = re.sub(r"[\[\]:*?/\\]", "_", name)
        short, place = stem[:_LONGEST_SHEET], 2
        while short.casefold() in {CONTENTS, *map(str.casefold, found)}:
            short, place = f"{stem[: _LONGEST_SHEET - len(str(place)) - 1]}~{place}", place + 1
        found.append(short)
    return found
