"""How errors go with the quality of pictures: rank correlations at equal ages, and errors in each band of quality.

Neither says that quality makes the error. A blurred picture may be blurred because it is old, as is who is on it; what
groups differ by at equal quality is in :mod:`age_audit.audit.dataset.equal_quality`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.audit.errors.equal_ages import standardised_within
from age_audit.audit.errors.strata import values_and_ages
from age_audit.core.groups import ALL, cluster_codes, feature_names, groups_of, require_columns
from age_audit.core.measures import MAE, SIGNED_ERROR
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.clustered import cluster_weights
from age_audit.stats.correlations import largest_below_one, spearman_interval
from age_audit.stats.linear import bent_line
from age_audit.stats.resampling import with_adjusted

BANDS = ("lowest fifth", "second fifth", "middle fifth", "fourth fifth", "highest fifth")
ERRORS = {"absolute_error": MAE.key, "signed_error": SIGNED_ERROR.key}
_MOST_DRAWS = 400  # a standard error asks for fewer than an interval's ends (Efron and Tibshirani 1993, section 6.4)
_NUMBERS_AT_ONCE = 2**21  # resampled numbers held in memory at a time: 16 MiB
_NO_SPREAD = 1e-9  # of ranks between 0 and 1: what rounding leaves of a column that age determines


def quality_bands(values: pd.Series) -> pd.Categorical:
    """Fifths of a measure over all faces, in order; equal values share a band, so that bands can be uneven or empty.

    Parameters
    ----------
    values : Series of float, length N
        NaN where not measured: of no band.

    Examples
    --------
    >>> list(quality_bands(pd.Series([5.0, 1, 2, 3, 4]))[:3])
    ['highest fifth', 'lowest fifth', 'second fifth']
    """
    place = (values.rank() - 0.5) / values.count()
    codes = np.floor(len(BANDS) * place).fillna(-1).astype(int)
    return pd.Categorical.from_codes(codes, BANDS, ordered=True)


def error_by_quality_band(
    frame: pd.DataFrame,
    measures: Sequence[str],
    sensitive_features: str | Sequence[str] = (),
    *,
    ages: str = "age_real",
    resampling: Resampling,
    clusters: str | None = None,
) -> pd.DataFrame:
    """Mean absolute and signed error in each fifth of each measure, of all faces and of each group.

    Fifths differ in age, and errors differ with age: the brightest pictures may be those of children. So each fifth
    stands as it is, and with the ages that its group has in all fifths together.

    Parameters
    ----------
    frame : DataFrame
        One row a face: ``age_real``, ``age_estimation``, the measures and the features.
    measures : sequence of str
        Columns; fifths are over all faces with an error, so that a band means the same for every group.
    sensitive_features : str or sequence of str
        Columns, each taken alone.
    ages : str
        Column of years or bands of age.
    resampling : Resampling
        How intervals are drawn.
    clusters : str, optional
        As :func:`age_audit.audit.errors.equal_ages.standardised_within`.

    Returns
    -------
    DataFrame
        One row a measure of quality, feature, group, band and error. Columns: ``quality`` (the measure), ``feature``
        and ``group`` (``"all"`` for all faces), ``band``, ``lowest_value`` and ``highest_value`` in the band,
        ``measure`` (of :data:`age_audit.core.measures.MEASURES`), ``n``; ``value`` as it is (years), ``low``, ``high``;
        ``equal_age``, ``equal_age_low``, ``equal_age_high`` at equal ages and the ``age_gap`` that is left, as
        :func:`age_audit.audit.errors.equal_ages.standardised_within` says; ``few_faces`` (fewer than 30).

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": 30, "luminance": range(100), "gender_real": ["Male", "Female"] * 50})
    >>> frame["age_estimation"] = 30 + frame["luminance"]
    >>> table = error_by_quality_band(frame, ["luminance"], resampling=Resampling(seed=1, draws=99))
    >>> mae = table["measure"] == "mean_absolute_error"
    >>> table.loc[mae, ["band", "lowest_value", "n", "value", "equal_age"]].head(2)
               band  lowest_value   n  value  equal_age
    0  lowest fifth           0.0  20    9.5        9.5
    2  second fifth          20.0  20   29.5       29.5
    """
    features = feature_names(sensitive_features)
    require_columns(frame, ("age_real", "age_estimation", *measures, *features, ages))
    frame = frame[np.isfinite(values_and_ages(frame, [MAE.key])[0])]
    options = {"resampling": resampling, "measures": list(ERRORS.values()), "clusters": clusters}
    tables = []
    for quality in measures:
        banded = frame.assign(band=quality_bands(frame[quality]))
        ends = (
            banded.groupby("band", observed=False)[quality].agg(lowest_value="min", highest_value="max").astype(float)
        )
        for feature, group, inside in _each_group(banded, features):
            table = standardised_within(banded[inside], "band", ages, **options).join(ends.astype(float), on="band")
            tables.append(table.rename(columns=_AT_EQUAL_AGES).assign(quality=quality, feature=feature, group=group))
    return pd.concat(tables, ignore_index=True)[_BAND_COLUMNS]


_AT_EQUAL_AGES = {"standardised": "equal_age", "low": "equal_age_low", "high": "equal_age_high"}
_AT_EQUAL_AGES |= {"crude": "value", "crude_low": "low", "crude_high": "high"}
_BAND_COLUMNS = [
    *("quality", "feature", "group", "band", "lowest_value", "highest_value", "measure", "n", "value", "low", "high"),
    *("equal_age", "equal_age_low", "equal_age_high", "age_gap", "few_faces"),
]


def quality_associations(
    frame: pd.DataFrame,
    measures: Sequence[str],
    sensitive_features: str | Sequence[str] = (),
    *,
    resampling: Resampling,
    clusters: str | None = None,
) -> pd.DataFrame:
    """Rank correlation of errors with each measure of quality at equal ages, of all faces and of each group.

    Ranks of error and of measure are each freed of a line of age with five bends, and what is left is correlated: a
    partial Spearman correlation. Null hypothesis of each row: it is 0. Its standard error, on the scale of Fisher's z,
    is that of faces drawn anew (whole clusters of them) up to 400 times, and ranked and freed of age anew each time.

    Parameters
    ----------
    frame : DataFrame
        As :func:`error_by_quality_band`.
    measures : sequence of str
        Columns, NaN where a face was not measured.
    sensitive_features : str or sequence of str
        Columns, each taken alone.
    resampling : Resampling
        How intervals and p-values are drawn.
    clusters : str, optional
        Column that says which faces are near-duplicates of each other; a face without stands alone.

    Returns
    -------
    DataFrame
        One row an error, feature, group and measure. Columns: ``error`` (``absolute_error`` or ``signed_error``),
        ``feature``, ``group`` (``"all"`` for all faces), ``quality``, ``n``, ``rank_correlation`` (-1 to 1) with
        ``low`` and ``high``, ``p_value``, ``p_holm`` and ``p_bh`` (adjusted over all rows of one error);
        ``few_faces``; ``refused``, why there is no correlation: ``"few faces"`` (under 30) or ``"no spread"`` (the
        measure, or the error, does not vary at equal ages), else empty. Ranks that agree throughout have the
        interval of :func:`age_audit.stats.correlations.spearman_interval` of as many clusters.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"age_real": rng.integers(1, 90, 200), "blur": rng.random(200)})
    >>> frame["age_estimation"] = frame["age_real"] + 9 * frame["blur"] + rng.random(200)
    >>> table = quality_associations(frame, ["blur"], resampling=Resampling(seed=1, draws=200))
    >>> table[["error", "group", "n", "rank_correlation"]].round(2)
                error group    n  rank_correlation
    0  absolute_error   all  200              0.99
    1    signed_error   all  200              0.99
    """
    features = feature_names(sensitive_features)
    require_columns(frame, ("age_real", "age_estimation", *measures, *features, *[clusters] * bool(clusters)))
    *errors, ages = values_and_ages(frame, list(ERRORS.values()))
    codes = cluster_codes(frame, clusters)
    rows = []
    for feature, group, inside in _each_group(frame, features):
        for quality in measures:
            values = frame[quality].to_numpy(dtype=float)
            used = inside & np.isfinite(errors[0]) & np.isfinite(values)
            columns = np.stack([values, *errors])[:, used]
            found = _associations(columns, ages[used], codes[used], resampling, f"{feature} {group} {quality}")
            names = {"feature": feature, "group": group, "quality": quality, "n": int(used.sum())}
            rows += [{"error": error} | names | row for error, row in zip(ERRORS, found, strict=True)]
    table = pd.DataFrame(rows)
    table = with_adjusted(table.assign(few_faces=table["n"] < FEW_FACES), ["error"])
    table["error"] = pd.Categorical(table["error"], list(ERRORS), ordered=True)
    table = table.sort_values("error", kind="stable", ignore_index=True).astype({"error": str})
    last = ["few_faces", "refused"]
    return table[[*table.columns.difference(last, sort=False), *last]]


def _each_group(frame: pd.DataFrame, features: Sequence[str]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Feature, group and its faces: first all, then each group of each feature."""
    yield ALL, ALL, np.ones(len(frame), dtype=bool)
    for feature in features:
        for labels, inside in groups_of(frame, [feature]):
            yield feature, labels[feature], inside


def _associations(columns: np.ndarray, ages: np.ndarray, codes: np.ndarray, resampling: Resampling, name: str) -> list:
    """Of the first column with each other one: correlation, ends and p-value, or why there is none."""
    n, nothing = len(np.unique(codes)), [np.nan] * 4
    if columns.shape[1] < FEW_FACES or n < _FEWEST_CLUSTERS:
        return [dict(zip(_ASSOCIATION, [*nothing, "few faces"], strict=True))] * (len(columns) - 1)
    design = bent_line(ages)
    found = partial_rank_correlations(columns, design, np.ones((1, len(ages))))[0]
    drawn = np.full((1, len(found)), np.nan)
    if np.isfinite(found).any():
        drawn = _drawn_correlations(columns, design, codes, resampling, name)
    rows = []
    for r, of_draws in zip(found, drawn.T, strict=True):
        ends = [*nothing, "no spread"] if np.isnan(r) else [*_ends(r, of_draws, n, resampling.confidence), ""]
        rows.append(dict(zip(_ASSOCIATION, ends, strict=True)))
    return rows


_ASSOCIATION = ("rank_correlation", "low", "high", "p_value", "refused")
_FEWEST_CLUSTERS = 4  # of an interval of a rank correlation


def _ends(r: float, of_draws: np.ndarray, n: int, confidence: float) -> tuple[float, ...]:
    """A correlation, its interval and p-value; of n clusters whose ranks agree throughout no draw says anything."""
    limit = float(largest_below_one(n))
    perfect = abs(r) > (1 + limit) / 2  # nearer to 1 than rounding leaves the largest below
    z, of_draws = np.arctanh(np.clip(r, -limit, limit)), np.arctanh(np.clip(of_draws, -limit, limit))
    error = np.nanstd(of_draws, ddof=1) if not perfect else np.sqrt((1 + limit**2 / 2) / (n - 3))
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * error
    low, high = np.tanh(z - half), np.tanh(z + half)
    if perfect:
        low, high = spearman_interval(r, n, confidence)
    return float(r), float(low), float(high), float(2 * scipy.stats.norm.sf(np.abs(z) / error))


def _drawn_correlations(columns, design, codes, resampling, name) -> np.ndarray:
    """Correlations of drawn faces, (draws, errors), some faces at a time for want of memory."""
    rng = resampling.for_intervals(f"quality and error: {name}")["rng"]
    at_once = max(1, _NUMBERS_AT_ONCE // len(codes))
    draws = min(_MOST_DRAWS, resampling.draws)
    sizes = [min(at_once, draws - start) for start in range(0, draws, at_once)]
    weights = (cluster_weights(codes, rng=rng, draws=size).astype(float) for size in sizes)
    return np.concatenate([partial_rank_correlations(columns, design, drawn) for drawn in weights])


def partial_rank_correlations(columns: np.ndarray, design: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's correlation of the first column with each other one, given a design, of faces counted by weight.

    Parameters
    ----------
    columns : ndarray of float, shape (1 + M, N)
        Finite.
    design : ndarray of float, shape (N, P)
        What ranks are freed of by least squares, a constant among it.
    weights : ndarray of float, shape (D, N)
        D data sets of the same faces: how often each counts.

    Returns
    -------
    ndarray of float, shape (D, M)
        NaN where either does not vary.

    Examples
    --------
    >>> columns = np.array([[1.0, 2, 3, 4], [1, 4, 9, 16]])
    >>> partial_rank_correlations(columns, np.ones((4, 1)), np.array([[1.0, 1, 1, 1], [1, 2, 1, 0]])).round(6)
    array([[1.],
           [1.]])
    """
    ranks = [_weighted_ranks(column, weights) for column in columns]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    inverse = np.linalg.pinv((weights @ products).reshape(len(weights), *[design.shape[1]] * 2), hermitian=True)
    sums = [(weights * rank) @ design for rank in ranks]

    def left(i: int, j: int) -> np.ndarray:
        explained = np.einsum("dp,dpq,dq->d", sums[i], inverse, sums[j])
        return np.einsum("dn,dn,dn->d", weights, ranks[i], ranks[j]) - explained

    variances = np.stack([left(i, i) for i in range(len(columns))]) / weights.sum(axis=1)
    shared = np.stack([left(0, i) for i in range(1, len(columns))]) / weights.sum(axis=1)
    varies = (variances[0] > _NO_SPREAD) & (variances[1:] > _NO_SPREAD)
    scale = np.sqrt(np.where(varies, variances[0] * variances[1:], 1))
    return np.where(varies, np.clip(shared / scale, -1, 1), np.nan).T


def _weighted_ranks(column: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the weight that lies below each face, and half of that at its value, less a half: (D, N)."""
    _, codes, counts = np.unique(column, return_inverse=True, return_counts=True)
    order = np.argsort(codes, kind="stable")
    at_value = np.add.reduceat(weights[:, order], np.cumsum(counts) - counts, axis=1)
    middle = np.cumsum(at_value, axis=1) - at_value / 2
    return (middle / weights.sum(axis=1, keepdims=True) - 0.5)[:, codes]
