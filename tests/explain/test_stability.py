"""Stability: shifts held to a loop, correlations worked by hand, and what drawn weights do to a real method."""

import numpy as np
import pytest

from age_audit.core.schema import AgeEstimate
from age_audit.explain import load_explainer
from age_audit.explain.base import of_map
from age_audit.explain.stability import (
    against_drawn_weights,
    drawn_shift,
    moved,
    moved_back,
    over_seeds,
    over_shift,
)
from age_audit.explain.units import grid_units


class Years:
    def predict(self, faces):
        ages = faces[:, :112].std(axis=(1, 2, 3))
        return AgeEstimate(ages, np.ones((len(faces), 1)), np.array([30.0]))


@pytest.mark.parametrize("shift", [(0, 1), (3, 0), (-2, -2), (4, -4)])
def test_a_picture_moves_pixel_by_pixel(shift):
    picture = np.random.default_rng(1).integers(0, 256, (9, 11, 3))
    found = moved(picture, shift)
    for row in range(9):
        for column in range(11):
            from_row = min(max(row - shift[0], 0), 8)
            from_column = min(max(column - shift[1], 0), 10)
            np.testing.assert_array_equal(found[row, column], picture[from_row, from_column])


@pytest.mark.parametrize("shift", [(0, 0), (0, 1), (3, 0), (-2, -2), (4, -4)])
def test_a_map_moved_back_is_as_it_was_where_it_was_kept(shift):
    values = np.random.default_rng(2).normal(size=(9, 11))
    back = moved_back(moved(values, shift), shift)
    kept = np.isfinite(back)
    np.testing.assert_array_equal(back[kept], values[kept])
    assert kept.sum() == (9 - abs(shift[0])) * (11 - abs(shift[1]))


def test_shifts_are_of_one_to_four_pixels_in_all_directions():
    shifts = {drawn_shift(np.random.default_rng(seed)) for seed in range(600)}
    assert len(shifts) == 32 and (0, 0) not in shifts
    assert {max(map(abs, shift)) for shift in shifts} == {1, 2, 3, 4}


def test_seeds_are_compared_two_by_two():
    """Ranks of four quarters: 1 2 3 4, 1 2 4 3 and 4 3 2 1 correlate by 0.8, -1 and -0.8."""
    maps = [np.array(ranks, dtype=float)[grid_units(2)] for ranks in ([1, 2, 3, 4], [1, 2, 4, 3], [4, 3, 2, 1])]
    assert over_seeds(maps) == pytest.approx((0.8 - 1 - 0.8) / 3)
    assert over_seeds([of_map(maps[0], "expected_age", signed=True), maps[1]]) == pytest.approx(0.8)


def test_what_cannot_be_compared_is_refused(crops):
    for maps in ([], [np.ones((224, 224))]):
        with pytest.raises(ValueError, match=f"two maps of the face or more, by other seeds, got {len(maps)}"):
            over_seeds(maps)
    with pytest.raises(ValueError, match="fewer than 112 pixels"):
        over_shift(load_explainer("occlusion", Years()), crops[0], (0, -112))


def test_cells_that_are_not_seen_do_not_count(crops):
    seen = np.arange(196) < 98
    one = np.where(seen, np.arange(196), 500.0)[grid_units()]
    other = np.where(seen, -np.arange(196), 500.0)[grid_units()]
    assert over_seeds([one, other]) > -0.2 and over_seeds([one, other], seen) == pytest.approx(-1)
    assert against_drawn_weights(one, other, seen) == pytest.approx((-1, 1))

    class Halves:  # moves with the face above, stays below
        def explain(self, face, target=None):
            values = face[..., 0].astype(float)
            values[112:] = np.random.default_rng(int(face.sum())).normal(size=(112, 224))
            return of_map(values, "expected_age", signed=True)

    assert over_shift(Halves(), crops[0], (0, 3), seen=seen) == pytest.approx(1)
    assert over_shift(Halves(), crops[0], (0, 3)) < 0.95


def test_a_method_that_draws_nothing_is_the_same_with_any_seed(crops):
    maps = [load_explainer("occlusion", Years(), seed=seed).explain(crops[0]) for seed in (1, 2)]
    assert over_seeds(maps) == pytest.approx(1)
    maps = [load_explainer("random", Years(), seed=seed).explain(crops[0]) for seed in range(6)]
    assert abs(over_seeds(maps)) < 0.3


def test_a_map_that_moves_with_the_face_is_stable_and_one_that_does_not_is_not(crops):
    class Colours:
        def explain(self, face, target=None):
            return of_map(face[..., 0].astype(float), "expected_age", signed=True)

    class Bytes:  # another map for every other picture
        def explain(self, face, target=None):
            rng = np.random.default_rng(int(face.sum()))
            return of_map(rng.normal(size=196)[grid_units()], "expected_age", signed=True)

    for shift in ((0, 1), (4, -4)):
        assert over_shift(Colours(), crops[0], shift) == pytest.approx(1)
        assert abs(over_shift(Bytes(), crops[0], shift)) < 0.3
    before = Colours().explain(crops[1])
    assert over_shift(Colours(), crops[0], (0, 1), before=before) < 0.9  # of the map that is handed over


def test_signs_hide_how_much_of_a_pattern_stays():
    pattern = np.arange(-98.0, 98)[grid_units()]
    assert against_drawn_weights(pattern, pattern) == pytest.approx((1, 1))
    assert against_drawn_weights(pattern, -pattern) == pytest.approx((-1, 1))


def test_weights_drawn_anew_change_what_a_method_says_of_a_real_estimator(crops, dex_wrn):
    """Integrated gradients multiply by the picture; occlusion asks the model alone, and nothing of its map stays."""
    from age_audit.estimators.randomised import randomised

    untaught = randomised(dex_wrn, 1, crops)
    asked = {"cells": 5, "window": 1}
    maps = [load_explainer("occlusion", estimator, **asked).explain(crops[0]) for estimator in (dex_wrn, untaught)]
    assert maps[1].map.std() > 0
    assert abs(against_drawn_weights(*maps)[0]) < 0.5
    assert against_drawn_weights(maps[0], maps[0])[0] == pytest.approx(1)
