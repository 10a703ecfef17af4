"""Metrics against numbers worked out by hand."""

import warnings

import numpy as np
import pytest

from age_audit.core import metrics

# Four faces: errors +5, -10, 0, missing twice.
ESTIMATE = [25.0, 30.0, 7.0, None, 50.0]
AGE = [20.0, 40.0, 7.0, 12.0, None]


def test_signed_error_keeps_missing_faces_in_place():
    np.testing.assert_array_equal(metrics.signed_error(ESTIMATE, AGE), [5, -10, 0, np.nan, np.nan])
    np.testing.assert_array_equal(metrics.absolute_error(ESTIMATE, AGE), [5, 10, 0, np.nan, np.nan])


def test_ages_known_as_ranges_count_from_the_nearer_end():
    # Inside, below and above the range, at both ends, and where either end is missing.
    estimate, lowest = [25, 15, 40, 20, 30, 25, 25], [20, 20, 20, 20, 20, None, 20]
    highest = [30, 30, 30, 30, 30, 30, None]
    expected = [0, -5, 10, 0, 0, np.nan, np.nan]
    np.testing.assert_array_equal(metrics.signed_error(estimate, lowest, highest), expected)
    np.testing.assert_array_equal(metrics.absolute_error(estimate, lowest, highest), np.abs(expected))
    np.testing.assert_allclose(metrics.study_accuracy(estimate, lowest, highest), 1 - np.abs(expected) / 100)
    np.testing.assert_array_equal(metrics.within_years(estimate, lowest, highest), [1, 1, 0, 1, 1, np.nan, np.nan])


def test_means_leave_missing_faces_out():
    assert metrics.mean_absolute_error(ESTIMATE, AGE) == 5  # (5 + 10 + 0) / 3
    assert metrics.mean_signed_error(ESTIMATE, AGE) == pytest.approx(-5 / 3)


def test_infinities_count_as_missing():
    assert metrics.mean_absolute_error([np.inf, 12], [10, 10]) == 2


def test_study_accuracy_and_its_cutoff():
    # Errors of 0, 9, 10, 11 and 104 years; 0.90 itself is not above the cut-off.
    accuracy = metrics.study_accuracy([30, 39, 20, 41, 116], [30, 30, 30, 30, 12])
    np.testing.assert_allclose(accuracy, [1, 0.91, 0.90, 0.89, -0.04])
    np.testing.assert_array_equal(metrics.is_accurate(accuracy), [True, True, False, False, False])
    assert not metrics.is_accurate([np.nan]).any()


def test_within_years():
    # Errors 5, 10, 0: two of three are at most 5, one is at most 4, all are at most 10.
    np.testing.assert_array_equal(metrics.within_years(ESTIMATE, AGE), [1, 0, 1, np.nan, np.nan])
    np.testing.assert_array_equal(metrics.within_years([5.5], [0]), [0])
    np.testing.assert_array_equal(metrics.within_years(ESTIMATE, AGE, years=4), [0, 0, 1, np.nan, np.nan])
    np.testing.assert_array_equal(metrics.within_years(ESTIMATE, AGE, years=10), [1, 1, 1, np.nan, np.nan])


@pytest.mark.parametrize("mean", [metrics.mean_absolute_error, metrics.mean_signed_error])
def test_no_face_gives_nan_without_a_warning(mean):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(mean([], []))
        assert np.isnan(mean([None], [3]))


def test_arrays_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match=r"one shape.*\(2,\) and \(3,\)"):
        metrics.signed_error([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="one shape"):
        metrics.signed_error([[1, 2]], [[1, 2]])


def test_arguments_are_left_alone():
    estimate = np.array([1.0, np.inf])
    metrics.signed_error(estimate, np.array([1.0, 2.0]))
    assert np.isinf(estimate[1])


def test_distribution_spread():
    # Half 30 and half 40: 5 years. All on one class: 0. A quarter 0, half 10, a quarter 20: sqrt(50).
    classes = [0, 10, 20, 30, 40]
    rows = [[0, 0, 0, 0.5, 0.5], [0, 1, 0, 0, 0], [0.25, 0.5, 0.25, 0, 0]]
    np.testing.assert_allclose(metrics.distribution_spread(rows, classes), [5, 0, 50**0.5])
    assert metrics.distribution_spread(rows[0], classes).shape == ()
    # Twice the probabilities is the same distribution.
    np.testing.assert_allclose(metrics.distribution_spread(2 * np.array(rows), classes), [5, 0, 50**0.5])


def test_distribution_spread_is_nan_without_a_distribution_and_refuses_other_shapes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metrics.distribution_spread([[0, 0], [np.nan, 1]], [1, 2])).all()
        assert np.isnan(metrics.distribution_spread(np.zeros((2, 0)), [])).tolist() == [True, True]  # plain ages
    with pytest.raises(ValueError, match=r"one probability a class.*\(3,\) and \(2,\)"):
        metrics.distribution_spread([0.2, 0.3, 0.5], [1, 2])
