"""What the notebooks claim: sentences in a TOML file a notebook, and the reader that ties each to one number.

A file holds groups of claims. A claim has ``question``, ``side``, ``table``, ``column`` of its ``{value}`` and the
sentence, ``say``; what it does not say itself it takes from its group (a claim may hold claims in turn). One that
names a table of its own takes no choice of rows from the group; otherwise their ``where`` are added up.

Its row is that where columns have the values of ``where``, for which ``such`` holds (a condition such as ``n >= 30``),
with a number in each column of ``having``; of several the one ``smallest`` in a column or ``furthest`` from 0 (one for
``each`` value of a column; the sentence ends with the names of those that are tied), or the ``first``; several that are
left make a claim each. ``key`` names the columns by which a reader finds the row, if they are not those of ``where``. A
table, column or row of ``where`` that is not there is an error, unless the claim is ``optional``. Where no row has what
``such`` and ``having`` ask for, there is no claim, or the claim ``instead``, of the row that they do not bind. A
question tells a number once. ``top = 1`` to ``top = 5`` put a claim among "What we found", on top of the notebook, the
first row's where it has several; ``top = { audit = 2 }`` does so for one side.

In ``key`` and ``where`` a word that the notebook gives for columns stands for them all (in ``where``, at the row's
own levels). A group or claim may be repeated: ``for`` lists words, or names columns that the notebook gives, each then
``{column}`` with its ``{name}``; ``rows`` chooses rows of a table. Words and columns of rows can be named in braces.
A p-value is told with its sign as ``{p_holm:p}``: ``= 0.031``, or ``≤ 0.025`` where it is as small as the permutations
can give (the word ``floor``).

``[phrase.x]`` says what ``{x}`` stands for: ``is`` by values of the column ``of``, else ``text``, or ``nothing`` where
the column has no value; or what stands in the column ``cell``, or in all columns of the word ``cells``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.figures.appendix_b import segment_name
from age_audit.regions.polygons import REGION_NAMES
from age_audit.report.claims import Claims
from age_audit.report.words import at_floor, filled, is_p_value, p_text

NAMES = {"region": REGION_NAMES.get, "segment": segment_name}
_SAYING = ("question", "side", "say", "table", "column")
_SIGNED = ":p}"  # a p-value told with its sign
_REPEATING = ("for", "rows", "claim")
_TIED = "which rows are equal"
_CHOOSING = ("table", "where", "such", "having", "furthest", "smallest", "each", "first", "key", "optional")


class _Value:
    """Stands for the number of a claim until :class:`Claims` looks it up."""

    def __format__(self, form: str) -> str:
        return f"{{:{form}}}"


class _PValue(float):
    """A p-value, which ``:p`` tells with its sign."""

    lowest = False

    def __format__(self, form: str) -> str:
        if form != _SIGNED[1:-1]:
            return super().__format__(form)
        text = p_text(self, self.lowest)
        return text if text[0] in "≤<" else f"= {text}"


class _Words(dict):
    """What a sentence can name; a phrase is made when it is named."""

    def __init__(self, known: Mapping, phrases: Mapping[str, Mapping]):
        super().__init__(known)
        self._phrases = phrases

    def __missing__(self, name: str) -> str:
        phrase = self._phrases[name]
        if "cells" in phrase:
            return ", ".join(str(self[column]) for column in self[phrase["cells"]])
        if "cell" in phrase:
            return str(self[filled(phrase["cell"], known=self)])
        value = self[phrase["of"]]
        if pd.isna(value):
            return phrase.get("nothing", "")
        if "names" in phrase:
            return NAMES[phrase["names"]](value)
        return filled(phrase.get("is", {}).get(str(value), phrase.get("text", "")), known=self)


def add_claims(
    notebook: str, claims: Claims, saved: Mapping[str, pd.DataFrame], **words: str | Mapping[str, str]
) -> None:
    """Add every claim of a notebook.

    Parameters
    ----------
    notebook : str
        The stem of its file of sentences.
    claims : Claims
    saved : mapping of str to DataFrame
        The tables that the claims' saver has saved, by stem.
    words : keyword arguments
        More that sentences can name in braces, and columns by name that they can be repeated for.

    Raises
    ------
    UsageError
        If a claim that is not optional has no table, column or row.
    """
    path = Path(__file__).parent / f"{notebook}.toml"
    book = tomllib.loads(path.read_text(encoding="utf-8"))
    reader = _Reader(path.name, claims, saved, book.get("phrase", {}))
    for group in book["group"]:
        reader.add(group, words)


class _Reader:
    def __init__(self, book: str, claims: Claims, saved: Mapping[str, pd.DataFrame], phrases: Mapping[str, Mapping]):
        self._book, self._claims, self._saved, self._phrases = book, claims, saved, phrases
        self._told = set()

    def add(self, part: Mapping, fields: Mapping) -> None:
        """Add a claim, or the claims of a group, as often as it is repeated."""
        listed = part.get("for", [{}])
        if isinstance(listed, str):
            listed = [{"name": name, "column": column} for name, column in fields[listed].items()]
        for words in listed:
            rows = [{}]
            if "rows" in part:
                rows = self._chosen({"say": f"rows of: {part['question']}"} | part["rows"], {**fields, **words})
            for row in rows:
                known = {**fields, **words, **row}
                for claim in part.get("claim", ()):
                    self.add(_inheriting(part, claim), known)
                if "claim" not in part:
                    self._say(part, known)

    def _say(self, claim: Mapping, fields: Mapping) -> None:
        if lacking := [name for name in _SAYING if name not in claim]:
            raise UsageError(f"expected {', '.join(lacking)} of a claim in {self._book}, got {dict(claim)}")
        rows = self._chosen(claim, fields)
        if not rows and "instead" in claim:
            above = {name: value for name, value in claim.items() if name not in ("such", "having", "instead")}
            self._say(_inheriting(above, claim["instead"]), fields)
        for row in rows:
            value = row[claim["column"]] if isinstance(row.get(claim["column"]), _PValue) else _Value()
            known = _Words({**fields, **row, "value": value}, self._phrases)
            words = [self._filled(claim, claim[name], known) for name in _SAYING]
            words[_SAYING.index("say")] += row.get(_TIED, "")
            place = {name: row[name] for name in self._columns(claim, _key(claim), fields)}
            told = (words[0], *words[3:], *place.items())
            if told in self._told:
                continue
            self._told.add(told)
            try:
                self._claims.add(*words, **place)
                top = claim.get("top", {})
                if place_on_top := top.get(words[1]) if isinstance(top, Mapping) else top:
                    self._claims.put_on_top(place_on_top)
            except UsageError as error:
                raise UsageError(f"{error}; for {self._name(claim)}") from error

    def _chosen(self, choice: Mapping, fields: Mapping) -> list[dict]:
        """The rows of a saved table that a choice means."""
        name = self._filled(choice, choice["table"], fields)
        table = self._saved.get(name)
        if table is None:
            return self._missing(choice, f"a table {name}", ", ".join(self._saved))
        table = whole = table.reset_index(drop=True)
        fill = partial(self._filled, choice, known=fields)
        where = {
            column: fields[column] if isinstance(fields.get(name), Mapping) else level
            for name, level in choice.get("where", {}).items()
            for column in self._columns(choice, [name], fields)
        }
        key = self._columns(choice, _key(choice), fields)
        having = [fill(column) for column in choice.get("having", ())]
        extreme, each = (
            [fill(choice[name]) for name in names if name in choice] for names in (("furthest", "smallest"), ("each",))
        )
        if lacking := [
            column for column in dict.fromkeys((*where, *key, *having, *extreme, *each)) if column not in table
        ]:
            return self._missing(choice, f"columns {', '.join(lacking)} of {name}", ", ".join(table))
        for column, level in where.items():
            chosen = table[(table[column] == level) | (table[column].astype(str) == fill(str(level)))]
            if chosen.empty:
                there = ", ".join(table[column].astype(str).unique())
                return self._missing(choice, f"a row of {name} with {column} = {fill(str(level))}", there)
            table = chosen
        try:
            table = table.query(fill(choice["such"])) if "such" in choice else table
        except pd.errors.UndefinedVariableError as error:
            return self._missing(choice, f"what {name} has: {choice['such']} ({error})", ", ".join(table))
        table = table.dropna(subset=having)
        if extreme:
            sizes = pd.to_numeric(table[extreme[0]])
            sizes = sizes.abs() if "furthest" in choice else -sizes
            within = table[each[0]] if each else pd.Series(0, table.index)
            table = _first_of_equals(table, sizes, within, key)
        table = table.head(1) if choice.get("first") else table
        rows = table.to_dict("records")
        for column in filter(is_p_value, table if _SIGNED in choice["say"] else ()):
            for row, lowest in zip(rows, at_floor(whole, column, fields.get("floor"))[table.index], strict=True):
                row[column] = _PValue(row[column])
                row[column].lowest = lowest
        return rows

    def _columns(self, claim: Mapping, names: Iterable[str], fields: Mapping) -> list[str]:
        """Names of columns, a word that stands for several replaced by them."""
        found = []
        for name in names:
            several = fields.get(name)
            found += several if isinstance(several, Mapping) else [self._filled(claim, name, fields)]
        return found

    def _missing(self, choice: Mapping, expected: str, there: str) -> list:
        """No row, for a claim that may do without; otherwise an error."""
        if choice.get("optional"):
            return []
        raise UsageError(
            f"expected {expected} for {self._name(choice)}, got only: {there or 'none'}; name what is there, or say "
            "optional = true, if the claim may do without"
        )

    def _filled(self, claim: Mapping, text: str, known: Mapping) -> str:
        try:
            return filled(text, known=known)
        except KeyError as error:
            raise UsageError(
                f"expected in braces a word that {self._name(claim)} knows ({', '.join(map(str, known))}), got {error}"
            ) from error

    def _name(self, claim: Mapping) -> str:
        return f"the claim “{claim['say']}” of {self._book}"


def _inheriting(group: Mapping, claim: Mapping) -> dict:
    """The claim with what its group says for it."""
    left_out = {*_REPEATING, *(_CHOOSING if "table" in claim else ())}
    above = {name: value for name, value in group.items() if name not in left_out}
    where = {**above.get("where", {}), **claim.get("where", {})}
    return {**above, **claim, "where": where}


def _key(claim: Mapping) -> list[str]:
    return claim.get("key", list(claim.get("where", {})))


def _first_of_equals(table: pd.DataFrame, sizes: pd.Series, within: pd.Series, key: list[str]) -> pd.DataFrame:
    """The row of the largest size within each part, and what a sentence about it adds where others are as large."""
    rows = []
    for _, part in sizes.dropna().groupby(within, sort=False, observed=True):
        equals = table.loc[part.index[part == part.max()], key]
        apart = equals.loc[:, (equals != equals.iloc[0]).any()]
        names = dict.fromkeys(" ".join(str(REGION_NAMES.get(name, name)) for name in row) for row in apart.to_numpy())
        tied = f" Tied: {', '.join(names)}." if len(names) > 1 else ""
        rows.append(table.loc[[part.idxmax()]].assign(**{_TIED: tied}))
    return pd.concat(rows) if rows else table.head(0)
