"""Stage 1: images to aligned, cropped, estimated and explained faces, only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from age_audit.core.config import Stage1Config
from age_audit.core.errors import UsageError, shortage
from age_audit.core.masks import mask_picture
from age_audit.core.vocabulary import label_origin
from age_audit.data.images import ImageFile
from age_audit.data.metadatasets import (
    check_writable,
    model_of,
    other_maker,
    refuse_other_images,
    refuse_other_maker,
    stated_in,
)
from age_audit.estimators.base import BATCH
from age_audit.estimators.entries import ENTRIES, FUNCTION, kind_of
from age_audit.estimators.hardware import choose_precision
from age_audit.estimators.registry import check_estimator, load_estimator
from age_audit.estimators.sources import absolute_name, describe, files_of
from age_audit.estimators.targets import parse_target
from age_audit.execution import Execution, open_execution
from age_audit.explain.registry import DEFAULT, explainer_for
from age_audit.pipeline import tasks
from age_audit.pipeline.choice import remember
from age_audit.pipeline.export import export_predictions
from age_audit.pipeline.intake import ImageFolder, find_images
from age_audit.pipeline.outcomes import TRANSIENT, Tally, current_outcomes, settled_outcomes, tally
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import made_picture, read_result, read_results
from age_audit.pipeline.steps import ASK_ESTIMATOR, READ, Job, Picture, chain, picture_folders, picture_path
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

    def settled(self, step: str) -> dict[str, Outcome]:
        """Outcomes of a step made with today's recipe, without failures that may pass when tried again."""
        return settled_outcomes(self.ledger, self.recipe, self.content, step)

    def missing(self, step: str) -> list[Job]:
        """A step that takes crops, for the run's images that have one and lack the step's result."""
        there = {} if self.config.overwrite else self.settled(step)
        cropped = {image for image, outcome in self.settled("crop").items() if outcome.status == "done"}
        todo = [file.image for file in self.files if file.image in cropped and file.image not in there]
        return [self.recipe.job(step, image, self.content[image]) for image in todo]

    def picture(self, step: str, image: str) -> Path:
        """Where a step's picture of an image lies; the whole file name is kept, so that a.jpg and a.png stay apart."""
        return picture_path(self.config.output, step, PurePosixPath(image).name)

    def made(self, step: str, image: str) -> Picture:
        """The picture that a step made of an image."""
        return made_picture(self.ledger, self.recipe, step, image, self.config.output)

    @property
    def choice(self) -> EstimatorChoice:
        config = self.config
        weights_hash = self.recipe.estimator_parameters["weights_hash"]
        name = absolute_name(config.estimator)  # workers on other machines stand elsewhere
        return EstimatorChoice(name, config.precision, config.device, config.batch, weights_hash)

    def work(self, function: Callable, todo: Sequence, label: str, unit: str = "face", **options) -> None:
        """Carry tasks out and record what comes of them."""
        results = self.execution.run(function, todo, label, unit, give_up=worker_died, failed=count_failed, **options)
        self.worked += self.ledger.record_as_they_come(results)

    def tally(self, steps: Sequence[str]) -> Tally:
        """How the run's images ended that go through these steps."""
        return tally(self.ledger, self.recipe, [file.image for file in self.files], self.content, steps, self.worked)


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
    with stage1(config) as run:
        counted = run.tally(chain(config.steps, run.recipe.aligned))
        run.execution.progress.tell("end", **asdict(counted))
        return counted


@contextmanager
def stage1(config: Stage1Config) -> Iterator[Run]:
    """Stage 1, whose ledger and workers stay open, for what is asked of its faces beyond it.

    Raises
    ------
    UsageError
        As :func:`run_stage1`.
    """
    if config.cluster is not None:  # other machines have another working directory
        config = replace(config, images=config.images.absolute(), output=config.output.absolute())
    precision = choose_precision(config.precision, config.estimator, config.preset, config.device)
    config = replace(config, precision=precision)
    images = find_images(config)
    if ASK_ESTIMATOR & set(config.steps):
        _check_estimator(config)
    with (
        Ledger(config.output) as ledger,
        open_execution(config.workers, config.cluster, config.json_log) as execution,
    ):
        aligned = "align" in config.steps or ledger.meta("aligned") == "yes"
        recipe = _recipe(config, aligned)
        if ASK_ESTIMATOR & set(config.steps):
            refuse_other_maker(config.metadatasets, config.dataset, recipe.maker)
        check_writable(config.metadatasets, config.dataset)
        held = ledger.contents()
        intake = images.take(ledger)
        if ASK_ESTIMATOR & set(config.steps):
            _look_at_what_is_replaced(config, recipe, held | ledger.contents())
        run = Run(config, ledger, recipe, intake.files, intake.content, execution)
        ledger.set_meta("aligned", "yes" if aligned else "no")
        how = "aligned" if aligned else "not aligned"
        explained = f", {recipe.maker.explanation}" if "explain" in config.steps else ""
        begins = f"{len(run.files)} of {images}, faces {how} before the crop"
        asked = f", {config.estimator} in {config.precision}" if ASK_ESTIMATOR & set(config.steps) else ""
        print(f"{begins}{asked}{explained}")
        if asked and (covered := _what_the_hash_covers(config.estimator)):
            print(f"  {covered}")
        with _picture_folders(config.output):
            if isinstance(images, ImageFolder):
                _prepare_faces(run)
                _tell_older_decoding(run)
            if "estimate" in config.steps:
                _estimate(run)
            if "explain" in config.steps:
                _explain(run)
                remember(ledger, recipe)  # stage 2 scores one of these
        _export(run, intake.sensitive)
        yield run


def _recipe(config: Stage1Config, aligned: bool) -> Recipe:
    asked = {"samples": config.samples, "until_settled": config.until_settled, "method": config.explainer}
    recipe = Recipe(aligned, config.estimator, config.precision, config.preset, config.seed, **asked)
    target = config.target and parse_target(config.target).option
    return recipe if target in (None, recipe.method_parameters.target) else replace(recipe, target=target)


def _look_at_what_is_replaced(config: Stage1Config, recipe: Recipe, content: set[str]) -> None:
    """Refuse to write over results of other images; say so where they are by another model of the same name."""
    if not config.overwrite:
        refuse_other_images(config.metadatasets, config.dataset, content, recipe.aligned)
    before = model_of(stated_in(config.metadatasets, config.dataset, "predictions"))
    now, name = recipe.estimator_parameters["weights_hash"], recipe.estimator_parameters["name"]
    if before and before != [now]:
        print(f"the predictions in {config.metadatasets} are by another {name}, {before[0][:19]}: they are replaced")


def _check_estimator(config: Stage1Config) -> None:
    """Tell before any work what is wrong with the estimator, and whether the explanation can use what it gives."""
    check_estimator(config.estimator, config.precision, config.device)
    entry = ENTRIES.get(config.estimator)
    if "explain" not in config.steps:
        return
    parameters = _recipe(config, aligned=True).method_parameters
    plain = config.explainer == DEFAULT and config.target is None
    if not (plain and entry and entry.gives_classes):  # one's own was loaded just now
        estimator = load_estimator(config.estimator, config.precision, config.device)
        explainer_for(config.explainer, estimator, parameters, config.seed)


def _what_the_hash_covers(estimator: str) -> str:
    """Of a function, which may depend on more than can be seen: what a change of it would be noticed by."""
    if estimator in ENTRIES or kind_of(describe(estimator)["model"]) is not FUNCTION:
        return ""
    covered = ", ".join(files_of(estimator)) or "nothing"
    return (
        f"its results are made anew when one of these changes: {covered}; not when other files do that it reads: list "
        'those as "files" in its description'
    )


@contextmanager
def _picture_folders(output: Path) -> Iterator[None]:
    """Folders for pictures, which at the end hold none that a killed run or worker was still writing."""
    for folder in picture_folders(output):
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            if shortage(error):
                raise
            raise UsageError(
                f"expected to make the folder {folder}, but: {error.strerror}; move what is there or choose "
                "another --output"
            ) from error
        remove_partial_files(folder)
    try:
        yield
    finally:
        for folder in picture_folders(output):
            remove_partial_files(folder)


def _export(run: Run, sensitive: Sequence[str]) -> None:
    """Write the predictions; steps that ask no estimator leave those of another as they are."""
    config, ledger, recipe = run.config, run.ledger, run.recipe
    asked = ASK_ESTIMATOR & set(config.steps)  # then this was looked at before any work
    if not asked and (other := other_maker(config.metadatasets, config.dataset, recipe.maker)):
        print(f"{other}: it is left as it is")
        return
    origin = label_origin(config.dataset, recipe.estimator_parameters["name"], ledger.labels_from())
    others = len(ledger.images()) > len(run.files)
    accuracy = export_predictions(config, ledger, recipe, sensitive)
    if asked:
        _say_how_accurate(accuracy, origin, others)


def _say_how_accurate(accuracy: dict | None, origin: str, others: bool) -> None:
    """``others``: whether images count that an earlier run took and this one leaves out."""
    if accuracy is None:
        print("no estimates by this estimator yet: the predictions metadataset of another one is left as it is")
    elif accuracy["n"]:
        r = "" if accuracy["pearson_r"] is None else f", Pearson r {accuracy['pearson_r']:.3f}"
        error, signed = accuracy["mean_absolute_error"], accuracy["mean_signed_error"]
        whose = ", those of earlier runs included" if others else ""
        print(
            f"{accuracy['n']} estimates with a labelled age{whose}: mean absolute error {error:.2f} years, "
            f"mean signed error {signed:+.2f} years{r}"
        )
        if origin:
            print(origin)


def _prepare_faces(run: Run) -> None:
    """Read, align and crop."""
    steps, redo = run.config.steps, set(run.config.steps) if run.config.overwrite else set()
    wanted = run.recipe.aligned and "align" in steps, bool(set(steps) - {"align"})
    read = run.ledger.outcomes(READ)
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
        centre = None
        if run.recipe.aligned and need_crop and not need_align:
            centre = read_result(run.ledger, run.recipe, "align", image).get("centre")
            need_align = centre is None  # aligned when that was not kept yet
        if need_align or need_crop:
            todo.append(
                FaceTask(
                    read=run.recipe.job(READ, image, content),
                    path=file.path,
                    align=run.recipe.job("align", image, content) if need_align else None,
                    crop=run.recipe.job("crop", image, content) if need_crop else None,
                    aligned_path=align_path,
                    cropped_path=crop_path,
                    aligned=run.made("align", image) if run.recipe.aligned and not need_align else None,
                    centre=None if centre is None else tuple(centre),
                )
            )
    label = "align and crop" if run.recipe.aligned else "crop"
    run.work(tasks.prepare_face, todo, label)


def _tell_older_decoding(run: Run) -> None:
    """Say how many pictures another version of the decoder has read: no step's key tells, or all would be made anew."""
    from age_audit.faces.decoding import VERSION

    first = "align" if run.recipe.aligned else "crop"
    done = {image for image, outcome in run.settled(first).items() if outcome.status == "done"}
    found = read_results(run.ledger, run.recipe, first, done)
    older = sum(facts.get("decoder") != VERSION for _, facts in found)
    if older:
        print(
            f"{older} of {len(done)} images were decoded by an earlier version, perhaps one that did not heed colour "
            "profiles and more than 8 bits of grey; --overwrite makes everything of them anew"
        )


def _is_failed(outcome: Outcome | None, key: str) -> bool:
    """Whether reading this very content failed before, for a reason that stays."""
    return outcome is not None and outcome.status == "failed" and outcome.key == key and outcome.reason not in TRANSIENT


def _estimate(run: Run) -> None:
    todo = [(job, run.made("crop", job.image)) for job in run.missing("estimate")]
    size = run.config.batch or BATCH
    batches = [EstimateTask(tuple(todo[start : start + size]), run.choice) for start in range(0, len(todo), size)]
    setup = WorkerSetup(run.choice)
    options = {"weight": lambda batch: len(batch.faces), "setup": setup, "split": tasks.single_faces}
    run.work(tasks.estimate_faces, batches, "estimate", **options)


def _explain(run: Run) -> None:
    jobs = run.missing("explain")
    todo = [
        ExplainTask(
            job=job,
            crop=run.made("crop", job.image),
            mask_path=run.picture("explain", job.image),
            estimator=run.choice,
            method=run.recipe.method,
            parameters=run.recipe.method_parameters,
            seed=run.config.seed,
        )
        for job in jobs
    ]
    run.ledger.forget_mask_files(job.image for job in jobs)
    label = f"explain ({run.config.preset}, {run.recipe.maker.explanation})"
    run.work(tasks.explain_face, todo, label, setup=WorkerSetup(run.choice))
    _show_masks(run, {job.image for job in jobs})


def _show_masks(run: Run, drawn: set[str]) -> None:
    """Make img-masks show this run's estimator and preset, also where another run's masks lie there."""
    ledger = run.ledger
    content = {image: row.content for image, row in ledger.images().items() if row.content is not None}
    explained = current_outcomes(ledger, run.recipe, content, "explain")
    shown, noted = ledger.mask_files(), []
    for image in content:
        path, outcome = run.picture("explain", image), explained.get(image)
        if outcome is None or outcome.status == "failed":
            path.unlink(missing_ok=True)
        elif image in drawn and path.is_file():
            noted.append((image, outcome.key))
        elif shown.get(image) != outcome.key or not path.is_file():
            mask = mask_picture(read_result(ledger, run.recipe, "explain", image))
            write_atomically(path, png_bytes(mask))
            noted.append((image, outcome.key))
    ledger.set_mask_files(noted)
