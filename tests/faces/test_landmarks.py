"""The 68 landmarks."""

import numpy as np
import pytest
from PIL import Image

from age_audit.core.errors import ImageFailure
from age_audit.core.schema import FaceBox
from age_audit.faces import landmarks as module
from age_audit.faces.detection import detect_faces
from age_audit.faces.landmarks import find_landmarks, landmarks_on_crop

EYES = (slice(36, 42), slice(42, 48))


def test_shape_and_place_on_a_portrait(hopper):
    (box,) = detect_faces(hopper)
    points = find_landmarks(hopper, box)
    assert points.shape == (68, 2) and points.dtype == np.int64
    right, left = (points[eye].mean(axis=0) for eye in EYES)
    # Her pupils, by eye: about (230, 196) and (307, 193).
    assert np.abs(right - (230, 196)).max() < 8 and np.abs(left - (307, 193)).max() < 8
    nose, mouth, chin = points[30], points[48:60].mean(axis=0), points[8]
    assert right[1] < nose[1] < mouth[1] < chin[1]
    assert right[0] < nose[0] < left[0]


def test_eyes_are_on_a_crop_where_the_margin_puts_them(crops):
    for crop in crops:
        points, notes = landmarks_on_crop(crop)
        right, left = (points[eye].mean(axis=0) for eye in EYES)
        assert notes == ()
        assert 65 <= right[0] <= 95 and 130 <= left[0] <= 155
        assert 75 <= right[1] <= 95 and 75 <= left[1] <= 95


def test_box_edges_are_exclusive(hopper, monkeypatch):
    given = []

    class Predictor:
        def __call__(self, _, rectangle):
            given.append(rectangle)
            return self

        def parts(self):
            return []

    monkeypatch.setattr(module, "_predictor", lambda: Predictor())
    find_landmarks(hopper, FaceBox(10, 20, 110, 140))
    assert (given[0].width(), given[0].height()) == (100, 120)


def test_no_face_on_crop():
    with pytest.raises(ImageFailure) as caught:
        landmarks_on_crop(np.full((224, 224, 3), 90, dtype=np.uint8))
    assert caught.value.reason == "no-face-on-crop"


def test_the_face_in_the_middle_is_measured_not_a_larger_one_beside_it(astronaut_head, hopper_head):
    crop = np.full((224, 224, 3), 128, dtype=np.uint8)
    crop[50:170, 120:] = np.array(Image.fromarray(hopper_head).resize((120, 120)))[:, :104]
    crop[70:160, 50:140] = np.array(Image.fromarray(astronaut_head).resize((90, 90)))
    larger, smaller = detect_faces(crop)
    assert larger.width > smaller.width and larger.left > 140
    points, notes = landmarks_on_crop(crop)
    assert notes == ("several-faces: 2",)
    assert points[:, 0].max() < 140


def test_a_face_at_the_edge_of_a_crop_is_not_the_one_it_was_cut_for(hopper_head):
    crop = np.full((224, 224, 3), 128, dtype=np.uint8)
    crop[4:104, 4:104] = np.array(Image.fromarray(hopper_head).resize((100, 100)))
    assert len(detect_faces(crop)) == 1
    with pytest.raises(ImageFailure, match="no-face-on-crop"):
        landmarks_on_crop(crop)


def test_landmarks_outside_are_counted(crops, monkeypatch):
    points = np.full((68, 2), 100)
    points[:6] = [(-1, 0), (0, 0), (223, 223), (224, 0), (0, 224), (300, -5)]
    monkeypatch.setattr(module, "find_landmarks", lambda *_: points)
    found, notes = landmarks_on_crop(crops[0])
    assert notes == ("landmarks-outside: 4",)
    np.testing.assert_array_equal(found, points)
