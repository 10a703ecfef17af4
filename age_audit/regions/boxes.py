"""Boxes around the most salient pixels of a face, and which part of the face each of them lies on.

A published analysis of gender classifiers reduces an explanation to boxes: all but the most salient tenth of the
pixels is set to 0, a threshold makes a mask of the rest, and every connected piece of the mask is boxed. Each box is
then named after the part of the face whose box of landmarks has the nearest centre, if the two overlap enough.

A box is a dict of ``min_x``, ``min_y``, ``max_x``, ``max_y`` in pixels of the canvas and ``label``, a name or None.
``max_x`` and ``max_y`` are exclusive, as in scikit-image's and :class:`age_audit.core.schema.FaceBox`: a box is
``max_x - min_x`` pixels wide, so that a single pixel has an area of 1. (The published boxes of landmarks end at the
last landmark instead, one pixel sooner.) Left and right are those of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from types import MappingProxyType

import numpy as np
import scipy
from skimage.filters import threshold_li, threshold_otsu, threshold_yen
from skimage.measure import label

from age_audit.core.config import BoxParameters
from age_audit.core.landmarks import MESH_LANDMARK_COUNT, checked_landmarks
from age_audit.core.masks import raising_pixels
from age_audit.core.schema import LANDMARK_COUNT

# Landmarks whose bounding box stands for each part, in the order in which ties are decided. dlib has no points on the
# cheeks: theirs reaches from the jaw to the wing of the nose, and from below the eye to the corner of the mouth.
BOX_POINTS = MappingProxyType(
    {
        "left_eye": tuple(range(36, 42)),
        "right_eye": tuple(range(42, 48)),
        "left_eyebrow": tuple(range(17, 22)),
        "right_eyebrow": tuple(range(22, 27)),
        "nose": tuple(range(27, 36)),
        "lips": tuple(range(48, 68)),
        "left_cheek": (1, 2, 3, 31, 48),
        "right_cheek": (15, 14, 13, 35, 54),
    }
)
# The same of MediaPipe's mesh, by the groups and the picture of its documentation: lids, brows, outlines of the lips;
# from between the eyes to the foot of the nose and its wings; and cheeks as above, from the side of the face.
MESH_BOX_POINTS = MappingProxyType(
    {
        "left_eye": (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
        "right_eye": (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398),
        "left_eyebrow": (46, 53, 52, 65, 55, 70, 63, 105, 66, 107),
        "right_eyebrow": (276, 283, 282, 295, 285, 300, 293, 334, 296, 336),
        "nose": (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 327, 129, 358),
        "lips": (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409),
        "left_cheek": (234, 93, 132, 98, 61),
        "right_cheek": (454, 323, 361, 327, 291),
    }
)
BOX_REGIONS = tuple(BOX_POINTS)
THRESHOLDS = MappingProxyType({"otsu": threshold_otsu, "li": threshold_li, "yen": threshold_yen})
PERCENTILE = BoxParameters.percentile
OVERLAP = BoxParameters.overlap
SIDES = ("min_x", "min_y", "max_x", "max_y")


def boxes_of_face(saliency: np.ndarray, points, parameters: BoxParameters = BoxParameters()) -> list[dict]:  # noqa: B008
    """The activation boxes of one explained face, each named after the part of the face that it lies on.

    Parameters
    ----------
    saliency : ndarray of numbers, shape (H, W)
        As :func:`binarize`.
    points : array_like of int or float, shape (68, 2) or (478, 2)
        Landmarks (x, y) in pixels of the same canvas.
    parameters : BoxParameters
        Frozen: its default is shared by all calls.

    Returns
    -------
    list of dict
        As :func:`annotate`; none where no pixel stands out.

    Raises
    ------
    ValueError
        As :func:`binarize` and :func:`landmark_boxes`.

    Examples
    --------
    >>> saliency = np.zeros((200, 200))
    >>> saliency[78:84, 62:74] = 1
    >>> points = np.full((68, 2), 150)
    >>> points[36:42] = [(60, 80), (64, 77), (70, 77), (75, 81), (70, 84), (64, 84)]
    >>> boxes_of_face(saliency, points)
    [{'min_x': 62, 'min_y': 78, 'max_x': 74, 'max_y': 84, 'label': 'left_eye'}]
    """
    found = activation_boxes(binarize(saliency, parameters.percentile, parameters.threshold))
    return annotate(found, landmark_boxes(points), parameters.overlap)


def binarize(saliency: np.ndarray, percentile: float = PERCENTILE, method: str = BoxParameters.threshold) -> np.ndarray:
    """Mask of the most salient pixels: those above a threshold once all below a percentile are set to 0.

    The threshold is of the whole map with its zeros, as published: it mostly parts what was set to 0 from what was not.

    Parameters
    ----------
    saliency : ndarray of numbers, shape (H, W)
        In any unit. Values below 0, which speak against what is explained, count as 0; for a map whose two signs count
        alike, pass its absolute values. (As published, a map whose percentile is below 0 would be turned inside out,
        for the 0 that replaces its lowest values is then the highest.)
    percentile : float
        In percent of the pixels, 0 to 100; interpolated. Pixels at it are kept.
    method : str
        ``"otsu"`` (Otsu 1979), ``"li"`` (Li and Lee 1993) or ``"yen"`` (Yen, Chang and Chang 1995), of scikit-image.

    Returns
    -------
    ndarray of bool, shape (H, W)
        All False where every pixel has the same value, 0 or another: none stands out.

    Raises
    ------
    ValueError
        For another shape or no pixel, values that are not finite, an unknown method or a percentile out of range.

    Examples
    --------
    >>> saliency = np.zeros((4, 5))
    >>> saliency[1, 1:3], saliency[3, 4], saliency[0, 0] = 7, 9, -8
    >>> binarize(saliency).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 0, 0],
           [0, 0, 0, 0, 0],
           [0, 0, 0, 0, 1]])
    """
    if not isinstance(method, str) or method not in THRESHOLDS:
        raise ValueError(f"expected a threshold out of {', '.join(THRESHOLDS)}; got {method!r}")
    if not isinstance(percentile, Real) or not 0 <= percentile <= 100:
        raise ValueError(f"expected a percentile that is a number of 0 to 100, got {percentile!r}")
    values = np.asarray(saliency, dtype=float)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"expected a saliency map of shape (height, width), got {values.shape}")
    if not np.isfinite(values).all():
        count = np.count_nonzero(~np.isfinite(values))
        raise ValueError(f"expected finite saliency, got {count} of {values.size} values that are not; leave it out")
    values = np.maximum(values, 0)
    values[values < np.percentile(values, percentile)] = 0
    if np.ptp(values) == 0:
        return np.zeros(values.shape, dtype=bool)
    return values > THRESHOLDS[method](values)


def activation_boxes(mask: np.ndarray) -> list[dict]:
    """The box of every connected piece of a mask; pixels that touch at a corner are connected.

    Parameters
    ----------
    mask : ndarray, shape (H, W)
        Where pixels are salient: as :func:`age_audit.core.masks.raising_pixels`.

    Returns
    -------
    list of dict
        In the order of the pieces' first pixels, row by row, none labelled; none at all for an empty mask. Pieces never
        touch, but their boxes may overlap.

    Raises
    ------
    ValueError
        For another shape, and as :func:`age_audit.core.masks.raising_pixels`.

    Examples
    --------
    >>> mask = np.zeros((4, 5), dtype=bool)
    >>> mask[1, 1:3] = mask[2, 3] = True  # connected at a corner
    >>> activation_boxes(mask)
    [{'min_x': 1, 'min_y': 1, 'max_x': 4, 'max_y': 3, 'label': None}]
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or not mask.size:
        raise ValueError(f"expected a mask of shape (height, width), got {mask.shape}")
    pieces = scipy.ndimage.find_objects(label(raising_pixels(mask), connectivity=2))
    return [_box((columns.start, rows.start, columns.stop, rows.stop)) for rows, columns in pieces]


def landmark_boxes(points) -> list[dict]:
    """The box of each part of a face: the pixels that hold its landmarks, and all between them.

    Parameters
    ----------
    points : array_like of int or float, shape (68, 2) or (478, 2)
        (x, y) in pixels of the canvas: dlib's landmarks, or those of
        :func:`age_audit.faces.landmarks_478.landmarks_478_on_crop`.

    Returns
    -------
    list of dict
        One a part, labelled, in the order of :data:`BOX_REGIONS`. Not cut at the edges of the canvas, so that the
        centre is that of the whole part wherever the picture ends.

    Raises
    ------
    ValueError
        If the landmarks are not 68 or 478 finite points.

    Examples
    --------
    >>> points = np.full((68, 2), 100)
    >>> points[36:42] = [(60, 80), (64, 77), (70, 77), (75, 81), (70, 84), (64, 84)]  # the eye on the left
    >>> landmark_boxes(points)[0]
    {'min_x': 60, 'min_y': 77, 'max_x': 76, 'max_y': 85, 'label': 'left_eye'}
    """
    mesh = len(points) == MESH_LANDMARK_COUNT
    checked = checked_landmarks(points, MESH_LANDMARK_COUNT if mesh else LANDMARK_COUNT)
    pixels = np.floor(checked).astype(int)
    boxes = []
    for name, order in (MESH_BOX_POINTS if mesh else BOX_POINTS).items():
        of_part = pixels[list(order)]
        boxes.append(_box((*of_part.min(axis=0), *(of_part.max(axis=0) + 1)), name))
    return boxes


def annotate(
    activation: Sequence[dict], landmark: Sequence[dict], overlap: float = OVERLAP, *, published: bool = False
) -> list[dict]:
    """Name each activation box after the landmark box with the nearest centre, if enough of it lies inside.

    Only the nearest is asked: a box that overlaps the second nearest has no name. Of landmark boxes that are equally
    near the first counts, in the order in which they come.

    Parameters
    ----------
    activation, landmark : sequence of dict
        From :func:`activation_boxes` and :func:`landmark_boxes`.
    overlap : float
        Share of the activation box, above 0 and at most 1, that has to lie within the landmark box.
    published : bool
        The published code stores the landmark box in place of the activation box, and numbers its feature from it:
        what is then called an activation has the place and the size of a part of the face, whatever the explanation
        marked. By default a box stays where it is, and only its label is filled in. Which parts are named is the same.

    Returns
    -------
    list of dict
        As many as ``activation``, in its order, new ones; ``label`` None where no part is overlapped enough.

    Raises
    ------
    ValueError
        For a box without a pixel, or an ``overlap`` out of range.

    Examples
    --------
    >>> nose = {"min_x": 100, "min_y": 80, "max_x": 120, "max_y": 130, "label": "nose"}
    >>> found = {"min_x": 90, "min_y": 100, "max_x": 130, "max_y": 110, "label": None}  # half of it on the nose
    >>> annotate([found], [nose])
    [{'min_x': 90, 'min_y': 100, 'max_x': 130, 'max_y': 110, 'label': 'nose'}]
    >>> annotate([found], [nose], overlap=0.6)[0]["label"]
    >>> annotate([found], [nose], published=True) == [nose]
    True
    """
    _check_overlap(overlap)
    if not activation or not landmark:
        _check_sides(_sides([*activation, *landmark]))
        return [dict(box, label=None) for box in activation]
    annotated = []
    for box, part in zip(activation, nearest_overlapping(_sides(activation), _sides(landmark), overlap), strict=True):
        if part < 0:
            annotated.append(dict(box, label=None))
        else:
            annotated.append(dict(landmark[part] if published else box, label=landmark[part]["label"]))
    return annotated


def nearest_overlapping(boxes: np.ndarray, parts: np.ndarray, overlap: float = OVERLAP) -> np.ndarray:
    """What :func:`annotate` decides, of many boxes or faces at once.

    Parameters
    ----------
    boxes : ndarray of numbers, shape (..., B, 4)
        ``min_x``, ``min_y``, ``max_x``, ``max_y`` of each.
    parts : ndarray of numbers, shape (..., P, 4)
        The same of landmark boxes; at least one. Dimensions before the last two are those of ``boxes``, or broadcast.
    overlap : float
        As :func:`annotate`.

    Returns
    -------
    ndarray of int, shape (..., B)
        Number of the part that a box is named after; -1 where there is none.

    Raises
    ------
    ValueError
        As :func:`annotate`.

    Examples
    --------
    >>> parts = np.array([[100, 80, 120, 130], [60, 77, 76, 85]])
    >>> nearest_overlapping(np.array([[62, 70, 70, 90], [90, 100, 130, 110], [0, 0, 9, 9]]), parts).tolist()
    [1, 0, -1]
    """
    _check_overlap(overlap)
    for sides in (boxes, parts):
        _check_sides(sides)
    size = boxes[..., 2:] - boxes[..., :2]
    # Twice the distance of the centres: whole numbers, so that ties are ties.
    twice = (boxes[..., :2] + boxes[..., 2:])[..., :, None, :] - (parts[..., :2] + parts[..., 2:])[..., None, :, :]
    nearest = (twice[..., 0] ** 2 + twice[..., 1] ** 2).argmin(axis=-1)  # numpy is slow to sum over two
    ends = np.broadcast_to(parts, (*nearest.shape[:-1], *parts.shape[-2:]))
    ends = np.take_along_axis(ends, nearest[..., None], axis=-2)
    shared = np.minimum(boxes[..., 2:], ends[..., 2:]) - np.maximum(boxes[..., :2], ends[..., :2])
    shared = np.maximum(shared, 0)
    share = shared[..., 0] * shared[..., 1] / (size[..., 0] * size[..., 1])
    return np.where(share >= overlap, nearest, -1)


def active_regions(boxes: Sequence[dict]) -> dict[str, bool]:
    """Which parts of a face are active: have at least one box named after them.

    Parameters
    ----------
    boxes : sequence of dict
        Of one face, from :func:`annotate`. None at all is an answer too: no part is active.

    Returns
    -------
    dict of str to bool
        ``active_<part>`` of each of :data:`BOX_REGIONS`, in their order.

    Examples
    --------
    >>> active = active_regions([{"label": "nose"}, {"label": None}, {"label": "nose"}])
    >>> [name for name, there in active.items() if there]
    ['active_nose']
    """
    named = {box["label"] for box in boxes}
    return {f"active_{region}": region in named for region in BOX_REGIONS}


def _check_sides(sides: np.ndarray) -> None:
    if sides.size and not (sides[..., 2:] > sides[..., :2]).all():  # nor is NaN above anything
        raise ValueError("expected boxes of at least one pixel, whose max_x and max_y are above min_x and min_y")


def _check_overlap(overlap: float) -> None:
    if not isinstance(overlap, Real) or not 0 < overlap <= 1:
        raise ValueError(f"expected an overlap that is a number above 0 and at most 1, got {overlap!r}")


def _box(sides, name: str | None = None) -> dict:
    return dict(zip(SIDES, map(int, sides), strict=True)) | {"label": name}


def _sides(boxes: Sequence[dict]) -> np.ndarray:
    """Array of (N, 4)."""
    return np.array([[box[side] for side in SIDES] for box in boxes])
