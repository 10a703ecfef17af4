"""Stage 3: from an activations file to figures and tables of error by group."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.cohorts import FEW_FACES, activations_frame, row_counts
from age_audit.disaggregation import ALL, CONFIDENCE, error_by_group
from age_audit.errors import UsageError
from age_audit.metrics import study_accuracy
from age_audit.plotting.distributions import MEASURES, distributions_by_age_range
from age_audit.plotting.style import GROUP_TITLES, save_figure

PROGRAM = "analysis_3_filter_visualise.py"
PRESETS = ("published", "audit")
_ROUNDING = 0.005  # stored accuracies further than this from the computed one, half a year of error, are reported

_REASONS = {
    "no_real_age": "without a real age: in no table or figure",
    "no_estimate": "without an estimate: in no table or figure",
    "outside_age_ranges": "with a real age outside the age ranges: only in the rows of all ages",
    "no_gender_real": "without a gender: not in the groups by gender",
    "no_race_real": "without a race: not in the groups by race",
}


@dataclass(frozen=True)
class Stage3Config:
    """Everything stage 3 can be told; the one place where its defaults are stated.

    Attributes
    ----------
    metadatasets : Path
        Folder of ``metadataset_<dataset>_activations.json``.
    dataset : str
        Name of the data set, as in the name of that file.
    figures : Path
        Folder for figures and tables; made if it is not there.
    preset : {"published", "audit"}
        ``published`` draws the accuracy stored in the file, ``audit`` the one computed from real age and estimate.
    """

    metadatasets: Path = Path("metadatasets")
    dataset: str = "utkface"
    figures: Path = Path("figures")
    preset: str = PRESETS[0]


def build_parser() -> argparse.ArgumentParser:
    """The command line of stage 3; help quotes the defaults of :class:`Stage3Config`."""
    default = Stage3Config()
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Draw how accuracy and signed error are distributed by gender and by race in each age range, "
        "and write a table of errors for each group.",
    )
    parser.add_argument(
        "--metadatasets",
        type=Path,
        metavar="DIR",
        default=default.metadatasets,
        help="folder of metadataset_<NAME>_activations.json (default: %(default)s)",
    )
    parser.add_argument(
        "--dataset", metavar="NAME", default=default.dataset, help="name of the data set (default: %(default)s)"
    )
    parser.add_argument(
        "--figures",
        type=Path,
        metavar="DIR",
        default=default.figures,
        help="folder to write figures and tables to (default: %(default)s)",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default=default.preset,
        help="published: accuracy as stored in the file; audit: accuracy computed from real age and estimate "
        "(default: %(default)s)",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run stage 3 and say what was written; 0, or 2 with one line on stderr where a person must act first."""
    config = Stage3Config(**vars(build_parser().parse_args(argv)))
    try:
        report = run(config)
    except UsageError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    print(report)
    return 0


def run(config: Stage3Config) -> str:
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
    frame = activations_frame(read_activations(config.metadatasets, config.dataset))
    computed = study_accuracy(frame["age_estimation"], frame["age_real"])
    disagree = int((np.abs(frame["age_estimation_accuracy"] - computed) > _ROUNDING).sum())
    if config.preset == "audit":
        frame["age_estimation_accuracy"] = computed
    tables = {feature: error_by_group(frame, feature, "age_range") for feature in GROUP_TITLES}
    try:
        written = _write(config, frame, tables)
    except OSError as error:
        raise UsageError(
            f"cannot write to {config.figures}: {error.strerror or error}; choose another --figures"
        ) from error
    return "\n".join([*_summary(config, frame, tables, disagree), f"Written to {config.figures}:", *written])


def read_activations(folder: Path, dataset: str) -> list[dict]:
    """Read ``metadataset_<dataset>_activations.json``.

    Returns
    -------
    list of dict
        One an image.

    Raises
    ------
    UsageError
        If the name is no plain name, or the file is missing, unreadable, no JSON, not a list or an empty one.
    """
    if not dataset or not dataset.isprintable() or set(dataset) & set("/\\"):
        raise UsageError(f"expected the plain name of a data set, such as utkface, got {dataset!r}")
    path = folder / f"metadataset_{dataset}_activations.json"
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        there = sorted(found.name for found in folder.glob("metadataset_*_activations.json"))
        found = ", ".join(there) or "no activations file"
        raise UsageError(
            f"expected the file {path}, found {found} there; run stage 2 first or choose --metadatasets and --dataset"
        ) from error
    except OSError as error:
        raise UsageError(f"expected a readable file at {path}, got: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"expected JSON in {path}, got something else ({error}); write it again with stage 2"
        ) from error
    if not isinstance(rows, list):
        raise UsageError(f"expected a list of objects, one an image, in {path}, got {type(rows).__name__}")
    if not rows:
        raise UsageError(f"expected at least one image in {path}, got an empty list; run stage 2 on some images")
    return rows


def _write(config: Stage3Config, frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> list[str]:
    """Write figures and tables; their names, relative to the folder. The preset is in the name, to keep both."""
    config.figures.mkdir(parents=True, exist_ok=True)
    start = f"{config.dataset}_{config.preset}"
    written = []
    for feature, title in GROUP_TITLES.items():
        for name, measure in MEASURES.items():
            figure = distributions_by_age_range(frame, measure, feature, f"{config.dataset}, preset {config.preset}")
            written.append(save_figure(figure, config.figures, f"{start}_{name}_by_{title}").name)
        written.append(_write_table(tables[feature], config.figures / f"{start}_errors_by_{title}.csv"))
    counts = pd.DataFrame(row_counts(frame).items(), columns=["what", "rows"])
    written.append(_write_table(counts, config.figures / f"{start}_rows.csv"))
    return written


def _write_table(table: pd.DataFrame, path: Path) -> str:
    """Write a table as CSV with four decimals, empty where NaN; its name."""
    path.write_bytes(table.to_csv(index=False, float_format="%.4f", lineterminator="\n").encode())
    return path.name


def _summary(config: Stage3Config, frame: pd.DataFrame, tables: dict[str, pd.DataFrame], disagree: int) -> list[str]:
    """The report without the files."""
    counts = row_counts(frame)
    lines = [f"{config.dataset}, preset {config.preset}: {counts['images']} images read, {counts['used']} used."]
    lines += [f"  {counts[reason]} {words}" for reason, words in _REASONS.items() if counts[reason]]
    repeated = int(frame["fname"].dropna().duplicated().sum())
    if repeated:
        lines.append(f"  {repeated} repeat the file name of an earlier row: counted like any other")
    if disagree:
        what = "drawn as stored" if config.preset == "published" else "computed anew"
        lines.append(f"  {disagree} store an accuracy other than (100 - |estimate - age|) / 100: {what}")
    everyone = next(iter(tables.values())).iloc[-1]
    lines += [_mean_in_words(everyone, name) for name in ("mean_absolute_error", "mean_signed_error")]
    for feature, table in tables.items():
        groups = table[(table["age_range"] != ALL) & (table[feature] != ALL)]
        few = int((groups["n"] < FEW_FACES).sum())
        lines.append(f"By {GROUP_TITLES[feature]}: {few} of {len(groups)} groups have fewer than {FEW_FACES} faces.")
    return lines


def _mean_in_words(row: pd.Series, name: str) -> str:
    """One mean of a table row with its interval, or that there is none."""
    words = name.replace("_", " ").capitalize()
    if row["n"] < 2:
        return f"{words}: {row[name]:.2f} years, one face." if row["n"] else f"{words}: no faces."
    low, high = (row[f"{name}_ci{100 * CONFIDENCE:g}_{end}"] for end in ("low", "high"))
    return f"{words}: {row[name]:.2f} years, {CONFIDENCE:.0%} interval {low:.2f} to {high:.2f}."
