"""What a recipe's steps gave, read from the ledger: the one place that knows how results are kept."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.steps import STEPS, Picture, picture_path
from age_audit.store.ledger import Ledger

# What decoding raises when bytes are damaged, or not there.
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True)
class FaceResults:
    """One face: its estimate (N = 1), explanation and landmarks, int (68, 2), (x, y) in pixels of the crop."""

    estimate: AgeEstimate
    attribution: Attribution
    landmarks: np.ndarray


def read_result(ledger: Ledger, recipe: Recipe, step: str, image: str) -> Any:
    """What a step gave for one image: an AgeEstimate, an Attribution, or what was kept as JSON.

    Raises
    ------
    UsageError
        When it is damaged. It is forgotten, with whatever else is damaged of that step, so that the next run makes it
        anew.
    """
    payload = ledger.payload(image, step, recipe.variant(step))
    try:
        if payload is None:
            raise LookupError("there is none")
        return STEPS[step].decode(payload)
    except _DAMAGED as error:
        raise _forgotten(ledger, recipe, step, image, error) from error


def made_picture(ledger: Ledger, recipe: Recipe, step: str, image: str, output: Path) -> Picture:
    """The picture that a step made of an image, below the output folder."""
    path = picture_path(output, step, PurePosixPath(image).name)
    known = ledger.payload(image, step, recipe.variant(step)) is not None  # or making it again has failed
    return Picture(path, read_result(ledger, recipe, step, image).get("sha256") if known else None)


def read_results(
    ledger: Ledger, recipe: Recipe, step: str, among: Container[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """What a step gave, by image in order, one at a time; ``among`` leaves all other images out.

    Raises
    ------
    UsageError
        As :func:`read_result`.
    """
    for image, payload in ledger.payloads(step, recipe.variant(step)):
        if among is None or image in among:
            try:
                found = STEPS[step].decode(payload)
            except _DAMAGED as error:
                raise _forgotten(ledger, recipe, step, image, error) from error
            yield image, found


def _forgotten(ledger: Ledger, recipe: Recipe, step: str, image: str, error: Exception) -> UsageError:
    """Forget all that is damaged of a step, and say so."""
    damaged = {image}
    for other, payload in ledger.payloads(step, recipe.variant(step)):
        try:
            STEPS[step].decode(payload)
        except _DAMAGED:
            damaged.add(other)
    ledger.forget(step, recipe.variant(step), damaged)
    return UsageError(
        f"expected the results of {step} in {ledger.path} to be readable, but {len(damaged)} are damaged, one of them "
        f"that of {image} ({error}); they are forgotten now: run stage {STEPS[step].stage} again, which makes them anew"
    )


def read_face(ledger: Ledger, recipe: Recipe, image: str) -> FaceResults:
    """Everything that both stages found about one image, all of whose steps are done."""
    estimate, attribution, landmarks = (
        read_result(ledger, recipe, step, image) for step in ("estimate", "explain", "landmarks")
    )
    return FaceResults(estimate, attribution, np.array(landmarks))
