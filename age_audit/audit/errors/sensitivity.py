"""How much differences at equal ages depend on how ages are made equal, and on any one of the groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.audit.errors.strata import LEAST, TOLERANCE, Strata, combined, pooled, runs_of, values_and_ages
from age_audit.core.groups import feature_names, groups_of, require_columns
from age_audit.core.measures import MAE
from age_audit.core.randomness import CONFIDENCE, Resampling
from age_audit.stats.linear import bent_line, coefficient_interval
from age_audit.stats.resampling import stratified_interval

NOTHING, CURVE = "nothing", "one curve of age for both"
NOBODY = "nobody"


def differences_by_adjustment(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    ways: Mapping[str, str | Sequence[str]],
    control_features: str | Sequence[str] = (),
    *,
    measures: Sequence[str] = (MAE.key,),
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Differences between every two groups, with ages made equal in several ways, or not at all.

    Parameters
    ----------
    frame, sensitive_features, control_features, measures
        As :func:`age_audit.audit.errors.equal_ages.differences_at_equal_ages`.
    ways : mapping of str to str or sequence of str
        By name the columns of strata, such as bands of several widths.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a control level, pair, way and measure. Columns: the control features, ``group``, ``other``,
        ``n_group``, ``n_other``; ``adjusted_for``: ``nothing``, each of the ways, and ``one curve of age for both``;
        ``age_gap`` that is left (years; NaN for the curve); ``measure``, ``difference`` = group - other, ``low`` and
        ``high``, NaN where ages differ too much or faces are too few. The curve is a line with five bends, fitted to
        both groups together (:func:`age_audit.stats.linear.bent_line`): its difference is that at the ages at which
        both groups have faces, not at those of all faces; they are the same only if it is so at every age.

    Examples
    --------
    >>> ages, genders = [60] * 15 + [5] * 10 + [60] * 10 + [5] * 15, ["Male"] * 25 + ["Female"] * 25
    >>> frame = pd.DataFrame({"age_real": ages, "gender_real": genders})
    >>> error = np.where(frame["age_real"] > 20, 10, 2)  # at one age, one error
    >>> frame["age_estimation"] = frame["age_real"] + error + np.arange(50) % 5 - 2  # but for chance
    >>> table = differences_by_adjustment(frame, "gender_real", {"years of age": "age_real"})
    >>> table["difference"] = table["difference"].round(1) + 0.0  # never -0.0
    >>> table[["group", "other", "adjusted_for", "difference"]]
        group other               adjusted_for  difference
    0  Female  Male                    nothing        -1.6
    1  Female  Male               years of age         0.0
    2  Female  Male  one curve of age for both         0.0
    """
    sensitive, control = feature_names(sensitive_features), feature_names(control_features)
    strata = {name: feature_names(columns) for name, columns in ways.items()}
    require_columns(frame, (*control, *sensitive, *(column for columns in strata.values() for column in columns)))
    values = values_and_ages(frame, measures)
    used = np.isfinite(values[0])
    runs = {name: runs_of(frame, columns, used) for name, columns in strata.items()}
    groups = [(" / ".join(map(str, labels.values())), inside) for labels, inside in groups_of(frame, sensitive)]
    rows = []
    for labels, level in groups_of(frame, control, control):
        for (name, first), (other, second) in combinations(groups, 2):
            sides = level & used & first, level & used & second
            names = labels | {"group": name, "other": other, "n_group": sides[0].sum(), "n_other": sides[1].sum()}
            for way, found in _in_every_way(values, sides, level, runs, confidence).items():
                for measure, (difference, low, high) in zip(measures, found, strict=False):
                    row = {"adjusted_for": way, "age_gap": found[-1][0] if way != CURVE else np.nan}
                    row |= {"measure": measure, "difference": difference, "low": low, "high": high}
                    rows.append(names | row)
    columns = [*control, "group", "other", "n_group", "n_other", "adjusted_for", "age_gap", "measure"]
    return pd.DataFrame(rows, columns=[*columns, "difference", "low", "high"])


def _in_every_way(values: np.ndarray, sides: Sequence, level: np.ndarray, runs: Mapping, confidence: float) -> dict:
    """By way, of each of the values the difference of two sides with its interval; last the one of ages."""
    crude = stratified_interval([values[:, side] for side in sides], [1, -1], confidence=confidence)
    found = {NOTHING: list(zip(crude.value, crude.low, crude.high, strict=True))}
    for way, run in runs.items():
        strata = pooled(run, level, sides)
        found[way] = [(np.nan,) * 3] * len(values)
        if strata.enough:
            equal = combined(values, sides, strata, confidence)
            found[way] = list(zip(equal.value, equal.low, equal.high, strict=True))
            if abs(equal.value[-1]) > TOLERANCE:
                found[way][:-1] = [(np.nan,) * 3] * len(values[:-1])
    both = sides[0] | sides[1]
    found[CURVE] = [(np.nan,) * 3] * len(values)
    if all(side.sum() >= LEAST for side in sides):
        columns = np.column_stack([sides[0][both], bent_line(values[-1, both])])
        found[CURVE] = [coefficient_interval(columns, value[both], confidence=confidence) for value in values]
    return found


def largest_differences(
    frame: pd.DataFrame,
    sensitive_features: str | Sequence[str],
    strata: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    measures: Sequence[str] = (MAE.key,),
) -> pd.DataFrame:
    """The largest difference between any two groups, as they are and at equal ages, with all groups and without each.

    Strata are pooled for all groups of a row together, so a group with few faces at some age makes them wide for all:
    ``age_gap`` tells how far apart ages then are, and no row is refused but one whose faces end in a single stratum.

    Parameters
    ----------
    frame, sensitive_features, strata, control_features, measures
        As :func:`age_audit.audit.errors.equal_ages.standardised_within`.
    resampling : Resampling
        How intervals are drawn: the mean of each stratum of each group anew, from a normal distribution with its
        standard error; ages are taken as given.

    Returns
    -------
    DataFrame
        One row a control level, left-out group and measure. Columns: the control features; ``without`` (``nobody``,
        or a group); ``measure``; ``groups`` (how many); ``n_smallest_stratum``; ``age_gap``: the largest difference
        of mean ages in equal strata, in years; ``crude``, ``standardised`` and ``ratio`` = standardised / crude, each
        with ``…_low`` and ``…_high``. A largest difference is never below 0, and chance makes it larger. NaN where a
        group has fewer than ten faces, or one of two is left out; all but ``crude`` where all faces are one stratum
        whose ages are more than a year apart.

    Examples
    --------
    >>> ages, races = ([60] * 20 + [5] * 10) * 2 + [60] * 10 + [5] * 20, ["a"] * 30 + ["b"] * 30 + ["c"] * 30
    >>> frame = pd.DataFrame({"age_real": ages, "race_real": races})
    >>> error = np.where(frame["age_real"] > 20, 10, 2)  # at one age, one error
    >>> frame["age_estimation"] = frame["age_real"] + error + np.arange(90) % 5 - 2  # but for chance
    >>> table = largest_differences(frame, "race_real", "age_real", resampling=Resampling(seed=1))
    >>> table[["without", "groups", "crude", "standardised"]].round(1)
      without  groups  crude  standardised
    0  nobody       3    2.7           0.0
    1       a       2    2.7           0.0
    2       b       2    2.7           0.0
    3       c       2    0.0           0.0
    """
    sensitive, columns, control = map(feature_names, (sensitive_features, strata, control_features))
    require_columns(frame, (*control, *sensitive, *columns))
    values = values_and_ages(frame, measures)
    used = np.isfinite(values[0])
    runs = runs_of(frame, columns, used)
    groups = {" / ".join(map(str, labels.values())): inside for labels, inside in groups_of(frame, sensitive)}
    rows = []
    for labels, level in groups_of(frame, control, control):
        for without in (NOBODY, *groups):
            sides = [level & used & inside for name, inside in groups.items() if name != without]
            if len(sides) < 2:
                continue
            rng = resampling.for_intervals(f"largest differences without {without}")["rng"]
            found = _spread(values, sides, pooled(runs, level, sides), resampling, rng)
            for measure, row in zip(measures, found, strict=False):
                rows.append(labels | {"without": without, "measure": measure, "groups": len(sides)} | row)
    columns = [*control, "without", "measure", "groups", "n_smallest_stratum", "age_gap", *_SPREADS]
    return pd.DataFrame(rows, columns=columns)


_SPREADS = [name + end for name in ("crude", "standardised", "ratio") for end in ("", "_low", "_high")]


def _spread(values: np.ndarray, sides: Sequence, strata: Strata, resampling: Resampling, rng) -> list[dict]:
    """Of each of the values the largest difference between sides, as they are and in equal strata."""
    rows = []
    gap = np.nan
    for value in values[::-1]:  # ages come first, for the gap of them all
        row = {"n_smallest_stratum": strata.smallest, "age_gap": gap} | dict.fromkeys(_SPREADS, np.nan)
        if strata.enough:
            cells = [[value[mask & side] for mask in strata.masks] for side in sides]
            sizes = np.array([[len(cell) for cell in side] for side in cells])
            means, errors = (
                np.array([[summary(cell) for cell in side] for side in cells])
                for summary in (np.mean, lambda cell: cell.std(ddof=1) / np.sqrt(len(cell)))
            )
            drawn = np.concatenate([means[np.newaxis], rng.normal(means, errors, (resampling.draws, *means.shape))])
            crude = np.ptp((drawn * sizes).sum(axis=-1) / sizes.sum(axis=-1), axis=-1)
            equal = np.ptp(drawn @ np.array(strata.shares), axis=-1)
            gap = equal[0] if np.isnan(gap) else gap
            spreads = {"crude": crude}
            if len(strata.masks) > 1 or gap <= TOLERANCE:  # of one stratum of unequal ages nothing is adjusted
                with np.errstate(divide="ignore", invalid="ignore"):
                    spreads |= {"standardised": equal, "ratio": equal / crude}
            tails = [(1 - resampling.confidence) / 2, (1 + resampling.confidence) / 2]
            for name, spread in spreads.items():
                low, high = np.quantile(spread[1:], tails)
                row |= {name: spread[0], f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return rows[::-1]
