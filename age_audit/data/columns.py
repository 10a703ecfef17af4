"""From rows that come in batches to one frame, without ever holding all rows.

A million rows as dicts take gigabytes; as columns they take a tenth of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.groups import BOUNDS

BATCH = 10_000  # rows
_NUMBER_COLUMNS = ("age_real", *BOUNDS, "age_estimation", "age_estimation_accuracy", "age_spread", "probability_female")

Part = tuple[pd.DataFrame, Collection[str]]  # a batch as columns, and the names of all its columns, wanted or not


def is_number_column(name: str) -> bool:
    """Whether a column of an activations file holds numbers, by its name; all others hold text."""
    return name in _NUMBER_COLUMNS or name.startswith("activation_")


def parts_of(rows: Iterable[Mapping], wanted: Collection[str] | None = None) -> Iterator[Part]:
    """Turn rows from an iterable that is read once into columns, a batch at a time.

    Parameters
    ----------
    rows : iterable of mapping
        What a row lacks is missing there.
    wanted : collection of str, optional
        Columns to keep; all by default.

    Raises
    ------
    UsageError
        If a row is not an object.
    """
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield _part(batch, wanted)


def _part(rows: Sequence[Mapping], wanted: Collection[str] | None) -> Part:
    strays = [row for row in rows if not isinstance(row, Mapping)]
    if strays:
        raise UsageError(f"expected every row to be an object with the labels of one image, got {strays[0]!r:.60}")
    names = dict.fromkeys(chain.from_iterable(rows))
    kept = [name for name in names if wanted is None or name in wanted]
    # The index says how many rows there are where none of them has a column that is kept.
    return pd.DataFrame(rows, columns=kept, index=range(len(rows))), names
