"""The command ``age-audit``: one subcommand for each thing that the house can do."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence

from age_audit import __version__
from age_audit.cli import run_command
from age_audit.core.config import Stage1Config, Stage2Config, Stage3Config


@dataclasses.dataclass(frozen=True)
class EstimateConfig(Stage1Config):
    """Stage 1 without explanations."""

    steps: tuple[str, ...] = dataclasses.field(
        default=("align", "crop", "estimate"), metadata=Stage1Config.__dataclass_fields__["steps"].metadata
    )


def run_stage1(config: Stage1Config):
    """Do stage 1; as the other runs, this loads its libraries only when it is asked for."""
    from age_audit.pipeline.stage1 import run_stage1

    return run_stage1(config)


def run_stage2(config: Stage2Config):
    """Do stage 2."""
    from age_audit.pipeline.stage2 import run_stage2

    return run_stage2(config)


def run_stage3(config: Stage3Config):
    """Do stage 3."""
    from age_audit.pipeline.stage3 import run_stage3

    return run_stage3(config)


def _stage(config: type, run: Callable, about: str) -> Callable[[Sequence[str], str], int]:
    return lambda argv, program: run_command(config, program, about, run, argv)


def _paper(argv: Sequence[str], program: str) -> int:
    from age_audit.report.notebooks import main

    return main(argv, program)


def _compare(argv: Sequence[str], program: str) -> int:
    from age_audit.report.compare import CompareConfig, compare

    about = "Compare estimators on the faces that all of them have: a notebook, its figures and its tables."
    return run_command(CompareConfig, program, about, compare, argv)


def _report(argv: Sequence[str], program: str) -> int:
    from age_audit.report.page.command import ReportConfig, report

    about = "Write one page about an estimator: a gate, errors, for whom, explanations, labels, and how sure each is."
    return run_command(ReportConfig, program, about, report, argv)


def _face(argv: Sequence[str], program: str) -> int:
    from age_audit.report.own_face import FaceConfig, own_face

    about = "Judge one's own photo: the estimate, what policies would make of it, what moved it. Nothing is sent."
    return run_command(FaceConfig, program, about, own_face, argv)


def _gate(argv: Sequence[str], program: str) -> int:
    from age_audit.report.gate import GateConfig, gate

    about = (
        "Ask whether estimates could guard an age limit: who passes, who is refused, for whom, and how sure that is."
    )
    return run_command(GateConfig, program, about, gate, argv)


def _sensitivity(argv: Sequence[str], program: str) -> int:
    from age_audit.pipeline.sensitivity import SensitivityConfig, run_sensitivity

    about = "Explain each face again with one choice made otherwise at a time, and say which conclusions stand."
    return run_command(SensitivityConfig, program, about, run_sensitivity, argv)


def _dataset(argv: Sequence[str], program: str) -> int:
    from age_audit.pipeline.dataset import DatasetConfig, run_dataset

    about = "Measure every picture, pose and skin tone of every face, and find what is a copy of what."
    return run_command(DatasetConfig, program, about, run_dataset, argv)


def _train(argv: Sequence[str], program: str) -> int:
    from age_audit.pipeline.training import run_training
    from age_audit.pipeline.training_options import TrainConfig

    about = (
        "Train a classifier of age groups, or of years, on labelled faces, and ask it about faces that it never saw."
    )
    return run_command(TrainConfig, program, about, run_training, argv)


def _evaluate_classifier(argv: Sequence[str], program: str) -> int:
    from age_audit.pipeline.training import run_evaluation
    from age_audit.pipeline.training_options import EvaluateConfig

    about = "Ask a trained classifier about the labelled faces of another folder: how good is it there?"
    return run_command(EvaluateConfig, program, about, run_evaluation, argv)


def _estimators(argv: Sequence[str], program: str) -> int:
    from age_audit.estimators.overview import OverviewConfig, overview

    return run_command(
        OverviewConfig, program, "Which estimators there are here, and what they have seen.", overview, argv
    )


def _cite(argv: Sequence[str], program: str) -> int:
    from age_audit.report.cite import CiteConfig, cite

    return run_command(CiteConfig, program, "How to cite a run: what was done, and the works that it used.", cite, argv)


def _demo(argv: Sequence[str], program: str) -> int:
    from age_audit.demo import main

    return main(argv, program)


STAGE1 = "Align and crop faces, estimate their ages and explain each estimate."
STAGE2 = "Find landmarks on each crop and score 13 regions of the face by the positive pixels of its explanation."
STAGE3 = "Compare age estimates between groups of faces, in figures and tables."

# Name: (what it does in one line, how). Another capability is another row.
COMMANDS = {
    "estimate": ("stage 1 up to the estimates: align, crop, estimate", _stage(EstimateConfig, run_stage1, STAGE1)),
    "explain": ("stage 1: align, crop, estimate, explain", _stage(Stage1Config, run_stage1, STAGE1)),
    "evaluate": ("stage 2: landmarks, regions and their scores", _stage(Stage2Config, run_stage2, STAGE2)),
    "visualise": ("stage 3: errors by group, figures and tables", _stage(Stage3Config, run_stage3, STAGE3)),
    "paper": ("execute the notebooks: every figure and table of the paper", _paper),
    "compare": ("several estimators on the faces that all have: who is nearest, for whom all err", _compare),
    "report": ("one HTML page: may it guard a door, for whom, and how sure is that", _report),
    "face": ("one's own photo: the estimate, what policies would make of it, what moved it", _face),
    "gate": ("may it guard a door: children let in, adults turned away, for whom, under which policy", _gate),
    "sensitivity": ("which conclusions from explanations stand when they are made in other ways", _sensitivity),
    "dataset": ("the images themselves: copies, picture quality, pose, skin tone; no estimator is asked", _dataset),
    "train": ("a classifier of age groups on one's own faces, which is an estimator like the others", _train),
    "evaluate-classifier": ("a trained classifier on the faces of another folder", _evaluate_classifier),
    "estimators": ("which estimators are here, what they were trained on; --fetch gets the optional ones", _estimators),
    "cite": ("the paragraph on methods of a run and its BibTeX; Croissant and RO-Crate for archives", _cite),
    "demo": ("the three stages on two portraits that ship inside packages", _demo),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="age-audit",
        description="Audit facial age estimators.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n" + "\n".join(f"  {name:<20} {about}" for name, (about, _) in COMMANDS.items()),
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below; each has its --help")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="...", help="options of the command")
    given = parser.parse_args(argv)
    return COMMANDS[given.command][1](given.options, f"age-audit {given.command}")


if __name__ == "__main__":
    sys.exit(main())
