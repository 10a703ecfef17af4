"""Parts of a face by which maps of all methods are ranked alike, whatever each method itself works on."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from age_audit.core.schema import CANVAS
from age_audit.stats.correlations import row_correlations

CELLS = 14  # a side of the grid: squares of 16 pixels, about as large as a face's superpixels


def grid_units(cells: int = CELLS) -> np.ndarray:
    """The crop cut into squares, int (224, 224): the number of every pixel's square, row by row.

    Examples
    --------
    >>> units = grid_units(2)
    >>> units[[0, 0, 223], [0, 223, 0]], int(units.max())
    (array([0, 1, 2]), 3)
    """
    place = np.arange(CANVAS) * cells // CANVAS
    return place[:, None] * cells + place


def unit_means(values: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Mean of a map over each unit, float (U,); pixels that are NaN do not count, a unit of nothing else is NaN.

    Parameters
    ----------
    values : ndarray of float, shape (224, 224)
    units : ndarray of int, shape (224, 224)
        Numbered from 0.

    Examples
    --------
    >>> unit_means(np.array([[1.0, 3.0, np.nan, 5.0]]), np.array([[0, 0, 1, 1]]))
    array([2., 5.])
    """
    known = np.isfinite(values)
    count = int(units.max()) + 1
    sums = np.bincount(units[known], weights=values[known], minlength=count)
    counts = np.bincount(units[known], minlength=count)
    return np.divide(sums, counts, out=np.full(count, np.nan), where=counts > 0)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of two maps over the units that both have; equal values share their mean rank.

    Parameters
    ----------
    first, second : ndarray of float, shape (U,)

    Returns
    -------
    float
        -1 to 1; NaN where a map is constant.

    Examples
    --------
    >>> round(rank_correlation(np.array([1.0, 2, 3, np.nan]), np.array([1.0, 100, 10, 5])), 3)
    0.5
    """
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < 2:
        return float("nan")
    return float(row_correlations(rankdata(first[both])[None], rankdata(second[both])[None])[0])
