"""Chips against dlib's own."""

import dlib
import numpy as np
import pytest
from PIL import Image

from age_audit.core.errors import UsageError
from age_audit.faces import chips
from age_audit.faces.chips import chip_sampler


def details_of(crop, size, padding=0.2):
    """Plan of dlib for a chip, from the box that a 40 % margin leaves: 224 * 0.4 / 1.8 = 49.8 pixels in."""
    landmarks = chips._predictor()(np.ascontiguousarray(crop), dlib.rectangle(50, 50, 173, 173))
    return dlib.get_face_chip_details(landmarks, size, padding)


def read(sampler, crop, size):
    return (sampler @ crop.reshape(-1, 3).astype(np.float32)).reshape(size, size, 3)


# dlib reads the two largest straight off the picture, and halves it once for 64 and 40, twice or three times for 20. It
# rounds down at the end and at every halving.
@pytest.mark.parametrize(("size", "roundings"), [(200, 1), (150, 1), (64, 2), (40, 2), (20, 4)])
def test_same_chip_as_dlib(crops, size, roundings):
    for crop in crops:
        theirs = np.array(dlib.extract_image_chip(np.ascontiguousarray(crop), details_of(crop, size)), dtype=float)
        ours = read(chip_sampler(crop, size, 0.2), crop, size)
        assert theirs.std() > 30
        assert (ours - theirs).min() > -1e-3 and (ours - theirs).max() < roundings + 1e-3


def test_shape_and_sums_of_rows(crops):
    sampler = chip_sampler(crops[0], 64, 0.2)
    assert sampler.shape == (64 * 64, 224 * 224) and sampler.dtype == np.float32
    np.testing.assert_allclose(np.asarray(sampler.sum(axis=1)), 1, atol=1e-5)
    assert sampler.data.min() >= 0


def test_one_colour_stays_one_colour(crops):
    flat = np.full((224, 224, 3), (10, 120, 250), dtype=np.uint8)
    np.testing.assert_allclose(read(chip_sampler(crops[0], 64, 0.2), flat, 64), flat[:64, :64], atol=1e-3)


def test_off_the_canvas_the_border_is_repeated():
    rectangle = dlib.drectangle(-30, -30, 33, 33)
    image = np.repeat(np.repeat(np.arange(224, dtype=float)[:, None, None], 224, axis=1), 3, axis=2)
    chip = read(chips._sampler(rectangle, 0.0, 64), image, 64)[..., 0]
    np.testing.assert_allclose(chip[:, 0], np.maximum(np.arange(-30, 34), 0), atol=1e-3)


def test_turned_face_gives_the_same_chip(hopper_head):
    upright = Image.fromarray(hopper_head).resize((280, 280), Image.Resampling.BILINEAR)
    crop, turned = (
        np.array(image)[28:252, 28:252] for image in (upright, upright.rotate(12, Image.Resampling.BILINEAR))
    )
    a, b = (read(chip_sampler(face, 64, 0.2), face, 64) for face in (crop, turned))
    assert abs(details_of(turned, 64).angle - details_of(crop, 64).angle + np.radians(12)) < np.radians(4)
    missed = read(chip_sampler(crop, 64, 0.2), turned, 64)
    same, other = (np.corrcoef(a.ravel(), chip.ravel())[0, 1] for chip in (b, missed))
    assert same > 0.85 and other < same - 0.1


def test_another_landmark_model_is_refused(monkeypatch):
    monkeypatch.setattr(chips, "FIVE_POINT_SHA256", "0" * 64)
    with pytest.raises(UsageError, match=r"shape_predictor_5_face_landmarks\.dat"):
        chips._predictor.__wrapped__()
