"""Parts of a face by which maps of all methods are ranked alike, whatever each method itself works on."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from age_audit.core.schema import CANVAS
from age_audit.estimators.masked import MaskedFaces
from age_audit.explain.superpixels import masked_targets
from age_audit.stats.correlations import row_correlations

UNMOVED = 1e-3  # years: less than any part that an estimator looks at moves it by when all its colours are turned round
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


def checked_units(units: np.ndarray) -> np.ndarray:
    """Parts of the crop, int (224, 224), each of them with a pixel; a ValueError for anything else.

    Examples
    --------
    >>> int(checked_units(grid_units(2)).max())
    3
    """
    units = np.asarray(units)
    there = np.unique(units)
    if units.shape != (CANVAS, CANVAS) or units.dtype.kind not in "iu" or there[0] or there[-1] + 1 != len(there):
        raise ValueError(
            f"expected units as whole numbers of shape ({CANVAS}, {CANVAS}), counted from 0 without gaps, got "
            f"{units.dtype} of shape {units.shape}, {len(there)} numbers of {there[0]} to {there[-1]}"
        )
    return units


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


def seen_units(estimator, face: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Which units the estimator looks at, bool (U,): some are shown the middle of the crop, or a place they find.

    Maps of all methods agree that the others do not matter, whatever the method is worth.

    Parameters
    ----------
    estimator : AgeEstimator
        Asked for its age once a unit, with the colours of that unit turned round.
    face : ndarray of uint8, shape (224, 224, 3)
    units : ndarray of int, shape (224, 224)

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> class LeftHalf:
    ...     def predict(self, faces):
    ...         return AgeEstimate(faces[:, :, :112].mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))
    >>> seen_units(LeftHalf(), np.zeros((224, 224, 3), dtype=np.uint8), grid_units(2))
    array([ True, False,  True, False])
    """
    count = int(units.max()) + 1
    shown = np.concatenate([np.ones((1, count), dtype=int), 1 - np.eye(count, dtype=int)])
    ages, _ = masked_targets(estimator, face, MaskedFaces(face, 255 - face, units, shown), "age")
    return np.abs(ages[1:] - ages[0]) > UNMOVED
