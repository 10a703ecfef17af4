"""What to do about groups of which there are many more faces than of others, and what it does to the mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from age_audit.core.groups import feature_title, groups_of, require_columns
from age_audit.core.randomness import stream

BALANCES = ("none", "weights", "oversample", "cap")


@dataclass(frozen=True)
class Balanced:
    """Which training faces are shown in an epoch, and what each counts.

    Attributes
    ----------
    rows : ndarray of int, shape (M,)
        Places of faces, some of them several times or not at all.
    weights : ndarray of float, shape (M,)
        What each adds to the loss, 1 on average.
    """

    rows: np.ndarray
    weights: np.ndarray


def balanced(codes: np.ndarray, how: str, *, seed: int, cap: int | None = None) -> Balanced:
    """Balance groups of faces.

    Parameters
    ----------
    codes : ndarray of int, shape (N,)
        The group of each face, from 0.
    how : str
        ``"none"``; ``"weights"``: a face counts the less, the more there are in its group, so that all groups count
        alike; ``"oversample"``: faces of small groups come again until all are as large as the largest; ``"cap"``: of
        large groups only some faces are taken.
    seed : int
        Of the faces that come again or are left out.
    cap : int, optional
        At most so many faces a group; the median size of the groups by default.

    Returns
    -------
    Balanced
        Rows in ascending order.

    Examples
    --------
    >>> found = balanced(np.array([0, 0, 0, 1]), "weights", seed=1)
    >>> found.weights.round(2).tolist()  # 4 faces over 2 groups of 3 and of 1
    [0.67, 0.67, 0.67, 2.0]
    >>> balanced(np.array([0, 0, 0, 1]), "oversample", seed=1).rows.tolist()
    [0, 1, 2, 3, 3, 3]
    >>> len(balanced(np.array([0, 0, 0, 1]), "cap", seed=1, cap=2).rows)
    3
    """
    rng = stream(seed, "balance")
    sizes = np.bincount(codes)
    members = [np.flatnonzero(codes == code) for code in np.flatnonzero(sizes)]
    if how == "oversample":
        rows = np.concatenate([_again(faces, sizes.max(), rng) for faces in members])
    elif how == "cap":
        most = cap or int(np.median(sizes[sizes > 0]))
        rows = np.concatenate([rng.permutation(faces)[:most] for faces in members])
    else:
        rows = np.arange(len(codes))
    weights = np.ones(len(rows))
    if how == "weights":
        weights = len(codes) / len(members) / sizes[codes]
    return Balanced(np.sort(rows), weights)


def _again(faces: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """All of them as often as they fit into the size, and of the rest some."""
    whole, rest = divmod(size, len(faces))
    return np.concatenate([np.tile(faces, whole), rng.permutation(faces)[:rest]])


def balance_table(frame: pd.DataFrame, chosen: Balanced, features: Sequence[str] = ("group",)) -> pd.DataFrame:
    """How many faces of each group there are, and what part of the training each is, before and after balancing.

    Parameters
    ----------
    frame : DataFrame
        The N training faces, with the features.
    chosen : Balanced
    features : sequence of str
        Columns, such as ``group`` and ``race_real``.

    Returns
    -------
    DataFrame
        ``feature``, ``class``, ``faces``, ``share`` and after balancing ``shown`` (faces an epoch) and ``weight``
        (their share of the loss).

    Examples
    --------
    >>> frame = pd.DataFrame({"group": pd.Categorical(["Child", "Child", "Child", "Adult"], ["Child", "Adult"])})
    >>> balance_table(frame, balanced(np.array([0, 0, 0, 1]), "weights", seed=1))
      feature  class  faces  share  shown  weight
    0   group  Child      3   0.75      3     0.5
    1   group  Adult      1   0.25      1     0.5
    """
    require_columns(frame, features)
    rows = []
    for feature in features:
        for labels, inside in groups_of(frame, [feature]):
            shown = inside[chosen.rows]
            row = {"feature": feature_title(feature), "class": labels[feature]}
            row |= {"faces": int(inside.sum()), "share": inside.mean(), "shown": int(shown.sum())}
            rows.append(row | {"weight": chosen.weights[shown].sum() / chosen.weights.sum()})
    return pd.DataFrame(rows)
