"""Errors with equal ages: direct standardisation.

Groups of a data set differ in their ages, and errors differ with age, so that a group may do badly for its ages alone.
Direct standardisation gives every group the age distribution of all faces: the mean of each stratum (age range) is
weighted by that stratum's share of all faces, not of the group's (Breslow and Day 1987, chapter 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import face_measures
from age_audit.core.groups import feature_names, groups_of, require_columns
from age_audit.core.measures import MEASURES
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.resampling import CONFIDENCE, DRAWS, Estimates, combination_interval


def standardised_by_group(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    control_features: str | Sequence[str] = "age_range",
    *,
    seed: int,
    measures: Sequence[str] = tuple(MEASURES),
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Errors of each group, crude and standardised to the strata of all faces, and where the ranking changes.

    Only faces that are in a stratum count, in the crude value too, so that both speak of the same faces. The shares of
    the strata are taken as given; the intervals are those of faces drawn anew within each group and stratum.

    Parameters
    ----------
    frame : DataFrame
        As :mod:`age_audit.data.frames` makes it; ``age_real``, ``age_estimation`` and the features suffice.
    sensitive_features : str or sequence of str
        Columns; several make groups of their combinations.
    control_features : str or sequence of str
        Columns; every combination of their levels is a stratum.
    seed : int
        Of the bootstrap.
    measures : sequence of str
        Of :data:`age_audit.core.measures.MEASURES`.
    draws : int
        Bootstrap samples.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row for each group and measure. Columns: the sensitive features, ``measure``, ``n``, ``n_smallest_stratum``;
        ``crude`` and ``standardised`` with ``low`` and ``high``; ``difference`` of the standardised value to the
        overall (whose crude and standardised values are one), with ``difference_low`` and ``difference_high``;
        ``rank_crude`` and ``rank_standardised`` (1 = least error, most within 5 years; of signed errors the one nearest
        0; among groups that have both values) and ``rank_changes``; ``few_faces`` (fewer than 30 in some stratum). A
        group without a face in some stratum cannot be standardised: NaN; with one face there, a NaN interval.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If no sensitive or no control feature is given, or for an unknown measure.

    Examples
    --------
    >>> old, young = [60] * 6 + [5] * 2, [60] * 2 + [5] * 6
    >>> frame = pd.DataFrame({"age_real": old + young, "gender_real": ["Male"] * 8 + ["Female"] * 8})
    >>> frame["age_estimation"] = frame["age_real"] + np.where(frame["age_real"] > 20, 10, 2)  # at one age, one error
    >>> frame["age_range"] = np.where(frame["age_real"] > 20, "26–100", "0–12")
    >>> table = standardised_by_group(frame, "gender_real", seed=1)
    >>> table.loc[table["measure"] == "mean_absolute_error", ["gender_real", "n", "crude", "standardised"]]
      gender_real  n  crude  standardised
    0      Female  8    4.0           6.0
    4        Male  8    8.0           6.0
    """
    sensitive, control = feature_names(sensitive_features), feature_names(control_features)
    if not sensitive or not control:
        raise ValueError("expected at least one sensitive and one control feature")
    require_columns(frame, ("age_real", "age_estimation", *control, *sensitive))
    values = face_measures(frame, measures)
    used = np.isfinite(values[0])
    strata = [inside & used for _, inside in groups_of(frame, control)]
    strata = [stratum for stratum in strata if stratum.any()]
    options = {"rng": stream(seed, "errors at equal ages"), "draws": draws, "confidence": confidence}
    rows = []
    for labels, group in groups_of(frame, sensitive):
        rows += _rows(labels, values, group, strata, measures, options)
    return _ranked(pd.DataFrame(rows))


def _rows(labels: dict, values: np.ndarray, group: np.ndarray, strata: list, measures: Sequence[str], options) -> list:
    """One row a measure of one group."""
    everyone = sum(stratum.sum() for stratum in strata)
    inside = [values[:, stratum & group] for stratum in strata]
    sizes = [sample.shape[1] for sample in inside]
    nothing = Estimates(*[np.full(len(measures), np.nan)] * 3, "none")
    crude = np.concatenate(inside, axis=1).mean(axis=1) if sum(sizes) else nothing.value
    found = difference = nothing
    if sizes and min(sizes):
        shares = [stratum.sum() / everyone for stratum in strata]
        found = combination_interval(inside, shares, **options)
        difference = _to_overall(values, group, strata, shares, options) or nothing
    smallest = min(sizes, default=0)
    return [
        labels
        | {"measure": measure, "n": sum(sizes), "n_smallest_stratum": smallest, "crude": crude[i]}
        | {"standardised": found.value[i], "low": found.low[i], "high": found.high[i]}
        | {"difference": difference.value[i]}
        | {"difference_low": difference.low[i], "difference_high": difference.high[i]}
        | {"few_faces": smallest < FEW_FACES}
        for i, measure in enumerate(measures)
    ]


def _to_overall(values: np.ndarray, group: np.ndarray, strata: list, shares: list, options) -> Estimates | None:
    """The standardised group less the overall; None where there is nobody else.

    Within a stratum the group is a part of all its faces: its difference to them is the share of the others there
    times its difference to those others. Written so, the samples are independent.
    """
    samples, coefficients = [], []
    for stratum, share in zip(strata, shares, strict=True):
        others = stratum & ~group
        if others.any():
            factor = share * others.sum() / stratum.sum()
            samples += [values[:, stratum & group], values[:, others]]
            coefficients += [factor, -factor]
    return combination_interval(samples, coefficients, **options) if samples else None


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Ranks of the groups within each measure."""
    both = table["crude"].notna() & table["standardised"].notna()
    for name in ("crude", "standardised"):
        table[f"rank_{name}"] = np.nan
        for measure, group in table[both].groupby("measure"):
            table.loc[group.index, f"rank_{name}"] = MEASURES[measure].worse(group[name]).rank()
    table["rank_changes"] = both & (table["rank_crude"] != table["rank_standardised"])
    return table
