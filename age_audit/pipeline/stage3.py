"""Stage 3: from an activations file to figures and tables of error by group."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import estimates_of
from age_audit.core.config import Stage3Config
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL
from age_audit.core.measures import MAE, SIGNED_ERROR, Measure
from age_audit.core.metrics import study_accuracy
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES, REQUIRED_COLUMNS
from age_audit.data.frames import row_counts
from age_audit.data.metadatasets import provenance_path
from age_audit.data.region_scores import files_there, read_activations
from age_audit.figures.densities import DISTRIBUTIONS, distributions_by_age_range
from age_audit.figures.style import GROUP_TITLES, save_figure
from age_audit.store.files import write_atomically

COLUMNS = (*REQUIRED_COLUMNS, "age_estimation_accuracy")  # all that tables and figures need of a file
RESAMPLING = Resampling(seed=42)  # as the notebooks: the same faces have the same interval in their tables and here
_ROUNDING = 0.005  # stored accuracies further than this from the computed one, half a year of error, are reported

_REASONS = {
    "no_real_age": "without a real age: in no table or figure",
    "no_estimate": "without an estimate: in no table or figure",
    "outside_age_ranges": "with a real age outside the age ranges: only in the rows of all ages",
    "no_gender_real": "without a gender: not in the groups by gender",
    "no_race_real": "without a race: not in the groups by race",
}


def run_stage3(config: Stage3Config) -> str:
    """Write every figure and table.

    Returns
    -------
    str
        A short report for a person: rows used, rows left out and why, overall error, files written.

    Raises
    ------
    UsageError
        If the file cannot be used or the folder cannot be written to.
    """
    frame = read_activations(config.metadatasets, config.dataset, COLUMNS)
    computed = study_accuracy(frame["age_estimation"], frame["age_real"])
    disagree = int((np.abs(frame["age_estimation_accuracy"] - computed) > _ROUNDING).sum())
    if config.preset == "audit":
        frame["age_estimation_accuracy"] = computed
    tables = group_tables(frame)
    try:
        written = _write(config, frame, tables)
    except OSError as error:
        raise UsageError(
            f"cannot write to {config.figures}: {error.strerror or error}; choose another --figures"
        ) from error
    if config.paper:
        written.append(write_paper(config))
    return "\n".join([*_summary(config, frame, tables, disagree), f"Written to {config.figures}:", *written])


def write_paper(config: Stage3Config) -> str:
    """Execute every notebook on these results; says what was written, relative to the folder of figures.

    Raises
    ------
    UsageError
        If nothing says which estimator they are of, or a notebook fails, say because one of the presets is missing.
    """
    from age_audit.report.notebooks import all_notebooks, execute_notebooks  # starts no kernel unless asked to

    figures = config.figures.absolute()  # notebooks run from elsewhere
    parameters = {
        "ESTIMATOR": _estimator(config),
        "DATASET": config.dataset,
        "METADATASETS": str(config.metadatasets.absolute()),
        "FIGURES": str(figures),
        "TABLES": str(figures / "tables"),
    }
    execute_notebooks(all_notebooks(), figures / "notebooks", parameters)
    return "notebooks/, executed; their figures in a folder each, their tables in tables/"


def _estimator(config: Stage3Config) -> str:
    path = provenance_path(config.metadatasets, config.dataset, "predictions")
    try:
        return json.loads(path.read_text(encoding="utf-8"))["estimator"]["name"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"expected {path} to name the estimator, it is missing or does not; run stage 1 with this --metadatasets"
        ) from error


def group_tables(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Every measure of the groups of each feature, within age ranges and over all: see :func:`estimates_of`."""
    both = {feature: ["age_range", feature] for feature in GROUP_TITLES}
    return {name: estimates_of(frame, features, features, resampling=RESAMPLING) for name, features in both.items()}


def _write(config: Stage3Config, frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> list[str]:
    """Write figures and tables; their names, relative to the folder. The preset is in the name, to keep both."""
    config.figures.mkdir(parents=True, exist_ok=True)
    start = f"{config.dataset}_{config.preset}"
    written = []
    for feature, title in GROUP_TITLES.items():
        for name, measure in DISTRIBUTIONS.items():
            figure = distributions_by_age_range(frame, measure, feature, f"{config.dataset}, preset {config.preset}")
            written.append(save_figure(figure, config.figures, f"{start}_{name}_by_{title}").name)
        written.append(_write_table(tables[feature], config.figures / f"{start}_errors_by_{title}.csv"))
    counts = pd.DataFrame(row_counts(frame).items(), columns=["what", "rows"])
    written.append(_write_table(counts, config.figures / f"{start}_rows.csv"))
    return written


def _write_table(table: pd.DataFrame, path: Path) -> str:
    """Write a table as CSV with four decimals, empty where NaN; its name."""
    write_atomically(path, table.to_csv(index=False, float_format="%.4f", lineterminator="\n").encode())
    return path.name


def _summary(config: Stage3Config, frame: pd.DataFrame, tables: dict[str, pd.DataFrame], disagree: int) -> list[str]:
    """The report without the files."""
    counts = row_counts(frame)
    lines = [f"{config.dataset}, preset {config.preset}: {counts['images']} images read, {counts['used']} used."]
    lines += [f"  {counts[reason]} {words}" for reason, words in _REASONS.items() if counts[reason]]
    there = [path.name for path in files_there(config.metadatasets, config.dataset)]
    if len(there) > 1:
        lines.append(f"  read from {there[0]}; not from {', '.join(there[1:])}, which is there as well")
    repeated = int(frame["fname"].dropna().duplicated().sum())
    if repeated:
        lines.append(f"  {repeated} repeat the file name of an earlier row: counted like any other")
    if disagree:
        what = "drawn as stored" if config.preset == "published" else "computed anew"
        lines.append(f"  {disagree} store an accuracy other than (100 - |estimate - age|) / 100: {what}")
    everyone = next(iter(tables.values())).drop_duplicates("measure", keep="last").set_index("measure")
    lines += [_mean_in_words(measure, everyone.loc[measure.key]) for measure in (MAE, SIGNED_ERROR)]
    for feature, table in tables.items():
        groups = table[(table["age_range"] != ALL) & (table[feature] != ALL)].drop_duplicates(["age_range", feature])
        few = int((groups["n"] < FEW_FACES).sum())
        lines.append(f"By {GROUP_TITLES[feature]}: {few} of {len(groups)} groups have fewer than {FEW_FACES} faces.")
    return lines


def _mean_in_words(measure: Measure, row: pd.Series) -> str:
    """The mean of a table row with its interval, or that there is none."""
    words = measure.name.capitalize()
    if row["n"] < 2:
        return f"{words}: {row['value']:.2f} years, one face." if row["n"] else f"{words}: no faces."
    interval = f"{RESAMPLING.confidence:.0%} interval {row['low']:.2f} to {row['high']:.2f}"
    return f"{words}: {row['value']:.2f} years, {interval}."
