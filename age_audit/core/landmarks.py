"""What every room asks of a face's landmarks."""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import LANDMARK_COUNT

MESH_LANDMARK_COUNT = 478  # MediaPipe's face mesh of 468 points, and five on each iris


def checked_landmarks(landmarks, count: int = LANDMARK_COUNT) -> np.ndarray:
    """Landmarks as an array of float, shape (count, 2).

    Parameters
    ----------
    landmarks : array_like of int or float, shape (count, 2)
        (x, y) in pixels.
    count : int
        How many there have to be.

    Raises
    ------
    ValueError
        If they are not that many finite points.

    Examples
    --------
    >>> checked_landmarks([(10, 20)] * 68).shape
    (68, 2)
    """
    try:
        points = np.asarray(landmarks, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected landmarks as {count} (x, y) pairs of numbers: {error}") from error
    if points.shape != (count, 2):
        raise ValueError(f"expected landmarks of shape ({count}, 2), one (x, y) a row; got {points.shape}")
    if not np.isfinite(points).all():
        rows = np.flatnonzero(~np.isfinite(points).all(axis=1)).tolist()
        raise ValueError(f"expected finite landmarks; not finite at index {rows}")
    return points
