"""Which faces are compared with which: groups out of columns, age ranges out of ages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, product

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.schema import AGE_RANGES


def require_columns(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise a UsageError that names the columns the frame lacks, if it lacks any."""
    _require(list(frame.columns), columns)


def _require(names: Collection[str], columns: Iterable[str]) -> None:
    missing = [column for column in columns if column not in names]
    if missing:
        present = ", ".join(map(str, islice(names, 12))) or "none at all"
        raise UsageError(f"missing column(s) {', '.join(missing)}; the columns present begin with: {present}")


def age_range_of(ages: Iterable[float], ranges: Sequence[Sequence[int]] = AGE_RANGES) -> pd.Categorical:
    """Sort ages into ranges that are inclusive at both ends.

    Ages are counted in completed years, as people do: 12.5 is 12 and belongs to 0–12, so no age falls between two
    ranges. Ages below the first range or above the last (UTKFace goes up to 116) belong to none, nor do missing ones.

    Parameters
    ----------
    ages : iterable of float, length N
        In years.
    ranges : sequence of (low, high)
        In years, not overlapping.

    Returns
    -------
    Categorical
        Length N, ordered as the ranges are, labels such as ``"0–12"``, NaN where no range fits.
    """
    years = np.floor(np.asarray(ages, dtype=float))
    codes = np.full(years.shape, -1)
    for code, (low, high) in enumerate(ranges):
        codes[(years >= low) & (years <= high)] = code
    return pd.Categorical.from_codes(codes, [f"{low}–{high}" for low, high in ranges], ordered=True)


ALL = "all"  # the level that stands for every face, whatever its group


def groups_of(
    frame: pd.DataFrame, features: Sequence[str], with_all: Collection[str] = ()
) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    """Walk through every combination of the features' levels.

    Parameters
    ----------
    frame : DataFrame
        With the columns named by ``features``.
    features : sequence of str
        The last one changes fastest. Without any there is one group, of every face.
    with_all : collection of str
        Those of the features whose levels are followed by ``"all"``, which also counts faces that no level fits.

    Yields
    ------
    labels : dict of str to level
        One level a feature.
    inside : ndarray of bool, shape (N,)
        The faces of the group; may be none.
    """
    levels = [
        [(level, (frame[name] == level).to_numpy(dtype=bool)) for level in _levels(frame[name])] for name in features
    ]
    every = np.ones(len(frame), dtype=bool)
    for name, choices in zip(features, levels, strict=True):
        if name in with_all:
            choices.append((ALL, every))  # told apart by its place: a group may itself be called "all"
    for combination in product(*levels):
        inside = every.copy()
        for _, members in combination:
            inside &= members
        yield {name: level for name, (level, _) in zip(features, combination, strict=True)}, inside


def feature_names(features: str | Sequence[str]) -> list[str]:
    """One name or several, as a list."""
    return [features] if isinstance(features, str) else list(features)


def _levels(column: pd.Series) -> list:
    """The groups of a column, in the order in which they are named."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    return sorted(column.dropna().unique())
