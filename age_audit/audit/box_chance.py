"""How often would a part of the face be active if boxes lay there by chance?

A large part is hit more often than a small one, and a large box more often by name than a small one: how often a part
is active says little without how often it would be for no reason. There are two ways to have none. Boxes of the same
sizes are put down anywhere on the canvas; or the boxes of another face are laid on the landmarks of this one. The
second keeps where on the canvas boxes tend to lie, and in what patterns, and only cuts their tie to this very face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from age_audit.audit.box_bias import kinds_of, known_activity
from age_audit.core.groups import feature_names, groups_of
from age_audit.core.randomness import CONFIDENCE, stream
from age_audit.core.schema import CANVAS
from age_audit.core.vocabulary import FEW_FACES
from age_audit.regions.boxes import BOX_REGIONS, OVERLAP, SIDES, landmark_boxes, nearest_overlapping
from age_audit.stats.resampling import with_adjusted
from age_audit.stats.shuffles import MAP_PERMUTATIONS

_SLACK = 1e-12  # means of one set of numbers in another order differ by rounding


def placed_at_random(
    boxes: Sequence[Sequence[dict]],
    landmarks: np.ndarray,
    *,
    seed: int,
    draws: int = MAP_PERMUTATIONS,
    size: int = CANVAS,
    overlap: float = OVERLAP,
) -> np.ndarray:
    """Which parts are active where every box keeps its width and height, and lies anywhere on the canvas.

    Places are whole pixels, equally likely, and independent of each other: boxes may overlap.

    Parameters
    ----------
    boxes : sequence of N sequences of dict
        Activation boxes of each face, from :func:`age_audit.regions.boxes.activation_boxes`; may be none.
    landmarks : array_like of float or int, shape (N, 68, 2)
        In pixels of the canvas.
    seed : int
    draws : int
    size : int
        Side of the canvas in pixels.
    overlap : float
        As :func:`age_audit.regions.boxes.annotate`.

    Returns
    -------
    ndarray of bool, shape (draws, N, R)
        In the order of :data:`age_audit.regions.boxes.BOX_REGIONS`.

    Raises
    ------
    ValueError
        If the numbers of faces differ, or a box is larger than the canvas.

    Examples
    --------
    >>> landmarks = np.full((1, 68, 2), 50) + np.arange(68)[:, None] % 12  # parts of 6 to 12 pixels
    >>> found = [{"min_x": 0, "min_y": 0, "max_x": 4, "max_y": 4}]
    >>> active = placed_at_random([found], landmarks, seed=1, draws=200, size=100)
    >>> active.shape, bool(0 < active.any(axis=2).mean() < 0.1)  # the face is about a hundredth of the canvas
    ((200, 1, 8), True)
    """
    sides, face, parts = _flat(boxes, landmarks)
    extent = sides[:, 2:] - sides[:, :2]
    if (extent > size).any():
        raise ValueError(f"expected boxes that fit on a canvas of {size} pixels, got one of {extent.max()}")
    rng = stream(seed, "boxes placed at random")
    active = np.zeros((draws, len(parts), len(BOX_REGIONS)), dtype=bool)
    for drawn in active:
        corner = rng.integers(0, size - extent + 1)
        _name(drawn, np.hstack([corner, corner + extent]), face, parts, overlap)
    return active


def of_another_face(
    boxes: Sequence[Sequence[dict]],
    landmarks: np.ndarray,
    *,
    seed: int,
    draws: int = MAP_PERMUTATIONS,
    overlap: float = OVERLAP,
) -> np.ndarray:
    """Which parts are active where the boxes of all faces are permuted between faces.

    Boxes keep place and size, so that a face gets as many and as large ones as others have, not as it had itself.

    Parameters
    ----------
    boxes, landmarks, seed, overlap
        As :func:`placed_at_random`. Permute only faces that are cut out alike.
    draws : int
        Permutations of the faces; a face may get its own.

    Returns
    -------
    ndarray of bool, shape (draws, N, R)

    Raises
    ------
    ValueError
        If the numbers of faces differ.

    Examples
    --------
    >>> landmarks = np.random.default_rng(1).integers(60, 160, (3, 68, 2))
    >>> found = [{"min_x": 100, "min_y": 100, "max_x": 120, "max_y": 120}]
    >>> active = of_another_face([found, [], []], landmarks, seed=1, draws=60)
    >>> faces = active.any(axis=2)  # that have an active part: one at a time, each of them at times
    >>> int(faces.sum(axis=1).max()), faces.any(axis=0).tolist()
    (1, [True, True, True])
    """
    sides, face, parts = _flat(boxes, landmarks)
    rng = stream(seed, "boxes of another face")
    active = np.zeros((draws, len(parts), len(BOX_REGIONS)), dtype=bool)
    for drawn in active:
        _name(drawn, sides, rng.permutation(len(parts))[face], parts, overlap)
    return active


def beside_chance(
    frame: pd.DataFrame,
    chance: np.ndarray,
    features: str | Sequence[str],
    outcome: pd.Series,
    *,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """How often each part is active beside how often it is by chance, given the outcome, in each group.

    Null hypothesis of each row: the boxes of these faces lie where chance, of the kind that was drawn, puts them.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``active_<region>`` and the features.
    chance : ndarray of bool, shape (draws, N, R)
        From :func:`placed_at_random` or :func:`of_another_face`, of these very faces in this order.
    features : str or sequence of str
        Columns; every combination of their levels, and ``"all"`` of each, is a group.
    outcome : Series
        Of every face, from :func:`age_audit.audit.box_bias.classification_outcomes` or ``age_outcomes``.
    confidence : float
        Coverage of the interval of what chance gives, between 0 and 1.

    Returns
    -------
    DataFrame
        One row an outcome, group and region. Columns: ``outcome``; the features; ``region``; ``n``; ``observed`` (share
        of faces on which it is active); ``null_mean`` with ``null_low`` and ``null_high`` over draws; ``ratio`` =
        observed / null_mean; ``p_value`` (two-sided: share of draws at least as far from their mean, the observed one
        included) and that adjusted over the regions of an outcome and group (``p_holm``, ``p_bh``); ``few_faces`` (n
        below 30). NaN without a face.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> from age_audit.audit.box_bias import age_outcomes
    >>> frame = pd.DataFrame({"age_real": [30] * 40, "age_estimation": [50] * 40, "gender_real": ["Male"] * 40})
    >>> frame = frame.assign(**{f"active_{region}": region == "nose" for region in BOX_REGIONS})
    >>> chance = np.random.default_rng(1).random((99, 40, 8)) < 0.25  # each part of every fourth face
    >>> table = beside_chance(frame, chance, "gender_real", age_outcomes(frame))
    >>> nose = table[table["region"] == "nose"].iloc[0]
    >>> nose["gender_real"], int(nose["n"]), float(nose["observed"]), float(nose["p_value"]), round(nose["ratio"])
    ('Male', 40, 1.0, 0.01, 4)
    """
    features = feature_names(features)
    active, known = known_activity(frame, BOX_REGIONS, features)
    if chance.shape[1:] != (len(frame), len(BOX_REGIONS)) or not len(chance):
        raise ValueError(
            f"expected draws of chance of shape (draws, {len(frame)}, {len(BOX_REGIONS)}); got {chance.shape}"
        )
    rows = []
    for kind, of_kind in kinds_of(outcome, frame):
        for labels, group in groups_of(frame, features, features):
            faces = of_kind & group & known
            names = {"outcome": kind} | labels | {"family": len(rows)}
            rows += [names | row for row in _compared(active[:, faces], chance[:, faces], confidence)]
    names = ["outcome", *features, "family", *_COLUMNS]
    table = with_adjusted(pd.DataFrame(rows, columns=names), ["family"]).drop(columns="family")
    return table[["outcome", *features, *_COLUMNS[:-1], "p_holm", "p_bh", "few_faces"]]


_COLUMNS = ["region", "n", "observed", "null_mean", "null_low", "null_high", "ratio", "p_value", "few_faces"]


def _compared(active: np.ndarray, chance: np.ndarray, confidence: float) -> Iterator[dict]:
    n = active.shape[1]
    if n:
        observed, null = active.mean(axis=1), chance.mean(axis=1)  # (R,), (draws, R)
    else:
        observed, null = np.full(len(active), np.nan), np.full((len(chance), len(active)), np.nan)
    expected = null.mean(axis=0)
    low, high = np.quantile(null, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    further = (np.abs(null - expected) >= np.abs(observed - expected) - _SLACK).sum(axis=0)
    p_values = np.where(np.isnan(observed), np.nan, (further + 1) / (len(null) + 1))
    for i, region in enumerate(BOX_REGIONS):
        row = {"region": region, "n": n, "observed": observed[i], "null_mean": expected[i]}
        row |= {"null_low": low[i], "null_high": high[i]}
        row |= {"ratio": observed[i] / expected[i] if expected[i] else np.nan}
        yield row | {"p_value": p_values[i], "few_faces": n < FEW_FACES}


def _flat(boxes: Sequence[Sequence[dict]], landmarks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All boxes (B, 4), the number of the face of each (B,), and the boxes of the parts of each face (N, R, 4)."""
    if len(boxes) != len(landmarks):
        raise ValueError(
            f"expected the boxes and the landmarks of the same faces, got {len(boxes)} and {len(landmarks)}"
        )
    sides = [[box[side] for side in SIDES] for of_face in boxes for box in of_face]
    face = np.repeat(np.arange(len(boxes)), [len(of_face) for of_face in boxes])
    parts = [[[box[side] for side in SIDES] for box in landmark_boxes(points)] for points in landmarks]
    return (
        np.array(sides, dtype=int).reshape(-1, 4),
        face.astype(int),
        np.array(parts, dtype=int).reshape(-1, len(BOX_REGIONS), 4),
    )


def _name(active: np.ndarray, sides: np.ndarray, face: np.ndarray, parts: np.ndarray, overlap: float) -> None:
    """Mark in (N, R) which parts are active where each box lies on that face."""
    if len(sides):
        part = nearest_overlapping(sides[:, np.newaxis], parts[face], overlap)[:, 0]
        named = part >= 0
        active[face[named], part[named]] = True
