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
from functools import partial
from pathlib import Path

import numpy as np

from age_audit.core.config import BoxParameters
from age_audit.core.errors import ImageFailure, UsageError, is_disk_full, is_out_of_files
from age_audit.core.landmarks import MESH_LANDMARK_COUNT
from age_audit.core.masks import mask_picture
from age_audit.core.schema import CANVAS, LANDMARK_COUNT, AgeEstimate, Attribution, FaceBox
from age_audit.data.label_formats import OLDEST
from age_audit.estimators.base import AgeEstimator
from age_audit.estimators.registry import configure_threads
from age_audit.estimators.sources import check_same
from age_audit.explain import explainer_for
from age_audit.pipeline.steps import Job, Picture
from age_audit.store.files import pack_arrays, png_bytes, read_png, sha256_of, write_atomically
from age_audit.store.ledger import StepRecord
from age_audit.store.records import attribution_from_bytes, attribution_to_bytes, estimate_to_bytes


@dataclass(frozen=True)
class FaceTask:
    """Read, align and crop one image. A job of ``None`` leaves the step out.

    Every task tells in ``blamed`` which jobs failed if its workers keep dying.
    """

    read: Job
    path: Path
    align: Job | None
    crop: Job | None
    aligned_path: Path
    cropped_path: Path
    aligned: Picture | None  # where it is there, and only the crop is missing
    centre: tuple[int, int] | None = None  # of the aligned face on that picture

    @property
    def blamed(self) -> list[Job]:
        return [self.crop if self.aligned else self.read]  # a row for reading would never be written again


@dataclass(frozen=True)
class EstimatorChoice:
    """Which estimator a worker loads, known by its hash, and where."""

    name: str
    precision: str
    device: str
    batch: int | None
    weights_hash: str

    def load(self) -> AgeEstimator:
        """The estimator; UsageError where the worker's files are not of that hash."""
        from age_audit.estimators import load_estimator

        return load_estimator(self.name, self.precision, self.device, self.batch, self.weights_hash)


@dataclass(frozen=True)
class EstimateTask:
    """Estimate the ages of one batch of crops."""

    faces: tuple[tuple[Job, Picture], ...]
    estimator: EstimatorChoice

    @property
    def blamed(self) -> list[Job]:
        return [job for job, _ in self.faces]


@dataclass(frozen=True)
class ExplainTask:
    """Explain the estimate of one crop and draw its mask."""

    job: Job
    crop: Picture
    mask_path: Path
    estimator: EstimatorChoice
    method: str
    parameters: object  # of that method
    seed: int

    @property
    def blamed(self) -> list[Job]:
        return [self.job]


def attempt(job: Job, work: Callable[[], tuple[bytes | None, str]], seconds: float | None = None) -> StepRecord:
    """Do one job; whatever goes wrong becomes a record, not a crash. ``seconds`` replaces the time that it takes."""
    start = time.perf_counter()

    def took() -> float:
        return time.perf_counter() - start if seconds is None else seconds

    try:
        payload, note = work()
        return job.done(payload, note, took())
    except ImageFailure as failure:
        return job.failed(failure.reason, failure.note, took())
    except UsageError:  # the estimator or an installation is at fault, which holds for every image
        raise
    except Exception as error:
        if is_disk_full(error) or is_out_of_files(error):  # every image would fail, and none is to blame
            raise
        return job.failed("unexpected-error", f"{type(error).__name__}: {error}", took())


def prepare_face(task: FaceTask) -> list[StepRecord]:
    """Read, align and crop one image."""
    # dlib and Pillow are loaded where they are used: planning a run needs neither.
    from age_audit.faces import decoding
    from age_audit.faces.alignment import EYE_DISTANCE, align_face, landmarks_for_alignment
    from age_audit.faces.detection import crop_face

    held: dict = {"centre": task.centre}
    decoded: dict[str, int] = {}

    def read() -> tuple[None, str]:
        content = decoding.read_bytes(task.path)
        if hashlib.sha256(content).hexdigest() != task.read.key:
            raise ImageFailure("changed-while-reading", "the file changed during the run")
        held["face"], notes = decoding.decode_image(content)
        decoded["decoder"] = decoding.VERSION
        return None, "; ".join(notes)

    def align() -> tuple[bytes, str]:
        landmarks, faces_found = landmarks_for_alignment(held["face"])
        aligned = align_face(held["face"], landmarks)
        held["face"], held["centre"] = aligned.image, aligned.centre
        facts = {"scale": round(aligned.scale, 6), "angle": round(aligned.angle, 6), "faces_found": faces_found}
        facts |= {"centre": aligned.centre} | decoded | _written(task.aligned_path, aligned.image)
        return json.dumps(facts).encode(), "; ".join((*_several(faces_found, "largest"), *aligned.notes))

    def crop() -> tuple[bytes, str]:
        if task.aligned:
            held["face"] = read_picture(task.aligned, "aligned")
        # Of 8,447 faces of UTKFace no box has its centre further from that of its landmarks; that of another head has.
        cropped = crop_face(held["face"], near=held["centre"], reach=EYE_DISTANCE)
        facts = {"box": asdict(cropped.box), "faces_found": cropped.faces_found}
        facts |= decoded | _written(task.cropped_path, cropped.image)
        which = "aligned" if held["centre"] else "largest"
        return json.dumps(facts).encode(), "; ".join(_several(cropped.faces_found, which))

    steps = []
    if not task.aligned:
        steps += [(task.read, read), (task.align, align)]
    steps.append((task.crop, crop))
    records = []
    for job, work in steps:
        if job is None:
            continue
        records.append(attempt(job, work))
        if records[-1].outcome.status == "failed":
            # A picture of what the image was before must not stay beside a failure.
            for path in (task.aligned_path, task.cropped_path) if job != task.crop else (task.cropped_path,):
                path.unlink(missing_ok=True)
            break
    return records


def _several(faces_found: int, which: str) -> tuple[str, ...]:
    return (f"several-faces: {faces_found}, the {which} one taken",) if faces_found > 1 else ()


def _written(path: Path, image: np.ndarray) -> dict[str, str]:
    """Write a picture, and give what it can be known again by."""
    content = png_bytes(image)
    write_atomically(path, content)
    return {"sha256": hashlib.sha256(content).hexdigest()}


def read_picture(picture: Picture, name: str) -> np.ndarray:
    """A picture of an earlier step, uint8 (H, W, 3) RGB.

    Raises
    ------
    ImageFailure
        ``<name>-unreadable`` when the picture is gone or damaged, ``<name>-changed`` when it is another than was made;
        it is removed, so that the next run makes it anew.
    """
    path, reason = picture.path, f"{name}-unreadable"
    try:
        pixels = read_png(path)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ValueError(f"expected RGB of 8 bits, found {pixels.dtype} {pixels.shape}")
        if picture.sha256 not in (None, sha256_of(path)):
            reason = f"{name}-changed"
            raise ValueError("another picture than was made of this face")
        return pixels
    except (OSError, SyntaxError, ValueError) as error:
        if is_out_of_files(error):
            raise
        path.unlink(missing_ok=True)
        raise ImageFailure(reason, f"{path.name}: {error}; run analysis_1_method.py again") from error


def read_crop(picture: Picture) -> np.ndarray:
    """A crop from disk, uint8 (224, 224, 3) RGB; ImageFailure as :func:`read_picture`."""
    crop = read_picture(picture, "crop")
    if crop.shape[:2] != (CANVAS, CANVAS):
        picture.path.unlink(missing_ok=True)
        note = f"{picture.path.name}: expected {CANVAS} x {CANVAS} pixels, found {crop.shape}"
        raise ImageFailure("crop-unreadable", note)
    return crop


def single_faces(task: EstimateTask) -> list[EstimateTask]:
    """The same faces, in batches of one."""
    return [replace(task, faces=(face,)) for face in task.faces]


def estimate_faces(task: EstimateTask) -> list[StepRecord]:
    """Estimate one batch; a crop that cannot be read, or that the estimator trips over, fails alone."""
    estimator = task.estimator.load()
    start = time.perf_counter()
    crops, records = {}, []
    for job, crop in task.faces:
        try:
            crops[job] = read_crop(crop)
        except ImageFailure as failure:
            records.append(job.failed(failure.reason, failure.note))
    try:
        estimate = estimator.predict(np.stack(list(crops.values()))) if crops else None
    except UsageError:
        raise
    except Exception:  # find out which face it was; the others get their estimates
        alone = task.estimator.load().predict
        return records + [attempt(job, lambda crop=crop: _kept(alone(crop[None]), 0)) for job, crop in crops.items()]
    seconds = (time.perf_counter() - start) / max(len(crops), 1)
    return records + [attempt(job, partial(_kept, estimate, row), seconds) for row, job in enumerate(crops)]


def _kept(estimate: AgeEstimate, row: int) -> tuple[bytes, str]:
    """One face of an estimate as the ledger keeps it."""
    age = float(estimate.age[row])
    if not np.isfinite(age):
        raise ImageFailure("estimate-not-finite", f"the estimator gave no number, but {age}")
    if not 0 <= age <= OLDEST:
        raise ImageFailure("estimate-impossible", f"the estimator gave {age:.6g} years, nobody is beyond 0 to {OLDEST}")
    return estimate_to_bytes(estimate, row), ""


def explain_face(task: ExplainTask) -> list[StepRecord]:
    """Explain one face and write its mask."""

    def explain() -> tuple[bytes, str]:
        crop = read_crop(task.crop)
        explainer = explainer_for(task.method, task.estimator.load(), task.parameters, task.seed)
        attribution = explainer.explain(crop)
        write_atomically(task.mask_path, png_bytes(mask_picture(attribution)))
        note = "" if attribution.positive_mask.any() else "no-positive-pixel"
        return attribution_to_bytes(attribution), note

    return [attempt(task.job, explain)]


@dataclass(frozen=True)
class ChoiceTask:
    """Explain one face with one choice made otherwise.

    ``source`` is the picture that the crop was cut from, ``box`` where, ``neighbour`` another face's crop.
    """

    job: Job
    choice: str
    crop: Picture
    source: Picture
    box: FaceBox
    neighbour: Picture
    landmarks: tuple[tuple[int, int], ...]
    estimator: EstimatorChoice
    seed: int

    @property
    def blamed(self) -> list[Job]:
        return [self.job]


def explain_otherwise(task: ChoiceTask) -> list[StepRecord]:
    """Explain one face with one choice made otherwise, and keep what is compared: its squares and its regions.

    At the preset also which squares the estimator looks at.
    """
    from age_audit.explain import sensitivity
    from age_audit.explain.units import CELLS, grid_units, seen_units
    from age_audit.faces.detection import cut_out
    from age_audit.regions.polygons import REGIONS
    from age_audit.regions.years import region_years

    def explain() -> tuple[bytes, str]:
        crop, landmarks, frame = read_crop(task.crop), np.array(task.landmarks), None
        choice = sensitivity.CHOICES[task.choice]
        if choice.margin != sensitivity.CHOICES[sensitivity.BASE].margin:
            frame = sensitivity.frame_of(task.box, choice.margin)
            crop = cut_out(read_picture(task.source, "aligned"), task.box, choice.margin)
            landmarks = frame.points(landmarks)
        neighbour = read_crop(task.neighbour) if choice.hidden is sensitivity.of_another_face else crop
        estimator = task.estimator.load()
        explainer = sensitivity.OtherwiseExplainer(task.choice, estimator, landmarks, neighbour, task.seed)
        attribution = explainer.explain(crop)
        cells, regions = sensitivity.cells_of(attribution, frame), region_years(attribution, landmarks)
        found = {"years": cells.years, "settled": cells.settled.astype(np.int8)}
        if task.choice == sensitivity.BASE:
            found["seen"] = seen_units(estimator, crop, grid_units()).reshape(CELLS, CELLS)
        return pack_arrays(**found, regions=np.array([regions[name] for name in REGIONS])), ""

    return [attempt(task.job, explain)]


@dataclass(frozen=True)
class EvaluateTask:
    """Find landmarks on one crop (unless they are given) and read what is asked for off its explanation.

    ``readings`` are jobs of the steps in :data:`READINGS`.
    """

    crop: Picture
    landmarks: Job
    points: tuple[tuple[int, int], ...] | None
    readings: tuple[Job, ...]
    attribution: bytes
    additive: bool = False  # of a value a pixel: whether they add up, as of age_audit.explain.registry.Method
    box_landmarks: int = LANDMARK_COUNT

    @property
    def blamed(self) -> list[Job]:
        return [self.landmarks] if self.points is None else list(self.readings)


Reading = tuple[object, tuple[str, ...]]  # something that JSON can hold, and notes on it


def _read_activations(attribution: Attribution, landmarks: np.ndarray, _: bool) -> Reading:
    from age_audit.regions import scores

    activation = scores.evaluate_face("", attribution.positive_mask, landmarks)
    return activation.scores, activation.notes


def _read_boxes(attribution: Attribution, landmarks: np.ndarray, _: bool) -> Reading:
    from age_audit.regions.boxes import boxes_of_face

    boxes = boxes_of_face(attribution.settled_map, landmarks, BoxParameters())
    return boxes, () if boxes else ("no-activation-box",)


def _read_region_years(attribution: Attribution, landmarks: np.ndarray, additive: bool) -> Reading:
    from age_audit.regions.years import region_years

    found = region_years(attribution, landmarks, additive=additive)
    numbers = {region: [number if np.isfinite(number) else None for number in row] for region, row in found.items()}
    missing = attribution.unexplained
    return numbers, (f"values-do-not-sum: {missing:+.2f} of the target is in no pixel",) if missing else ()


# By step, what a face's explanation and landmarks give. A new one is a function, an entry here, a row of
# age_audit.pipeline.steps, and what stage 2 writes of it.
READINGS: dict[str, Callable[[Attribution, np.ndarray, bool], Reading]] = {
    "activations": _read_activations,
    "boxes": _read_boxes,
    "region_years": _read_region_years,
}


def evaluate_face(task: EvaluateTask) -> list[StepRecord]:
    """Landmarks, and what is read off one face's explanation by them."""
    from age_audit.faces.landmarks import landmarks_on_crop

    found: dict = {"landmarks": None if task.points is None else np.array(task.points)}

    def landmarks() -> tuple[bytes, str]:
        found["landmarks"], notes = landmarks_on_crop(read_crop(task.crop))
        return json.dumps(found["landmarks"].tolist()).encode(), "; ".join(notes)

    def read(step: str) -> tuple[bytes, str]:
        try:
            if "attribution" not in found:
                found["attribution"] = attribution_from_bytes(task.attribution)
        except (ValueError, LookupError) as error:
            note = f"the ledger holds a damaged one: {error}; run analysis_1_method.py again"
            raise ImageFailure("explanation-unreadable", note) from error
        points, noted = found["landmarks"], ()
        if step == "boxes" and task.box_landmarks == MESH_LANDMARK_COUNT:
            from age_audit.faces.landmarks_478 import landmarks_478_on_crop

            points, noted = landmarks_478_on_crop(read_crop(task.crop))
        content, notes = READINGS[step](found["attribution"], points, task.additive)
        return json.dumps(content).encode(), "; ".join([*noted, *notes])

    records = []
    if task.points is None:
        records.append(attempt(task.landmarks, landmarks))
        if records[0].outcome.status == "failed":
            return records
    return [*records, *(attempt(job, partial(read, job.step)) for job in task.readings)]


def count_failed(records: list[StepRecord]) -> int:
    """How many steps of a task failed."""
    return sum(record.outcome.status == "failed" for record in records)


def worker_died(task: FaceTask | EstimateTask | ExplainTask | ChoiceTask | EvaluateTask) -> list[StepRecord]:
    """Records for a task given up because its workers kept dying."""
    note = "the worker process was killed again and again, out of memory perhaps"
    return [job.failed("worker-died", note) for job in task.blamed]


@dataclass(frozen=True)
class WorkerSetup:
    """Called once in each worker, before its model is loaded, with the number of threads that model may use."""

    estimator: EstimatorChoice

    def __call__(self, threads: int) -> None:
        check_same(self.estimator.name, self.estimator.weights_hash)
        configure_threads(self.estimator.name, threads)
