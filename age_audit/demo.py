"""The main job on two real portraits that ship inside scikit-image and matplotlib.

Runs the three stages as their scripts would, then shows in the terminal and as one picture a face what they found. The
portraits are read from the installed packages; none is part of this project.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from age_audit.cli import run_command
from age_audit.core.config import PRESETS, Stage1Config, Stage2Config, Stage3Config, check_choice
from age_audit.core.paths import file_stem
from age_audit.data.metadatasets import read_metadataset
from age_audit.data.portraits import PORTRAITS, Portrait, portrait_path
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import read_face, read_result
from age_audit.pipeline.stage1 import run_stage1
from age_audit.pipeline.stage2 import run_stage2
from age_audit.pipeline.stage3 import run_stage3
from age_audit.pipeline.steps import picture_path
from age_audit.regions.polygons import REGION_NAMES, REGIONS
from age_audit.regions.scores import score_regions
from age_audit.store.files import read_png
from age_audit.store.ledger import Ledger

DATASET = "demo"
LARGEST = 3  # regions named in the table


@dataclass(frozen=True)
class DemoConfig:
    """What the demo can be told."""

    output: Path = field(default=Path("demo-output"), metadata={"help": "folder for everything the demo writes"})
    preset: str = field(default="audit", metadata={"help": "how estimates are explained: published or audit"})
    estimator: str = field(default=Stage1Config.estimator, metadata={"help": "whose estimates to explain"})

    def __post_init__(self):
        check_choice("preset", self.preset, PRESETS)


@dataclass(frozen=True)
class Finding:
    """What the stages found on one portrait. Ages and spread in years, shares in 0-1; no spread of a plain age."""

    portrait: Portrait
    age: float
    spread: float | None
    shares: dict[str, float]


def run_demo(config: DemoConfig) -> str:
    """Run the three stages on the portraits, and draw a panel of each and the boxes of all.

    Returns
    -------
    str
        A table: face, estimate, spread of the age distribution, largest region shares.
    """
    images, labels = gather_portraits(config.output)
    which = f"{file_stem(config.estimator)}-{config.preset}"  # demos of several lie side by side
    shared = {"metadatasets": config.output / "metadatasets" / which, "dataset": DATASET, "preset": config.preset}
    stage1 = Stage1Config(images=images, output=config.output, labels=str(labels), estimator=config.estimator, **shared)
    print(f"stage 1: align, crop, estimate and explain {len(PORTRAITS)} faces ({config.estimator}, {config.preset})")
    print(run_stage1(stage1))
    print("stage 2: landmarks and regions")
    print(run_stage2(Stage2Config(output=config.output, **shared)))
    print("stage 3: figures and tables")
    run_stage3(Stage3Config(figures=config.output / "figures", **shared))
    findings = [_finding(portrait, stage1) for portrait in PORTRAITS]
    pictures = _draw_panels(stage1, findings, which)
    written = "\n".join(f"  {path}" for path in (shared["metadatasets"], config.output / "figures", *pictures))
    return f"\n{format_table(findings)}\n\nwritten to\n{written}"


def gather_portraits(folder: Path) -> tuple[Path, Path]:
    """Copy the portraits out of their packages and write what is documented of them; returns folder and CSV."""
    images, labels = folder / "img", folder / "labels.csv"
    images.mkdir(parents=True, exist_ok=True)
    for portrait in PORTRAITS:
        target = images / portrait.fname
        content = portrait_path(portrait).read_bytes()
        if not target.is_file() or target.read_bytes() != content:
            target.write_bytes(content)
    with labels.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("fname", "age", "gender"))
        writer.writerows((portrait.fname, portrait.age, portrait.gender) for portrait in PORTRAITS)
    return images, labels


def _finding(portrait: Portrait, config: Stage1Config) -> Finding:
    predictions = read_metadataset(config.metadatasets, DATASET, "predictions")
    activations = read_metadataset(config.metadatasets, DATASET, "activations")
    row = next((row for row in activations if row["fname"] == portrait.fname), {})
    shares = {region: row[f"activation_{region}_from_all"] for region in REGIONS if row}
    age = predictions["predictions"].get(portrait.fname, float("nan"))
    return Finding(portrait, age, predictions["age_spread"].get(portrait.fname, float("nan")), shares)


def format_table(findings: list[Finding]) -> str:
    """The demo's table for the terminal."""
    header = ("face", "estimate", "spread", "documented age", f"largest shares of the positive pixels (top {LARGEST})")
    rows = [header]
    for finding in findings:
        largest = sorted(finding.shares, key=lambda region: (-finding.shares[region], region))[:LARGEST]
        shares = (
            ", ".join(f"{REGION_NAMES[region]} {100 * finding.shares[region]:.0f} %" for region in largest)
            or "no landmarks found"
        )
        documented = f"{finding.portrait.age} years" if finding.portrait.age else "not documented"
        estimate = (
            (f"{finding.age:.1f} years", "none given" if finding.spread is None else f"{finding.spread:.1f} years")
            if finding.age == finding.age
            else ("failed", "")
        )
        rows.append((finding.portrait.title, *estimate, documented, shares))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _draw_panels(config: Stage1Config, findings: list[Finding], which: str) -> list[Path]:
    from age_audit.figures.face_boxes import BoxedFace, face_boxes
    from age_audit.figures.one_face import face_panel
    from age_audit.figures.style import save_figure

    recipe = Recipe(True, config.estimator, config.precision, config.preset, config.seed)
    pictures, boxed = [], []
    with Ledger(config.output, create=False) as ledger:
        for finding in findings:
            if not finding.shares:
                continue  # the run has said why
            fname = finding.portrait.fname
            found = read_face(ledger, recipe, fname)
            crop = read_png(picture_path(config.output, "crop", fname))
            figure = face_panel(
                crop,
                found.estimate,
                found.attribution,
                found.landmarks,
                score_regions(found.attribution.positive_mask, found.landmarks),
                finding.portrait.title,
                label_age=float(finding.portrait.age) if finding.portrait.age else None,
                preset=config.preset,
            )
            pictures.append(save_figure(figure, config.output, f"{Path(fname).stem}-{which}"))
            boxes = read_result(ledger, recipe, "boxes", fname)
            title = f"{finding.portrait.title}, {finding.age:.1f} years"
            boxed.append(BoxedFace(crop, found.attribution.settled_map, boxes, found.landmarks, title))
    if boxed:
        on = [dict.fromkeys(box["label"].replace("_", " ") for box in face.boxes if box["label"]) for face in boxed]
        said = [f"{face.title}: {', '.join(parts) or 'no part'}" for face, parts in zip(boxed, on, strict=True)]
        title = f"Where lies what raises the estimates most? {'; '.join(said)}"
        pictures.append(save_figure(face_boxes(boxed, title), config.output, f"boxes-{which}"))
    return pictures


def main(argv: list[str] | None = None, program: str = "demo") -> int:
    """Run the demo from the command line; returns the exit code."""
    return run_command(
        DemoConfig, program, "Estimate and explain two portraits that ship inside packages.", run_demo, argv
    )


if __name__ == "__main__":
    raise SystemExit(main())
