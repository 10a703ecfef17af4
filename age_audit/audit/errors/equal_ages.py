"""Errors and their differences at equal ages: direct standardisation.

Groups of a data set differ in their ages, and errors differ with age, so that a group may do badly for its ages alone.
Direct standardisation gives every group the age distribution of all faces: the mean of each stratum (an age range, or
a band within one) is weighted by that stratum's share of all faces, not of the group's (Breslow and Day 1987, chapter
2). The test of a difference deals faces anew within their stratum only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import face_measures
from age_audit.core.groups import feature_names, groups_of, require_columns
from age_audit.core.measures import COMPARED, MEASURES
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.resampling import Estimates, combination_interval, stratified_p_values, with_adjusted


def standardised_within(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    strata: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    measures: Sequence[str] = tuple(MEASURES),
) -> pd.DataFrame:
    """Errors of each group, crude and standardised to the strata of all faces in the same control level.

    Only faces that are in a stratum count, in the crude value too, so that both speak of the same faces. The shares of
    the strata are taken as given; the intervals are those of faces drawn anew within each group and stratum.

    Parameters
    ----------
    frame : DataFrame
        As :mod:`age_audit.data.frames` makes it; ``age_real``, ``age_estimation`` and the features suffice.
    sensitive_features : str or sequence of str
        Columns; several make groups of their combinations.
    strata : str or sequence of str
        Columns, such as age ranges, or finer than the control features: bands of age within age ranges. Every
        combination of their levels is a stratum.
    control_features : str or sequence of str
        Columns; each level, and ``"all"``, is standardised by itself.
    resampling : Resampling
        How intervals are drawn.
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.

    Returns
    -------
    DataFrame
        One row for each control level, group and measure. Columns: the control and sensitive features, ``measure``,
        ``n``, ``n_smallest_stratum``; ``crude`` and ``standardised`` with ``low`` and ``high``; ``difference`` of the
        standardised value to the overall (whose crude and standardised values are one), with ``difference_low`` and
        ``difference_high``; ``rank_crude`` and ``rank_standardised`` (1 = least error, most within 5 years; of signed
        errors the one nearest 0; among groups that have both values) and ``rank_changes``; ``few_faces`` (fewer than 30
        in some stratum). A group without a face in some stratum cannot be standardised: NaN; with one face there, a NaN
        interval.

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
    >>> frame["age_range"] = np.where(frame["age_real"] > 20, "26–100", "0–12")
    >>> table = standardised_within(frame, "gender_real", "age_range", resampling=Resampling(seed=1))
    >>> table.loc[table["measure"] == "mean_absolute_error", ["gender_real", "n", "crude", "standardised"]]
      gender_real  n  crude  standardised
    0      Female  8    4.0           6.0
    4        Male  8    8.0           6.0
    """
    sensitive, bands, control = _features(frame, sensitive_features, strata, control_features)
    values = face_measures(frame, measures)
    parts = [inside & np.isfinite(values[0]) for _, inside in groups_of(frame, bands)]
    tables = []
    for labels, level in groups_of(frame, control, control):
        options = resampling.for_intervals("errors at equal ages")  # anew: a level has the draws it has alone
        here = [level & part for part in parts if (level & part).any()]
        rows = []
        for names, group in groups_of(frame, sensitive):
            rows += [labels | names | row for row in _standardised(values, group, here, measures, options)]
        tables.append(_ranked(pd.DataFrame(rows)))
    return pd.concat(tables, ignore_index=True)


def _standardised(values: np.ndarray, group: np.ndarray, strata: list, measures: Sequence[str], options: dict) -> list:
    """One row a measure of one group."""
    sides, crude, found = _at_equal_strata(values, [group], strata, options)
    smallest = _smallest(sides)
    difference = _to_overall(values, group, strata, options) if smallest else _nothing(values)
    return [
        {"measure": measure, "n": _size(sides[0]), "n_smallest_stratum": smallest, "crude": crude[i]}
        | {"standardised": found.value[i], "low": found.low[i], "high": found.high[i]}
        | {"difference": difference.value[i]}
        | {"difference_low": difference.low[i], "difference_high": difference.high[i]}
        | {"few_faces": smallest < FEW_FACES}
        for i, measure in enumerate(measures)
    ]


def _to_overall(values: np.ndarray, group: np.ndarray, strata: list, options: dict) -> Estimates:
    """The standardised group less the overall; NaN where there is nobody else.

    Within a stratum the group is a part of all its faces: its difference to them is the share of the others there
    times its difference to those others. Written so, the samples are independent.
    """
    samples, coefficients = [], []
    for stratum, share in zip(strata, _shares(strata), strict=True):
        others = stratum & ~group
        if others.any():
            factor = share * others.sum() / stratum.sum()
            samples += [values[:, stratum & group], values[:, others]]
            coefficients += [factor, -factor]
    return combination_interval(samples, coefficients, **options) if samples else _nothing(values)


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Ranks of the groups within each measure."""
    both = table["crude"].notna() & table["standardised"].notna()
    for name in ("crude", "standardised"):
        table[f"rank_{name}"] = np.nan
        for measure, group in table[both].groupby("measure"):
            table.loc[group.index, f"rank_{name}"] = MEASURES[measure].worse(group[name]).rank()
    table["rank_changes"] = both & (table["rank_crude"] != table["rank_standardised"])
    return table


def differences_at_equal_ages(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    strata: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    measures: Sequence[str] = COMPARED,
) -> pd.DataFrame:
    """Compare every two groups, as they are and with equal strata, within each control level.

    Null hypothesis of each row: within each stratum errors do not depend on which of the two groups a face is in.

    Parameters
    ----------
    frame, sensitive_features, strata, control_features, measures
        As :func:`standardised_within`; faces in no stratum do not count.
    resampling : Resampling
        How intervals and p-values are drawn.

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
    UsageError, ValueError
        As :func:`standardised_within`.

    Examples
    --------
    >>> old, young = [60] * 6 + [5] * 2, [60] * 2 + [5] * 6
    >>> frame = pd.DataFrame({"age_real": old + young, "gender_real": ["Male"] * 8 + ["Female"] * 8})
    >>> frame["age_estimation"] = frame["age_real"] + np.where(frame["age_real"] > 20, 10, 2)  # at one age, one error
    >>> frame["band"] = frame["age_real"] // 20
    >>> table = differences_at_equal_ages(frame, "gender_real", "band", resampling=Resampling(seed=1))
    >>> table.loc[table["measure"] == "mean_absolute_error", ["group", "other", "crude", "standardised", "age_mix"]]
        group other  crude  standardised  age_mix
    0  Female  Male   -4.0           0.0     -4.0
    """
    sensitive, bands, control = _features(frame, sensitive_features, strata, control_features)
    values = face_measures(frame, measures)
    parts = [inside & np.isfinite(values[0]) for _, inside in groups_of(frame, bands)]
    groups = [(" / ".join(map(str, labels.values())), inside) for labels, inside in groups_of(frame, sensitive)]
    options = resampling.for_intervals("differences at equal ages")
    rows = []
    for labels, level in groups_of(frame, control, control):
        here = [level & part for part in parts if (level & part).any()]
        for (name, first), (other, second) in combinations(groups, 2):
            names = labels | {"group": name, "other": other}
            pair = _compared(values, (first, second), here, measures, options, resampling.permutations)
            rows += [names | row for row in pair]
    columns = [*control, "group", "other", *_COLUMNS]
    table = with_adjusted(pd.DataFrame(rows, columns=columns), ["measure"])
    return table[[*columns[:-1], "p_holm", "p_bh", "few_faces"]]


_COLUMNS = [
    *("measure", "n_group", "n_other", "n_smallest_stratum", "crude", "standardised", "low", "high", "age_mix"),
    *("p_value", "few_faces"),
]


def _compared(
    values: np.ndarray, groups, strata: list, measures: Sequence[str], options: dict, permutations: int
) -> list:
    """One row a measure of two groups."""
    sides, crude, found = _at_equal_strata(values, groups, strata, options)
    smallest, p_values = _smallest(sides), _nothing(values).value
    if smallest:
        pairs = list(zip(*sides, strict=True))
        p_values = stratified_p_values(pairs, _shares(strata), rng=options["rng"], permutations=permutations)
    n_group, n_other = map(_size, sides)
    return [
        {"measure": measure, "n_group": n_group, "n_other": n_other, "n_smallest_stratum": smallest}
        | {"crude": crude[i], "standardised": found.value[i], "low": found.low[i], "high": found.high[i]}
        | {"age_mix": crude[i] - found.value[i], "p_value": p_values[i], "few_faces": smallest < FEW_FACES}
        for i, measure in enumerate(measures)
    ]


def _features(frame: pd.DataFrame, sensitive, strata, control) -> tuple[list[str], list[str], list[str]]:
    sensitive, strata, control = map(feature_names, (sensitive, strata, control))
    if not sensitive or not strata:
        raise ValueError("expected at least one sensitive feature and one column of strata")
    require_columns(frame, ("age_real", "age_estimation", *control, *strata, *sensitive))
    return sensitive, strata, control


def _at_equal_strata(
    values: np.ndarray, groups: Sequence[np.ndarray], strata: Sequence[np.ndarray], options: dict
) -> tuple[list[list[np.ndarray]], np.ndarray, Estimates]:
    """A group's mean, or the first group's less the second's: its faces by stratum, the mean crude and standardised.

    NaN where a group has no faces, or none in some stratum.
    """
    sides = [[values[:, stratum & group] for stratum in strata] for group in groups]
    signs, shares = (1, -1)[: len(groups)], _shares(strata)
    crude, found = _nothing(values).value, _nothing(values)
    if all(map(_size, sides)):
        means = [np.concatenate(side, axis=1).mean(axis=1) for side in sides]
        crude = sum(sign * mean for sign, mean in zip(signs, means, strict=True))
    if _smallest(sides):
        samples = [sample for side in sides for sample in side]
        found = combination_interval(samples, [sign * share for sign in signs for share in shares], **options)
    return sides, crude, found


def _shares(strata: Sequence[np.ndarray]) -> list[float]:
    """Each stratum's share of all faces."""
    sizes = [stratum.sum() for stratum in strata]
    return [size / sum(sizes) for size in sizes]


def _size(side: list[np.ndarray]) -> int:
    """Faces of a group, over all strata."""
    return sum(sample.shape[1] for sample in side)


def _smallest(sides: list[list[np.ndarray]]) -> int:
    """Faces of the smallest stratum of any group."""
    return min((sample.shape[1] for side in sides for sample in side), default=0)


def _nothing(values: np.ndarray) -> Estimates:
    return Estimates(*[np.full(len(values), np.nan)] * 3, "none")
