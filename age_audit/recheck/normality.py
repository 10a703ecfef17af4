"""Are the estimates of a group normally distributed, and what does the answer depend on?

Beside the study's test of normality: its p-value adjusted for the number of groups, simulated for the same number of
faces and the same rounding, of the estimates before rounding, and of the real ages; and skewness and kurtosis, which
say how far from normal, whatever the number of faces.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.core.groups import groups_of, require_columns
from age_audit.core.randomness import CONFIDENCE, DRAWS, stream
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.normality import (
    _BATCH,
    FEWEST_FOR_SKEW,
    SIMULATIONS,
    _k_squared,
    normality_test,
    simulated_p_value,
)
from age_audit.stats.resampling import BCA_LIMIT, with_adjusted

SIZES = (10, 20, 40, 80, 160, 320, 640, 1280)
_MOMENTS = {
    "skewness": lambda values, axis: scipy.stats.skew(values, axis=axis),
    "excess_kurtosis": lambda values, axis: scipy.stats.kurtosis(values, axis=axis),
}


def normality_tests(
    frame: pd.DataFrame,
    features: Sequence[str],
    *,
    seed: int,
    alpha: float = 0.05,
    draws: int = DRAWS,
    simulations: int = SIMULATIONS,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Test the estimates of every group for normality (D'Agostino's and Pearson's K²), and measure their shape.

    Null hypothesis: the estimates of the group, in whole years, are a sample of a normal distribution (for
    ``p_simulated``: of one that was rounded to whole years).

    Parameters
    ----------
    frame : DataFrame
        With ``age_real`` and ``age_estimation`` in years and the columns named by ``features``; faces without one of
        the two are left out.
    features : sequence of str
        Their combinations are the groups.
    seed : int
        Of bootstrap and simulation.
    alpha : float
        Level of the tests.
    draws, simulations : int
        Bootstrap samples an interval, simulated groups a p-value.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a group. Columns: the features, ``n``, ``statistic`` and ``p_value`` as the study has them; ``p_holm``,
        ``p_bh`` (over all groups); ``p_simulated`` (share of simulated normal groups of the same size, mean and
        deviation, rounded likewise, with a statistic at least as large, itself included); ``p_unrounded`` (the study's
        test before rounding); ``p_real_ages`` (the same test of the labels, which no estimator had a part in);
        ``normality_rejected`` and the same with ``_holm`` and ``_bh``; ``skewness`` and ``excess_kurtosis`` (0 if
        normal), each with ``_low`` and ``_high``; ``few_faces``. NaN, and not rejected, with fewer than 8 faces or
        where all are alike.
    """
    require_columns(frame, ("age_real", "age_estimation", *features))
    known = frame[["age_real", "age_estimation"]].notna().all(axis=1).to_numpy()
    rng = stream(seed, "shapes of estimates")
    rows = []
    for labels, inside in groups_of(frame, features):
        faces = frame[inside & known]
        estimates = faces["age_estimation"].to_numpy(dtype=float)
        years = np.rint(estimates)
        statistic, p_value = normality_test(years)
        row = {"n": len(faces), "statistic": statistic, "p_value": p_value}
        row["p_simulated"] = simulated_p_value(years, rng=rng, simulations=simulations)
        row["p_unrounded"] = normality_test(estimates)[1]
        row["p_real_ages"] = normality_test(faces["age_real"].to_numpy(dtype=float))[1]
        row |= _shape(years, rng, draws, confidence)
        rows.append(labels | row | {"few_faces": len(faces) < FEW_FACES})
    table = with_adjusted(pd.DataFrame(rows))
    for name in ("p_value", "p_holm", "p_bh"):
        table[name.replace("p_value", "normality_rejected").replace("p_", "normality_rejected_")] = table[name] < alpha
    return table[[*features, *_COLUMNS]]


_COLUMNS = [
    *("n", "statistic", "p_value", "p_holm", "p_bh", "p_simulated", "p_unrounded", "p_real_ages"),
    *("normality_rejected", "normality_rejected_holm", "normality_rejected_bh"),
    *("skewness", "skewness_low", "skewness_high", "excess_kurtosis", "excess_kurtosis_low", "excess_kurtosis_high"),
    "few_faces",
]


def rejections_by_size(
    frame: pd.DataFrame,
    features: Sequence[str],
    sizes: Sequence[int] = SIZES,
    *,
    seed: int,
    alpha: float = 0.05,
    draws: int = 400,
) -> pd.DataFrame:
    """How often the test would reject the same group if fewer of its faces had been seen.

    Parameters
    ----------
    frame, features
        As :func:`normality_tests`.
    sizes : sequence of int
        Faces drawn from each group, without replacement; at most half of it, so that draws differ from each other.
    seed : int
    alpha : float
        Level of the test.
    draws : int
        Samples of each size.

    Returns
    -------
    DataFrame
        One row a group and size that it is large enough for. Columns: the features (of the types they had),
        ``n_group``, ``n``, ``rejected``
        (share of the samples, 0-1) and ``rejected_normal``: the same of normal samples of the group's mean and
        deviation, rounded to whole years, of which a valid test rejects the share alpha.
    """
    require_columns(frame, ("age_real", "age_estimation", *features))
    known = frame[["age_real", "age_estimation"]].notna().all(axis=1).to_numpy()
    rng = stream(seed, "samples of fewer faces")
    rows = []
    for labels, inside in groups_of(frame, features):
        years = np.rint(frame.loc[inside & known, "age_estimation"].to_numpy(dtype=float))
        for size in sizes:
            if size < FEWEST_FOR_SKEW or 2 * size > len(years):
                continue
            drawn = np.stack([rng.choice(years, size, replace=False) for _ in range(draws)])
            normal = np.rint(rng.normal(years.mean(), years.std(ddof=1), drawn.shape))
            shares = {
                name: float((_k_squared(samples)[1] < alpha).mean())
                for name, samples in (("rejected", drawn), ("rejected_normal", normal))
            }
            rows.append(labels | {"n_group": len(years), "n": size} | shares)
    table = pd.DataFrame(rows, columns=[*features, "n_group", "n", "rejected", "rejected_normal"])
    return table.astype({name: frame[name].dtype for name in features})  # so that groups without a row are still known


def _shape(years: np.ndarray, rng: np.random.Generator, draws: int, confidence: float) -> dict[str, float]:
    """Skewness and excess kurtosis with bootstrap intervals: BCa up to 2,000 faces, percentile above or without it."""
    row = {}
    for name, moment in _MOMENTS.items():
        row |= {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan}
        if len(years) < FEWEST_FOR_SKEW or np.ptp(years) == 0:
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of bootstrap samples whose faces are all alike
            result = scipy.stats.bootstrap(
                (years,),
                moment,
                n_resamples=draws,
                batch=max(1, _BATCH // len(years)),
                confidence_level=confidence,
                method="BCa" if len(years) <= BCA_LIMIT else "percentile",
                rng=rng,
            )
        ends = np.array(result.confidence_interval, dtype=float)
        if np.isnan(ends).any():
            ends = np.nanquantile(result.bootstrap_distribution, [(1 - confidence) / 2, (1 + confidence) / 2])
        row[name] = float(moment(years, axis=-1))
        row[f"{name}_low"], row[f"{name}_high"] = map(float, ends)
    return row
