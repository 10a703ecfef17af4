"""Stage 3: compare age estimates between groups of faces.

As a script it reads an activations file and writes figures and tables of error by gender and by race in each age
range::

    python analysis_3_filter_visualise.py --metadatasets metadatasets --dataset utkface --figures figures

As a module it gives notebooks the published names of groups and columns, and loads neither an estimator nor a face
detector.
"""

from age_audit.cli import run_command
from age_audit.cohorts import (
    AGE_RANGES,
    FEATURES_ALL,
    FEATURES_FACIAL,
    FEATURES_OUTER_BOUNDARIES,
    GENDERS,
    KEYS_BOUNDARIES,
    KEYS_BOUNDARIES_GENDERS,
    KEYS_GENDER_AGE,
    KEYS_RACE_AGE,
    KEYS_RACE_AGE_BOUNDARIES,
    RACES,
)
from age_audit.config import Stage3Config

__all__ = [
    "AGE_RANGES",
    "FEATURES_ALL",
    "FEATURES_FACIAL",
    "FEATURES_OUTER_BOUNDARIES",
    "GENDERS",
    "KEYS_BOUNDARIES",
    "KEYS_BOUNDARIES_GENDERS",
    "KEYS_GENDER_AGE",
    "KEYS_RACE_AGE",
    "KEYS_RACE_AGE_BOUNDARIES",
    "RACES",
]


def main(argv: list[str] | None = None) -> int:
    """Run stage 3 from the command line; returns the exit code."""
    description = (
        "Draw how accuracy and signed error are distributed by gender and by race in each age range, and write a table "
        "of errors for each group."
    )
    return run_command(Stage3Config, "analysis_3_filter_visualise.py", description, run, argv)


def run(config: Stage3Config):
    """Do what the options ask for."""
    from age_audit.pipeline.stage3 import run_stage3  # loads libraries for a second or more

    return run_stage3(config)


if __name__ == "__main__":
    raise SystemExit(main())
