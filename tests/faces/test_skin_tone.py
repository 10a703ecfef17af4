"""Skin tone of made and of real faces."""

import math

import numpy as np
import pytest

from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.faces.skin_tone import (
    CLASSES,
    PATCHES,
    individual_typology_angle,
    measure_skin_tone,
    skin_tone_class,
)

LIGHT, SHADE = (224, 172, 144), (96, 62, 44)


def lab_slowly(colour):
    """CIELab of an sRGB colour by the formulas of the standards, D65."""
    light = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
    matrix = [(0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041)]
    xyz = [sum(m * v for m, v in zip(row, light, strict=True)) for row in matrix]
    x, y, z = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in (v / white for v, white in zip(xyz, (0.95047, 1, 1.08883), strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def angle_slowly(colour):
    lightness, _, yellowness = lab_slowly(colour)
    return math.degrees(math.atan((lightness - 50) / yellowness))


def face():
    """Landmarks of an upright face on a canvas of 200 pixels, (68, 2); only those that count are placed."""
    points = np.zeros((68, 2))
    points[[2, 3, 31, 41]] = [(20, 100), (25, 130), (80, 130), (60, 90)]
    points[[14, 13, 35, 46]] = points[[2, 3, 31, 41]] * [-1, 1] + [200, 0]
    points[[19, 24]] = [(60, 60), (140, 60)]
    points[[27, 33]] = [(100, 80), (100, 130)]
    points[36:42, 0], points[42:48, 0] = 60, 140
    return points


def moved(right):
    return face() + np.array([right, 0])


def canvas(colour=LIGHT):
    return np.full((200, 200, 3), colour, dtype=np.uint8)


# Cheeks lie within 30-68 and 132-170 of x, the forehead within 28-48 of y: 0.15 to 0.40 of 80 pixels above the brows.
LEFT, RIGHT, FOREHEAD = np.s_[95:130, 30:69], np.s_[95:130, 131:170], np.s_[26:50, 58:142]


@pytest.mark.parametrize("colour", [LIGHT, SHADE, (198, 134, 66), (255 - 6, 226, 200), (60, 40, 30)])
def test_one_colour(colour):
    tone = measure_skin_tone(canvas(colour), face())
    assert tone.angle == pytest.approx(angle_slowly(colour), abs=0.05)
    assert tone.lightness == pytest.approx(lab_slowly(colour)[0], abs=0.02)
    assert tone.reason == "" and list(tone.patches) == list(PATCHES)
    assert list(tone.patches.values()) == pytest.approx([tone.angle] * 3)


def test_only_cheeks_and_forehead_count():
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    for patch in (LEFT, RIGHT, FOREHEAD):
        picture[patch] = LIGHT
    assert measure_skin_tone(picture, face()) == measure_skin_tone(canvas(), face())


@pytest.mark.parametrize("patch", [LEFT, RIGHT, FOREHEAD], ids=PATCHES)
def test_one_patch_that_is_not_skin_does_not_count(patch):
    picture = canvas()
    picture[patch] = (60, 38, 25)
    tone = measure_skin_tone(picture, face())
    assert tone.angle == measure_skin_tone(canvas(), face()).angle
    assert sum(angle < 0 for angle in tone.patches.values()) == 1


def test_two_patches_in_the_shade_do():
    picture = canvas()
    picture[LEFT] = picture[FOREHEAD] = SHADE
    assert measure_skin_tone(picture, face()).angle == pytest.approx(angle_slowly(SHADE), abs=0.05)
    assert measure_skin_tone(picture, face()).patches["right_cheek"] == pytest.approx(angle_slowly(LIGHT), abs=0.05)


def test_highlights_of_less_than_half_do_not_count():
    picture = canvas()
    picture[::2, ::3], picture[1::5, 1::5] = 255, 0
    assert measure_skin_tone(picture, face()) == measure_skin_tone(canvas(), face())


def test_the_middle_of_two_patches_where_the_third_is_lost():
    picture = canvas()
    picture[LEFT], picture[FOREHEAD] = SHADE, 255
    tone = measure_skin_tone(picture, face())
    lightness, yellowness = (np.mean([lab_slowly(LIGHT)[i], lab_slowly(SHADE)[i]]) for i in (0, 2))
    assert math.isnan(tone.patches["forehead"])
    assert tone.angle == pytest.approx(individual_typology_angle(lightness, yellowness), abs=0.05)


@pytest.mark.parametrize("value", [0, 4, 251, 255])
def test_a_clipped_picture_has_none(value):
    tone = measure_skin_tone(canvas((value, 120, 90)), face())
    assert tone.reason == "too-few-skin-pixels" and math.isnan(tone.angle) and math.isnan(tone.lightness)
    assert not math.isnan(measure_skin_tone(canvas((5, 5, 250)), face()).lightness)  # the ends are not clipped


def test_a_face_beyond_the_picture_has_none():
    assert measure_skin_tone(canvas(), moved(160)).reason == "too-few-skin-pixels"
    assert measure_skin_tone(canvas(), np.zeros((68, 2))).reason == "too-few-skin-pixels"
    partly = measure_skin_tone(canvas(), moved(75))  # the right cheek is outside
    assert math.isnan(partly.patches["right_cheek"]) and partly.angle == measure_skin_tone(canvas(), face()).angle


@pytest.mark.parametrize("colour", [(150, 150, 150), (150, 140, 160), (40, 40, 60)])
def test_grey_and_blue_pictures_have_lightness_only(colour):
    tone = measure_skin_tone(canvas(colour), face())
    assert tone.reason == "no-yellowness" and math.isnan(tone.angle)
    assert tone.lightness == pytest.approx(lab_slowly(colour)[0], abs=0.02)


def test_the_angle_falls_with_light_wherever_yellowness_is():
    assert individual_typology_angle(50 + 15 * math.tan(math.radians(41)), 15) == pytest.approx(41)
    assert individual_typology_angle(30, -1) == pytest.approx(-180 + math.degrees(math.atan(20)))  # not +87
    assert individual_typology_angle(50, 10) == 0


def test_classes():
    ends = {-90: "dark", -30: "dark", -29.9: "brown", 10: "brown", 10.1: "tan", 28: "tan", 28.1: "intermediate"}
    ends |= {41: "intermediate", 41.1: "light", 55: "light", 55.1: "very light", 90: "very light"}
    assert {angle: skin_tone_class(angle) for angle in ends} == ends
    assert set(ends.values()) == set(CLASSES)
    assert skin_tone_class(math.nan) is None


def test_portraits_turned_mirrored_and_darkened(crops):
    for crop in crops:
        points, _ = landmarks_on_crop(crop)
        tone = measure_skin_tone(crop, points)
        assert 0 < tone.angle < 75 and 45 < tone.lightness < 85
        turned = measure_skin_tone(np.rot90(crop, 2).copy(), 223 - points)
        assert turned.angle == pytest.approx(tone.angle, abs=0.5)
        darker = measure_skin_tone(crop // 2, points)
        assert darker.angle < tone.angle - 10 and darker.lightness < tone.lightness - 10


def test_refused():
    with pytest.raises(ValueError, match="expected a face of uint8"):
        measure_skin_tone(canvas() / 255, face())
    with pytest.raises(ValueError, match="expected a face of uint8"):
        measure_skin_tone(canvas()[..., 0], face())
    with pytest.raises(ValueError, match=r"shape \(68, 2\)"):
        measure_skin_tone(canvas(), face()[:60])
