"""Is an explanation as faithful for every group?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.core.groups import feature_names, groups_of, require_columns
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.resampling import combination_interval, difference_p_values, with_adjusted


def faithfulness_by_group(
    frame: pd.DataFrame, features: str | Sequence[str], measures: str | Sequence[str] = "gap", *, resampling: Resampling
) -> pd.DataFrame:
    """Mean score of each method on each group's faces, and how far from that of all other faces.

    Null hypothesis of a row: the score of a method does not depend on whether a face is in the group. Groups may differ
    because their estimates move more: a score over the spread of random orders of the same face says what is left.

    Parameters
    ----------
    frame : DataFrame
        One row a face and method: ``method``, the features and the measures. Whatever judged the explanations has made
        it; a face whose score is NaN does not count.
    features : str or sequence of str
        Columns of groups, each looked at by itself.
    measures : str or sequence of str
        Columns of scores.
    resampling : Resampling

    Returns
    -------
    DataFrame
        One row a method, measure, feature and group. Columns: ``method``, ``measure``, ``feature``, ``group``, ``n``,
        ``value`` (mean) with ``low`` and ``high``; ``n_others``, ``difference`` (group less all other faces) with
        ``difference_low`` and ``difference_high``; ``p_value``, ``p_holm`` and ``p_bh``, adjusted over the methods and
        groups of one measure and feature; ``few_faces`` (fewer than 30). NaN where a side has too few faces.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"method": "lime", "gender": ["Female"] * 4 + ["Male"] * 4})
    >>> table = faithfulness_by_group(
    ...     frame.assign(gap=[1.0, 2, 3, 2, 4, 5, 6, 5]), "gender", resampling=Resampling(seed=1)
    ... )
    >>> table[["method", "feature", "group", "n", "value", "difference", "few_faces"]]
      method feature   group  n  value  difference  few_faces
    0   lime  gender  Female  4    2.0        -3.0       True
    1   lime  gender    Male  4    5.0         3.0       True
    """
    features, measures = feature_names(features), feature_names(measures)
    require_columns(frame, ("method", *features, *measures))
    scores = frame[measures].to_numpy(dtype=float).T
    rows = []
    for method in frame["method"].unique():
        judged = (frame["method"] == method).to_numpy() & np.isfinite(scores).all(axis=0)
        for feature in features:
            labelled = judged & frame[feature].notna().to_numpy()
            for labels, inside in groups_of(frame, [feature]):
                first, others = scores[:, labelled & inside], scores[:, labelled & ~inside]
                said = {"method": method, "feature": feature, "group": labels[feature]}
                found = _compared(first, others, resampling)
                rows += [said | {"measure": m} | {k: v[i] for k, v in found.items()} for i, m in enumerate(measures)]
    table = with_adjusted(pd.DataFrame(rows), ["measure", "feature"])
    return table[_COLUMNS]


_COLUMNS = [
    *("method", "measure", "feature", "group", "n", "value", "low", "high"),
    *("n_others", "difference", "difference_low", "difference_high", "p_value", "p_holm", "p_bh", "few_faces"),
]


def _compared(first: np.ndarray, others: np.ndarray, resampling: Resampling) -> dict[str, list]:
    """Each column of the table, a value a measure, of scores of a group and of all other faces, (M, n) and (M, m)."""
    options = resampling.for_intervals(first.tobytes() + others.tobytes())
    mean = combination_interval([first], [1], **options)
    apart = combination_interval([first, others], [1, -1], **options)
    p_values = difference_p_values(first, others, rng=options["rng"], permutations=resampling.permutations)
    measures, n = len(first), first.shape[1]
    return {
        "n": [n] * measures,
        "value": mean.value.tolist(),
        "low": mean.low.tolist(),
        "high": mean.high.tolist(),
        "n_others": [others.shape[1]] * measures,
        "difference": apart.value.tolist(),
        "difference_low": apart.low.tolist(),
        "difference_high": apart.high.tolist(),
        "p_value": p_values.tolist(),
        "few_faces": [n < FEW_FACES] * measures,
    }
