"""Appendix B beside shuffled data: what its steps give where shares and accuracy have nothing to do with each other.

Every function takes ``null``, an array of shape (shuffles, 2, age ranges, races, 5) that
:func:`age_audit.recheck.repetition.shuffled_cohort_correlations` makes of the same faces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy

from age_audit.core.vocabulary import AGE_RANGE_LABELS, HALVES, RACES
from age_audit.recheck.restriction import beside_null
from age_audit.stats.correlations import fisher_interval, weighted_correlations
from age_audit.stats.resampling import with_adjusted
from age_audit.study.appendix_b import (
    SEGMENTS,
    STUDY_AGE_RANGE,
    STUDY_VALUES,
    with_segments,
    workbook_steps,
    workbook_tables,
)


def likeness(table: pd.DataFrame, null: np.ndarray) -> pd.DataFrame:
    """How alike the study's 50 values and ours are, and how alike they would be were ours noise.

    The 50 are no 50 independent answers: five shares of one face nearly sum to a constant. Shuffling keeps
    that, and a coin thrown 50 times does not; both p-values are given.

    Parameters
    ----------
    table : DataFrame
        From :func:`age_audit.recheck.appendix_b.beside_study`.
    null : ndarray of float
        On accuracies shuffled within race and age range.

    Returns
    -------
    DataFrame
        Two rows, ``measure``: ``same_sign`` (share of values with the study's sign) and ``r`` (Pearson's, between the
        study's values and ours). Columns: ``values`` (pairs compared), ``observed``, ``null_mean``, ``null_low``,
        ``null_high`` (of shuffled accuracies, 2.5 % and 97.5 %), ``p_value`` (one-sided: as alike or more), and
        ``p_coin`` (of a fair coin for each sign, one-sided; NaN for r).
    """
    study = table["study_r"].to_numpy(dtype=float)
    ours = table["r"].to_numpy(dtype=float)
    places = [(HALVES.index(half), RACES.index(race)) for half, race in STUDY_VALUES]
    shuffled = np.concatenate([null[:, half, 0, race] for half, race in places], axis=1)
    used = np.isfinite(ours)
    rows = []
    for measure, alike in (("same_sign", _same_signs), ("r", _row_correlations)):
        observed = float(alike(ours[None, used], study[used])[0])
        drawn = alike(shuffled[:, used], study[used])
        drawn = drawn[np.isfinite(drawn)]
        row = {"measure": measure, "values": int(used.sum()), "observed": observed}
        row |= dict.fromkeys(("null_mean", "null_low", "null_high", "p_value", "p_coin"), float("nan"))
        if drawn.size and np.isfinite(observed):
            row["null_mean"] = float(drawn.mean())
            row["null_low"], row["null_high"] = np.quantile(drawn, [0.025, 0.975])
            row["p_value"] = float(((drawn >= observed).sum() + 1) / (drawn.size + 1))
        if measure == "same_sign" and used.any():
            hits = round(observed * used.sum())
            row["p_coin"] = float(scipy.stats.binomtest(hits, int(used.sum()), alternative="greater").pvalue)
        rows.append(row)
    return pd.DataFrame(rows)


def _same_signs(values: np.ndarray, study: np.ndarray) -> np.ndarray:
    """Share of the finite values of each row that have the study's sign; NaN for a row without any."""
    finite = np.isfinite(values)
    same = (np.sign(values) == np.sign(study)) & finite
    return np.where(finite.any(axis=1), same.sum(axis=1) / np.maximum(finite.sum(axis=1), 1), np.nan)


def _row_correlations(values: np.ndarray, study: np.ndarray) -> np.ndarray:
    """Pearson's r of each row, where it is finite, with the study's values."""
    finite = np.isfinite(values)
    return weighted_correlations(study[:, np.newaxis], np.where(finite, values, 0), finite)[:, 0]


def workbook_null(correlations: pd.DataFrame, null: np.ndarray) -> pd.DataFrame:
    """The workbook's later steps beside what shuffled accuracies give, by age range and segment.

    The final step of every data set has one segment at -0.5 and one at +0.5. Its p-value, the share of shuffles in
    which the segment is at least as far from 0, can therefore hardly fall below 2 / 5 for those two: no data can be
    told from noise by it. The mean contribution over races and the sum, from which it is made, can.

    Parameters
    ----------
    correlations : DataFrame
        From :func:`age_audit.study.appendix_b.correlation_table`.
    null : ndarray of float

    Returns
    -------
    DataFrame
        Columns: ``age_range``, ``segment``, ``n`` (faces), ``groups``; ``final``, ``shuffled_highest`` and
        ``shuffled_lowest`` (share of shuffles in which this segment gets +0.5, or -0.5), ``p_final``; for ``summed``
        and ``contribution`` (mean over the races that count) the value, ``…_null_mean``, ``…_null_low``,
        ``…_null_high`` (2.5 % and 97.5 %), ``…_p_value`` (two-sided, around the null mean), and for the contribution
        also ``p_holm`` and ``p_bh`` over all age ranges and segments.
    """
    tables, drawn = workbook_tables(correlations), workbook_steps(null[:, 0], null[:, 1])
    means = tables["contribution"].groupby("age_range", sort=False)[list(SEGMENTS)].mean()
    drawn_means = _mean_of_races(drawn.contribution)
    rows = []
    for age, (label, final) in enumerate(tables["final"].set_index("age_range").iterrows()):
        for i, segment in enumerate(SEGMENTS):
            row = {"age_range": label, "segment": segment, "n": int(final["n"]), "groups": int(final["groups"])}
            row |= _final_beside_null(float(final[segment]), drawn.final[:, age, i])
            summed = float(tables["summed"].loc[age, segment])
            row |= _named("summed", summed, drawn.summed[:, age, i])
            row |= _named("contribution", float(means.loc[label, segment]), drawn_means[:, age, i])
            rows.append(row)
    return with_adjusted(pd.DataFrame(rows), p_value="contribution_p_value")


def _mean_of_races(contribution: np.ndarray) -> np.ndarray:
    """Mean over the races that count; NaN without any."""
    there = np.isfinite(contribution)
    count = there.sum(axis=-2)
    return np.where(count > 0, np.where(there, contribution, 0).sum(axis=-2) / np.maximum(count, 1), np.nan)


def _final_beside_null(value: float, drawn: np.ndarray) -> dict[str, float]:
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size or np.isnan(value):
        return {"final": value} | dict.fromkeys(("shuffled_highest", "shuffled_lowest", "p_final"), float("nan"))
    further = int((np.abs(drawn) >= abs(value)).sum())
    row = {"final": value, "shuffled_highest": float((drawn == 0.5).mean())}
    return row | {"shuffled_lowest": float((drawn == -0.5).mean()), "p_final": (further + 1) / (drawn.size + 1)}


def _named(name: str, value: float, drawn: np.ndarray) -> dict[str, float]:
    beside = beside_null(value, drawn)
    return {name: value} | {f"{name}_{key}": beside[key] for key in ("null_mean", "null_low", "null_high", "p_value")}


def shuffled_finals(null: np.ndarray, count: int, ages: Sequence[str] = tuple(AGE_RANGE_LABELS)) -> pd.DataFrame:
    """The workbook's final step of the first few shuffles, to be looked at: ``shuffle``, ``age_range``, segments."""
    finals = workbook_steps(null[:count, 0], null[:count, 1]).final
    shuffle, age = np.indices(finals.shape[:2])
    table = pd.DataFrame({"shuffle": shuffle.ravel() + 1, "age_range": np.array(ages)[age.ravel()]})
    return with_segments(table, finals.reshape(-1, len(SEGMENTS)))


def null_summary(table: pd.DataFrame, finals: np.ndarray) -> pd.DataFrame:
    """Which segments the last step puts first and last, and whether that differs from shuffled data.

    Parameters
    ----------
    table : DataFrame
        From :func:`workbook_null`.
    finals : ndarray of float, shape (shuffles, age ranges, 5)
        The last step of each shuffle.

    Returns
    -------
    DataFrame
        One row an age range. Columns: ``age_range``, ``n``, ``groups``; ``highest`` and ``lowest`` (segments at +0.5
        and -0.5), ``highest_if_shuffled`` (share of shuffles that put the same segment first), ``both_ends`` (share of
        shuffles, of those with a last step, with a segment at -0.5 and one at +0.5), ``least_p_final``; ``segment``
        with the least p-value of its mean contribution, ``contribution``, ``p_value``, ``p_holm``. None and NaN where
        no race counts.
    """
    rows = []
    for age, label in enumerate(dict.fromkeys(table["age_range"])):
        group = table[table["age_range"] == label].set_index("segment")
        row = {"age_range": label, "n": int(group["n"].max()), "groups": int(group["groups"].max())}
        known = group["final"].notna().all() and group["contribution_p_value"].notna().all()
        found = group.loc[group["contribution_p_value"].idxmin()] if known else {}
        highest = group["final"].idxmax() if known else None
        row |= {"highest": highest, "lowest": group["final"].idxmin() if known else None}
        row["highest_if_shuffled"] = group.loc[highest, "shuffled_highest"] if known else np.nan
        drawn = finals[:, age][np.isfinite(finals[:, age]).all(axis=1)]
        ends = (drawn.min(axis=1) == -0.5) & (drawn.max(axis=1) == 0.5) if len(drawn) else np.array([np.nan])
        row |= {"both_ends": float(ends.mean()), "least_p_final": group["p_final"].min()}
        row |= {"segment": getattr(found, "name", None), "contribution": found.get("contribution", np.nan)}
        row |= {"p_value": found.get("contribution_p_value", np.nan), "p_holm": found.get("p_holm", np.nan)}
        rows.append(row)
    return pd.DataFrame(rows)


def beside_study(correlations: pd.DataFrame) -> pd.DataFrame:
    """The study's printed values for ages 0-12 beside those of :func:`correlation_table`.

    Returns
    -------
    DataFrame
        50 rows. Columns: ``estimates``, ``race``, ``segment``, ``study_r``, ``r``, ``n`` (faces), ``difference`` (ours
        less the study's), ``low`` and ``high`` (95 % interval of ours by Fisher's z, with faces counted once),
        ``study_inside`` (whether the study's value is in it) and ``same_sign``; the last two None where r is NaN.
    """
    ours = correlations[correlations["age_range"] == STUDY_AGE_RANGE].set_index(["estimates", "race"])
    rows = [
        {"estimates": half, "race": race, "segment": segment, "study_r": value}
        | {"r": ours.loc[(half, race), segment], "n": ours.loc[(half, race), "n"]}
        for (half, race), values in STUDY_VALUES.items()
        for segment, value in zip(SEGMENTS, values, strict=True)
    ]
    table = pd.DataFrame(rows)
    table["difference"] = table["r"] - table["study_r"]
    table["low"], table["high"] = fisher_interval(table["r"], table["n"])
    inside = (table["low"] <= table["study_r"]) & (table["study_r"] <= table["high"])
    table["study_inside"] = inside.astype(object).where(table["low"].notna(), None)
    same = np.sign(table["r"]) == np.sign(table["study_r"])
    table["same_sign"] = same.astype(object).where(table["r"].notna(), None)
    return table
