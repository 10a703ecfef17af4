"""A population that a data set is compared with, as the user gives it: a CSV of ages, labels and shares or counts."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError

_AGES, _AMOUNTS = ("age_from", "age_to"), ("share", "count")
_TOLERANCE = 0.005  # by which shares may miss their sum: those of ten cells rounded to a thousandth do
_EXAMPLE = "age_from,age_to,gender,race,share, of which any of gender and race may be absent, and count stand for share"


def read_population(path: str | Path) -> pd.DataFrame:
    r"""Read a population table, and check that it adds up.

    Parameters
    ----------
    path : path
        CSV in UTF-8. Columns: ``age_from`` and ``age_to`` (years, both included, the latter empty for "and over"; both
        absent for all ages), labels (``gender``, ``race``, or any other that images have), and ``share`` (0-1, or of
        100 %) or ``count``. One row a cell; no person may be in two.

    Returns
    -------
    DataFrame
        One row a cell: ``age_from`` and ``age_to`` (float; 0 and infinity where the file has no ages), labels as text,
        ``share`` (sums to 1).

    Raises
    ------
    UsageError
        If the file cannot be read, a column lacks, a number is none, an age range ends before it begins, two cells
        overlap, or shares sum neither to 1 nor to 100.

    Examples
    --------
    >>> import io
    >>> read_population(io.StringIO("age_from,age_to,gender,share\n0,17,Male,10\n18,,Male,40\n0,,Female,50\n"))
       age_from  age_to  gender  share
    0       0.0    17.0    Male    0.1
    1      18.0     inf    Male    0.4
    2       0.0     inf  Female    0.5
    """
    table = _read(path)
    given = [name for name in _AMOUNTS if name in table]
    if len(given) != 1 or len({*_AGES} & {*table}) == 1 or table.empty:
        _refuse(f"expected rows under the columns {_EXAMPLE}", f"{len(table)} rows under {', '.join(table)}")
    for name in _AGES:
        table[name] = _numbers(table, name, 0.0 if name == "age_from" else np.inf)
    amounts = _numbers(table, given[0], None)
    _check_ranges(table)
    labels = [name for name in table if name not in (*_AGES, *_AMOUNTS)]
    for name in labels:
        if table[name].isna().any():
            _refuse(f"expected a {name} in every row", f"none in row {_row(table[name].isna())}")
    _check_overlaps(table, labels)
    return table[[*_AGES, *labels]].assign(share=_shares(amounts, given[0]))


def _refuse(expected: str, got: str) -> None:
    raise UsageError(f"the population table: {expected}; got {got}; mend the CSV")


def _row(wrong: pd.Series) -> int:
    """The first line of the file that is wrong, its header counted."""
    return int(np.flatnonzero(wrong)[0]) + 2


def _read(path: str | Path) -> pd.DataFrame:
    try:
        # With sep=None pandas finds out itself whether commas, semicolons or tabs part the cells.
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig", skipinitialspace=True, sep=None, engine="python")
    except (OSError, csv.Error, UnicodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UsageError(
            f"expected a CSV of a population in UTF-8, with the columns {_EXAMPLE}; reading it failed: {error}"
        ) from error
    table.columns = table.columns.str.strip()
    return table.apply(lambda column: column.str.strip())


def _numbers(table: pd.DataFrame, name: str, absent: float | None) -> pd.Series:
    """The column as numbers from 0 on; where cells are empty, or it is absent, what stands for that, if anything."""
    column = table[name] if name in table else pd.Series(pd.NA, table.index, dtype="string")
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    empty = column.isna()
    wrong = (numbers.isna() & ~empty) | (numbers < 0) | np.isinf(numbers) | (empty & (absent is None))
    if wrong.any():
        _refuse(f"expected a number from 0 on in {name}", f"{column[wrong].iloc[0]!r} in row {_row(wrong)}")
    return numbers.where(~empty, absent)


def _check_ranges(table: pd.DataFrame) -> None:
    wrong = table["age_to"] < table["age_from"]
    if wrong.any():
        found = table.loc[wrong, [*_AGES]].iloc[0]
        _refuse("expected age_to not below age_from", f"{found.iloc[0]:g} to {found.iloc[1]:g} in row {_row(wrong)}")


def _check_overlaps(table: pd.DataFrame, labels: list[str]) -> None:
    groups = table.groupby(labels, sort=False) if labels else [("", table)]
    for _, group in groups:
        for (one, first), (other, second) in combinations(group.iterrows(), 2):
            if first["age_from"] <= second["age_to"] and second["age_from"] <= first["age_to"]:
                _refuse("expected each person in one cell", f"rows {one + 2} and {other + 2}, which overlap in age")


def _shares(amounts: pd.Series, name: str) -> pd.Series:
    total = amounts.sum()
    wholes = [1, 100] if name == "share" else [total] if total > 0 else []
    if not any(abs(total / whole - 1) <= _TOLERANCE for whole in wholes):
        _refuse(f"expected the column {name} to sum to {' or '.join(map(str, wholes)) or 'more than 0'}", f"{total:g}")
    return amounts / total
