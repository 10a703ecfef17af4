"""Anybody's estimates in a CSV, with the labels beside them, as a predictions metadataset."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.core.groups import LONGEST_NAME, refuse_turned
from age_audit.core.schema import AGE_RANGES, FaceLabel
from age_audit.core.vocabulary import STUDY_FEATURES
from age_audit.data.failures import count_failures
from age_audit.data.label_formats import OLDEST, read_label_csv
from age_audit.data.metadatasets import label_fields, write_metadataset

ESTIMATE, SPREAD = "estimate", "spread"  # columns of the CSV, in years
NOT_FOUND = "no estimate"  # why a face has none, as far as a CSV says


def estimates_of_csv(
    path: Path, sensitive: Sequence[str] | None = None, ranges: Sequence[Sequence[int]] = AGE_RANGES
) -> dict:
    """What a predictions metadataset holds, out of one CSV.

    Parameters
    ----------
    path : Path
        As :func:`age_audit.data.label_formats.read_label_csv`, of columns ``fname`` and ``age``, any labels, and
        ``estimate`` in years, empty where no face was found; ``spread``, the standard deviation that the model states,
        where it does.
    sensitive : sequence of str, optional
        Features by which faces that were not found are counted; gender and race by default, where any face has them.
    ranges : sequence of (low, high)
        And ages in years, both included.

    Raises
    ------
    UsageError
        As that, or if there is no such column, a number is none, or an estimate is no age.
    """
    if not path.is_file():
        raise UsageError(f"expected a CSV of estimates at {path}, there is no such file; name another")
    labels = {name: _in_lower_case(label) for name, label in read_label_csv(path).items()}
    columns = next(iter(labels.values())).features
    if ESTIMATE not in columns:
        known = (name for name in STUDY_FEATURES if any(label.feature(name) for label in labels.values()))
        there = ", ".join(["file names", "ages", *known, *columns])
        raise UsageError(
            f"expected a column {ESTIMATE} in {path}, in years, got {there}; the estimates go into the table of labels"
        )
    named = {Path(name).name: label for name, label in sorted(labels.items())}  # draws follow the order of faces
    if len(named) < len(labels):
        raise UsageError(f"expected each file name of {path} once, folders left aside; rename what is there twice")
    estimates = {name: _years(path, label, ESTIMATE) for name, label in named.items()}
    spreads = {name: _years(path, label, SPREAD) for name, label in named.items()}
    found = {name: years for name, years in estimates.items() if years is not None}
    if not any(named[name].age is not None or named[name].age_bounds for name in found):
        raise UsageError(
            f"expected a face with both an age and an {ESTIMATE} in {path}, got {len(named):,} rows, of which "
            f"{len(found):,} have an {ESTIMATE} and none of these an age; fill in what is missing"
        )
    document = {"cropping": {"images_total": len(named), "images_failed_detected": len(named) - len(found)}}
    document |= {"predictions": found, "labels": {name: _fields(label) for name, label in named.items()}}
    if sensitive is None:
        sensitive = [name for name in STUDY_FEATURES if any(label.feature(name) for label in named.values())]
    lost = dict.fromkeys((name for name in named if name not in found), NOT_FOUND)
    document["failures"] = count_failures(named, lost, sensitive, ranges)
    if any(spreads[name] is not None for name in found):
        document["age_spread"] = {name: spreads[name] for name in found}
    return document


def write_estimates(
    path: Path, folder: Path, sensitive: Sequence[str] | None = None, ranges: Sequence[Sequence[int]] = AGE_RANGES
) -> Path:
    """Write a CSV of estimates as a predictions metadataset of its name, for whatever reads such; returns its path.

    Features and ages as :func:`estimates_of_csv`.

    Raises
    ------
    UsageError
        As :func:`estimates_of_csv`, or if the folder cannot be written or the file's name is none for results.
    """
    if len(path.stem) > LONGEST_NAME:
        raise UsageError(
            f"expected a CSV whose name has at most {LONGEST_NAME} characters before its ending, for results are "
            f"called by it, got {len(path.stem)}: {path.stem:.40}…; rename it"
        )
    refuse_turned("no file of estimates", path.stem)
    document = estimates_of_csv(path, sensitive, ranges)
    origin = {"from": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    made_by = {"dataset": path.stem, "estimator": {"name": path.stem}, "preset": "published", "labels": origin}
    return write_metadataset(folder, path.stem, "predictions", document, made_by)


def _years(path: Path, label: FaceLabel, column: str) -> float | None:
    text = label.features.get(column)
    if text is None:
        return None
    try:
        years = float(text)
    except ValueError:
        years = math.nan
    if not 0 <= years <= OLDEST:
        clip = "; write 0 in place of less" if years < 0 else ""
        raise UsageError(
            f"{path}: expected {column} in years, 0 to {OLDEST}, or an empty cell, got {text!r} for {label.fname!r}"
            f"{clip}"
        )
    return years


def _in_lower_case(label: FaceLabel) -> FaceLabel:
    """With the columns that are read here under their names, where capitals alone tell them apart."""
    features = dict(label.features)
    for name in label.features:
        if name.lower() in (ESTIMATE, SPREAD) and name.lower() not in features:
            features[name.lower()] = features.pop(name)
    return replace(label, features=features)


def _fields(label: FaceLabel) -> Mapping:
    others = {name: text for name, text in label.features.items() if name not in (ESTIMATE, SPREAD)}
    return label_fields(replace(label, features=others))
