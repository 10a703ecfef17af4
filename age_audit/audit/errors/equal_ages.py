"""What is left of a difference between two groups when both are given the same ages.

Two groups may differ within an age range only because one of them is younger in it. Here both get the age bands of
all faces there (direct standardisation, see :mod:`age_audit.audit.errors.standardisation`), and the test deals faces
anew within their band only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import face_measures
from age_audit.audit.errors.standardisation import standardised_by_group
from age_audit.core.groups import feature_names, groups_of, require_columns
from age_audit.core.measures import COMPARED
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.resampling import (
    CONFIDENCE,
    DRAWS,
    PERMUTATIONS,
    Estimates,
    combination_interval,
    stratified_p_values,
    with_adjusted,
)


def standardised_within(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    strata: str | Sequence[str],
    control_features: str | Sequence[str],
    *,
    seed: int,
    **options,
) -> pd.DataFrame:
    """Errors of each group standardised to the strata of all faces in the same control level.

    Parameters
    ----------
    frame, sensitive_features, seed, **options
        As :func:`age_audit.audit.errors.standardisation.standardised_by_group`.
    strata : str or sequence of str
        Columns, finer than the control features: bands of age within age ranges, say.
    control_features : str or sequence of str
        Columns; each level, and ``"all"``, is standardised by itself.

    Returns
    -------
    DataFrame
        The rows of that function for each level, with the control features before them.

    Examples
    --------
    >>> ages = {"age_real": [4, 5, 6, 7, 30, 31, 32, 33], "age_estimation": [6, 7, 7, 8, 33, 34, 37, 38]}
    >>> labels = {"age_range": ["0–12"] * 4 + ["26–100"] * 4, "gender_real": ["Male", "Male", "Female", "Female"] * 2}
    >>> frame = pd.DataFrame(ages | labels)
    >>> frame["band"] = frame["age_real"] // 20  # finer strata would be bands within each age range
    >>> table = standardised_within(frame, "gender_real", "band", "age_range", seed=1)
    >>> table.loc[table["measure"] == "mean_absolute_error", ["age_range", "gender_real", "n", "crude", "standardised"]]
       age_range gender_real  n  crude  standardised
    0       0–12      Female  2    1.0           1.0
    4       0–12        Male  2    2.0           2.0
    8     26–100      Female  2    5.0           5.0
    12    26–100        Male  2    3.0           3.0
    16       all      Female  4    3.0           3.0
    20       all        Male  4    2.5           2.5
    """
    control = feature_names(control_features)
    require_columns(frame, control)
    tables = []
    for labels, level in groups_of(frame, control, control):
        table = standardised_by_group(frame[level], sensitive_features, strata, seed=seed, **options)
        tables.append(pd.concat([pd.DataFrame([labels] * len(table), index=table.index), table], axis=1))
    return pd.concat(tables, ignore_index=True)


def differences_at_equal_ages(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    strata: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    seed: int,
    measures: Sequence[str] = COMPARED,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Compare every two groups, as they are and with equal strata, within each control level.

    Null hypothesis of each row: within each stratum errors do not depend on which of the two groups a face is in.

    Parameters
    ----------
    frame : DataFrame
        As :mod:`age_audit.data.frames` makes it; ``age_real``, ``age_estimation`` and the features suffice.
    sensitive_features : str or sequence of str
        Columns; several make groups of their combinations.
    strata, control_features
        As :func:`standardised_within`; faces in no stratum do not count.
    seed : int
        Of bootstrap and permutations.
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.
    draws, permutations : int
        Bootstrap samples an interval, permutations a p-value.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        Columns: the control features; ``group`` and ``other`` (levels of several features joined by ``" / "``);
        ``measure``; ``n_group`` and ``n_other``; ``n_smallest_stratum`` of either; ``crude`` = group - other as they
        are; ``standardised`` = the same with every stratum weighted by its share of all faces of that control level,
        with ``low`` and ``high``; ``age_mix`` = crude - standardised, what the groups' unequal strata add;
        ``p_value``, ``p_holm`` and ``p_bh`` (adjusted over all rows of one measure); ``few_faces`` (fewer than 30 in
        some stratum). NaN where a stratum lacks either group; with one face of it there, a NaN interval.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If no sensitive feature or no strata are given, or for an unknown measure.

    Examples
    --------
    >>> old, young = [60] * 6 + [5] * 2, [60] * 2 + [5] * 6
    >>> frame = pd.DataFrame({"age_real": old + young, "gender_real": ["Male"] * 8 + ["Female"] * 8})
    >>> frame["age_estimation"] = frame["age_real"] + np.where(frame["age_real"] > 20, 10, 2)  # at one age, one error
    >>> frame["band"] = frame["age_real"] // 20
    >>> table = differences_at_equal_ages(frame, "gender_real", "band", seed=1)
    >>> table.loc[table["measure"] == "mean_absolute_error", ["group", "other", "crude", "standardised", "age_mix"]]
        group other  crude  standardised  age_mix
    0  Female  Male   -4.0           0.0     -4.0
    """
    sensitive, bands, control = (feature_names(names) for names in (sensitive_features, strata, control_features))
    if not sensitive or not bands:
        raise ValueError("expected at least one sensitive feature and one column of strata")
    require_columns(frame, ("age_real", "age_estimation", *control, *bands, *sensitive))
    values = face_measures(frame, measures)
    parts = [inside & np.isfinite(values[0]) for _, inside in groups_of(frame, bands)]
    groups = [(" / ".join(map(str, labels.values())), inside) for labels, inside in groups_of(frame, sensitive)]
    options = {"rng": stream(seed, "differences at equal ages"), "draws": draws, "confidence": confidence}
    rows = []
    for labels, level in groups_of(frame, control, control):
        here = [level & part for part in parts if (level & part).any()]
        for (name, first), (other, second) in combinations(groups, 2):
            samples = [(values[:, part & first], values[:, part & second]) for part in here]
            for row in _compared(samples, [part.sum() for part in here], measures, permutations, options):
                rows.append(labels | {"group": name, "other": other} | row)
    columns = [*control, "group", "other", *_COLUMNS]
    table = with_adjusted(pd.DataFrame(rows, columns=columns), ["measure"])
    return table[[*columns[:-1], "p_holm", "p_bh", "few_faces"]]


_COLUMNS = [
    *("measure", "n_group", "n_other", "n_smallest_stratum", "crude", "standardised", "low", "high", "age_mix"),
    *("p_value", "few_faces"),
]


def _compared(
    samples: list[tuple[np.ndarray, np.ndarray]], everyone: list[int], measures: Sequence[str], permutations, options
) -> list[dict]:
    """One row a measure of two groups, whose faces come stratum by stratum, (M, n) and (M, m) each."""
    sizes = [[sample.shape[1] for sample in side] for side in zip(*samples, strict=True)] or [[], []]
    smallest = min(map(min, samples and sizes), default=0)
    nothing = np.full(len(measures), np.nan)
    crude, p_values, found = nothing, nothing, Estimates(nothing, nothing, nothing, "none")
    if all(map(sum, sizes)):
        first, second = (np.concatenate(side, axis=1).mean(axis=1) for side in zip(*samples, strict=True))
        crude = first - second
    if smallest:
        shares = [n / sum(everyone) for n in everyone]
        sides = [sample for side in zip(*samples, strict=True) for sample in side]
        found = combination_interval(sides, [*shares, *(-share for share in shares)], **options)
        p_values = stratified_p_values(samples, shares, rng=options["rng"], permutations=permutations)
    return [
        {"measure": measure, "n_group": sum(sizes[0]), "n_other": sum(sizes[1]), "n_smallest_stratum": smallest}
        | {"crude": crude[i], "standardised": found.value[i], "low": found.low[i], "high": found.high[i]}
        | {"age_mix": crude[i] - found.value[i], "p_value": p_values[i], "few_faces": smallest < FEW_FACES}
        for i, measure in enumerate(measures)
    ]
