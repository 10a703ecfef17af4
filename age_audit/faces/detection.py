"""Finding faces with dlib's frontal HOG detector, and cutting one out with its margin."""

from __future__ import annotations

import math
from functools import cache

import dlib
import numpy as np
from PIL import Image

from age_audit.core.config import CropParameters
from age_audit.core.errors import ImageFailure
from age_audit.core.schema import CANVAS, FaceBox, FaceCrop

MARGIN = CropParameters.margin
UPSAMPLE = CropParameters.upsample
# Doubling a larger photo costs gigabytes and finds only faces too small to estimate.
MAX_PIXELS_TO_UPSAMPLE = 8_000_000
MIN_SIDE = 8  # the detector's features need a few cells of 8 pixels; below there is nothing to find


@cache
def _detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


def detect_faces(image: np.ndarray, upsample: int = UPSAMPLE) -> list[FaceBox]:
    """Boxes of all frontal faces, largest first.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3) RGB or (H, W) grey
    upsample : int
        How often the image is doubled before the search; photos over 8 Mpx are searched as they are.

    Returns
    -------
    list of FaceBox
        Sorted by area, then from the left and the top, so that the order never depends on the detector's.
    """
    if min(image.shape[:2]) < MIN_SIDE:
        return []
    if image.shape[0] * image.shape[1] > MAX_PIXELS_TO_UPSAMPLE:
        upsample = 0
    found = _detector()(np.ascontiguousarray(image), upsample)
    boxes = [FaceBox(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in found]
    return sorted(boxes, key=lambda box: (-box.width * box.height, box.left, box.top))


def nearest_face(boxes: list[FaceBox], point: tuple[float, float], reach: float) -> FaceBox | None:
    """The box whose centre is nearest to a point, (x, y), and at most ``reach`` away from it; all in pixels."""

    def distance(box: FaceBox) -> float:
        return math.hypot((box.left + box.right) / 2 - point[0], (box.top + box.bottom) / 2 - point[1])

    return min((box for box in boxes if distance(box) <= reach), key=distance, default=None)


def crop_face(
    image: np.ndarray,
    margin: float = MARGIN,
    size: int = CANVAS,
    near: tuple[float, float] | None = None,
    reach: float = math.inf,
) -> FaceCrop:
    """Cut out one face with its margin, border pixels repeated where the margin leaves the image.

    Repeating the border follows Rothe et al. (2018, section 2.1). Faces of tightly cropped sets always leave the image,
    so losing those, as slicing with a negative index does, loses the whole set.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    margin : float
        Share of the box added on each of the four sides.
    size : int
        Side of the square result in pixels.
    near : tuple of float, optional
        (x, y) in pixels of the face to take, and no other one; the largest by default.
    reach : float
        How far from there, in pixels, the centre of its box may be.

    Returns
    -------
    FaceCrop

    Raises
    ------
    ImageFailure
        ``no-face``; ``aligned-face-lost`` when there are faces, but none is near.
    """
    boxes = detect_faces(image)
    if not boxes:
        raise ImageFailure("no-face", "the frontal face detector found none")
    box = boxes[0] if near is None else nearest_face(boxes, near, reach)
    if box is None:
        raise ImageFailure("aligned-face-lost", f"{len(boxes)} found after alignment, none of them the aligned one")
    return FaceCrop(cut_out(image, box, margin, size), box, len(boxes))


def cut_out(image: np.ndarray, box: FaceBox, margin: float = MARGIN, size: int = CANVAS) -> np.ndarray:
    """The face in a box with its margin, uint8 (size, size, 3); see :func:`crop_face`."""
    around = with_margin(box, margin)
    patch = _take_with_border(image, around.left, around.top, around.right, around.bottom)
    return np.array(Image.fromarray(patch).resize((size, size), Image.Resampling.BILINEAR))


def with_margin(box: FaceBox, margin: float) -> FaceBox:
    """What is cut out of the image: the box and that share of it, in whole pixels, on each side."""
    dx, dy = round(margin * box.width), round(margin * box.height)
    return FaceBox(box.left - dx, box.top - dy, box.right + dx, box.bottom + dy)


def _take_with_border(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Rows ``top:bottom`` and columns ``left:right``; a position off the image reads the nearest border pixel."""
    rows = np.clip(np.arange(top, bottom), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(left, right), 0, image.shape[1] - 1)
    return image[rows[:, None], columns]
