"""Correlations against numbers worked out by hand, by scipy and by literal repetition."""

import warnings

import numpy as np
import pytest
import scipy

from age_audit.stats import correlations
from age_audit.stats.correlations import fisher_interval, weighted_correlations


def test_pearson_r():
    # Deviations (-1, 0, 1) and (-1, 1, 0): r = 1 / sqrt(2 * 2).
    assert correlations.pearson_r([1, 2, 3, np.nan], [4, 6, 5, 9]) == pytest.approx(0.5)
    assert correlations.pearson_r([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1], [1]), ([1, 1, 1], [1, 2, 3]), ([1, None], [None, 1])])
def test_pearson_r_is_nan_where_undefined(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(correlations.pearson_r(x, y))


def test_fisher_as_scipy_has_it():
    rng = np.random.default_rng(1)
    x, y = rng.random(20), rng.random(20)
    found = scipy.stats.pearsonr(x, y)
    low, high = fisher_interval([found.statistic, np.nan, 1.0, 0.5], [20, 20, 20, 3])
    assert (low[0], high[0]) == pytest.approx(tuple(found.confidence_interval(0.95)))
    assert np.isnan(low[1:]).all() and np.isnan(high[1:]).all()


def test_weighted_as_literally_repeated():
    rng = np.random.default_rng(2)
    shares, accuracy, weights = rng.random((6, 2)), rng.random((1, 6)), np.array([[2, 0, 1, 3, 1, 1]])
    rows = np.repeat(np.arange(6), weights[0])
    expected = [np.corrcoef(shares[rows, part], accuracy[0, rows])[0, 1] for part in (0, 1)]
    assert weighted_correlations(shares, accuracy, weights)[0] == pytest.approx(expected)


def test_weighted_without_spread():
    shares = np.array([[0.1, 0.7], [0.2, 0.7], [0.4, 0.7]])
    found = weighted_correlations(shares, np.array([[0.8, 0.9, 0.9]] * 3), np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0]]))
    assert np.isfinite(found).tolist() == [[True, False], [False, False], [False, False]]
    assert np.isnan(weighted_correlations(np.empty((0, 2)), np.empty((4, 0)), np.empty((4, 0)))).all()
