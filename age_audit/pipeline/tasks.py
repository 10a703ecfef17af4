"""The work on one image, or one batch, as it runs in a worker process.

Each function takes a small task and returns records for the ledger. Pictures are written before their record is
returned, so a recorded picture is always whole; a picture without record is made again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from age_audit.core.config import LimeParameters
from age_audit.core.errors import ImageFailure, UsageError, is_disk_full
from age_audit.core.masks import mask_picture
from age_audit.core.schema import CANVAS, AgeEstimate, ImageOutcome
from age_audit.estimators.base import AgeEstimator
from age_audit.estimators.registry import configure_threads
from age_audit.store.files import png_bytes, read_png, write_atomically
from age_audit.store.ledger import StepRecord
from age_audit.store.records import attribution_from_bytes, attribution_to_bytes, estimate_to_bytes


@dataclass(frozen=True)
class FaceTask:
    """Read, align and crop one image. A key of ``None`` leaves the step out."""

    image: str
    path: Path
    content: str
    align_key: str | None
    crop_key: str | None
    aligned_path: Path
    cropped_path: Path
    align_done: bool  # the aligned picture is there, only the crop is missing

    @property
    def key(self) -> str:
        return self.content


@dataclass(frozen=True)
class EstimatorChoice:
    """Which estimator a worker loads, and where."""

    name: str
    precision: str
    device: str
    batch: int | None

    def load(self) -> AgeEstimator:
        from age_audit.estimators import load_estimator

        return load_estimator(self.name, self.precision, self.device, self.batch)


@dataclass(frozen=True)
class EstimateTask:
    """Estimate the ages of one batch of crops: (image, key, path of the crop) each."""

    faces: tuple[tuple[str, str, Path], ...]
    estimator: EstimatorChoice
    variant: str


@dataclass(frozen=True)
class ExplainTask:
    """Explain the estimate of one crop and draw its mask."""

    image: str
    key: str
    crop_path: Path
    mask_path: Path
    estimator: EstimatorChoice
    parameters: LimeParameters
    seed: int
    variant: str


def attempt(
    image: str, step: str, key: str, work: Callable[[], tuple[bytes | None, str]], variant: str = ""
) -> StepRecord:
    """Run one step of one image; whatever goes wrong becomes a record, not a crash."""
    start = time.perf_counter()
    payload, status, reason, note = None, "done", "", ""
    try:
        payload, note = work()
    except ImageFailure as failure:
        status, reason, note = "failed", failure.reason, failure.note
    except UsageError:  # the estimator or an installation is at fault, which holds for every image
        raise
    except Exception as error:
        if is_disk_full(error):  # every image would fail, and none is to blame
            raise
        status, reason, note = "failed", "unexpected-error", f"{type(error).__name__}: {error}"
    outcome = ImageOutcome(image, step, status, reason, note, time.perf_counter() - start)
    return StepRecord(outcome, variant, key, payload)


def prepare_face(task: FaceTask) -> list[StepRecord]:
    """Read, align and crop one image."""
    # dlib and Pillow are loaded where they are used: planning a run needs neither.
    from age_audit.faces.alignment import align_face, landmarks_for_alignment
    from age_audit.faces.decoding import decode_image, read_bytes
    from age_audit.faces.detection import crop_face

    held: dict[str, np.ndarray] = {}

    def read() -> tuple[None, str]:
        content = read_bytes(task.path)
        if hashlib.sha256(content).hexdigest() != task.content:
            raise ImageFailure("changed-while-reading", "the file changed during the run")
        held["face"], notes = decode_image(content)
        return None, "; ".join(notes)

    def align() -> tuple[bytes, str]:
        landmarks, faces_found = landmarks_for_alignment(held["face"])
        aligned = align_face(held["face"], landmarks)
        write_atomically(task.aligned_path, png_bytes(aligned.image))
        held["face"] = aligned.image
        facts = {"scale": round(aligned.scale, 6), "angle": round(aligned.angle, 6), "faces_found": faces_found}
        return json.dumps(facts).encode(), "; ".join((*_several(faces_found), *aligned.notes))

    def crop() -> tuple[bytes, str]:
        if task.align_done:
            held["face"] = read_picture(task.aligned_path, "aligned-unreadable")
        cropped = crop_face(held["face"])
        write_atomically(task.cropped_path, png_bytes(cropped.image))
        facts = {"box": asdict(cropped.box), "faces_found": cropped.faces_found}
        return json.dumps(facts).encode(), "; ".join(_several(cropped.faces_found))

    steps = []
    if not task.align_done:
        steps.append(("read", task.content, read))
        if task.align_key is not None:
            steps.append(("align", task.align_key, align))
    if task.crop_key is not None:
        steps.append(("crop", task.crop_key, crop))
    records = []
    for step, key, work in steps:
        records.append(attempt(task.image, step, key, work))
        if records[-1].outcome.status == "failed":
            # A picture of what the image was before must not stay beside a failure.
            for path in (task.aligned_path, task.cropped_path) if step != "crop" else (task.cropped_path,):
                path.unlink(missing_ok=True)
            break
    return records


def _several(faces_found: int) -> tuple[str, ...]:
    return (f"several-faces: {faces_found}, the largest taken",) if faces_found > 1 else ()


def read_picture(path: Path, reason: str) -> np.ndarray:
    """A picture of an earlier step, uint8 (H, W, 3) RGB.

    Raises
    ------
    ImageFailure
        With that reason, when the picture is gone or damaged; it is removed, so that the next run makes it anew.
    """
    try:
        picture = read_png(path)
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"expected RGB of 8 bits, found {picture.dtype} {picture.shape}")
        return picture
    except (OSError, SyntaxError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise ImageFailure(reason, f"{path.name}: {error}; run analysis_1_method.py again") from error


def read_crop(path: Path) -> np.ndarray:
    """A crop from disk, uint8 (224, 224, 3) RGB; ImageFailure ``crop-unreadable`` when it is gone or damaged."""
    crop = read_picture(path, "crop-unreadable")
    if crop.shape[:2] != (CANVAS, CANVAS):
        path.unlink(missing_ok=True)
        raise ImageFailure("crop-unreadable", f"{path.name}: expected {CANVAS} x {CANVAS} pixels, found {crop.shape}")
    return crop


def single_faces(task: EstimateTask) -> list[EstimateTask]:
    """The same faces, in batches of one."""
    return [replace(task, faces=(face,)) for face in task.faces]


def estimate_faces(task: EstimateTask) -> list[StepRecord]:
    """Estimate one batch; a crop that cannot be read, or that the estimator trips over, fails alone."""
    estimator = task.estimator.load()
    start = time.perf_counter()
    crops, records = {}, []
    for image, key, path in task.faces:
        try:
            crops[image] = read_crop(path)
        except ImageFailure as failure:
            outcome = ImageOutcome(image, "estimate", "failed", failure.reason, failure.note)
            records.append(StepRecord(outcome, task.variant, key))
    keys = {image: key for image, key, _ in task.faces}
    try:
        estimate = estimator.predict(np.stack(list(crops.values()))) if crops else None
    except UsageError:
        raise
    except Exception:  # find out which face it was; the others get their estimates
        return records + [_estimate_alone(task, image, keys[image], crop) for image, crop in crops.items()]
    seconds = (time.perf_counter() - start) / max(len(crops), 1)
    for row, image in enumerate(crops):
        records.append(_estimate_record(task, image, keys[image], estimate, row, seconds))
    return records


def _estimate_alone(task: EstimateTask, image: str, key: str, crop: np.ndarray) -> StepRecord:
    def estimate() -> tuple[bytes, str]:
        found = task.estimator.load().predict(crop[None])
        if not np.isfinite(found.age[0]):
            raise ImageFailure("estimate-not-finite", "the estimator gave no number")
        return estimate_to_bytes(found, 0), ""

    return attempt(image, "estimate", key, estimate, task.variant)


def _estimate_record(
    task: EstimateTask, image: str, key: str, estimate: AgeEstimate, row: int, seconds: float
) -> StepRecord:
    if not np.isfinite(estimate.age[row]):
        note = "the estimator gave no number"
        outcome = ImageOutcome(image, "estimate", "failed", "estimate-not-finite", note, seconds)
        return StepRecord(outcome, task.variant, key)
    outcome = ImageOutcome(image, "estimate", "done", seconds=seconds)
    return StepRecord(outcome, task.variant, key, estimate_to_bytes(estimate, row))


def explain_face(task: ExplainTask) -> list[StepRecord]:
    """Explain one face and write its mask."""
    from age_audit.explain import LimeExplainer

    def explain() -> tuple[bytes, str]:
        crop = read_crop(task.crop_path)
        attribution = LimeExplainer(task.estimator.load(), seed=task.seed, parameters=task.parameters).explain(crop)
        write_atomically(task.mask_path, png_bytes(mask_picture(attribution)))
        note = "" if attribution.positive_mask.any() else "no-positive-pixel"
        return attribution_to_bytes(attribution), note

    return [attempt(task.image, "explain", task.key, explain, task.variant)]


@dataclass(frozen=True)
class EvaluateTask:
    """Find landmarks on one crop (unless they are given) and score the regions of its mask."""

    image: str
    fname: str
    crop_path: Path
    landmarks_key: str
    landmarks: tuple[tuple[int, int], ...] | None
    activations_key: str
    attribution: bytes
    variant: str

    @property
    def key(self) -> str:
        return self.activations_key


def evaluate_face(task: EvaluateTask) -> list[StepRecord]:
    """Landmarks, regions and their scores for one face."""
    from age_audit.faces.landmarks import landmarks_on_crop
    from age_audit.regions import scores

    found = {"landmarks": None if task.landmarks is None else np.array(task.landmarks)}

    def landmarks() -> tuple[bytes, str]:
        found["landmarks"], notes = landmarks_on_crop(read_crop(task.crop_path))
        return json.dumps(found["landmarks"].tolist()).encode(), "; ".join(notes)

    def score() -> tuple[bytes, str]:
        mask = attribution_from_bytes(task.attribution).positive_mask
        activation = scores.evaluate_face(task.fname, mask, found["landmarks"])
        return json.dumps(activation.scores).encode(), "; ".join(activation.notes)

    records = []
    if task.landmarks is None:
        records.append(attempt(task.image, "landmarks", task.landmarks_key, landmarks))
        if records[0].outcome.status == "failed":
            return records
    return [*records, attempt(task.image, "activations", task.activations_key, score, task.variant)]


def count_failed(records: list[StepRecord]) -> int:
    """How many steps of a task failed."""
    return sum(record.outcome.status == "failed" for record in records)


def worker_died(step: str) -> Callable[[object], list[StepRecord]]:
    """Records for a task given up because its workers kept dying."""

    def records(task) -> list[StepRecord]:
        if isinstance(task, EstimateTask):
            faces = [(image, step, key) for image, key, _ in task.faces]
        elif isinstance(task, FaceTask) and task.align_done:  # a row for reading would never be written again
            faces = [(task.image, "crop", task.crop_key)]
        elif isinstance(task, EvaluateTask) and task.landmarks is None:
            faces = [(task.image, "landmarks", task.landmarks_key)]
        else:
            faces = [(task.image, step, task.key)]
        note = "the worker process was killed again and again, out of memory perhaps"
        return [
            StepRecord(
                ImageOutcome(image, failed, "failed", "worker-died", note),
                "" if failed == "landmarks" else getattr(task, "variant", ""),
                key,
            )
            for image, failed, key in faces
        ]

    return records


@dataclass(frozen=True)
class WorkerSetup:
    """Called once in each worker, before its model is loaded, with the number of threads that model may use."""

    estimator: str

    def __call__(self, threads: int) -> None:
        configure_threads(self.estimator, threads)
