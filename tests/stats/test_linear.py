"""Regression against numpy and statsmodels, and what it cannot answer."""

import numpy as np
import pytest
import statsmodels.api as sm

from age_audit.stats.linear import bent_line, coefficient_interval


def test_bends_lie_where_as_many_faces_are_between():
    columns = bent_line(np.arange(9.0), bends=3)
    assert columns[:, :2].tolist() == [[1, x] for x in range(9)]
    assert columns[-1, 2:].tolist() == [8 - 2, 8 - 4, 8 - 6]
    assert (columns[:3, 2:] == 0).all() and columns[3, 2] == 1


def test_bends_that_nobody_names_are_five():
    np.testing.assert_array_equal(bent_line(np.arange(13.0)), bent_line(np.arange(13.0), bends=5))
    assert bent_line(np.arange(13.0))[-1].tolist() == [1, 12, 10, 8, 6, 4, 2]


def test_is_least_squares_with_hc3():
    rng = np.random.default_rng(1)
    age = rng.uniform(20, 90, 60)
    columns = np.column_stack([rng.integers(0, 2, 60), bent_line(age)])
    y = 3 * columns[:, 0] + 0.2 * age + rng.normal(0, age / 20)
    fit = sm.OLS(y, columns).fit(cov_type="HC3", use_t=True)
    found = coefficient_interval(columns, y, confidence=0.9)
    assert found == pytest.approx((fit.params[0], *fit.conf_int(0.1)[0]))


def test_what_has_no_answer():
    age = np.arange(6.0)
    assert np.isnan(coefficient_interval(np.column_stack([2 + age, np.ones(6), age]), age)).all()  # nothing is left
    assert np.isnan(coefficient_interval(np.column_stack([age[:2], np.ones(2)]), age[:2])).all()  # no freedom
    assert np.isnan(coefficient_interval(np.empty((0, 2)), [])).all()


@pytest.mark.long
def test_covers_as_often_as_it_says():
    covered = []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        age = rng.uniform(0, 1, 150)
        group = rng.random(150) < 0.2 + 0.5 * age
        y = 2 * group + np.abs(age - 0.5) + rng.normal(0, 0.2 + age)
        _, low, high = coefficient_interval(np.column_stack([group, bent_line(age)]), y)
        covered.append(low <= 2 <= high)
    assert 0.93 <= np.mean(covered) <= 0.97
