"""Turn and scale a face by its landmarks: similarity Procrustes to a stored mean shape.

The study used the package ``alignfaces`` (Gaspar & Garrod 2021), which computes the mean shape from all faces of the
run, so that every result depends on which other images were there. Here the mean shape is a constant of the project
(``reference_shape.json``), and each image is aligned by itself; where that constant is the mean that ``alignfaces``
would compute, the answer is the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from age_audit.core.errors import ImageFailure
from age_audit.core.schema import LANDMARK_COUNT
from age_audit.faces.detection import detect_faces
from age_audit.faces.landmarks import find_landmarks

ALIGNMENT_POINTS = slice(17, 61)  # brows, nose, eyes, outer mouth; alignfaces counts point 60 to the outer mouth
RIGHT_EYE = slice(36 - 17, 42 - 17)  # of the person, at the left of the picture; within the 44 alignment points
LEFT_EYE = slice(42 - 17, 48 - 17)
EYE_DISTANCE = 94.0  # pixels between the eyes' centres on the result, the default of alignfaces
MAX_SIDE = 4096  # a small face in a large photo would otherwise be blown up to gigabytes; the canvas is cut there
REFERENCE_FILE = Path(__file__).with_name("reference_shape.json")


@dataclass(frozen=True)
class AlignedFace:
    """An aligned picture and what was done to get it.

    Attributes
    ----------
    image : ndarray of uint8, shape (H', W', 3)
        RGB, black where the source had nothing.
    scale : float
        Pixels of the result per pixel of the source.
    angle : float
        Degrees turned, clockwise on the screen.
    centre : tuple of int
        (x, y) on the result of the landmarks' centre, in pixels.
    notes : tuple of str
    """

    image: np.ndarray
    scale: float
    angle: float
    centre: tuple[int, int]
    notes: tuple[str, ...] = ()


@cache
def reference_shape() -> np.ndarray:
    """The stored mean shape, (44, 2) in pixels: centred on 0, eyes level and :data:`EYE_DISTANCE` apart. Read-only."""
    points = np.array(json.loads(REFERENCE_FILE.read_text())["points"], dtype=np.float64)
    points = standard_pose(points)
    points.setflags(write=False)
    return points


def standard_pose(shape: np.ndarray) -> np.ndarray:
    """Centre a (44, 2) shape, level its eyes and scale it to the standard distance between them."""
    shape = shape - shape.mean(axis=0)
    across = shape[LEFT_EYE].mean(axis=0) - shape[RIGHT_EYE].mean(axis=0)
    # Division by a complex number turns by minus its angle and scales by one over its length.
    turned = (shape[:, 0] + 1j * shape[:, 1]) * (EYE_DISTANCE / complex(*across))
    return np.stack([turned.real, turned.imag], axis=1)


def similarity_to(reference: np.ndarray, shape: np.ndarray) -> tuple[float, float]:
    """Scale and angle that bring a shape onto a centred reference.

    Parameters
    ----------
    reference, shape : ndarray of float, shape (K, 2)
        (x, y); the reference is centred on 0, the shape may lie anywhere.

    Returns
    -------
    scale : float
        Factor to apply to the shape: the inverse of the regression of the shape on the reference (alignfaces' choice,
        which differs from ordinary Procrustes by the share of variance explained).
    angle : float
        Radians to turn the shape by, clockwise on the screen, between -pi/2 and pi/2.

    Raises
    ------
    ImageFailure
        ``degenerate-landmarks`` when the shape has no extent.
    """
    product = np.vdot(shape - shape.mean(axis=0), reference) / np.vdot(reference, reference)
    cross = (shape[:, 0] @ reference[:, 1] - shape[:, 1] @ reference[:, 0]) / np.vdot(reference, reference)
    size = float(np.hypot(product, cross))
    if size < 1e-6:
        raise ImageFailure("degenerate-landmarks", "the landmarks fall on one point")
    return 1.0 / size, float(np.arctan(cross / max(product, 1e-10)))


def mean_shape(shapes: np.ndarray, tolerance: float = 1e-3) -> np.ndarray:
    """Generalised Procrustes mean of N shapes (Gower 1975) in standard pose.

    Parameters
    ----------
    shapes : ndarray of float, shape (N, 44, 2)
        (x, y) in pixels, each anywhere and of any size.
    tolerance : float
        The iteration ends when the mean's move, summed over points in pixels, shrinks by less.

    Returns
    -------
    ndarray of float, shape (44, 2)
    """
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    reference, previous = centred[0], np.inf
    while True:
        candidate = np.mean([_apply(*similarity_to(reference, shape), shape) for shape in centred], axis=0)
        moved = np.linalg.norm(candidate - reference, axis=1).sum()
        if previous - moved < tolerance:
            return standard_pose(reference)
        reference, previous = _apply(*similarity_to(reference, candidate), candidate), moved


def _apply(scale: float, angle: float, shape: np.ndarray) -> np.ndarray:
    return shape @ (scale * _rotation(angle)).T


def _rotation(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def landmarks_for_alignment(image: np.ndarray) -> tuple[np.ndarray, int]:
    """Landmarks of the largest face, found as alignfaces finds them: in grey, doubled only if nothing is seen at first.

    Returns
    -------
    landmarks : ndarray of int, shape (68, 2)
    faces_found : int

    Raises
    ------
    ImageFailure
        ``no-face``.
    """
    first, *others = landmarks_of_each(image)
    return first, 1 + len(others)


def landmarks_of_each(image: np.ndarray) -> list[np.ndarray]:
    """The same of every face, largest first; fails as :func:`landmarks_for_alignment`."""
    grey = np.asarray(Image.fromarray(image).convert("L"))
    boxes = detect_faces(grey, upsample=0) or detect_faces(grey, upsample=1)
    if not boxes:
        raise ImageFailure("no-face", "the frontal face detector found none to align")
    return [find_landmarks(grey, box) for box in boxes]


def align_face(image: np.ndarray, landmarks: np.ndarray, reference: np.ndarray | None = None) -> AlignedFace:
    """Turn and scale a picture so that its landmarks come as near to the reference as a similarity can.

    Nothing is cropped: the canvas holds the whole turned source (cut only beyond 4096 pixels a side). alignfaces itself
    moves the face to a fixed place of a fixed window, which cuts the chin off tightly cropped faces; scale, angle and
    pixels are the same. Brightness is stretched to 0-255 over the whole picture, as in alignfaces, with colour kept.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    landmarks : ndarray, shape (68, 2)
        (x, y) in pixels.
    reference : ndarray of float, shape (44, 2), optional
        In standard pose; the stored one by default.

    Returns
    -------
    AlignedFace

    Raises
    ------
    ImageFailure
        ``degenerate-landmarks``.
    """
    if landmarks.shape != (LANDMARK_COUNT, 2):
        raise ValueError(f"expected landmarks of shape ({LANDMARK_COUNT}, 2), got {landmarks.shape}")
    reference = reference_shape() if reference is None else reference
    shape = landmarks[ALIGNMENT_POINTS].astype(np.float64)
    scale, angle = similarity_to(reference, shape)
    centre = np.floor(shape.mean(axis=0))  # whole pixels, as in alignfaces
    low, high = _extent(image.shape, scale, angle, centre)
    bounded_low, bounded_high = np.maximum(low, -MAX_SIDE // 2), np.minimum(high, MAX_SIDE // 2)
    notes = ()
    if (low != bounded_low).any() or (high != bounded_high).any():
        notes = (f"canvas-cut: {'x'.join(map(str, high - low))} to {'x'.join(map(str, bounded_high - bounded_low))}",)
    warped = _warp(image, scale, angle, centre, bounded_low, bounded_high)
    return AlignedFace(_stretch(warped), scale, float(np.degrees(angle)), tuple((-bounded_low).tolist()), notes)


def _extent(shape: tuple[int, ...], scale: float, angle: float, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one-past-last (x, y) that the turned and scaled source reaches, the landmarks' centre being (0, 0)."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], dtype=np.float64)
    moved = _apply(scale, angle, corners - centre)
    slack = 1e-9  # pixels: processors round differently, and a corner on a whole pixel must not make one more
    return np.floor(moved.min(axis=0) + slack).astype(int), np.ceil(moved.max(axis=0) - slack).astype(int) + 1


def _warp(
    image: np.ndarray, scale: float, angle: float, centre: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """One bilinear resampling; what is far larger than needed is averaged down first, which avoids moiré."""
    source = Image.fromarray(image)
    shrink = max(1, int(1 / scale))
    if shrink > 1:
        source = source.reduce(shrink)
    inverse = _rotation(-angle) / (scale * shrink)
    # Pillow maps continuous positions (a pixel's centre is at .5), landmarks are pixel indices.
    offset = (centre + 0.5) / shrink - inverse @ (0.5 - low)
    coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
    size = tuple((high - low).tolist())
    return np.array(source.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR))


def _stretch(image: np.ndarray) -> np.ndarray:
    low, high = int(image.min()), int(image.max())
    if high == low:
        return image
    table = np.clip((np.arange(256) - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
    return table[image]
