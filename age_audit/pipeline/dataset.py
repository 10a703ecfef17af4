"""The data set's own audit: every picture measured, pose and skin tone of every face, every copy found.

A command of its own beside the three stages, with a ledger like theirs: what is there is not done again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.audit.dataset.description import MEASURES, channel_shares, measures_in
from age_audit.core.config import FORMATS, PARQUET_ABOVE, Stage1Config, check_choice, stage1_option
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.data.image_measures import MEASURED, OF_CROP
from age_audit.data.label_formats import LabelSource
from age_audit.data.metadatasets import check_writable, refuse_other_images
from age_audit.data.population import read_population
from age_audit.data.region_scores import files_there
from age_audit.execution import Execution, open_execution
from age_audit.faces import brisque
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.quality import PRESETS
from age_audit.figures.contact_sheets import ACROSS, SheetFace, contact_sheet
from age_audit.figures.style import counted, save_figure
from age_audit.pipeline.images_export import (
    STEPS,
    check_population,
    export_composition,
    export_images,
    finite,
    packed,
)
from age_audit.pipeline.intake import Intake, find_images
from age_audit.pipeline.outcomes import Tally, settled_outcomes, tally
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.steps import Job
from age_audit.pipeline.tasks import attempt, count_failed, worker_died
from age_audit.store.ledger import Ledger, StepRecord


@dataclass(frozen=True)
class DatasetConfig:
    """Options of ``age-audit dataset``; those of stage 1 mean the same here."""

    images: Path = field(default=Stage1Config.images, metadata=stage1_option("images"))
    output: Path = field(default=Path("dataset"), metadata={"help": "folder for the ledger, and for contact sheets"})
    metadatasets: Path = field(
        default=Path("metadatasets"),
        metadata={"help": "folder for metadataset_<dataset>_images.json, …_channels.json and …_splits.json"},
    )
    dataset: str = field(default=Stage1Config.dataset, metadata=stage1_option("dataset"))
    labels: str | None = field(default=Stage1Config.labels, metadata=stage1_option("labels"))
    sensitive: tuple[str, ...] | None = field(default=None, metadata=stage1_option("sensitive"))
    preset: str = field(
        default="audit",
        metadata={
            "help": "how pictures are measured: audit, or published (a published exploration took the Laplacian and "
            "the Fourier transform of grey with red and blue exchanged)"
        },
    )
    steps: tuple[str, ...] = field(
        default=STEPS,
        metadata={
            "help": "what is measured, comma-separated: picture (size, copies, quality) and face (pose and skin tone, "
            "for which the face has to be found: the longer part)"
        },
    )
    workers: int = field(default=Stage1Config.workers, metadata=stage1_option("workers"))
    cluster: str | None = field(default=Stage1Config.cluster, metadata=stage1_option("cluster"))
    json_log: Path | None = field(default=Stage1Config.json_log, metadata=stage1_option("json_log"))
    format: str = field(
        default="auto",
        metadata={"help": f"of the rows: json, parquet, or auto: parquet above {PARQUET_ABOVE:,} pictures, else json"},
    )
    limit: int | None = field(default=None, metadata=stage1_option("limit"))
    age_ranges: tuple[str, ...] = field(default=Stage1Config.age_ranges, metadata=stage1_option("age_ranges"))
    seed: int = field(default=Stage1Config.seed, metadata={"help": "seed of the training, validation and test sets"})
    sheets: bool = field(
        default=False,
        metadata={"help": "draw the most extreme pictures of each measure into --output; a sheet shows faces"},
    )
    population: Path | None = field(
        default=None,
        metadata={
            "help": "CSV of a population that the pictures are compared with: age_from, age_to, labels such as gender, "
            "and share or count",
            "metavar": "FILE",
            "none": "none",
        },
    )
    overwrite: bool = field(default=False, metadata=stage1_option("overwrite"))

    def __post_init__(self):
        check_choice("preset", self.preset, PRESETS)
        check_choice("format", self.format, FORMATS)
        for step in self.steps:
            check_choice("step", step, STEPS)
        _ = self.stage1

    @property
    def stage1(self) -> Stage1Config:
        """As which images and labels are taken."""
        shared = {f.name for f in fields(Stage1Config)} - {"steps", "preset"}
        return Stage1Config(**{f.name: getattr(self, f.name) for f in fields(self) if f.name in shared})


@dataclass(frozen=True)
class PictureTask:
    """Measure one picture. A job of ``None`` leaves the step out; ``content`` is the hash of the file's bytes."""

    path: Path
    content: str
    preset: str
    picture: Job | None
    face: Job | None

    @property
    def blamed(self) -> list[Job]:
        return [job for job in (self.picture, self.face) if job is not None]


def measure_picture(task: PictureTask) -> list[StepRecord]:
    """Read and decode a file once, for both steps."""
    from age_audit.faces import decoding

    held: dict = {}

    def decoded() -> np.ndarray:
        if "image" not in held:
            held["content"] = decoding.read_bytes(task.path)
            if hashlib.sha256(held["content"]).hexdigest() != task.content:
                raise ImageFailure("changed-while-reading", "the file changed during the run")
            held["image"], _ = decoding.decode_image(held["content"])
        return held["image"]

    def picture() -> tuple[bytes, str]:
        image = decoded()
        return json.dumps(of_picture(image, task.preset) | decoding.file_facts(held["content"])).encode(), ""

    def face() -> tuple[bytes, str]:
        found, note = of_face(decoded(), task.preset)
        return json.dumps(found).encode(), note

    works = ((task.picture, picture), (task.face, face))
    return [attempt(job, work) for job, work in works if job is not None]


def of_picture(image: np.ndarray, preset: str) -> dict:
    """What is kept of a picture, uint8 (H, W, 3) RGB: its measures and what its copies are found by."""
    from age_audit.faces.fingerprints import fingerprint
    from age_audit.faces.quality import measure

    mark = fingerprint(image)
    grey = bool((image == image[..., :1]).all())
    height, width = image.shape[:2]
    hashes = {"pixels": mark.pixels, "dhash": f"{mark.dhash:016x}", "phash": f"{mark.phash:016x}"}
    counts = np.rint(channel_shares(image) * (height * width)).astype("<u4")
    kept = {"details": packed(mark.details), "channels": packed(counts)}
    return (
        {"width": width, "height": height, "grey": grey}
        | hashes
        | kept
        | measure(image, preset, with_brisque=not brisque.absent())
    )


def of_face(image: np.ndarray, preset: str) -> tuple[dict, str]:
    """Pose, skin tone, exposure and blur of the largest face of a picture, uint8 (H, W, 3) RGB, and a note.

    Raises
    ------
    ImageFailure
        ``no-face``, ``degenerate-landmarks`` or ``landmarks-outside``.
    """
    from age_audit.faces.alignment import landmarks_for_alignment
    from age_audit.faces.pose import eye_distance, head_pose
    from age_audit.faces.quality import measure
    from age_audit.faces.skin_tone import measure_skin_tone, skin_tone_class

    points, faces_found = landmarks_for_alignment(image)
    tone, pose = measure_skin_tone(image, points), head_pose(points)
    found = {"faces_found": faces_found, "individual_typology_angle": tone.angle}
    found |= {"skin_tone": skin_tone_class(tone.angle), "skin_lightness": tone.lightness}
    found |= {"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll, "eye_distance": eye_distance(points)}
    crop = measure(_around(image, points), preset, with_brisque=False)
    found |= {f"face_{name}": crop[name] for name in OF_CROP}
    return {name: finite(value) for name, value in found.items()}, tone.reason


def _around(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The part of a picture that the landmarks span, brows to chin."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0) + 1
    part = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if not part.size:
        raise ImageFailure("landmarks-outside", "none of the landmarks lies in the picture")
    return np.ascontiguousarray(part)


def run_dataset(config: DatasetConfig) -> Tally:
    """Measure what is missing, find the copies, write the images metadataset, and count.

    Raises
    ------
    UsageError
        When the run cannot start: no images, no labels, or one called like a measure, another run at work.
    """
    if config.cluster is not None:  # other machines have another working directory
        config = replace(config, images=config.images.absolute(), output=config.output.absolute())
    images = find_images(config.stage1)
    population = None if config.population is None else read_population(config.population)
    _refuse_labels_called_like_measures(config)
    recipe = Recipe(aligned=False, estimator="", precision="", preset=config.preset, seed=0)
    check_writable(config.metadatasets, config.dataset)
    with (
        Ledger(config.output) as ledger,
        open_execution(config.workers, config.cluster, config.json_log) as execution,
    ):
        held = ledger.contents()
        intake = images.take(ledger)
        if population is not None:  # groups spelled otherwise are told before hours of measuring
            check_population(config, ledger, population)
        if not config.overwrite:
            refuse_other_images(config.metadatasets, config.dataset, held | ledger.contents())
        print(f"{len(intake.files)} of {images}, measured by preset {config.preset}")
        if "picture" in config.steps and (absent := brisque.absent()):
            print(f"BRISQUE is left out: {absent}")
        worked = _measure(config, ledger, recipe, intake, execution)
        written = export_images(config, ledger, recipe)
        print(_written_in_words(config, written, {file.image for file in intake.files}))
        if population is not None:
            print(export_composition(config, written, population))
        if config.sheets:
            _draw_sheets(config, written)
        result = tally(ledger, recipe, [file.image for file in intake.files], intake.content, config.steps, worked)
        execution.progress.tell("end", **asdict(result))
        return result


def _written_in_words(config: DatasetConfig, written: pd.DataFrame, of_this_run: set[str]) -> str:
    """How many pictures the file holds, and how many of them this run did not look at."""
    name = files_there(config.metadatasets, config.dataset, "images")[0].name
    earlier = int((~written["image"].isin(of_this_run)).sum())
    more = f", {earlier:,} of them measured by earlier runs and not among the images of this one" if earlier else ""
    return f"{name} holds {counted(len(written), 'picture')}{more}"


def _refuse_labels_called_like_measures(config: DatasetConfig) -> None:
    """A row has one place of each name, which the measure would take."""
    columns = LabelSource(config.labels).columns if config.labels is not None else ()
    if taken := [name for name in columns if name in (*MEASURED, "image")]:
        raise UsageError(
            f"expected columns of {config.labels} that no measure of a picture is stored under; rename "
            f"{', '.join(map(repr, taken))}"
        )


def _measure(config: DatasetConfig, ledger: Ledger, recipe: Recipe, intake: Intake, execution: Execution) -> int:
    there = {step: settled_outcomes(ledger, recipe, intake.content, step) for step in config.steps}
    todo = []
    for file in intake.files:
        content = intake.content.get(file.image)
        missing = [step for step in config.steps if config.overwrite or file.image not in there[step]]
        if content is None or not missing:
            continue
        jobs = {step: recipe.job(step, file.image, content) if step in missing else None for step in STEPS}
        todo.append(PictureTask(file.path, content, recipe.preset, **jobs))
    return ledger.record_as_they_come(
        execution.run(measure_picture, todo, "measure", "image", give_up=worker_died, failed=count_failed)
    )


def _draw_sheets(config: DatasetConfig, written: pd.DataFrame) -> None:
    """A sheet for each measure in which pictures differ: those that have least of it, and those that have most."""
    frame = written[written["cluster"].notna()]
    measures = [name for name in measures_in(frame) if len(frame[name].dropna().unique()) > 1]
    numbers = frame.assign(**{name: pd.to_numeric(frame[name]) for name in measures})
    for measure in measures:
        rows = {}
        for side, most_first in (("lowest", False), ("highest", True)):
            ends = numbers.dropna(subset=measure).sort_values([measure, "fname"], ascending=[not most_first, True])
            rows[side] = [
                SheetFace(row.fname, getattr(row, measure), decode_image(read_bytes(config.images / row.image))[0])
                for row in ends.head(ACROSS).itertuples()
            ]
        title = f"The pictures with the least and with the most: {MEASURES.get(measure, measure)}"
        save_figure(contact_sheet(rows, title), config.output / "contact-sheets", measure, title=title)
