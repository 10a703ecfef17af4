"""Sentences that each hold one number of a saved table, so that no claim outlives what it rests on.

The first cell of a notebook calls :func:`show_found`, which leaves a place under the title; :meth:`Claims.save`, in the
last one, writes "What we found" there: the claims that a key ``top = 1`` to ``top = 5`` in the file of sentences puts
on top (:meth:`Claims.put_on_top`).
"""

from __future__ import annotations

import re

import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.paths import file_stem
from age_audit.report.formats import escaped
from age_audit.report.saving import Saver
from age_audit.report.words import filled, page_text

_FIELD = re.compile(r"\{(?::[^{}]*)?\}")  # other braces belong to names of groups
_OF_NONE = re.compile(r"\b0 of 0\b")
PUBLISHED, AUDIT = "published", "audit"
FOUND = 5  # sentences on top of a notebook
_PLACE = "what-we-found"
_NOTHING = "Nothing that rests on enough faces; below is what there is."
_UNTIL_THEN = "*What we found is written here by the last cell.*"


def show_found() -> None:
    """Leave a place for "What we found" in the notebook cell that calls this."""
    from IPython.display import Markdown, display  # only notebooks have a place

    display(Markdown(_UNTIL_THEN), display_id=_PLACE)


class Claims:
    """Collects claims, published and audit side by side, and makes a table of them.

    Parameters
    ----------
    saver : Saver
        Of the same notebook: a claim can point at tables only that it has saved.
    """

    def __init__(self, saver: Saver):
        self._saver = saver
        self._rows: list[dict] = []
        self._top: dict[int, int] = {}  # row by place

    def add(self, question: str, side: str, claim: str, table: str, column: str, **row: object) -> None:
        """Add a claim about one number.

        Parameters
        ----------
        question : str
            What is asked; claims of both sides on one question stand together.
        side : str
            ``"published"`` or ``"audit"``.
        claim : str
            A sentence with one replacement field for the number, such as ``"{:.1f} years"``.
        table : str
            Stem of a table that the saver has saved.
        column : str
            Where the number stands.
        row : keyword arguments
            Column and value that choose exactly one row; text values are compared as text.

        Raises
        ------
        UsageError
            If there is no such table or column, or not exactly one such row.
        """
        if side not in (PUBLISHED, AUDIT):
            raise UsageError(f"expected a side, {PUBLISHED} or {AUDIT}, got {side!r}")
        frame = self._saver.saved.get(table)
        if frame is None:
            raise UsageError(f"expected a table saved before, one of {', '.join(self._saver.saved)}; got {table}")
        missing = [name for name in (column, *row) if name not in frame]
        if missing:
            raise UsageError(f"expected columns of {table} ({', '.join(frame)}), got {', '.join(missing)}")
        chosen = frame
        for name, value in row.items():
            chosen = chosen[(chosen[name] == value) | (chosen[name].astype(str) == str(value))]
        if len(chosen) != 1:
            raise UsageError(f"expected one row of {table} with {row}, got {len(chosen)}")
        number = chosen[column].iloc[0]
        where = "; ".join(f"{name} = {value}" for name, value in row.items())
        self._rows.append(
            {"question": question, "side": side, "claim": _sentence(claim, number), "value": float(number)}
            | {"table": f"{self._saver.prefix}_{file_stem(table)}.csv", "row": where, "column": column}
        )

    def put_on_top(self, place: int) -> None:
        """Let the claim added last stand among "What we found", at that place of 1 to 5, unless another has it."""
        if place not in range(1, FOUND + 1):
            raise UsageError(f"expected a place on top of the notebook, 1 to {FOUND}, got {place!r}")
        self._top.setdefault(place, len(self._rows) - 1)

    def found(self) -> list[str]:
        """The claims on top, in their order, as sentences."""
        return [self._rows[self._top[place]]["claim"] for place in sorted(self._top)]

    def table(self) -> pd.DataFrame:
        """All claims, those on one question together: ``question``, ``side``, ``claim``, ``value``, where it stands."""
        frame = pd.DataFrame(self._rows)
        order = {question: i for i, question in enumerate(dict.fromkeys(frame["question"]))}
        return frame.sort_values("question", key=lambda column: column.map(order), kind="stable", ignore_index=True)

    def save(self, caption: str) -> pd.DataFrame:
        """Write :meth:`table` as the saver's table ``claims``, LaTeX included, and :meth:`found` on top; returns it."""
        if self._rows:
            from IPython.display import display

            found = self.found() or [_NOTHING]

            name = f"{self._saver.prefix}_claims.csv"
            words = "".join(f"<li>{page_text(sentence)}</li>\n" for sentence in found)
            where = f"{name} names the table, row and column of each number. {self._saver.note}".strip()
            text = "\n".join(["What we found", *found, *filter(None, [self._saver.note])])
            below = f"<p><small>{page_text(where)}</small></p>"
            content = {"text/html": f"<h2>What we found</h2>\n<ol>\n{words}</ol>\n{below}", "text/plain": text}
            display(content, raw=True, display_id=_PLACE, update=True)
        return self._saver.table(self.table(), "claims", caption, claims_layout)


def _sentence(claim: str, number: float) -> str:
    """The claim with its number; where there is none, or it is one of no comparisons, that there is none."""
    sentence = _FIELD.sub(lambda field: filled(field[0], number), claim)
    if pd.isna(number) or _OF_NONE.search(sentence):
        return f"Too few faces to say: {_FIELD.sub('…', claim)}"
    return sentence


def claims_layout(table: pd.DataFrame, caption: str, label: str) -> str:
    """Claims as a ``longtable`` of paragraphs: questions as headings, below each the claims and where they stand."""
    lines = [
        r"% \usepackage{booktabs,longtable}",
        r"\begingroup\footnotesize\raggedright",
        r"\begin{longtable}{lp{0.44\linewidth}p{0.35\linewidth}}",
        rf"\caption{{{escaped(caption)}}}\label{{{label}}}\\",
        *(r"\toprule", r"side & claim & where its number stands \\", r"\midrule", r"\endfirsthead"),
        *(r"\toprule", r"side & claim & where its number stands \\", r"\midrule", r"\endhead"),
        *(r"\bottomrule", r"\endfoot"),
    ]
    for question, claims in table.groupby("question", sort=False):
        lines.append(rf"\multicolumn{{3}}{{p{{0.92\linewidth}}}}{{\textbf{{{escaped(question)}}}}}\\*")
        for claim in claims.itertuples():
            where = f"{claim.table}: {claim.row or 'its row'}; {claim.column}"
            breakable = escaped(where).replace(r"\_", r"\_\allowbreak{}")  # or long names leave the page
            lines.append(rf"{escaped(claim.side)} & {escaped(claim.claim)} & {breakable} \\")
        lines.append(r"\addlinespace")
    return "\n".join([*lines, r"\end{longtable}", r"\endgroup", ""])
