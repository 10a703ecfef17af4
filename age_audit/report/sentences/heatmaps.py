"""What can be said of the mask heatmaps, each sentence tied to one number of the tables about them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from age_audit.core.groups import ALL
from age_audit.regions.polygons import REGION_NAMES
from age_audit.report.claims import AUDIT, PUBLISHED, Claims

MASKS = {"study's": PUBLISHED, "audit's": AUDIT}  # whose masks speak for which side
KINDS = {"study's: positive": PUBLISHED, "audit's: raises age": AUDIT, "audit's: lowers age": AUDIT}
_PLACES = "Do masks of accurate and of inaccurate estimates lie in different places?"
_RACES = "Do heatmaps differ between races?"
_REGIONS = "Does any region score more than masks of other faces of the same area would give it?"
_MARKED = "How much does a mask mark, and how alike are masks of different faces?"
_CONTRASTS = "accurate_less_inaccurate_summary"
_NULLS = "regions_and_null_summary"
_FOUND = 0.05


def add_claims(claims: Claims, saved: Mapping[str, pd.DataFrame]) -> None:
    """Add every claim of the notebook on heatmaps.

    Parameters
    ----------
    claims : Claims
    saved : mapping of str to DataFrame
        The tables that its saver has saved, by stem: ``accurate_less_inaccurate_summary``, ``races``,
        ``regions_and_null``, ``regions_and_null_summary``, ``areas``, ``all_faces`` and ``regions``.
    """
    for masks, side in MASKS.items():
        _add_contrasts(claims, saved[_CONTRASTS], masks, side)
    for masks, side in MASKS.items():
        _add_races(claims, masks, side)
    for kind, side in KINDS.items():
        _add_regions(claims, saved, kind, side)
    for masks, side in MASKS.items():
        _add_marked(claims, saved["regions"], masks, side)


def _add_contrasts(claims: Claims, summary: pd.DataFrame, masks: str, side: str) -> None:
    row = summary.set_index("masks").loc[masks]
    if pd.notna(row["panels_found"]):
        sentence = (
            f"Masks differ by more than chance (Holm, 5 %) in {{:.0f}} of {row['panels']:.0f} panels ({masks} masks)."
        )
        claims.add(_PLACES, side, sentence, _CONTRASTS, "panels_found", masks=masks)
    sentence = f"All panels together: a difference of size {{:.3f}} (0–2), {_size(row)} ({masks} masks)."
    claims.add(_PLACES, side, sentence, _CONTRASTS, "size", masks=masks)
    for name, words in (
        (masks, "labels shuffled within panels"),
        (f"{masks}, within five years of age", "labels shuffled within five years of real age"),
        (f"{masks}, within five years of estimate", "labels shuffled within five years of the estimate"),
    ):
        sentence = f"All panels together, {words}: p = {{:.3f}} ({masks} masks)."
        claims.add(_PLACES, side, sentence, _CONTRASTS, "p_value", masks=name)
    sentence = f"Differences found in two halves of the faces of a panel correlate by {{:.2f}} ({masks} masks)."
    claims.add(_PLACES, side, sentence, _CONTRASTS, "split_half_r", masks=masks)


def _size(row: pd.Series) -> str:
    return "no shuffles" if pd.isna(row["size_shuffled"]) else f"where shuffled labels give {row['size_shuffled']:.3f}"


def _add_races(claims: Claims, masks: str, side: str) -> None:
    for sentence, column in (
        ("Race goes with {:.1%} of what differs between masks of one age range", "explained"),
        ("Random groups of the same sizes go with {:.1%} of it", "explained_shuffled"),
        ("Random groups go with as much as race does, or more: p = {:.3f}", "p_value"),
        ("Mean masks of two races correlate by {:.2f}", "r_between"),
        ("Mean masks of two random groups correlate by {:.2f}", "r_between_shuffled"),
    ):
        claims.add(_RACES, side, f"{sentence} ({masks} masks).", "races", column, masks=masks, age_range=ALL)


def _add_regions(claims: Claims, saved: Mapping[str, pd.DataFrame], kind: str, side: str) -> None:
    """How many regions differ from the null, and the one furthest above it, found or not."""
    tested = saved[_NULLS].set_index("masks").loc[kind, "regions"]
    for column, words in (("above", "more"), ("below", "less")):
        sentence = f"{{:.0f}} of {tested} regions score {words} after Holm's adjustment ({kind})."
        claims.add(_REGIONS, side, sentence, _NULLS, column, masks=kind)
    table = saved["regions_and_null"]
    regions = table[(table["masks"] == kind) & table["ratio"].notna()]
    found = regions[(regions["p_holm"] < _FOUND) & (regions["ratio"] > 1)]
    if regions.empty:
        return
    most = (found if len(found) else regions).sort_values("ratio").iloc[-1]
    place = {"masks": kind, "region": most["region"]}
    words = "Furthest above, of these" if len(found) else "Furthest above, though not told apart from chance"
    sentence = (
        f"{words}: {REGION_NAMES[most['region']]}, {{:.2f}} times as much, p (Holm) = {most['p_holm']:.3f} ({kind})."
    )
    claims.add(_REGIONS, side, sentence, "regions_and_null", "ratio", **place)


def _add_marked(claims: Claims, regions: pd.DataFrame, masks: str, side: str) -> None:
    sentence = f"A mask says positive or negative of {{:.0%}} of the picture, and leaves the rest open ({masks} masks)."
    claims.add(_MARKED, side, sentence, "areas", "mean", masks=masks, area="settled")
    sentence = f"The mean mask of all faces holds {{:.0%}} of the squared values of single masks ({masks} masks)."
    claims.add(_MARKED, side, sentence, "all_faces", "in_common", masks=masks)
    own = regions[(regions["masks"] == masks) & regions["to_even"].notna()]
    if len(own):
        most = own.sort_values("to_even").iloc[-1]
        null = "" if pd.isna(most["ratio"]) else f", and {most['ratio']:.2f} times as often as by masks of other faces"
        name = REGION_NAMES[most["region"]]
        sentence = f"The region most often positive, {name}, is so {{:.2f}} times as often as the picture{null}"
        place = {"masks": masks, "region": most["region"]}
        claims.add(_MARKED, side, f"{sentence} ({masks} masks).", "regions", "to_even", **place)
