"""Fingerprints against hand-worked bits, a literal likeness, and copies of real portraits."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from age_audit.faces import fingerprints
from age_audit.faces.decoding import decode_image
from age_audit.faces.fingerprints import SIDE, Fingerprint, fingerprint, likeness


def copied(image: np.ndarray, quality: int = 60, side: int = 120, brightness: float = 1.0) -> np.ndarray:
    """Scaled, brightened, saved as JPEG and decoded again."""
    content = io.BytesIO()
    scaled = ImageEnhance.Brightness(Image.fromarray(image).resize((side, side))).enhance(brightness)
    scaled.save(content, "JPEG", quality=quality)
    return decode_image(content.getvalue())[0]


def apart(one: Fingerprint, other: Fingerprint) -> tuple[int, int]:
    return (one.dhash ^ other.dhash).bit_count(), (one.phash ^ other.phash).bit_count()


def alike(*pictures: np.ndarray) -> float:
    return likeness(np.stack([fingerprint(picture).details for picture in pictures]), np.array([[0, 1]]))[0]


def test_bits_of_dhash_by_hand():
    columns = np.array([0, 50, 40, 90, 80, 70, 100, 20, 30], dtype=np.uint8)  # a bit where a pixel is above its left
    image = np.repeat(np.repeat(columns[None], 8, axis=0)[..., None], 3, axis=2)
    assert f"{fingerprint(image).dhash:064b}" == "10100101" * 8


def test_bits_of_phash_are_the_low_frequencies_above_their_median(hopper):
    grey = np.asarray(Image.fromarray(hopper).convert("L").resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    waves = np.cos(np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1))
    frequencies = waves @ grey @ waves.T
    bits = (frequencies > np.median(frequencies)).ravel()
    assert f"{fingerprint(hopper).phash:064b}" == "".join(str(int(bit)) for bit in bits)


def test_pixels_tell_all_pictures_apart_that_differ(astronaut):
    changed = astronaut.copy()
    changed[0, 0, 0] ^= 1
    assert fingerprint(astronaut).pixels == fingerprint(astronaut.copy()).pixels != fingerprint(changed).pixels
    wide, high = np.zeros((2, 3, 3), dtype=np.uint8), np.zeros((3, 2, 3), dtype=np.uint8)
    assert wide.tobytes() == high.tobytes() and fingerprint(wide).pixels != fingerprint(high).pixels


@pytest.mark.parametrize("changes", [{"quality": 25}, {"side": 60}, {"brightness": 0.6}, {"brightness": 1.2}])
def test_copies_are_near_and_alike(hopper, changes):
    copy = copied(hopper, **changes)
    original, found = fingerprint(hopper), fingerprint(copy)
    assert min(apart(original, found)) <= 4 and original.pixels != found.pixels
    assert alike(hopper, copy) > 0.95


def test_different_people_are_neither(astronaut, hopper):
    assert min(apart(fingerprint(astronaut), fingerprint(hopper))) > 10
    assert abs(alike(astronaut, hopper)) < 0.3


def test_light_and_shade_do_not_count(hopper):
    light = np.linspace(0.4, 1, hopper.shape[1])[None, :, None]
    assert alike(hopper, (hopper * light).astype(np.uint8)) > 0.9


def test_details_fill_their_range_and_a_plain_picture_has_none(hopper):
    assert np.abs(fingerprint(hopper).details.astype(int)).max() == 127
    grey = np.full((40, 30, 3), 77, dtype=np.uint8)
    assert fingerprint(grey).details.shape == (SIDE, SIDE) and not fingerprint(grey).details.any()


def test_likeness_is_pearsons_r_of_what_is_left_of_the_mean():
    details = np.random.default_rng(1).normal(0, 40, (6, SIDE, SIDE))
    details = np.rint(details - details.mean(axis=(1, 2), keepdims=True)).clip(-127, 127).astype(np.int8)
    pairs = np.array([[0, 1], [2, 2], [5, 3]])
    literal = [np.corrcoef(details[i].ravel(), details[j].ravel())[0, 1] for i, j in pairs]
    np.testing.assert_allclose(likeness(details, pairs), literal, atol=1e-3)


def test_likeness_part_by_part(monkeypatch):
    details = np.random.default_rng(1).integers(-9, 9, (5, SIDE, SIDE)).astype(np.int8)
    pairs = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]])
    whole = likeness(details, pairs)
    monkeypatch.setattr(fingerprints, "_AT_ONCE", 2)
    assert likeness(details, pairs).tolist() == whole.tolist() and len(set(whole)) == 5
    assert likeness(details, pairs[:0]).shape == (0,)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_rgb_picture_is_refused(image):
    with pytest.raises(ValueError, match=r"expected uint8 pixels of shape \(H, W, 3\), got"):
        fingerprint(image)


def test_a_picture_of_one_pixel_has_a_fingerprint():
    assert fingerprint(np.full((1, 1, 3), 9, dtype=np.uint8)).dhash == 0
