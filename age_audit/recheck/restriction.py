"""What splitting faces on their accuracy does to a correlation with that accuracy.

The study sorts estimates into positive (accuracy above 0.90) and negative ones, and then correlates region shares with
accuracy within each half. In a half the accuracy keeps only part of its spread, which shrinks any r and makes halves
differ in r without differing in anything else (range restriction, Thorndike 1949). Shuffling shows what the design
gives where nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from age_audit.core.groups import require_columns
from age_audit.core.metrics import ACCURACY_CUTOFF, is_accurate
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import FEW_FACES, HALVES
from age_audit.stats.correlations import pearson_r, weighted_correlations

_SUBSETS = ("all", *HALVES)
_ACCURACY = "age_estimation_accuracy"


def shuffled_correlations(
    shares: ArrayLike,
    accuracy: ArrayLike,
    strata: ArrayLike | None = None,
    *,
    seed: int,
    shuffles: int = 1000,
    cutoff: float = ACCURACY_CUTOFF,
) -> np.ndarray:
    """Pearson's r of each share with accuracy, all over and within the halves, on shuffled accuracies.

    Parameters
    ----------
    shares : array_like of float, shape (N, P)
        Finite.
    accuracy : array_like of float, shape (N,)
        Finite, at most 1. Shuffled between the faces, and only then split.
    strata : array_like or Categorical, shape (N,), optional
        Shuffle only among the faces of one stratum (age range and race, say). An r that is then not around 0 comes from
        strata that differ in both shares and accuracy.
    seed : int
    shuffles : int
    cutoff : float
        An estimate with an accuracy above it is accurate.

    Returns
    -------
    ndarray of float, shape (shuffles, 3, P)
        r in all faces, in the accurate and in the inaccurate ones; NaN where a half has fewer than two faces or does
        not vary.

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is missing.
    """
    shares, accuracy = np.asarray(shares, dtype=float), np.asarray(accuracy, dtype=float)
    if shares.ndim != 2 or accuracy.shape != shares.shape[:1]:
        raise ValueError(f"expected shares (N, P) and accuracies (N,), got {shares.shape} and {accuracy.shape}")
    if not (np.isfinite(shares).all() and np.isfinite(accuracy).all()):
        raise ValueError("expected finite shares and accuracies; leave out faces that lack one")
    codes = np.zeros(len(accuracy), dtype=int) if strata is None else pd.Categorical(strata).codes
    members = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    rng = stream(seed, "splitting on accuracy")
    shuffled = np.empty((shuffles, len(accuracy)))
    for draw in shuffled:
        for faces in members:
            draw[faces] = accuracy[rng.permutation(faces)]
    accurate = shuffled > cutoff
    halves = (np.ones_like(accurate), accurate, ~accurate)
    return np.stack([weighted_correlations(shares, shuffled, inside) for inside in halves], axis=1)


def restriction_table(
    frame: pd.DataFrame,
    parts: Sequence[str],
    strata: str | None = None,
    *,
    seed: int,
    shuffles: int = 1000,
    cutoff: float = ACCURACY_CUTOFF,
) -> pd.DataFrame:
    """The study's correlations beside what its design gives on shuffled data and what restriction alone would leave.

    Null hypothesis: shares and accuracy are independent (within ``strata``, if given).

    Parameters
    ----------
    frame : DataFrame
        With ``age_estimation_accuracy`` and the columns named by ``parts``, one row a face, none repeated.
    parts : sequence of str
        Columns of shares.
    strata : str, optional
        Column to shuffle within; faces without a level form one of their own.
    seed, shuffles, cutoff
        As :func:`shuffled_correlations`.

    Returns
    -------
    DataFrame
        One row a part and half. Columns: ``segment`` (the part), ``estimates`` (``all``, ``accurate``, ``inaccurate``),
        ``n``, ``sd_ratio`` (standard deviation of accuracy in the half over that in all); ``r``; ``r_restricted`` (what
        the r of all faces would shrink to in this half by the lesser spread alone, Thorndike's case 2: r u / sqrt(1 +
        r² (u² - 1)) with u = ``sd_ratio``; it assumes a straight line); ``null_mean``, ``null_sd``, ``null_low`` and
        ``null_high`` (mean, standard deviation, 2.5 % and 97.5 % points of r on shuffled data); ``p_value`` (two-sided,
        around the null mean); ``few_faces``. NaN where r is undefined.
    """
    require_columns(frame, (_ACCURACY, *parts, *([strata] if strata else [])))
    frame = frame[np.isfinite(frame[[_ACCURACY, *parts]].to_numpy(dtype=float)).all(axis=1)]
    shares, accuracy = frame[list(parts)].to_numpy(dtype=float), frame[_ACCURACY].to_numpy(dtype=float)
    null = shuffled_correlations(
        shares, accuracy, frame[strata] if strata else None, seed=seed, shuffles=shuffles, cutoff=cutoff
    )
    accurate = is_accurate(accuracy, cutoff)
    rows = []
    for i, part in enumerate(parts):
        for half, inside in enumerate((np.ones_like(accurate), accurate, ~accurate)):
            r = pearson_r(shares[inside, i], accuracy[inside])
            ratio = _spread(accuracy[inside]) / (_spread(accuracy) or np.nan)
            row = {"segment": part, "estimates": _SUBSETS[half], "n": int(inside.sum()), "sd_ratio": ratio, "r": r}
            row["r_restricted"] = _restricted(pearson_r(shares[:, i], accuracy), ratio)
            rows.append(row | beside_null(r, null[:, half, i]) | {"few_faces": row["n"] < FEW_FACES})
    return pd.DataFrame(rows)


def _spread(values: np.ndarray) -> float:
    return float(values.std()) if values.size else float("nan")


def _restricted(r: float, ratio: float) -> float:
    return r * ratio / np.sqrt(1 + r**2 * (ratio**2 - 1))


def beside_null(r: float, null: np.ndarray) -> dict[str, float]:
    """Mean, spread and p-value of an observed r beside those of shuffled data."""
    null = null[np.isfinite(null)]
    if np.isnan(r) or not null.size:
        return dict.fromkeys(("null_mean", "null_sd", "null_low", "null_high", "p_value"), float("nan"))
    mean, (low, high) = null.mean(), np.quantile(null, [0.025, 0.975])
    further = int((np.abs(null - mean) >= abs(r - mean)).sum())
    row = {"null_mean": float(mean), "null_sd": float(null.std()), "null_low": float(low), "null_high": float(high)}
    return row | {"p_value": (further + 1) / (null.size + 1)}
