"""Tables as CSV in which text stays text: no spreadsheet takes a cell for a formula, programs read back what was there.

The one place where a table becomes CSV, for a label, a file name or a name of a column may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

SIGNIFICANT = 6  # digits: more would show how a machine adds, not what was measured
_FORMULA = re.compile(r"['\s]*[=+@-]")  # and what looks like a guarded one, or that could not be told from it


def csv_text(table: pd.DataFrame, numbers: str = f"%.{SIGNIFICANT}g") -> str:
    """Comma-separated values, empty where NaN; :func:`read_csv` is the inverse.

    A text, or a name of a column, that begins as a formula does gets an apostrophe in front.

    Parameters
    ----------
    table : DataFrame
        Its index is not written.
    numbers : str
        The format of floating-point numbers, six significant digits by default.

    Examples
    --------
    >>> print(csv_text(pd.DataFrame({"group": ["=1+1", "Other"], "gap": [-0.5, 2.0]})), end="")
    group,gap
    '=1+1,-0.5
    Other,2
    """
    columns = {place: _texts(table.iloc[:, place], _guarded) for place in range(table.shape[1])}
    plain = pd.DataFrame(columns, index=table.index).set_axis([_guarded(str(name)) for name in table], axis=1)
    return plain.to_csv(index=False, float_format=numbers, lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    """A table that :func:`csv_text` wrote, with its texts as they were.

    Raises
    ------
    OSError, ValueError
        As pandas.
    """
    table = pd.read_csv(path)
    columns = {_bare(name): _texts(table[name], _bare) for name in table}
    return pd.DataFrame(columns, index=table.index)


def _texts(column: pd.Series, change: Callable[[str], str]) -> pd.Series:
    """Numbers are left alone."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    texts = [change(value) if isinstance(value, str) else value for value in column]
    kind = object if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype  # else numbers are told otherwise
    return pd.Series(texts, index=column.index, dtype=kind)


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _bare(text: str) -> str:
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text
