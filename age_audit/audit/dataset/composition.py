"""Which cells of ages by gender by race have enough images to judge an estimator by, and which are too thin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.core.errors import UsageError
from age_audit.core.groups import age_range_of, groups_of, levels, real_ages, require_columns
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.schema import AGE_RANGES
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.proportions import share_columns
from age_audit.stats.resampling import LEAST_FACES

FEATURES = ("race_real", "gender_real")
HALF_WIDTH = 1.0  # years


def half_width_of_mean(spread: float, n: int, confidence: float = CONFIDENCE) -> float:
    """Half the width of the interval of a mean of n images: t · spread / √n, Student's t with n - 1 degrees of freedom.

    Parameters
    ----------
    spread : float
        Standard deviation of one image's value, such as its absolute error in years.
    n : int
        Images.
    confidence : float
        Coverage, between 0 and 1.

    Returns
    -------
    float
        In the unit of the spread; NaN of fewer than three images.

    Examples
    --------
    >>> round(half_width_of_mean(8, 100), 2), round(half_width_of_mean(8, 10_000), 3)
    (1.59, 0.157)
    """
    if n < LEAST_FACES:
        return np.nan
    return float(scipy.stats.t.ppf((1 + confidence) / 2, n - 1) * spread / np.sqrt(n))


def images_needed(spread: float, half_width: float = HALF_WIDTH, confidence: float = CONFIDENCE) -> int:
    """The smallest n for which the interval of a mean is at most so wide: t · spread / √n ≤ half_width.

    Parameters
    ----------
    spread : float
        Standard deviation of one image's absolute error, in years, above 0.
    half_width : float
        Half the width of the interval that is wanted, in years, above 0.
    confidence : float
        Coverage, between 0 and 1.

    Returns
    -------
    int
        At least 3: fewer images have no interval.

    Raises
    ------
    ValueError
        If spread or half_width is not above 0.

    Examples
    --------
    >>> images_needed(8), images_needed(8, half_width=2)  # (1.96 * 8 / 1)² is 245.9, (1.96 * 8 / 2)² 61.5
    (249, 64)
    """
    if not (0 < spread < np.inf and 0 < half_width < np.inf):
        raise ValueError(f"expected a spread and a half width above 0, in years, got {spread} and {half_width}")
    n = max(LEAST_FACES, int((scipy.stats.norm.ppf((1 + confidence) / 2) * spread / half_width) ** 2))
    while half_width_of_mean(spread, n, confidence) > half_width:  # few steps: t is a little above the normal's z
        n += 1
    return n


def spread_of_errors(frame: pd.DataFrame, ranges: Sequence[Sequence[int]] = AGE_RANGES) -> dict[str, float]:
    """The standard deviation of absolute errors in each age range, all groups together.

    It is not taken of each cell, because that of a thin one is itself hardly known. A range with fewer than 30
    estimates has the largest of the others', so that nothing is called enough too soon.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with ``absolute_error`` (years) and ``age_real``.
    ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    dict of str to float
        By age range, in years.

    Raises
    ------
    UsageError
        If the frame lacks a column, or no age range has 30 estimates with different errors.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [5] * 40 + [30] * 2, "absolute_error": [2.0, 4.0] * 21})
    >>> {name: round(spread, 2) for name, spread in spread_of_errors(frame, [(0, 12), (13, 99)]).items()}
    {'0–12': 1.01, '13–99': 1.01}
    """
    require_columns(frame, ("absolute_error", "age_real"))
    errors = frame["absolute_error"].astype(float).groupby(_ranges_of(frame, ranges), observed=False)
    measured = errors.std()[(errors.count() >= FEW_FACES) & (errors.std() > 0)]
    if measured.empty:
        raise UsageError(
            f"expected at least {FEW_FACES} estimates with different errors in some age range, to measure their "
            f"spread by; got at most {errors.count().max()}; give a spread in years instead"
        )
    return {name: float(measured.get(name, measured.max())) for name in errors.groups}


def _ranges_of(frame: pd.DataFrame, ranges: Sequence[Sequence[int]]) -> pd.Categorical:
    lowest, highest = real_ages(frame)
    return age_range_of(lowest, ranges, highest)


def cells(
    frame: pd.DataFrame,
    features: Sequence[str] = FEATURES,
    ranges: Sequence[Sequence[int]] = AGE_RANGES,
    *,
    spread: float | None = None,
    half_width: float = HALF_WIDTH,
) -> pd.DataFrame:
    """Count the images of each age range and group, and say which cells are too thin to judge.

    A cell is thin if it has fewer images than the interval of 95 % of the mean absolute error needs to be at most
    ± ``half_width`` years: :func:`images_needed`.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with ``age_real``, the features, and ``absolute_error`` (years) where no spread is given.
    features : sequence of str
        Columns; every combination of their levels with an age range is a cell.
    ranges : sequence of (low, high)
        In years, both included.
    spread : float, optional
        Standard deviation of absolute errors in years, assumed of all ages; by default it is measured
        (:func:`spread_of_errors`).
    half_width : float
        In years.

    Returns
    -------
    DataFrame
        One row a cell, empty ones too. Columns: ``age_range``, the features; ``images``; their ``share`` of the frame
        (0-1) with ``low`` and ``high``, the ends of Wilson's interval of 95 %; ``standard_deviation`` of absolute
        errors (years), and whether it is ``assumed``; ``n_needed``; ``thin``; ``half_width`` (years) that so many
        images give; ``few_faces`` (fewer than 30). Images in no cell are told by :func:`in_no_cell`.

    Raises
    ------
    UsageError, ValueError
        As :func:`spread_of_errors` and :func:`images_needed`.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [5] * 300 + [30] * 100, "gender_real": ["Male", "Female"] * 200})
    >>> table = cells(frame, ["gender_real"], [(0, 12), (13, 99)], spread=5)
    >>> table[["age_range", "gender_real", "images", "share", "n_needed", "thin"]]
      age_range gender_real  images  share  n_needed   thin
    0      0–12      Female     150  0.375        99  False
    1      0–12        Male     150  0.375        99  False
    2     13–99      Female      50  0.125        99   True
    3     13–99        Male      50  0.125        99   True
    """
    require_columns(frame, ("age_real", *features))
    aged = frame.assign(age_range=_ranges_of(frame, ranges))
    known = dict.fromkeys(levels(aged["age_range"]), spread) if spread is not None else spread_of_errors(frame, ranges)
    needed = {name: images_needed(found, half_width) for name, found in known.items()}
    rows = []
    for labels, inside in groups_of(aged, ["age_range", *features]):
        n, age_range = int(inside.sum()), labels["age_range"]
        row = {"images": n, "standard_deviation": known[age_range], "assumed": spread is not None}
        row |= {"n_needed": needed[age_range], "thin": n < needed[age_range]}
        row |= {"half_width": half_width_of_mean(known[age_range], n), "few_faces": n < FEW_FACES}
        rows.append(labels | row)
    columns = ["standard_deviation", "assumed", "n_needed", "thin", "half_width", "few_faces"]
    table = pd.DataFrame(rows, columns=["age_range", *features, "images", *columns])
    table = table.assign(**share_columns(table["images"], [len(frame)] * len(table)))
    return table[["age_range", *features, "images", "share", "low", "high", *columns]]


def in_no_cell(
    frame: pd.DataFrame, features: Sequence[str] = FEATURES, ranges: Sequence[Sequence[int]] = AGE_RANGES
) -> pd.DataFrame:
    """Count the images that are in no cell, by what they lack.

    Parameters
    ----------
    frame, features, ranges
        As :func:`cells`.

    Returns
    -------
    DataFrame
        Columns ``lacking`` (``age_real``, ``age_range`` where an age fits no range, features; joined by ``" + "``) and
        ``images``, the most frequent first. With the images of all cells they add up to all.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [5, 116, None], "gender_real": ["Male", "Female", None]})
    >>> in_no_cell(frame, ["gender_real"])
                      lacking  images
    0               age_range       1
    1  age_real + gender_real       1
    """
    require_columns(frame, ("age_real", *features))
    unknown = np.isnan(real_ages(frame)[0])
    lacks = {"age_real": unknown, "age_range": ~unknown & _ranges_of(frame, ranges).isna()}
    lacks |= {name: frame[name].isna().to_numpy() for name in features}
    said = [" + ".join(name for name, lack in lacks.items() if lack[i]) for i in range(len(frame))]
    counts = pd.Series([text for text in said if text], dtype=object).value_counts().sort_index()
    counts = counts.sort_values(ascending=False, kind="stable")
    return pd.DataFrame({"lacking": counts.index, "images": counts.to_numpy()})
