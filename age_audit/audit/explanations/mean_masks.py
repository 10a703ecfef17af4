"""Mean masks of groups of faces, and how far the mean face of a group is from that of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from age_audit.core.groups import groups_of
from age_audit.core.masks import signed_mask_sums
from age_audit.core.schema import CANVAS


@dataclass(frozen=True)
class ExplainedFaces:
    """Faces that have both labels and a mask, in one order.

    Attributes
    ----------
    frame : DataFrame
        N rows as :func:`age_audit.data.frames.completed_frame`.
    raises, lowers : ndarray of uint8, shape (N, 6272)
        Packed masks: pixels that raise and that lower the estimate.
    """

    frame: pd.DataFrame
    raises: np.ndarray
    lowers: np.ndarray


def explained_faces(frame: pd.DataFrame, masks: Mapping[str, np.ndarray]) -> ExplainedFaces:
    """Bring masks into the order of the frame; rows without a mask are left out.

    Parameters
    ----------
    frame : DataFrame
        With ``fname``.
    masks : mapping of str to ndarray
        ``fname`` (N,), ``positive`` and ``negative``, uint8 (N, 6272).

    Examples
    --------
    >>> masks = {"fname": np.array(["b.jpg", "a.jpg"]), "positive": np.ones((2, 6272), np.uint8)}
    >>> masks["negative"] = np.zeros((2, 6272), np.uint8)
    >>> faces = explained_faces(pd.DataFrame({"fname": ["a.jpg", "b.jpg", "c.jpg"]}), masks)
    >>> faces.frame["fname"].tolist(), faces.raises.shape
    (['a.jpg', 'b.jpg'], (2, 6272))
    """
    place = {fname: i for i, fname in enumerate(masks["fname"].tolist())}
    kept = frame[frame["fname"].isin(place)].reset_index(drop=True)
    order = [place[fname] for fname in kept["fname"]]
    return ExplainedFaces(kept, masks["positive"][order], masks["negative"][order])


@dataclass(frozen=True)
class MeanMask:
    """Mean mask of the faces of one group.

    Attributes
    ----------
    labels : dict of str to str
        One level a feature.
    n : int
        Faces.
    heatmap : ndarray of float, shape (224, 224)
        Share of faces where a pixel raises the estimate less the share where it lowers it, -1 to 1; NaN without faces.
    """

    labels: dict[str, str]
    n: int
    heatmap: np.ndarray


def mean_masks(faces: ExplainedFaces, features: Sequence[str]) -> list[MeanMask]:
    """Mean mask of every combination of the features' levels, of those of no face too; without features, of all.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": ["a.jpg", "b.jpg", "c.jpg"], "gender_real": ["Male", "Male", "Female"]})
    >>> everywhere, nowhere = np.full((3, 6272), 255, np.uint8), np.zeros((3, 6272), np.uint8)
    >>> everywhere[0] = 0  # the first face's mask is empty
    >>> means = mean_masks(ExplainedFaces(frame, everywhere, nowhere), ["gender_real"])
    >>> [(mean.labels["gender_real"], mean.n, float(mean.heatmap.mean())) for mean in means]
    [('Female', 1, 1.0), ('Male', 2, 0.5)]
    """
    means = []
    for labels, inside in groups_of(faces.frame, list(features)):
        n = int(inside.sum())
        sums = signed_mask_sums(faces.raises[inside], np.ones(n), faces.lowers[inside])
        heatmap = sums[1] / n if n else np.full((CANVAS, CANVAS), np.nan)
        means.append(MeanMask(labels, n, heatmap))
    return means


def outline_distances(
    frame: pd.DataFrame, landmarks: Mapping[str, np.ndarray], features: Sequence[str]
) -> pd.DataFrame:
    """How far the mean landmarks of each group are from those of all faces.

    Parameters
    ----------
    frame : DataFrame
        With ``fname`` and the features.
    landmarks : mapping of str to ndarray of float, shape (68, 2)
        By file name, in pixels of the canvas.
    features : sequence of str

    Returns
    -------
    DataFrame
        One row a combination of levels. Columns: the features, ``n`` (faces with landmarks), ``mean_pixels`` and
        ``largest_pixels`` (over the 68 points); NaN without faces.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": ["a.jpg", "b.jpg"], "gender_real": ["Male", "Female"]})
    >>> landmarks = {"a.jpg": np.zeros((68, 2)), "b.jpg": np.full((68, 2), [6, 8])}  # ten pixels apart
    >>> outline_distances(frame, landmarks, ["gender_real"])
      gender_real  n  mean_pixels  largest_pixels
    0      Female  1          5.0             5.0
    1        Male  1          5.0             5.0
    """
    frame = frame[frame["fname"].isin(landmarks)]
    points = np.array([landmarks[fname] for fname in frame["fname"]]).reshape(len(frame), -1, 2)
    rows = []
    for labels, inside in groups_of(frame, list(features)):
        row = {"n": int(inside.sum()), "mean_pixels": np.nan, "largest_pixels": np.nan}
        if row["n"]:
            distances = np.linalg.norm(points[inside].mean(axis=0) - points.mean(axis=0), axis=1)
            row |= {"mean_pixels": distances.mean(), "largest_pixels": distances.max()}
        rows.append(labels | row)
    return pd.DataFrame(rows)
