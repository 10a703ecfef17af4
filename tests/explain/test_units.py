"""Parts by which maps are ranked, held to loops over pixels and to scipy."""

import numpy as np
import pytest
from scipy import stats

from age_audit.core.schema import AgeEstimate
from age_audit.explain.units import checked_units, grid_units, rank_correlation, seen_units, unit_means


def test_the_grid_is_squares_row_by_row():
    units = grid_units()
    assert units.shape == (224, 224)
    np.testing.assert_array_equal(np.bincount(units.ravel()), np.full(196, 256))
    for unit in (0, 13, 14, 195):
        rows, columns = np.nonzero(units == unit)
        assert (rows.min(), columns.min()) == (16 * (unit // 14), 16 * (unit % 14))
        assert (np.ptp(rows), np.ptp(columns)) == (15, 15)


@pytest.mark.parametrize(
    "wrong", [1 + grid_units(), 2 * grid_units(), grid_units() / 1.0, grid_units()[:7], -grid_units()]
)
def test_units_are_counted_from_0_without_gaps(wrong):
    with pytest.raises(ValueError, match="counted from 0 without gaps"):
        checked_units(wrong)


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


def test_what_is_seen_is_what_an_estimator_reads():
    class Middle:
        def predict(self, faces):
            middle = faces[:, 39:185, 39:185].astype(float)  # as face-api is shown 146 pixels
            return AgeEstimate(middle.mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))

    face = np.full((224, 224, 3), 200, dtype=np.uint8)
    seen = seen_units(Middle(), face, grid_units()).reshape(14, 14)
    wanted = np.zeros((14, 14), dtype=bool)
    wanted[2:12, 2:12] = True  # rows 32 to 191
    np.testing.assert_array_equal(seen, wanted)


def test_a_real_estimator_sees_the_chip_that_it_cuts(cydral, crops):
    seen = seen_units(cydral, np.array(crops[0]), grid_units()).reshape(14, 14)
    assert seen[5:10, 5:9].all() and not seen[:, 0].any() and 60 < seen.sum() < 150
