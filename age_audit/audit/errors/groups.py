"""Errors overall, by group, and the differences between groups, each with n and an interval.

The shape of the answer follows fairlearn's MetricFrame (Bird et al. 2020): *sensitive features* are what groups are
compared by, *control features* what they are compared within.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.core.groups import ALL, cluster_codes, feature_names, groups_of, real_ages, require_columns
from age_audit.core.measures import COMPARED, MEASURES
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import clustered_difference_p_values
from age_audit.stats.resampling import cliffs_delta, combination_interval, difference_p_values, with_adjusted


@dataclass(frozen=True)
class Disaggregated:
    """Errors overall, by group, and their differences: see :func:`disaggregate`."""

    overall: pd.DataFrame
    by_group: pd.DataFrame
    difference: pd.DataFrame


def face_measures(frame: pd.DataFrame, measures: Sequence[str] = tuple(MEASURES)) -> np.ndarray:
    """What each face adds to each measure, so that the measure is its mean.

    Parameters
    ----------
    frame : DataFrame
        N rows with ``age_real`` and ``age_estimation`` in years; of labels that are a range of ages see
        :func:`age_audit.core.groups.real_ages`: an estimate inside has error 0.
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`: absolute and signed error (years), whether the absolute error is at
        most 5 years (0 or 1), and the study's accuracy (at most 1).

    Returns
    -------
    ndarray of float, shape (len(measures), N)
        NaN for a face without a real age or an estimate.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        For an unknown measure.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30, 40], "age_estimation": [34, 33]})
    >>> face_measures(frame)  # absolute error, signed error, within 5 years, the study's accuracy
    array([[ 4.  ,  7.  ],
           [ 4.  , -7.  ],
           [ 1.  ,  0.  ],
           [ 0.96,  0.93]])
    """
    unknown = [name for name in measures if name not in MEASURES]
    if unknown or not measures:
        raise ValueError(f"expected measures out of {', '.join(MEASURES)}; got {', '.join(unknown) or 'none'}")
    require_columns(frame, ("age_real", "age_estimation"))
    ages = frame["age_estimation"], *real_ages(frame)
    return np.stack([MEASURES[name].of_faces(*ages) for name in measures])


def disaggregate(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    between: bool = True,
    clusters: str | None = None,
) -> Disaggregated:
    """Errors overall, by group, and the differences between groups.

    Parameters
    ----------
    frame : DataFrame
        As :mod:`age_audit.data.frames` makes it; ``age_real``, ``age_estimation`` and the features suffice.
    sensitive_features, control_features : str or sequence of str
        Columns. Several sensitive features make groups of their combinations.
    resampling : Resampling
        How intervals and p-values are drawn; the same gives the same tables.
    between : bool
        As :func:`group_differences`.
    clusters : str, optional
        Column of what belongs together, such as copies of one picture (``cluster`` of
        :func:`age_audit.audit.dataset.duplicates.clusters_of_copies`): intervals then draw clusters, not faces, and
        p-values move whole clusters (:func:`age_audit.stats.clustered.clustered_difference_p_values`). A face without
        one stands alone.

    Returns
    -------
    Disaggregated
        ``overall`` has a row for each control level (and ``"all"``) and measure; ``by_group`` one for each group in it.
        Columns: the features, ``measure``, ``n``, ``value``, ``low``, ``high``, ``method`` of the interval, and
        ``few_faces`` (n below 30: too few to speak for the group). ``difference`` as :func:`group_differences`.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If no sensitive feature is given.

    Examples
    --------
    >>> ages = {"age_real": [4, 30, 8, 35], "age_estimation": [9, 33, 9, 34]}
    >>> frame = pd.DataFrame(ages).assign(gender_real=["Male", "Male", "Female", "Female"])
    >>> errors = disaggregate(frame, "gender_real", resampling=Resampling(seed=1))
    >>> errors.overall[["measure", "n", "value"]]
                   measure  n  value
    0  mean_absolute_error  4  2.500
    1    mean_signed_error  4  2.000
    2   cumulative_score_5  4  1.000
    3       study_accuracy  4  0.975
    >>> mae = errors.by_group["measure"] == "mean_absolute_error"
    >>> errors.by_group.loc[mae, ["gender_real", "n", "value"]]
      gender_real  n  value
    0      Female  2    1.0
    4        Male  2    4.0
    """
    sensitive, control = _features(frame, sensitive_features, control_features)
    return Disaggregated(
        estimates_of(frame, control, control, resampling=resampling, clusters=clusters),
        estimates_of(frame, [*control, *sensitive], control, resampling=resampling, clusters=clusters),
        group_differences(frame, sensitive, control, resampling=resampling, between=between, clusters=clusters),
    )


def estimates_of(
    frame: pd.DataFrame,
    features: Sequence[str],
    with_all: Sequence[str] = (),
    *,
    resampling: Resampling,
    clusters: str | None = None,
) -> pd.DataFrame:
    """Every measure of every combination of the features' levels: the rows of :func:`disaggregate`.

    What is drawn for an interval depends on the seed and the errors of these very faces, so that the same faces have
    the same interval in whichever table they stand. Where any label is a range of ages, ``n_age_as_range`` says how
    many of a group's are.

    Examples
    --------
    >>> ages = {"age_real": [4, 30, 8, 35], "age_estimation": [9, 33, 9, 34]}
    >>> frame = pd.DataFrame(ages).assign(gender_real=["Male", "Male", "Female", "Female"])
    >>> table = estimates_of(frame, ["gender_real"], ["gender_real"], resampling=Resampling(seed=1))
    >>> table.loc[table["measure"] == "mean_signed_error", ["gender_real", "n", "value"]]
      gender_real  n  value
    1      Female  2    0.0
    5        Male  2    4.0
    9         all  4    2.0
    """
    values, together = face_measures(frame), _clusters(frame, clusters)
    used, as_range = np.isfinite(values[0]), np.not_equal(*real_ages(frame))
    rows = []
    for labels, inside in groups_of(frame, features, with_all):
        chosen = values[:, inside & used]
        n = chosen.shape[1]
        options = resampling.for_intervals(chosen[0].tobytes()) | together(inside & used)
        found = combination_interval([chosen], [1], **options)
        for measure, value, low, high in zip(MEASURES, found.value, found.low, found.high, strict=True):
            row = {"measure": measure, "n": n, "value": value, "low": low, "high": high}
            rows.append(labels | row | {"method": found.method, "few_faces": n < FEW_FACES})
            if (used & as_range).any():
                rows[-1]["n_age_as_range"] = int((inside & used & as_range).sum())
    return pd.DataFrame(rows)


def group_differences(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    measures: Sequence[str] = COMPARED,
    between: bool = True,
    clusters: str | None = None,
) -> pd.DataFrame:
    """Compare each group with the overall and with every other group, within each control level.

    Null hypothesis of each row: within this control level errors do not depend on which of the two groups a face is
    in. At the control level ``"all"`` that includes the groups' mix of ages; what is left of a difference with that
    mix held equal is in :func:`age_audit.audit.errors.equal_ages.standardised_within`.

    A group is part of the overall, so it is tested against all other faces: their difference and the one to the
    overall are the same up to a constant factor, and so are the p-values.

    Parameters
    ----------
    frame, sensitive_features, control_features, resampling
        As :func:`disaggregate`.
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.
    between : bool
        Whether groups are compared with each other too; with many groups that takes most of the time.
    clusters : str, optional
        As :func:`disaggregate`.

    Returns
    -------
    DataFrame
        Columns: the control features; ``kind`` (``"to overall"`` or ``"between"``); ``group`` and ``other`` (levels of
        several features joined by ``" / "``; ``"all"`` for the overall); ``measure``; ``n_group`` and ``n_other``
        (for the overall: of all faces); ``difference`` = group - other with ``low`` and ``high``; ``p_value``,
        ``p_holm`` and ``p_bh`` (adjusted over all rows of one kind and measure); ``cliffs_delta`` (group against other,
        for the overall against all other faces; above 0 where the group has the larger values); ``few_faces``. NaN
        where a side has too few faces, or clusters, or no cluster can change places with one of its size.

    Raises
    ------
    UsageError, ValueError
        As :func:`disaggregate`; ValueError for an unknown measure.

    Examples
    --------
    >>> ages = {"age_real": [4, 30, 8, 35], "age_estimation": [9, 33, 9, 34]}
    >>> frame = pd.DataFrame(ages).assign(gender_real=["Male", "Male", "Female", "Female"])
    >>> table = group_differences(frame, "gender_real", resampling=Resampling(seed=1))
    >>> mae = table["measure"] == "mean_absolute_error"
    >>> table.loc[mae, ["kind", "group", "other", "n_group", "n_other", "difference"]]
             kind   group other  n_group  n_other  difference
    0  to overall  Female   all        2        4        -1.5
    3  to overall    Male   all        2        4         1.5
    6     between  Female  Male        2        2        -3.0
    """
    sensitive, control = _features(frame, sensitive_features, control_features)
    values, together = face_measures(frame, measures), _clusters(frame, clusters)
    used = np.isfinite(values[0])
    groups = {" / ".join(map(str, labels.values())): inside & used for labels, inside in groups_of(frame, sensitive)}
    options = resampling.for_intervals("differences of groups")
    drawn = {"rng": options["rng"], "permutations": resampling.permutations}
    rows = []
    for labels, level in groups_of(frame, control, control):
        for names, first, second, factor in _pairs(groups, level & used, between):
            samples = values[:, first], values[:, second]
            alike = together(first, second)
            found = combination_interval(samples, [factor, -factor], **options, **alike)
            counts = _counts(names, first, second)
            for i, measure in enumerate(measures):
                rows.append(labels | names | {"measure": measure} | counts)
                rows[-1] |= {"difference": found.value[i], "low": found.low[i], "high": found.high[i]}
            tested = clustered_difference_p_values if alike else difference_p_values
            p_values = tested(*samples, **alike, **drawn)
            deltas = cliffs_delta(*samples)
            for row, p_value, delta in zip(rows[-len(measures) :], p_values, deltas, strict=True):
                row |= {"p_value": p_value, "cliffs_delta": delta}
    table = with_adjusted(pd.DataFrame(rows), ["kind", "measure"])
    return table[[*control, *_DIFFERENCE_COLUMNS]]


_DIFFERENCE_COLUMNS = [
    *("kind", "group", "other", "measure", "n_group", "n_other", "difference", "low", "high"),
    *("p_value", "p_holm", "p_bh", "cliffs_delta", "few_faces"),
]


def _pairs(
    groups: dict[str, np.ndarray], level: np.ndarray, between: bool
) -> Iterator[tuple[dict, np.ndarray, np.ndarray, float]]:
    """Both sides of each comparison as rows of the frame, and what the difference of their means is multiplied by."""
    for name, inside in groups.items():
        first, rest = inside & level, level & ~inside
        # mean(group) - mean(all) = share of the others * (mean(group) - mean(others))
        factor = rest.sum() / max(1, level.sum())
        yield {"kind": "to overall", "group": name, "other": ALL}, first, rest, factor
    for (name, inside), (other, beside) in combinations(groups.items(), 2) if between else ():
        yield {"kind": "between", "group": name, "other": other}, inside & level, beside & level, 1.0


def _counts(names: dict[str, str], first: np.ndarray, second: np.ndarray) -> dict:
    n_first, n_second = int(first.sum()), int(second.sum())
    n_other = n_first + n_second if names["kind"] == "to overall" else n_second
    return {"n_group": n_first, "n_other": n_other, "few_faces": min(n_first, n_second) < FEW_FACES}


def _clusters(frame: pd.DataFrame, column: str | None) -> Callable[..., dict]:
    """What says which faces of each sample, given as rows of the frame, belong together."""
    if column is None:
        return lambda *samples: {}
    require_columns(frame, (column,))
    codes = cluster_codes(frame, column)
    return lambda *samples: {"clusters": [codes[inside] for inside in samples]}


def _features(frame: pd.DataFrame, sensitive, control) -> tuple[list[str], list[str]]:
    sensitive, control = feature_names(sensitive), feature_names(control)
    if not sensitive:
        raise ValueError("expected at least one sensitive feature, got none")
    require_columns(frame, ("age_real", "age_estimation", *control, *sensitive))
    return sensitive, control
