"""Compositions by hand."""

import numpy as np
import pytest

from age_audit.stats.compositions import centred_log_ratios, closed, replace_zeros


def test_closed_by_hand():
    with np.errstate(all="raise"):
        found = closed([[1, 3], [0, 2], [0, 0], [-1, 2], [np.nan, 1], [0.2, 0.3]])
    np.testing.assert_array_equal(found, [[0.25, 0.75], [0, 1], *[[np.nan] * 2] * 3, [0.4, 0.6]])


def test_zeros_by_hand():
    found = replace_zeros([[0, 0.2, 0.8], [0, 0, 1], [0.2, 0.3, 0.5], [np.nan] * 3], 0.1)
    np.testing.assert_allclose(found, [[0.1, 0.18, 0.72], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5], [np.nan] * 3])
    for zero_share in (0, 1 / 3):
        with pytest.raises(ValueError, match=r"between 0 and 1 / 3"):
            replace_zeros([[0, 0.2, 0.8]], zero_share)


def test_log_ratios_by_hand():
    # The geometric mean of 1, 2 and 4 is 2, whatever they are divided by.
    log2 = np.log(2)
    shares = [[1 / 7, 2 / 7, 4 / 7], [4 / 7, 1 / 7, 2 / 7]]
    np.testing.assert_allclose(centred_log_ratios(shares), [[-log2, 0, log2], [log2, -log2, 0]], atol=1e-12)
