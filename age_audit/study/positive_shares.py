"""The numbers behind the accuracy figures: who counts as positive, before and after the study repeats cohorts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.core.metrics import is_accurate
from age_audit.core.vocabulary import AGE_RANGES, GROUP_ORDER
from age_audit.study.rows import ACCURACY, filter_dataset


def positive_shares(
    rows: Iterable[Mapping], feature: str, categories: Sequence[str] | None = None, ranges: Sequence = AGE_RANGES
) -> pd.DataFrame:
    """Mean accuracy and share of positive estimates of each group, of its own faces and of the repeated ones.

    The study repeats the faces of small groups, in order, up to the size of the largest. What that does to a mean shows
    in the difference of the two columns; what it does to a count of faces, in ``n`` and ``n_repeated``.

    Parameters
    ----------
    rows : iterable of mapping
        With ``age_real`` (years), ``age_estimation_accuracy`` (at most 1) and the feature.
    feature : str
        Such as ``"race_real"``.
    categories : sequence of str, optional
        Its groups; the published ones by default.
    ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    DataFrame
        One row for each age range and group: ``age_range``, the feature, ``n`` and ``n_repeated``, ``mean_accuracy``
        and ``mean_accuracy_repeated``, ``share_positive`` and ``share_positive_repeated`` (accuracy above 0.90; 0-1).
        An empty group has n = 0 and NaN.
    """
    rows, found = list(rows), []
    categories = GROUP_ORDER[feature] if categories is None else categories
    for low, high in ranges:
        dataset = filter_dataset(rows, (ACCURACY, feature, "age_real"), feature, categories, low, high)
        for category, repeated in dataset.by_category.items():
            accuracies = np.array([row[ACCURACY] for row in repeated], dtype=float)
            n = dataset.cohort_sizes[category]
            own, all_of_them = _mean_and_positive(accuracies[:n]), _mean_and_positive(accuracies)
            found.append({"age_range": f"{low}–{high}", feature: category, "n": n, "n_repeated": len(repeated)})
            found[-1] |= {"mean_accuracy": own[0], "mean_accuracy_repeated": all_of_them[0]}
            found[-1] |= {"share_positive": own[1], "share_positive_repeated": all_of_them[1]}
    return pd.DataFrame(found)


def _mean_and_positive(accuracies: np.ndarray) -> tuple[float, float]:
    if not len(accuracies):
        return float("nan"), float("nan")
    return float(accuracies.mean()), float(is_accurate(accuracies).mean())
