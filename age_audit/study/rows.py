"""The study's own arithmetic on the rows of an activations file, to the last digit.

Rows are dicts, as notebooks written against the published script hold them. Sums are taken from left to right, one
term after the other, since another order would change last digits. None and NaN are missing values. Arguments are
called as they were there.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from functools import reduce
from itertools import chain, cycle, islice
from operator import add
from typing import NamedTuple

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.metrics import ACCURACY_CUTOFF
from age_audit.core.vocabulary import FEATURES_ALL, FEATURES_FACIAL, KEYS_BOUNDARIES, KEYS_BOUNDARIES_GENDERS

ACCURACY = "age_estimation_accuracy"
# Which column each share starts as; the face starts as the mean of nine.
_OUTER_SHARES = {key: f"activation_{key.removeprefix('outer_boundary_')}_pct_of_feature" for key in KEYS_BOUNDARIES[1:]}
_GENDER_CODES = {"Male": 1.0, "Female": 0.0}


class FilteredDataset(NamedTuple):
    """Rows by category: the five that the published script returned, as a tuple in its order.

    Attributes
    ----------
    by_category : dict of str to list of dict
        Every category, its rows repeated in order up to the size of the largest; an empty one stays empty.
    rows : list of dict
        All of these, one category after the other.
    frame : DataFrame
        The same.
    key_of_categories : str
    cohort_sizes : dict of str to int
        Rows of each category before any was repeated.
    """

    by_category: dict[str, list[dict]]
    rows: list[dict]
    frame: pd.DataFrame
    key_of_categories: str
    cohort_sizes: dict[str, int]


def generate_processed_datasets(dataset: Iterable[MutableMapping]) -> tuple[dict[str, list[dict]], dict[str, float]]:
    """Add the shares of face and outer boundaries to every row, and part the rows by accuracy.

    The face starts as the mean of the nine facial features, each outer boundary as its own feature. Then each of
    the five is divided, in the order of ``KEYS_BOUNDARIES``, by the sum of the five as they stand at that moment;
    see :func:`divided_in_turn`.

    Parameters
    ----------
    dataset : iterable of mapping
        Rows with ``FEATURES_ALL`` (0-1) and ``age_estimation_accuracy``. Each gets the five shares as further keys, for
        notebooks go on with the rows that they gave.

    Returns
    -------
    dict of str to list of dict
        ``positive`` has the rows with an accuracy above 0.90, ``negative`` all others, those without an accuracy
        among them: the same rows, in the order they came.
    dict of str to float
        Mean of each feature over the rows that have it, 0-1; NaN if none has.

    Warns
    -----
    UserWarning
        Once, if there are no rows, or some whose shares are NaN: a feature is missing or all are 0.
    """
    rows = list(dataset)
    require_keys(rows, (*FEATURES_ALL, ACCURACY))
    parts: dict[str, list[dict]] = {"positive": [], "negative": []}
    undefined = 0
    for row in rows:
        shares = boundary_shares(row)
        undefined += any(np.isnan(share) for share in shares.values())
        row.update(shares)
        parts["positive" if _number(row, ACCURACY) > ACCURACY_CUTOFF else "negative"].append(row)
    if not rows:
        warnings.warn("no rows: every mean is NaN", stacklevel=2)
    elif undefined:
        warnings.warn(
            f"{undefined} of {len(rows)} rows lack a feature or have 0 in all: their shares are NaN", stacklevel=2
        )
    return parts, {feature: _mean(_number(row, feature) for row in rows) for feature in FEATURES_ALL}


def boundary_shares(row: Mapping) -> dict[str, float]:
    """The five shares of one row by the names in ``KEYS_BOUNDARIES``; NaN as in :func:`divided_in_turn`."""
    face = _sum(_number(row, feature) for feature in FEATURES_FACIAL) / len(FEATURES_FACIAL)
    outer = [_number(row, feature) for feature in _OUTER_SHARES.values()]
    return dict(zip(KEYS_BOUNDARIES, divided_in_turn([face, *outer]), strict=True))


def divided_in_turn(values: Sequence[float]) -> list[float]:
    """Divide each value by the sum of all, one after the other, the values already divided included in the sum.

    The published script divided so. [1, 1, 2] becomes [1/4, 1/(1/4 + 1 + 2), ...] = [0.25, 0.307..., 0.781...], which
    does not sum to 1: later values come out larger than earlier ones of the same size.

    Returns
    -------
    list of float
        As many as came; all NaN if one is NaN or all are 0.
    """
    values = list(values)
    for i, value in enumerate(values):
        total = _sum(values)
        values[i] = value / total if total else float("nan")
    return values


def filter_dataset(
    source_dataset: Iterable[Mapping],
    retain_keys: Collection[str],
    key_of_categories: str,
    categorical_values: Sequence[str],
    age_min: float = 0,
    age_max: float = 100,
) -> FilteredDataset:
    """Take the rows of an age range apart by category, and repeat small cohorts up to the size of the largest.

    Parameters
    ----------
    source_dataset : iterable of mapping
    retain_keys : collection of str
        Keys to keep, ``age_real`` and the key of categories among them.
    key_of_categories : str
        Such as ``"race_real"``.
    categorical_values : sequence of str
        The categories, in the order in which they are returned. Rows of none of them are left out.
    age_min, age_max : float
        In years, both included. Rows without a real age are left out.

    Returns
    -------
    FilteredDataset
        The frame has a row for each repeated one; without any row it has the kept keys as its columns.

    Raises
    ------
    UsageError
        If one of the two keys is not kept, or no row has it.
    """
    needed = (key_of_categories, "age_real")
    lacking = [key for key in needed if key not in retain_keys]
    if lacking:
        raise UsageError(f"expected retain_keys to hold {' and '.join(lacking)}, got {', '.join(retain_keys)}")
    rows = list(source_dataset)
    require_keys(rows, needed)
    cohorts: dict[str, list[dict]] = {category: [] for category in categorical_values}
    for row in rows:
        category = row.get(key_of_categories)
        if category in cohorts and age_min <= _number(row, "age_real") <= age_max:
            cohorts[category].append({key: value for key, value in row.items() if key in retain_keys})
    sizes = {category: len(cohort) for category, cohort in cohorts.items()}
    largest = max(sizes.values(), default=0)
    repeated = {category: repeat_in_order(cohort, largest) for category, cohort in cohorts.items()}
    together = list(chain.from_iterable(repeated.values()))
    frame = pd.DataFrame(together) if together else pd.DataFrame(columns=list(retain_keys))
    return FilteredDataset(repeated, together, frame, key_of_categories, sizes)


def repeat_in_order(cohort: Iterable, n: int) -> list:
    """The first ``n`` of a cohort repeated over and over: [a, b] and 5 give [a, b, a, b, a]. An empty one stays so."""
    return list(islice(cycle(cohort), n))


def accuracy_correlations(rows: Sequence[Mapping]) -> dict[str, float]:
    """Pearson's r of each of the five shares with the accuracy, over the rows that have both.

    Returns
    -------
    dict of str to float
        By the names in ``KEYS_BOUNDARIES``, -1 to 1; NaN with fewer than two rows or where either is constant.
    """
    columns = ["face", ACCURACY, *KEYS_BOUNDARIES[1:]]
    frame = pd.DataFrame(list(rows), columns=columns).astype(float)
    return {key: float(r) for key, r in frame.corr(method="pearson")[ACCURACY].drop(ACCURACY).items()}


def gender_correlations(data: Iterable[Mapping] | pd.DataFrame) -> pd.DataFrame:
    """Pearson's r between gender (Male 1, Female 0), accuracy and the five shares.

    Parameters
    ----------
    data : iterable of mapping, or DataFrame
        With the columns ``KEYS_BOUNDARIES_GENDERS``.

    Returns
    -------
    DataFrame, shape (7, 7)
        Rows and columns in the order of ``KEYS_BOUNDARIES_GENDERS``; NaN as in :func:`accuracy_correlations`. Other
        genders and missing ones drop out of the correlations with gender only.
    """
    rows = data.to_dict("records") if isinstance(data, pd.DataFrame) else list(data)
    require_keys(rows, KEYS_BOUNDARIES_GENDERS)
    frame = pd.DataFrame(rows, columns=KEYS_BOUNDARIES_GENDERS)
    frame["gender_real"] = frame["gender_real"].map(_GENDER_CODES)
    return frame.astype(float).corr()


def require_keys(rows: Iterable[Mapping], keys: Iterable[str]) -> None:
    """Raise a UsageError that names the keys that no row has, unless there are no rows.

    What takes rows says which keys it needs, and begins with this.
    """
    names = dict.fromkeys(chain.from_iterable(rows))
    missing = [key for key in keys if key not in names]
    if names and missing:
        present = ", ".join(islice(names, 12))
        raise UsageError(f"missing key(s) {', '.join(missing)}; the keys present begin with: {present}")


def _number(row: Mapping, key: str) -> float:
    value = row.get(key)
    return float("nan") if value is None else float(value)


def _sum(values: Iterable[float]) -> float:
    """From left to right: the built-in sum rounds differently from one version of Python to another."""
    return reduce(add, values, 0.0)


def _mean(values: Iterable[float]) -> float:
    there = [value for value in values if not np.isnan(value)]
    return _sum(there) / len(there) if there else float("nan")
