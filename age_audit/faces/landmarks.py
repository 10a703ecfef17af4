"""The 68 landmarks of a face (dlib's regression trees, Kazemi & Sullivan 2014, trained on iBUG 300-W)."""

from __future__ import annotations

from functools import cache

import dlib
import numpy as np

from age_audit.core.errors import ImageFailure
from age_audit.core.paths import landmark_model_path
from age_audit.core.schema import FaceBox
from age_audit.faces.detection import MARGIN, detect_faces, nearest_face

FACE_SHARE = 1 / (1 + 2 * MARGIN)  # of a crop's side that the face's box was


@cache
def _predictor() -> dlib.shape_predictor:
    return dlib.shape_predictor(str(landmark_model_path()))


def find_landmarks(image: np.ndarray, box: FaceBox) -> np.ndarray:
    """Landmarks of the face in a box.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3) RGB or (H, W) grey
    box : FaceBox
        From the detector, in the same image.

    Returns
    -------
    ndarray of int, shape (68, 2)
        (x, y) in pixels; points may lie outside the image.
    """
    rectangle = dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1)
    shape = _predictor()(np.ascontiguousarray(image), rectangle)
    return np.array([(point.x, point.y) for point in shape.parts()], dtype=np.int64)


def landmarks_on_crop(crop: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Detect the face of a crop again, the one in its middle, and find its landmarks.

    Parameters
    ----------
    crop : ndarray of uint8, shape (224, 224, 3)
        RGB.

    Returns
    -------
    landmarks : ndarray of int, shape (68, 2)
        (x, y) in pixels of the crop.
    notes : tuple of str
        ``several-faces: n`` and ``landmarks-outside: n`` where they apply.

    Raises
    ------
    ImageFailure
        ``no-face-on-crop``.
    """
    boxes = detect_faces(crop)
    height, width = crop.shape[:2]
    box = nearest_face(boxes, (width / 2, height / 2), width * FACE_SHARE / 2)
    if box is None:
        raise ImageFailure("no-face-on-crop", "the detector does not find the face again on its crop")
    landmarks = find_landmarks(crop, box)
    return landmarks, landmark_notes(landmarks, len(boxes), (width, height))


def landmark_notes(landmarks: np.ndarray, faces: int, size: tuple[int, int]) -> tuple[str, ...]:
    """What is to be said of landmarks (N, 2) on a picture of that width and height with so many faces."""
    notes = [] if faces == 1 else [f"several-faces: {faces}"]
    outside = int(((landmarks < 0) | (landmarks >= size)).any(axis=1).sum())
    if outside:
        notes.append(f"landmarks-outside: {outside}")
    return tuple(notes)
