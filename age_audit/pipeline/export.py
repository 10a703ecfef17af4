"""From the ledger to metadatasets: everything that is current, in order of name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np

from age_audit.core.config import CropParameters, Stage1Config
from age_audit.core.masks import pack_masks
from age_audit.core.metrics import distribution_spread, signed_error
from age_audit.data.failures import count_failures
from age_audit.data.metadatasets import (
    columns_of,
    holds_predictions,
    label_fields,
    names_array,
    some_of,
    write_metadataset,
)
from age_audit.pipeline.outcomes import NOT_ATTEMPTED, current_outcomes, failures
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import read_result, read_results
from age_audit.stats.correlations import pearson_r
from age_audit.store.files import write_arrays_by_row
from age_audit.store.ledger import ImageRow, Ledger

# Years and shares are rounded where they are written, nowhere before: float32 models differ in the 6th decimal between
# machines, and a reader needs no more than the 4th.
DECIMALS = 4


def export_predictions(config: Stage1Config, ledger: Ledger, recipe: Recipe, sensitive: Sequence[str]) -> dict | None:
    """Write the predictions metadataset, and the packed masks where there are explanations.

    All images in the folder count whose crop was attempted, in this run or an earlier one. Failures are counted by
    the groups of the sensitive features.

    Returns
    -------
    dict or None
        How accurate the estimates are: see :func:`accuracy`. ``None`` when there are no estimates, but the file holds
        those of another estimator: it is left as it is.
    """
    rows = ledger.images()
    content = {image: row.content for image, row in rows.items() if row.content is not None}
    estimates = _estimates(ledger, recipe, rows, content)
    explained = current_outcomes(ledger, recipe, content, "explain")
    if not estimates and holds_predictions(config.metadatasets, config.dataset):
        return None
    chain = (["align"] if recipe.aligned else []) + ["crop"]
    without_crop = failures(ledger, recipe, rows, content, chain)
    # A step that nobody asked for yet is no failure, and its image no part of a share.
    rows = {image: row for image, row in rows.items() if not _not_attempted(without_crop.get(image))}
    failed = failures(ledger, recipe, rows, content, [*chain, "estimate"])
    failed = {image: reason for image, reason in failed.items() if not _not_attempted(reason)}
    lost = sum(image in rows for image in without_crop)
    document = {
        "cropping": {"images_total": len(rows), "images_failed_detected": lost},
        "predictions": {fname: estimate["age"] for fname, estimate in estimates.items()},
        "explanations": {
            "images_total": len(explained),
            "images_failed_detected": sum(outcome.status == "failed" for outcome in explained.values()),
        },
        "age_spread": {fname: estimate["age_spread"] for fname, estimate in estimates.items()},  # null of plain ages
        "probability_female": {
            fname: estimate["probability_female"]
            for fname, estimate in estimates.items()
            if estimate["probability_female"] is not None
        },
        "labels": labels_by_name(_by_fname(rows)),
        "failures": count_failures({image: row.label for image, row in rows.items()}, failed, sensitive, config.ranges),
        "accuracy": accuracy(estimates, rows),
    }
    counts = {"images": len(rows), "failed": dict(sorted(Counter(failed.values()).items()))}
    provenance = describe(recipe, config.dataset, ledger) | {"counts": counts}
    write_metadataset(config.metadatasets, config.dataset, "predictions", document, provenance)
    done = [image for image, outcome in explained.items() if outcome.status == "done"]
    if done:
        _export_masks(config.metadatasets, config.dataset, ledger, recipe, rows, set(done), provenance)
    return document["accuracy"]


def _not_attempted(reason: str | None) -> bool:
    return reason is not None and reason.endswith(NOT_ATTEMPTED)


def accuracy(estimates: dict[str, dict], rows: dict[str, ImageRow]) -> dict:
    """Mean absolute and mean signed error in years, and Pearson r, over the estimated faces with a labelled age.

    Of labels that are ranges errors are the distance from the nearer end; r leaves them out.
    """
    ages = {row.fname: row.label.age_bounds or (row.label.age,) * 2 for row in rows.values()}
    known = [(estimates[fname]["age"], *ages[fname]) for fname in estimates if None not in ages.get(fname, (None,))]
    estimated, lowest, highest = np.array(known, dtype=float).reshape(-1, 3).T
    errors, exact = signed_error(estimated, lowest, highest), lowest == highest
    measures = {
        "mean_absolute_error": np.abs(errors).mean() if known else np.nan,
        "mean_signed_error": errors.mean() if known else np.nan,
        "pearson_r": pearson_r(estimated[exact], lowest[exact]),
    }
    rounded = {name: round(float(value), DECIMALS) if np.isfinite(value) else None for name, value in measures.items()}
    return {"n": len(known)} | rounded


def describe(recipe: Recipe, dataset: str, ledger: Ledger) -> dict:
    """The part of the provenance that every metadataset of a run shares."""
    return {
        "dataset": dataset,
        "labels": ledger.labels_from(),
        "images": some_of(ledger.contents()),
        "aligned": recipe.align_parameters if recipe.aligned else False,
        "crop": asdict(CropParameters()),
        "estimator": recipe.estimator_parameters,
        "preset": recipe.preset,
        "seed": recipe.seed,
        "explanation": recipe.explain_parameters,
    }


def labels_by_name(rows: Sequence[ImageRow]) -> dict[str, dict]:
    """The fields of every label, the same for each, by file name."""
    fields = [label_fields(row.label) for row in rows]
    names = dict.fromkeys(columns_of(fields))
    return {row.fname: names | label for row, label in zip(rows, fields, strict=True)}


def _by_fname(rows: dict[str, ImageRow]) -> list[ImageRow]:
    """Rows in order of file name, those of duplicates left out: a name can stand for one image only."""
    first: dict[str, ImageRow] = {}
    for row in rows.values():
        if row.content is not None or row.fname not in first:
            first.setdefault(row.fname, row)
    return [first[fname] for fname in sorted(first)]


def _estimates(ledger: Ledger, recipe: Recipe, rows: dict[str, ImageRow], content: dict[str, str]) -> dict[str, dict]:
    """Age, spread and P(female) by file name, rounded, in order."""
    current = current_outcomes(ledger, recipe, content, "estimate")
    found = {}
    done = {image for image, outcome in current.items() if outcome.status == "done"}
    for image, estimate in read_results(ledger, recipe, "estimate", done):
        female = estimate.probability_female
        (spread,) = distribution_spread(estimate.probabilities, estimate.classes)
        found[rows[image].fname] = {
            "age": round(float(estimate.age[0]), DECIMALS),
            "age_spread": round(float(spread), DECIMALS) if np.isfinite(spread) else None,
            "probability_female": None if female is None else round(float(female[0]), DECIMALS),
        }
    return dict(sorted(found.items()))


def _export_masks(
    folder: Path,
    dataset: str,
    ledger: Ledger,
    recipe: Recipe,
    rows: dict[str, ImageRow],
    done: set[str],
    provenance: dict,
) -> None:
    images = sorted((rows[image].fname, image) for image in done)

    def planes() -> Iterator[np.ndarray]:
        for _, image in images:
            attribution = read_result(ledger, recipe, "explain", image)
            yield pack_masks(np.stack([attribution.positive_mask, attribution.negative_mask]))

    def fill(stream: BinaryIO) -> None:
        names = {"fname": names_array([fname for fname, _ in images])}
        write_arrays_by_row(stream, names, ("positive", "negative"), planes(), len(images))

    write_metadataset(folder, dataset, "masks", fill, provenance | {"counts": {"masks": len(images)}})
