"""Stage 1: images to aligned, cropped, estimated and explained faces, only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from age_audit.core.config import STEPS, Stage1Config
from age_audit.core.errors import UsageError, is_disk_full
from age_audit.core.masks import mask_picture
from age_audit.data.images import ImageFile
from age_audit.estimators.base import BATCH
from age_audit.estimators.hardware import choose_precision
from age_audit.estimators.registry import check_estimator
from age_audit.execution import Execution, open_execution
from age_audit.pipeline import tasks
from age_audit.pipeline.export import export_predictions
from age_audit.pipeline.intake import ImageFolder, find_images
from age_audit.pipeline.outcomes import TRANSIENT, Tally, current_outcomes, settled_outcomes, tally
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.tasks import (
    EstimateTask,
    EstimatorChoice,
    ExplainTask,
    FaceTask,
    WorkerSetup,
    count_failed,
    worker_died,
)
from age_audit.store.files import png_bytes, remove_partial_files, write_atomically
from age_audit.store.ledger import Ledger, Outcome
from age_audit.store.pictures import FOLDERS, picture_path
from age_audit.store.records import attribution_from_bytes


@dataclass
class Run:
    """One run's plan: which images, which steps, and what the ledger already holds.

    ``content`` maps each readable image to the hash of its bytes; ``worked`` counts the tasks that were carried out.
    """

    config: Stage1Config
    ledger: Ledger
    recipe: Recipe
    files: list[ImageFile]
    content: dict[str, str]
    execution: Execution
    worked: int = 0

    def settled(self, step: str, variant: str = "") -> dict[str, Outcome]:
        """Outcomes of a step made with today's recipe, without failures that may pass when tried again."""
        return settled_outcomes(self.ledger, self.recipe, self.content, step, variant)

    def picture(self, step: str, image: str) -> Path:
        """Where a step's picture of an image lies; the whole file name is kept, so that a.jpg and a.png stay apart."""
        return picture_path(self.config.output, step, PurePosixPath(image).name)

    @property
    def choice(self) -> EstimatorChoice:
        config = self.config
        return EstimatorChoice(config.estimator, config.precision, config.device, config.batch)

    def work(self, function: Callable, todo: Sequence, label: str, step: str, **options) -> None:
        """Carry tasks out and record what comes of them; ``step`` is to blame where workers keep dying."""
        results = self.execution.run(
            function, todo, label, "face", give_up=worker_died(step), failed=count_failed, **options
        )
        self.worked += self.ledger.record_as_they_come(results)


def run_stage1(config: Stage1Config) -> Tally:
    """Do what is missing, write the predictions metadataset, and count.

    Returns
    -------
    Tally
        Every image of the run, done or failed by reason.

    Raises
    ------
    UsageError
        When the run cannot start: no images, no labels, no estimator, another run at work.
    """
    if config.cluster is not None:  # other machines have another working directory
        config = replace(config, images=config.images.absolute(), output=config.output.absolute())
    precision = choose_precision(config.precision, config.estimator, config.preset, config.device)
    config = replace(config, precision=precision)
    images = find_images(config)
    if {"estimate", "explain"} & set(config.steps):  # what is wrong with the estimator is told before any work
        check_estimator(config.estimator, config.precision, config.device)
    with (
        Ledger(config.output) as ledger,
        open_execution(config.workers, config.cluster, config.json_log) as execution,
    ):
        aligned = "align" in config.steps or ledger.meta("aligned") == "yes"
        recipe = Recipe(aligned, config.estimator, config.precision, config.preset, config.seed, config.samples)
        intake = images.take(ledger)
        run = Run(config, ledger, recipe, intake.files, intake.content, execution)
        ledger.set_meta("aligned", "yes" if aligned else "no")
        how = "aligned" if aligned else "not aligned"
        print(f"{len(run.files)} of {images}, faces {how} before the crop, {config.estimator} in {config.precision}")
        with _picture_folders(config.output):
            if isinstance(images, ImageFolder):
                _prepare_faces(run)
            if "estimate" in config.steps:
                _estimate(run)
            if "explain" in config.steps:
                _explain(run)
                ledger.set_meta("recipe", recipe.to_json())  # stage 2 scores what was explained last
        _say_how_accurate(export_predictions(config, ledger, recipe))
        chain = [step for step in STEPS if step in _chain(config.steps, aligned)]
        counted = tally(ledger, recipe, [file.image for file in run.files], run.content, chain, run.worked)
        execution.progress.tell("end", **asdict(counted))
        return counted


@contextmanager
def _picture_folders(output: Path) -> Iterator[None]:
    """Folders for pictures, which at the end hold none that a killed run or worker was still writing."""
    for folder in FOLDERS.values():
        try:
            (output / folder).mkdir(exist_ok=True)
        except OSError as error:
            if is_disk_full(error):
                raise
            raise UsageError(
                f"expected to make the folder {output / folder}, but: {error.strerror}; move what is there or choose "
                "another --output"
            ) from error
        remove_partial_files(output / folder)
    try:
        yield
    finally:
        for folder in FOLDERS.values():
            remove_partial_files(output / folder)


def _say_how_accurate(accuracy: dict | None) -> None:
    if accuracy is None:
        print("no estimates by this estimator yet: the predictions metadataset of another one is left as it is")
    elif accuracy["n"]:
        r = "" if accuracy["pearson_r"] is None else f", Pearson r {accuracy['pearson_r']:.3f}"
        error, signed = accuracy["mean_absolute_error"], accuracy["mean_signed_error"]
        print(
            f"{accuracy['n']} estimates with a labelled age: mean absolute error {error:.2f} years, "
            f"mean signed error {signed:+.2f} years{r}"
        )


def _chain(steps: tuple[str, ...], aligned: bool) -> set[str]:
    """The steps asked for and those they need."""
    needed = {"crop"} if set(steps) - {"align"} else set()
    return set(steps) | needed | ({"align"} if aligned else set())


def _prepare_faces(run: Run) -> None:
    """Read, align and crop."""
    steps, redo = run.config.steps, set(run.config.steps) if run.config.overwrite else set()
    wanted = run.recipe.aligned and "align" in steps, bool(set(steps) - {"align"})
    read = run.ledger.outcomes("read")
    aligned, cropped = run.settled("align"), run.settled("crop")
    todo = []
    for file in run.files:
        image = file.image
        if image not in run.content or (not redo and _is_failed(read.get(image), run.content[image])):
            continue
        content = run.content[image]
        align_path, crop_path = run.picture("align", image), run.picture("crop", image)
        align_there = (
            image in aligned and "align" not in redo and (aligned[image].status == "failed" or align_path.is_file())
        )
        crop_there = (
            image in cropped
            and not redo & {"align", "crop"}
            and (cropped[image].status == "failed" or crop_path.is_file())
        )
        align_failed = align_there and aligned[image].status == "failed"
        need_crop = wanted[1] and not crop_there and not align_failed
        need_align = run.recipe.aligned and not align_there and (wanted[0] or need_crop)
        if need_align or need_crop:
            todo.append(
                FaceTask(
                    image=image,
                    path=file.path,
                    content=content,
                    align_key=run.recipe.align_key(content) if need_align else None,
                    crop_key=run.recipe.crop_key(content) if need_crop else None,
                    aligned_path=align_path,
                    cropped_path=crop_path,
                    align_done=run.recipe.aligned and not need_align,
                )
            )
    label = "align and crop" if run.recipe.aligned else "crop"
    run.work(tasks.prepare_face, todo, label, "read")


def _is_failed(outcome: Outcome | None, key: str) -> bool:
    """Whether reading this very content failed before, for a reason that stays."""
    return outcome is not None and outcome.status == "failed" and outcome.key == key and outcome.reason not in TRANSIENT


def _with_crop(run: Run) -> Iterator[tuple[str, str]]:
    """(image, content) of the run's images that have a crop."""
    cropped = run.settled("crop")
    for file in run.files:
        outcome = cropped.get(file.image)
        if outcome is not None and outcome.status == "done":
            yield file.image, run.content[file.image]


def _estimate(run: Run) -> None:
    recipe = run.recipe
    there = {} if run.config.overwrite else run.settled("estimate", recipe.estimate_variant)
    todo = [
        (image, recipe.estimate_key(content), run.picture("crop", image))
        for image, content in _with_crop(run)
        if image not in there
    ]
    size = run.config.batch or BATCH
    batches = [
        EstimateTask(tuple(todo[start : start + size]), run.choice, recipe.estimate_variant)
        for start in range(0, len(todo), size)
    ]
    setup = WorkerSetup(run.config.estimator)
    options = {"weight": lambda batch: len(batch.faces), "setup": setup, "split": tasks.single_faces}
    run.work(tasks.estimate_faces, batches, "estimate", "estimate", **options)


def _explain(run: Run) -> None:
    recipe = run.recipe
    there = {} if run.config.overwrite else run.settled("explain", recipe.explain_variant)
    todo = [
        ExplainTask(
            image=image,
            key=recipe.explain_key(content),
            crop_path=run.picture("crop", image),
            mask_path=run.picture("explain", image),
            estimator=run.choice,
            parameters=recipe.lime_parameters,
            seed=run.config.seed,
            variant=recipe.explain_variant,
        )
        for image, content in _with_crop(run)
        if image not in there
    ]
    run.ledger.forget_mask_files(task.image for task in todo)
    label = f"explain ({run.config.preset})"
    run.work(tasks.explain_face, todo, label, "explain", setup=WorkerSetup(run.config.estimator))
    _show_masks(run, {task.image for task in todo})


def _show_masks(run: Run, drawn: set[str]) -> None:
    """Make img-masks show this run's estimator and preset, also where another run's masks lie there."""
    ledger, variant = run.ledger, run.recipe.explain_variant
    content = {image: row.content for image, row in ledger.images().items() if row.content is not None}
    explained = current_outcomes(ledger, run.recipe, content, "explain", variant)
    shown, noted = ledger.mask_files(), []
    for image in ledger.images():
        path, outcome = run.picture("explain", image), explained.get(image)
        if outcome is None or outcome.status == "failed":
            path.unlink(missing_ok=True)
        elif image in drawn and path.is_file():
            noted.append((image, outcome.key))
        elif shown.get(image) != outcome.key or not path.is_file():
            mask = mask_picture(attribution_from_bytes(ledger.payload(image, "explain", variant)))
            write_atomically(path, png_bytes(mask))
            noted.append((image, outcome.key))
    ledger.set_mask_files(noted)
