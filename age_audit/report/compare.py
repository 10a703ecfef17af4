"""Several estimators of the same faces, by command: the notebook ``compare_estimators``, executed on results given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from age_audit.audit.errors.several_estimators import in_common
from age_audit.core.config import Stage3Config, parse_age_ranges
from age_audit.core.errors import UsageError
from age_audit.core.schema import AGE_RANGES
from age_audit.data.results import open_results
from age_audit.report.on_results import OnResultsConfig, executed, refuse_notebooks, whole_or_nothing

NOTEBOOK = "compare_estimators"


@dataclass(frozen=True)
class CompareConfig(OnResultsConfig):
    """Options of ``age-audit compare``."""

    estimators: tuple[str, ...] = field(
        metadata={
            "positional": True,
            "metavar": "ESTIMATOR",
            "help": "two or more: names of estimators whose results lie in --metadatasets or below, folders with a "
            "file metadataset_<name>_predictions.json, or such files; faces are matched by file name",
        },
    )
    output: Path = field(
        default=Path("comparison"), metadata={"help": "folder for the notebook, its figures and its tables"}
    )
    age_ranges: tuple[str, ...] = field(
        default=Stage3Config.age_ranges, metadata=Stage3Config.__dataclass_fields__["age_ranges"].metadata
    )

    def __post_init__(self):
        super().__post_init__()
        parse_age_ranges(self.age_ranges)


def compare(config: CompareConfig) -> str:
    """Execute the notebook; what it found, and where the rest is.

    Raises
    ------
    UsageError
        If fewer than two estimators are given, there are no results of one, or they have no labelled face in common.
    """
    if len(config.estimators) < 2:
        raise UsageError(f"expected two estimators or more, got {', '.join(config.estimators)}")
    refuse_notebooks(config.output)
    names = [str(Path(name).absolute()) if Path(name).exists() else name for name in config.estimators]
    ranges = None if parse_age_ranges(config.age_ranges) == AGE_RANGES else list(config.age_ranges)
    opened = open_results(names, config.metadatasets, config.preset, config.dataset, config.sensitive, ranges)
    told = _in_common({name: results.predictions for name, results in opened.items()})
    origins = dict.fromkeys(results.label_origin for results in opened.values())
    with whole_or_nothing(NOTEBOOK, config.output):
        return executed(NOTEBOOK, config, config.output, {"ESTIMATORS": names, "RANGES": ranges}, [told, *origins])


def _in_common(frames: dict[str, pd.DataFrame]) -> str:
    """How many faces are compared, of how many, in a sentence; an error where it is none."""
    first = next(iter(frames))
    named = set.intersection(*(set(frame["fname"]) for frame in frames.values()))
    if not named:
        examples = ", ".join(f"{min(frame['fname'], default='none')!a} ({name})" for name, frame in frames.items())
        raise UsageError(
            f"expected faces of the same file names, without folders, in all of {', '.join(frames)}; there is none: "
            f"{examples}; give predictions of the same images, or rename them in the files"
        )
    compared = len(in_common(frames, least=0)[first])
    if not compared:
        raise UsageError(
            f"expected faces with an estimate and one and the same real age in all of {', '.join(frames)}; of "
            f"{len(named):,} faces of the same name there is none: they lack labels, or their labels differ"
        )
    sizes = ", ".join(f"{name} has {len(frame):,}" for name, frame in frames.items())
    return f"Compared on {compared:,} faces that have an estimate and the same real age in all ({sizes})."
