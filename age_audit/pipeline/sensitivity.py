"""How much an explanation depends on choices that nobody tests: each face explained again and again, one choice each.

Faces come from stage 1, in the same folder and ledger; what is there is not done again. Every explanation is a row of
the ledger, so that a run that was stopped goes on where it was, and tables are made of the ledger alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from age_audit.audit.explanations.sensitivity import (
    UNDECIDED,
    agreement_table,
    change_table,
    conclusion_table,
    decided_by_chance,
    rank_table,
    survival_table,
)
from age_audit.core.config import Stage1Config, check_at_least, stage1_option
from age_audit.core.csv_text import csv_text
from age_audit.core.errors import UsageError
from age_audit.core.groups import compared_by
from age_audit.core.randomness import Resampling
from age_audit.core.schema import FaceBox
from age_audit.core.vocabulary import REQUIRED_COLUMNS
from age_audit.data.frames import completed_frame, grouped
from age_audit.data.metadatasets import columns_of, label_fields
from age_audit.explain.sensitivity import (
    BASE,
    CHOICES,
    Agreement,
    Cells,
    agreement,
    of_another_face,
)
from age_audit.explain.units import CELLS
from age_audit.figures.sensitivity import choices_forest
from age_audit.figures.style import save_figure
from age_audit.pipeline.outcomes import LONGEST_NOTE, NOT_ATTEMPTED, TRANSIENT, Tally, failures, on_one_line
from age_audit.pipeline.results import read_result
from age_audit.pipeline.stage1 import Run, stage1
from age_audit.pipeline.steps import Job, chain
from age_audit.pipeline.tasks import ChoiceTask, EvaluateTask, WorkerSetup, evaluate_face, explain_otherwise
from age_audit.regions.polygons import REGION_NAMES, REGIONS
from age_audit.store.files import unpack_arrays, write_atomically

STEP = "sensitivity"
VERSION = 1  # raised by hand whenever what is kept of an explanation changes
ANOTHER_FACE = "another face's map"  # what maps have in common because faces have
STEPS = ("align", "crop", "estimate")
PREFIX = "sensitivity"
_OPTIONS = Stage1Config.__dataclass_fields__


@dataclass(frozen=True)
class SensitivityConfig:
    """Options of ``age-audit sensitivity``; those of stage 1 mean the same here."""

    images: Path = field(default=Stage1Config.images, metadata=stage1_option("images"))
    output: Path = field(
        default=Path("sensitivity"),
        metadata={
            "help": "folder for tables and the figure; crops and the ledger lie there too, and those of an earlier run "
            "of stage 1 on the same images are used"
        },
    )
    faces: int = field(default=100, metadata={"help": "how many, drawn evenly over the groups x age range"})
    dataset: str = field(default=Stage1Config.dataset, metadata=stage1_option("dataset"))
    labels: str | None = field(default=Stage1Config.labels, metadata=stage1_option("labels"))
    sensitive: tuple[str, ...] | None = field(default=None, metadata=stage1_option("sensitive"))
    age_ranges: tuple[str, ...] = field(default=Stage1Config.age_ranges, metadata=stage1_option("age_ranges"))
    estimator: str = field(default=Stage1Config.estimator, metadata=stage1_option("estimator"))
    precision: str = field(default=Stage1Config.precision, metadata=stage1_option("precision"))
    device: str = field(default=Stage1Config.device, metadata=stage1_option("device"))
    batch: int | None = field(default=Stage1Config.batch, metadata=stage1_option("batch"))
    workers: int = field(default=Stage1Config.workers, metadata=stage1_option("workers"))
    cluster: str | None = field(default=Stage1Config.cluster, metadata=stage1_option("cluster"))
    json_log: Path | None = field(default=Stage1Config.json_log, metadata=stage1_option("json_log"))
    seed: int = field(default=Stage1Config.seed, metadata={"help": "seed of the sample, explanations and intervals"})

    def __post_init__(self):
        check_at_least("faces", self.faces, 2)
        _ = self.stage1

    @property
    def stage1(self) -> Stage1Config:
        """What stage 1 is asked for."""
        same = {f.name: getattr(self, f.name) for f in fields(self) if f.name in _OPTIONS}
        further = {"metadatasets": self.output / "metadatasets", "sample": self.faces, "preset": "audit"}
        return Stage1Config(**same, **further, steps=STEPS)


@dataclass(frozen=True)
class Report:
    """What was found, in sentences, and how the faces ended."""

    sentences: tuple[str, ...]
    tally: Tally

    @property
    def exit_code(self) -> int:
        return self.tally.exit_code

    def __str__(self) -> str:
        return "\n".join([*self.sentences, str(self.tally)])


def run_sensitivity(config: SensitivityConfig) -> Report:
    """Explain every face under every choice, as far as that is missing; tables, a figure, and what they say.

    Raises
    ------
    UsageError
        As :func:`age_audit.pipeline.stage1.run_stage1`.
    """
    with stage1(config.stage1) as run:
        _landmarks(run)
        plan = _Plan(run)
        if len(plan.images) > 1:  # one alone has no other face to be hidden by, nor anything to be concluded from
            _explain(plan)
        counted, failed = _tally(plan)
        done = [file.image for file in run.files if file.image not in failed]
        _write(config, "outcomes", _outcome_frame(run, failed))
        sentences = [f"expected two faces or more that were explained under every choice, got {len(done)}: no tables"]
        if len(done) > 1:
            sentences = _tables(config, plan, done)
        run.execution.progress.tell("end", **asdict(counted))
        return Report(tuple(sentences), counted)


def _landmarks(run: Run) -> None:
    # As stage 2 does it, with nothing to read off an explanation yet.
    todo = [EvaluateTask(run.made("crop", job.image), job, None, (), b"") for job in run.missing("landmarks")]
    run.work(evaluate_face, todo, "landmarks")


class _Plan:
    """Which explanations there are to be, and the key of each."""

    def __init__(self, run: Run):
        self.run = run
        there = {step: run.settled(step) for step in ("crop", "estimate", "landmarks")}
        self.images = [
            file.image
            for file in run.files
            if all(file.image in step and step[file.image].status == "done" for step in there.values())
        ]
        # The next one by name, the first after the last: the same whoever works, and in whatever order.
        self.neighbour = dict(zip(self.images, self.images[1:] + self.images[:1], strict=True))

    def job(self, image: str, name: str) -> Job:
        """One explanation of an image as the ledger knows it."""
        run, content = self.run, self.run.content
        choice = CHOICES[name]
        parts = [STEP, VERSION, CELLS, choice.stated]
        parts += [run.recipe.key(step, content[image]) for step in ("explain", "landmarks")]
        if name == BASE:
            parts.append("seen")
        if choice.hidden is of_another_face:
            parts.append(run.recipe.key("crop", content[self.neighbour[image]]))
        key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
        return Job(image, STEP, self.variant(name), key)

    def variant(self, name: str) -> str:
        """What the ledger calls explanations by a choice."""
        return f"{self.run.recipe.explain_variant}|{name}"

    def ended(self, name: str) -> dict:
        """Outcomes of one choice that were made with today's parameters from today's images, by image."""
        outcomes = self.run.ledger.outcomes(STEP, self.variant(name))
        there = (image for image in self.images if image in outcomes)
        return {image: outcomes[image] for image in there if outcomes[image].key == self.job(image, name).key}


def _explain(plan: _Plan) -> None:
    run = plan.run
    settled = {
        name: {image for image, outcome in plan.ended(name).items() if outcome.reason not in TRANSIENT}
        for name in CHOICES
    }
    todo = []
    for image in plan.images:  # face by face, so that a run that is stopped has whole ones
        missing = [name for name in CHOICES if image not in settled[name]]
        if not missing:
            continue
        crop = run.made("crop", image)
        box = FaceBox(**read_result(run.ledger, run.recipe, "crop", image)["box"])
        landmarks = read_result(run.ledger, run.recipe, "landmarks", image)
        common = {"crop": crop, "source": run.made("align", image), "box": box}
        common |= {"neighbour": run.made("crop", plan.neighbour[image])}
        common |= {"landmarks": tuple(map(tuple, landmarks)), "estimator": run.choice, "seed": run.config.seed}
        todo += [ChoiceTask(plan.job(image, name), name, **common) for name in missing]
    run.work(explain_otherwise, todo, "explain otherwise", "explanation", setup=WorkerSetup(run.choice))


def _tally(plan: _Plan) -> tuple[Tally, dict[str, str]]:
    """How the faces ended, each counted once, and the first failure of each that failed."""
    run, steps = plan.run, chain((*STEPS, "landmarks"), plan.run.recipe.aligned)
    counted, images = run.tally(steps), [file.image for file in plan.run.files]
    failed = failures(run.ledger, run.recipe, images, run.content, steps)
    told = dict(counted.told)
    for name in CHOICES:
        ended = plan.ended(name)
        for image in plan.images:
            outcome = ended.get(image)
            if image not in failed and (outcome is None or outcome.status == "failed"):
                failed[image] = f"{name}/{NOT_ATTEMPTED if outcome is None else outcome.reason}"
                note = f": {outcome.note[:LONGEST_NOTE]}" if outcome else ""
                told.setdefault(failed[image], on_one_line(f"{image}{note}"))
    counts = dict(Counter(failed.values()))
    return replace(counted, done=len(images) - len(failed), failed=counts, told=told), failed


def _outcome_frame(run: Run, failed: Mapping[str, str]) -> pd.DataFrame:
    rows = [
        {"fname": file.fname, "outcome": "failed" if file.image in failed else "done"}
        | {"reason": failed.get(file.image, "")}
        for file in run.files
    ]
    return pd.DataFrame(rows, columns=["fname", "outcome", "reason"]).sort_values("fname")


def _tables(config: SensitivityConfig, plan: _Plan, done: list[str]) -> list[str]:
    """Write everything, and say what it comes to."""
    resampling = Resampling(config.seed)
    faces, features = _faces(config, plan.run, done)
    agreements, years = _compared(plan, done)
    alike = agreement_table(agreements, resampling)
    conclusions = conclusion_table(years, faces, features, BASE, resampling)
    survival, changes = survival_table(conclusions, BASE), change_table(conclusions, BASE)
    tables = {
        **{"faces": agreements, "regions": years, "agreement": alike, "conclusions": conclusions},
        **{"survival": survival, "changes": changes, "ranks": rank_table(years, faces, resampling)},
    }
    for name, table in tables.items():
        _write(config, name, table)
    chance = decided_by_chance(years[years["choice"] == BASE], faces, features, BASE, resampling)
    sentences = _sentences(alike, survival, changes, chance, len(done), config.estimator)
    kinds = {name: choice.kind for name, choice in CHOICES.items() if name != BASE} | {ANOTHER_FACE: ""}
    figure = choices_forest(alike, kinds, sentences[0])
    save_figure(figure, config.output, PREFIX, title=sentences[0], description=" ".join(sentences[1:]))
    document = _stated(config, plan, len(done)) | {"sentences": sentences}
    document["decided_by_chance"] = chance
    document |= {name: _records(tables[name]) for name in ("agreement", "changes", "survival")}
    content = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(config.output / f"{PREFIX}.json", content.encode())
    written = ", ".join([f"{PREFIX}_{name}.csv" for name in ("outcomes", *tables)])
    return [*sentences, f"Written to {config.output}: {PREFIX}.png, {PREFIX}.json, {written}"]


def _faces(config: SensitivityConfig, run: Run, done: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """The faces that were explained under every choice, by name, with their groups; and by what they are compared."""
    rows = run.ledger.images()
    labels = {rows[image].fname: label_fields(rows[image].label) for image in done}
    columns = dict.fromkeys([*REQUIRED_COLUMNS, *columns_of(labels.values())])
    frame = pd.DataFrame([columns | {"fname": fname} | labels[fname] for fname in sorted(labels)], dtype=object)
    frame = grouped(completed_frame(frame), config.sensitive, config.stage1.ranges)
    return frame, [*compared_by(frame, config.sensitive), "age_range"]


def _compared(plan: _Plan, done: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of each face and choice how alike its map is to the preset's, and what each region does to the estimate."""
    rows = plan.run.ledger.images()
    at_base = {image: _kept(plan, image, BASE) for image in done}
    following = dict(zip(done, done[1:] + done[:1], strict=True))
    alike, years = [], []
    for image in sorted(done, key=lambda image: rows[image].fname):
        fname, base = rows[image].fname, at_base[image]
        for name in CHOICES:
            found = base if name == BASE else _kept(plan, image, name)
            if name != BASE:
                alike.append(_row(fname, name, agreement(base.cells, found.cells, base.seen)))
            years += [
                {"fname": fname, "choice": name, "region": region}
                | dict(zip(("years", "low", "high"), map(float, values), strict=True))
                for region, values in zip(REGIONS, found.regions, strict=True)
            ]
        other = at_base[following[image]]
        alike.append(_row(fname, ANOTHER_FACE, agreement(base.cells, other.cells, base.seen & other.seen)))
    return pd.DataFrame(alike), pd.DataFrame(years)


def _row(fname: str, choice: str, found: Agreement) -> dict:
    return {"fname": fname, "choice": choice} | found._asdict()


class _Kept(NamedTuple):
    """What the ledger holds of an explanation; ``seen`` of the preset's only."""

    cells: Cells
    regions: np.ndarray
    seen: np.ndarray | None


def _kept(plan: _Plan, image: str, name: str) -> _Kept:
    variant, ledger = plan.variant(name), plan.run.ledger
    try:
        arrays = unpack_arrays(ledger.payload(image, STEP, variant))
        return _Kept(Cells(arrays["years"], arrays["settled"]), arrays["regions"], arrays.get("seen"))
    except (ValueError, LookupError) as error:
        ledger.forget(STEP, variant, [image])
        raise UsageError(
            f"expected the explanation of {image} by {name} in {ledger.path} to be readable, but: {error}; it is "
            "forgotten now: run the same command again, which makes it anew"
        ) from error


_ABOUT = {
    "direction": "on what a region does to the estimate on average",
    "group": "on a region counting more for a group",
    "order": "on which of two regions counts more",
}


def _sentences(
    alike: pd.DataFrame, survival: pd.DataFrame, changes: pd.DataFrame, chance: float, n: int, estimator: str
) -> list[str]:
    """The finding first, with numbers of faces and intervals."""
    by = alike.set_index(["measure", "choice"])
    others = [name for name, choice in CHOICES.items() if choice.kind not in ("none", "seed")]
    seed = next(name for name, choice in CHOICES.items() if choice.kind == "seed")
    decided, total = survival["verdict"] != UNDECIDED, len(survival)
    turned, lost = (int((survival.loc[decided, column] != "").sum()) for column in ("turned", "undecided"))
    survives = int(survival["survives"].sum())
    by_kind = [
        f"{rows['survives'].sum()} of {(rows['verdict'] != UNDECIDED).sum()} {_ABOUT[kind]}"
        for kind, rows in survival.groupby("kind", sort=False)
    ]
    of_all = changes[changes["kind"] == "all"].set_index("choice")
    worst = _ends(of_all.loc[others, "kept"])[0]

    def extremes(measure: str) -> tuple[list[str], list[str]]:
        return _ends(by.loc[measure].loc[others, "mean"])

    def number(measure: str, names: Sequence[str]) -> str:
        row = by.loc[measure, names[0]]
        return f"{row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f}, n = {row['n']:.0f})"

    least, most = extremes("rank_correlation")
    signs, settled = extremes("same_sign")[0], extremes("same_sign_settled")[0]
    return [
        f"{survives} of {decided.sum()} conclusions that preset audit draws from its explanations of {n} faces by "
        f"{estimator} stand under every one of {len(CHOICES) - 1} other choices",
        f"Those are {', '.join(by_kind)}. {turned} turn round under at least one choice and {lost} become undecided "
        f"under at least one; of {total} statements asked {decided.sum()} are decided, for their 95 % interval "
        f"excludes 0, as those of about {chance:.0f} would where there is nothing to find. The most are lost "
        f"with {_named(worst)}: {of_all.loc[worst[0], 'decided'] - of_all.loc[worst[0], 'kept']}; by another seed "
        f"alone {of_all.loc[seed, 'decided'] - of_all.loc[seed, 'kept']}.",
        f"Maps change most with {_named(least)}: mean rank correlation with the preset's map "
        f"{number('rank_correlation', least)}; least with {_named(most)}: {number('rank_correlation', most)}. Another "
        f"seed alone gives {number('rank_correlation', [seed])}, another face's map "
        f"{number('rank_correlation', [ANOTHER_FACE])}.",
        f"Signs agree least with {_named(signs)}: in a share of {number('same_sign', signs)} of the squares at which "
        f"the estimator looks; of those settled in both least with {_named(settled)}: "
        f"{number('same_sign_settled', settled)}.",
        f"What a region does to the estimate on average stands under every choice of: {_directions(survival)}.",
    ]


def _ends(values: pd.Series) -> tuple[list[str], list[str]]:
    """Who has the least and who the most of it: all of equals, and everybody where nobody has a number."""
    known = values.dropna() if values.notna().any() else values.fillna(0)
    return tuple(known.index[known == end].tolist() for end in (known.min(), known.max()))


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"{CHOICES[name].kind} “{name}”" for name in names)


def _directions(survival: pd.DataFrame) -> str:
    rows = survival[(survival["kind"] == "direction") & survival["survives"]]
    told = [
        f"{REGION_NAMES[row.region]} {row.verdict} it ({row.value:+.2f} years, {row.low:+.2f} to {row.high:+.2f})"
        for row in rows.itertuples()
    ]
    return "; ".join(told) or "none"


def _stated(config: SensitivityConfig, plan: _Plan, n: int) -> dict:
    """What the results depend on, beside the faces' names, which lie in the tables."""
    recipe = plan.run.recipe
    return {
        "estimator": recipe.estimator_parameters,
        "dataset": config.dataset,
        "faces": n,
        "seed": config.seed,
        "explanation": recipe.explain_parameters,
        "choices": {name: choice.stated for name, choice in CHOICES.items()},
    }


def _records(table: pd.DataFrame) -> list[dict]:
    """Rows for JSON: six significant digits, as in CSV; null where NaN."""

    def plain(value):
        if isinstance(value, (bool, np.bool_, str)):
            return value if isinstance(value, str) else bool(value)
        return None if pd.isna(value) else int(value) if float(value).is_integer() else float(f"{value:.6g}")

    return [{name: plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _write(config: SensitivityConfig, name: str, table: pd.DataFrame) -> None:
    write_atomically(config.output / f"{PREFIX}_{name}.csv", csv_text(table).encode())
