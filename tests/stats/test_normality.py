"""Tests of normality: their limits, simulation by simulation, level and power."""

import math
import statistics
import warnings

import numpy as np
import pytest
import scipy

from age_audit.stats import normality
from age_audit.stats.normality import normality_test, simulated_p_value


def test_of_how_many_faces():
    # D'Agostino: skewness needs 8; Anscombe and Glynn: kurtosis needs 20. 1,999 simulations: p is 1 / 2,000 at least.
    limits = normality.FEWEST_FOR_SKEW, normality.FEWEST_FOR_KURTOSIS, normality.SIMULATIONS
    assert limits == (8, 20, 1_999)
    years = np.array([20.0, 21, 21, 22, 23, 23, 24, 31])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(normality_test(years[:7])).all()
        assert math.isnan(simulated_p_value(years[:7], rng=np.random.default_rng(1)))
        statistic, p_value = normality_test(years)
    # The two parts of K² are squares of scipy's two tests; chi-square with two degrees of freedom.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = scipy.stats.skewtest(years).statistic ** 2 + scipy.stats.kurtosistest(years).statistic ** 2
    assert (statistic, p_value) == pytest.approx((expected, math.exp(-expected / 2)))


@pytest.mark.parametrize("years", [np.full(30, 25.0), np.zeros(9), np.full(30, 25.1)])
def test_all_alike_have_no_answer(years):
    assert np.isnan(normality_test(years)).all()
    assert math.isnan(simulated_p_value(years, rng=np.random.default_rng(1)))


def test_years_that_differ_by_one_have_one():
    assert np.isfinite(normality_test(np.repeat([25.0, 26], [20, 10]))).all()


def test_simulations_that_tie_count_as_at_least_as_far():
    # Eight faces of two or three years: whole years of so small a deviation come out alike again and again.
    years = [20, 20, 20, 21, 21, 21, 20, 22]
    literal, counts, found = np.random.default_rng(2), [0, 0], normality_test(np.array(years))[0]
    for _ in range(99):
        drawn = literal.normal(statistics.mean(years), statistics.stdev(years), 8)
        statistic = normality_test(np.array([round(year) for year in drawn]))[0]
        counts = [counts[0] + (not statistic < found), counts[1] + (not statistic <= found)]
    assert counts[0] > counts[1]
    p_value = simulated_p_value(np.array(years, dtype=float), rng=np.random.default_rng(2), simulations=99)
    assert p_value == (1 + counts[0]) / 100


@pytest.mark.parametrize("at_once", [2**20, 2 * 12, 1])
def test_simulated_p_one_simulation_after_the_other(monkeypatch, at_once):
    monkeypatch.setattr(normality, "_BATCH", at_once)  # numbers: 2 * 12 are two groups of 12 faces
    years = [20, 21, 22, 22, 23, 23, 23, 24, 25, 25, 26, 27]
    literal, at_least, found = np.random.default_rng(4), 0, normality_test(np.array(years))[0]
    for _ in range(15):
        drawn = literal.normal(statistics.mean(years), statistics.stdev(years), 12)
        at_least += normality_test(np.array([round(year) for year in drawn]))[0] >= found
    assert 2 <= at_least <= 13
    rng = np.random.default_rng(4)
    assert simulated_p_value(np.array(years, dtype=float), rng=rng, simulations=15) == (1 + at_least) / 16
    assert rng.random() == literal.random()  # both have drawn equally much


@pytest.mark.parametrize("n", [8, 30])
def test_simulated_p_rejects_normal_estimates_as_often_as_the_level(n):
    rng = np.random.default_rng(n)
    groups = np.rint(rng.normal(30, 2.5, (500, n)))
    rejected = [simulated_p_value(years, rng=rng, simulations=99) <= 0.05 for years in groups]
    assert 0.03 <= np.mean(rejected) <= 0.07


def test_skewed_estimates_are_found():
    # Exponential (skewness 2), 80 faces.
    rng = np.random.default_rng(5)
    groups = np.rint(rng.exponential(6, (50, 80)))
    assert np.mean([simulated_p_value(years, rng=rng, simulations=99) <= 0.05 for years in groups]) >= 0.9
