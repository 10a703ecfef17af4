"""What noise in the labels does to errors and to gaps between groups: added, taken away where that is honest, and asked
how much of it would make a gap alone.

A label is taken for the real age plus noise that is normal, with mean 0, independent of the real age and of the
estimate. That is the friendliest of cases. Where labels were proposed by a model of the same kind as the one that is
judged, as UTKFace's were by DEX, their noise goes along with the estimate: errors against them are then too small, not
too large, and nothing here applies to that part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.audit.errors.strata import LEAST, TOLERANCE, pooled, runs_of
from age_audit.core.groups import ALL, cluster_codes, feature_names, groups_of, require_columns
from age_audit.core.metrics import signed_error
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import Influence, interval, of_means

SDS = (0, 1, 2, 3, 4, 5)  # years
MOST_SKEWED, MOST_KURTOSIS = 0.5, 1.0  # of errors that are near enough to normal: skewness and excess kurtosis
MOST_APART = 0.02  # of the mean absolute error, by which a normal distribution of their mean and SD may miss it
_WITHIN = 5  # years of CS@5
_MOST_SD = 100.0  # years: no noise that large is asked for


def expected_absolute(errors: np.ndarray, sd: float) -> np.ndarray:
    """Mean of |error + noise| over normal noise, of each face: that of a folded normal (Leone et al. 1961).

    Examples
    --------
    >>> expected_absolute(np.array([0.0, 10.0]), 2.0).round(3), expected_absolute(np.array([-3.0]), 0.0)
    (array([ 1.596, 10.   ]), array([3.]))
    """
    if sd == 0:
        return np.abs(errors)
    z = errors / sd
    return sd * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + errors * (2 * scipy.stats.norm.cdf(z) - 1)


def errors_under_noise(
    frame: pd.DataFrame,
    sensitive_feature: str,
    sds: Sequence[float] = SDS,
    control_features: str | Sequence[str] = (),
    *,
    clusters: str | None = None,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """What errors and gaps would be had the labels more noise than they have: expected values, nothing is drawn.

    Parameters
    ----------
    frame : DataFrame
        One row a face: ``age_real``, ``age_estimation`` and the features. A face whose label is a range is left out.
    sensitive_feature : str
        Column of the groups.
    sds : sequence of float
        Standard deviations of the noise that is added, in years, 0 or more.
    control_features : str or sequence of str
        Columns; each level and ``"all"`` by itself.
    clusters : str, optional
        Column that says which faces are near-duplicates of each other.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a control level, group (``"all"`` last) and SD. Columns: the control features, ``group``, ``noise_sd``,
        ``n``, ``mean_absolute_error`` (years) with ``…_low`` and ``…_high``, ``mean_signed_error``, which noise leaves
        as it is, ``root_mean_square_error``, ``cumulative_score_5``, ``gap`` (mean absolute error less that of all
        others) with ``…_low`` and ``…_high``, and ``few_faces``.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If a standard deviation is below 0, or no number.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30] * 8, "gender_real": ["Male", "Female"] * 4})
    >>> frame["age_estimation"] = [30, 40] * 4
    >>> errors_under_noise(frame, "gender_real", [0, 5])[["group", "noise_sd", "mean_absolute_error", "gap"]].round(2)
        group  noise_sd  mean_absolute_error   gap
    0  Female         0                10.00  10.0
    1  Female         5                10.08   6.1
    2    Male         0                 0.00 -10.0
    3    Male         5                 3.99  -6.1
    4     all         0                 5.00   NaN
    5     all         5                 7.04   NaN
    """
    _check_sds(sds)
    rows = []
    for names, group, others, errors, codes in _groups(frame, sensitive_feature, control_features, clusters):
        for sd in sds:
            absolute = expected_absolute(errors, sd)
            row = {"noise_sd": sd, "n": int(group.sum())}
            row |= _ends("mean_absolute_error", of_means(absolute, [group], [1]), codes, confidence)
            row |= {"mean_signed_error": _mean(errors[group])}
            row |= {"root_mean_square_error": np.sqrt(_mean(errors[group] ** 2) + sd**2)}
            row |= {"cumulative_score_5": _mean(_within(errors[group], sd))}
            row |= _ends("gap", of_means(absolute, [group, others], [1, -1]), codes, confidence)
            rows.append(names | row | {"few_faces": row["n"] < FEW_FACES})
    return pd.DataFrame(rows)


def _check_sds(sds: Sequence[float]) -> None:
    for sd in sds:
        if not 0 <= sd < np.inf:
            raise ValueError(f"expected standard deviations of noise in years, 0 or more, got {sd}")


def errors_without_noise(
    frame: pd.DataFrame,
    sensitive_feature: str,
    sds: Sequence[float] = SDS[1:],
    control_features: str | Sequence[str] = (),
    *,
    clusters: str | None = None,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """What errors would be without the noise of their labels, had that a known standard deviation.

    Of the mean square that is exact: noise adds its variance. Of the mean absolute error it needs the distribution of
    errors, and is answered only where that is near enough to normal: skewness at most 0.5 and excess kurtosis at most 1
    either way, and the mean absolute error of a normal distribution with their mean and SD within 2 % of theirs.

    Parameters
    ----------
    frame, sensitive_feature, control_features, clusters, confidence
        As :func:`errors_under_noise`. Errors of all ages together are seldom near to normal: control for age.
    sds : sequence of float
        Standard deviations of the noise that is taken away, in years, above 0.

    Returns
    -------
    DataFrame
        One row a control level, group (``"all"`` last) and SD. Columns: the control features, ``group``, ``noise_sd``,
        ``n``; ``root_mean_square_error`` as it is and ``rmse_without`` noise, with ``…_low`` and ``…_high``, NaN where
        noise alone would have made a larger one; ``mean_absolute_error`` as it is, ``mae_if_normal`` (of a normal
        distribution with the errors' mean and SD) and ``mae_without`` noise; ``gap_without``, of that less that of all
        others (NaN where either is refused); ``skewness`` and ``excess_kurtosis``; ``refused``: why there is no
        ``mae_without``, or nothing; ``few_faces``.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If a standard deviation is below 0, or no number.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30.0] * 99, "gender_real": "Male"})
    >>> frame["age_estimation"] = 30 + 5 * scipy.stats.norm.ppf(np.arange(1, 100) / 100)  # as good as normal
    >>> table = errors_without_noise(frame, "gender_real", [3, 6])
    >>> table.loc[table["group"] == "all", ["noise_sd", "rmse_without", "mae_without", "refused"]].round(1)
       noise_sd  rmse_without  mae_without                                refused
    2         3           3.7          3.0
    3         6           NaN          NaN  errors have an SD of 4.8 years, not 6
    """
    _check_sds(sds)
    rows = []
    for names, group, others, errors, codes in _groups(frame, sensitive_feature, control_features, clusters):
        shape, shape_of_others = _shape(errors[group]), _shape(errors[others])
        square = interval(of_means(errors**2, [group], [1]), codes, confidence)
        row = names | {"n": int(group.sum()), "root_mean_square_error": np.sqrt(square[0])} | shape
        for sd in sds:
            refused = _refused(shape, sd)
            without, of_others = (np.nan if _refused(of, sd) else _folded(of, sd) for of in (shape, shape_of_others))
            rows.append(row | {"noise_sd": sd} | _root_without(square, sd))
            rows[-1] |= {"mae_without": without, "gap_without": without - of_others, "refused": refused}
    table = pd.DataFrame(rows).drop(columns=["mean_of_errors", "sd_of_errors"])
    table.insert(table.columns.get_loc("n"), "noise_sd", table.pop("noise_sd"))
    return table.assign(few_faces=table["n"] < FEW_FACES)


def _shape(errors: np.ndarray) -> dict[str, float]:
    """What is asked of the distribution of errors; NaN of too few, or where all are alike."""
    row = {"mean_absolute_error": _mean(np.abs(errors)), "mean_of_errors": _mean(errors)}
    if len(errors) < FEW_FACES or np.ptp(errors) == 0:
        return row | dict.fromkeys(("sd_of_errors", "mae_if_normal", "skewness", "excess_kurtosis"), np.nan)
    row |= {"sd_of_errors": errors.std(), "mae_if_normal": float(expected_absolute(errors.mean(), errors.std()))}
    return row | {"skewness": scipy.stats.skew(errors), "excess_kurtosis": scipy.stats.kurtosis(errors)}


def _folded(shape: Mapping[str, float], sd: float) -> float:
    """Mean absolute error of normal errors of which noise is taken away."""
    return float(expected_absolute(shape["mean_of_errors"], np.sqrt(shape["sd_of_errors"] ** 2 - sd**2)))


def _root_without(square: Sequence[float], sd: float) -> dict[str, float]:
    """Root mean square error without noise, with its ends; NaN where noise alone would have made a larger one."""
    value, low, high = (end - sd**2 for end in square)
    ends = np.sqrt([value, max(low, 0), high]) if value >= 0 else [np.nan] * 3
    return dict(zip(("rmse_without", "rmse_without_low", "rmse_without_high"), map(float, ends), strict=True))


def _refused(shape: Mapping[str, float], sd: float) -> str:
    """Why the mean absolute error cannot be freed of noise, or nothing."""
    if np.isnan(shape["sd_of_errors"]):
        return f"fewer than {FEW_FACES} faces, or all errors alike"
    if shape["sd_of_errors"] <= sd:
        return f"errors have an SD of {shape['sd_of_errors']:.1f} years, not {sd:g}"
    if abs(shape["skewness"]) > MOST_SKEWED:
        return f"errors are skewed ({shape['skewness']:.1f})"
    if abs(shape["excess_kurtosis"]) > MOST_KURTOSIS:
        return f"tails of errors are not normal (excess kurtosis {shape['excess_kurtosis']:.1f})"
    if abs(shape["mae_if_normal"] / shape["mean_absolute_error"] - 1) > MOST_APART:
        return "a normal distribution would have another mean absolute error"
    return ""


def tipping_points(
    frame: pd.DataFrame,
    sensitive_feature: str,
    ages: str | None = None,
    *,
    clusters: str | None = None,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """By how much noisier the labels of one side would have to be to make a group's gap alone.

    Were the estimator as good for both sides, noise on the labels of the worse one would make it look worse. Asked for
    is the SD of the noise that brings the mean absolute error of the better side up to that of the worse one.

    Parameters
    ----------
    frame, sensitive_feature, clusters, confidence
        As :func:`errors_under_noise`.
    ages : str, optional
        Column of years or bands of age, at which sides are made equal as
        :func:`age_audit.audit.errors.equal_ages.standardised_within` does.

    Returns
    -------
    DataFrame
        One row a group. Columns: ``group``, ``n_group`` and ``n_other``; ``gap`` in mean absolute error (years, group
        less all others) with ``…_low`` and ``…_high``; ``noisier``: whose labels would have to be, ``"group"`` or
        ``"others"``; ``noise_sd`` with ``…_low`` and ``…_high`` (those of the ends of the gap; 0 where the gap may be
        none); ``few_faces``. With noise of SD s in the better side's labels, the worse one's would need the root of
        s² + noise_sd². NaN where strata are too small, or ages differ by more than a year in them.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30] * 8, "gender_real": ["Male", "Female"] * 4})
    >>> frame["age_estimation"] = [31, 34, 29, 26] * 2  # men by 1 year, women by 4
    >>> tipping_points(frame, "gender_real")[["group", "gap", "noisier", "noise_sd"]].round(2)
        group  gap noisier  noise_sd
    0  Female  3.0   group      4.91
    1    Male -3.0  others      4.91
    """
    require_columns(frame, [ages] * bool(ages))
    rows = []
    for names, group, others, errors, codes in _groups(frame, sensitive_feature, (), clusters):
        if names["group"] != ALL:
            strata = _strata(frame, ages, group, others)
            row = {"n_group": int(group.sum()), "n_other": int(others.sum())}
            row |= _tipping(errors, strata, (group, others), codes, confidence)
            rows.append(names | row | {"few_faces": min(row["n_group"], row["n_other"]) < FEW_FACES})
    return pd.DataFrame(rows, columns=_TIPPING_COLUMNS)


_TIPPING_COLUMNS = [
    *("group", "n_group", "n_other", "gap", "gap_low", "gap_high", "noisier"),
    *("noise_sd", "noise_sd_low", "noise_sd_high", "few_faces"),
]


def tipping_sentence(row: pd.Series | dict) -> str:
    """What a row of :func:`tipping_points` says.

    Examples
    --------
    >>> row = {"group": "Female", "gap": 3.0, "gap_low": 2.5, "gap_high": 3.5, "noisier": "group", "noise_sd": 4.91}
    >>> tipping_sentence(row)
    'the gap in MAE would need labels of Female to be noisier than those of all others by an SD of 4.9 years'
    >>> tipping_sentence(row | {"gap_low": -0.1})
    'Female and all others are not told apart: no noise is needed'
    """
    if not row["gap_low"] <= row["gap_high"]:
        return f"{row['group']} and all others cannot be compared"
    if row["gap_low"] <= 0 <= row["gap_high"]:
        return f"{row['group']} and all others are not told apart: no noise is needed"
    pair = (row["group"], "all others") if row["noisier"] == "group" else ("all others", row["group"])
    sd = f"{row['noise_sd']:.1f}"
    return f"the gap in MAE would need labels of {pair[0]} to be noisier than those of {pair[1]} by an SD of {sd} years"


def _strata(frame: pd.DataFrame, ages: str | None, group: np.ndarray, others: np.ndarray) -> list[np.ndarray]:
    """In which the two sides are compared; none where they cannot be."""
    both = group | others
    if ages is None:
        return [both]
    strata = pooled(runs_of(frame, [ages], both), both, [group, others], LEAST)
    years = frame["age_real"].to_numpy(dtype=float)
    if not strata.enough or abs(_difference(years, strata.masks, (group, others)).value) > TOLERANCE:
        return []
    return strata.masks


def _difference(values: np.ndarray, strata: Sequence[np.ndarray], sides: Sequence[np.ndarray]) -> Influence:
    """The first side less the second, each stratum weighted by its share of all faces."""
    shares = np.array([mask.sum() for mask in strata]) / sum(mask.sum() for mask in strata)
    samples = [mask & side for side in sides for mask in strata]
    return of_means(values, samples, [*shares, *-shares])


def _tipping(errors, strata, sides, codes, confidence) -> dict:
    names = ("noise_sd", "noise_sd_low", "noise_sd_high")
    if not strata or any(side.sum() < 2 for side in sides):
        nothing = dict.fromkeys(("gap", "gap_low", "gap_high"), np.nan)
        return nothing | {"noisier": ""} | dict.fromkeys(names, np.nan)
    row = _ends("gap", _difference(np.abs(errors), strata, sides), codes, confidence)
    sign = 1 if row["gap"] >= 0 else -1
    better = sides[1] if sign > 0 else sides[0]
    ends = sorted(max(0.0, sign * row[name]) for name in ("gap_low", "gap_high"))
    found = (_noise_that_adds(years, errors, strata, better) for years in (sign * row["gap"], *ends))
    return row | {"noisier": "group" if sign > 0 else "others"} | dict(zip(names, found, strict=True))


def _noise_that_adds(years: float, errors: np.ndarray, strata: Sequence[np.ndarray], side: np.ndarray) -> float:
    """SD of the noise that makes the mean absolute error of a side larger by so many years; NaN beyond 100."""
    sizes = np.array([mask.sum() for mask in strata])
    of_face = np.concatenate([errors[mask & side] for mask in strata])
    parts = [(mask & side).sum() for mask in strata]
    weights = np.repeat(sizes / sizes.sum() / parts, parts)
    target = weights @ np.abs(of_face) + years
    if years <= 0 or weights @ expected_absolute(of_face, _MOST_SD) < target:
        return 0.0 if years <= 0 else np.nan
    return float(scipy.optimize.brentq(lambda sd: weights @ expected_absolute(of_face, sd) - target, 0, _MOST_SD))


def _groups(
    frame: pd.DataFrame, sensitive_feature: str, control_features: str | Sequence[str], clusters: str | None
) -> Iterator[tuple[dict, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Names, the group and everybody else who has a label of it, in each control level; all errors, and clusters."""
    control = feature_names(control_features)
    require_columns(frame, ("age_real", "age_estimation", sensitive_feature, *control, *[clusters] * bool(clusters)))
    errors, codes = signed_error(frame["age_estimation"], frame["age_real"]), cluster_codes(frame, clusters)
    used, labelled = np.isfinite(errors), frame[sensitive_feature].notna().to_numpy()
    for labels, level in groups_of(frame, control, control):
        for names, inside in groups_of(frame, [sensitive_feature], [sensitive_feature]):
            sides = level & used & inside, level & used & labelled & ~inside
            yield labels | {"group": names[sensitive_feature]}, *sides, errors, codes


def _ends(name: str, sum_: Influence, codes: np.ndarray, confidence: float) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), interval(sum_, codes, confidence), strict=True))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _within(errors: np.ndarray, sd: float) -> np.ndarray:
    """Chance that error and noise together are at most 5 years, of each face."""
    if sd == 0:
        return (np.abs(errors) <= _WITHIN).astype(float)
    return scipy.stats.norm.cdf((_WITHIN - errors) / sd) - scipy.stats.norm.cdf((-_WITHIN - errors) / sd)
