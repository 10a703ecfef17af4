"""Scores against counts done by hand, and against properties that any face must have."""

import json

import numpy as np
import pytest

from age_audit.core.schema import RegionActivation
from age_audit.regions.polygons import POINT_ORDER, REGIONS, region_masks
from age_audit.regions.scores import boundaries_facial, evaluate_face, score_regions

SIZE = 20


def face(points, rest=(10, 10)):
    """68 landmarks, all at one point but for the given {index: (x, y)}."""
    landmarks = np.full((68, 2), rest, dtype=float)
    for index, point in points.items():
        landmarks[index] = point
    return landmarks


def rows_above(y, size=SIZE):
    """Mask with the rows 0 to y - 1 positive."""
    mask = np.zeros((size, size), dtype=bool)
    mask[:y] = True
    return mask


def scattered(seed, size=32):
    rng = np.random.default_rng(seed)
    return rng.integers(-4, size + 4, (68, 2)), rng.random((size, size)) < 0.3


# chin: the rectangle (0, 0)-(12, 8), 11 x 7 = 77 pixels. mouth_inner: the rhombus (0, 4), (6, 2), (12, 4), (6, 6):
# area 24, 8 points on its outline; Pick: 24 - 8/2 + 1 = 21 pixels
CHIN_AND_MOUTH = face(
    {
        **{6: (0, 8), 48: (0, 4), 31: (0, 0), **dict.fromkeys((32, 33, 34), (6, 0)), 35: (12, 0), 54: (12, 4)},
        **{10: (12, 8), **dict.fromkeys((7, 8, 9), (6, 8))},
        **dict.fromkeys(range(49, 54), (6, 2)),
        **dict.fromkeys(range(55, 60), (6, 6)),
    }
)


def test_hand_counted_chin_and_mouth():
    # rows 0-3 positive: 80 pixels. In the chin rows 1-3: 33. In the mouth row 3: from x = 3 to 9 on the outline, so 5
    scores = score_regions(rows_above(4), CHIN_AND_MOUTH, SIZE)
    assert scores["activation_chin_pct_of_feature"] == pytest.approx(33 / 77)
    assert scores["activation_mouth_inner_pct_of_feature"] == pytest.approx(5 / 21)
    assert scores["activation_mouth_inner_from_all"] == pytest.approx(5 / 80)
    assert scores["activation_chin_from_all"] == pytest.approx((33 - 5) / 80)


def test_hand_counted_eye_and_inner_eye():
    # eye_l: (0, 0)-(10, 10), 81 pixels; nose: the point (10, 0). eye_l_inner: (2, 2)-(6, 6), 9 pixels.
    # eye_r_inner: (12, 2)-(16, 6), 9 pixels, while eye_r encloses nothing
    square_l = {36: (2, 2), 37: (6, 2), 38: (6, 6), **dict.fromkeys((39, 40, 41), (2, 6))}
    square_r = {42: (12, 2), 43: (16, 2), 44: (16, 6), **dict.fromkeys((45, 46, 47), (12, 6))}
    eye = {0: (0, 0), **dict.fromkeys((17, 18, 19, 20), (5, 0)), 21: (10, 0), 27: (10, 10), 28: (5, 10), 2: (0, 10)}
    flat = dict.fromkeys((14, 15, 16, 22, 23, 24, 25, 26, 31, 32, 33, 34, 35), (10, 0))
    landmarks = face({**eye, 1: (0, 5), **square_l, **square_r, **flat})
    # rows 0-4 positive: 100 pixels; 4 x 9 = 36 of them in eye_l, 2 x 3 = 6 in each inner eye
    result = evaluate_face("a.jpg", rows_above(5), landmarks, SIZE)
    assert result.scores["activation_eye_l_inner_from_all"] == pytest.approx(6 / 100)
    assert result.scores["activation_eye_l_inner_pct_of_feature"] == pytest.approx(6 / 9)
    assert result.scores["activation_eye_l_from_all"] == pytest.approx(30 / 100)
    assert result.scores["activation_eye_l_pct_of_feature"] == pytest.approx(36 / 81)
    # eye_r is the sliver (10, 0), (5, 10), (10, 10): area 25, 10 + 5 + 5 on the outline, 16 pixels; in rows 1-4 of it
    # x lies strictly between 10 - y/2 and 10: y 3 and 4 hold x = 9 alone, so 2 - 6 = -4 pixels are left
    assert result.scores["activation_eye_r_pct_of_feature"] == pytest.approx(2 / 16)
    assert result.scores["activation_eye_r_from_all"] == pytest.approx(-4 / 100)
    assert "eye_r: from_all below 0" in result.notes


def test_no_positive_pixel_scores_zero_everywhere():
    result = evaluate_face("a.jpg", np.zeros((SIZE, SIZE), dtype=bool), CHIN_AND_MOUTH, SIZE)
    assert set(result.scores.values()) == {0.0}
    assert "mask: no positive pixel" in result.notes


def test_regions_without_pixels_score_zero_and_are_named():
    result = evaluate_face("a.jpg", np.ones((SIZE, SIZE), dtype=bool), face({}), SIZE)
    assert result.scores["activation_nose_pct_of_feature"] == 0.0
    assert result.scores["activation_nose_from_all"] == 0.0
    assert "nose: outline encloses no area" in result.notes
    assert "nose: no pixel on the canvas" in result.notes


def test_face_beyond_the_canvas_scores_zero_and_is_named():
    result = evaluate_face("a.jpg", np.ones((SIZE, SIZE), dtype=bool), CHIN_AND_MOUTH + 100, SIZE)
    assert result.scores["activation_chin_pct_of_feature"] == 0.0
    assert "landmarks: 68 of 68 outside the canvas" in result.notes
    assert "chin: no pixel on the canvas" in result.notes


def test_only_the_part_on_the_canvas_counts():
    # moved 4 to the left, the chin keeps x 0-7 of its 11 columns: 8 x 7 pixels, all of them positive
    scores = score_regions(np.ones((SIZE, SIZE), dtype=bool), CHIN_AND_MOUTH - (4, 0), SIZE)
    assert scores["activation_chin_pct_of_feature"] == 1.0
    mouth = scores["activation_mouth_inner_from_all"]
    assert scores["activation_chin_from_all"] + mouth == pytest.approx(8 * 7 / 400)


def test_result_carries_name_scores_and_notes():
    result = evaluate_face("25_0_1.jpg", rows_above(4), CHIN_AND_MOUTH, SIZE)
    assert isinstance(result, RegionActivation)
    assert result.fname == "25_0_1.jpg"
    assert result.scores == score_regions(rows_above(4), CHIN_AND_MOUTH, SIZE)
    assert list(result.scores) == [f"activation_{r}_{s}" for r in REGIONS for s in ("from_all", "pct_of_feature")]
    assert all(type(value) is float for value in result.scores.values())
    assert isinstance(result.notes, tuple)


def test_default_canvas_is_224():
    scores = score_regions(np.ones((224, 224), dtype=bool), CHIN_AND_MOUTH)
    assert scores["activation_mouth_inner_from_all"] == pytest.approx(21 / 224**2)


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_counts_of_the_masks(seed):
    landmarks, mask = scattered(seed)
    scores = score_regions(mask, landmarks, 32)
    masks = region_masks(landmarks, 32)
    for region, inside in masks.items():
        positives = sum(bool(mask[y, x]) for y, x in np.argwhere(inside))
        assert scores[f"activation_{region}_pct_of_feature"] == pytest.approx(positives / max(inside.sum(), 1))
        if region not in ("chin", "eye_l", "eye_r"):
            assert scores[f"activation_{region}_from_all"] == pytest.approx(positives / mask.sum())
    for outer, inner in (("chin", "mouth_inner"), ("eye_l", "eye_l_inner"), ("eye_r", "eye_r_inner")):
        whole = scores[f"activation_{outer}_from_all"] + scores[f"activation_{inner}_from_all"]
        assert whole == pytest.approx((masks[outer] & mask).sum() / mask.sum())


@pytest.mark.parametrize("seed", range(5))
def test_shares_of_a_mask_and_its_complement_add_up(seed):
    landmarks, mask = scattered(seed)
    some, others = score_regions(mask, landmarks, 32), score_regions(~mask, landmarks, 32)
    everything = score_regions(np.ones_like(mask), landmarks, 32)
    for region, inside in region_masks(landmarks, 32).items():
        key = f"activation_{region}_pct_of_feature"
        assert everything[key] == (1.0 if inside.any() else 0.0)
        assert some[key] + others[key] == pytest.approx(everything[key])


@pytest.mark.parametrize("seed", range(3))
def test_more_positive_pixels_never_lower_pct_of_feature(seed):
    landmarks, mask = scattered(seed)
    more = mask | (np.random.default_rng(seed + 100).random(mask.shape) < 0.3)
    before, after = score_regions(mask, landmarks, 32), score_regions(more, landmarks, 32)
    for region in REGIONS:
        assert before[f"activation_{region}_pct_of_feature"] <= after[f"activation_{region}_pct_of_feature"]


def test_published_form():
    record = boundaries_facial(rows_above(4), CHIN_AND_MOUTH, SIZE)
    assert tuple(record) == REGIONS
    scores = score_regions(rows_above(4), CHIN_AND_MOUTH, SIZE)
    for region, entry in record.items():
        assert list(entry) == ["point_order", "cood", "intersection_n", "boundary_covered"]
        assert entry["point_order"] == list(POINT_ORDER[region])
        assert entry["intersection_n"] == scores[f"activation_{region}_from_all"]
        assert entry["boundary_covered"] == scores[f"activation_{region}_pct_of_feature"]
    assert record["bottom"]["cood"] == [[0, 20], [0, 8], [6, 8], [6, 8], [6, 8], [12, 8], [20, 20]]
    assert json.loads(json.dumps(record)) == record


def test_inputs_are_not_changed():
    landmarks, mask = scattered(0)
    landmarks_before, mask_before = landmarks.copy(), mask.copy()
    evaluate_face("a.jpg", mask, landmarks, 32)
    np.testing.assert_array_equal(landmarks, landmarks_before)
    np.testing.assert_array_equal(mask, mask_before)


@pytest.mark.parametrize("shape", [(SIZE, SIZE + 1), (SIZE,), (SIZE, SIZE, 1), (224, 224)])
def test_mask_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"mask of shape \(20, 20\)"):
        score_regions(np.zeros(shape, dtype=bool), CHIN_AND_MOUTH, SIZE)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, float])
def test_a_mask_of_numbers_is_positive_above_zero(dtype):
    # lime's masks hold +1 and -1, both of which are true as truth values
    positive = np.zeros((SIZE, SIZE), dtype=bool)
    positive[:, :3] = True
    signed = np.where(positive, 1, -1).astype(dtype)
    assert score_regions(signed, CHIN_AND_MOUTH, SIZE) == score_regions(positive, CHIN_AND_MOUTH, SIZE)
    assert score_regions(signed, CHIN_AND_MOUTH, SIZE) != score_regions(~positive, CHIN_AND_MOUTH, SIZE)


def test_a_number_of_zero_raises_nothing():
    # an unsettled superpixel is 0 in a mask of three values: rows 0-3 raise, rows 4-5 lower, the rest does neither
    mask = np.zeros((SIZE, SIZE), dtype=int)
    mask[:4], mask[4:6] = 1, -1
    assert score_regions(mask, CHIN_AND_MOUTH, SIZE) == score_regions(rows_above(4), CHIN_AND_MOUTH, SIZE)


def test_only_what_is_below_zero_is_said_to_be():
    result = evaluate_face("a.jpg", rows_above(4), CHIN_AND_MOUTH, SIZE)
    assert result.scores["activation_chin_from_all"] > 0 == result.scores["activation_eye_l_from_all"]
    assert not [note for note in result.notes if "below 0" in note]


def test_landmarks_are_checked():
    with pytest.raises(ValueError, match="shape"):
        evaluate_face("a.jpg", rows_above(4), np.zeros((5, 2)), SIZE)
