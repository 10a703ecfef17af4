"""Pearson's correlation in the forms that this house needs: pairs, rows, weights, partial, and its interval."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike

from age_audit.core.metrics import _as_pair
from age_audit.core.randomness import CONFIDENCE

_NO_SPREAD = 1e-12  # of the cohort's variance: what rounding leaves of a half that does not vary
_NO_RESIDUAL = 1e-10  # of the largest value: what rounding leaves of a column that a polynomial fits


def fisher_interval(r: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """Interval of Pearson's r by Fisher's z: tanh(artanh r ± z / sqrt(n - 3)).

    Parameters
    ----------
    r : array_like of float
        -1 to 1.
    n : array_like of int, same shape
        Faces, each counted once: it assumes that they are independent, and about normal.
    confidence : float
        Coverage, between 0 and 1.

    Returns
    -------
    (ndarray, ndarray) of float
        Low and high ends; NaN where r is NaN, at an end of its range, or n is below 4.

    Examples
    --------
    >>> low, high = fisher_interval([0.3, 1.0], [100, 100])
    >>> low.round(2), high.round(2)
    (array([0.11,  nan]), array([0.47,  nan]))
    """
    r, n = np.broadcast_arrays(np.asarray(r, dtype=float), np.asarray(n, dtype=float))
    usable = (np.abs(r) < 1) & (n > 3)
    z = np.arctanh(np.where(usable, r, 0))
    half = scipy.stats.norm.ppf((1 + confidence) / 2) / np.sqrt(np.where(usable, n - 3, 1))
    return tuple(np.where(usable, np.tanh(z + side * half), np.nan) for side in (-1, 1))


def largest_below_one(n: ArrayLike) -> np.ndarray:
    """The largest Spearman correlation below 1 that n faces can have: of ranks of which two neighbours are exchanged.

    Parameters
    ----------
    n : array_like of float
        Faces; below 3 there is none, and it is 0.

    Returns
    -------
    ndarray of float

    Examples
    --------
    >>> largest_below_one([4, 100]).round(6)  # of 1, 2, 4, 3 for 1, 2, 3, 4
    array([0.8     , 0.999988])
    """
    n = np.maximum(np.asarray(n, dtype=float), 2)
    return np.maximum(1 - 12 / (n * (n**2 - 1)), 0)


def spearman_interval(r: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """Interval of Spearman's r by Fisher's z with the variance (1 + r² / 2) / (n - 3).

    Of ranks that agree throughout z is infinite, and an interval from 1 to 1 would claim that no further face can
    disagree. It then reaches from the lower end of the largest correlation below 1 to 1, so too of -1.

    Parameters
    ----------
    r : array_like of float
        -1 to 1.
    n : array_like of int, same shape
        Faces, each counted once: it assumes that they are independent.
    confidence : float
        Coverage, between 0 and 1.

    Returns
    -------
    (ndarray, ndarray) of float
        Low and high ends; NaN where r is NaN or n is below 4.

    Notes
    -----
    Bonett & Wright, Psychometrika 65, 2000.

    Examples
    --------
    >>> low, high = spearman_interval([0.3, 1.0], [100, 100])
    >>> low.round(4), high.round(4)
    (array([0.1057, 1.    ]), array([0.4722, 1.    ]))
    """
    r, n = np.broadcast_arrays(np.asarray(r, dtype=float), np.asarray(n, dtype=float))
    limit = largest_below_one(n)
    within = np.clip(r, -limit, limit)
    low, high = fisher_interval(within, 3 + (n - 3) / (1 + within**2 / 2), confidence)
    perfect = (np.abs(r) > (1 + limit) / 2) & (n > 3)  # nearer to 1 than rounding leaves the largest below
    return np.where(perfect & (r < 0), -1, low), np.where(perfect & (r > 0), 1, high)


def weighted_correlations(shares: np.ndarray, accuracy: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's r of each share with accuracy where a face counts as often as its weight says.

    Parameters
    ----------
    shares : ndarray of float, shape (N, P)
    accuracy, weights : ndarray of float and of int, shape (D, N)
        D data sets of the same faces.

    Returns
    -------
    ndarray of float, shape (D, P)
        NaN with fewer than two faces or where either does not vary.

    Examples
    --------
    >>> shares = np.array([[0.1], [0.2], [0.4], [0.3]])
    >>> accuracy = np.array([[0.7, 0.8, 1.0, 0.8]])
    >>> weighted_correlations(shares, accuracy, np.ones((1, 4), dtype=int)).round(2)
    array([[0.92]])
    >>> weighted_correlations(shares, accuracy, np.array([[1, 1, 1, 0]])).round(2)  # without the last face
    array([[1.]])
    """
    if not len(shares):
        return np.full((len(weights), shares.shape[1]), np.nan)
    shares = shares - shares.mean(axis=0)  # so that little is lost when squares are subtracted below
    accuracy = accuracy - accuracy.mean()
    weights = weights.astype(float)
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1)
    weighted = weights * accuracy
    share_mean, accuracy_mean = weights @ shares / total, weighted.sum(axis=1, keepdims=True) / total
    share_variance = weights @ shares**2 / total - share_mean**2
    accuracy_variance = (weighted * accuracy).sum(axis=1, keepdims=True) / total - accuracy_mean**2
    covariance = weighted @ shares / total - share_mean * accuracy_mean
    varies = (share_variance > _NO_SPREAD * shares.var(axis=0)) & (accuracy_variance > _NO_SPREAD * accuracy.var())
    return np.where(varies, covariance / np.sqrt(np.where(varies, share_variance * accuracy_variance, 1)), np.nan)


def row_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's r between rows of two arrays, (K,); NaN where a row is constant or has no answer.

    Examples
    --------
    >>> row_correlations(np.array([[1, 2, 3], [1, 1, 1]]), np.array([[2, 4, 7], [2, 4, 7]])).round(2)
    array([0.99,  nan])
    """
    first = first - first.mean(axis=1, keepdims=True, dtype=float)
    second = second - second.mean(axis=1, keepdims=True, dtype=float)
    lengths = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    products = (first * second).sum(axis=1)
    return np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), np.nan)


def pearson_r(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's correlation of two arrays over the faces that have both.

    Parameters
    ----------
    x, y : array_like of float, shape (N,)
        In any unit.

    Returns
    -------
    float
        In -1 to 1; NaN with fewer than two faces or where either array is constant, since r is then undefined.

    Examples
    --------
    >>> round(pearson_r([1, 2, 3, None], [2, 4, 7, 9]), 2)
    0.99
    """
    x, y = _as_pair(x, y)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(scipy.stats.pearsonr(x, y).statistic)


def residuals(columns: ArrayLike, given: ArrayLike, degree: int = 3) -> np.ndarray:
    """What a polynomial of another variable leaves of each column: their correlations are partial correlations.

    Parameters
    ----------
    columns : array_like of float, shape (N, P)
        Finite.
    given : array_like of float, shape (N,)
        Finite; what is held equal.
    degree : int
        Of the polynomial, fitted by least squares: 1 for a straight line.

    Returns
    -------
    ndarray of float, shape (N, P)
        Each column has the mean 0; 0 throughout where the polynomial leaves nothing but rounding.

    Examples
    --------
    >>> estimate = np.array([20.0, 30, 40, 50, 60])
    >>> columns = np.column_stack([estimate**2, estimate + [1, -1, 0, -1, 1]])
    >>> (residuals(columns, estimate, degree=2).T + 0.0).round(2)
    array([[ 0.  ,  0.  ,  0.  ,  0.  ,  0.  ],
           [ 0.14, -0.57,  0.86, -0.57,  0.14]])
    """
    columns, given = np.asarray(columns, dtype=float), np.asarray(given, dtype=float)
    centred = given - given.mean()
    powers = np.vander(centred / (np.abs(centred).max() or 1), degree + 1)  # within -1 to 1, so that none is lost
    left = columns - powers @ np.linalg.lstsq(powers, columns, rcond=None)[0]
    return np.where(left.std(axis=0) > _NO_RESIDUAL * np.abs(columns).max(axis=0), left, 0)
