"""What tests on maps share, worked by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest

from age_audit.stats.shuffles import FEWEST, MAP_PERMUTATIONS, beside_shuffled, flat_maps, mean_of_finite


def test_maps_become_rows_of_numbers():
    frame = pd.DataFrame({"fname": ["a.jpg", "b.jpg"]})
    maps = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    flat = flat_maps(maps, frame)
    assert flat.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert flat.dtype == np.float32  # whole numbers would overflow in sums
    assert flat_maps(maps.astype(np.float64), frame).dtype == np.float64  # floats keep their precision
    assert flat_maps(maps[:0], frame.head(0)).shape == (0, 6)


def test_as_many_maps_as_rows():
    with pytest.raises(ValueError, match=r"expected a map a row, 1, got 2"):
        flat_maps(np.zeros((2, 4)), pd.DataFrame({"fname": ["a.jpg"]}))


def test_a_number_beside_shuffled_ones():
    row = beside_shuffled("size", np.array([3.0, 1, 2, 3, 4]))
    # Shuffled: mean 2.5, the quantile q of four values lies at place 3 q between them: 1 + 0.075 and 4 - 0.075.
    assert row == pytest.approx(
        {"size": 3, "size_shuffled": 2.5, "size_low": 1.075, "size_high": 3.925, "size_ratio": 1.2, "p_value": 3 / 5}
    )  # 3 and 4 are at least as large, and itself


def test_smallest_p_value_and_what_ties_but_for_rounding():
    assert beside_shuffled("r", np.array([9.0, 1, 2, 3]))["p_value"] == 1 / 4
    assert beside_shuffled("r", np.array([0.3, 0.1 + 0.2 - 1e-9, 0.1, 0.1]))["p_value"] == 2 / 4
    assert beside_shuffled("r", np.array([0.3, 0.2999, 0.1, 0.1]))["p_value"] == 1 / 4


def test_nothing_observed_and_shuffles_without_a_size():
    assert np.isnan(beside_shuffled("r", np.array([np.nan, 1, 2]))["p_value"])
    assert np.isnan(beside_shuffled("r", np.array([1.0, 0, 0]))["r_ratio"])


def test_nothing_beside_nothing():
    assert beside_shuffled("size", np.zeros(5))["p_value"] == 1


def test_how_many_shuffles_and_the_fewest_faces():
    assert (MAP_PERMUTATIONS, FEWEST) == (999, 2)  # the smallest p-value is 1 / 1,000; one face has no halves


def test_mean_of_what_is_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mean_of_finite(np.array([1.0, np.nan, 4, np.inf])) == 2.5
        assert np.isnan(mean_of_finite(np.array([np.nan]))) and np.isnan(mean_of_finite(np.array([])))
