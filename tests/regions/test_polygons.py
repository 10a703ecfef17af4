"""Regions against hand-counted squares and triangles, and against the slow literal rule."""

from functools import cache

import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon

from age_audit.regions.polygons import (
    FACIAL_REGIONS,
    NOSE_SUBTRACTED,
    OUTER_REGIONS,
    POINT_ORDER,
    REGIONS,
    polygon_mask,
    region_masks,
    region_polygons,
)

# dlib's 68 points on the face of skimage.data.astronaut(), cropped with a 40 % margin to 224 x 224
# fmt: off
ASTRONAUT = np.array([
    (56, 88), (56, 104), (58, 119), (59, 135), (63, 151), (71, 165), (83, 177), (96, 187), (111, 191), (127, 189),
    (142, 181), (156, 170), (166, 157), (173, 142), (177, 125), (180, 110), (182, 94), (66, 74), (74, 66), (84, 65),
    (95, 67), (106, 72), (134, 74), (144, 70), (155, 69), (166, 71), (174, 80), (119, 86), (119, 97), (119, 108),
    (118, 120), (104, 125), (110, 127), (117, 130), (124, 128), (131, 126), (77, 84), (84, 80), (93, 80), (101, 88),
    (92, 88), (83, 88), (136, 89), (144, 83), (152, 83), (160, 88), (153, 91), (144, 91), (84, 137), (96, 136),
    (108, 137), (116, 138), (124, 137), (135, 138), (146, 139), (135, 153), (123, 159), (114, 159), (105, 158),
    (94, 151), (88, 138), (107, 142), (115, 143), (124, 142), (142, 141), (124, 151), (115, 152), (107, 151),
])
# fmt: on
SIZE = 20  # canvas of the hand-worked faces


def face(points, rest=(10, 10)):
    """68 landmarks, all at one point but for the given {index: (x, y)}."""
    landmarks = np.full((68, 2), rest, dtype=float)
    for index, point in points.items():
        landmarks[index] = point
    return landmarks


@cache
def pixels(size):
    """A point a pixel, shape (size, size)."""
    return shapely.points(*np.meshgrid(range(size), range(size)))


def literal_mask(polygon, size):
    """The rule as it reads: for every pixel, does the polygon contain the point?"""
    return shapely.contains(polygon, pixels(size))


def literal_polygons(landmarks, size):
    """Regions of a face that needs no mending, built step by step from plain lists."""
    corners = {-1: (0, 0), -2: (size, 0), -3: (0, size), -4: (size, size)}
    rings = {
        region: [corners[i] if i < 0 else tuple(landmarks[i]) for i in order] for region, order in POINT_ORDER.items()
    }
    for region in ("eye_l", "eye_r", "cheek_l", "cheek_r"):
        rest = Polygon(rings[region]).difference(Polygon(rings["nose"]))
        rings[region] = [(int(np.floor(x)), int(np.floor(y))) for x, y in rest.exterior.coords]
    return {region: Polygon(ring) for region, ring in rings.items()}


EYE_SPLIT_BY_NOSE = {
    # eye_l: the rectangle (0, 0)-(12, 8); nose: the band x 3-5 through all of it
    **{0: (0, 0), 17: (2, 0), 18: (3, 0), 19: (4, 0), 20: (4, 0), 21: (5, 0), 27: (12, 0), 28: (12, 8)},
    **{2: (0, 8), 1: (0, 4), 31: (5, 8), 32: (3, 8), 33: (3, 0), 34: (4, 0), 35: (4, 0), 22: (4, 0)},
}
BOWTIE_MOUTH = {48: (2, 2), 49: (8, 8), 50: (8, 2), **dict.fromkeys(range(51, 60), (2, 8))}


def test_regions_are_the_thirteen_in_order():
    facial = "nose eye_l eye_r cheek_l cheek_r eye_l_inner eye_r_inner mouth_inner chin"
    outer = "top left right bottom"
    assert " ".join(REGIONS) == f"{facial} {outer}"
    assert " ".join(FACIAL_REGIONS) == facial
    assert " ".join(OUTER_REGIONS) == outer
    assert tuple(POINT_ORDER) == REGIONS


def test_outlines_join_the_points_that_the_study_joined():
    # The 68-point scheme counts from the left of the image to the right: jaw 0-16, brows 17-21 and 22-26; bridge of the
    # nose downwards 27-30, nostrils 31-35; eyes and lips clockwise, with the corners of the mouth at 48 and 54.
    jaw, left_brow, right_brow, nostrils = range(17), range(17, 22), range(22, 27), range(31, 36)
    top_left, top_right, bottom_left, bottom_right = -1, -2, -3, -4
    assert dict(POINT_ORDER) == {
        "nose": (21, *nostrils, 22),
        "eye_l": (0, *left_brow, 27, 28, 2, 1),
        "eye_r": (16, 15, 14, 28, 27, *right_brow),
        "cheek_l": (2, 28, 29, 30, 31, 48, *jaw[6:2:-1]),
        "cheek_r": (*jaw[14:9:-1], 54, 35, 30, 29, 28),
        "eye_l_inner": tuple(range(36, 42)),
        "eye_r_inner": tuple(range(42, 48)),
        "mouth_inner": tuple(range(48, 60)),
        "chin": (6, 48, *nostrils, 54, *jaw[10:6:-1]),
        "top": (top_left, 0, *left_brow, *right_brow, 16, top_right),
        "left": (top_left, *jaw[:7], bottom_left),
        "right": (top_right, *jaw[16:9:-1], bottom_right),
        "bottom": (bottom_left, *jaw[6:11], bottom_right),
    }


@pytest.mark.parametrize(
    ("region", "corners"),
    [
        ("top", [(0, 0), (20, 0)]),
        ("left", [(0, 0), (0, 20)]),
        ("right", [(20, 0), (20, 20)]),
        ("bottom", [(0, 20), (20, 20)]),
    ],
)
def test_outer_regions_end_at_two_corners_of_the_canvas(region, corners):
    outline = region_polygons(face({}), SIZE).outlines[region]
    assert [outline[0], outline[-1]] == corners


def test_square():
    # corners (2, 2) and (6, 6): strictly inside are x and y of 3, 4, 5
    mouth = {48: (2, 2), 49: (4, 2), 50: (6, 2), 51: (6, 6), **dict.fromkeys(range(52, 60), (2, 6))}
    mask = region_masks(face(mouth), SIZE)["mouth_inner"]
    assert mask.shape == (SIZE, SIZE)
    assert mask.dtype == bool
    assert mask.sum() == 9
    assert mask[3:6, 3:6].all()


def test_triangle_and_the_order_of_axes():
    # (2, 2), (2, 10), (6, 2): area 16, points on the outline 8 + 4 + 4; Pick: inside = 16 - 16/2 + 1 = 9
    nose = {21: (2, 2), 31: (2, 10), **dict.fromkeys((32, 33, 34, 35, 22), (6, 2))}
    mask = region_masks(face(nose), SIZE)["nose"]
    assert mask.sum() == 9
    # taller than wide: x 3 has y 3-7 (at y = 8 the side passes through (3, 8)), x 4 has 3-5, x 5 has 3
    assert mask[3:8, 3].all()
    assert mask[3:6, 4].all()
    assert mask[3, 5]


def test_bottom_uses_the_corners_of_the_canvas():
    # all landmarks at (10, 10): the triangle (0, 20), (10, 10), (20, 20); rows 11-19 hold 1, 3, ..., 17 = 81 pixels
    mask = region_masks(face({}), SIZE)["bottom"]
    assert mask.sum() == 81
    assert mask.sum(axis=1).tolist() == [0] * 11 + list(range(1, 18, 2))


@pytest.mark.parametrize("edge", [4, 4.5])
def test_nose_is_subtracted_and_the_rest_floored(edge):
    # eye_l: (0, 0)-(8, 8); nose: x from the edge to 8. Left is (0, 0)-(4, 8) after flooring: 3 x 7 pixels
    eye = {0: (0, 0), **dict.fromkeys((17, 18, 19, 20), (2, 0)), 21: (8, 0), 27: (8, 8), 28: (0, 8)}
    nose = {**dict.fromkeys((31, 32, 33), (8, 8)), **dict.fromkeys((34, 35), (edge, 8)), 22: (edge, 0)}
    regions = region_polygons(face({**eye, 2: (0, 6), 1: (0, 4), **nose}), SIZE)
    mask = polygon_mask(regions.polygons["eye_l"], SIZE)
    assert mask.sum() == 21
    assert mask[1:8, 1:4].all()
    ring = regions.outlines["eye_l"]
    assert ring[0] == ring[-1]
    assert set(ring) >= {(0, 0), (4, 0), (4, 8), (0, 8)}
    assert all(type(c) is int for pair in ring for c in pair)
    assert not [note for note in regions.notes if note.startswith("eye_l:")]


def test_largest_piece_is_kept_where_the_nose_splits_a_region():
    # pieces x 0-3 and x 5-12: the second is larger, with 6 x 7 pixels strictly inside
    regions = region_polygons(face(EYE_SPLIT_BY_NOSE), SIZE)
    mask = polygon_mask(regions.polygons["eye_l"], SIZE)
    assert mask.sum() == 42
    assert mask[1:8, 6:12].all()
    assert "eye_l: nose subtraction left 2 pieces, largest kept" in regions.notes


def test_only_the_exterior_ring_is_kept_where_the_nose_lies_inside():
    # eye_l: (0, 0)-(10, 10), which the triangle (5, 0), (3, 4), (7, 4) only touches: 9 x 9 pixels all the same
    eye = {0: (0, 0), **dict.fromkeys((17, 18, 19, 20), (2, 0)), 21: (5, 0), 27: (10, 0), 28: (10, 10), 2: (0, 10)}
    nose = {31: (3, 4), **dict.fromkeys((32, 33, 34, 35, 22), (7, 4))}
    regions = region_polygons(face({**eye, 1: (0, 4), **nose}), SIZE)
    assert polygon_mask(regions.polygons["eye_l"], SIZE).sum() == 81
    assert "eye_l: nose lies inside, only the exterior ring kept" in regions.notes


def test_region_wholly_under_the_nose_is_empty():
    # eye_l: (4, 4)-(8, 8); nose: (0, 0)-(12, 12)
    eye = {0: (4, 4), **dict.fromkeys((17, 18, 19, 20, 21), (8, 4)), 27: (8, 8), 28: (8, 8), 2: (4, 8), 1: (4, 6)}
    nose = {31: (12, 4), 32: (12, 12), 33: (0, 12), 34: (0, 0), 35: (12, 0), 22: (12, 4)}
    regions = region_polygons(face({**eye, **nose}), SIZE)
    assert regions.polygons["eye_l"].is_empty
    assert regions.outlines["eye_l"] == ()
    assert "eye_l: nose subtraction left nothing" in regions.notes


def test_both_lobes_of_a_crossing_outline_count():
    # (2, 2), (8, 8), (8, 2), (2, 8) cross at (5, 5): each lobe holds 3 + 1 pixels
    regions = region_polygons(face(BOWTIE_MOUTH), SIZE)
    mask = polygon_mask(regions.polygons["mouth_inner"], SIZE)
    assert isinstance(regions.polygons["mouth_inner"], MultiPolygon)
    assert np.argwhere(mask).tolist() == [[4, 3], [4, 7], [5, 3], [5, 4], [5, 6], [5, 7], [6, 3], [6, 7]]
    assert "mouth_inner: outline crosses or touches itself, made valid, 2 pieces" in regions.notes
    assert regions.outlines["mouth_inner"][:3] == ((2, 2), (8, 8), (8, 2))


def test_crossing_nose_is_mended_before_it_is_subtracted():
    # nose: lobes (2, 2), (5, 5), (2, 8) and (8, 2), (5, 5), (8, 8); eye_l: the square (2, 2)-(8, 8) around it. Left are
    # the triangles above and below; both have area 9, and of either one 3 + 1 pixels lie inside
    nose = {21: (2, 2), 31: (8, 8), 32: (8, 2), **dict.fromkeys((33, 34, 35, 22), (2, 8))}
    eye = {0: (2, 8), **dict.fromkeys((17, 18, 19, 20), (2, 5)), 27: (8, 2), 28: (8, 8), 2: (6, 8), 1: (4, 8)}
    regions = region_polygons(face({**nose, **eye}), SIZE)
    assert polygon_mask(regions.polygons["eye_l"], SIZE).sum() == 4
    assert "nose: outline crosses or touches itself, made valid, 2 pieces" in regions.notes
    assert "eye_l: nose subtraction left 2 pieces, largest kept" in regions.notes


def test_flooring_that_makes_a_ring_cross_is_mended():
    rng = np.random.default_rng(1)
    for _ in range(200):
        regions = region_polygons(rng.uniform(0, 6, (68, 2)), 6)
        assert all(polygon.is_valid for polygon in regions.polygons.values())
        floored = [note for note in regions.notes if "floored outline crosses" in note]
        if floored:
            break
    assert floored


def test_a_spike_leaves_one_piece():
    # the square (2, 2)-(6, 6) with a line from its corner to (9, 9) and back
    mouth = {48: (2, 2), 49: (6, 2), 50: (6, 6), 51: (9, 9), 52: (6, 6), **dict.fromkeys(range(53, 60), (2, 6))}
    regions = region_polygons(face(mouth), SIZE)
    assert polygon_mask(regions.polygons["mouth_inner"], SIZE).sum() == 9
    assert isinstance(regions.polygons["mouth_inner"], Polygon)
    assert "mouth_inner: outline crosses or touches itself, made valid" in regions.notes


def test_ten_thousand_pixels_away_is_not_pulled_back():
    notes = region_polygons(face({5: (-1e4, 1e4)}), SIZE).notes
    assert not [note for note in notes if "pulled back" in note]


def test_an_eye_smaller_than_a_pixel_is_no_empty_eye():
    eye = {0: (0, 0), **dict.fromkeys((17, 18, 19, 20, 21), (1, 0)), **dict.fromkeys((27, 28, 2, 1), (0, 1))}
    regions = region_polygons(face({**eye, 31: (1, 0), **dict.fromkeys((32, 33, 34, 35, 22), (1, 0))}), SIZE)
    assert set(regions.outlines["eye_l"]) == {(0, 0), (1, 0), (0, 1)}


def test_of_an_eye_without_area_the_nose_takes_nothing():
    regions = region_polygons(face({}), SIZE)
    assert regions.outlines["eye_l"] == ()
    assert "eye_l: nose subtraction left nothing" not in regions.notes


def test_landmarks_keep_fractions_of_a_pixel():
    step = 2.0**-16
    outline = region_polygons(face({48: (2.25, 3 + step), 49: (4 + 1.5 * step, 5)}), SIZE).outlines["mouth_inner"]
    assert outline[:2] == ((2.25, 3 + step), (4 + 2 * step, 5))


@pytest.mark.parametrize(("point", "outside"), [((0, 19.5), 0), ((19.5, 0), 0), ((-0.5, 3), 1), ((3, 20), 1)])
def test_the_canvas_goes_from_zero_to_below_its_size(point, outside):
    notes = [note for note in region_polygons(face({30: point}), SIZE).notes if note.startswith("landmarks")]
    assert notes == [f"landmarks: {outside} of 68 outside the canvas"][:outside]


def test_canvas_of_one_pixel():
    assert region_masks(ASTRONAUT, 1)["nose"].tolist() == [[False]]


@pytest.mark.parametrize("points", [{}, {i: (i % 9, i % 9) for i in range(68)}], ids=["coincident", "collinear"])
def test_landmarks_without_area_give_empty_regions(points):
    regions = region_polygons(face(points, rest=(3, 3)), SIZE)
    masks = region_masks(face(points, rest=(3, 3)), SIZE)
    for region in FACIAL_REGIONS:
        assert regions.polygons[region].is_empty
        assert not masks[region].any()
        assert f"{region}: outline encloses no area" in regions.notes


def test_an_ordinary_face_needs_no_notes():
    regions = region_polygons(ASTRONAUT)
    assert regions.notes == ()
    assert tuple(regions.polygons) == REGIONS
    for region in REGIONS:
        if region not in NOSE_SUBTRACTED:
            assert len(regions.outlines[region]) == len(POINT_ORDER[region])


def test_realistic_face_equals_the_literal_rule():
    masks = region_masks(ASTRONAUT)
    assert tuple(masks) == REGIONS
    for region, polygon in literal_polygons(ASTRONAUT.tolist(), 224).items():
        np.testing.assert_array_equal(masks[region], literal_mask(polygon, 224), err_msg=region)


@pytest.mark.parametrize("kind", ["whole", "fractional", "outside", "crowded"])
@pytest.mark.parametrize("seed", range(4))
def test_scattered_landmarks_equal_the_literal_rule(kind, seed):
    # scattered landmarks cross themselves in nearly every region
    rng = np.random.default_rng(seed)
    size = 16
    landmarks = {
        "whole": lambda: rng.integers(0, size, (68, 2)),
        "fractional": lambda: rng.uniform(0, size, (68, 2)),
        "outside": lambda: rng.integers(-size, 2 * size, (68, 2)),
        "crowded": lambda: rng.integers(4, 8, (68, 2)),
    }[kind]()
    polygons = region_polygons(landmarks, size).polygons
    masks = region_masks(landmarks, size)
    for region in REGIONS:
        assert polygons[region].is_valid
        np.testing.assert_array_equal(masks[region], literal_mask(polygons[region], size), err_msg=region)


@pytest.mark.parametrize("seed", range(8))
def test_holes_and_pieces_of_every_slope_equal_the_literal_rule(seed):
    # triangles with corners on, beside and a billionth off the pixels; where an even number of them overlap is a hole
    rng = np.random.default_rng(seed)
    corners = rng.integers(-8, 41, (9, 3, 2)) + rng.choice([0, 0, 0.5, 1e-9, -1e-9, 1e-5, 1 / 3], (9, 3, 2))
    corners[::3, 1, 1] = corners[::3, 0, 1]  # some sides level
    corners[1::3, 1, 0] = corners[1::3, 0, 0]  # and some upright
    shape = Polygon()
    for triangle in corners:
        shape = shape.symmetric_difference(Polygon(triangle))
    assert shape.is_valid
    assert len(shape.geoms) > 3
    np.testing.assert_array_equal(polygon_mask(shape, 32), literal_mask(shape, 32))


def test_a_hole_and_its_outline_are_outside():
    # 7 x 7 pixels inside the square (0, 0)-(8, 8), less 5 x 5 of the hole (2, 2)-(6, 6) with its outline
    ring = Polygon([(0, 0), (8, 0), (8, 8), (0, 8)], [[(2, 2), (6, 2), (6, 6), (2, 6)]])
    mask = polygon_mask(ring, 10)
    assert mask.sum() == 24
    assert not mask[2:7, 2:7].any()


@pytest.mark.parametrize("size", [16, 64])
def test_edges_closer_to_a_pixel_than_rounding_can_tell(size):
    # one side passes each pixel of the diagonal at 1e-13 to 1e-7 of a pixel: both sides of it
    for off in (*(10.0 ** -np.arange(7, 14)), *(-(10.0 ** -np.arange(7, 14)))):
        polygon = Polygon([(-7 + off, -7), (size + 5 + off, size + 5), (-7 + off, size + 5)])
        np.testing.assert_array_equal(polygon_mask(polygon, size), literal_mask(polygon, size))


def test_chin_below_the_canvas_keeps_the_literal_pixels_of_bottom():
    # the outline of bottom crosses the lower edge: its raw ring, read by odd crossings, and ours have the same pixels
    landmarks = ASTRONAUT.copy()
    landmarks[7:10] += (0, 60)
    regions = region_polygons(landmarks)
    ring = Polygon([(0, 224), *map(tuple, landmarks[6:11].tolist()), (224, 224)])
    assert not ring.is_valid
    np.testing.assert_array_equal(polygon_mask(regions.polygons["bottom"]), literal_mask(ring, 224))
    assert "landmarks: 3 of 68 outside the canvas" in regions.notes


@pytest.mark.parametrize("shift", [(-500, 0), (500, 0), (0, -500), (0, 500)])
def test_face_beyond_the_canvas_has_no_facial_pixels(shift):
    masks = region_masks(ASTRONAUT + shift)
    assert not any(masks[region].any() for region in FACIAL_REGIONS)


@pytest.mark.parametrize("value", [-1e300, 1e12, 1e300])
def test_huge_landmarks_are_pulled_back(value):
    landmarks = ASTRONAUT.astype(float)
    landmarks[5] = value
    regions = region_polygons(landmarks)
    assert "landmarks: 1 pulled back to 10000 pixels" in regions.notes
    assert all(polygon.is_valid for polygon in regions.polygons.values())


@pytest.mark.parametrize("values", [[0, 1e-300, 1e300, 112, 223.5], [1e4, 1e4 - 1e-5, 0.1, 7 / 3, 7 / 3 + 1e-12]])
def test_awkward_magnitudes_still_give_valid_regions(values):
    rng = np.random.default_rng(0)
    for _ in range(20):
        regions = region_polygons(rng.choice(values, (68, 2)))
        assert all(polygon.is_valid for polygon in regions.polygons.values())


def test_slivers_that_cannot_be_mended_exactly_are_rounded():
    step = 2.0**-16
    values = [9999 + step, 1e4, 1e4 - step, 0.1, 7 / 3, 7 / 3 + step]
    regions = region_polygons(np.random.default_rng(3694).choice(values, (68, 2)))
    assert all(polygon.is_valid for polygon in regions.polygons.values())


def test_masks_are_made_once_a_face_and_cannot_be_written_to():
    nose = region_masks(ASTRONAUT)["nose"]
    assert region_masks(ASTRONAUT.tolist())["nose"] is nose
    with pytest.raises(ValueError, match="read-only"):
        nose[0, 0] = True
    np.testing.assert_array_equal(region_masks(ASTRONAUT + np.array([1, 0]))["nose"][:, 1:], nose[:, :-1])
    assert region_masks(ASTRONAUT, 150)["nose"].shape == (150, 150)


def test_landmarks_are_not_changed():
    landmarks = ASTRONAUT.copy()
    region_masks(landmarks)
    np.testing.assert_array_equal(landmarks, ASTRONAUT)


@pytest.mark.parametrize("shape", [(67, 2), (68, 3), (68,), (1, 68, 2)])
def test_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(68, 2\)"):
        region_polygons(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_landmarks_that_are_not_finite_are_refused(value):
    landmarks = ASTRONAUT.astype(float)
    landmarks[7, 1] = value
    with pytest.raises(ValueError, match=r"finite .* index \[7\]"):
        region_masks(landmarks)


@pytest.mark.parametrize("landmarks", [None, "face", [(1, 2), (3,)]])
def test_what_is_no_array_of_numbers_is_refused(landmarks):
    with pytest.raises(ValueError, match="landmarks"):
        region_polygons(landmarks)


@pytest.mark.parametrize("size", [0, -3, 2.5, True, None])
def test_impossible_canvas_is_refused(size):
    with pytest.raises(ValueError, match="side of the canvas"):
        region_masks(ASTRONAUT, size)
