"""Correlations against numbers worked out by hand, by scipy and by literal repetition."""

import warnings
from itertools import permutations

import numpy as np
import pytest
import scipy

from age_audit.stats import correlations
from age_audit.stats.correlations import (
    fisher_interval,
    largest_below_one,
    residuals,
    row_correlations,
    spearman_interval,
    weighted_correlations,
)


def test_pearson_r():
    # Deviations (-1, 0, 1) and (-1, 1, 0): r = 1 / sqrt(2 * 2).
    assert correlations.pearson_r([1, 2, 3, np.nan], [4, 6, 5, 9]) == pytest.approx(0.5)
    assert correlations.pearson_r([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


def test_two_faces_are_enough():
    assert correlations.pearson_r([1, 2], [5, 3]) == pytest.approx(-1)
    assert correlations.pearson_r([0, 1, 0], [0, 1, 1]) == pytest.approx(0.5)  # that vary by 1


@pytest.mark.parametrize(
    ("x", "y"),
    [([], []), ([1], [1]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [1, 1, 1]), ([1, None], [None, 1]), ([2, 3], [4, None])],
)
def test_pearson_r_is_nan_where_undefined(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(correlations.pearson_r(x, y))


def test_fisher_as_scipy_has_it():
    rng = np.random.default_rng(1)
    x, y = rng.random(20), rng.random(20)
    found = scipy.stats.pearsonr(x, y)
    with np.errstate(all="raise"):
        low, high = fisher_interval([found.statistic, np.nan, 1.0, 0.5], [20, 20, 20, 3])
    assert (low[0], high[0]) == pytest.approx(tuple(found.confidence_interval(0.95)))
    assert np.isnan(low[1:]).all() and np.isnan(high[1:]).all()


def test_fisher_of_four_faces_by_hand():
    # artanh 0.6 = ln(1.6 / 0.4) / 2 = ln 2; with n - 3 = 1 the half is 1.959964.
    low, high = fisher_interval(0.6, 4)
    assert (low, high) == pytest.approx((np.tanh(np.log(2) - 1.959964), np.tanh(np.log(2) + 1.959964)), abs=1e-6)


def test_rows_by_hand():
    # Deviations (-1, 0, 1) and (-1, 1, 0) give 1 / 2, (-3, 0, 3) and (2, -1, -1) give -9 / sqrt(18 * 6).
    first, second = (
        np.array([[1, 2, 3], [10, 13, 16], [4, 4, 4], [1, 2, 3]]),
        [[4, 6, 5], [9, 6, 6], [1, 2, 3], [7, 7, 7]],
    )
    with np.errstate(all="raise"):
        found = row_correlations(first, np.array(second))
    np.testing.assert_allclose(found, [0.5, -np.sqrt(0.75), np.nan, np.nan])


def test_rows_that_hardly_vary_and_rows_of_small_numbers():
    first, second = np.array([[0.1, 0.2, 0.3, 0.2]]), np.array([[0.4, 0.6, 0.5, 0.5]])
    expected = np.corrcoef(first[0], second[0])[0, 1]
    assert row_correlations(first, second) == pytest.approx([expected])
    assert row_correlations(first * 1e-3, second.astype(np.float32)) == pytest.approx([expected], abs=1e-6)


def test_weighted_as_literally_repeated():
    rng = np.random.default_rng(2)
    shares, accuracy, weights = rng.random((6, 2)), rng.random((1, 6)), np.array([[2, 0, 1, 3, 1, 1]])
    rows = np.repeat(np.arange(6), weights[0])
    expected = [np.corrcoef(shares[rows, part], accuracy[0, rows])[0, 1] for part in (0, 1)]
    assert weighted_correlations(shares, accuracy, weights)[0] == pytest.approx(expected)


@pytest.mark.parametrize("scale", [1e-9, 1, 1e9])
def test_weighted_in_any_unit(scale):
    rng = np.random.default_rng(3)
    shares, accuracy = rng.random((6, 2)), rng.random((1, 6))
    expected = weighted_correlations(shares, accuracy, np.ones((1, 6)))
    found = weighted_correlations(shares * scale, accuracy / scale, np.ones((1, 6)))
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found[0] == pytest.approx([np.corrcoef(part, accuracy[0])[0, 1] for part in shares.T])


def test_weighted_where_only_the_others_vary():
    # The first data set draws faces of one share, the second of one accuracy: what rounding leaves is no variance.
    shares = np.array([[0.1], [0.1], [0.1], [0.7]])
    accuracy = np.array([[0.3, 0.5, 0.9, 0.4], [0.9, 0.1, 0.1, 0.1]])
    with np.errstate(all="raise"):
        found = weighted_correlations(shares, accuracy, np.array([[1, 1, 1, 0], [0, 1, 1, 1]]))
    assert np.isnan(found).all()


def test_weighted_where_no_face_is_drawn():
    with np.errstate(all="raise"):
        found = weighted_correlations(np.array([[0.1], [0.2]]), np.array([[0.5, 0.9]]), np.array([[0, 0]]))
    assert np.isnan(found).all()


def test_weighted_loses_little_where_accuracies_are_high():
    # Squares of a hundred million lose the digits that a variance of 2 / 3 needs.
    accuracy = np.array([[1e8, 1e8 + 1, 1e8 + 2]])
    found = weighted_correlations(np.array([[0.1], [0.3], [0.2]]), accuracy, np.ones((1, 3)))
    assert found[0] == pytest.approx([0.5])


def test_weighted_without_spread():
    shares = np.array([[0.1, 0.7], [0.2, 0.7], [0.4, 0.7]])
    found = weighted_correlations(shares, np.array([[0.8, 0.9, 0.9]] * 3), np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0]]))
    assert np.isfinite(found).tolist() == [[True, False], [False, False], [False, False]]
    with np.errstate(all="raise"):
        assert np.isnan(weighted_correlations(np.full((3, 1), 0.5), np.array([[0.1, 0.2, 0.4]]), np.ones((1, 3))))
        assert np.isnan(weighted_correlations(shares, np.full((1, 3), 0.5), np.ones((1, 3)))).all()
    nobody = weighted_correlations(np.empty((0, 2)), np.empty((4, 0)), np.empty((4, 0)))
    assert nobody.shape == (4, 2) and np.isnan(nobody).all()


class TestResiduals:
    def test_as_numpy_fits(self):
        rng = np.random.default_rng(3)
        given = rng.uniform(0, 100, 40)
        columns = rng.normal(size=(40, 2)) + 1e-4 * given[:, None] ** 3
        for degree in (1, 3):
            fitted = [np.polyval(np.polyfit(given, column, degree), given) for column in columns.T]
            np.testing.assert_allclose(residuals(columns, given, degree), columns - np.transpose(fitted), atol=1e-8)
            np.testing.assert_allclose(residuals(columns, 1e4 * given, degree), residuals(columns, given, degree))

    def test_nothing_is_left_of_what_the_polynomial_goes_through(self):
        given = np.arange(10.0)
        columns = np.column_stack([0.3 * given**3 - given, np.full(10, 0.1), np.zeros(10), 1e6 * given**2, given**4])
        assert (residuals(columns, given)[:, :4] == 0).all() and residuals(columns, given)[:, 4].any()
        assert residuals(columns, np.full(10, 7.0))[:, 0] == pytest.approx(columns[:, 0] - columns[:, 0].mean())


def test_the_largest_rank_correlation_below_one_is_that_of_two_neighbours_exchanged():
    for n in (3, 4, 5, 6):
        found = {round(scipy.stats.spearmanr(range(n), order).statistic, 9) for order in permutations(range(n))}
        assert largest_below_one(n) == pytest.approx(sorted(found)[-2])
    assert largest_below_one([0, 1, 2]).tolist() == [0, 0, 0]


def test_the_interval_of_ranks_that_agree_reaches_one_and_begins_below():
    low, high = spearman_interval([1.0, -1.0, 0.5, np.nan, 1.0], [20, 20, 20, 20, 3])
    below = largest_below_one(20)
    start = np.tanh(np.arctanh(below) - scipy.stats.norm.ppf(0.975) * np.sqrt((1 + below**2 / 2) / 17))
    assert (low[0], high[0], low[1], high[1]) == pytest.approx((start, 1, -1, -start)) and start < below
    z = np.arctanh(0.5) + np.array([-1, 1]) * scipy.stats.norm.ppf(0.975) * np.sqrt(1.125 / 17)
    assert (low[2], high[2]) == pytest.approx(tuple(np.tanh(z)))
    assert np.isnan([low[3:], high[3:]]).all()
