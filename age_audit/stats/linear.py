"""Least squares with an interval that does not ask for equal spread."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike

from age_audit.core.randomness import CONFIDENCE


def bent_line(x: ArrayLike, bends: int = 5) -> np.ndarray:
    """Columns of a regression whose sum is a line through x that may bend at so many places.

    Parameters
    ----------
    x : array_like of float, shape (N,)
        Finite.
    bends : int
        At quantiles of x, with as many faces between any two.

    Returns
    -------
    ndarray of float, shape (N, 2 + bends)
        1, x, and how far x is above each bend.

    Examples
    --------
    >>> bent_line([20, 30, 40], bends=1)
    array([[ 1., 20.,  0.],
           [ 1., 30.,  0.],
           [ 1., 40., 10.]])
    """
    x = np.asarray(x, dtype=float)
    places = np.quantile(x, np.arange(1, bends + 1) / (bends + 1))
    return np.column_stack([np.ones_like(x), x, np.maximum(x[:, np.newaxis] - places, 0)])


def coefficient_interval(
    columns: ArrayLike, y: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """The coefficient of the first column, with its interval, by ordinary least squares.

    The interval allows for errors of unequal spread (HC3, MacKinnon and White 1985), as those of young and old faces
    are.

    Parameters
    ----------
    columns : array_like of float, shape (N, P)
        Finite; a constant is no column unless it is one of these.
    y : array_like of float, shape (N,)
    confidence : float
        Coverage, between 0 and 1.

    Returns
    -------
    value, low, high : float
        NaN where the other columns leave nothing of the first, or nothing of y's freedom.

    Examples
    --------
    >>> group, age = np.array([1.0, 0, 1, 0, 1, 0]), np.array([20.0, 25, 30, 35, 40, 45])
    >>> error = 2 * group + 0.1 * age + [0.1, -0.1, -0.1, 0.1, 0.1, -0.1]
    >>> value, low, high = coefficient_interval(np.column_stack([group, np.ones(6), age]), error)
    >>> round(value, 2), low < 2 < high
    (2.07, True)
    """
    columns, y = np.asarray(columns, dtype=float), np.asarray(y, dtype=float)
    rank = np.linalg.matrix_rank(columns) if len(y) else 0
    if rank == np.linalg.matrix_rank(columns[:, 1:]) or len(y) <= rank:
        return np.nan, np.nan, np.nan
    inverse = np.linalg.pinv(columns)
    coefficients = inverse @ y
    leverage = np.einsum("ij,ji->i", columns, inverse)
    with np.errstate(divide="ignore", invalid="ignore"):  # a face that alone decides a coefficient has a leverage of 1
        error = np.sqrt(np.square(inverse[0] * (y - columns @ coefficients) / (1 - leverage)).sum())
    half = scipy.stats.t.ppf((1 + confidence) / 2, len(y) - rank) * error
    value = coefficients[0]
    return float(value), float(value - half), float(value + half)
