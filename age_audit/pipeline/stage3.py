"""Stage 3: from an activations file to figures and tables of error by group."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import estimates_of
from age_audit.audit.errors.lost_faces import lost_faces
from age_audit.core.config import PRESETS, Stage3Config
from age_audit.core.csv_text import csv_text
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL, BOUNDS, compared_by, feature_column, feature_title, real_ages
from age_audit.core.measures import MAE, SIGNED_ERROR, Measure
from age_audit.core.metrics import study_accuracy
from age_audit.core.paths import file_stem
from age_audit.core.randomness import Resampling
from age_audit.core.schema import AGE_RANGES
from age_audit.core.vocabulary import FEW_FACES, REQUIRED_COLUMNS, label_origin, seen_mark
from age_audit.data.frames import row_counts
from age_audit.data.image_measures import clusters_of, images_of, read_image_measures
from age_audit.data.label_formats import hint_of_groups
from age_audit.data.metadatasets import KINDS, made_by, metadataset_path, provenance_path, stated_in
from age_audit.data.region_scores import files_there
from age_audit.data.results import Results, find_results
from age_audit.figures.densities import DISTRIBUTIONS, distributions_by_age_range
from age_audit.figures.style import counted, save_figure
from age_audit.store.files import write_atomically

COLUMNS = (*REQUIRED_COLUMNS, *BOUNDS, "age_estimation_accuracy")  # all that tables and figures need of a file
RESAMPLING = Resampling(seed=42)  # as the notebooks: the same faces have the same interval in their tables and here
_NAMED = 10  # files of an earlier run that are named
_ROUNDING = 0.005  # stored accuracies further than this from the computed one, half a year of error, are reported

_REASONS = {
    "no_real_age": "without a real age: in no table or figure",
    "no_estimate": "without an estimate: in no table or figure",
    "age_as_range": "with a range of ages as label: error 0 inside it, else the distance from its nearer end",
    "outside_age_ranges": "with a real age, or a range of ages, that no age range holds: only in the rows of all ages",
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
    estimator = _estimator(config)
    notebooks = _notebooks(config, estimator) if config.paper else []
    results = Results(
        config.metadatasets, config.dataset, estimator or "", config.preset, config.sensitive, config.ranges
    )
    frame = _faces(results)
    _refuse_ranges_without_faces(config, frame)
    computed = study_accuracy(frame["age_estimation"], *real_ages(frame))
    disagree = int((np.abs(frame["age_estimation_accuracy"] - computed) > _ROUNDING).sum())
    if config.preset == "audit":
        frame["age_estimation_accuracy"] = computed
    if config.copies is not None:
        measures = read_image_measures(images_of(config.copies, config.dataset), config.dataset)
        frame["cluster"] = clusters_of(frame["fname"], measures)
    tables = group_tables(frame, config.sensitive, "cluster" if config.copies is not None else None)
    there = _files_of_this_name(config, estimator, notebooks)
    try:
        written = _write(config, estimator, frame, tables)
    except OSError as error:
        raise UsageError(
            f"cannot write to {config.figures}: {error.strerror or error}; choose another --figures"
        ) from error
    if config.paper:
        written.append(write_paper(config, notebooks, estimator))
    written += _left_alone(config, there, _files_of_this_name(config, estimator, notebooks))
    return "\n".join([*_summary(config, results, frame, tables, disagree), f"Written to {config.figures}:", *written])


def _refuse_ranges_without_faces(config: Stage3Config, frame: pd.DataFrame) -> None:
    """Figures by age range would be empty, and tables compare nobody."""
    used = _used(frame)
    if len(used) and used["age_range"].isna().all():
        lowest, highest = real_ages(used)
        whole = ", each of which has to lie in one range" if used["age_real"].isna().any() else ""
        raise UsageError(
            f"expected --age-ranges that hold real ages of these faces, got {', '.join(config.age_ranges)}; the ages "
            f"of the {len(used):,} faces run from {lowest.min():g} to {highest.max():g} years{whole}; choose other "
            "ranges"
        )


def _used(frame: pd.DataFrame) -> pd.DataFrame:
    """The faces with a real age, or a range of ages, and an estimate."""
    return frame[np.isfinite(real_ages(frame)[0]) & frame["age_estimation"].notna()]


def _files_of_this_name(
    config: Stage3Config, estimator: str | None, executed: Sequence[str] = ()
) -> dict[Path, tuple[int, int]]:
    """Files that readers would take for this run's, and what changes when one is written anew: where it lies, when.

    Without the notebooks that this run executes, for one that comes out the same is not written.
    """
    found = set(config.figures.glob(f"{escape(_start(config, estimator))}_*"))
    if config.paper:
        folders = ("notebooks", "analysis_*", "tables/analysis_*")
        names = ("*.ipynb", *[f"{escape(file_stem(f'{config.dataset}_{estimator}'))}_*"] * 2)
        for folder, name in zip(folders, names, strict=True):
            found.update(config.figures.glob(f"{folder}/{name}"))
        found -= {config.figures / "notebooks" / f"{name}.ipynb" for name in executed}
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(found) if path.is_file()}


def _left_alone(config: Stage3Config, before: dict[Path, tuple], after: dict[Path, tuple]) -> list[str]:
    """Which files of this name lay there and are still the same: a run with other options may have written them."""
    left = [str(path.relative_to(config.figures)) for path, stamp in before.items() if after.get(path) == stamp]
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    named = f"{', '.join(left[:_NAMED])}{more}"
    advice = "move them away or choose another --figures"
    return (
        [f"Named like these but not of this run, perhaps of one with other options: {named}; {advice}"] if left else []
    )


def _faces(results: Results) -> pd.DataFrame:
    """The rows of the activations; of the predictions where there are none, which is all that errors take."""
    if results.holds("activations") or not results.holds("predictions"):
        return results.read_activations(COLUMNS)
    return results.predictions


# What the notebooks read, by the preset of the results.
_READ_BY = {
    "analysis_age_estimations_accuracy_and_differences": {"published": ("predictions",)},
    "analysis_statistical_significance": {"published": ("predictions", "activations")},
    "analysis_pearson_correlations": dict.fromkeys(("published", "audit"), ("predictions", "activations")),
    "analysis_image_segment_activations": dict.fromkeys(
        ("published", "audit"), ("predictions", "activations", "masks", "attachment")
    ),
}


def _notebooks(config: Stage3Config, estimator: str | None) -> list[str]:
    """The notebooks that these results suffice for, before any work; says which are left out and why.

    Raises
    ------
    UsageError
        If nothing says which estimator the results are of, or they suffice for none.
    """
    if estimator is None:
        path = provenance_path(config.metadatasets, config.dataset, "predictions")
        raise UsageError(f"expected {path} to name the estimator, it is missing or does not; name it by --estimator")
    unusable = {preset: _unusable(config, estimator, preset) for preset in PRESETS}
    lacking = {}
    for name, needed in _READ_BY.items():
        why = (unusable[preset].get(kind) for preset, kinds in needed.items() for kind in kinds)
        lacking[name] = next(filter(None, why), "")
    if all(lacking.values()):
        raise UsageError(f"expected results for a notebook at least: {next(iter(lacking.values()))}")
    for name, why in lacking.items():
        if why:
            print(f"left out: {name}; {why}")
    return [name for name, why in lacking.items() if not why]


def _unusable(config: Stage3Config, estimator: str, preset: str) -> dict[str, str]:
    """By kind why the results of a preset cannot be read by a notebook, which asks for predictions first."""
    try:
        results = find_results(config.metadatasets, estimator, preset, config.dataset)
        absent = {
            kind: f"expected {metadataset_path(results.folder, config.dataset, kind)}, found none"
            for kind in KINDS
            if not results.holds(kind)
        }
        if "predictions" not in absent:
            estimated = results.predictions[results.predictions["age_estimation"].notna()]
            if estimated.empty:
                return {"predictions": _no_estimate(results)}
            if np.isnan(real_ages(estimated)).all():
                why = f"expected the age of a face among the labels in {results.folder}, found none of {len(estimated)}"
                return {"predictions": why}
    except UsageError as error:
        return {"predictions": str(error)}
    return absent


def _no_estimate(results: Results) -> str:
    """That all faces were lost, with how many and why, as far as the predictions say."""
    path = metadataset_path(results.folder, results.dataset, "predictions")
    images, lost, reasons = lost_faces(results.document).loc[0, ["images", "lost", "reasons"]]
    why = f", for {lost} of {images} images failed{reasons and f' ({reasons})'}" if images else ""
    return f"expected an estimate in {path}, found none{why}; run stage 1 on images in which a face is found"


def write_paper(config: Stage3Config, notebooks: Sequence[str], estimator: str) -> str:
    """Execute the notebooks on these results; says what was written, relative to the folder of figures."""
    from age_audit.report.notebooks import execute_notebooks  # starts no kernel unless asked to

    figures = config.figures.absolute()  # notebooks run from elsewhere
    parameters = {
        "ESTIMATOR": estimator,
        "DATASET": config.dataset,
        "SENSITIVE": None if config.sensitive is None else list(config.sensitive),
        "RANGES": None if config.ranges == AGE_RANGES else list(config.age_ranges),
        "METADATASETS": str(config.metadatasets.absolute()),
        "FIGURES": str(figures),
        "TABLES": str(figures / "tables"),
    }
    execute_notebooks(notebooks, figures / "notebooks", parameters)
    return "notebooks/, executed; their figures in a folder each, their tables in tables/"


def _estimator(config: Stage3Config) -> str | None:
    """Whose the predictions are, as their provenance or, where that does not say, the option has it."""
    named, preset = made_by(stated_in(config.metadatasets, config.dataset, "predictions"))
    if None not in (named, preset) and preset != config.preset:
        raise UsageError(
            f"expected --preset to be that of the results in {config.metadatasets}, {preset}, got {config.preset}"
        )
    if None not in (named, config.estimator) and named != config.estimator:
        raise UsageError(
            f"expected --estimator to be whom the provenance names, {named}, got {config.estimator}; leave it out"
        )
    return named or config.estimator


def group_tables(
    frame: pd.DataFrame, sensitive: Sequence[str] | None = None, clusters: str | None = None
) -> dict[str, pd.DataFrame]:
    """Every measure of the groups of each feature, within age ranges and over all: see :func:`estimates_of`.

    Without any feature there is one table, of the age ranges. ``clusters`` is a column of what belongs together.
    """
    columns = compared_by(frame, sensitive)
    by = {feature_title(column): ["age_range", column] for column in columns} or {"age_range": ["age_range"]}
    options = {"resampling": RESAMPLING, "clusters": clusters}
    return {title: estimates_of(frame, features, features, **options) for title, features in by.items()}


def _write(
    config: Stage3Config, estimator: str | None, frame: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> list[str]:
    """Write figures and tables; their names, relative to the folder. Estimator, where somebody says whose they are, and
    preset are in the name: a folder may hold those of several.
    """
    config.figures.mkdir(parents=True, exist_ok=True)
    start = _start(config, estimator)
    written = []
    counts = row_counts(frame, [title for title in tables if title != "age_range"])
    labels = stated_in(config.metadatasets, config.dataset, "predictions").get("labels")
    named = [estimator + seen_mark(config.dataset, estimator, labels)] if estimator else []
    source = ", ".join([config.dataset, *named, f"preset {config.preset}"])
    source += "; ages are ranges: error 0 inside, else distance from the nearer end" if "age_as_range" in counts else ""
    for title, table in tables.items():
        stem = file_stem(title)
        for name, measure in DISTRIBUTIONS.items() if title != "age_range" else ():
            figure = distributions_by_age_range(frame, measure, feature_column(title), source)
            written.append(save_figure(figure, config.figures, f"{start}_{name}_by_{stem}").name)
        table = table.rename(columns=feature_title)  # as in the notebooks' tables
        written.append(_write_table(table, config.figures / f"{start}_errors_by_{stem}.csv"))
    counts = pd.DataFrame(counts.items(), columns=["what", "rows"])
    written.append(_write_table(counts, config.figures / f"{start}_rows.csv"))
    return written


def _start(config: Stage3Config, estimator: str | None) -> str:
    return "_".join([config.dataset, *([file_stem(estimator)] if estimator else []), config.preset])


def _write_table(table: pd.DataFrame, path: Path) -> str:
    """Write a table as CSV with four decimals, empty where NaN; its name."""
    write_atomically(path, csv_text(table, "%.4f").encode())
    return path.name


def _summary(
    config: Stage3Config, results: Results, frame: pd.DataFrame, tables: dict[str, pd.DataFrame], disagree: int
) -> list[str]:
    """The report without the files."""
    counts = row_counts(frame, [title for title in tables if title != "age_range"])
    lines = [f"{config.dataset}, preset {config.preset}: {counts['images']} images read, {counts['used']} used."]
    lines += [f"  {counts[reason]} {words}" for reason, words in _REASONS.items() if counts.get(reason)]
    without = {title: counts[f"no_{feature_column(title)}"] for title in tables if title != "age_range"}
    lines += [f"  {count} without a {title}: not in the groups by {title}" for title, count in without.items() if count]
    ranges = _used(frame)["age_range"].value_counts(sort=False)
    if empty := list(ranges.index[ranges == 0]) if ranges.any() else []:
        lines.append(f"  no face with a real age in {', '.join(empty)}: empty in figures and tables")
    if "age_range" in tables and results.holds("predictions") and (hint := hint_of_groups(results.labels)):
        lines.append(f"  {hint}")
    there = [path.name for path in files_there(config.metadatasets, config.dataset)]
    if results.provenance and results.holds("predictions"):
        lines += _not_among(results, frame)
    if not there:
        lines.append("  read from the predictions, for there are no activations: where explanations lie is not known")
    if len(there) > 1:
        lines.append(f"  read from {there[0]}; not from {', '.join(there[1:])}, which is there as well")
    repeated = int(frame["fname"].dropna().duplicated().sum())
    if repeated:
        lines.append(f"  {repeated} repeat the file name of an earlier row: counted like any other")
    if "cluster" in frame:
        lines.append(f"  {_copies_in_words(frame)}")
    if disagree:
        what = "drawn as stored" if config.preset == "published" else "computed anew"
        lines.append(f"  {disagree} store an accuracy other than (100 - |estimate - age|) / 100: {what}")
    everyone = next(iter(tables.values())).drop_duplicates("measure", keep="last").set_index("measure")
    lines += [_mean_in_words(measure, everyone.loc[measure.key]) for measure in (MAE, SIGNED_ERROR)]
    labels = stated_in(config.metadatasets, config.dataset, "predictions").get("labels")
    lines += filter(None, [label_origin(config.dataset, _estimator(config) or "", labels)])
    for title, table in tables.items():
        columns = list(dict.fromkeys(["age_range", feature_column(title)]))
        groups = table[(table[columns] != ALL).all(axis=1)].drop_duplicates(columns)
        sizes = groups.loc[groups["n"] > 0, "n"]
        of_groups = f"{counted(len(sizes), 'group')} {'has' if len(sizes) == 1 else 'have'}"
        lines.append(f"By {title}: {(sizes < FEW_FACES).sum()} of {of_groups} fewer than {FEW_FACES} faces.")
    return lines


def _not_among(results: Results, frame: pd.DataFrame) -> list[str]:
    """What the predictions know beside the rows: whom nobody estimated, and who is not explained."""
    lost = lost_faces(results.document).iloc[0]
    others = len(results.document["predictions"].keys() - set(frame["fname"]))
    lines = [f"  {others} estimated but not among these, for only explained faces with landmarks are"] if others else []
    if lost["lost"]:
        lines.append(f"  {lost['lost']} of {lost['images']} images failed before ({lost['reasons']}): not among these")
    return lines


def _copies_in_words(frame: pd.DataFrame) -> str:
    """How many faces are copies, and of how many nothing says so."""
    sizes = _used(frame).groupby("cluster").size()
    several, unknown = sizes[sizes > 1], int((sizes.index < 0).sum())
    words = f"{several.sum()} are copies of each other, in {len(several)} clusters: intervals draw clusters, not faces"
    return f"{words}; {unknown} were not measured by age-audit dataset, and count alone" if unknown else words


def _mean_in_words(measure: Measure, row: pd.Series) -> str:
    """The mean of a table row with its interval, or that there is none."""
    words = measure.name.capitalize()
    if not row["n"]:
        return f"{words}: no faces."
    if np.isnan(row["low"]):
        return f"{words}: {row['value']:.2f} years, too few faces for an interval."
    interval = f"{RESAMPLING.confidence:.0%} interval {row['low']:.2f} to {row['high']:.2f}"
    return f"{words}: {row['value']:.2f} years, {interval}."
