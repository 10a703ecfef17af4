"""What can be said of Appendix B, each sentence tied to one number of its tables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from age_audit.core.groups import ALL
from age_audit.figures.appendix_b import segment_name
from age_audit.report.claims import AUDIT, PUBLISHED, Claims

_MATTERS = "Which segment matters, and is that more than shuffled accuracies give?"
_ALIKE = "Are our values for ages 0–12 like the study's?"
_ROWS = "What do repeated rows do?"
_RUNNING = "What does the running sum do?"
_SPLIT = "What does splitting on accuracy do?"
_SURVIVES = "Does an association survive log-ratios, and do the audit's masks say the same?"
_AGES = {"age ranges": "within age ranges", "all ages": "over all ages, which are not held equal,"}


def add_claims(claims: Claims, saved: Mapping[str, pd.DataFrame], preset: str) -> None:
    """Add every claim of the notebook on Appendix B.

    Parameters
    ----------
    claims : Claims
    saved : mapping of str to DataFrame
        The tables that its saver has saved, by stem: ``final``, ``null_summary``, ``likeness``,
        ``repetition_summary``, ``closure``, ``closure_summary``, ``restriction_summary``, ``association_summary`` and
        ``mask_agreement``.
    preset : str
        Whose masks the study's part reads.
    """
    _add_matters(claims, saved["null_summary"])
    _add_alike(claims, saved["likeness"])
    _add_rows(claims, saved["repetition_summary"].iloc[0])
    known = saved["closure"]["change"].notna().sum()
    sentence = f"Shares that truly sum to 1 change the sign of {{:.0f}} of {known} correlations."
    claims.add(_RUNNING, AUDIT, sentence, "closure_summary", "sign_changes", segment=ALL)
    _add_split(claims, saved["restriction_summary"], preset)
    _add_survives(claims, saved, preset)


def _add_matters(claims: Claims, summary: pd.DataFrame) -> None:
    named = summary.dropna(subset=["highest"])
    for row in named.itertuples():
        years, place = f"At {row.age_range} years", {"age_range": row.age_range}
        sentence = f"{years} the last step puts “{segment_name(row.highest)}” first, with {{:+.1f}} (n = {row.n:,})."
        claims.add(_MATTERS, PUBLISHED, sentence, "final", row.highest, **place)
        sentence = f"{years} shuffled accuracies put the same segment first in {{:.0%}} of draws; by lot it were 20%."
        claims.add(_MATTERS, AUDIT, sentence, "null_summary", "highest_if_shuffled", **place)
        sentence = (
            f"{years} the mean contribution least like chance, “{segment_name(row.segment)}”, has p = {{:.2f}} (Holm)."
        )
        claims.add(_MATTERS, AUDIT, sentence, "null_summary", "p_holm", **place)
    if len(named):
        sentence = "Of shuffled data sets, {:.0%} have a segment at −0.5 and one at +0.5."
        claims.add(_MATTERS, AUDIT, sentence, "null_summary", "both_ends", age_range=named["age_range"].iloc[0])


def _add_alike(claims: Claims, likeness: pd.DataFrame) -> None:
    sentence = f"Of {likeness['values'].iloc[0]} values, {{:.0%}} have the study's sign."
    claims.add(_ALIKE, PUBLISHED, sentence, "likeness", "observed", measure="same_sign")
    sentence = "Shuffled accuracies agree with the study's signs as often or more: p = {:.2f}."
    claims.add(_ALIKE, AUDIT, sentence, "likeness", "p_value", measure="same_sign")


def _add_rows(claims: Claims, count: pd.Series) -> None:
    sentence = (
        f"{count['repeated']:.0f} of {count['cohorts']:.0f} cohorts are repeated: {count['faces']:,.0f} faces become "
        "{:,.0f} rows."
    )
    claims.add(_ROWS, PUBLISHED, sentence, "repetition_summary", "rows")
    sentence = "If rows pass for faces, {:.0%} of r on shuffled data in repeated cohorts pass for significant at 5 %."
    if pd.notna(count["false_positives_rows"]):  # else no repeated cohort is large enough to judge
        claims.add(_ROWS, AUDIT, sentence, "repetition_summary", "false_positives_rows")


def _add_split(claims: Claims, summary: pd.DataFrame, preset: str) -> None:
    for half, name in (("positive", "accurate"), ("negative", "inaccurate")):
        place = {"masks": preset, "half": half}
        row = summary[(summary["masks"] == preset) & (summary["half"] == half)].iloc[0]
        sentence = f"The {name} half keeps {{:.0%}} of the spread of accuracy, on average over age ranges."
        claims.add(_SPLIT, AUDIT, sentence, "restriction_summary", "sd_ratio", **place)
        sentence = (
            f"Of {row['correlations']:.0f} r among {name} estimates, {{:.0f}} have p ≤ 0.05 beside shuffles (not "
            f"adjusted); {row['by_chance']:.0f} would by chance."
        )
        claims.add(_SPLIT, AUDIT, sentence, "restriction_summary", "p_up_to_0.05", **place)


def _add_survives(claims: Claims, saved: Mapping[str, pd.DataFrame], preset: str) -> None:
    for row in saved["association_summary"].itertuples():
        sentence = (
            f"{row.masks} masks, {row.error.replace('_', ' ')}: {_AGES[row.scope]} {row.plain} of {row.tests} plain "
            f"shares stand out, {{:.0f}} through log-ratios (Holm, n = {row.n:,})."
        )
        place = {"masks": row.masks, "error": row.error, "scope": row.scope}
        side = AUDIT if row.masks == "audit" else PUBLISHED
        claims.add(_SURVIVES, side, sentence, "association_summary", "log_ratio", **place)
    agreement = saved["mask_agreement"]
    for row in agreement[agreement["age_range"] == ALL].head(1).itertuples():
        sentence = f"The face's log-ratio in {preset} masks and in the audit's correlate by {{:+.2f}} (n = {row.n:,})."
        claims.add(_SURVIVES, AUDIT, sentence, "mask_agreement", "r_between", age_range=ALL, segment=row.segment)
