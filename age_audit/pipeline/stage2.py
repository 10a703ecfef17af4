"""Stage 2: landmarks on each crop, region scores and boxes of each explanation, and the metadatasets made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from age_audit.core.config import Stage2Config
from age_audit.core.errors import UsageError
from age_audit.core.groups import BOUNDS
from age_audit.core.landmarks import MESH_LANDMARK_COUNT
from age_audit.core.metrics import study_accuracy
from age_audit.core.paths import mesh_model_path
from age_audit.data.metadatasets import (
    check_writable,
    refuse_other_images,
    refuse_other_labels,
    write_metadataset,
)
from age_audit.data.region_scores import format_for, write_activations
from age_audit.execution import Execution, open_execution
from age_audit.pipeline import tasks
from age_audit.pipeline.choice import choose_recipe, stage1_options
from age_audit.pipeline.export import DECIMALS, describe, labels_by_name
from age_audit.pipeline.outcomes import Tally, current_outcomes, settled_outcomes, tally
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import made_picture, read_result, read_results
from age_audit.pipeline.steps import of_stage
from age_audit.pipeline.tasks import EvaluateTask, count_failed, worker_died
from age_audit.regions.boxes import active_regions
from age_audit.store.ledger import ImageRow, Ledger


@dataclass
class Evaluation:
    """What stage 1 left for one estimator and preset.

    ``content`` maps the explained images to the hashes of their bytes, ``asked`` also those whose explanation failed.
    """

    ledger: Ledger
    recipe: Recipe
    rows: dict[str, ImageRow]
    content: dict[str, str]
    asked: dict[str, str]


def run_stage2(config: Stage2Config) -> Tally:
    """Score what is missing, write activations, boxes and attachment, and count.

    Raises
    ------
    UsageError
        When stage 1 has explained nothing in this output folder with this preset, or the file of MediaPipe's networks
        is missing where its landmarks are asked for.
    """
    if config.cluster is not None:  # other machines have another working directory
        config = replace(config, output=config.output.absolute())
    if config.box_landmarks == MESH_LANDMARK_COUNT:
        mesh_model_path()  # said before any work where it is missing
    with (
        Ledger(config.output, create=False) as ledger,
        open_execution(config.workers, config.cluster, config.json_log) as execution,
    ):
        evaluation = _explained(ledger, config)
        check_writable(config.metadatasets, config.dataset)
        if not config.overwrite:
            aligned = evaluation.recipe.aligned
            refuse_other_images(config.metadatasets, config.dataset, ledger.contents(), aligned)
        refuse_other_labels(config.metadatasets, config.dataset, ledger.labels_from(), "analysis_1_method.py")
        print(f"{len(evaluation.content)} faces explained by {evaluation.recipe.maker}")
        worked = _evaluate(evaluation, config, execution)
        _export(evaluation, config)
        chain = ["explain", *of_stage(2)]
        counted = tally(ledger, evaluation.recipe, list(evaluation.asked), evaluation.asked, chain, worked)
        execution.progress.tell("end", **asdict(counted))
        return counted


def _explained(ledger: Ledger, config: Stage2Config) -> Evaluation:
    recipe = replace(choose_recipe(ledger, config), box_landmarks=config.box_landmarks)
    rows = ledger.images()
    content = {image: row.content for image, row in rows.items() if row.content is not None}
    outcomes = current_outcomes(ledger, recipe, content, "explain")
    done = {image: content[image] for image in sorted(outcomes) if outcomes[image].status == "done"}
    if not done:
        there = ledger.variants("explain")
        others = f"by {', '.join(there)} alone"
        if recipe.explain_variant in there:
            others = "of faces, or by a file of the estimator, that have changed since, or of faces that failed"
        raise UsageError(
            f"expected explanations by {recipe.maker} in {config.output}, found those {others}; run "
            f"analysis_1_method.py {stage1_options(recipe)} with the same folders first"
        )
    asked = {image: content[image] for image in sorted(outcomes)}
    return Evaluation(ledger, recipe, rows, done, asked)


def _evaluate(evaluation: Evaluation, config: Stage2Config, execution: Execution) -> int:
    ledger, recipe, content = evaluation.ledger, evaluation.recipe, evaluation.content
    landmarks = _settled(evaluation, "landmarks", config.overwrite)
    there = {step: _settled(evaluation, step, config.overwrite) for step in tasks.READINGS}
    todo = []
    for image, digest in content.items():
        found = landmarks.get(image)
        readings = tuple(recipe.job(step, image, digest) for step in there if found is None or image not in there[step])
        if not readings or (found is not None and found.status == "failed"):
            continue
        points = read_result(ledger, recipe, "landmarks", image) if found is not None else None
        todo.append(
            EvaluateTask(
                crop=made_picture(ledger, recipe, "crop", image, config.output),
                landmarks=recipe.job("landmarks", image, digest),
                points=points,
                readings=readings,
                attribution=ledger.payload(image, "explain", recipe.variant("explain")),
                additive=recipe.additive,
                box_landmarks=recipe.box_landmarks,
            )
        )
    return ledger.record_as_they_come(
        execution.run(tasks.evaluate_face, todo, "regions", "face", give_up=worker_died, failed=count_failed)
    )


def _settled(evaluation: Evaluation, step: str, overwrite: bool):
    if overwrite:
        return {}
    return settled_outcomes(evaluation.ledger, evaluation.recipe, evaluation.content, step)


def _export(evaluation: Evaluation, config: Stage2Config) -> None:
    ledger, recipe = evaluation.ledger, evaluation.recipe
    scored = _settled(evaluation, "activations", False)
    landmarks = _settled(evaluation, "landmarks", False)
    fname = {image: evaluation.rows[image].fname for image in evaluation.content}
    estimates = current_outcomes(ledger, recipe, evaluation.content, "estimate")
    ages = {
        image: round(float(estimate.age[0]), DECIMALS)
        for image, estimate in read_results(ledger, recipe, "estimate", estimates)
    }
    done = sorted((fname[image], image) for image, outcome in scored.items() if outcome.status == "done")
    labels = labels_by_name([evaluation.rows[image] for _, image in done])
    activations = (
        _activation_row(name, labels[name], ages.get(image), read_result(ledger, recipe, "activations", image))
        for name, image in done
    )
    found = sorted((fname[image], image) for image, outcome in landmarks.items() if outcome.status == "done")
    attachment = (
        {"fname": name, "landmarks": read_result(ledger, recipe, "landmarks", image)} for name, image in found
    )
    counts = Counter(f"{outcome.status}" for outcome in scored.values()) | Counter(
        f"landmarks/{outcome.reason}" for outcome in landmarks.values() if outcome.status == "failed"
    )
    made = describe(recipe, config.dataset, ledger)
    provenance = made | {"counts": dict(sorted(counts.items()))}
    form = format_for(config.format, len(done))
    write_activations(config.metadatasets, config.dataset, activations, form, provenance)
    write_metadataset(config.metadatasets, config.dataset, "attachment", attachment, provenance)
    how = {"boxes": recipe.box_parameters}
    _export_reading("boxes", evaluation, config, made | how, lambda boxes: {"boxes": boxes} | active_regions(boxes))
    unit = recipe.region_unit
    how = {"unit": unit, "additive": recipe.additive}
    _export_reading("region_years", evaluation, config, made | how, lambda regions: _in_columns(regions, unit))


def _export_reading(
    step: str, evaluation: Evaluation, config: Stage2Config, made: dict, fields_of: Callable[[Any], dict]
) -> None:
    """Write what a step read off each explanation as a metadataset of the step's name."""
    settled = _settled(evaluation, step, False)
    done = sorted((evaluation.rows[image].fname, image) for image, way in settled.items() if way.status == "done")
    found = ((name, read_result(evaluation.ledger, evaluation.recipe, step, image)) for name, image in done)
    rows = ({"fname": name} | fields_of(reading) for name, reading in found)
    counts = Counter(outcome.status for outcome in settled.values())
    provenance = made | {"counts": dict(sorted(counts.items()))}
    write_metadataset(config.metadatasets, config.dataset, step, rows, provenance)


def _in_columns(regions: dict[str, Sequence[float | None]], unit: str) -> dict[str, float | None]:
    """``<unit>_<region>`` with its ends: to six significant digits, for they may be years or small probabilities."""
    return {
        f"{unit}_{region}{end}": None if number is None else float(f"{number:.6g}")
        for region, row in regions.items()
        for end, number in zip(("", "_low", "_high"), row, strict=True)
    }


def _activation_row(fname: str, label: dict, age: float | None, scores: dict[str, float]) -> dict:
    lowest, highest = ([label.get(name) if label["age_real"] is None else label["age_real"]] for name in BOUNDS)
    accuracy = None
    if age is not None and lowest != [None]:
        accuracy = round(float(study_accuracy([age], lowest, highest)[0]), DECIMALS + 2)  # exact: four decimals
    return {"fname": fname} | label | {"age_estimation": age, "age_estimation_accuracy": accuracy} | scores
