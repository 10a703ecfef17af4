"""What can be said of Appendix B, each sentence tied to one number of its tables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from age_audit.appendix_b import SEGMENTS
from age_audit.cohorts import AGE_RANGE_LABELS
from age_audit.disaggregation import ALL
from age_audit.reporting.claims import AUDIT, PUBLISHED, Claims

MASKS = {"study's": PUBLISHED, "audit's": AUDIT}  # whose masks speak for which side
_MATTERS = "Which segment goes with accuracy?"
_NOISE = "Could shuffled data give the same?"
_STUDY = "Do the study's values come out again?"
_HALVES = "What does splitting on accuracy do?"
_ROWS = "Do repeated rows count as faces?"
_RATIOS = "Do shares go with errors once they are taken as parts of a whole?"
_AGREE = "Do both presets' masks of one face say the same?"


def add_claims(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    """Add every claim of the notebook on Appendix B.

    Parameters
    ----------
    claims : Claims
    saved : mapping of str to DataFrame
        The tables that its saver has saved, by stem: ``final``, ``workbook_and_null``, ``likeness_to_study``,
        ``repetition``, ``restriction``, ``associations``, ``associations_summary`` and ``agreement_of_masks``.
    """
    _add_matters(claims, saved)
    _add_study(claims)
    _add_rows(claims, saved["repetition"])
    _add_halves(claims, saved["restriction"])
    _add_ratios(claims, saved)
    for segment in SEGMENTS:
        sentence = f"Log-ratios of {_name(segment)} in the study's and in the audit's masks correlate by {{:.2f}}."
        claims.add(_AGREE, AUDIT, sentence, "agreement_of_masks", "r_between", age_range=ALL, segment=segment)


def _add_matters(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    """The workbook's answer in each age range, and how often shuffles give that one."""
    final, tested = saved["final"].set_index("age_range"), saved["workbook_and_null"]
    for label in AGE_RANGE_LABELS:
        values = final.loc[label, list(SEGMENTS)].astype(float)
        if values.isna().all():
            continue
        segment = values.idxmax()
        sentence = f"At {label} years, the workbook's last step puts {_name(segment)} first ({{:+.1f}})."
        claims.add(_MATTERS, PUBLISHED, sentence, "final", segment, age_range=label)
        place = {"age_range": label, "segment": segment}
        sentence = f"At {label} years, {_name(segment)} comes first in {{:.0%}} of shuffles (one in five by lot)."
        claims.add(_NOISE, AUDIT, sentence, "workbook_and_null", "shuffled_highest", **place)
        sentence = f"Its mean contribution there is as far from the shuffles' mean in {{:.1%}} of them ({label} years)."
        claims.add(_NOISE, AUDIT, sentence, "workbook_and_null", "contribution_p_value", **place)
    if tested["p_holm"].notna().any():
        least = tested.loc[tested["p_holm"].idxmin()]
        place = {key: least[key] for key in ("age_range", "segment")}
        sentence = (
            f"The mean contribution that is hardest to explain by chance ({_name(least['segment'])}, "
            f"{least['age_range']} years) has a p-value of {{:.3f}} after Holm's adjustment."
        )
        claims.add(_NOISE, AUDIT, sentence, "workbook_and_null", "p_holm", **place)


def _add_study(claims: Claims) -> None:
    sentence = "A share of {:.2f} of the study's values for ages 0–12 have our sign."
    claims.add(_STUDY, PUBLISHED, sentence, "likeness_to_study", "observed", measure="same_sign")
    sentence = "As many signs agree in {:.1%} of shuffles."
    claims.add(_STUDY, AUDIT, sentence, "likeness_to_study", "p_value", measure="same_sign")
    sentence = "The study's values and ours correlate by {:.2f}."
    claims.add(_STUDY, PUBLISHED, sentence, "likeness_to_study", "observed", measure="r")
    sentence = "They correlate as much in {:.1%} of shuffles."
    claims.add(_STUDY, AUDIT, sentence, "likeness_to_study", "p_value", measure="r")


def _add_rows(claims: Claims, repetition: pd.DataFrame) -> None:
    """The cohort that is repeated most."""
    if repetition["too_narrow"].isna().all():
        return
    worst = repetition.loc[repetition["too_narrow"].idxmax()]
    place = {key: worst[key] for key in ("age_range", "race", "estimates")}
    who = f"{place['race']}, {place['age_range']} years, {place['estimates']}"
    claims.add(_ROWS, PUBLISHED, f"The most repeated cohort ({who}) has {{:,}} rows.", "repetition", "n_rows", **place)
    claims.add(_ROWS, AUDIT, f"It has {{:,}} faces ({who}).", "repetition", "n", **place)
    sentence = "If its rows passed for faces, shuffled data would differ from 0 “at 5 %” in {:.0%} of cases."
    claims.add(_ROWS, AUDIT, sentence, "repetition", "false_positives_rows", **place)


def _add_halves(claims: Claims, restriction: pd.DataFrame) -> None:
    """The segment with the largest r over all faces, and what is left of it in the halves."""
    for masks, side in MASKS.items():
        everyone = restriction[
            (restriction["masks"] == masks) & (restriction["age_range"] == ALL) & (restriction["half"] == "all")
        ]
        if everyone["r"].isna().all():
            continue
        part = everyone.loc[everyone["r"].abs().idxmax(), "part"]
        for half, words in (("all", "all faces"), ("positive", "accurate"), ("negative", "inaccurate estimates")):
            sentence = f"r of {_name(part)} with accuracy is {{:+.3f}} among {words} ({masks} masks, all ages)."
            place = {"masks": masks, "age_range": ALL, "half": half, "part": part}
            claims.add(_HALVES, side, sentence, "restriction", "r", **place)


def _add_ratios(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    summary, associated = saved["associations_summary"], saved["associations"]
    for masks, side in MASKS.items():
        for error in ("absolute_error", "signed_error"):
            place = {"masks": masks, "error": error, "scope": "age ranges"}
            row = summary[(summary[list(place)] == pd.Series(place)).all(axis=1)]
            if row.empty:
                continue
            words = f"of {row['tests'].iloc[0]} log-ratios within age ranges go with the {error.replace('_', ' ')}"
            sentence = f"{{:.0f}} {words} after Holm's adjustment ({masks} masks)."
            claims.add(_RATIOS, side, sentence, "associations_summary", "log_ratio", **place)
        absolute = associated[
            (associated["masks"] == masks)
            & (associated["age_range"] == ALL)
            & (associated["error"] == "absolute_error")
        ]
        if absolute["r"].notna().any():
            part = absolute.loc[absolute["r"].abs().idxmax(), "part"]
            sentence = f"The strongest, {_name(part)} over all ages, has r = {{:+.3f}} ({masks} masks)."
            place = {"masks": masks, "age_range": ALL, "error": "absolute_error", "part": part}
            claims.add(_RATIOS, side, sentence, "associations", "r", **place)


def _name(segment: str) -> str:
    """``outer_boundary_left`` as "left of the face"."""
    where = {
        "left": "left of the face",
        "right": "right of the face",
        "top": "above the face",
        "bottom": "below the face",
    }
    return where.get(segment.removeprefix("outer_boundary_"), "the face")
