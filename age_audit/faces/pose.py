"""Where a head is turned, and how large it is, by the 68 landmarks of its picture.

A rigid shape of a face (``face_shape.json``, in depth, found from how the landmarks of 8,297 faces move together:
``tools/build_face_shape.py``) is turned, scaled and moved until its parallel projection lies on the landmarks.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from age_audit.core.errors import ImageFailure
from age_audit.core.landmarks import checked_landmarks

SHAPE_FILE = Path(__file__).with_name("face_shape.json")
# Brows, nose, eyes and the outline of the mouth. On the jaw a landmark is wherever the face ends in the picture, which
# is another place of the head when it turns.
POSE_POINTS = slice(17, 60)
FLATTEST = 1e-3  # width of the landmarks over their length, or the other way round, below which there is no face


@dataclass(frozen=True)
class HeadPose:
    """Angles in degrees, as one looks at the picture; a mirrored picture has the yaw and the roll of the other sign.

    Attributes
    ----------
    yaw : float
        -90 to 90. Above 0 when the nose points to the right of the picture: the person looks to their own left.
    pitch : float
        Above 0 when the face looks up. 0 is how the faces of UTKFace are held on average.
    roll : float
        -180 to 180. Above 0 when the head is tilted clockwise, its eye on the right of the picture the lower one.
    size : float
        Distance between the eyes in pixels, were the face seen from the front. (Turned by 45 degrees, they are 0.71 of
        it apart in the picture: :func:`eye_distance`.)
    misfit : float
        Root of the mean squared distance of landmarks from the projected shape, in distances between the eyes.
    """

    yaw: float
    pitch: float
    roll: float
    size: float
    misfit: float


def head_pose(points) -> HeadPose:
    """Yaw, pitch and roll of a head: it first nods (pitch), then turns (yaw), then tilts (roll).

    The affine map from the shape to the landmarks that has the least squared error is known in closed form; taken is
    the scaled rotation nearest to it. Exact for parallel projections of the
    shape. Noise of 3 % of the distance between the eyes in every coordinate moves yaw by 1.0, pitch by 1.1 and roll by
    0.5 degrees (mean absolute errors); a camera 40 cm from the face moves yaw by up to 3, one at 1 m by up to 1.3. How
    far the angles agree with another method on real faces: docs/faces.md.

    Parameters
    ----------
    points : array_like of int or float, shape (68, 2)
        Landmarks (x, y) in pixels.

    Returns
    -------
    HeadPose

    Raises
    ------
    ValueError
        If the landmarks are not 68 finite points.
    ImageFailure
        ``degenerate-landmarks``: they lie on a line, or on one point.

    Examples
    --------
    >>> points = np.zeros((68, 2))
    >>> points[POSE_POINTS] = projected(HeadPose(yaw=20, pitch=-5, roll=10, size=64, misfit=0), (112, 112))
    >>> pose = head_pose(points)
    >>> round(pose.yaw, 6), round(pose.pitch, 6), round(pose.roll, 6), round(pose.size, 6)
    (20.0, -5.0, 10.0, 64.0)
    """
    seen = checked_landmarks(points)[POSE_POINTS]
    seen = seen - seen.mean(axis=0)
    shape = face_shape()
    left, stretch, right = np.linalg.svd((np.linalg.pinv(shape) @ seen).T, full_matrices=False)
    if stretch[1] <= FLATTEST * stretch[0]:
        raise ImageFailure("degenerate-landmarks", "the landmarks lie on a line, or on one point")
    axes, size = left @ right, stretch.mean()
    roll, yaw, pitch = Rotation.from_matrix([*axes, np.cross(*axes)]).as_euler("ZYX", degrees=True)
    misfit = math.sqrt(((seen - size * shape @ axes.T) ** 2).sum(axis=1).mean()) / size
    return HeadPose(-float(yaw), -float(pitch), float(roll), float(size), float(misfit))


def projected(pose: HeadPose, centre=(0.0, 0.0)) -> np.ndarray:
    """Landmarks 17 to 59 of the shape in a pose, as seen from far away.

    Parameters
    ----------
    pose : HeadPose
        Whose misfit is not asked.
    centre : (x, y)
        Of the landmarks, in pixels.

    Returns
    -------
    ndarray of float, shape (43, 2)
        (x, y) in pixels.

    Examples
    --------
    >>> projected(HeadPose(0, 0, 0, 100, 0))[30 - 17].round() - projected(HeadPose(30, 0, 0, 100, 0))[30 - 17].round()
    array([-28.,   0.])
    """
    turn = Rotation.from_euler("ZYX", [pose.roll, -pose.yaw, -pose.pitch], degrees=True).as_matrix()
    return pose.size * face_shape() @ turn[:2].T + centre


def eye_distance(points) -> float:
    """Distance in pixels between the centres of the eyes, each the mean of its six landmarks, in the picture.

    Parameters
    ----------
    points : array_like of int or float, shape (68, 2)
        Landmarks (x, y) in pixels.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the landmarks are not 68 finite points.

    Examples
    --------
    >>> points = np.zeros((68, 2))
    >>> points[36:42], points[42:48] = (80, 90), (140, 98)
    >>> round(eye_distance(points), 1)
    60.5
    """
    points = checked_landmarks(points)
    return math.dist(points[36:42].mean(axis=0), points[42:48].mean(axis=0))


@cache
def face_shape() -> np.ndarray:
    """The shape of a face: landmarks 17 to 59, float, shape (43, 3).

    (x, y, z) to the right of the picture, down, and away from the viewer. Its centre is 0 and its eyes are 1 apart.
    """
    shape = np.array(json.loads(SHAPE_FILE.read_text())["points"])
    shape -= shape.mean(axis=0)
    shape.flags.writeable = False
    return shape
