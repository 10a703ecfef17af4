"""Appendix B of the study: which segment's share goes with accuracy, from Pearson's r to the workbook's last step.

The study parts a picture into five segments, the face and the outer boundaries left, right, top and bottom of it, and
correlates each segment's share with accuracy, by race and age range, once among accurate and once among inaccurate
estimates. Its workbook then goes on; with r of race g and segment s in one age range:

1. contribution: c(g, s) = r accurate - r inaccurate.
2. scaled: (c(g, s) - min over s) / (max over s - min over s), within each race: one segment gets 0 and one gets 1.
3. summed: the scaled contributions added over races, 0 to the number of races.
4. final: the sums scaled in the same way over the five segments, less 0.5: one gets -0.5 and one gets +0.5.

A race counts only if it has all five r in both halves, for which it needs two faces in each that differ in accuracy and
in shares; else its rows are NaN from the first step on and it is left out of the sum. Where all five are equal, 0 / 0
is NaN. The published rows come in, DataFrames go out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from age_audit.core.groups import feature_title
from age_audit.core.vocabulary import (
    AGE_RANGE_LABELS,
    AGE_RANGES,
    HALVES,
    KEYS_BOUNDARIES,
    KEYS_RACE_AGE_BOUNDARIES,
    PUBLISHED_HALVES,
    RACES,
)
from age_audit.study.rows import accuracy_correlations, filter_dataset

SEGMENTS = tuple(KEYS_BOUNDARIES)
_KEY_OF_HALF = dict(zip(HALVES, PUBLISHED_HALVES, strict=True))
STUDY_AGE_RANGE = AGE_RANGE_LABELS[0]
# The r that the study prints in its Appendix B for ages 0-12, in the order of SEGMENTS. It does not say how many faces
# stand behind each; its estimator was DEX on EfficientNet-B3.
STUDY_VALUES = {
    ("accurate", "Caucasian"): (0.016513, 0.005753, -0.012306, -0.079399, 0.080752),
    ("accurate", "Asian"): (0.102614, 0.063821, -0.062802, -0.058457, -0.022206),
    ("accurate", "African"): (-0.036242, -0.146797, 0.041303, -0.092133, 0.075251),
    ("accurate", "Indian"): (0.046936, 0.050545, -0.080470, -0.112087, 0.095438),
    ("accurate", "Other"): (0.185341, -0.053459, -0.069378, -0.109960, 0.011903),
    ("inaccurate", "Caucasian"): (-0.084793, 0.004101, 0.050588, 0.026588, 0.043224),
    ("inaccurate", "Asian"): (-0.043408, -0.075418, 0.026560, 0.059268, 0.037837),
    ("inaccurate", "African"): (-0.071872, -0.093589, 0.036649, -0.021509, 0.054080),
    ("inaccurate", "Indian"): (-0.111061, 0.052495, 0.174075, -0.018333, -0.017884),
    ("inaccurate", "Other"): (-0.012457, 0.011175, -0.012707, -0.004625, 0.026115),
}


class Steps(NamedTuple):
    """The workbook's further steps of G races, by arrays: (..., G, 5), (..., G, 5), (..., 5) and (..., 5)."""

    contribution: np.ndarray
    scaled: np.ndarray
    summed: np.ndarray
    final: np.ndarray


def correlation_table(
    parts: Mapping[str, Sequence[Mapping]],
    feature: str = "race_real",
    groups: Sequence[str] = tuple(RACES),
    ranges: Sequence[Sequence[int]] = tuple(AGE_RANGES),
    *,
    repeated: bool = True,
) -> pd.DataFrame:
    """Pearson's r of each segment's share with accuracy, by age range, race and half, as the study computes it.

    Parameters
    ----------
    parts : mapping
        ``positive`` and ``negative`` rows, from :func:`age_audit.study.rows.generate_processed_datasets`.
    feature, groups
        What stands in place of race, and its groups.
    ranges : sequence of (low, high)
        In years, both included.
    repeated : bool
        Repeat small cohorts up to the largest of their age range and half, as the study does; else each face counts
        once.

    Returns
    -------
    DataFrame
        One row an age range, race and half. Columns: ``age_range``, ``race`` (or the feature), ``estimates``
        (``accurate`` or ``inaccurate``), ``n`` (faces), ``n_rows`` (what r is computed of), then r of the ``SEGMENTS``;
        NaN with fewer than two faces or where either is constant.
    """
    rows, kept, name = [], {*KEYS_RACE_AGE_BOUNDARIES, feature}, feature_title(feature)
    for low, high in ranges:
        halves = {
            half: filter_dataset(parts[key], kept, feature, groups, age_min=low, age_max=high)
            for half, key in _KEY_OF_HALF.items()
        }
        for group in groups:
            for half, filtered in halves.items():
                n = filtered.cohort_sizes[group]
                faces = filtered.by_category[group] if repeated else filtered.by_category[group][:n]
                labels = {"age_range": f"{low}–{high}", name: group, "estimates": half, "n": n, "n_rows": len(faces)}
                rows.append(labels | accuracy_correlations(faces))
    return pd.DataFrame(rows)


def cohorts_of(correlations: pd.DataFrame) -> tuple[str, list[str], list[str]]:
    """The column of groups in a table of :func:`correlation_table`, its groups and its age ranges."""
    words = correlations.select_dtypes(exclude="number").columns
    name = next(column for column in words if column not in ("age_range", "estimates"))
    return name, list(dict.fromkeys(correlations[name])), list(dict.fromkeys(correlations["age_range"]))


def min_max(values: np.ndarray) -> np.ndarray:
    """Scale along the last axis so that its least value becomes 0 and its largest 1; NaN if one is NaN or all equal."""
    low, high = values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)
    varies = high > low
    return np.where(varies, (values - low) / np.where(varies, high - low, 1), np.nan)


def workbook_steps(accurate: np.ndarray, inaccurate: np.ndarray) -> Steps:
    """The workbook's steps, as this module defines them, of r in both halves: arrays of shape (..., races, 5)."""
    contribution = accurate - inaccurate
    contribution = np.where(np.isfinite(contribution).all(axis=-1, keepdims=True), contribution, np.nan)
    scaled = min_max(contribution)
    counted = np.isfinite(scaled)
    summed = np.where(counted.any(axis=-2), np.where(counted, scaled, 0).sum(axis=-2), np.nan)
    return Steps(contribution, scaled, summed, min_max(summed) - 0.5)


def workbook_tables(correlations: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The workbook, one table a step.

    Parameters
    ----------
    correlations : DataFrame
        From :func:`correlation_table`.

    Returns
    -------
    dict of str to DataFrame
        ``contribution`` and ``scaled`` have one row an age range and race: ``age_range``, ``race``, ``n_accurate``,
        ``n_inaccurate`` (faces), the ``SEGMENTS``. ``summed`` and ``final`` have one row an age range: ``age_range``,
        ``groups`` (that count), ``n`` (faces of these), the ``SEGMENTS``.
    """
    halves = [correlations[correlations["estimates"] == half].reset_index(drop=True) for half in HALVES]
    name, groups, ages = cohorts_of(correlations)
    shape = (len(ages), len(groups), len(SEGMENTS))
    steps = workbook_steps(*(half[list(SEGMENTS)].to_numpy(dtype=float).reshape(shape) for half in halves))
    rows = halves[0][["age_range", name]].assign(n_accurate=halves[0]["n"], n_inaccurate=halves[1]["n"])
    counted = np.isfinite(steps.scaled).all(axis=-1)
    faces = (rows["n_accurate"] + rows["n_inaccurate"]).to_numpy().reshape(shape[:2])
    ranges = pd.DataFrame({"age_range": ages, "groups": counted.sum(axis=1)})
    ranges["n"] = (faces * counted).sum(axis=1)
    by_group = {step: getattr(steps, step).reshape(-1, len(SEGMENTS)) for step in ("contribution", "scaled")}
    by_range = {step: getattr(steps, step) for step in ("summed", "final")}
    return {step: with_segments(rows, values) for step, values in by_group.items()} | {
        step: with_segments(ranges, values) for step, values in by_range.items()
    }


def with_segments(rows: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """The rows with a column for each of the ``SEGMENTS``, from values of shape (rows, 5)."""
    return pd.concat([rows, pd.DataFrame(values, columns=list(SEGMENTS))], axis=1)
