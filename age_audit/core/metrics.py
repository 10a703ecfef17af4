"""How far estimates are from real ages: functions of two arrays, in years unless said otherwise.

Missing values are NaN, and infinities count as missing too. Functions that answer one number per face keep the
missing ones as NaN in their place; functions that answer one number for all faces leave out every face that lacks
its real age or its estimate, and answer NaN when no face is left. Nothing here warns or raises for that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

ACCURACY_CUTOFF = 0.90  # an estimate is accurate (the study: positive) when its accuracy is above this, not at it


def signed_error(estimate: ArrayLike, age: ArrayLike, highest: ArrayLike | None = None) -> np.ndarray:
    """Estimate minus real age: positive where a face is taken for older than it is.

    Parameters
    ----------
    estimate, age : array_like of float, shape (N,)
        In years; NaN, an infinity or None where missing.
    highest : array_like of float, shape (N,), optional
        Where real ages are known only to lie between two: ``age`` is the lowest, this the highest. An estimate between
        them has error 0, another one its distance from the nearer.

    Returns
    -------
    ndarray of float, shape (N,)
        In years; NaN where either is missing.

    Raises
    ------
    ValueError
        If the two do not have one and the same shape (N,).
    """
    estimate, age = _as_pair(estimate, age)
    if highest is None:
        return estimate - age
    return estimate - np.clip(estimate, age, _as_pair(estimate, highest)[1])


def absolute_error(estimate: ArrayLike, age: ArrayLike, highest: ArrayLike | None = None) -> np.ndarray:
    """Absolute value of :func:`signed_error`, in years, shape (N,); NaN where either is missing."""
    return np.abs(signed_error(estimate, age, highest))


def mean_absolute_error(estimate: ArrayLike, age: ArrayLike) -> float:
    """Mean of :func:`absolute_error` in years (MAE), missing faces left out; NaN without any face."""
    return _mean(absolute_error(estimate, age))


def mean_signed_error(estimate: ArrayLike, age: ArrayLike) -> float:
    """Mean of :func:`signed_error` in years, missing faces left out; NaN without any face."""
    return _mean(signed_error(estimate, age))


def study_accuracy(estimate: ArrayLike, age: ArrayLike, highest: ArrayLike | None = None) -> np.ndarray:
    """Accuracy as the published study defines it: (100 - |estimate - age|) / 100; arguments as :func:`signed_error`.

    Returns
    -------
    ndarray of float, shape (N,)
        At most 1, and 0.01 less for every year of error; below 0 only for errors above 100 years. NaN where either
        is missing.
    """
    return (100 - absolute_error(estimate, age, highest)) / 100


def is_accurate(accuracy: ArrayLike, cutoff: float = ACCURACY_CUTOFF) -> np.ndarray:
    """Whether an estimate counts as accurate, as the study has it: accuracy strictly above the cut-off.

    A face without an accuracy does not count as accurate; what is, the study calls positive.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    return np.asarray(accuracy, dtype=float) > cutoff


def within_years(
    estimate: ArrayLike, age: ArrayLike, highest: ArrayLike | None = None, *, years: float = 5
) -> np.ndarray:
    """Whether the absolute error is at most ``years``: 0 or 1, whose mean is the cumulative score, written CS@years.

    Returns
    -------
    ndarray of float, shape (N,)
        NaN where either is missing.
    """
    error = absolute_error(estimate, age, highest)
    return np.where(np.isnan(error), np.nan, error <= years)


def _as_pair(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as float arrays with NaN for whatever is not a finite number; a ValueError unless both are (N,)."""
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"expected two arrays of one shape (N,), got {first.shape} and {second.shape}")
    return np.where(np.isfinite(first), first, np.nan), np.where(np.isfinite(second), second, np.nan)


def _mean(values: np.ndarray) -> float:
    """Mean of what is there; NaN, without numpy's warning, when nothing is."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def distribution_spread(probabilities: ArrayLike, classes: ArrayLike) -> np.ndarray:
    """Standard deviation of distributions over age classes: how widely an estimator hedges.

    Parameters
    ----------
    probabilities : array_like of float, shape (..., C)
        One distribution a row, 0 or more each; scaled to sum to 1, so that rounding of single precision does not count.
    classes : array_like of float, shape (C,)
        The age in years that each class stands for.

    Returns
    -------
    ndarray of float, shape (...)
        In years, 0 or more; NaN for a row with a missing value, or without any probability or class.

    Raises
    ------
    ValueError
        If there is not one probability a class.
    """
    probabilities, classes = np.asarray(probabilities, dtype=float), np.asarray(classes, dtype=float)
    if classes.ndim != 1 or probabilities.shape[-1:] != classes.shape:
        raise ValueError(f"expected one probability a class, got shapes {probabilities.shape} and {classes.shape}")
    total = probabilities.sum(axis=-1, keepdims=True)
    shares = probabilities / np.where(total > 0, total, np.nan)
    deviations = classes - (shares * classes).sum(axis=-1, keepdims=True)
    spread = np.sqrt((shares * deviations**2).sum(axis=-1))
    return spread if classes.size else np.full_like(spread, np.nan)
