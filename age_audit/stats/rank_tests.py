"""Do values differ between groups? Kruskal and Wallis by permutation, within strata if wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import ArrayLike

from age_audit.core.randomness import PERMUTATIONS
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.resampling import cliffs_delta

_NUMBERS_AT_ONCE = 2**21  # permuted numbers held in memory at a time: 16 MiB
_ROUNDING = 1e-9  # of sums that are equal but for the order of their terms


def rank_test(
    values: ArrayLike,
    groups: ArrayLike,
    strata: ArrayLike | None = None,
    *,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> dict[str, float]:
    """One row of :func:`rank_tests`, without the adjusted p-values.

    Parameters
    ----------
    values : array_like of float, shape (N,)
        Finite.
    groups : array_like of int, shape (N,)
    strata : array_like, shape (N,), optional
        Faces are compared with those of the same stratum.
    rng : numpy.random.Generator
        Its state moves on.
    permutations : int

    Examples
    --------
    >>> errors = [1, 2, 3, 4, 5, 11, 12, 13, 14, 15]
    >>> row = rank_test(errors, [0] * 5 + [1] * 5, rng=np.random.default_rng(1), permutations=199)
    >>> row["n"], round(row["statistic"], 2), row["cliffs_delta"], row["p_value"] < 0.05
    (10, 6.82, -1.0, True)
    """
    values, groups = np.asarray(values, dtype=float), np.asarray(groups)
    strata = np.zeros(values.size) if strata is None else np.asarray(strata)
    names, counts = np.unique(groups, return_counts=True)
    enough = np.isin(groups, names[counts > 1])
    row = {"groups": int((counts > 1).sum()), "n": int(enough.sum())}
    values, groups, strata = values[enough], groups[enough], strata[enough]
    comparable = _comparable(groups, strata)
    values, groups, strata = values[comparable], groups[comparable], strata[comparable]
    names, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    row |= {"n_comparable": values.size, "smallest": int(counts.min(initial=values.size))}
    row["few_faces"] = row["smallest"] < FEW_FACES
    nothing = dict.fromkeys(("statistic", "epsilon_squared", "expected_by_chance", "cliffs_delta", "p_value"), np.nan)
    aligned, scores = _scores(values, strata)
    spread = float(scores @ scores)
    if (counts > 1).sum() < 2 or spread == 0:
        return row | nothing
    members = codes[:, None] == np.arange(names.size)
    order = np.argsort(strata, kind="stable")
    found = float(_between(scores[order], members[order])) / spread
    blocks = np.split(scores[order], np.flatnonzero(np.diff(strata[order])) + 1)
    dealt = _dealt(blocks, rng, permutations)
    by_chance = np.concatenate([_between(batch, members[order]) for batch in dealt]) / spread
    row |= {"statistic": (values.size - 1) * found, "epsilon_squared": found}
    row |= {"expected_by_chance": float(by_chance.mean()), "cliffs_delta": np.nan}
    if names.size == 2:
        row["cliffs_delta"] = float(cliffs_delta(*(aligned[None, members[:, i]] for i in (0, 1)))[0])
    at_least = int((by_chance >= found - _ROUNDING).sum())
    return row | {"p_value": (1 + at_least) / (1 + permutations)}  # itself included: Phipson and Smyth (2010)


def _between(scores: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Sum of squares between groups of centred scores, shape (..., N), for memberships of shape (N, G)."""
    return ((scores @ members) ** 2 / members.sum(axis=0)).sum(axis=-1)


def _comparable(groups: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Whether a face's stratum has a face of another group; the others would only thin the differences out."""
    _, stratum = np.unique(strata, return_inverse=True)
    pairs = np.unique(np.column_stack([stratum, groups]), axis=0) if groups.size else np.empty((0, 2), dtype=int)
    several = np.bincount(pairs[:, 0].astype(int), minlength=1) > 1
    return several[stratum] if groups.size else np.zeros(0, dtype=bool)


def _scores(values: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values less their stratum's mean, and the ranks of those, less the stratum's mean rank."""
    aligned = _centred(values, strata)
    # Equal values of one stratum must stay equal, or their ranks would follow the last digit of a mean.
    return aligned, _centred(scipy.stats.rankdata(aligned.round(9)), strata)


def _centred(values: np.ndarray, strata: np.ndarray) -> np.ndarray:
    _, stratum, counts = np.unique(strata, return_inverse=True, return_counts=True)
    return values - (np.bincount(stratum, values, minlength=counts.size) / counts)[stratum]


def _dealt(blocks: Sequence[np.ndarray], rng: np.random.Generator, permutations: int):
    """Batches of shape (B, N): the scores dealt anew within each block, block after block."""
    total = sum(block.size for block in blocks)
    batch = max(1, _NUMBERS_AT_ONCE // total)
    for start in range(0, permutations, batch):
        many = min(batch, permutations - start)
        yield np.hstack([rng.permuted(np.tile(block, (many, 1)), axis=1) for block in blocks])
