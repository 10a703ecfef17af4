"""Boxes by chance: one that cannot move, shares known from geometry, a literal twin, and null data."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.box_bias import age_outcomes
from age_audit.audit.box_chance import beside_chance, of_another_face, placed_at_random
from age_audit.regions.boxes import BOX_REGIONS, active_regions, annotate, landmark_boxes


def box(min_x, min_y, max_x, max_y):
    return {"min_x": min_x, "min_y": min_y, "max_x": max_x, "max_y": max_y, "label": None}


def landmarks(count, seed=1):
    """Small parts around places of a grid, (count, 68, 2)."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 12, (count, 68, 2))
    middle = {36: (60, 60), 42: (120, 60), 17: (60, 40), 22: (120, 40), 27: (95, 90), 48: (90, 130), 0: (40, 100)}
    for first in sorted(middle):
        points[:, first:] = points[:, first:] % 12 + middle[first]
    points[:, 11:17] = points[:, 11:17] % 12 + (150, 100)
    return points


class TestPlacedAtRandom:
    def test_a_box_as_large_as_the_canvas_cannot_move(self):
        points = landmarks(1)
        active = placed_at_random([[box(0, 0, 224, 224)]], points, seed=1, draws=5, overlap=0.001)
        named = active_regions(annotate([box(0, 0, 224, 224)], landmark_boxes(points[0]), 0.001))
        assert sum(named.values()) == 1
        assert (active == list(named.values())).all()

    def test_share_of_a_single_pixel_is_the_area_nearest_to_the_part(self):
        points = landmarks(1)
        active = placed_at_random([[box(3, 4, 4, 5)]], points, seed=2, draws=30_000, size=224)
        parts = landmark_boxes(points[0])
        every = [box(x, y, x + 1, y + 1) for x in range(224) for y in range(224)]
        names = [found["label"] for found in annotate(every, parts)]
        expected = [names.count(region) / 224**2 for region in BOX_REGIONS]
        assert max(expected) > 0.002
        np.testing.assert_allclose(active[:, 0].mean(axis=0), expected, atol=0.001)

    def test_sizes_are_kept_and_every_place_is_possible(self):
        points = np.zeros((1, 68, 2), dtype=int) - 500
        points[:, 36:42] = (0, 0)  # an eye in the first pixel, of which a box of 2 x 1 covers half
        active = placed_at_random([[box(1, 1, 3, 2)]], points, seed=1, draws=3000, size=4)
        assert active[:, 0, 0].mean() == pytest.approx(1 / 12, abs=0.02)  # one of 3 x 4 places
        assert not active[:, :, 1:].any()

    def test_without_boxes_nothing_is_active(self):
        assert not placed_at_random([[], []], landmarks(2), seed=1, draws=3).any()
        assert placed_at_random([], np.empty((0, 68, 2)), seed=1, draws=3).shape == (3, 0, 8)

    def test_refused(self):
        with pytest.raises(ValueError, match="fit on a canvas of 20 pixels, got one of 30"):
            placed_at_random([[box(0, 0, 30, 3)]], landmarks(1), seed=1, size=20)
        with pytest.raises(ValueError, match="of the same faces, got 2 and 1"):
            placed_at_random([[], []], landmarks(1), seed=1)

    def test_same_seed_same_draws(self):
        boxes, points = [[box(0, 0, 30, 30)]] * 3, landmarks(3)
        first = placed_at_random(boxes, points, seed=1, draws=20)
        np.testing.assert_array_equal(first, placed_at_random(boxes, points, seed=1, draws=20))
        assert (first != placed_at_random(boxes, points, seed=2, draws=20)).any()


class TestOfAnotherFace:
    def test_shares_are_those_of_all_faces_boxes_on_each_face(self):
        points = landmarks(4, 3)
        rng = np.random.default_rng(5)
        boxes = [[box(x, y, x + 14, y + 14) for x, y in rng.integers(35, 140, (k, 2)).tolist()] for k in (4, 9, 0, 1)]
        active = of_another_face(boxes, points, seed=1, draws=4000)
        every = [
            np.mean([list(active_regions(annotate(others, landmark_boxes(own))).values()) for others in boxes], axis=0)
            for own in points
        ]
        assert np.max(every) > 0.2
        np.testing.assert_allclose(active.mean(axis=0), every, atol=0.03)

    def test_every_draw_uses_every_pattern_once(self):
        points = np.repeat(landmarks(1), 5, axis=0)
        eye = landmark_boxes(points[0])[0]
        active = of_another_face([[eye], [eye], [], [], []], points, seed=1, draws=200)
        assert (active[:, :, 0].sum(axis=1) == 2).all() and active[:, :, 0].any(axis=0).all()


def frame_of(active, genders):
    frame = pd.DataFrame({f"active_{region}": active[:, i] for i, region in enumerate(BOX_REGIONS)})
    return frame.assign(age_real=30, age_estimation=50.0, gender_real=genders)


class TestBesideChance:
    def test_by_hand(self):
        chance = np.zeros((4, 2, 8), dtype=bool)
        chance[0, 0, 0] = chance[1, :, 0] = True  # means of the left eye over the two faces: 0.5, 1, 0, 0
        active = np.zeros((2, 8), dtype=bool)
        active[:, 0] = True
        frame = frame_of(active, ["Male", "Female"])
        table = beside_chance(frame, chance, "gender_real", age_outcomes(frame)).query("outcome == 'estimated too old'")
        row = table.query("gender_real == 'all' and region == 'left_eye'").iloc[0]
        assert (row["n"], row["observed"], row["null_mean"]) == (2, 1, 0.375)
        assert row["ratio"] == pytest.approx(1 / 0.375)
        assert row["p_value"] == 2 / 5  # the draw of 1 is as far from 0.375, and the observed itself
        assert (row["null_low"], row["null_high"]) == pytest.approx(tuple(np.quantile([0, 0, 0.5, 1], [0.025, 0.975])))
        assert table["gender_real"].unique().tolist() == ["Female", "Male", "all"]
        male = table.query("gender_real == 'Male' and region == 'left_eye'").iloc[0]
        assert (male["n"], male["null_mean"]) == (1, 0.5)
        assert row["few_faces"] and np.isnan(table[table["region"] == "nose"]["ratio"]).all()

    def test_boxes_that_lie_by_chance_are_seldom_told_from_it(self):
        points, p_values = landmarks(60, 4), []
        rng = np.random.default_rng(7)
        for seed in range(15):
            boxes = [[box(x, y, x + 16, y + 16) for x, y in rng.integers(0, 208, (6, 2)).tolist()] for _ in range(60)]
            active = [
                list(active_regions(annotate(b, landmark_boxes(p))).values())
                for b, p in zip(boxes, points, strict=True)
            ]
            frame = frame_of(np.array(active), ["Male"] * 60)
            for chance in (placed_at_random, of_another_face):
                table = beside_chance(frame, chance(boxes, points, seed=seed, draws=199), [], age_outcomes(frame))
                p_values.append(table.query("outcome == 'estimated too old'")["p_value"])
        p_values = np.concatenate(p_values)
        assert (p_values <= 0.05).mean() < 0.08 and p_values.min() < 0.2

    def test_boxes_on_the_nose_are_told_from_both_kinds_of_chance(self):
        points = landmarks(40, 4) + np.arange(40)[:, None, None] * 3  # faces at other places, so that others' miss
        boxes = [[landmark_boxes(own)[4]] for own in points]
        frame = frame_of(np.tile(np.eye(8, dtype=bool)[4], (40, 1)), ["Male"] * 40)
        for chance in (placed_at_random, of_another_face):
            table = beside_chance(frame, chance(boxes, points, seed=1, draws=199), [], age_outcomes(frame))
            nose = table.query("outcome == 'estimated too old' and region == 'nose'").iloc[0]
            assert nose["ratio"] > 2 and nose["p_holm"] == 8 / 200

    def test_faces_with_unknown_boxes_do_not_count_and_shapes_have_to_fit(self):
        active = np.ones((3, 8))
        active[1] = np.nan
        frame = frame_of(active, ["Male"] * 3)
        table = beside_chance(frame, np.ones((9, 3, 8), dtype=bool), [], age_outcomes(frame))
        assert table["n"].tolist() == [2] * 8 + [0] * 16
        assert (
            table["observed"][:8].eq(1).all()
            and table["observed"][8:].isna().all()
            and table["p_value"][:8].eq(1).all()
        )
        with pytest.raises(ValueError, match=r"shape \(draws, 3, 8\); got \(9, 2, 8\)"):
            beside_chance(frame, np.ones((9, 2, 8), dtype=bool), [], age_outcomes(frame))
