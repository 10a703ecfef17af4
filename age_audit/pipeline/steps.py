"""The steps as one table: a new step is a new row, and its function in :mod:`age_audit.pipeline.tasks`.

Steps form a chain: read -> align -> crop -> estimate, explain, landmarks -> activations, boxes, region_years. The key
of a step is a hash of the keys before it and of its own parameters, so that a change invalidates exactly what depends
on it. The two steps of the data set's audit take the picture as it was read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from age_audit.core.config import CropParameters
from age_audit.core.paths import LANDMARK_MODEL_SHA256
from age_audit.core.schema import ImageOutcome
from age_audit.faces import brisque, fingerprints
from age_audit.store.ledger import StepRecord
from age_audit.store.records import attribution_from_bytes, estimate_from_bytes

if TYPE_CHECKING:
    from age_audit.pipeline.recipe import Recipe

READ = "read"  # comes before every other step; its key is the hash of the image's bytes


def _brisque() -> str | None:
    """The model that pictures are judged by; without it they are measured anew once it is there."""
    return None if brisque.absent() else brisque.MODEL[1]


@dataclass(frozen=True)
class Step:
    """One row of the table.

    Attributes
    ----------
    stage : int
        Of the script that does it; 0 of the data set's audit, a command of its own.
    needs : tuple of str
        Steps whose results it takes, in the order in which their keys enter its own.
    parameters : callable
        What of a recipe reaches its result, beyond what it needs.
    version : int
        Raised by hand whenever the step's code changes its results.
    variant : callable
        Under which variant of a recipe the ledger keeps it: ``""`` where all recipes share it.
    decode : callable
        From the bytes in the ledger to the result.
    folder : str, optional
        Of its pictures, below the output folder.
    asks_estimator : bool
        Whether it runs the estimator.
    """

    stage: int
    needs: tuple[str, ...]
    parameters: Callable[[Recipe], dict] = lambda recipe: {}
    version: int = 1
    variant: Callable[[Recipe], str] = lambda recipe: ""
    decode: Callable[[bytes], object] = json.loads
    folder: str | None = None
    asks_estimator: bool = False


STEPS = {
    READ: Step(1, ()),
    "align": Step(1, (READ,), lambda recipe: recipe.align_parameters, folder="img-aligned"),
    "crop": Step(1, ("align",), lambda recipe: asdict(CropParameters()), folder="img-cropped"),
    "estimate": Step(
        1,
        ("crop",),
        lambda recipe: recipe.estimator_parameters,
        variant=lambda recipe: recipe.estimate_variant,
        decode=estimate_from_bytes,
        asks_estimator=True,
    ),
    "explain": Step(
        1,
        ("crop",),
        lambda recipe: recipe.explain_parameters | {"estimator": recipe.estimator_parameters},
        variant=lambda recipe: recipe.explain_variant,
        decode=attribution_from_bytes,
        folder="img-masks",
        asks_estimator=True,
    ),
    "landmarks": Step(2, ("crop",), lambda recipe: {"landmark_model_sha256": LANDMARK_MODEL_SHA256}),
    # What is read off an explanation and landmarks: each has its function in age_audit.pipeline.tasks.READINGS.
    "activations": Step(2, ("explain", "landmarks"), variant=lambda recipe: recipe.explain_variant),
    "boxes": Step(
        2,
        ("explain", "landmarks"),
        lambda recipe: recipe.box_parameters,
        version=2,
        variant=lambda recipe: recipe.explain_variant,
    ),
    "region_years": Step(
        2,
        ("explain", "landmarks"),
        lambda recipe: {"additive": recipe.additive},
        variant=lambda recipe: recipe.explain_variant,
    ),
    "picture": Step(
        0,
        (READ,),
        lambda recipe: {"preset": recipe.preset, "fingerprints": fingerprints.VERSION, "brisque": _brisque()},
        variant=lambda recipe: recipe.preset,
    ),
    "face": Step(
        0,
        (READ,),
        lambda recipe: {"preset": recipe.preset, "landmark_model_sha256": LANDMARK_MODEL_SHA256},
        variant=lambda recipe: recipe.preset,
    ),
}

FROM_CROPS = frozenset(name for name, step in STEPS.items() if step.needs == ("crop",))  # they need no image
ASK_ESTIMATOR = frozenset(name for name, step in STEPS.items() if step.asks_estimator)


def of_stage(stage: int) -> tuple[str, ...]:
    """The steps that one script does, in order; reading is not asked for, it happens."""
    return tuple(name for name, step in STEPS.items() if step.stage == stage and name != READ)


def needs(step: str, aligned: bool) -> tuple[str, ...]:
    """The steps right before one; where faces are not aligned, what needs the alignment takes what that would take."""
    return tuple(
        before
        for needed in STEPS[step].needs
        for before in (STEPS["align"].needs if needed == "align" and not aligned else (needed,))
    )


def chain(steps: Iterable[str], aligned: bool) -> list[str]:
    """The steps asked for and all that they need, in order, without reading."""
    found = set(steps)
    for name in reversed(STEPS):
        if name in found:
            found |= set(needs(name, aligned))
    return [name for name in STEPS if name in found - {READ}]


def step_key(step: str, upstream: str, parameters: dict) -> str:
    """Hash of a step's input and parameters."""
    description = json.dumps([step, STEPS[step].version, upstream, parameters], sort_keys=True)
    return hashlib.sha256(description.encode()).hexdigest()[:32]


def picture_path(output: Path, step: str, fname: str) -> Path:
    """Picture that a step made of an image: lossless, named after the whole file name."""
    return output / STEPS[step].folder / f"{fname}.png"


def picture_folders(output: Path) -> list[Path]:
    """All folders of pictures below an output folder."""
    return [output / step.folder for step in STEPS.values() if step.folder is not None]


@dataclass(frozen=True)
class Picture:
    """A picture that a step made: where it lies, and the hash of its file, which ledgers of earlier versions lack."""

    path: Path
    sha256: str | None


@dataclass(frozen=True)
class Job:
    """One step of one image, as the ledger will know it."""

    image: str
    step: str
    variant: str
    key: str

    def done(self, payload: bytes | None, note: str = "", seconds: float = 0.0) -> StepRecord:
        """The record of a result."""
        return self._record(payload, "done", "", note, seconds)

    def failed(self, reason: str, note: str, seconds: float = 0.0) -> StepRecord:
        """The record of a failure."""
        return self._record(None, "failed", reason, note, seconds)

    def _record(self, payload: bytes | None, *how: str | float) -> StepRecord:
        return StepRecord(ImageOutcome(self.image, self.step, *how), self.variant, self.key, payload)
