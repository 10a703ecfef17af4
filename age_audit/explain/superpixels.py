"""What methods share that hide superpixels of a face and ask the estimator again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from age_audit.core.checks import checked_seed
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.schema import CANVAS, AgeEstimate
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import Target, parse_target
from age_audit.explain.quickshift import quickshift

MOST_SUPERPIXELS = 2000  # a face has some 40; each is hidden in four versions of the face or more
CHUNK = 32  # masked faces that exist at a time, for estimators that do not make them themselves


def checked_face(face: np.ndarray) -> np.ndarray:
    """The face, uint8 (224, 224, 3) RGB; ValueError for another shape or type.

    Examples
    --------
    >>> checked_face(np.zeros((224, 224, 3), dtype=np.uint8)).shape
    (224, 224, 3)
    """
    face = np.asarray(face)
    if face.shape != (CANVAS, CANVAS, 3) or face.dtype != np.uint8:
        raise ValueError(f"expected a uint8 face of shape ({CANVAS}, {CANVAS}, 3), got {face.dtype} {face.shape}")
    return face


def image_seed(face: np.ndarray, seed: int) -> int:
    """A seed in 0 to 2**32 - 1 that depends on the face's bytes and on another such seed, on nothing else.

    Examples
    --------
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> image_seed(face, 0) == image_seed(face.copy(), 0), image_seed(face, 0) == image_seed(face, 1)
    (True, False)
    """
    digest = hashlib.sha256(checked_seed(seed).to_bytes(8, "little") + np.ascontiguousarray(face).tobytes()).digest()
    return int.from_bytes(digest[:4], "little")


def classifier_image(face: np.ndarray, rescale: bool) -> np.ndarray:
    """The face as segmentation and classifier see it: uint8 as it is, or float64 min-max scaled to [0, 1].

    Examples
    --------
    >>> classifier_image(np.array([[50, 100, 150]], dtype=np.uint8), rescale=True)
    array([[0. , 0.5, 1. ]])
    """
    if not rescale:
        return face
    low, high = int(face.min()), int(face.max())
    return (face.astype(np.float64) - low) / max(high - low, 1)


def segment(image: np.ndarray, kernel_size: float, max_dist: float, ratio: float) -> np.ndarray:
    """Superpixels by quickshift, the same as ``lime`` gets.

    Parameters
    ----------
    image : ndarray of uint8 or float, shape (H, W, 3)
    kernel_size, max_dist, ratio : float
        See :class:`age_audit.core.config.LimeParameters`.

    Returns
    -------
    ndarray of int, shape (H, W)
        Numbered from 0.

    Raises
    ------
    UsageError
        For more than 2,000 superpixels.

    Examples
    --------
    >>> halves = np.zeros((32, 32, 3))
    >>> halves[:, 16:] = 1
    >>> segments = segment(halves, kernel_size=4, max_dist=10, ratio=1)
    >>> bool((segments[:, 15] != segments[:, 16]).all())
    True
    """
    segments = quickshift(image, kernel_size, max_dist, ratio)
    if segments.max() >= MOST_SUPERPIXELS:
        raise UsageError(
            f"expected at most {MOST_SUPERPIXELS} superpixels of a face, got {segments.max() + 1}; raise max_dist or "
            "kernel_size, whose defaults, 200 and 4, give some 40"
        )
    return segments


def hidden_image(image: np.ndarray, segments: np.ndarray, hidden: str) -> np.ndarray:
    """What a hidden superpixel shows, ``"black"`` or its ``"mean-colour"``; of the image's shape and type.

    Examples
    --------
    >>> hidden_image(np.array([[[0, 0, 0], [8, 8, 8]]]), np.array([[0, 0]]), "mean-colour")[..., 0]
    array([[4, 4]])
    """
    return np.zeros_like(image) if hidden == "black" else mean_colours(image, segments)


def mean_colours(image: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Every pixel in the mean colour of its superpixel, rounded where the image is uint8.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
    segments : ndarray of int, shape (H, W)
        Numbered from 0.

    Examples
    --------
    >>> mean_colours(np.array([[[0, 0, 0], [8, 8, 8], [9, 9, 9]]]), np.array([[0, 0, 1]]))[..., 0]
    array([[4, 4, 9]])
    """
    flat = segments.ravel()
    counts = np.bincount(flat)
    means = np.stack([np.bincount(flat, weights=image[..., channel].ravel()) / counts for channel in range(3)], axis=1)
    if image.dtype == np.uint8:
        means = np.rint(means)
    return means.astype(image.dtype)[segments]


def masked_targets(estimator, face: np.ndarray, masked: MaskedFaces, target: str) -> tuple[np.ndarray, str]:
    """What the estimator says of masked versions of a face.

    Parameters
    ----------
    estimator : AgeEstimator
        ``predict_masked`` is used where it is there. If it has ``bind(face)``, what that returns is asked instead, so
        that a geometry found on the whole face holds for its masked versions.
    face : ndarray of uint8, shape (224, 224, 3)
    masked : MaskedFaces
        N versions of it; where ``target`` is ``"top-class"``, the first one says which class that is.
    target : str
        As :func:`age_audit.estimators.targets.parse_target`.

    Returns
    -------
    ndarray of float, shape (N,)
        Years, or probabilities.
    str
        The target's name, such as ``"expected_age"`` or ``"class:<index>"``.

    Raises
    ------
    ImageFailure
        ``estimate-not-finite`` when some version of the face gets no number.

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> class Brightness:
    ...     def predict(self, faces):
    ...         return AgeEstimate(faces.mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))
    >>> face = np.full((224, 224, 3), 40, dtype=np.uint8)
    >>> halves = np.arange(224) // 112 * np.ones((224, 1), dtype=int)
    >>> masked = MaskedFaces(face, np.zeros_like(face), halves, np.array([[1, 1], [1, 0]]))
    >>> years, target = masked_targets(Brightness(), face, masked, "expected-age")
    >>> years.tolist(), target
    ([40.0, 20.0], 'expected_age')
    """
    estimator = bound_to(estimator, face)
    if hasattr(estimator, "predict_masked"):
        estimates = [estimator.predict_masked(masked)]
    else:
        estimates = [estimator.predict(faces) for faces in masked.batches(CHUNK)]
    return targets_of(estimates, target)


def bound_to(estimator, face: np.ndarray):
    """The estimator with the geometry held that it finds on the whole face, where it has one; else itself.

    Examples
    --------
    >>> class Brightness: ...
    >>> asked = Brightness()
    >>> bound_to(asked, np.zeros((224, 224, 3), dtype=np.uint8)) is asked
    True
    """
    return estimator.bind(face) if hasattr(estimator, "bind") else estimator


def targets_of(estimates: Sequence[AgeEstimate], target: str | Target) -> tuple[np.ndarray, str]:
    """The target of all versions of a face, float (N,), and its name.

    Parameters
    ----------
    estimates : sequence of AgeEstimate
        One a batch; the first row of all says what the top class is.
    target : str

    Raises
    ------
    ImageFailure
        ``estimate-not-finite`` when some version of the face gets no number.

    Examples
    --------
    >>> halves = AgeEstimate(np.array([0.75]), np.array([[0.25, 0.75]]), np.array([0.0, 1.0]))
    >>> targets_of([halves, halves], "top-class")
    (array([0.75, 0.75]), 'class:1')
    """
    female = [estimate.probability_female for estimate in estimates]
    joined = AgeEstimate(
        np.concatenate([estimate.age for estimate in estimates]),
        np.concatenate([estimate.probabilities for estimate in estimates]),
        estimates[0].classes,
        None if female[0] is None else np.concatenate(female),
    )
    if not np.isfinite(joined.age).all():
        raise ImageFailure("estimate-not-finite", "the estimator gave no number for the face with some parts hidden")
    asked = parse_target(target).on(joined)
    return asked.of(joined), asked.name
