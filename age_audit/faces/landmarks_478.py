"""The 478 landmarks of MediaPipe's face landmarker (Kartynnik et al. 2019; Grishchenko et al. 2020), an option.

Its two networks come in one file, ``face_landmarker.task``, inside a package that is never imported, and run in
TensorFlow Lite, which is part of TensorFlow. MediaPipe itself is not needed, and on purpose not used: version 1.2.3
looks for its maker's logging server when it closes (docs/faces.md). What stands between the networks, of which this is
a port, is described in the library's graphs: BlazeFace (Bazarevsky et al. 2019) finds faces on a view of 128 pixels,
each is cut out upright in 1.5 times its size, and the mesh network sees that in 256 pixels.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from functools import cache

import numpy as np
from scipy.ndimage import map_coordinates

from age_audit.core.errors import ImageFailure
from age_audit.core.landmarks import MESH_LANDMARK_COUNT
from age_audit.core.paths import mesh_model_path
from age_audit.faces.landmarks import FACE_SHARE, landmark_notes

DETECTOR, MESH = "face_detector.tflite", "face_landmarks_detector.tflite"
DETECTOR_SIDE, MESH_SIDE = 128, 256  # of the networks' views, in pixels
CELLS = ((16, 2), (8, 6))  # of the detector: cells along a side, anchors in each
LEAST_SCORE = LEAST_PRESENCE = 0.5  # MediaPipe's defaults
SAME_FACE = 0.3  # intersection over union of boxes that are averaged
MARGIN = 1.5  # of the mesh's view over the larger side of a face's box


def landmarks_478_on_crop(crop: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Find the face in the middle of a crop, and its 478 landmarks.

    Parameters
    ----------
    crop : ndarray of uint8, shape (H, W, 3)
        RGB; as the pipeline crops a face, its middle is the face's. (On another picture the face that is nearest to the
        middle is taken, if it is less than 0.28 of the width away.)

    Returns
    -------
    landmarks : ndarray of float, shape (478, 2)
        (x, y) in pixels of the crop; 0 to 467 are the mesh, 468 to 477 the irises. They may lie outside.
    notes : tuple of str
        As :func:`age_audit.faces.landmarks.landmarks_on_crop`.

    Raises
    ------
    ValueError
        For a crop of another type or shape.
    ImageFailure
        ``no-face-on-crop``: none is detected, none in the middle, or the mesh finds none there.
    UsageError
        Where the file of the networks is missing or another one.
    """
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.dtype != np.uint8:
        raise ValueError(f"expected a crop of uint8, shape (height, width, 3), got {crop.dtype} {crop.shape}")
    height, width = crop.shape[:2]
    faces = _detect(crop)
    away = np.linalg.norm(faces[:, :2].mean(axis=1) - (width / 2, height / 2), axis=1)
    if not (away <= width * FACE_SHARE / 2).any():
        raise ImageFailure("no-face-on-crop", "MediaPipe's detector finds no face in the middle of the crop")
    landmarks, presence = _mesh(crop, faces[away.argmin()])
    if presence < LEAST_PRESENCE:
        raise ImageFailure(
            "no-face-on-crop", f"MediaPipe's mesh sees a face there with probability {presence:.2f} only"
        )
    return landmarks, landmark_notes(landmarks, len(faces), (width, height))


def _detect(image: np.ndarray) -> np.ndarray:
    """Two corners of the box and six points (the first two the eyes) of each face, pixels, shape (N, 8, 2)."""
    height, width = image.shape[:2]
    side, middle = max(height, width), np.array([width, height]) / 2
    view = view_of(image, middle, side, 0, DETECTOR_SIDE, "constant") / 127.5 - 1
    found = _answers(DETECTOR, view)
    scores = _sigmoid(found["classificators"][0, :, 0].astype(float))
    sure = scores >= LEAST_SCORE
    numbers = found["regressors"][0, sure].reshape(-1, 8, 2) / DETECTOR_SIDE  # centre, size, six points
    centres, sizes = numbers[:, 0] + anchors()[sure], numbers[:, 1]
    points = numbers[:, 2:] + anchors()[sure][:, None]
    faces = np.concatenate([(centres - sizes / 2)[:, None], (centres + sizes / 2)[:, None], points], axis=1)
    return (merged(faces, scores[sure]) - 0.5) * side + middle


def merged(faces: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The surest of the faces (N, 8, 2), averaged with all that overlap it, weighted by scores; then of the rest."""
    found = []
    while len(faces):
        best = scores.argmax()
        shared = np.minimum(faces[:, 1], faces[best, 1]) - np.maximum(faces[:, 0], faces[best, 0])
        shared, areas = np.maximum(shared, 0).prod(axis=1), (faces[:, 1] - faces[:, 0]).prod(axis=1)
        same = shared > SAME_FACE * (areas + areas[best] - shared)
        same[best] = True  # of a box without an area, too
        found.append(np.average(faces[same], axis=0, weights=scores[same]))
        faces, scores = faces[~same], scores[~same]
    return np.array(found).reshape(-1, 8, 2)


def _mesh(image: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, float]:
    """Landmarks of a detected face, pixels, shape (478, 2), and the probability that it is one."""
    centre, side = face[:2].mean(axis=0), MARGIN * (face[1] - face[0]).max()
    x, y = face[3] - face[2]  # from one eye to the other
    angle = math.atan2(y, x)
    found = _answers(MESH, view_of(image, centre, side, angle, MESH_SIDE, "nearest") / 255)
    points = found["Identity"].reshape(MESH_LANDMARK_COUNT, 3)[:, :2].astype(float) / MESH_SIDE - 0.5
    return centre + side * points @ _turn(angle).T, float(_sigmoid(found["Identity_1"].item()))


def view_of(image: np.ndarray, centre, side: float, angle: float, pixels: int, beyond: str) -> np.ndarray:
    """A turned square of an image, float (pixels, pixels, 3), bilinear.

    The square's upper left corner is its first pixel, as in MediaPipe. ``beyond`` the image: ``"constant"`` is black,
    ``"nearest"`` repeats its border. ``angle`` in radians, clockwise.

    Examples
    --------
    >>> image = np.arange(16.0).reshape(4, 4, 1)
    >>> view_of(image, (2, 2), 4, 0, 2, "nearest")[..., 0]
    array([[ 0.,  2.],
           [ 8., 10.]])
    """
    steps = np.arange(pixels) / pixels - 0.5
    x, y = np.tensordot(_turn(angle), np.meshgrid(steps, steps), axes=1) * side + np.reshape(centre, (2, 1, 1))
    colours = [
        map_coordinates(colour, [y, x], order=1, mode=beyond) for colour in np.moveaxis(image, 2, 0).astype(float)
    ]
    return np.stack(colours, axis=2)


@cache
def anchors() -> np.ndarray:
    """Middles of the detector's 896 anchors, in sides of its view, shape (896, 2)."""
    layers = []
    for cells, count in CELLS:
        y, x = (np.mgrid[:cells, :cells] + 0.5) / cells
        layers.append(np.repeat(np.stack([x, y], axis=2).reshape(-1, 2), count, axis=0))
    return np.concatenate(layers)


def _turn(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -100, 100)))


@cache
def _network(name: str):
    """A network of the file, ready to run on one thread."""
    with zipfile.ZipFile(mesh_model_path()) as models:
        content = models.read(name)
    import tensorflow as tf  # takes seconds, and only here it is wanted

    with warnings.catch_warnings():  # the interpreter moves to a package of its own; TensorFlow's version is locked
        warnings.simplefilter("ignore")
        network = tf.lite.Interpreter(model_content=content, num_threads=1)
    network.allocate_tensors()
    return network


def _answers(name: str, view: np.ndarray) -> dict[str, np.ndarray]:
    """What a network answers on a view (S, S, 3), by name."""
    network = _network(name)
    network.set_tensor(network.get_input_details()[0]["index"], view[None].astype(np.float32))
    network.invoke()
    return {output["name"]: network.get_tensor(output["index"]) for output in network.get_output_details()}
