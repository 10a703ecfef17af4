"""The command ``age-audit``: one subcommand for each thing that the house can do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pkgutil import resolve_name

from age_audit import __version__
from age_audit.cli import run_command

STAGE1 = "Align and crop faces, estimate their ages and explain each estimate."
# Name: what it does in one line; where its options are and what does it, which is loaded when it is asked for; and what
# its help says. Without options it reads its own command line. Another capability is another row.
COMMANDS = {
    "estimate": (
        "stage 1 up to the estimates: align, crop, estimate",
        *("core.config:EstimateConfig", "pipeline.stage1:run_stage1", STAGE1),
    ),
    "explain": (
        "stage 1: align, crop, estimate, explain",
        *("core.config:Stage1Config", "pipeline.stage1:run_stage1", STAGE1),
    ),
    "evaluate": (
        "stage 2: landmarks, regions and their scores",
        *("core.config:Stage2Config", "pipeline.stage2:run_stage2"),
        "Find landmarks on each crop and score 13 regions of the face by the positive pixels of its explanation.",
    ),
    "visualise": (
        "stage 3: errors by group, figures and tables",
        *("core.config:Stage3Config", "pipeline.stage3:run_stage3"),
        "Compare age estimates between groups of faces, in figures and tables.",
    ),
    "paper": ("execute the notebooks: every figure and table of the paper", None, "report.notebooks:main", ""),
    "compare": (
        "several estimators on the faces that all have: who is nearest, for whom all err",
        *("report.compare:CompareConfig", "report.compare:compare"),
        "Compare estimators on the faces that all of them have: a notebook, its figures and its tables.",
    ),
    "report": (
        "one HTML page: may it guard a door, for whom, and how sure is that",
        *("report.page.command:ReportConfig", "report.page.command:report"),
        "Write one page about an estimator: a gate, errors, for whom, explanations, labels, and how sure each is.",
    ),
    "face": (
        "one's own photo: the estimate, what policies would make of it, what moved it",
        *("report.own_face:FaceConfig", "report.own_face:own_face"),
        "Judge one's own photo: the estimate, what policies would make of it, what moved it. Nothing is sent.",
    ),
    "gate": (
        "may it guard a door: children let in, adults turned away, for whom, under which policy",
        *("report.gate:GateConfig", "report.gate:gate"),
        "Ask whether estimates could guard an age limit: who passes, who is refused, for whom, and how sure that is.",
    ),
    "sensitivity": (
        "which conclusions from explanations stand when they are made in other ways",
        *("pipeline.sensitivity:SensitivityConfig", "pipeline.sensitivity:run_sensitivity"),
        "Explain each face again with one choice made otherwise at a time, and say which conclusions stand.",
    ),
    "dataset": (
        "the images themselves: copies, picture quality, pose, skin tone; no estimator is asked",
        *("pipeline.dataset:DatasetConfig", "pipeline.dataset:run_dataset"),
        "Measure every picture, pose and skin tone of every face, and find what is a copy of what.",
    ),
    "train": (
        "a classifier of age groups on one's own faces, which is an estimator like the others",
        *("pipeline.training_options:TrainConfig", "pipeline.training:run_training"),
        "Train a classifier of age groups, or of years, on labelled faces, and ask it about faces that it never saw.",
    ),
    "evaluate-classifier": (
        "a trained classifier on the faces of another folder",
        *("pipeline.training_options:EvaluateConfig", "pipeline.training:run_evaluation"),
        "Ask a trained classifier about the labelled faces of another folder: how good is it there?",
    ),
    "estimators": (
        "which estimators are here, what they were trained on; --fetch gets the optional ones",
        *("estimators.overview:OverviewConfig", "estimators.overview:overview"),
        "Which estimators there are here, and what they have seen.",
    ),
    "cite": (
        "the paragraph on methods of a run and its BibTeX; Croissant and RO-Crate for archives",
        *("report.cite:CiteConfig", "report.cite:cite"),
        "How to cite a run: what was done, and the works that it used.",
    ),
    "demo": ("the three stages on two portraits that ship inside packages", None, "demo:main", ""),
}


def named(place: str):
    """What is called so in a module of this package: ``named("core.config:Stage1Config")``."""
    return resolve_name(f"age_audit.{place}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="age-audit",
        description="Audit facial age estimators.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n" + "\n".join(f"  {name:<20} {about}" for name, (about, *_) in COMMANDS.items()),
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below; each has its --help")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="...", help="options of the command")
    given = parser.parse_args(argv)
    _, config, run, about = COMMANDS[given.command]
    program = f"age-audit {given.command}"
    if config is None:
        return named(run)(given.options, program)
    return run_command(named(config), program, about, lambda options: named(run)(options), given.options)


if __name__ == "__main__":
    sys.exit(main())
