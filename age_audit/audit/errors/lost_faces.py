"""Faces that were lost before anything could be estimated, group by group."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from age_audit.core.groups import ALL, in_order
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.vocabulary import FEW_FACES, GENDERS, RACES

_ORDER = {"by_race": RACES, "by_gender": GENDERS}


def lost_faces(document: Mapping, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Shares of images that ended without an estimate, with Wilson's intervals (Wilson 1927).

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
        ``images``, ``lost``, ``share`` (0-1) with ``low`` and ``high``, ``reasons`` as text, ``few_faces`` (fewer than
        30 images). Groups in their published order, then any others by number or name, those without a label among
        them. NaN where there are no images.

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
    rows = [_row(ALL, ALL, failures.get("overall", known), confidence)]
    for key, groups in failures.items():
        if key.startswith("by_"):
            names = [name for name in in_order(groups, _ORDER.get(key, ())) if name in groups]
            rows += [_row(key.removeprefix("by_"), name, groups[name], confidence) for name in names]
    return pd.DataFrame(rows)


def _row(feature: str, group: str, counts: Mapping, confidence: float) -> dict:
    images, lost = counts["images_total"], counts["images_failed"]
    share = low = high = float("nan")
    if images:
        share = lost / images
        low, high = proportion_confint(lost, images, 1 - confidence, method="wilson")
    reasons = ", ".join(f"{reason}: {count}" for reason, count in counts.get("by_reason", {}).items())
    row = {"feature": feature, "group": group.replace("-", "–") if feature == "age_range" else group}
    row |= {"images": images, "lost": lost, "share": share, "low": float(low), "high": float(high)}
    return row | {"reasons": reasons, "few_faces": images < FEW_FACES}
