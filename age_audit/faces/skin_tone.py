"""Skin tone of a photographed face: the individual typology angle of its cheeks and forehead, and how light they are.

The angle is that of colour in the plane of CIELab's lightness and yellowness, atan2(L* - 50, b*) (Chardon et al. 1991),
and its six classes are those of Del Bino & Bernerd (2013); Merler et al. (2019) measure it on photographs as here. It
was made for a colorimeter that lights the skin itself. A photograph's pixels are skin times light times camera: the
angle of a picture is a property of the picture, and to be compared between groups of many, never read as a person's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from skimage.color import rgb2lab
from skimage.draw import polygon as polygon_pixels

from age_audit.core.landmarks import checked_landmarks

# Upper ends in degrees, of all but the last, an angle at an end belongs to the darker class.
CLASSES = MappingProxyType(
    {"dark": -30, "brown": 10, "tan": 28, "intermediate": 41, "light": 55, "very light": math.inf}
)
# Landmarks at the corners of each cheek: jaw, jaw, wing of the nose, lower lid. Left and right of the picture.
CHEEKS = MappingProxyType({"left_cheek": (2, 3, 31, 41), "right_cheek": (14, 13, 35, 46)})
PATCHES = (*CHEEKS, "forehead")
CHEEK_SHARE = 0.6  # of the way from a cheek's centre to its corners: clear of lashes, nostril, beard and background
FOREHEAD = (0.15, 0.40)  # from the tops of the brows upwards, in distances between the eyes; above, there may be hair
DARKEST, LIGHTEST = 5, 250  # of 255: a channel beyond is clipped, and its colour is not the skin's
# A patch of which more is clipped is left out. (Leaving clipped pixels out instead makes bright faces look darker.)
MOST_CLIPPED = 0.5
LEAST_PIXELS = 30  # of a patch, or it is left out
LEAST_PATCHES = 2
# The skin's b* is 5 to 30 in daylight. A grey picture has 0, and under blue light the angle says nothing of the skin.
LEAST_YELLOWNESS = 3.0


@dataclass(frozen=True)
class SkinTone:
    """What :func:`measure_skin_tone` finds on one face.

    Attributes
    ----------
    angle : float
        Individual typology angle in degrees, above -90 and below 90, the higher the lighter; NaN where it means
        nothing, and ``reason`` says why.
    lightness : float
        L* of the same skin, 0 (black) to 100 (white); NaN where there are too few pixels.
    patches : mapping of str to float
        The angle of each of :data:`PATCHES` alone, NaN as above.
    reason : str
        ``""``, ``"too-few-skin-pixels"`` or ``"no-yellowness"`` (a grey picture, or bluish light).
    """

    angle: float
    lightness: float
    patches: Mapping[str, float]
    reason: str = ""


def measure_skin_tone(face: np.ndarray, points) -> SkinTone:
    """Individual typology angle and lightness of the skin of a face, on both cheeks and the forehead.

    Lightness and yellowness are medians over the pixels of a patch, and of the three patches the middle one counts:
    neither a highlight nor a mole does, nor a fringe over the forehead, nor a shadow on one side.

    Lighting moves the angle. Of 282 faces of UTKFace, a third of a stop less light lowers it by 8 degrees (median), a
    whole stop by 31; 45 % and 88 % then change their class. The two cheeks of a face are 11 degrees apart (median), and
    39 or more in one face of ten. A third of a stop more light leaves 76 of them with most of the skin clipped, and so
    without an angle (docs/faces.md).

    Parameters
    ----------
    face : ndarray of uint8, shape (H, W, 3)
        RGB, taken to be sRGB; a crop or a whole picture.
    points : array_like of int or float, shape (68, 2)
        Landmarks (x, y) in pixels of ``face``; they may lie outside.

    Returns
    -------
    SkinTone

    Raises
    ------
    ValueError
        For a face of another type or shape, or if the landmarks are not 68 finite points.

    Examples
    --------
    >>> points = np.zeros((68, 2))
    >>> points[[2, 3, 31, 41]] = [(20, 100), (25, 130), (80, 130), (60, 90)]
    >>> points[[14, 13, 35, 46]] = points[[2, 3, 31, 41]] * [-1, 1] + [200, 0]
    >>> points[[19, 24, 27, 33]] = [(60, 60), (140, 60), (100, 80), (100, 130)]
    >>> points[36:42, 0], points[42:48, 0] = 60, 140
    >>> face = np.full((200, 200, 3), (224, 172, 144), dtype=np.uint8)
    >>> tone = measure_skin_tone(face, points)
    >>> round(tone.angle, 1), round(tone.lightness, 1), skin_tone_class(tone.angle)
    (48.3, 74.4, 'light')
    >>> measure_skin_tone(np.full((200, 200, 3), 150, dtype=np.uint8), points).reason
    'no-yellowness'
    """
    patches = {name: _middle_colour(face, corners) for name, corners in _outlines(checked_landmarks(points)).items()}
    seen = [colour for colour in patches.values() if not np.isnan(colour).any()]
    angles = {name: _angle(colour) for name, colour in patches.items()}
    if len(seen) < LEAST_PATCHES:
        return SkinTone(math.nan, math.nan, angles, "too-few-skin-pixels")
    colour = np.median(seen, axis=0)
    angle = _angle(colour)
    return SkinTone(angle, float(colour[0]), angles, "no-yellowness" if math.isnan(angle) else "")


def individual_typology_angle(lightness: float, yellowness: float) -> float:
    """The angle of a colour in the plane of lightness and yellowness.

    The classical arctan((L* - 50) / b*) takes a dark colour with b* below 0 for a light one; atan2 does not.

    Parameters
    ----------
    lightness, yellowness : float
        L* (0 to 100) and b* of CIELab.

    Returns
    -------
    float
        In degrees, -180 to 180; of skin, whose b* is above 0, -90 to 90.

    Examples
    --------
    >>> individual_typology_angle(65, 15), individual_typology_angle(35, 15), individual_typology_angle(35, 0)
    (45.0, -45.0, -90.0)
    """
    return math.degrees(math.atan2(lightness - 50, yellowness))


def skin_tone_class(angle: float) -> str | None:
    """The class of an individual typology angle: dark, brown, tan, intermediate, light or very light.

    Parameters
    ----------
    angle : float
        In degrees.

    Returns
    -------
    str or None
        None for NaN.

    Examples
    --------
    >>> [skin_tone_class(angle) for angle in (-30, 10, 28, 41, 55, 55.1)]
    ['dark', 'brown', 'tan', 'intermediate', 'light', 'very light']
    """
    return next((name for name, end in CLASSES.items() if angle <= end), None)


def _outlines(points: np.ndarray) -> dict[str, np.ndarray]:
    """Corners (x, y) of each patch, shape (4, 2)."""
    outlines = {}
    for name, order in CHEEKS.items():
        corners = points[list(order)]
        outlines[name] = corners.mean(axis=0) + CHEEK_SHARE * (corners - corners.mean(axis=0))
    eyes = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
    up = points[27] - points[33]  # along the ridge of the nose
    up = up * math.hypot(*eyes) / (math.hypot(*up) or 1)
    near, far = (points[[19, 24]] + share * up for share in FOREHEAD)
    return outlines | {"forehead": np.concatenate([near, far[::-1]])}


def _middle_colour(face: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Median L*, a*, b* of the pixels within an outline; NaN if they are too few, or clipped."""
    if face.ndim != 3 or face.shape[2] != 3 or face.dtype != np.uint8:
        raise ValueError(f"expected a face of uint8, shape (height, width, 3), got {face.dtype} {face.shape}")
    pixels = face[polygon_pixels(corners[:, 1], corners[:, 0], face.shape[:2])]
    clipped = ((pixels < DARKEST) | (pixels > LIGHTEST)).any(axis=1)
    if len(pixels) < LEAST_PIXELS or clipped.mean() > MOST_CLIPPED:
        return np.full(3, math.nan)
    return np.median(rgb2lab(pixels), axis=0)


def _angle(colour: np.ndarray) -> float:
    """Of L*, a*, b*; NaN where b* is too low, or NaN itself."""
    lightness, _, yellowness = map(float, colour)
    return individual_typology_angle(lightness, yellowness) if yellowness >= LEAST_YELLOWNESS else math.nan
