"""Shares and their intervals."""

import numpy as np
import pytest
import scipy

from age_audit.stats.proportions import share_columns, wilson_interval


@pytest.mark.parametrize(("count", "n"), [(0, 7), (1, 7), (5, 7), (7, 7), (302, 8749)])
@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_as_scipy_has_it(count, n, confidence):
    expected = scipy.stats.binomtest(count, n).proportion_ci(confidence, method="wilson")
    low, high = wilson_interval(count, n, confidence)
    assert (float(low), float(high)) == pytest.approx(tuple(expected), abs=1e-12)


def test_ends_are_exact_and_nothing_has_none():
    low, high = wilson_interval([0, 3, 0], [3, 3, 0])
    assert low[0] == 0 and high[1] == 1 and high[0] < 1 and low[1] > 0
    assert np.isnan([low[2], high[2]]).all()


def test_columns_are_named_after_the_share():
    assert list(share_columns([1], [2])) == ["share", "low", "high"]
    columns = share_columns([1, 0], [2, 0], "share_older")
    assert list(columns) == ["share_older", "share_older_low", "share_older_high"]
    assert columns["share_older"][0] == 0.5 and np.isnan(columns["share_older"][1])
    assert columns["share_older_low"][0] == wilson_interval(1, 2)[0]
