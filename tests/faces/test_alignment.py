"""Alignment, worked by hand and against the package that the study used."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from age_audit.core.errors import ImageFailure
from age_audit.faces import alignment
from age_audit.faces.alignment import (
    ALIGNMENT_POINTS,
    EYE_DISTANCE,
    LEFT_EYE,
    RIGHT_EYE,
    align_face,
    landmarks_for_alignment,
    mean_shape,
    reference_shape,
    similarity_to,
    standard_pose,
)

WINDOW = (388, 280)  # rows and columns of what alignfaces writes
SHIFT = 94 * 5 / 12  # pixels by which alignfaces moves the landmarks' centre below the middle


def turned(points, degrees):
    """Turned clockwise on a screen, whose y axis points down."""
    radians = np.radians(degrees)
    x, y = np.asarray(points, dtype=float).T
    return np.stack([x * np.cos(radians) - y * np.sin(radians), x * np.sin(radians) + y * np.cos(radians)], axis=1)


def landmarks_of(shape):
    """68 landmarks whose alignment points are this shape; the others, unused, all at 0."""
    points = np.zeros((68, 2))
    points[ALIGNMENT_POINTS] = shape
    return points


class TestReferenceShape:
    def test_invariants(self):
        shape = reference_shape()
        assert shape.shape == (44, 2)
        np.testing.assert_allclose(shape.mean(axis=0), 0, atol=1e-9)
        across = shape[LEFT_EYE].mean(axis=0) - shape[RIGHT_EYE].mean(axis=0)
        np.testing.assert_allclose(across, (EYE_DISTANCE, 0), atol=1e-9)

    def test_is_a_face_the_right_way_up(self):
        brows, nose, eyes, mouth = (part.mean() for part in np.split(reference_shape()[:, 1], [10, 19, 31]))
        assert brows < eyes < nose < mouth

    def test_nearly_symmetric(self):
        shape = reference_shape()
        assert abs(shape[LEFT_EYE].mean(axis=0) + shape[RIGHT_EYE].mean(axis=0))[0] < 3

    def test_cannot_be_changed(self):
        with pytest.raises(ValueError, match="read-only"):
            reference_shape()[0] = 0


def test_standard_pose_of_a_turned_shape_is_the_shape():
    shape = reference_shape()
    np.testing.assert_allclose(standard_pose(turned(shape, 33) * 0.4 + (70, -20)), shape, atol=1e-9)


class TestSimilarity:
    @pytest.mark.parametrize(("degrees", "factor"), [(0, 1), (20, 2), (-35, 0.25), (80, 1.5)])
    def test_known_turn_and_scale_are_recovered(self, degrees, factor):
        # The shape is the reference turned back and shrunk, somewhere else on the picture.
        shape = turned(reference_shape(), -degrees) / factor + (130, 57)
        scale, angle = similarity_to(reference_shape(), shape)
        assert scale == pytest.approx(factor)
        assert np.degrees(angle) == pytest.approx(degrees)

    def test_by_hand(self):
        # Two points a pixel either side of 0, and the same two standing upright, twice as far apart.
        reference = np.array([[-1.0, 0.0], [1.0, 0.0]])
        assert similarity_to(reference, np.array([[-2.0, 0.0], [2.0, 0.0]])) == pytest.approx((0.5, 0))
        # From (0, -1)-(0, 1), top to bottom, a quarter anticlockwise on the screen makes left to right.
        scale, angle = similarity_to(reference, np.array([[1e-9, -1.0], [-1e-9, 1.0]]))
        assert scale == pytest.approx(1) and np.degrees(angle) == pytest.approx(-90)

    def test_points_on_one_spot(self):
        with pytest.raises(ImageFailure) as caught:
            similarity_to(reference_shape(), np.full((44, 2), 17.0))
        assert caught.value.reason == "degenerate-landmarks"


@pytest.fixture(scope="module")
def shapes():
    """12 faces of different people, sizes and poses: the reference with noise."""
    rng = np.random.default_rng(5)
    people = [reference_shape() + rng.normal(0, 4, (44, 2)) for _ in range(12)]
    return np.stack([turned(p, rng.uniform(-30, 30)) * rng.uniform(0.3, 2) + rng.uniform(-50, 300, 2) for p in people])


class TestAgainstAlignfacesArithmetic:
    def test_scale_and_angle(self, shapes):
        from alignfaces.procrustes_tools import get_rotation_scale

        for shape in shapes:
            theirs = get_rotation_scale(reference_shape().ravel(), shape.ravel())
            scale, angle = similarity_to(reference_shape(), shape)
            np.testing.assert_allclose((1 / scale, angle), theirs, rtol=1e-9)

    @pytest.mark.parametrize("count", [1, 2, 12])
    def test_generalised_procrustes_mean(self, shapes, count):
        from alignfaces.procrustes_tools import generalized_procrustes_analysis

        theirs, _, _ = generalized_procrustes_analysis([shape.ravel() for shape in shapes[:count]])
        expected = standard_pose(theirs.reshape(44, 2))
        np.testing.assert_allclose(mean_shape(shapes[:count]), expected, atol=1e-6)
        assert np.abs(expected - reference_shape()).max() > 0.1  # the noise makes it a shape of its own


class TestAlignFace:
    def test_marks_land_where_the_reference_has_them(self):
        # Black squares on white at the eyes and the nose tip of the reference, shrunk to half and turned by 25 degrees.
        shape = turned(reference_shape(), -25) / 2 + (150, 120)
        marks = {"right": shape[RIGHT_EYE].mean(axis=0), "left": shape[LEFT_EYE].mean(axis=0), "nose": shape[13]}
        targets = {
            "right": reference_shape()[RIGHT_EYE].mean(axis=0),
            "left": reference_shape()[LEFT_EYE].mean(axis=0),
            "nose": reference_shape()[13],
        }
        for name, (x, y) in marks.items():
            image = np.full((240, 300, 3), 255, dtype=np.uint8)
            x, y = round(x), round(y)
            image[y - 2 : y + 3, x - 2 : x + 3] = 0
            aligned = align_face(image, landmarks_of(shape))
            inner = aligned.image[..., 0].astype(float)
            # Only the square is dark inside the turned picture; look within 25 pixels of where it should be.
            cx, cy = np.rint(targets[name] + aligned.centre).astype(int)
            dark = 255 - inner[cy - 25 : cy + 26, cx - 25 : cx + 26]
            rows, columns = np.mgrid[-25:26, -25:26]
            found = np.array([(dark * columns).sum(), (dark * rows).sum()]) / dark.sum()
            # Rounding of the square, and of the centre down to a whole pixel, at twice the size.
            assert np.abs(found).max() < 3, name
            assert aligned.scale == pytest.approx(2) and aligned.angle == pytest.approx(25)

    def test_no_change_asked_leaves_the_picture_alone(self, astronaut):
        # A shape that is the reference already; its centre counts as (250, 200).
        aligned = align_face(astronaut, landmarks_of(reference_shape() + np.array([250.3, 200.6])))
        assert aligned.image.shape == astronaut.shape
        assert np.abs(aligned.image.astype(int) - astronaut).max() <= 1  # resampling rounds down
        assert aligned.centre == (250, 200) and aligned.notes == ()

    @pytest.mark.parametrize(("degrees", "factor"), [(0, 1), (30, 1.5), (-60, 0.7)])
    def test_canvas_loses_nothing(self, degrees, factor):
        image = np.full((90, 130, 3), 120, dtype=np.uint8)
        for rows in (slice(4), slice(-4, None)):
            image[rows, :4] = image[rows, -4:] = (255, 255, 0)
        shape = turned(reference_shape(), -degrees) / factor + (20.3, 70.3)  # the face far off the middle
        aligned = align_face(image, landmarks_of(shape))
        height, width = aligned.image.shape[:2]
        corners = np.array([[0, 0], [129, 0], [0, 89], [129, 89]])
        where = turned(corners - np.floor(shape.mean(axis=0)), degrees) * factor + aligned.centre
        assert (where >= -0.5).all() and (where <= (width - 0.5, height - 0.5)).all()
        # and the canvas is no larger than that takes
        assert (where.min(axis=0) < 1.5).all() and (where.max(axis=0) > (width - 2.5, height - 2.5)).all()
        for x, y in np.rint(where).astype(int):
            around = aligned.image[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].astype(int)
            assert (around[..., 0] - around[..., 2]).max() > 100  # yellow, neither the picture's grey nor black

    def test_brightness_is_stretched_with_one_scale_for_all_colours(self):
        image = np.full((60, 60, 3), (100, 150, 50), dtype=np.uint8)
        image[:5] = 50
        image[-5:] = 150
        aligned = align_face(image, landmarks_of(reference_shape() + np.array([30.3, 30.3])))
        # (value - 50) * 255 / 100, rounded down
        np.testing.assert_allclose(aligned.image[30, 30], [127, 255, 0], atol=1)

    def test_one_colour_is_not_stretched(self):
        image = np.full((60, 60, 3), 77, dtype=np.uint8)
        assert (align_face(image, landmarks_of(reference_shape() + np.array([30, 30]))).image == 77).all()

    def test_huge_canvas_is_cut_and_noted(self, monkeypatch):
        monkeypatch.setattr(alignment, "MAX_SIDE", 400)
        image = np.zeros((100, 300, 3), dtype=np.uint8)
        aligned = align_face(image, landmarks_of(reference_shape() / 3 + (150, 50)))
        assert aligned.image.shape[1] <= 400 and aligned.image.shape[0] == pytest.approx(299, abs=2)
        assert aligned.notes[0].startswith("canvas-cut: ") and aligned.notes[0].endswith(
            f"400x{aligned.image.shape[0]}"
        )

    def test_large_photo_is_shrunk_without_moire(self):
        # One-pixel stripes average to grey; plain sampling would pick black or white.
        image = np.zeros((800, 800, 3), dtype=np.uint8)
        image[:, ::2] = image[400:] = 255
        aligned = align_face(image, landmarks_of(reference_shape() * 8 + (400, 400)))
        striped = aligned.image[5:45, 5:-5].astype(int)
        assert np.abs(striped - 127).max() < 20

    def test_another_reference(self):
        shape = reference_shape() * 2
        assert align_face(np.zeros((9, 9, 3), np.uint8), landmarks_of(shape), shape / 2).scale == pytest.approx(0.5)

    def test_wrong_shape(self):
        with pytest.raises(ValueError, match=r"expected landmarks of shape \(68, 2\), got \(5, 2\)"):
            align_face(np.zeros((9, 9, 3), dtype=np.uint8), np.zeros((5, 2)))

    def test_degenerate_landmarks(self):
        with pytest.raises(ImageFailure) as caught:
            align_face(np.zeros((9, 9, 3), dtype=np.uint8), np.full((68, 2), 4))
        assert caught.value.reason == "degenerate-landmarks"


class TestLandmarksForAlignment:
    def test_largest_face_of_two(self, astronaut_head, hopper_head):
        image = np.zeros((400, 600, 3), dtype=np.uint8)
        image[:, 200:] = hopper_head
        image[100:300, :200] = astronaut_head
        points, count = landmarks_for_alignment(image)
        assert count == 2 and points[:, 0].min() > 200

    def test_doubled_only_if_nothing_is_seen(self, monkeypatch, hopper):
        asked = []

        def none_then_nothing(_, upsample):
            asked.append(upsample)
            return []

        monkeypatch.setattr(alignment, "detect_faces", none_then_nothing)
        with pytest.raises(ImageFailure) as caught:
            landmarks_for_alignment(hopper)
        assert caught.value.reason == "no-face" and asked == [0, 1]

    def test_aligning_an_aligned_face_changes_nothing(self, hopper):
        first = align_face(hopper, landmarks_for_alignment(hopper)[0])
        second = align_face(first.image, landmarks_for_alignment(first.image)[0])
        assert second.scale == pytest.approx(1, abs=0.05) and abs(second.angle) < 2


@pytest.fixture(scope="module")
def alignfaces_pictures(astronaut_head, hopper_head, tmp_path_factory):
    """{name: (source, picture by alignfaces)}; PNG, so that nothing is lost on the way."""
    from alignfaces.make_aligned_faces import align_procrustes, get_landmarks

    folder = tmp_path_factory.mktemp("alignfaces") / "faces"
    folder.mkdir()
    half = np.array(Image.fromarray(hopper_head).resize((200, 200), Image.Resampling.BILINEAR))
    sources = {"astronaut.png": astronaut_head, "hopper.png": half}
    for name, image in sources.items():
        Image.fromarray(image).save(folder / name)
    with contextlib.redirect_stdout(io.StringIO()):
        get_landmarks(f"{folder}/", "", "png", start_fresh=True)
        output = align_procrustes(f"{folder}/", file_postfix="png", color_of_result="rgb")
    return {name: (image, np.array(Image.open(f"{output}{name}"))) for name, image in sources.items()}


class TestAgainstAlignfaces:
    """The whole way through the package, folders and all; its window is looked for in our larger canvas."""

    def test_same_picture_in_their_window(self, alignfaces_pictures):
        landmarks = {name: landmarks_for_alignment(image)[0] for name, (image, _) in alignfaces_pictures.items()}
        reference = mean_shape(np.stack([points[ALIGNMENT_POINTS] for points in landmarks.values()]).astype(float))
        for name, (image, expected) in alignfaces_pictures.items():
            aligned = align_face(image, landmarks[name], reference)
            ours, covered = window_of_alignfaces(aligned, image.shape)
            assert expected.shape == ours.shape == (*WINDOW, 3)
            seen = covered & expected.any(axis=2)  # they lose what their turned canvas cuts off
            assert seen.mean() > 0.5
            difference = np.abs(ours.astype(int) - expected)[seen].mean()
            assert difference < 3, (name, difference)
            for step in (-1, 1):  # the comparison would see a shift of one pixel
                for axis in (0, 1):
                    moved = np.roll(ours, step, axis=axis).astype(int)
                    assert np.abs(moved - expected)[seen].mean() > 1.3 * difference


def window_of_alignfaces(aligned, source_shape):
    """Their 388 x 280 window cut out of our canvas, and where our canvas has picture."""
    rows, columns = (int(side * aligned.scale) for side in source_shape[:2])
    left = np.floor(abs(columns - WINDOW[1]) / 2) * np.sign(columns - WINDOW[1])
    top = np.floor(abs(rows - WINDOW[0]) / 2) * np.sign(rows - WINDOW[0])
    # The middle of the picture goes to the middle of the scaled picture, whose outermost pixels are the old ones.
    x = source_shape[1] / 2 * (columns - 1) / (source_shape[1] - 1) - left
    y = source_shape[0] / 2 * (rows - 1) / (source_shape[0] - 1) + SHIFT - top
    shift = (1, 0, aligned.centre[0] - x, 0, 1, aligned.centre[1] - y)
    size = WINDOW[::-1]
    canvas = Image.fromarray(aligned.image)
    window = canvas.transform(size, Image.Transform.AFFINE, shift, Image.Resampling.BILINEAR)
    whole = Image.new("L", canvas.size, 255).transform(size, Image.Transform.AFFINE, shift)
    return np.array(window), np.array(whole) == 255
