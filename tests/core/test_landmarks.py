"""What landmarks have to be."""

import numpy as np
import pytest

from age_audit.core.landmarks import checked_landmarks


def test_pairs_become_an_array_of_their_own():
    points = [(1, 2)] * 68
    np.testing.assert_array_equal(checked_landmarks(points), points)
    assert checked_landmarks(points).dtype == float
    assert checked_landmarks([(1, 2)] * 478, 478).shape == (478, 2)


def test_refused():
    with pytest.raises(ValueError, match=r"expected landmarks of shape \(68, 2\), one \(x, y\) a row; got \(67, 2\)"):
        checked_landmarks([(1, 2)] * 67)
    with pytest.raises(ValueError, match=r"expected landmarks of shape \(478, 2\)"):
        checked_landmarks([(1, 2)] * 68, 478)
    with pytest.raises(ValueError, match="68 \\(x, y\\) pairs of numbers"):
        checked_landmarks([("a", "b")] * 68)
    with pytest.raises(ValueError, match=r"not finite at index \[3, 67\]"):
        checked_landmarks(np.where(np.isin(np.arange(68), (3, 67))[:, None], [1, np.inf], 1))
