"""Boxes by hand, against slow literal twins, and at the edges: no saliency, no piece, ties, beyond the canvas."""

import numpy as np
import pytest
from skimage import filters

from age_audit.regions.boxes import (
    BOX_POINTS,
    BOX_REGIONS,
    MESH_BOX_POINTS,
    activation_boxes,
    active_regions,
    annotate,
    binarize,
    landmark_boxes,
    nearest_overlapping,
)

METHODS = ("otsu", "li", "yen")


def box(min_x, min_y, max_x, max_y, label=None):
    return {"min_x": min_x, "min_y": min_y, "max_x": max_x, "max_y": max_y, "label": label}


def hills(seed, size=48):
    """A smooth map with a few hills, 0 or more."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    return sum(
        height * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
        for height, cx, cy, width in zip(
            rng.uniform(1, 3, 4), *rng.uniform(0, size, (2, 4)), rng.uniform(2, 6, 4), strict=True
        )
    )


class TestBinarize:
    @pytest.mark.parametrize("method", METHODS)
    def test_two_levels_by_hand(self, method):
        saliency = np.full((10, 10), 1.0)
        saliency[2, 3:8], saliency[5, 5] = 4, 5
        mask = binarize(saliency, method=method)
        assert np.argwhere(mask).tolist() == [[2, 3], [2, 4], [2, 5], [2, 6], [2, 7], [5, 5]]

    def test_values_below_0_count_as_0_however_little_they_are_below(self):
        saliency = np.repeat([-0.9, 0.0197, 0.2], [50, 25, 25]).reshape(10, 10)
        assert (
            binarize(saliency, percentile=0) == (saliency > 0.1)
        ).all()  # of -0.9 the threshold would lie below both

    def test_pixels_at_the_percentile_are_kept(self):
        saliency = np.arange(1.0, 12.0)[None]  # 90 % of eleven values: the tenth of them, 10
        assert binarize(saliency).tolist() == [[False] * 9 + [True] * 2]
        assert binarize(saliency, percentile=91).tolist() == [[False] * 10 + [True]]
        assert binarize(saliency, percentile=100).tolist() == [[False] * 10 + [True]]
        assert (
            binarize(saliency, percentile=0) == (saliency > filters.threshold_otsu(saliency))
        ).all()  # none is taken out

    @pytest.mark.parametrize("seed", range(4))
    def test_otsu_as_by_definition(self, seed):
        saliency = hills(seed)
        values = np.where(saliency < np.percentile(saliency, 90), 0, saliency).ravel()
        edges = np.linspace(0, values.max(), 257)
        bins = np.minimum(np.searchsorted(edges, values, side="right") - 1, 255)
        centres = (edges[:-1] + edges[1:]) / 2
        between = []
        for cut in range(255):  # the variance between those up to the cut and those above
            low, high = centres[bins[bins <= cut]], centres[bins[bins > cut]]
            between.append(len(low) * len(high) * (low.mean() - high.mean()) ** 2 if len(low) and len(high) else 0)
        threshold = centres[int(np.argmax(between))]
        np.testing.assert_array_equal(binarize(saliency), values.reshape(saliency.shape) > threshold)

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("seed", range(3))
    def test_as_published_where_nothing_is_negative(self, method, seed):
        saliency = hills(seed)
        published = saliency.copy()
        published[published < np.percentile(published, 80)] = 0
        mask = published > getattr(filters, f"threshold_{method}")(published)
        before = saliency.copy()
        np.testing.assert_array_equal(binarize(saliency, 80, method), mask)
        np.testing.assert_array_equal(saliency, before)
        assert 0 < mask.sum() <= 0.2 * mask.size + 1

    @pytest.mark.parametrize("method", METHODS)
    def test_unit_of_the_map_does_not_matter(self, method):
        saliency = hills(7)
        mask = binarize(saliency, method=method)
        for factor in (2.0**-40, 2.0**10):
            np.testing.assert_array_equal(binarize(saliency * factor, method=method), mask)
        np.testing.assert_array_equal(binarize(saliency[:, ::-1], method=method), mask[:, ::-1])
        assert not (mask & (saliency < np.percentile(saliency, 90))).any()

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("value", [0, 3, -3, 1e-300])
    def test_constant_maps_have_nothing_that_stands_out(self, method, value):
        assert not binarize(np.full((6, 5), value), method=method).any()

    def test_below_zero_counts_as_zero(self):
        saliency = np.full((10, 10), -5.0)
        saliency[0, 0] = -1  # the least negative: as published all others would be in the mask
        assert not binarize(saliency).any()
        saliency[4, 4:6] = 2
        assert np.argwhere(binarize(saliency)).tolist() == [[4, 4], [4, 5]]
        published = saliency.copy()
        published[published < np.percentile(published, 99.5)] = 0
        np.testing.assert_array_equal(binarize(saliency, 99.5), published > filters.threshold_otsu(published))

    def test_whole_numbers_and_masks_are_maps_too(self):
        mask = np.zeros((10, 10), dtype=bool)
        mask[3, 3:6] = True
        np.testing.assert_array_equal(binarize(mask), mask)
        np.testing.assert_array_equal(binarize(mask.astype(np.uint8) * 255), mask)

    def test_refused(self):
        saliency = np.ones((4, 4))
        saliency[1, 2] = np.nan
        with pytest.raises(ValueError, match="1 of 16 values that are not; leave it out"):
            binarize(saliency)
        with pytest.raises(ValueError, match="finite"):
            binarize(np.where(np.isnan(saliency), np.inf, saliency))
        with pytest.raises(ValueError, match=r"shape \(height, width\), got \(4, 4, 3\)"):
            binarize(np.ones((4, 4, 3)))
        with pytest.raises(ValueError, match="got \\(0, 4\\)"):
            binarize(np.ones((0, 4)))
        with pytest.raises(ValueError, match="out of otsu, li, yen; got 'triangle'"):
            binarize(np.ones((4, 4)), method="triangle")
        for percentile in (-1, 100.5, np.nan, "90", None):
            with pytest.raises(ValueError, match="percentile that is a number of 0 to 100, got"):
                binarize(np.ones((4, 4)), percentile)


def flooded(mask):
    """Bounding boxes of the pieces, pixel by pixel."""
    left, boxes = {tuple(place) for place in np.argwhere(mask)}, []
    for start in sorted(left):
        if start not in left:
            continue
        piece, waiting = set(), [start]
        while waiting:
            y, x = waiting.pop()
            if (y, x) in left:
                left.remove((y, x))
                piece.add((y, x))
                waiting += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        rows, columns = zip(*piece, strict=True)
        boxes.append(box(min(columns), min(rows), max(columns) + 1, max(rows) + 1))
    return boxes


class TestActivationBoxes:
    def test_by_hand(self):
        mask = np.zeros((6, 8), dtype=bool)
        mask[0, 7] = mask[2:5, 1] = mask[5, 2] = True  # the last touches at a corner
        assert activation_boxes(mask) == [box(7, 0, 8, 1), box(1, 2, 3, 6)]

    @pytest.mark.parametrize("seed", range(6))
    def test_as_flooded(self, seed):
        mask = np.random.default_rng(seed).random((17, 23)) < 0.05 * (seed + 1)
        found = activation_boxes(mask)
        assert found == flooded(mask) and len(found) > 1
        assert all(type(value) is int for one in found for value in list(one.values())[:4])

    def test_nothing_and_everything(self):
        assert activation_boxes(np.zeros((4, 5), dtype=bool)) == []
        assert activation_boxes(np.ones((4, 5), dtype=bool)) == [box(0, 0, 5, 4)]
        assert activation_boxes(np.full((2, 2), -1)) == []  # lime's masks hold +1 and -1
        with pytest.raises(ValueError, match="expected a mask"):
            activation_boxes(np.zeros(4))
        with pytest.raises(ValueError, match=r"shape \(height, width\), got \(0, 0\)"):
            activation_boxes(np.zeros((0, 0)))


def face():
    """Landmarks of a plain face on a canvas of 224 pixels, (68, 2)."""
    points = np.zeros((68, 2), dtype=int)
    points[:17] = [(40 + 9 * i, 90 + 100 - int(1.6 * abs(i - 8) ** 2)) for i in range(17)]
    points[17:22] = [(60 + 8 * i, 70) for i in range(5)]
    points[22:27] = [(132 + 8 * i, 70) for i in range(5)]
    points[27:31] = [(112, 85 + 10 * i) for i in range(4)]
    points[31:36] = [(100 + 6 * i, 122) for i in range(5)]
    for first, x in ((36, 66), (42, 134)):
        points[first : first + 6] = [
            (x + dx, 88 + dy) for dx, dy in ((0, 0), (8, -4), (16, -4), (24, 0), (16, 4), (8, 4))
        ]
    points[48:68] = [(90 + 4 * (i % 12), 150 + 8 * (i % 3)) for i in range(20)]
    return points


class TestLandmarkBoxes:
    def test_by_hand(self):
        boxes = {found["label"]: found for found in landmark_boxes(face())}
        assert list(boxes) == list(BOX_REGIONS)
        assert boxes["left_eye"] == box(66, 84, 91, 93, "left_eye")
        assert boxes["right_eyebrow"] == box(132, 70, 165, 71, "right_eyebrow")  # a line is a row of pixels
        assert boxes["nose"] == box(100, 85, 125, 123, "nose")
        assert boxes["lips"] == box(90, 150, 135, 167, "lips")
        # from the jaw, 49 and 112 at point 1, to the wing of the nose, 100, and the corner of the mouth, 150
        assert boxes["left_cheek"] == box(49, 112, 101, 151, "left_cheek")

    def test_left_is_on_the_left_of_the_picture_and_mirrors_the_right(self):
        points = face()
        mirror = list(range(16, -1, -1)) + list(range(26, 16, -1)) + list(range(27, 31)) + list(range(35, 30, -1))
        mirror += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
        mirror += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
        turned = points[mirror] * [-1, 1] + [223, 0]
        plain = {found["label"]: found for found in landmark_boxes(points)}
        for found in landmark_boxes(turned):
            side, _, part = found["label"].partition("_")
            other = {"left": "right", "right": "left"}.get(side)
            same = plain[f"{other}_{part}" if other else found["label"]]
            assert (224 - found["max_x"], 224 - found["min_x"]) == (same["min_x"], same["max_x"])
            assert (found["min_y"], found["max_y"]) == (same["min_y"], same["max_y"])
        for part in ("eye", "eyebrow", "cheek"):
            assert plain[f"left_{part}"]["max_x"] <= plain[f"right_{part}"]["min_x"]

    def test_parts_of_a_pixel_and_points_beyond_the_canvas(self):
        points = face().astype(float) + 0.75
        assert landmark_boxes(points) == landmark_boxes(face())
        points = face() - [80, 0]
        assert landmark_boxes(points)[0] == box(-14, 84, 11, 93, "left_eye")
        assert landmark_boxes(face() - 0.25)[0]["min_x"] == 65

    def test_every_box_holds_its_landmarks(self):
        points = np.random.default_rng(1).uniform(-50, 300, (68, 2))
        for found in landmark_boxes(points):
            x, y = points[list(BOX_POINTS[found["label"]])].T
            assert ((x >= found["min_x"]) & (x < found["max_x"]) & (y >= found["min_y"]) & (y < found["max_y"])).all()

    def test_of_478_points_by_their_groups(self):
        points = np.full((478, 2), 300.0)
        points[[33, 133]] = [(66.5, 88), (90, 92.9)]
        points[list(set(MESH_BOX_POINTS["left_eye"]) - {33, 133})] = (70, 90)
        points[[168, 2, 129, 358]] = [(112, 85), (112, 125), (95, 118), (129, 118)]
        points[list(set(MESH_BOX_POINTS["nose"]) - {168, 2, 129, 358, 98, 327})] = (112, 100)
        points[[98, 327]] = [(100, 122), (124, 122)]
        points[[234, 93, 132, 61]] = [(40, 105), (41, 116), (44, 129), (90, 150)]
        boxes = {found["label"]: found for found in landmark_boxes(points)}
        assert list(boxes) == list(BOX_REGIONS)
        assert boxes["left_eye"] == box(66, 88, 91, 93, "left_eye")
        assert boxes["nose"] == box(95, 85, 130, 126, "nose")
        assert boxes["left_cheek"] == box(40, 105, 101, 151, "left_cheek")
        assert boxes["right_eye"] == box(300, 300, 301, 301, "right_eye")

    def test_groups_of_478_points_share_but_corners_of_cheeks(self):
        assert list(MESH_BOX_POINTS) == list(BOX_REGIONS)
        count = np.bincount(np.concatenate(list(MESH_BOX_POINTS.values())), minlength=478)
        assert len(count) == 478 and count[468:].max() == 0  # none is of an iris
        assert np.flatnonzero(count > 1).tolist() == [61, 98, 291, 327]  # mouth, wing of the nose, and the right's

    def test_refused(self):
        with pytest.raises(ValueError, match=r"expected landmarks of shape \(68, 2\)"):
            landmark_boxes(face()[:5])
        with pytest.raises(ValueError, match=r"expected landmarks of shape \(478, 2\)"):
            landmark_boxes(np.zeros((478, 3)))
        with pytest.raises(ValueError, match=r"not finite at index \[3\]"):
            landmark_boxes(np.where(np.arange(68)[:, None] == 3, np.nan, face()))


def named_slowly(activation, landmark, overlap=0.2):
    """Pixel by pixel."""
    names = []
    for a in activation:
        pixels = {(x, y) for x in range(a["min_x"], a["max_x"]) for y in range(a["min_y"], a["max_y"])}
        best = None
        for part in landmark:
            dx = (a["min_x"] + a["max_x"]) / 2 - (part["min_x"] + part["max_x"]) / 2
            dy = (a["min_y"] + a["max_y"]) / 2 - (part["min_y"] + part["max_y"]) / 2
            if best is None or dx * dx + dy * dy < best[0]:
                best = dx * dx + dy * dy, part
        part = best[1]
        inside = [
            (x, y) for x, y in pixels if part["min_x"] <= x < part["max_x"] and part["min_y"] <= y < part["max_y"]
        ]
        names.append(part["label"] if len(inside) >= overlap * len(pixels) - 1e-9 else None)
    return names


def boxes_at_random(rng, count, side=20, canvas=60):
    corners, sizes = rng.integers(0, canvas - side, (count, 2)), rng.integers(1, side, (count, 2))
    return [box(*map(int, (*corner, *(corner + size)))) for corner, size in zip(corners, sizes, strict=True)]


class TestAnnotate:
    def test_a_fifth_is_enough(self):
        part = box(0, 0, 10, 10, "nose")
        touching = box(8, 0, 18, 10)  # 20 of its 100 pixels
        short = box(9, 0, 18, 10)  # 10 of 90
        assert [found["label"] for found in annotate([touching, short], [part])] == ["nose", None]
        assert annotate([touching], [part], overlap=0.21)[0]["label"] is None

    def test_only_the_nearest_centre_is_asked(self):
        # the large box lies wholly on the cheek, but the centre of the small eye is nearer, which it does not touch
        cheek, eye = box(0, 0, 100, 100, "left_cheek"), box(12, 25, 14, 27, "left_eye")
        found = annotate([box(10, 10, 20, 20)], [cheek, eye])
        assert found == [box(10, 10, 20, 20)]

    def test_of_equally_near_the_first_in_order(self):
        left, right = box(0, 0, 10, 10, "left_eye"), box(10, 0, 20, 10, "right_eye")
        middle = box(5, 0, 15, 10)
        assert annotate([middle], [left, right])[0]["label"] == "left_eye"
        assert annotate([middle], [right, left])[0]["label"] == "right_eye"

    def test_the_published_code_stores_the_box_of_the_landmarks(self):
        part, found, lost = box(0, 0, 10, 10, "nose"), box(5, 5, 12, 12), box(40, 40, 50, 50)
        assert annotate([found, lost], [part]) == [box(5, 5, 12, 12, "nose"), lost]
        assert annotate([found, lost], [part], published=True) == [part, lost]
        assert found["label"] is None

    def test_without_boxes_or_parts(self):
        assert annotate([], landmark_boxes(face())) == []
        assert annotate([box(0, 0, 3, 3, "stale")], []) == [box(0, 0, 3, 3)]

    def test_parts_beyond_the_canvas(self):
        parts = landmark_boxes(face() - [80, 0])  # the left eye reaches from -14 to 11
        assert annotate([box(0, 85, 10, 92)], parts)[0]["label"] == "left_eye"

    @pytest.mark.parametrize("seed", range(8))
    def test_as_counted_pixel_by_pixel(self, seed):
        rng = np.random.default_rng(seed)
        activation = boxes_at_random(rng, 40)
        landmark = [dict(part, label=str(i)) for i, part in enumerate(boxes_at_random(rng, 6, 30))]
        names = [found["label"] for found in annotate(activation, landmark)]
        assert names == named_slowly(activation, landmark)
        assert len(set(names)) > 2 and None in names
        shifted = [
            [dict(one, **{side: one[side] + 1000 for side in list(one)[:4]}) for one in boxes]
            for boxes in (activation, landmark)
        ]
        assert [found["label"] for found in annotate(*shifted)] == names

    def test_many_faces_at_once(self):
        rng = np.random.default_rng(3)
        boxes = np.array([[list(one.values())[:4] for one in boxes_at_random(rng, 5)] for _ in range(7)])
        parts = np.array([[list(one.values())[:4] for one in boxes_at_random(rng, 3, 30)] for _ in range(7)])
        together = nearest_overlapping(boxes, parts)
        assert together.shape == (7, 5)
        np.testing.assert_array_equal(together, [nearest_overlapping(b, p) for b, p in zip(boxes, parts, strict=True)])
        np.testing.assert_array_equal(nearest_overlapping(boxes, parts[:1])[1], nearest_overlapping(boxes[1], parts[0]))

    def test_refused(self):
        part = box(0, 0, 10, 10, "nose")
        for odd in (box(5, 5, 5, 9), box(5, 5, np.nan, 9)):
            for activation, parts in (([odd], [part]), ([part], [part, odd]), ([odd], [])):
                with pytest.raises(ValueError, match="at least one pixel"):
                    annotate(activation, parts)
        for overlap in (0, 1.1, np.nan, 20, "0.2"):
            for boxes in ([box(0, 0, 3, 3)], []):  # also where there is nothing to name
                with pytest.raises(ValueError, match="overlap that is a number above 0 and at most 1, got"):
                    annotate(boxes, [part], overlap)


def test_active_is_what_has_a_box():
    found = active_regions([box(0, 0, 1, 1, "lips"), box(0, 0, 1, 1), box(0, 0, 1, 1, "forehead")])
    assert [name for name, there in found.items() if there] == ["active_lips"]
    assert list(found) == [f"active_{region}" for region in BOX_REGIONS]
    assert not any(active_regions([]).values())


def test_from_a_map_to_the_active_parts():
    saliency = np.zeros((224, 224))
    saliency[86:91, 70:86] = 3  # within the left eye
    saliency[0:20, 0:20] = 2  # a corner of the picture
    points = face()
    named = annotate(activation_boxes(binarize(saliency)), landmark_boxes(points))
    assert named == [box(0, 0, 20, 20), box(70, 86, 86, 91, "left_eye")]
    assert [name for name, there in active_regions(named).items() if there] == ["active_left_eye"]


# The parts in 68 points as iBUG numbers them, and in MediaPipe's mesh as its drawing of connections goes around them.
NUMBERS = {
    68: {
        "left_eye": "36 37 38 39 40 41",
        "right_eye": "42 43 44 45 46 47",
        "left_eyebrow": "17 18 19 20 21",
        "right_eyebrow": "22 23 24 25 26",
        "nose": "27 28 29 30 31 32 33 34 35",
        "lips": "48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67",
        "left_cheek": "1 2 3 31 48",
        "right_cheek": "13 14 15 35 54",
    },
    478: {
        "left_eye": "33 7 163 144 145 153 154 155 133 173 157 158 159 160 161 246",
        "right_eye": "263 249 390 373 374 380 381 382 362 398 384 385 386 387 388 466",
        "left_eyebrow": "46 53 52 65 55 107 66 105 63 70",
        "right_eyebrow": "276 283 282 295 285 336 296 334 293 300",
        "nose": "168 6 197 195 5 4 1 19 94 2 98 129 327 358",
        "lips": "61 146 91 181 84 17 314 405 321 375 291 409 270 269 267 0 37 39 40 185",
        "left_cheek": "234 93 132 98 61",
        "right_cheek": "454 323 361 327 291",
    },
}


@pytest.mark.parametrize("count", [68, 478])
def test_each_landmark_moves_the_boxes_of_its_parts_and_no_other(count):
    still = landmark_boxes(np.full((count, 2), 100))
    for number in range(count):
        points = np.full((count, 2), 100)
        points[number] = 10
        moved = [box["label"] for box, before in zip(landmark_boxes(points), still, strict=True) if box != before]
        expected = [part for part, numbers in NUMBERS[count].items() if str(number) in numbers.split()]
        assert moved == expected, number
