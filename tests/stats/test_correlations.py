"""Correlations against numbers worked out by hand."""

import warnings

import numpy as np
import pytest

from age_audit.stats import correlations


def test_pearson_r():
    # Deviations (-1, 0, 1) and (-1, 1, 0): r = 1 / sqrt(2 * 2).
    assert correlations.pearson_r([1, 2, 3, np.nan], [4, 6, 5, 9]) == pytest.approx(0.5)
    assert correlations.pearson_r([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1], [1]), ([1, 1, 1], [1, 2, 3]), ([1, None], [None, 1])])
def test_pearson_r_is_nan_where_undefined(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(correlations.pearson_r(x, y))
