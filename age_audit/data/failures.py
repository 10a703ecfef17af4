"""Images without an estimate, counted by group: a detector that drops some groups more is itself a finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from age_audit.core.schema import AGE_RANGES, FaceLabel
from age_audit.core.vocabulary import STUDY_FEATURES, UNLABELLED
from age_audit.data.images import age_range_of_label
from age_audit.stats.proportions import wilson_interval

BETWEEN = "in no range"
_DECIMALS = 4


def count_failures(
    labels: Mapping[str, FaceLabel],
    failed: Mapping[str, str],
    sensitive: Sequence[str] = STUDY_FEATURES,
    ranges: Sequence[Sequence[int]] = AGE_RANGES,
) -> dict:
    """Images and failures by reason in all, and by sensitive feature and age range.

    Parameters
    ----------
    labels : mapping of str to FaceLabel
        Of each image.
    failed : mapping of str to str
        "step/reason" by image.
    sensitive : sequence of str
    ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    dict
        ``overall`` and, for each feature and for ``age_range``, ``by_<feature>`` and there each group:
        ``images_total``, ``images_failed``, ``failed_share_interval95`` (Wilson's) and ``by_reason``.

    Examples
    --------
    >>> labels = {"a.jpg": FaceLabel("a.jpg", 16, "Male"), "b.jpg": FaceLabel("b.jpg", 40, "Female")}
    >>> count_failures(labels, {"b.jpg": "crop/no-face"}, ["gender"])["by_gender"]["Female"]["images_failed"]
    1
    """
    groups: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in (*sensitive, "age_range")}
    for image, label in labels.items():
        for name in sensitive:
            groups[name][label.feature(name) or UNLABELLED].append(image)
        groups["age_range"][_age_range_name(label, ranges)].append(image)
    by_group = {
        f"by_{feature}": {name: _count(members[name], failed) for name in sorted(members)}
        for feature, members in groups.items()
    }
    return {"overall": _count(list(labels), failed)} | by_group


def _age_range_name(label: FaceLabel, ranges: Sequence[Sequence[int]]) -> str:
    bounds = age_range_of_label(label, ranges)
    if bounds is not None:
        return f"{bounds[0]}-{bounds[1]}"
    if label.age is None:
        return UNLABELLED if label.age_bounds is None else BETWEEN
    return f"over {ranges[-1][1]}" if label.age > ranges[-1][1] else BETWEEN


def _count(images: Sequence[str], failed: Mapping[str, str]) -> dict:
    reasons = Counter(failed[image] for image in images if image in failed)
    interval = wilson_interval(reasons.total(), len(images)) if images else (0, 1)  # nothing is known
    return {
        "images_total": len(images),
        "images_failed": reasons.total(),
        "failed_share_interval95": [round(float(bound), _DECIMALS) for bound in interval],
        "by_reason": dict(sorted(reasons.items())),
    }
