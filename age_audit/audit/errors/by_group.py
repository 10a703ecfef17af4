"""Errors group by group.

In the wording of fairlearn (Bird et al. 2020): a *sensitive feature* is what groups are compared by (gender, race),
a *control feature* is what they are compared within (age range), because estimates are harder at some ages and the
groups of a data set do not have the same ages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy
from numpy.typing import ArrayLike

from age_audit.core.groups import CONFIDENCE, feature_names, groups_of, require_columns
from age_audit.core.metrics import absolute_error, signed_error


@dataclass(frozen=True)
class MeanInterval:
    """A mean with its t interval: ``n`` values, ``mean``, and ``low`` to ``high``, in the unit of the values."""

    n: int
    mean: float
    low: float
    high: float


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> MeanInterval:
    """Mean of the values and its interval from Student's t with n - 1 degrees of freedom.

    The interval is symmetric; for a few skewed values it may reach where no mean can be, such as below 0 years of
    absolute error.

    Parameters
    ----------
    values : array_like of float, shape (N,)
        NaN values are left out.
    confidence : float
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    MeanInterval
        Without values the mean is NaN, and with fewer than two the interval is NaN: one value says nothing about
        spread.

    Raises
    ------
    ValueError
        If ``confidence`` is not between 0 and 1.

    Examples
    --------
    >>> found = mean_interval([1, 2, 3, 4, None])
    >>> found.n, found.mean, round(found.low, 2), round(found.high, 2)
    (4, 2.5, 0.45, 4.55)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, got {confidence}")
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    n, nan = values.size, float("nan")
    if n < 2:
        return MeanInterval(n, float(values[0]) if n else nan, nan, nan)
    mean = float(values.mean())
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return MeanInterval(n, mean, mean - half, mean + half)


def error_by_group(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Mean absolute and mean signed error of every group, with intervals.

    Parameters
    ----------
    frame : DataFrame
        With ``age_real`` and ``age_estimation`` in years and the columns named by the features.
    sensitive_features, control_features : str or sequence of str
        Columns. Every level of a categorical column has its row even if no face is in it; of any other column, the
        values that occur, sorted.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row for each combination of levels, control features first, each feature's own levels followed by
        ``"all"``. Columns: the features, ``n`` (faces with a real age and an estimate), and
        ``mean_absolute_error`` and ``mean_signed_error`` in years, each followed by the ends of its interval
        (``..._ci95_low``, ``..._ci95_high``). An empty group has n = 0 and NaN; a group of one has its mean and a
        NaN interval. ``"all"`` also counts faces that no level fits, such as those without the label, so that n of
        the levels may sum to less.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If no sensitive feature is given.

    Examples
    --------
    >>> ages = {"age_real": [4, 30, 8, 35], "age_estimation": [9, 33, 9, 34]}
    >>> frame = pd.DataFrame(ages).assign(gender_real=["Male", "Male", "Female", "Female"])
    >>> error_by_group(frame, "gender_real")[["gender_real", "n", "mean_absolute_error", "mean_signed_error"]]
      gender_real  n  mean_absolute_error  mean_signed_error
    0      Female  2                  1.0                0.0
    1        Male  2                  4.0                4.0
    2         all  4                  2.5                2.0
    """
    sensitive, control = feature_names(sensitive_features), feature_names(control_features)
    if not sensitive:
        raise ValueError("expected at least one sensitive feature, got none")
    features = [*control, *sensitive]
    require_columns(frame, ("age_real", "age_estimation", *features))
    years = frame[["age_real", "age_estimation"]]  # each group is copied out of these, not of all columns
    return pd.DataFrame(
        labels | _errors(years[inside], confidence) for labels, inside in groups_of(frame, features, features)
    )


def _errors(faces: pd.DataFrame, confidence: float) -> dict[str, float]:
    """One row of the table without its labels."""
    percent = f"{100 * confidence:g}"
    row = {}
    for name, error in (("mean_absolute_error", absolute_error), ("mean_signed_error", signed_error)):
        result = mean_interval(error(faces["age_estimation"], faces["age_real"]), confidence)
        row |= {"n": result.n, name: result.mean}
        row |= {f"{name}_ci{percent}_low": result.low, f"{name}_ci{percent}_high": result.high}
    return row
