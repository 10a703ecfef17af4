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
    n = np.arange(1, 200)
    assert (wilson_interval(n, n)[1] == 1).all() and (wilson_interval(0 * n, n)[0] == 0).all()
    with np.errstate(all="raise"):
        assert np.isnan(wilson_interval(0, 0)).all() and np.isnan(share_columns([0], [0])["share"]).all()
    assert wilson_interval(0, 1)[1] < 1 and share_columns([1], [1])["share"] == [1]


def test_columns_are_named_after_the_share():
    assert list(share_columns([1], [2])) == ["share", "low", "high"]
    columns = share_columns([1, 0], [2, 0], "share_older")
    assert list(columns) == ["share_older", "share_older_low", "share_older_high"]
    assert columns["share_older"][0] == 0.5 and np.isnan(columns["share_older"][1])
    assert columns["share_older_low"][0] == wilson_interval(1, 2)[0]
