"""A face in thin lines, drawn from landmarks, so that a heatmap can be read without anybody's photo under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from age_audit.core.schema import LANDMARK_COUNT

# Indices of dlib's 68 points (iBUG 300-W) in the order in which they are joined.
LINES = {
    "jaw": tuple(range(17)),
    "brow_l": tuple(range(17, 22)),
    "brow_r": tuple(range(22, 27)),
    "nose_ridge": tuple(range(27, 31)),
    "nose_base": tuple(range(31, 36)),
    "eye_l": (*range(36, 42), 36),
    "eye_r": (*range(42, 48), 42),
    "lips_outside": (*range(48, 60), 48),
    "lips_inside": (*range(60, 68), 60),
}
_LINE = {"colors": "0.1", "linewidths": 0.8, "capstyle": "round", "joinstyle": "round", "zorder": 3}
_CASING = {"linewidth": 1.9, "foreground": "white", "alpha": 0.65}  # keeps lines apart from dark blue and dark red


def mean_landmarks(landmarks: Mapping[str, np.ndarray], fnames: Iterable[str] | None = None) -> np.ndarray | None:
    """Mean place of every landmark over faces.

    Parameters
    ----------
    landmarks : mapping of str to ndarray of float, shape (68, 2)
        By file name, (x, y) in pixels of the canvas.
    fnames : iterable of str, optional
        Faces to take; by default all. Those without landmarks are passed over.

    Returns
    -------
    ndarray of float, shape (68, 2), or None
        None without any face.
    """
    wanted = landmarks if fnames is None else [fname for fname in fnames if fname in landmarks]
    points = [landmarks[fname] for fname in wanted]
    return np.mean(points, axis=0) if points else None


def draw_face_outline(axes: Axes, landmarks: np.ndarray | None) -> Axes:
    """Draw jaw, brows, nose, eyes and mouth over a picture; returns the same axes.

    Parameters
    ----------
    axes : Axes
        With the picture already in it, in pixels; its limits stay.
    landmarks : ndarray of float, shape (68, 2), or None
        (x, y) in pixels; nothing is drawn for None.

    Raises
    ------
    ValueError
        If the landmarks have another shape.
    """
    if landmarks is None:
        return axes
    points = np.asarray(landmarks, dtype=float)
    if points.shape != (LANDMARK_COUNT, 2):
        raise ValueError(f"expected landmarks of shape ({LANDMARK_COUNT}, 2), got {points.shape}")
    lines = [points[list(order)] for order in LINES.values()]
    axes.add_collection(LineCollection(lines, path_effects=[patheffects.withStroke(**_CASING)], **_LINE), autolim=False)
    return axes
