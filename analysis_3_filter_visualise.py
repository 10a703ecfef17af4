"""Stage 3: compare age estimates between groups of faces.

As a script it reads an activations file and writes figures and tables of error by gender and by race in each age
range, and with ``--paper`` everything that the notebooks show::

    python analysis_3_filter_visualise.py --metadatasets metadatasets --dataset utkface --figures figures

As a module it gives notebooks the published names: groups and columns, functions, and the libraries that the
published script passed on with ``from analysis_3_filter_visualise import *``. It loads neither an estimator nor a face
detector, and what draws only when it is asked for.
"""

import importlib.util
import json
import sys
import warnings

import numpy as np
import pandas as pd
import scipy
from PIL import Image

from age_audit.cli import run_command
from age_audit.core.config import Stage3Config
from age_audit.core.vocabulary import (
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
from age_audit.study.normality import statistic_details_for_age_range
from age_audit.study.rows import filter_dataset, generate_processed_datasets

# Name: (module, what in it); loaded on first use, since running the script with --help needs none of them.
_ON_DEMAND = {
    "normalise_cohort": ("age_audit.figures.published_names", "normalise_cohort"),
    "plt": ("matplotlib.pyplot", None),
    "sns": ("seaborn", None),
    "statistic_details": ("age_audit.figures.published_names", "statistic_details"),
    "visualise_corr_gender": ("age_audit.figures.published_names", "visualise_corr_gender"),
    "visualise_heatmap_corr_pairplot": ("age_audit.figures.published_names", "visualise_heatmap_corr_pairplot"),
    "visualise_heatmap_corr_pairplot_all": ("age_audit.figures.published_names", "visualise_heatmap_corr_pairplot_all"),
    "visualise_pairplot": ("age_audit.figures.published_names", "visualise_pairplot"),
}

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
    "Image",
    "filter_dataset",
    "generate_processed_datasets",
    "json",
    "np",
    "pd",
    "scipy",
    "statistic_details_for_age_range",
    "warnings",
    *_ON_DEMAND,
]


def __getattr__(name: str):
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _ON_DEMAND[name]
    loaded = _when_asked("seaborn") if name == "sns" else importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def _when_asked(module: str):
    """A module that loads at the first use of what is in it: seaborn takes two seconds, and * names all modules."""
    if module not in sys.modules:
        spec = importlib.util.find_spec(module)
        spec.loader = importlib.util.LazyLoader(spec.loader)
        sys.modules[module] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[module])
    return sys.modules[module]


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
