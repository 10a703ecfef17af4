"""The study's correlations in repeated cohorts, on shuffled data and as if every row were a face of its own.

The study parts the faces of an age range by race, splits them on accuracy, repeats each small cohort up to the size of
the largest, and correlates region shares with accuracy in each. Repeating rows weighs faces unevenly, and adds none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.core.groups import require_columns
from age_audit.core.metrics import ACCURACY_CUTOFF, is_accurate
from age_audit.core.randomness import CONFIDENCE, stream
from age_audit.core.vocabulary import AGE_RANGE_LABELS, HALVES, RACES
from age_audit.stats.correlations import weighted_correlations
from age_audit.study.appendix_b import cohorts_of

_ACCURACY = "age_estimation_accuracy"
_NUMBERS_AT_ONCE = 2**19  # a few arrays of this many at a time: some 20 MiB, which caches like better than more


def repetitions(inside: np.ndarray, rows: int) -> np.ndarray:
    """How often each member stands in its cohort once that is repeated in order up to ``rows``.

    Parameters
    ----------
    inside : ndarray of bool, shape (..., N)
        Members, in the order of the cohort.
    rows : int
        At least as many as there are members.

    Returns
    -------
    ndarray of int, shape (..., N)
        0 outside; sums to ``rows`` wherever there is a member.
    """
    count = inside.sum(axis=-1, keepdims=True)
    whole, rest = np.divmod(rows, np.maximum(count, 1))
    return inside * (whole + (np.cumsum(inside, axis=-1) <= rest))


def shuffled_cohort_correlations(
    frame: pd.DataFrame,
    parts: Sequence[str],
    feature: str = "race_real",
    groups: Sequence[str] = tuple(RACES),
    ages: Sequence[str] = tuple(AGE_RANGE_LABELS),
    *,
    seed: int,
    shuffles: int = 1000,
    cutoff: float = ACCURACY_CUTOFF,
) -> np.ndarray:
    """The study's correlations on accuracies shuffled among the faces of one race and age range.

    Null hypothesis: within a race and age range, shares and accuracy are independent. Every cohort keeps its faces,
    its accuracies and so the sizes of its halves; which face has which accuracy, and with it in which half it is, is
    arbitrary. Halves are repeated in order up to the largest of the age range, as the study does.

    Parameters
    ----------
    frame : DataFrame
        One row a face, none repeated: ``age_estimation_accuracy``, ``age_range``, the feature and the columns of
        ``parts``. Faces that lack one of them are left out.
    parts : sequence of str, length P
        Columns of shares.
    feature, groups, ages
        What stands in place of race, its groups, and the names of the age ranges.
    seed, shuffles
        Of the shuffling.
    cutoff : float
        A face is accurate with an accuracy above it.

    Returns
    -------
    ndarray of float, shape (shuffles, 2, age ranges, groups, P)
        In the order of ``HALVES``, ``ages`` and ``groups``; NaN as :func:`weighted_correlations`.
    """
    require_columns(frame, (_ACCURACY, "age_range", feature, *parts))
    frame = frame[np.isfinite(frame[[_ACCURACY, *parts]].to_numpy(dtype=float)).all(axis=1)]
    rng = stream(seed, "accuracies shuffled in cohorts")
    result = np.full((shuffles, len(HALVES), len(ages), len(groups), len(parts)), np.nan)
    for age, label in enumerate(ages):
        of_age = frame[frame["age_range"] == label]
        cohorts = [of_age[of_age[feature] == group] for group in groups]
        sizes = [is_accurate(cohort[_ACCURACY], cutoff).sum() for cohort in cohorts]
        largest = max(sizes), max(len(cohort) - size for cohort, size in zip(cohorts, sizes, strict=True))
        for group, cohort in enumerate(cohorts):
            shares, accuracy = cohort[list(parts)].to_numpy(dtype=float), cohort[_ACCURACY].to_numpy(dtype=float)
            batch = max(1, _NUMBERS_AT_ONCE // max(len(cohort), 1))
            for first in range(0, shuffles, batch):
                count = min(batch, shuffles - first)
                shuffled = rng.permuted(np.tile(accuracy, (count, 1)), axis=1)
                accurate = is_accurate(shuffled, cutoff)
                for half, inside in enumerate((accurate, ~accurate)):
                    weights = repetitions(inside, largest[half])
                    result[first : first + count, half, age, group] = weighted_correlations(shares, shuffled, weights)
    return result


def repetition_table(
    once: pd.DataFrame, repeated: pd.DataFrame, parts: Sequence[str], null: np.ndarray | None = None
) -> pd.DataFrame:
    """What repeating rows does to each cohort's correlations, and to their intervals if rows pass for faces.

    Parameters
    ----------
    once, repeated : DataFrame
        The same cohorts in the same order, with ``age_range``, ``race`` (or another feature),
        ``estimates`` (one of ``HALVES``), ``n``,
        ``n_rows`` and the columns of ``parts`` holding r: of faces counted once, and of the repeated cohorts.
    parts : sequence of str, length P
    null : ndarray of float, shape (shuffles, 2, age ranges, groups, P), optional
        From :func:`shuffled_cohort_correlations`, of the same age ranges and groups in the same order.

    Returns
    -------
    DataFrame
        One row a cohort. Columns: ``age_range``, the feature, ``estimates``, ``n`` (faces), ``n_rows`` (after
        repetition), ``largest_change`` (of r, over the parts, by repetition alone); ``half_width`` of the 95 %
        interval (in Fisher's z) with the faces and ``half_width_rows`` with the rows taken for faces, and
        ``too_narrow``, how many times the second is narrower; ``false_positives_rows``: how often r of shuffled data
        would pass for different from 0 at 5 % if rows were faces (of a valid test, 0.05). NaN where there are fewer
        than four faces.
    """
    feature, groups, ages = cohorts_of(repeated)
    table = repeated[["age_range", feature, "estimates", "n", "n_rows"]].reset_index(drop=True)
    change = np.abs(repeated[list(parts)].to_numpy(dtype=float) - once[list(parts)].to_numpy(dtype=float))
    table["largest_change"] = change.max(axis=1)
    z = scipy.stats.norm.ppf((1 + CONFIDENCE) / 2)
    enough = table["n"] > 3
    for name, column in (("half_width", "n"), ("half_width_rows", "n_rows")):
        table[name] = z / np.sqrt((table[column] - 3).where(enough))
    table["too_narrow"] = table["half_width"] / table["half_width_rows"]
    if null is not None:
        table["false_positives_rows"] = [
            _taken_for_findings(
                null[:, HALVES.index(row["estimates"]), ages.index(row["age_range"]), groups.index(row[feature])],
                row["half_width_rows"],
            )
            for row in table.to_dict("records")
        ]
    return table


def repetition_summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row over :func:`repetition_table`: how many cohorts are repeated, and what that does at most and on average.

    Returns
    -------
    DataFrame
        ``cohorts``, ``repeated`` (cohorts with more rows than faces), ``faces``, ``rows``; over repeated cohorts with
        four faces or more: ``largest_change`` of r, ``mean_too_narrow``, ``largest_too_narrow``, and
        ``false_positives_rows`` (mean), if the table has it.
    """
    repeated = table["n_rows"] > table["n"]
    judged = table[repeated & table["too_narrow"].notna()]
    row = {"cohorts": len(table), "repeated": int(repeated.sum())}
    row |= {"faces": int(table["n"].sum()), "rows": int(table["n_rows"].sum())}
    row |= {"largest_change": judged["largest_change"].max(), "mean_too_narrow": judged["too_narrow"].mean()}
    row["largest_too_narrow"] = judged["too_narrow"].max()
    if "false_positives_rows" in table:
        row["false_positives_rows"] = judged["false_positives_rows"].mean()
    return pd.DataFrame([row])


def _taken_for_findings(r: np.ndarray, half_width: float) -> float:
    """Share of shuffled r, of all parts, whose Fisher's z is further from 0 than ``half_width``."""
    r = r[np.isfinite(r)]
    return float((np.abs(r) > np.tanh(half_width)).mean()) if r.size and np.isfinite(half_width) else float("nan")
