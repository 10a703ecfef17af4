"""What the notebooks claim: sentences in a TOML file a notebook, and the reader that ties each to one number.

A file holds groups of claims. A group has a ``question`` and may be repeated: ``for`` lists words, ``rows`` chooses
rows of a table; both can be named in braces below. A claim has ``side``, ``table``, ``column`` of its ``{value}`` and
the sentence, ``say``. Its row is that where columns have the values of ``where``, for which ``such`` holds (a
condition such as ``n >= 30``), with a number in each column of ``having``; of several the one
``smallest`` in a column or ``furthest`` from 0. ``key`` names the
columns by which a reader finds the row, if they are not those of ``where``. Without such a row
there is no claim, or the claim ``instead``.
``[phrase.x]`` says what ``{x}`` stands for: ``is`` by values of the column ``of``, else ``text``, or ``nothing``
where the column has no value.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from age_audit.figures.appendix_b import segment_name
from age_audit.regions.polygons import REGION_NAMES
from age_audit.report.claims import Claims

NAMES = {"region": REGION_NAMES.get, "segment": segment_name}


class _Value:
    """Stands for the number of a claim until :class:`Claims` looks it up."""

    def __format__(self, form: str) -> str:
        return f"{{:{form}}}"


def add_claims(notebook: str, claims: Claims, saved: Mapping[str, pd.DataFrame], **words: str) -> None:
    """Add every claim of a notebook.

    Parameters
    ----------
    notebook : str
        The stem of its file of sentences.
    claims : Claims
    saved : mapping of str to DataFrame
        The tables that the claims' saver has saved, by stem.
    words : keyword arguments
        More that sentences can name in braces.
    """
    book = tomllib.loads((Path(__file__).parent / f"{notebook}.toml").read_text(encoding="utf-8"))
    phrases = book.get("phrase", {})
    for group in book["group"]:
        for fields in _repeated(group, saved, words):
            for claim in group["claim"]:
                _add(claims, {"question": group["question"]} | claim, saved, fields, phrases)


def _repeated(group: Mapping, saved: Mapping[str, pd.DataFrame], words: Mapping) -> Iterator[dict]:
    for more in group.get("for", [{}]):
        fields = {**words, **more}
        rows = group.get("rows")
        for row in chosen(saved, rows, fields).to_dict("records") if rows else [{}]:
            yield fields | row


def _add(claims: Claims, claim: Mapping, saved: Mapping, fields: Mapping, phrases: Mapping) -> None:
    rows = chosen(saved, claim, fields).to_dict("records")
    if not rows and "instead" in claim:
        _add(claims, {"question": claim["question"]} | claim["instead"], saved, fields, phrases)
    for row in rows:
        known = fields | row | {"value": _Value()}
        known |= {name: _phrase(phrase, known) for name, phrase in phrases.items() if phrase["of"] in known}
        question, table, column = (claim[name].format_map(known) for name in ("question", "table", "column"))
        place = {name: row[name] for name in map(str, _key(claim, fields))}
        side = claim["side"].format_map(known)
        claims.add(question, side, claim["say"].format_map(known), table, column, **place)


def _key(claim: Mapping, fields: Mapping) -> list[str]:
    return [name.format_map(fields) for name in claim.get("key", claim.get("where", {}))]


def chosen(saved: Mapping[str, pd.DataFrame], choice: Mapping, fields: Mapping) -> pd.DataFrame:
    """The rows of a saved table that a choice of a TOML file means."""
    table = saved[choice["table"].format_map(fields)]
    for name, level in choice.get("where", {}).items():
        text = str(level).format_map(fields)
        table = table[(table[name] == level) | (table[name].astype(str) == text)]
    table = table.query(choice["such"]) if "such" in choice else table
    table = table.dropna(subset=[name.format_map(fields) for name in choice.get("having", [])])
    if "furthest" in choice or "smallest" in choice:
        sizes = table[choice["furthest"]].abs() if "furthest" in choice else -table[choice["smallest"]]
        table = table.loc[[sizes.idxmax()]] if sizes.notna().any() else table.head(0)
    return table.head(1) if choice.get("first") else table


def _phrase(phrase: Mapping, known: Mapping) -> str:
    value = known[phrase["of"]]
    if pd.isna(value):
        return phrase.get("nothing", "")
    if "names" in phrase:
        return NAMES[phrase["names"]](value)
    return phrase.get("is", {}).get(str(value), phrase.get("text", "")).format_map(known)
