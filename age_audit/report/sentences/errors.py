"""What can be said of errors by group, each sentence tied to one number of the tables about them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from age_audit.audit.errors.baselines import ESTIMATOR, ONE_AGE, OWN_AGE
from age_audit.audit.findings import standing_out
from age_audit.core.groups import ALL
from age_audit.core.measures import ACCURACY, CS_5, MAE
from age_audit.core.vocabulary import FEW_FACES
from age_audit.report.claims import AUDIT, PUBLISHED, Claims

FEATURES = {"race": "race_real", "gender": "gender_real"}
AS_THEY_ARE, EQUAL = "as they are", "equal"  # ages of the groups compared
_MAE = {"measure": MAE.key}
_ACCURATE = "How accurate are the estimates?"
_PERCENT = "Can the accuracy be read as a percentage?"
_WORST = "For whom is the error largest?"
_SURE = "How sure are differences by {}?"
_AGES = "How much of the differences by {} is a mix of ages?"
_MISSING = "Who is missing?"


def add_claims(claims: Claims, saved: Mapping[str, pd.DataFrame], features: Mapping[str, str] = FEATURES) -> None:
    """Add every claim of the notebook on errors.

    Parameters
    ----------
    claims : Claims
    saved : mapping of str to DataFrame
        The tables that its saver has saved, by stem: ``errors_overall``, ``errors_along_age``, ``baselines``,
        ``findings``, ``rank_changes`` and ``lost_faces``; for each feature ``positive_by_…``, ``errors_by_…`` and
        ``equal_ages_by_…``. What no group has enough faces for makes no claim.
    features : mapping of str to str
        The columns of what groups are compared by, by name.
    """
    _add_accuracy(claims, saved)
    _add_percentage(claims, saved["baselines"])
    _add_worst(claims, saved, features)
    for name in features:
        _add_sureness(claims, saved["findings"], name)
        _add_age_mix(claims, saved, name)
    _add_missing(claims, saved["lost_faces"], features)


def _add_accuracy(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    sentence = "Mean accuracy, over all faces, is {:.3f}."
    claims.add(_ACCURATE, PUBLISHED, sentence, "errors_overall", "value", age_range=ALL, measure=ACCURACY.key)
    sentence = "A share of {:.3f} of all faces is positive: accuracy above 0.90."
    claims.add(_ACCURATE, PUBLISHED, sentence, "baselines", "share_positive", age_range=ALL, guess=ESTIMATOR)
    everybody = standing_out(saved["errors_overall"], "value", age_range=ALL, **_MAE)
    sentence = f"Estimates are off by {{:.1f}} years on average{_interval(everybody)}."
    claims.add(_ACCURATE, AUDIT, sentence, "errors_overall", "value", age_range=ALL, **_MAE)
    sentence = "A share of {:.3f} of all faces is estimated within 5 years."
    claims.add(_ACCURATE, AUDIT, sentence, "errors_overall", "value", age_range=ALL, measure=CS_5.key)


def _add_percentage(claims: Claims, baselines: pd.DataFrame) -> None:
    sentence = "The mean accuracy of {:.3f} reads like a share of right answers."
    claims.add(_PERCENT, PUBLISHED, sentence, "baselines", ACCURACY.key, age_range=ALL, guess=ESTIMATOR)
    sentence = "One and the same age for every face, their median age, has a mean accuracy of {:.3f}."
    claims.add(_PERCENT, AUDIT, sentence, "baselines", ACCURACY.key, age_range=ALL, guess=ONE_AGE)
    for age_range in dict.fromkeys([ALL, *baselines["age_range"].astype(str)]):
        place = {"age_range": age_range, "guess": OWN_AGE}
        told = standing_out(baselines, "estimator_ahead", **place)
        if told:
            sentence = (
                f"{_at(age_range)}, the mean absolute error of a guess that is told only the age range (which the "
                f"estimator is not), less the estimator's, is {{:+.1f}} years{_interval(told)}; below 0 the guess is "
                "better."
            )
            claims.add(_PERCENT, AUDIT, sentence, "baselines", "estimator_ahead", **place)
    sentence = "A guess that is told only the age range has a mean accuracy of {:.3f}."
    claims.add(_PERCENT, AUDIT, sentence, "baselines", ACCURACY.key, age_range=ALL, guess=OWN_AGE)


def _add_worst(claims: Claims, saved: Mapping[str, pd.DataFrame], features: Mapping[str, str]) -> None:
    for name, feature in features.items():
        shares = saved[f"positive_by_{name}"]
        shares = shares.assign(shortfall=1 - shares["mean_accuracy"])
        worst = standing_out(shares[shares["n"] >= FEW_FACES], "shortfall")
        if worst:
            place = {key: worst[key] for key in ("age_range", feature)}
            sentence = f"By {name}, accuracy is lowest for {_who(worst, feature)}: {{:.3f}}."
            claims.add(_WORST, PUBLISHED, sentence, f"positive_by_{name}", "mean_accuracy", **place)
        errors = saved[f"errors_by_{name}"]
        worst = standing_out(errors[errors["age_range"] != ALL], "value", few_faces=False, **_MAE)
        if worst:
            place = {key: worst[key] for key in ("age_range", feature, "measure")}
            sentence = (
                f"By {name}, the mean absolute error is largest for {_who(worst, feature)}: "
                f"{{:.1f}} years{_interval(worst)}."
            )
            claims.add(_WORST, AUDIT, sentence, f"errors_by_{name}", "value", **place)
    bands = saved["errors_along_age"]
    bands = bands[(bands["measure"] == MAE.key) & ~bands["few_faces"]].dropna(subset=["value"])
    bands = bands.sort_values("value", kind="stable").to_dict("records")
    for which, band in (("largest", bands[-1]), ("smallest", bands[0])) if bands else ():
        sentence = (
            f"In bands of age, all faces together, the mean absolute error is {which} at {band['age_band']} years: "
            f"{{:.1f}} years{_interval(band)}."
        )
        claims.add(_WORST, AUDIT, sentence, "errors_along_age", "value", age_band=band["age_band"], **_MAE)


def _add_sureness(claims: Claims, findings: pd.DataFrame, name: str) -> None:
    for ages in (AS_THEY_ARE, EQUAL):
        place = {"groups": name, "ages": ages} | _MAE
        row = findings[(findings[list(place)] == list(place.values())).all(axis=1)].iloc[0]
        sentence = (
            f"With ages {ages}, {{:.0f}} of {row['comparisons']} differences of mean absolute error between two groups "
            "have a p-value of at most 0.05 after Holm's adjustment (age ranges of more than one band)."
        )
        claims.add(_SURE.format(name), AUDIT, sentence, "findings", "holm", **place)


def _add_age_mix(claims: Claims, saved: Mapping[str, pd.DataFrame], name: str) -> None:
    """The largest differences within an age range, as they are and at equal ages, each both ways; then the ranks.

    Only pairs with enough faces in every band: an interval from a handful of faces is too narrow.
    """
    question, table = _AGES.format(name), saved[f"equal_ages_by_{name}"]
    comparable = table[(table["age_range"] != ALL) & table["low"].notna() & ~table["few_faces"]]
    for age_range in comparable["age_range"].unique():
        named = set()
        for which, column in (("as they are", "crude"), ("at equal ages", "standardised")):
            largest = standing_out(comparable, column, age_range=age_range, **_MAE)
            if not largest or abs(largest["age_mix"]) < 1e-9:  # of one band of age, nothing is standardised
                break
            place = {key: largest[key] for key in ("age_range", "group", "other", "measure")}
            pair = f"{largest['group']} less {largest['other']}"
            if pair not in named:
                _add_pair(claims, question, f"equal_ages_by_{name}", place, largest, f"{pair}, the largest {which}")
            named.add(pair)
        if named:
            _add_ranks(claims, question, name, age_range)
    _add_ranks(claims, question, name, ALL)


def _add_pair(claims: Claims, question: str, table: str, place: dict, row: Mapping, words: str) -> None:
    sentence = f"{_at(place['age_range'])}, mean absolute errors differ by {{:+.1f}} years as they are ({words})."
    claims.add(question, AUDIT, sentence, table, "crude", **place)
    sentence = (
        f"{_at(place['age_range'])}, at equal ages they differ by {{:+.1f}} years{_interval(row)}, "
        f"p (Holm) = {row['p_holm']:.3f} ({row['group']} less {row['other']})."
    )
    claims.add(question, AUDIT, sentence, table, "standardised", **place)


def _add_ranks(claims: Claims, question: str, name: str, age_range: str) -> None:
    sentence = f"{_at(age_range)}, {{:.0f}} groups change rank by mean absolute error at equal ages, chance included."
    place = {"groups": name, "age_range": age_range, "strata": "age bands"} | _MAE
    claims.add(question, AUDIT, sentence, "rank_changes", "rank_changes", **place)


def _add_missing(claims: Claims, lost: pd.DataFrame, features: Mapping[str, str]) -> None:
    if lost["share"].notna().any():
        sentence = "A share of {:.4f} of all images ended without an estimate."
        claims.add(_MISSING, AUDIT, sentence, "lost_faces", "share", feature=ALL, group=ALL)
    for feature in (*features, "age_range"):
        worst = standing_out(lost, "share", feature=feature, few_faces=False)
        if worst:
            where = f"(95 % interval {worst['low']:.4f} to {worst['high']:.4f}, {worst['images']:,} images)"
            sentence = (
                f"By {feature.replace('_', ' ')}, most are lost of {worst['group']}: a share of {{:.4f}} {where}."
            )
            claims.add(_MISSING, AUDIT, sentence, "lost_faces", "share", feature=feature, group=worst["group"])


def _at(age_range: str) -> str:
    return "Over all ages" if age_range == ALL else f"At {age_range} years"


def _who(row: Mapping, feature: str) -> str:
    return f"{row[feature]} at {row['age_range']} years (n = {row['n']:,})"


def _interval(row: Mapping) -> str:
    """`` (95 % interval 1.0 to 2.0)``; nothing where there is none."""
    return "" if pd.isna(row["low"]) else f" (95 % interval {row['low']:.1f} to {row['high']:.1f})"
