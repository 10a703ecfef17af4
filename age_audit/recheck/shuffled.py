"""The study's panels on noise: which estimates were accurate, dealt anew among the faces of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.core.groups import age_range_of
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import AGE_RANGES, PUBLISHED_HALVES


def shuffled_parts(
    parts: Mapping[str, Sequence[Mapping]],
    *,
    seed: int,
    key: str = "race_real",
    age_ranges: Sequence[Sequence[int]] = tuple(AGE_RANGES),
) -> dict[str, list[dict]]:
    """Deal the labels "accurate" and "inaccurate" anew among the faces of each group and age range.

    Parameters
    ----------
    parts : mapping
        ``positive`` and ``negative`` rows, from :func:`age_audit.study.rows.generate_processed_datasets`.
    seed : int
    key : str
        What groups are told apart by.
    age_ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    dict of str to list of dict
        The same rows parted otherwise, as many of each group and age range in either part as before.
    """
    rows = [row for half in PUBLISHED_HALVES for row in parts[half]]
    accurate = np.repeat([True, False], [len(parts[half]) for half in PUBLISHED_HALVES])
    codes = age_range_of([np.nan if row.get("age_real") is None else row["age_real"] for row in rows], age_ranges).codes
    strata = pd.Series([f"{row.get(key)} {code}" for row, code in zip(rows, codes, strict=True)], dtype=str)
    rng = stream(seed, "shuffled halves")
    for members in strata.groupby(strata).indices.values():
        accurate[members] = rng.permutation(accurate[members])
    dealt = dict(zip(PUBLISHED_HALVES, (accurate, ~accurate), strict=True))
    return {half: [dict(rows[i]) for i in np.flatnonzero(inside)] for half, inside in dealt.items()}
