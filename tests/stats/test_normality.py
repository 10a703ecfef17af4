"""Simulated tests of normality: level and power."""

import numpy as np
import pytest

from age_audit.stats.normality import simulated_p_value


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
