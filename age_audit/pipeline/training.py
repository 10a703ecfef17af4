"""Training a classifier on a folder of faces, and asking one about another folder: what is read and what is written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.cli import make_folder
from age_audit.core.csv_text import csv_text
from age_audit.core.errors import UsageError
from age_audit.core.groups import compared_by
from age_audit.core.paths import file_stem
from age_audit.core.randomness import Resampling
from age_audit.data.frames import completed_frame
from age_audit.data.image_measures import clusters_of, read_image_measures
from age_audit.data.metadatasets import label_fields
from age_audit.estimators.registry import load_estimator
from age_audit.figures.style import save_figure
from age_audit.figures.training import balance_figure, confusion_figure, curves_figure
from age_audit.pipeline.stage1 import Run, stage1
from age_audit.pipeline.training_options import STAGES, EvaluateConfig, TrainConfig
from age_audit.report.classifier_card import classifier_card
from age_audit.report.words import filled
from age_audit.store.files import read_png, sha256_of, write_atomically
from age_audit.training import balance, evaluate, losses, models, splits
from age_audit.training.groups import AgeGroups, parse_groups, single_years

PARTS = ("train", "validation", "test")
FACTS, SECONDS = "training.json", "budget.json"


# What a row of a face holds beside its labels, of which columns called so are left out.
_OWN = ("fname", "path", "image", "content", "group", "cluster")


def run_training(config: TrainConfig) -> str:
    """Train a classifier, ask it about the faces that it has not learnt from, and write both down; what was found.

    Raises
    ------
    UsageError
        As stage 1; or where too few faces have labels, or an earlier training with other options lies in the output.
    """
    from age_audit.estimators.keras_model import configure_threads
    from age_audit.training import fit

    started = sum(os.times()[:4])
    with suppress(RuntimeError):  # what ran models in this process before has chosen
        configure_threads(config.workers)
    _same_numbers_each_time()
    stages = fit.parse_stages(config.stages or STAGES[config.model])
    groups = parse_groups(config.groups)
    classes = groups if config.target == "groups" else single_years()
    make_folder("--output", config.output)
    faces, left_out, labels = _labelled_faces(config, groups, classes)
    dealt = splits.deal(faces, seed=config.split_seed, person=config.person)
    part = splits.part_of(faces["fname"], dealt).to_numpy()
    places = {name: np.flatnonzero(part == name) for name in PARTS}
    taught = faces.iloc[places["train"]]
    chosen = balance.balanced(taught["group"].cat.codes.to_numpy(), config.balance, seed=config.seed, cap=config.cap)
    options = models.Options(config.image_size, config.weights, config.precision)
    network = models.build(config.model, len(classes), config.loss, options, seed=config.seed)
    augmentation = None if config.no_augmentation else fit.Augmentation()
    plan = fit.Plan(stages, config.loss, augmentation, config.versions, config.batch, config.patience, config.seed)
    learnt = fit.Faces(
        faces["path"].tolist(),
        losses.targets(faces["age_real"], classes, config.loss),
        places["train"][chosen.rows],
        chosen.weights,
        places["validation"],
    )
    cache = config.cache or config.output / "cache"
    make_folder("--cache", cache)
    curves = fit.train(network, learnt, plan, config.output, cache, lambda line: print(line, flush=True))
    # Nothing is written before: what lies there may be of another training, which has just been refused.
    content = {name: sorted(faces["content"].iloc[places[name]]) for name in PARTS}
    _write_json(config.output / "split.json", dealt | {"dataset": config.dataset, "content": content})
    _write_balance(config.output, taught, chosen)
    _write_table(config.output / "curves.csv", curves)
    save_figure(curves_figure(curves), config.output, "curves")
    years = classes.years(taught["age_real"])
    facts = _write_model(config, network, groups, years, dealt, places, left_out, labels)
    test = faces.iloc[places["test"]]
    told = _asked(load_estimator(str(_description(config.output, facts))), test, groups, classes, config.loss)
    text = _write_findings(config.output, told, facts, config.split_seed)
    _note_seconds(config.output, sum(os.times()[:4]) - started)
    return text


def run_evaluation(config: EvaluateConfig) -> str:
    """Ask a trained classifier about the faces of a folder, and write down how good it is on them; what was found.

    Raises
    ------
    UsageError
        As stage 1; or where there is no trained classifier, or no labelled face that it has not learnt from.
    """
    facts = _read_facts(config.classifier)
    groups = parse_groups(facts["options"]["groups"])
    classes = groups if facts["options"]["target"] == "groups" else single_years()
    make_folder("--output", config.output)
    faces, left_out, _ = _labelled_faces(config, groups, classes)
    faces = _not_learnt_from(config.classifier, faces, left_out)
    estimator = load_estimator(str(_description(config.classifier, facts)))
    told = _asked(estimator, faces, groups, classes, facts["options"]["loss"])
    text = _write_findings(config.output, told, None, config.seed)
    right = (told["distance"] == 0).mean()
    needed = evaluate.faces_needed(config.half_width, right)
    lacking = ", ".join(f"{reason} {count:,}" for reason, count in left_out.items())
    return (
        f"{text}\nleft out: {lacking or 'none'}\nto know such a share to within {100 * config.half_width:g} points "
        f"either way takes {needed:,} faces of as many people; these are {told['cluster'].nunique():,}"
    )


def _not_learnt_from(classifier: Path, faces: pd.DataFrame, left_out: dict[str, int]) -> pd.DataFrame:
    """The faces whose files, byte by byte, are none that the classifier was trained or chosen by; counts the others."""
    path = classifier / "split.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))["content"]
        learnt = {one for part in ("train", "validation") for one in content[part]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"expected {path}, which says what the classifier has learnt from, but: {error!r}; put it back, or run the "
            "same age-audit train again"
        ) from error
    seen = faces["content"].isin(learnt)
    if seen.all():
        raise UsageError(
            "expected faces that the classifier has not learnt from, but all of these are in its training or "
            "validation part; name others by --images"
        )
    if seen.any():
        left_out["in the classifier's training or validation part"] = int(seen.sum())
    return faces[~seen].reset_index(drop=True)


def _same_numbers_each_time() -> None:
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()


def _labelled_faces(
    config: TrainConfig | EvaluateConfig, groups: AgeGroups, classes: AgeGroups
) -> tuple[pd.DataFrame, dict[str, int], str]:
    """The faces that have a crop, an age and a group; how many have not, by reason; and where labels come from."""
    person = config.person
    if person in _OWN:
        raise UsageError(f"expected --person to name a column called otherwise than {', '.join(_OWN)}; rename it")
    with stage1(config.stage1) as run:
        rows, left_out = _cropped(run)
        labels = (run.ledger.labels_from() or {}).get("from", "unknown")
    if not rows:
        raise UsageError("expected pictures with a face that is found, found none; name others by --images")
    if person is not None and not any(row.get(person) for row in rows):
        raise UsageError(f"expected a column {person} in the labels, for --person; give a CSV that has it")
    frame = completed_frame(pd.DataFrame([{"age_estimation": None} | row for row in rows], dtype=object))
    codes = groups.of(frame["age_real"])
    known = (codes >= 0) & (classes.of(frame["age_real"]) >= 0)
    frame["group"] = pd.Categorical.from_codes(codes, list(groups.names), ordered=True)
    if unknown := int((~known).sum()):
        left_out["no age in any group"] = unknown
    frame = frame[known].reset_index(drop=True)
    if frame.empty:
        raise UsageError("expected faces with an age in one of the groups, found none; see --labels and --groups")
    frame["cluster"] = _clusters(config, frame)
    if person is not None:  # intervals then draw whole people too
        frame["cluster"] = splits.with_persons(frame, person)
    return frame, left_out, labels


def _cropped(run: Run) -> tuple[list[dict], dict[str, int]]:
    """A row for each face that has a crop, and how many images have none."""
    known, settled = run.ledger.images(), run.settled("crop")
    done = [file for file in run.files if file.image in settled and settled[file.image].status == "done"]
    rows = [
        label_fields(known[file.image].label)
        | {"fname": file.fname, "path": run.made("crop", file.image).path, "image": file.path}
        | {"content": run.content[file.image]}
        for file in done
    ]
    lost = len(run.files) - len(done)
    return rows, {"no face found": lost} if lost else {}


def _clusters(config: TrainConfig | EvaluateConfig, frame: pd.DataFrame) -> np.ndarray:
    """Which faces are copies of one picture."""
    if config.copies is not None:
        found = clusters_of(frame["fname"], read_image_measures(config.copies, config.dataset)).to_numpy()
        if (unknown := int((found < 0).sum())) == len(found):
            raise UsageError(
                f"expected --copies to be of these pictures, but the {config.dataset} in {config.copies} names none of "
                f"them, such as {frame['fname'].iloc[0]!a}; run age-audit dataset on them, or leave --copies out"
            )
        if unknown:
            print(f"{unknown:,} of {len(found):,} faces are not in --copies: each is taken for no copy of another")
        return found
    from age_audit.faces.decoding import decode_image, read_bytes
    from age_audit.faces.fingerprints import fingerprint

    return splits.clusters_of([fingerprint(decode_image(read_bytes(path))[0]) for path in frame["image"]])


def _asked(estimator, faces: pd.DataFrame, groups: AgeGroups, classes: AgeGroups, loss: str) -> pd.DataFrame:
    """What the saved classifier says of faces, asked as stage 1 asks."""
    ages, probabilities = [], []
    for start in range(0, len(faces), 256):
        crops = np.stack([read_png(path) for path in faces["path"].iloc[start : start + 256]])
        estimate = estimator.predict(crops)
        ages.append(estimate.age)
        probabilities.append(estimate.probabilities)
    of_classes = np.concatenate(probabilities)
    into = groups.of([low for low, _ in classes.bounds])
    of_groups = np.stack([of_classes[:, into == code].sum(axis=1) for code in range(len(groups))], axis=1)
    said = np.asarray(losses.group_said(of_groups, loss))
    return evaluate.predictions(faces, of_groups, said, groups, np.concatenate(ages))


def _write_model(config, network, groups, years, dealt, places, left_out, labels) -> dict:
    """Write the model, its description and what there is to say of it; returns the last."""
    from age_audit.training.state import save_model

    name = file_stem(f"{config.model}-{config.target}")
    digest = save_model(network.model, config.output / f"{name}.keras")
    described = {"model": f"{name}.keras", "name": name, "classes": [round(float(year), 3) for year in years]}
    _write_json(config.output / f"{name}.json", described)
    folders = ("images", "output", "faces", "cache", "copies", "workers", "labels")
    options = {f.name: getattr(config, f.name) for f in fields(config) if f.name not in folders}
    options |= {"groups": list(config.groups), "stages": list(config.stages or STAGES[config.model])}
    if config.weights is not None:
        options["weights"] = Path(config.weights).name
    facts = {"name": name, "model": config.model, "learnt_from": network.learnt_from, "sha256": digest}
    facts |= {"options": options, "faces": {part: len(places[part]) for part in PARTS}, "left_out": left_out}
    facts |= {"labels": labels, "groups": list(groups.names), "years": described["classes"]}
    facts |= {"split_sha256": dealt["sha256"]}
    _write_json(config.output / FACTS, facts)
    return facts


def _description(folder: Path, facts: Mapping) -> Path:
    return folder / f"{facts['name']}.json"


def _read_facts(folder: Path) -> dict:
    """What a training wrote down, of a model whose file is still the one that it made."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        made, _ = facts["sha256"], [facts["options"][name] for name in ("groups", "target", "loss")]
        found = sha256_of(folder / f"{facts['name']}.keras")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"expected {FACTS} and the model of a trained classifier in {folder}, but: {error!r}; train one by "
            "age-audit train"
        ) from error
    if found != made:
        raise UsageError(
            f"expected {facts['name']}.keras in {folder} to have the sha256 {made}, as {FACTS} says, got {found}; run "
            "the same age-audit train again, which makes both anew"
        )
    return facts


def _write_findings(folder: Path, told: pd.DataFrame, facts: dict | None, seed: int) -> str:
    """Write predictions, tables and the figure, and of one's own training the card; returns what was found."""
    features = [column for column in compared_by(told) if told[column].notna().any()]
    crossed = [["group"], *([name] for name in features), *([features] if len(features) > 1 else [])]
    measures = evaluate.measure(told, crossed, resampling=Resampling(seed))
    distances, table, found = evaluate.by_distance(told), evaluate.confusion(told), evaluate.calibration(told)
    for name, rows in (("predictions", told), ("measures", measures), ("distances", distances)):
        _write_table(folder / f"{name}.csv", rows)
    _write_table(folder / "confusion.csv", table.rename_axis(None, axis=1).reset_index())
    _write_table(folder / "calibration.csv", found)
    save_figure(confusion_figure(table, found), folder, "confusion")
    if facts is not None:
        card = classifier_card(facts, measures, distances, evaluate.calibration_error(found))
        write_atomically(folder / "model_card.md", card.encode())
    everyone = measures[measures["feature"] == "all"].set_index("measure")
    words = "{}: {:.3f} ({:.3f} to {:.3f})"
    said = (filled(words, evaluate.MEASURES[name], *row[["value", "low", "high"]]) for name, row in everyone.iterrows())
    return "\n".join([f"{len(told):,} faces, 95 % intervals:", *said])


def _write_balance(folder: Path, taught: pd.DataFrame, chosen: balance.Balanced) -> None:
    features = ["group", *compared_by(taught)]
    table = balance.balance_table(taught, chosen, features)
    _write_table(folder / "balance.csv", table)
    save_figure(balance_figure(table), folder, "balance")


def _write_table(path: Path, table: pd.DataFrame) -> None:
    write_atomically(path, csv_text(table).encode())


def _write_json(path: Path, content: Mapping) -> None:
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def _note_seconds(folder: Path, seconds: float) -> None:
    """Add what this call took to what earlier ones took; no result depends on it, nor ends where it is damaged."""
    path, before = folder / SECONDS, 0.0
    with suppress(OSError, ValueError, KeyError, TypeError):
        before = float(json.loads(path.read_text())["processor_seconds"])
    _write_json(path, {"processor_seconds": round(before + seconds, 1)})
