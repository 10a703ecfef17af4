"""How much of what differs between masks goes with the group of the face?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.core.groups import ALL, groups_of, require_columns
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.correlations import row_correlations
from age_audit.stats.resampling import with_adjusted
from age_audit.stats.shuffles import FEWEST, MAP_PERMUTATIONS, beside_shuffled, flat_maps, mean_of_finite


def group_table(
    maps: np.ndarray,
    frame: pd.DataFrame,
    group: str,
    within: str,
    *,
    seed: int,
    permutations: int = MAP_PERMUTATIONS,
) -> pd.DataFrame:
    """How much of what differs between masks of faces goes with their group, within each level of a control feature.

    Null hypothesis of a row: within the level a mask does not depend on its face's group. The statistic is the share of
    the squared distances of all maps to their mean that lies between the groups' means (the R² of a permutational
    analysis of variance, Anderson 2001). Groups of one face or none are left out. Labels are shuffled within levels,
    also in the last row, whose squares are those of all levels added up.

    Parameters
    ----------
    maps, frame, seed, permutations
        As :func:`contrast_table`.
    group : str
        Column of groups, a sensitive feature.
    within : str
        Column of levels, a control feature.

    Returns
    -------
    DataFrame
        One row a level, and a last one ``"all"``. Columns: ``within``; ``n`` and ``groups`` (that are compared, counted
        anew in each level); ``explained`` (0–1), with
        ``explained_shuffled``, ``explained_low``, ``explained_high``, ``explained_ratio``, ``p_value`` as in
        :func:`contrast_table`, adjusted over the levels (``p_holm``, ``p_bh``); ``r_between`` (correlation over places
        between the mean maps of two groups, mean over pairs) and ``r_between_shuffled`` (the same of random groups of
        these sizes, mean over shuffles); ``few_faces`` (fewer than 30 in some group). NaN with fewer than two groups.

    Raises
    ------
    ValueError
        If the lengths do not fit.

    Examples
    --------
    >>> maps = np.random.default_rng(1).normal(size=(40, 28, 28))
    >>> frame = pd.DataFrame({"gender_real": ["Male", "Female"] * 20, "age_range": ["0–12"] * 40})
    >>> maps[::2, :14] += 1  # masks of men lie more in the upper half
    >>> table = group_table(maps, frame, "gender_real", "age_range", seed=1)
    >>> table[["age_range", "n", "groups"]]
      age_range   n  groups
    0      0–12  40       2
    1       all  40       2
    >>> (table["explained_ratio"] > 1).tolist(), (table["p_value"] < 0.01).tolist()
    ([True, True], [True, True])
    """
    require_columns(frame, (group, within))
    maps = flat_maps(maps, frame)
    codes = pd.Categorical(frame[group]).codes
    rng = stream(seed, "masks of groups")
    rows, levels = [], []
    for labels, inside in groups_of(frame, [within]):
        kept, counts = np.unique(codes[inside & (codes >= 0)], return_counts=True)
        kept = kept[counts >= FEWEST]
        level = None
        if len(kept) > 1:
            faces = inside & np.isin(codes, kept)
            level = _between(maps[faces], codes[faces], kept, rng, permutations)
            levels.append(level)
        rows.append(labels | _grouped(level) | {"family": "levels"})
    rows.append({within: ALL} | _grouped(_added(levels)) | {"family": ALL})
    return with_adjusted(pd.DataFrame(rows), ["family"]).drop(columns="family")


@dataclass(frozen=True)
class _Level:
    """Squares between groups as labelled and shuffled, (1 + K,), and in all; mean r of groups' mean maps, (1 + K,)."""

    sizes: list[int]
    between: np.ndarray
    total: float
    correlations: np.ndarray


def _between(
    maps: np.ndarray, codes: np.ndarray, groups: np.ndarray, rng: np.random.Generator, shuffles: int
) -> _Level:
    dealt = np.tile(codes, (shuffles + 1, 1))
    dealt[1:] = rng.permuted(dealt[1:], axis=1)
    centre = np.square(maps.sum(axis=0, dtype=float)).sum() / len(maps)
    between, means = np.full(shuffles + 1, -centre), []
    sizes = [int((codes == group).sum()) for group in groups]
    for group, n in zip(groups, sizes, strict=True):
        sums = (dealt == group).astype(maps.dtype) @ maps
        between += np.square(sums, dtype=float).sum(axis=1) / n
        means.append(sums / n)
    pairs = [row_correlations(one, other) for one, other in combinations(means, 2)]
    total = float(np.square(maps, dtype=float).sum() - centre)
    return _Level(sizes, between, total, np.mean(pairs, axis=0))


def _added(levels: Sequence[_Level]) -> _Level | None:
    """Squares of all levels added up, correlations averaged."""
    if not levels:
        return None
    return _Level(
        sizes=[size for level in levels for size in level.sizes],
        between=sum(level.between for level in levels),
        total=sum(level.total for level in levels),
        correlations=np.mean([level.correlations for level in levels], axis=0),
    )


def _grouped(level: _Level | None) -> dict:
    if level is None:
        names = [f"explained{end}" for end in ("", "_shuffled", "_low", "_high", "_ratio")]
        nothing = dict.fromkeys([*names, "p_value", "r_between", "r_between_shuffled"], float("nan"))
        return {"n": 0, "groups": 0} | nothing | {"few_faces": True}
    shares = level.between / level.total if level.total > 0 else np.full(len(level.between), np.nan)
    row = {"n": sum(level.sizes), "groups": len(level.sizes)} | beside_shuffled("explained", shares)
    row |= {"r_between": float(level.correlations[0]), "r_between_shuffled": mean_of_finite(level.correlations[1:])}
    return row | {"few_faces": min(level.sizes) < FEW_FACES}
