"""D'Agostino and Pearson's test of normality, with a p-value from simulation where the formula does not hold."""

from __future__ import annotations

import warnings

import numpy as np
import scipy

FEWEST_FOR_SKEW = 8  # the test of skewness, a half of the test of normality, is not defined for fewer
FEWEST_FOR_KURTOSIS = 20  # its other half is not valid for fewer
SIMULATIONS = 1_999  # with 1 added to both counts, the smallest p-value is 1 / 2,000
_BATCH = 2**20  # simulated numbers held in memory at a time


def normality_test(values: np.ndarray) -> tuple[float, float]:
    """K² and its p-value; NaN for fewer than 8 values or where all are alike.

    Examples
    --------
    >>> ages = np.arange(20, 60)  # as many faces of every age: flat, not normal
    >>> k_squared, p_value = normality_test(ages)
    >>> round(k_squared, 1), round(p_value, 5)
    (9.5, 0.00873)
    >>> normality_test(ages[:5])
    (nan, nan)
    """
    if len(values) < FEWEST_FOR_SKEW or np.ptp(values) == 0:
        return np.nan, np.nan
    statistic, p_value = _k_squared(values)
    return float(statistic), float(p_value)


def simulated_p_value(years: np.ndarray, *, rng: np.random.Generator, simulations: int = SIMULATIONS) -> float:
    """p-value of K² against normal groups of the same size, mean and deviation, rounded to whole years.

    Needs no formula for few faces, and counts no rounding as a deviation from the normal distribution.

    Parameters
    ----------
    years : ndarray of float, shape (N,)
        Whole years.
    rng : numpy.random.Generator
        Its state moves on.
    simulations : int

    Returns
    -------
    float
        NaN for fewer than 8 values or where all are alike.

    Examples
    --------
    >>> ages = np.array([20, 21, 21, 22, 22, 22, 23, 23, 24, 60.0])  # one face far from the others
    >>> simulated_p_value(ages, rng=np.random.default_rng(1), simulations=199) < 0.05
    True
    """
    found, _ = normality_test(years)
    if np.isnan(found):
        return np.nan
    mean, deviation = years.mean(), years.std(ddof=1)
    batch = max(1, _BATCH // len(years))
    at_least = 0
    for start in range(0, simulations, batch):
        simulated = np.rint(rng.normal(mean, deviation, (min(batch, simulations - start), len(years))))
        at_least += int((~(_k_squared(simulated)[0] < found)).sum())  # one whose faces are all alike has none: counts
    return (1 + at_least) / (1 + simulations)


def _k_squared(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """K² and p along the last axis; NaN where all are alike."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # fewer than 20, or all alike: n and NaN say so
        return tuple(scipy.stats.normaltest(values, axis=-1))
