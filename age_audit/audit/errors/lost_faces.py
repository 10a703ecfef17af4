"""Faces that were lost before anything could be estimated, group by group."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import scipy

from age_audit.core.groups import ALL, in_order
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.vocabulary import FEW_FACES, GENDERS, RACES
from age_audit.stats.proportions import wilson_interval
from age_audit.stats.resampling import with_adjusted

_ORDER = {"by_race": RACES, "by_gender": GENDERS}


def lost_faces(document: Mapping, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Shares of images that ended without an estimate, with Wilson's intervals (Wilson 1927).

    Null hypothesis of each row: its images are lost as often as all the others (Fisher's exact test). Groups also
    differ in age and in the quality of their pictures, which nothing here allows for.

    Parameters
    ----------
    document : mapping
        What ``metadataset_<name>_predictions.json`` holds. Of ``failures`` everything is read; without it, as in files
        of the published study, only the counts of all images in ``cropping``.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        Columns: ``feature`` (``"all"``, ``"age_range"`` or a sensitive feature, such as ``"race"``), ``group``,
        ``images``, ``lost``, ``share`` (0-1) with ``low`` and ``high``, ``p_value``, ``p_holm`` and ``p_bh`` (adjusted
        over all rows), ``reasons`` as text, ``few_faces`` (fewer than 30 images). Groups in their published order, then
        any others by number or name, those without a label among them. NaN where there are no images, or no others.

    Examples
    --------
    >>> document = {"cropping": {"images_total": 200, "images_failed_detected": 10}}
    >>> lost_faces(document)[["group", "images", "lost", "share", "low", "high"]].round(3)
      group  images  lost  share    low  high
    0   all     200    10   0.05  0.027  0.09
    """
    cropping = document.get("cropping", {})
    known = {
        "images_total": cropping.get("images_total", 0),
        "images_failed": cropping.get("images_failed_detected", 0),
    }
    failures = document.get("failures", {})
    rows = [_row(ALL, ALL, failures.get("overall", known))]
    for key, groups in failures.items():
        if key.startswith("by_"):
            names = [name for name in in_order(groups, _ORDER.get(key, ())) if name in groups]
            rows += [_row(key.removeprefix("by_"), name, groups[name]) for name in names]
    table = pd.DataFrame(rows)
    table["low"], table["high"] = wilson_interval(table["lost"], table["images"], confidence)
    counts = zip(table["lost"], table["images"], strict=True)
    table["p_value"] = [_p_value(*group, *table.loc[0, ["lost", "images"]]) for group in counts]
    table = with_adjusted(table)
    return table[["feature", "group", "images", "lost", "share", "low", "high", *_P_VALUES, "reasons", "few_faces"]]


_P_VALUES = ("p_value", "p_holm", "p_bh")


def _row(feature: str, group: str, counts: Mapping) -> dict:
    images, lost = counts["images_total"], counts["images_failed"]
    reasons = ", ".join(f"{reason}: {count}" for reason, count in counts.get("by_reason", {}).items())
    row = {"feature": feature, "group": group.replace("-", "–") if feature == "age_range" else group}
    row |= {"images": images, "lost": lost, "share": lost / images if images else float("nan")}
    return row | {"reasons": reasons, "few_faces": images < FEW_FACES}


def _p_value(lost: int, images: int, all_lost: int, all_images: int) -> float:
    """That a group is lost as often as the others; NaN without images or without others."""
    others = all_images - images
    if not (images and others):
        return float("nan")
    table = [[lost, images - lost], [all_lost - lost, others - (all_lost - lost)]]
    return float(scipy.stats.fisher_exact(table).pvalue)
