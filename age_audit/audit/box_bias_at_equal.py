"""Bias of regions at equal ages, or at equal estimates: see :mod:`age_audit.audit.box_bias`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.audit.box_bias import kinds_of, known_activity
from age_audit.audit.errors.strata import LEAST, TOLERANCE, combined, pooled, runs_of
from age_audit.core.groups import feature_names, groups_of, real_ages
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.regions.boxes import BOX_REGIONS
from age_audit.stats.resampling import stratified_p_values, with_adjusted


def bias_at_equal(
    frame: pd.DataFrame,
    protected: str,
    outcome: pd.Series,
    strata: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    regions: Sequence[str] = BOX_REGIONS,
    least: int = LEAST,
    tolerance: float = TOLERANCE,
) -> pd.DataFrame:
    """Differences in activity between every two groups, as they are and at equal ages, or at equal estimates.

    Which parts are active changes with age, and groups differ in age; and a face can only be estimated too old by ten
    years if it is not among the oldest. Strata of equal years are compared one by one and weighted by their share of
    all faces of the outcome, as errors are in :mod:`age_audit.audit.errors.equal_ages`.

    Null hypothesis of each row: within each stratum of this outcome, which parts are active does not depend on the
    group.

    Parameters
    ----------
    frame, protected, outcome, control_features, regions
        As :func:`bias_table`.
    strata : str or sequence of str
        The first is a column of numbers in years, ``age_real`` or ``age_estimation``: whole years are pooled with those
        that follow until both groups have ``least`` faces each. Others, such as race, are held equal as they are.
    resampling : Resampling
        How p-values are drawn.
    least : int
        Faces of either group in a stratum.
    tolerance : float
        Years by which the first column may still differ.

    Returns
    -------
    DataFrame
        One row a control level, outcome, pair and region. Columns: the control features; ``outcome``, ``group``,
        ``other``, ``region``; ``n_group``, ``n_other`` (in strata); ``strata`` (how many, pooled) and
        ``n_smallest_stratum`` of either; ``crude`` = group - other of these faces; ``standardised``, the same at equal
        strata, with ``low`` and ``high`` (Student's t, for strata have few faces: see
        :func:`age_audit.stats.resampling.stratified_interval`); ``years_difference`` and ``years_gap``: by how much the
        first column differs as it is and in equal strata; ``p_value``, ``p_holm`` and ``p_bh`` (adjusted over all rows
        of one outcome); ``few_faces`` (fewer than 30 of either). NaN where the strata together have fewer than
        ``least`` faces of either, or the gap is above the ``tolerance``.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If no strata are given.

    Examples
    --------
    >>> from age_audit.audit.box_bias import age_outcomes
    >>> ages = [60] * 30 + [20] * 10 + [60] * 10 + [20] * 30
    >>> frame = pd.DataFrame({"gender_real": ["Male"] * 40 + ["Female"] * 40, "age_real": ages})
    >>> frame = frame.assign(age_estimation=frame["age_real"] + 15, active_nose=frame["age_real"] > 40)
    >>> options = {"resampling": Resampling(seed=1), "regions": ["nose"]}
    >>> table = bias_at_equal(frame, "gender_real", age_outcomes(frame), "age_real", **options)
    >>> table.loc[[0], ["outcome", "group", "other", "strata", "crude", "standardised"]]
                 outcome   group other  strata  crude  standardised
    0  estimated too old  Female  Male       2   -0.5           0.0
    """
    columns, control = feature_names(strata), feature_names(control_features)
    if not columns:
        raise ValueError('expected at least one column of strata, such as "age_real"')
    active, used = known_activity(frame, regions, (protected, *columns, *control))
    years = np.mean(real_ages(frame), axis=0) if columns[0] == "age_real" else frame[columns[0]].to_numpy(dtype=float)
    used = used & np.isfinite(years)
    values, runs = np.vstack([active, years]), _runs(frame, years, columns[1:], used)
    groups = [(labels[protected], inside & used) for labels, inside in groups_of(frame, [protected])]
    rng = resampling.for_intervals(f"bias of regions at equal {', '.join(columns)}")["rng"]
    rows = []
    for labels, level in groups_of(frame, control, control):
        for kind, of_kind in kinds_of(outcome, frame):
            for (name, first), (other, second) in combinations(groups, 2):
                inside = level & of_kind
                sides = inside & first, inside & second
                found = _compared(values, sides, inside & used, runs, least, tolerance, resampling, rng)
                names = labels | {"outcome": kind, "group": name, "other": other}
                rows += [names | {"region": region} | row for region, row in zip(regions, found, strict=True)]
    names = [*control, "outcome", "group", "other", *_COLUMNS]
    table = with_adjusted(pd.DataFrame(rows, columns=names), ["outcome"])
    return table[[*names[:-1], "p_holm", "p_bh", "few_faces"]]


_COLUMNS = [
    *("region", "n_group", "n_other", "strata", "n_smallest_stratum", "crude", "standardised", "low", "high"),
    *("years_difference", "years_gap", "p_value", "few_faces"),
]


def _runs(frame: pd.DataFrame, years: np.ndarray, others: Sequence[str], used: np.ndarray) -> list[list[np.ndarray]]:
    """Whole years in their order, for every combination of the other columns' levels."""
    whole = np.floor(years)
    bands = pd.Categorical(whole, np.unique(whole[np.isfinite(whole)]), ordered=True)
    by_year = pd.DataFrame({"years": bands}).assign(**{name: frame[name].array for name in others})
    return runs_of(by_year, ["years", *others], used)


def _compared(values, sides, level, runs, least, tolerance, resampling, rng) -> list[dict]:
    """What :func:`bias_at_equal` says of two sides, one a region; the last of the values are years."""
    strata = pooled(runs, level, sides, least)
    there = [values[:, side & strata.everyone] for side in sides]
    sizes = [side.shape[1] for side in there]
    nothing = np.full(len(values), np.nan)
    crude = there[0].mean(axis=1) - there[1].mean(axis=1) if all(sizes) else nothing
    value, low, high, gap, p_values = nothing, nothing, nothing, np.nan, nothing
    if strata.enough:
        found = combined(values, sides, strata, resampling.confidence)
        gap = found.value[-1]
        if abs(gap) <= tolerance:
            value, low, high = found.value, found.low, found.high
            pairs = [tuple(values[:-1, mask & side] for side in sides) for mask in strata.masks]
            p_values = stratified_p_values(pairs, strata.shares, rng=rng, permutations=resampling.permutations)
    return [
        {"n_group": sizes[0], "n_other": sizes[1], "strata": len(strata.masks), "n_smallest_stratum": strata.smallest}
        | {"crude": crude[i], "standardised": value[i], "low": low[i], "high": high[i]}
        | {"years_difference": crude[-1], "years_gap": gap, "p_value": p_values[i], "few_faces": min(sizes) < FEW_FACES}
        for i in range(len(values) - 1)
    ]
