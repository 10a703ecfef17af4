"""Errors and their differences at equal ages: direct standardisation.

Groups of a data set differ in their ages, and errors differ with age, so that a group may do badly for its ages alone.
Direct standardisation gives every group the age distribution of all faces: the mean of each stratum (a year of age, or
a band) is weighted by that stratum's share of all faces, not of the group's (Breslow and Day 1987, chapter 2). The test
of a difference deals faces anew within their stratum only.

Years or bands in which a side has too few faces are pooled with those that follow. The wider a stratum, the more can
ages differ within it: what is left of their difference is told, as ``age_gap``, and where it is large there is no
answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.audit.errors.strata import (
    LEAST,
    TOLERANCE,
    Strata,
    combined,
    of_cells,
    pooled,
    runs_of,
    values_and_ages,
)
from age_audit.core.groups import cluster_codes, feature_names, groups_of, require_columns
from age_audit.core.measures import COMPARED, MEASURES
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.resampling import (
    Estimates,
    combination_interval,
    stratified_p_values,
    with_adjusted,
)


def standardised_within(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    strata: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    measures: Sequence[str] = tuple(MEASURES),
    least: int = LEAST,
    tolerance: float = TOLERANCE,
    clusters: str | None = None,
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
        Columns. Levels of the first, years or bands of age in their order, are pooled until the group and everybody
        else have ``least`` faces each; those of others, such as gender, never are.
    control_features : str or sequence of str
        Columns; each level, and ``"all"``, is standardised by itself.
    resampling : Resampling
        How intervals are drawn.
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.
    least : int
        Faces of either side in a stratum, 2 or more for an interval.
    tolerance : float
        Years by which ages may still differ.
    clusters : str, optional
        Column of what belongs together, such as copies of one picture; a face without one stands alone. A side's
        clusters, not its faces, are then counted, except as ``n``, and intervals allow for their likeness.

    Returns
    -------
    DataFrame
        One row for each control level, group and measure. Columns: the control and sensitive features, ``measure``,
        ``n``; ``strata`` (how many, pooled) and ``n_smallest_stratum`` (faces of the side that has fewest in one);
        ``crude`` with ``crude_low`` and ``crude_high``; ``standardised`` with ``low`` and ``high``; ``difference`` of
        the standardised value to the overall (whose crude and standardised values are one), with ``difference_low``
        and ``difference_high``; ``age_difference`` and ``age_gap``: mean age of the group less that of all, in years,
        as they are and in equal strata; ``rank_crude`` and ``rank_standardised`` (1 = least error, most within 5 years;
        of signed errors the one nearest 0; among groups that have both values) and ``rank_changes``; ``few_faces``
        (fewer than 30 in the group). There is no standardised value, but NaN, where all strata together have fewer than
        ``least`` faces of a side, or where ages differ by more than the ``tolerance`` all the same.

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
    >>> table = standardised_within(frame, "gender_real", "age_real", resampling=Resampling(seed=1), least=2)
    >>> table.loc[table["measure"] == "mean_absolute_error", ["gender_real", "n", "strata", "crude", "standardised"]]
      gender_real  n  strata  crude  standardised
    0      Female  8       2    4.0           6.0
    4        Male  8       2    8.0           6.0
    """
    sensitive, bands, control = _features(frame, sensitive_features, strata, control_features)
    values = values_and_ages(frame, measures)
    runs = runs_of(frame, bands, np.isfinite(values[0]))
    codes = None if clusters is None else cluster_codes(frame, clusters)
    tables = []
    for labels, level in groups_of(frame, control, control):
        rows = []
        for names, group in groups_of(frame, sensitive):
            sides = level & group, level & ~group
            found = _standardised(values, sides, level, runs, least, tolerance, resampling, codes)
            rows += [labels | names | {"measure": measure} | row for measure, row in zip(measures, found, strict=False)]
        tables.append(_ranked(pd.DataFrame(rows)))
    return pd.concat(tables, ignore_index=True)


def _standardised(values, sides, level, runs, least, tolerance, resampling, codes) -> list[dict]:
    """Of each of the values what :func:`standardised_within` says of the first side; the second is everybody else."""
    group, others = sides
    used = np.isfinite(values[0])
    counted = [_once_each(side & used, codes) for side in (sides if others.any() else [group])]
    strata = pooled(runs, level, counted, least)
    inside = values[:, group & strata.everyone]
    n = inside.shape[1]
    crude = found = difference = _nothing(values)
    age_difference = np.nan
    if n:
        # Drawn as by estimates_of: the same faces have the same interval in whichever table they stand.
        alike = {} if codes is None else {"clusters": [codes[group & strata.everyone]]}
        crude = combination_interval([inside], [1], **resampling.for_intervals(inside[0].tobytes()), **alike)
        age_difference = crude.value[-1] - values[-1, strata.everyone].mean()
    if strata.enough:
        found = combined(values, [group], strata, resampling.confidence, codes)
        difference = _to_overall(values, sides, strata, resampling.confidence, codes)
    gap = difference.value[-1]
    if abs(gap) > tolerance:
        found = difference = _nothing(values)
    return [
        {"n": n, "strata": len(strata.masks), "n_smallest_stratum": strata.smallest}
        | {"crude": crude.value[i], "crude_low": crude.low[i], "crude_high": crude.high[i]}
        | {"standardised": found.value[i], "low": found.low[i], "high": found.high[i]}
        | {"difference": difference.value[i], "difference_low": difference.low[i]}
        | {"difference_high": difference.high[i], "age_difference": age_difference, "age_gap": gap}
        | {"few_faces": bool((counted[0] & strata.everyone).sum() < FEW_FACES)}
        for i in range(len(values))
    ]


def _once_each(side: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    """One face of each cluster of a side, or all faces where no clusters are known."""
    if codes is None:
        return side
    places = np.flatnonzero(side)
    first = np.zeros_like(side)
    first[places[np.unique(codes[places], return_index=True)[1]]] = True
    return first


def _to_overall(
    values: np.ndarray,
    sides: Sequence[np.ndarray],
    strata: Strata,
    confidence: float,
    codes: np.ndarray | None,
) -> Estimates:
    """The standardised group less the overall; NaN where there is nobody else.

    Within a stratum the group is a part of all its faces: its difference to them is the share of the others there
    times its difference to those others. Written so, the samples are independent.
    """
    _, others = sides
    if not others.any():
        return _nothing(values)
    parts = [(mask & others).sum() / mask.sum() for mask in strata.masks]
    factors = [sign * share * part for sign in (1, -1) for share, part in zip(strata.shares, parts, strict=True)]
    return of_cells(values, [mask & side for side in sides for mask in strata.masks], factors, confidence, codes)


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
    least: int = LEAST,
    tolerance: float = TOLERANCE,
) -> pd.DataFrame:
    """Compare every two groups, as they are and with equal strata, within each control level.

    Null hypothesis of each row: within each stratum errors do not depend on which of the two groups a face is in.

    Parameters
    ----------
    frame, sensitive_features, strata, control_features, measures, least, tolerance
        As :func:`standardised_within`, except that the two groups are the two sides: pairs with many faces are compared
        year by year. Faces in no stratum do not count.
    resampling : Resampling
        How p-values are drawn.

    Returns
    -------
    DataFrame
        Columns: the control features; ``group`` and ``other`` (levels of several features joined by ``" / "``);
        ``measure``; ``n_group`` and ``n_other``; ``strata`` (how many, pooled) and ``n_smallest_stratum`` of either;
        ``crude`` = group - other as they are; ``standardised`` = the same with every stratum weighted by its share of
        all faces of that control level, with ``low`` and ``high``; ``age_mix`` = crude - standardised, what the groups'
        unequal ages add; ``age_difference`` and ``age_gap``: their mean ages' difference in years, as they are and in
        equal strata; ``p_value``, ``p_holm`` and ``p_bh`` (adjusted over all rows of one measure); ``few_faces`` (fewer
        than 30 of either). NaN as in :func:`standardised_within`.

    Raises
    ------
    UsageError, ValueError
        As :func:`standardised_within`.

    Examples
    --------
    >>> old, young = [60] * 6 + [5] * 2, [60] * 2 + [5] * 6
    >>> frame = pd.DataFrame({"age_real": old + young, "gender_real": ["Male"] * 8 + ["Female"] * 8})
    >>> frame["age_estimation"] = frame["age_real"] + np.where(frame["age_real"] > 20, 10, 2)  # at one age, one error
    >>> table = differences_at_equal_ages(frame, "gender_real", "age_real", resampling=Resampling(seed=1), least=2)
    >>> table.loc[table["measure"] == "mean_absolute_error", ["group", "other", "crude", "standardised", "age_mix"]]
        group other  crude  standardised  age_mix
    0  Female  Male   -4.0           0.0     -4.0
    """
    sensitive, bands, control = _features(frame, sensitive_features, strata, control_features)
    values = values_and_ages(frame, measures)
    runs = runs_of(frame, bands, np.isfinite(values[0]))
    groups = [(" / ".join(map(str, labels.values())), inside) for labels, inside in groups_of(frame, sensitive)]
    rng = resampling.for_intervals("differences at equal ages")["rng"]
    rows = []
    for labels, level in groups_of(frame, control, control):
        for (name, first), (other, second) in combinations(groups, 2):
            names = labels | {"group": name, "other": other}
            found = _compared(values, (level & first, level & second), level, runs, least, tolerance, resampling, rng)
            rows += [names | {"measure": measure} | row for measure, row in zip(measures, found, strict=False)]
    columns = [*control, "group", "other", *_COLUMNS]
    table = with_adjusted(pd.DataFrame(rows, columns=columns), ["measure"])
    return table[[*columns[:-1], "p_holm", "p_bh", "few_faces"]]


_COLUMNS = [
    *("measure", "n_group", "n_other", "strata", "n_smallest_stratum", "crude", "standardised", "low", "high"),
    *("age_mix", "age_difference", "age_gap", "p_value", "few_faces"),
]


def _compared(values, sides, level, runs, least, tolerance, resampling, rng) -> list[dict]:
    """Of each of the values what :func:`differences_at_equal_ages` says of two sides."""
    strata = pooled(runs, level, sides, least)
    there = [values[:, side & strata.everyone] for side in sides]
    sizes = [side.shape[1] for side in there]
    found = combined(values, sides, strata, resampling.confidence) if strata.enough else _nothing(values)
    gap = found.value[-1]
    if abs(gap) > tolerance:
        found = _nothing(values)
    crude = there[0].mean(axis=1) - there[1].mean(axis=1) if all(sizes) else np.full(len(values), np.nan)
    p_values = np.full(len(values), np.nan)
    if np.isfinite(found.value[0]):
        pairs = [tuple(values[:, mask & side] for side in sides) for mask in strata.masks]
        p_values = stratified_p_values(pairs, strata.shares, rng=rng, permutations=resampling.permutations)
    return [
        {"n_group": sizes[0], "n_other": sizes[1], "strata": len(strata.masks), "n_smallest_stratum": strata.smallest}
        | {"crude": crude[i], "standardised": found.value[i], "low": found.low[i], "high": found.high[i]}
        | {"age_mix": crude[i] - found.value[i], "age_difference": crude[-1], "age_gap": gap}
        | {"p_value": p_values[i], "few_faces": min(sizes) < FEW_FACES}
        for i in range(len(values))
    ]


def _features(frame: pd.DataFrame, sensitive, strata, control) -> tuple[list[str], list[str], list[str]]:
    sensitive, strata, control = map(feature_names, (sensitive, strata, control))
    if not sensitive or not strata:
        raise ValueError("expected at least one sensitive feature and one column of strata")
    require_columns(frame, ("age_real", "age_estimation", *control, *strata, *sensitive))
    return sensitive, strata, control


def _nothing(values: np.ndarray) -> Estimates:
    return Estimates(*[np.full(len(values), np.nan)] * 3, "none")
