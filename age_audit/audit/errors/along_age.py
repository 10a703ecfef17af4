"""How estimates follow real ages: their middle and their spread at each age, and which band is taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.core.groups import age_range_of, cluster_codes, real_ages, require_columns
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.schema import AGE_RANGES
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import interval, of_coefficient
from age_audit.stats.proportions import share_columns

BEYOND = "in no range"


def with_exact_age(frame: pd.DataFrame) -> pd.DataFrame:
    """The faces with an estimate whose real age is known to the year, not as a range of ages.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30, np.nan], "age_real_low": [np.nan, 20], "age_real_high": [np.nan, 29]})
    >>> len(with_exact_age(frame.assign(age_estimation=[31, 25])))
    1
    """
    require_columns(frame, ("age_real", "age_estimation"))
    return frame[frame[["age_real", "age_estimation"]].notna().all(axis=1)]


def estimates_by_age(frame: pd.DataFrame, smallest: int = FEW_FACES) -> pd.DataFrame:
    """Median of the estimates and the range of the middle 80 %, by real age.

    Whole years are taken together, from the youngest on, until there are enough faces; what is left at the oldest end
    goes with the last of these.

    Parameters
    ----------
    frame : DataFrame
        With ``age_real`` and ``age_estimation`` in years; faces whose age is a range are left out.
    smallest : int
        Faces that each row has at least. With fewer in all there is one row, of all.

    Returns
    -------
    DataFrame
        Columns: ``age_low`` and ``age_high`` (years, both included), ``age_mean``, ``n``, ``median``, ``p10`` and
        ``p90`` of the estimates (years), and ``share_judged_older``: of the faces that are judged older or younger than
        they are, how many older (0-1), with Wilson's interval.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [1, 2, 2, 60, 61], "age_estimation": [4, 3, 8, 50, 52]})
    >>> estimates_by_age(frame, smallest=2)[["age_low", "age_high", "n", "median", "share_judged_older"]]
       age_low  age_high  n  median  share_judged_older
    0        1         2  3     4.0                 1.0
    1       60        61  2    51.0                 0.0
    """
    faces = with_exact_age(frame)
    years = np.floor(faces["age_real"].to_numpy(dtype=float))
    rows = []
    for low, high in _enough(years, smallest):
        inside = faces[(years >= low) & (years <= high)]
        age, estimate = inside["age_real"].to_numpy(dtype=float), inside["age_estimation"].to_numpy(dtype=float)
        p10, median, p90 = np.quantile(estimate, (0.1, 0.5, 0.9))
        row = {"age_low": low, "age_high": high, "age_mean": age.mean(), "n": len(inside)}
        older, younger = int((estimate > age).sum()), int((estimate < age).sum())
        rows.append(row | {"median": median, "p10": p10, "p90": p90, "older": older, "either": older + younger})
    columns = ["age_low", "age_high", "age_mean", "n", "median", "p10", "p90"]
    table = pd.DataFrame(rows, columns=[*columns, "older", "either"])
    return table[columns].assign(**share_columns(table["older"], table["either"], "share_judged_older"))


def _enough(years: np.ndarray, smallest: int) -> list[tuple[int, int]]:
    """First and last year of each row, the smallest number of faces in each."""
    bounds, low, n = [], None, 0
    for year, count in zip(*np.unique(years.astype(int), return_counts=True), strict=True):
        low, n = (year if low is None else low), n + count
        if n >= smallest:
            bounds.append((int(low), int(year)))
            low, n = None, 0
    if low is not None:
        bounds.append((int(bounds.pop()[0] if bounds else low), int(year)))
    return bounds


def labels_of_alike(frame: pd.DataFrame, estimate: float, reach: float = 2.5) -> dict[str, float]:
    """How old faces are labelled that are judged about this old: what a single estimate is worth.

    It depends on the ages of the data set: where few are old, few of any estimate are.

    Parameters
    ----------
    frame : DataFrame
        As :func:`estimates_by_age`.
    estimate : float
        Years.
    reach : float
        Years around it within which estimates are taken for alike.

    Returns
    -------
    dict
        ``n`` faces, and ``p10``, ``median`` and ``p90`` of their labels in years: NaN of fewer than 30.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": range(20, 80), "age_estimation": [30.0] * 60})
    >>> labels_of_alike(frame, 31), labels_of_alike(frame, 40)["n"]
    ({'n': 60, 'p10': 25.9, 'median': 49.5, 'p90': 73.1}, 0)
    """
    faces = with_exact_age(frame)
    ages = faces["age_real"][(faces["age_estimation"] - estimate).abs() <= reach].to_numpy(dtype=float)
    ends = np.quantile(ages, (0.1, 0.5, 0.9)).tolist() if len(ages) >= FEW_FACES else [np.nan] * 3
    return {"n": len(ages)} | dict(zip(("p10", "median", "p90"), ends, strict=True))


def age_slope(
    frame: pd.DataFrame, confidence: float = CONFIDENCE, clusters: str | None = None
) -> tuple[float, float, float]:
    """By how many years the estimate grows with each year of real age: least squares, with an interval.

    The interval allows for errors that grow with age (White 1980, in the form HC3 of MacKinnon and White 1985).

    Parameters
    ----------
    frame : DataFrame
        As :func:`estimates_by_age`.
    confidence : float
        Coverage, between 0 and 1.
    clusters : str, optional
        Column of what belongs together, such as copies of one picture: errors are then added up within each before
        they are squared (Liang and Zeger 1986).

    Returns
    -------
    slope, low, high : float
        Years a year: 1 for an estimator that errs alike at all ages; below 1 where old faces are judged younger, or
        young ones older, than the others. NaN with fewer than three faces or one age.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [10, 20, 30, 40], "age_estimation": [15, 20, 25, 30]})
    >>> [round(float(number), 6) for number in age_slope(frame)]
    [0.5, 0.5, 0.5]
    """
    faces = with_exact_age(frame)
    age, estimate = faces["age_real"].to_numpy(dtype=float), faces["age_estimation"].to_numpy(dtype=float)
    if age.size < 3 or np.ptp(age) == 0:
        return (np.nan,) * 3
    if clusters is not None:
        found = of_coefficient(age, np.ones((age.size, 1)), estimate)
        return interval(found, cluster_codes(faces, clusters), confidence)
    x, y = age - age.mean(), estimate - estimate.mean()
    squares = x @ x
    slope = x @ y / squares
    leverage = np.minimum(1 / x.size + x**2 / squares, 1 - 1e-9)
    error = np.sqrt(x**2 @ ((y - slope * x) / (1 - leverage)) ** 2) / squares
    half = scipy.stats.t.ppf((1 + confidence) / 2, x.size - 2) * error
    return float(slope), float(slope - half), float(slope + half)


def confusion(frame: pd.DataFrame, ranges: Sequence[Sequence[int]] = AGE_RANGES) -> pd.DataFrame:
    """Of the faces of each range of real age, how many are estimated in which range.

    Parameters
    ----------
    frame : DataFrame
        With ``age_real`` and ``age_estimation`` in years. A real age that is a range counts where all of it lies in
        one of these ranges.
    ranges : sequence of (low, high)
        In years, both included: an estimate of 12.9 is 12 completed years.

    Returns
    -------
    DataFrame
        One row for each range of real age and of the estimate, and :data:`BEYOND` for estimates in none, where there
        are any. Columns: ``age_range``, ``estimated_range``, ``n`` of the range of real age, ``faces``, ``share`` of
        those n (0-1) with Wilson's interval ``low`` and ``high``, ``few_faces`` (n below 30).

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [9, 15, 16, 17], "age_estimation": [8, 12.9, 15, 21]})
    >>> table = confusion(frame, [(0, 12), (13, 17), (18, 99)])
    >>> table.loc[table["age_range"] == "13–17", ["estimated_range", "n", "faces", "share"]].round(2)
      estimated_range  n  faces  share
    3            0–12  3      1   0.33
    4           13–17  3      1   0.33
    5           18–99  3      1   0.33
    """
    require_columns(frame, ("age_real", "age_estimation"))
    used = frame[frame["age_estimation"].notna()]
    lowest, highest = real_ages(used)
    real, estimated = age_range_of(lowest, ranges, highest), age_range_of(used["age_estimation"], ranges)
    names, beyond = list(real.categories), (real.codes >= 0) & (estimated.codes < 0)
    columns = {name: estimated == name for name in names} | ({BEYOND: beyond} if beyond.any() else {})
    rows = [
        {"age_range": name, "estimated_range": column, "n": int((real == name).sum()), "faces": int(inside.sum())}
        for name in names
        for column, there in columns.items()
        for inside in [there & (real == name)]
    ]
    table = pd.DataFrame(rows)
    return table.assign(**share_columns(table["faces"], table["n"]), few_faces=table["n"] < FEW_FACES)
