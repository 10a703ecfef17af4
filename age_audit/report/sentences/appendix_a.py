"""What the study's Appendix A and the audit's say of the same questions, each sentence tied to one number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from age_audit.recheck.appendix_a import AS_THEY_ARE, SAME_AGE
from age_audit.report import sentences
from age_audit.report.claims import AUDIT, PUBLISHED, Claims

SETS = {"explained": "the explained faces", "estimated": "all estimated faces"}
_NORMAL = "Are a group's estimates normally distributed?"
_DIFFER = "Do errors differ between groups?"
_NORMALITY = {
    "rejected_holm": "of {tested} tested groups, {{:.0f}} are rejected when p is adjusted for so many tests (Holm).",
    "changed_by_rounding": "rounding to whole years changes the unadjusted verdict of {{:.0f}} of {tested} groups.",
    "rejected_real_ages": "the real ages, which no estimator made, are rejected in {{:.0f}} of {tested} groups.",
    "rejected_at_least_100": "of {tested_at_least_100} groups with 100 or more, {{:.0f}} are rejected, unadjusted.",
    "rejected_below_100": "of {tested_below_100} tested groups with fewer than 100, {{:.0f}} are rejected, unadjusted.",
}


def add_claims(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    """Add every claim of the notebook on Appendix A.

    Parameters
    ----------
    claims : Claims
    saved : mapping of str to DataFrame
        The tables that its saver has saved, by stem: ``published_verdicts``, ``normality_verdicts``,
        ``normality_by_n``, ``chi_square_verdicts``, ``appendix_a_audit``, ``group_tests`` and
        ``group_test_verdicts``. Numbers that are NaN, in groups of too few faces, make no claim.
    """
    _add_normality(claims, saved)
    sentences.add_claims("appendix_a", claims, saved)
    _add_group_tests(claims, saved)
    _add_largest_difference(claims, saved["group_tests"])


def _add_normality(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    for faces, words in SETS.items():
        sentence = f"Of {words}, {{:.0f}} groups “passed”, which in the study's table means: normality is rejected."
        claims.add(_NORMAL, PUBLISHED, sentence, "published_verdicts", "passed", faces=faces)
    verdicts = {row["faces"]: row for row in saved["normality_verdicts"].to_dict("records")}
    for column, sentence in _NORMALITY.items():
        sentence = "All estimated faces: " + sentence.format(**verdicts["estimated"])
        claims.add(_NORMAL, AUDIT, sentence, "normality_verdicts", column, faces="estimated")
    sentence = (
        f"Explained faces: of {verdicts['explained']['tested']} tested groups, {{:.0f}} are rejected, unadjusted, if p "
        "is simulated for so few faces."
    )
    claims.add(_NORMAL, AUDIT, sentence, "normality_verdicts", "rejected_simulated", faces="explained")
    samples = saved["normality_by_n"]
    largest = samples[samples["n_group"] == samples["n_group"].max()]
    for row in largest.iloc[[0, -1]].to_dict("records") if len(largest) > 1 else ():
        where = {name: row[name] for name in ("age_range", "gender", "race", "n")}
        sentence = f"Of {row['n']:,} faces of the largest group, normality is rejected in {{:.0%}} of random samples."
        claims.add(_NORMAL, AUDIT, sentence, "normality_by_n", "rejected", **where)


def _add_group_tests(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    sentence = (
        "Explained faces: mean estimates of two groups of one age range differ by up to {:.1f} years, whatever their "
        "real ages; the table tests no difference."
    )
    if saved["published_verdicts"].set_index("faces")["largest_difference_of_means"].notna()["explained"]:
        claims.add(_DIFFER, PUBLISHED, sentence, "published_verdicts", "largest_difference_of_means", faces="explained")
    for row in saved["group_test_verdicts"].to_dict("records"):
        where = {name: row[name] for name in ("faces", "asked", "compared")}
        sentence = (
            f"Of {SETS[row['faces']]}, {row['asked']}, {row['compared']}: {{:.0f}} of {row['tests']} rank tests find a "
            "difference after Holm's adjustment."
        )
        if row["tests"]:
            claims.add(_DIFFER, AUDIT, sentence, "group_test_verdicts", "rejected_holm", **where)


def _add_largest_difference(claims: Claims, tests: pd.DataFrame) -> None:
    """The test of races that finds most, and the same at equal real age."""
    chosen = tests[(tests["faces"] == "estimated") & (tests["asked"] == "races within gender")]
    first = chosen[chosen["compared"] == AS_THEY_ARE].dropna(subset="epsilon_squared")
    if first.empty:
        return
    largest = first.loc[first["epsilon_squared"].idxmax()]
    where = {name: largest[name] for name in ("faces", "asked", "age_range", "gender", "race")}
    for compared in (AS_THEY_ARE, SAME_AGE):
        row = chosen[(chosen["compared"] == compared) & (chosen[list(where)] == pd.Series(where)).all(axis=1)].iloc[0]
        if np.isfinite(row["epsilon_squared"]):
            sentence = (
                f"{row['gender']}, {row['age_range']} years, {compared}: ε² between races is {{:.3f}}; chance alone "
                f"gives {row['expected_by_chance']:.3f}."
            )
            claims.add(_DIFFER, AUDIT, sentence, "group_tests", "epsilon_squared", compared=compared, **where)
