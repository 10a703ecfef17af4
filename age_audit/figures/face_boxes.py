"""Faces and what was boxed on them, side by side: each face, its saliency, the boxes of it, and those of its parts.

For pictures of one's own, or those that come inside packages: it shows faces. Left and right are those of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from age_audit.core.schema import CANVAS
from age_audit.figures import style
from age_audit.regions.boxes import BOX_REGIONS, landmark_boxes

COLUMNS = ("face", "saliency", "activation boxes", "boxes of landmarks")
MOST = 5  # faces that fit down a page
_SIDE = 1.62  # inches
_SALIENCY = "magma"
_COLOURS = {"eye": "#56B4E9", "eyebrow": "#009E73", "cheek": "#E69F00", "nose": "#CC79A7", "lips": "#D55E00"}
_UNNAMED = {"edgecolor": "white", "linestyle": ":", "linewidth": 1.0}
_CASING = (withStroke(linewidth=2.4, foreground="black"),)
_LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True)
class BoxedFace:
    """One explained face.

    Attributes
    ----------
    crop : ndarray of uint8, shape (224, 224, 3)
        RGB.
    saliency : ndarray of float, shape (224, 224)
        What was explained, in any unit; values below 0 are not shown, for boxes leave them out.
    boxes : list of dict
        From :func:`age_audit.regions.boxes.boxes_of_face`.
    landmarks : array_like of int or float, shape (68, 2)
        (x, y) in pixels of the crop.
    title : str
        Name of the face, and whatever is to stand beside it.
    """

    crop: np.ndarray
    saliency: np.ndarray
    boxes: Sequence[dict]
    landmarks: np.ndarray
    title: str


def face_boxes(faces: Sequence[BoxedFace], title: str) -> Figure:
    """Draw a row a face, and in it what leads from its explanation to the parts that are active.

    Parameters
    ----------
    faces : sequence of BoxedFace
        At most :data:`MOST`.
    title : str

    Returns
    -------
    Figure
        Four panels a face, :data:`COLUMNS`. Boxes have the colour of the part after which they are named; dashed: the
        one on the right of the picture. Dotted white: named after none.

    Raises
    ------
    ValueError
        For no face or too many, a crop or a saliency map of another shape or type, or a box of another name.

    Examples
    --------
    >>> saliency = np.zeros((224, 224))
    >>> saliency[60:90, 50:80] = 1
    >>> boxes = [{"min_x": 50, "min_y": 60, "max_x": 80, "max_y": 90, "label": "left_eye"}]
    >>> points = np.random.default_rng(1).integers(40, 180, (68, 2))
    >>> face = BoxedFace(np.full((224, 224, 3), 128, np.uint8), saliency, boxes, points, "a face")
    >>> [axes.get_title(loc="left") for axes in face_boxes([face], "One box").axes]
    ['face', 'saliency', 'activation boxes', 'boxes of landmarks']
    """
    if not 1 <= len(faces) <= MOST:
        raise ValueError(f"expected 1 to {MOST} faces a picture, got {len(faces)}; draw them in several")
    for face in faces:
        came = face.crop.shape, face.saliency.shape
        if came != ((CANVAS, CANVAS, 3), (CANVAS, CANVAS)):
            raise ValueError(
                f"expected a crop and a saliency map of {CANVAS} x {CANVAS} pixels, got shapes {came[0]} and {came[1]}"
            )
        if face.crop.dtype != np.uint8 or not np.isfinite(face.saliency).all():
            raise ValueError(
                f"expected a crop of uint8 and a saliency map of finite numbers for {face.title}, got "
                f"{face.crop.dtype}, and {np.isfinite(face.saliency).mean():.0%} of the map"
            )
        if odd := {box.get("label") for box in face.boxes} - {None, *BOX_REGIONS}:
            names = ", ".join(map(str, odd))
            raise ValueError(f"expected boxes named after {', '.join(BOX_REGIONS)}, or None, got {names}")
    with style.applied():
        figure = style.new_figure(style.FULL, 0.85 + _SIDE * len(faces))
        grid = figure.subplots(len(faces), len(COLUMNS), squeeze=False)
        for row, face in zip(grid, faces, strict=True):
            _draw_face(row, face)
        for axes, name in zip(grid[0], COLUMNS, strict=True):
            axes.set_title(name, loc="left", fontweight="bold")
        figure.legend(handles=_keys(faces), loc="outside lower center", ncols=7, handlelength=2.4)
        style.set_finding(figure, title)
    return figure


def _draw_face(row: Sequence[Axes], face: BoxedFace) -> None:
    shaded = _shaded(face.crop, face.saliency)
    for axes, picture in zip(row, (face.crop, shaded, shaded, face.crop), strict=True):
        axes.imshow(picture, interpolation="nearest")
        axes.set(xticks=[], yticks=[], xlim=(-0.5, CANVAS - 0.5), ylim=(CANVAS - 0.5, -0.5))
    row[0].set_ylabel(fill(face.title, 26))
    for box in face.boxes:
        _draw_box(row[2], box)
    for box in landmark_boxes(face.landmarks):
        _draw_box(row[3], box)


def _shaded(crop: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """The colours of the saliency, as dark as the crop is; float (H, W, 3)."""
    shown = np.maximum(saliency, 0)
    colours = matplotlib.colormaps[_SALIENCY](shown / (shown.max() or 1))[..., :3]
    return 0.25 * (crop @ _LUMINANCE / 255)[..., None] + 0.75 * colours


def _draw_box(axes: Axes, box: dict) -> None:
    width, height = box["max_x"] - box["min_x"], box["max_y"] - box["min_y"]
    corner = box["min_x"] - 0.5, box["min_y"] - 0.5  # a pixel's centre is a whole number
    look = _look(box["label"])
    axes.add_patch(Rectangle(corner, width, height, fill=False, path_effects=_CASING, label=box["label"], **look))


def _look(label: str | None) -> dict:
    if label is None:
        return _UNNAMED
    dashes = (0, (3, 1.5)) if label.startswith("right_") else "-"
    return {"edgecolor": _COLOURS[label.split("_")[-1]], "linestyle": dashes, "linewidth": 1.2}


def _keys(faces: Sequence[BoxedFace]) -> list[Line2D]:
    """A line for each part, left ones first; dashes are said once."""
    looks = {name.replace("_", " "): _look(name) for name in BOX_REGIONS}
    if any(box["label"] is None for face in faces for box in face.boxes):
        looks["no part"] = _UNNAMED
    casing = {"path_effects": _CASING}
    return [
        Line2D([], [], color=look["edgecolor"], linestyle=look["linestyle"], linewidth=1.2, label=name, **casing)
        for name, look in looks.items()
    ]
