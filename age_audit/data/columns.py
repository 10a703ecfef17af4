"""From rows that come in batches to one frame, without ever holding all rows.

A million rows as dicts take gigabytes; as columns they take a tenth of it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from types import NoneType

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError

BATCH = 10_000  # rows
TEXT_COLUMNS = ("fname", "gender_real", "race_real")
_NUMBER_COLUMNS = ("age_real", "age_estimation", "age_estimation_accuracy")

Part = np.ndarray | Sequence  # floats, or anything at all


def is_number_column(name: str) -> bool:
    """Whether a column of an activations file holds numbers, by its name."""
    return name in _NUMBER_COLUMNS or name.startswith("activation_")


class Columns:
    """Collects rows or columns, batch after batch, and makes one frame of them.

    Parameters
    ----------
    wanted : collection of str, optional
        Columns to keep; all by default. Those that never come are not in the frame.
    """

    def __init__(self, wanted: Collection[str] | None = None):
        self._wanted = wanted
        self._parts: dict[str, list[Part]] = {}
        self.names: dict[str, None] = {}  # of all columns that came, wanted or not, in their order
        self.length = 0

    def add_rows(self, rows: Sequence[Mapping]) -> None:
        """Add rows; what a row lacks is missing there.

        Raises
        ------
        UsageError
            If a row is not an object.
        """
        stray = next((row for row in rows if not isinstance(row, Mapping)), None)
        if stray is not None:
            raise UsageError(f"expected every row to be an object with the labels of one image, got {stray!r:.60}")
        names = dict.fromkeys(chain.from_iterable(rows))
        kept = [name for name in names if self._wanted is None or name in self._wanted]
        self.names |= names
        self.add_columns({name: [row.get(name, np.nan) for row in rows] for name in kept}, len(rows))

    def add_columns(self, columns: Mapping[str, Part], length: int) -> None:
        """Add a batch of ``length`` rows that already are columns, all of them wanted."""
        for name in columns:
            if name not in self._parts:
                self._parts[name] = [_missing(name, self.length)] if self.length else []
        for name, parts in self._parts.items():
            part = columns.get(name)
            if part is None:
                part = _missing(name, length)
            parts.append(_floats_if_clean(part) if is_number_column(name) else part)
        self.names |= dict.fromkeys(columns)
        self.length += length

    def frame(self) -> pd.DataFrame:
        """One row an image in the order they came; columns of numbers are float wherever all their values are."""
        return pd.DataFrame({name: _joined(parts) for name, parts in self._parts.items()})


def collect(rows: Iterable[Mapping], wanted: Collection[str] | None = None) -> Columns:
    """Collect rows from an iterable that is read once, a batch at a time."""
    columns, rows = Columns(wanted), iter(rows)
    while batch := list(islice(rows, BATCH)):
        columns.add_rows(batch)
    return columns


def _missing(name: str, length: int) -> Part:
    return np.full(length, np.nan) if is_number_column(name) else [np.nan] * length


def _floats_if_clean(values: Part) -> Part:
    """Floats if all values are plain numbers or None; otherwise as they are, for a later complaint that names them."""
    if isinstance(values, np.ndarray):
        return values
    if set(map(type, values)) <= {float, int, NoneType}:
        with suppress(OverflowError):
            return np.array(values, dtype=float)
    return [np.inf if type(value) is int and abs(value) > sys.float_info.max else value for value in values]


def _joined(parts: list[Part]) -> Part:
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return list(chain.from_iterable(part.tolist() if isinstance(part, np.ndarray) else part for part in parts))
