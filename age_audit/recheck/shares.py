"""Appendix B with other shares: truly closed ones, log-ratios, and those of another preset's masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.audit.explanations.associations import boundary_parts, share_associations
from age_audit.core.groups import ALL, levels
from age_audit.core.vocabulary import FEATURES_ALL
from age_audit.recheck.restriction import restriction_table
from age_audit.stats.compositions import ZERO_SHARE, centred_log_ratios
from age_audit.stats.correlations import fisher_interval, pearson_r
from age_audit.stats.resampling import with_adjusted
from age_audit.study.appendix_b import SEGMENTS, cohorts_of
from age_audit.study.rows import boundary_shares

ZERO_SHARES = (0.0005, ZERO_SHARE, 0.05)
_ERROR = "absolute_error"


def faces_with_shares(frame: pd.DataFrame, *, closure: str = "running") -> pd.DataFrame:
    """A copy of the frame with the shares of the ``SEGMENTS``.

    Parameters
    ----------
    frame : DataFrame
        From :func:`age_audit.data.frames.activations_frame`, with all regions.
    closure : str
        ``"running"``: divided in turn by the running sum, as in the study; ``"true"``: all by their one sum.
    """
    if closure == "true":
        return frame.assign(**boundary_parts(frame))
    shares = [boundary_shares(row) for row in frame[FEATURES_ALL].to_dict("records")]
    return frame.assign(**pd.DataFrame(shares, index=frame.index, columns=list(SEGMENTS)))


def truly_closed(parts: Mapping[str, Sequence[Mapping]]) -> dict[str, list[dict]]:
    """The same rows with shares that sum to 1: all five divided by their one sum."""
    return {
        key: [row | share for row, share in zip(rows, _true_shares(rows), strict=True)] for key, rows in parts.items()
    }


def _true_shares(rows: Sequence[Mapping]) -> list[dict]:
    frame = pd.DataFrame(
        [{feature: row.get(feature) for feature in FEATURES_ALL} for row in rows], columns=FEATURES_ALL
    )
    return boundary_parts(frame.astype(float)).to_dict("records")


def closure_table(running: pd.DataFrame, true: pd.DataFrame) -> pd.DataFrame:
    """How much r changes when shares truly sum to 1.

    Parameters
    ----------
    running, true : DataFrame
        From :func:`age_audit.study.appendix_b.correlation_table`, of the study's rows and of :func:`truly_closed` ones.

    Returns
    -------
    DataFrame
        One row an age range, race, half and segment: the labels, ``n``, ``r_running``, ``r_true``, ``change`` (true
        less running), ``sign_changes`` (None where an r is NaN).
    """
    labels = ["age_range", cohorts_of(running)[0], "estimates", "n"]
    table = running.melt(labels, list(SEGMENTS), "segment", "r_running")
    table["r_true"] = true.melt(labels, list(SEGMENTS), "segment", "r_true")["r_true"]
    table["change"] = table["r_true"] - table["r_running"]
    changes = np.sign(table["r_true"]) != np.sign(table["r_running"])
    table["sign_changes"] = changes.astype(object).where(table["change"].notna(), None)
    return table


def associations(frames: Mapping[str, pd.DataFrame], *, seed: int, permutations: int) -> pd.DataFrame:
    """How segments are associated with errors, by log-ratios and by plain shares, for the masks of several presets.

    Each is asked at equal estimates as well, because a mask explains the estimate that the error is made of.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        By name of the masks: one row a face, from :func:`age_audit.data.frames.activations_frame`.
    seed, permutations
        As :func:`age_audit.audit.explanations.associations.share_associations`.

    Returns
    -------
    DataFrame
        ``masks``, ``age_range`` (``all`` first), then as
        :func:`age_audit.audit.explanations.associations.share_associations`, except that p-values are adjusted
        over segments and age ranges together (``all`` is a family of its own), and those of plain shares and at equal
        estimates as well (``p_share_holm``, ``p_share_given_holm``, ``p_given_holm``).
    """
    tables = []
    for masks, frame in frames.items():
        frame = faces_with_shares(frame, closure="true")
        for label, faces in _by_age_range(frame):
            drawn = {"seed": seed, "permutations": permutations}
            table = share_associations(faces, SEGMENTS, **drawn, adjust=False, given="age_estimation")
            tables.append(table.assign(masks=masks, age_range=label))
    table = pd.concat(tables, ignore_index=True)
    table["family"] = table["age_range"] == ALL
    family = ["masks", "error", "family"]
    for p_value in ("p_share", "p_share_given", "p_given"):
        table[f"{p_value}_holm"] = with_adjusted(table, family, p_value)["p_holm"]
    table = with_adjusted(table, family).drop(columns="family")
    first = ["masks", "age_range"]
    return table[[*first, *(name for name in table if name not in first)]]


def closure_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Of each segment in :func:`closure_table`, and of ``all``: how much r changes.

    Returns
    -------
    DataFrame
        ``segment``, ``correlations`` (that exist), ``mean_change`` and ``largest_change`` (absolute), ``sign_changes``
        (how many).
    """
    rows = []
    for segment in (*SEGMENTS, ALL):
        group = table if segment == ALL else table[table["segment"] == segment]
        change = group["change"].abs().dropna()
        row = {"segment": segment, "correlations": len(change), "mean_change": change.mean()}
        rows.append(row | {"largest_change": change.max(), "sign_changes": int(group["sign_changes"].eq(True).sum())})
    return pd.DataFrame(rows)


def _by_age_range(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """All faces, then those of each age range."""
    yield ALL, frame
    for label in levels(frame["age_range"]):
        yield label, frame[frame["age_range"] == label]


def association_summary(table: pd.DataFrame, level: float = 0.05) -> pd.DataFrame:
    """How many associations stand out, as plain shares and through log-ratios.

    Parameters
    ----------
    table : DataFrame
        From :func:`associations`.
    level : float
        Of Holm's adjusted p-values.

    Returns
    -------
    DataFrame
        One row a preset's masks, error and ``scope`` (``all ages``, ``age ranges``). Columns: ``n`` (faces), ``tests``
        (associations that could be tested), ``plain`` and ``log_ratio`` (of them with an adjusted p-value up to the
        level), ``both`` (in both ways with the same sign), ``largest_r`` (log-ratio, by absolute value) with its
        ``segment`` and ``age_range``; ``plain_given``, ``log_ratio_given`` and ``largest_r_given``: the same at equal
        estimates.
    """
    rows = []
    scope = np.where(table["age_range"] == ALL, "all ages", "age ranges")
    for (masks, error, which), group in table.groupby(["masks", "error", scope], sort=False):
        plain, ratio = group["p_share_holm"] <= level, group["p_holm"] <= level
        row = {"masks": masks, "error": error, "scope": which, "n": int(group.groupby("age_range")["n"].first().sum())}
        row |= {"tests": int(group["p_value"].notna().sum()), "plain": int(plain.sum()), "log_ratio": int(ratio.sum())}
        row["both"] = int((plain & ratio & (np.sign(group["r"]) == np.sign(group["r_share"]))).sum())
        found = group.loc[group["r"].abs().idxmax()] if group["r"].notna().any() else {}
        row |= {
            "largest_r": found.get("r", np.nan),
            "segment": found.get("segment"),
            "age_range": found.get("age_range"),
        }
        for name, p_value in (("plain", "p_share_given_holm"), ("log_ratio", "p_given_holm")):
            row[f"{name}_given"] = int((group[p_value] <= level).sum())
        given = group["r_given"].dropna()
        rows.append(row | {"largest_r_given": given.loc[given.abs().idxmax()] if len(given) else np.nan})
    return pd.DataFrame(rows)


def zero_sensitivity(frames: Mapping[str, pd.DataFrame], zero_shares: Sequence[float] = ZERO_SHARES) -> pd.DataFrame:
    """How much the log-ratios' r with the absolute error depends on what stands for a share of 0.

    Returns
    -------
    DataFrame
        One row a preset's masks and segment, over all faces: ``masks``, ``segment``, ``n``, ``zeros`` (share of faces
        with 0 there), and r with each of ``zero_shares`` in a column ``r_<zero share>``.
    """
    rows = []
    for masks, frame in frames.items():
        shares = boundary_parts(frame).to_numpy()
        used = np.isfinite(shares).all(axis=1) & np.isfinite(frame[_ERROR].to_numpy(dtype=float))
        shares, error = shares[used], frame[_ERROR].to_numpy(dtype=float)[used]
        ratios = {f"r_{zero:g}": centred_log_ratios(shares, zero) for zero in zero_shares}
        for i, segment in enumerate(SEGMENTS):
            zeros = float((shares[:, i] == 0).mean()) if len(shares) else float("nan")
            row = {"masks": masks, "segment": segment, "n": len(shares), "zeros": zeros}
            rows.append(row | {name: pearson_r(ratio[:, i], error) for name, ratio in ratios.items()})
    return pd.DataFrame(rows)


def mask_agreement(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Whether two presets' masks of the same faces say the same of a segment.

    Parameters
    ----------
    first, second : DataFrame
        From :func:`age_audit.data.frames.activations_frame`; faces are matched by ``fname``.

    Returns
    -------
    DataFrame
        One row an age range (``all`` first) and segment, of the faces that both have: ``age_range``, ``segment``,
        ``n``; ``r_between`` (Pearson's r of the segment's log-ratio in the first masks with that in the second) with
        ``low`` and ``high`` (95 %, Fisher's z); ``r_first`` and ``r_second`` (of each log-ratio with the absolute
        error) and ``same_sign`` (None where one is NaN).
    """
    ratios = [
        pd.DataFrame(centred_log_ratios(boundary_parts(frame).to_numpy()), frame["fname"], SEGMENTS)
        for frame in (first, second)
    ]
    labels = first.set_index("fname")[["age_range", _ERROR]]
    faces = labels.join(ratios[0], how="inner").join(ratios[1].add_suffix(" second"), how="inner")
    faces = faces.dropna(subset=[_ERROR])
    faces = faces[np.isfinite(faces[[*SEGMENTS, *(f"{name} second" for name in SEGMENTS)]]).all(axis=1)]
    rows = []
    for label, inside in _by_age_range(faces):
        for segment in SEGMENTS:
            one, two, error = (inside[name].to_numpy() for name in (segment, f"{segment} second", _ERROR))
            row = {"age_range": label, "segment": segment, "n": len(inside), "r_between": pearson_r(one, two)}
            rows.append(row | {"r_first": pearson_r(one, error), "r_second": pearson_r(two, error)})
    table = pd.DataFrame(rows)
    low, high = fisher_interval(table["r_between"], table["n"])
    table.insert(4, "low", low)
    table.insert(5, "high", high)
    there = table[["r_first", "r_second"]].notna().all(axis=1)
    same = np.sign(table["r_first"]) == np.sign(table["r_second"])
    return table.assign(same_sign=same.astype(object).where(there, None))


def restrictions(
    frames: Mapping[str, pd.DataFrame], feature: str = "race_real", *, seed: int, shuffles: int
) -> pd.DataFrame:
    """What splitting on accuracy does to the study's r, for the masks of several presets; faces counted once.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        As for :func:`associations`; of them the study's own shares are made.
    seed, shuffles
        Accuracies are shuffled within group of the feature and age range.

    Returns
    -------
    DataFrame
        ``masks``, ``age_range`` (``all`` first), then as
        :func:`age_audit.recheck.restriction.restriction_table`.
    """
    tables = []
    for masks, frame in frames.items():
        cohort = frame["age_range"].astype(str) + ", " + frame[feature].astype(str)
        for label, faces in _by_age_range(faces_with_shares(frame).assign(cohort=cohort)):
            table = restriction_table(faces, SEGMENTS, "cohort", seed=seed, shuffles=shuffles)
            table.insert(0, "masks", masks)
            table.insert(1, "age_range", label)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def restriction_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Of each preset's masks and half in :func:`restrictions`, over age ranges and segments (``all`` ages aside).

    Returns
    -------
    DataFrame
        ``masks``, ``estimates``; ``correlations`` (with a p-value), ``p_up_to_0.05`` (how many of them, none adjusted)
        and ``by_chance`` (how many that would be without any association); means of ``sd_ratio`` and ``null_sd``.
    """
    rows = []
    for (masks, half), group in table[table["age_range"] != ALL].groupby(["masks", "estimates"], sort=False):
        tested = int(group["p_value"].notna().sum())
        row = {"masks": masks, "estimates": half, "correlations": tested}
        row |= {"p_up_to_0.05": int((group["p_value"] <= 0.05).sum()), "by_chance": 0.05 * tested}
        rows.append(row | {name: group[name].mean() for name in ("sd_ratio", "null_sd")})
    return pd.DataFrame(rows)
