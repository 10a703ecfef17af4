"""Parts by which maps are ranked, held to loops over pixels and to scipy."""

import numpy as np
import pytest
from scipy import stats

from age_audit.explain.units import grid_units, rank_correlation, unit_means


def test_the_grid_is_squares_row_by_row():
    units = grid_units()
    assert units.shape == (224, 224)
    np.testing.assert_array_equal(np.bincount(units.ravel()), np.full(196, 256))
    for unit in (0, 13, 14, 195):
        rows, columns = np.nonzero(units == unit)
        assert (rows.min(), columns.min()) == (16 * (unit // 14), 16 * (unit % 14))
        assert (np.ptp(rows), np.ptp(columns)) == (15, 15)


def test_means_are_those_of_a_loop():
    rng = np.random.default_rng(1)
    units = rng.integers(0, 5, (224, 224))
    values = rng.normal(size=(224, 224))
    values[rng.random((224, 224)) < 0.1] = np.nan
    values[units == 3] = np.nan
    found = unit_means(values, units)
    for unit in (0, 1, 2, 4):
        inside = [v for v, u in zip(values.ravel(), units.ravel(), strict=True) if u == unit and not np.isnan(v)]
        assert found[unit] == pytest.approx(sum(inside) / len(inside))
    assert np.isnan(found[3])


def test_ranks_are_scipys():
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 6, (2, 50)).astype(float)  # many ties
    assert rank_correlation(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)
    first[:20] = np.nan
    second[45:] = np.nan
    wanted = stats.spearmanr(first[20:45], second[20:45]).statistic
    assert rank_correlation(first, second) == pytest.approx(wanted)


def test_a_map_without_ranks_has_no_correlation():
    assert np.isnan(rank_correlation(np.ones(9), np.arange(9.0)))
    assert np.isnan(rank_correlation(np.array([1.0, np.nan]), np.array([np.nan, 1.0])))
