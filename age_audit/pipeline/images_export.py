"""What ``age-audit dataset`` writes: a row a picture, mean histograms, sets that keep copies together, composition."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from age_audit.audit.dataset.description import ChannelSums, mean_channels
from age_audit.audit.dataset.duplicates import clusters_of_copies
from age_audit.audit.dataset.representation import beside_population
from age_audit.audit.dataset.splits import splits
from age_audit.core.groups import ALL, compared_by
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.vocabulary import REQUIRED_COLUMNS
from age_audit.data.frames import completed_frame, grouped
from age_audit.data.image_measures import OF_FACE, OF_PICTURE, is_number, once_each
from age_audit.data.metadatasets import some_of, write_metadataset
from age_audit.data.region_scores import format_for, write_rows
from age_audit.faces.fingerprints import SIDE
from age_audit.figures.style import counted
from age_audit.pipeline import steps
from age_audit.pipeline.export import labels_by_name
from age_audit.pipeline.outcomes import NOT_ATTEMPTED, current_outcomes, failures
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import read_results
from age_audit.pipeline.steps import of_stage
from age_audit.store.ledger import Ledger

if TYPE_CHECKING:
    from age_audit.pipeline.dataset import DatasetConfig

STEPS = of_stage(0)
DECIMALS = 6  # of measures where they are written; a published value has as many


def export_images(config: DatasetConfig, ledger: Ledger, recipe: Recipe) -> pd.DataFrame:
    """Write the metadatasets of pictures, channels and sets.

    Every picture in the folder counts that was tried with these parameters, in this run or an earlier one.

    Returns
    -------
    DataFrame
        The rows that were written, with ``image``, the file's path in the folder of images.
    """
    images = ledger.images()
    content = {image: row.content for image, row in images.items() if row.content is not None}
    outcomes = {step: current_outcomes(ledger, recipe, content, step) for step in STEPS}
    # Whatever is known counts, also of a step that this run leaves out; one that never ran is no failure.
    failed = failures(ledger, recipe, images, content, [step for step in STEPS if outcomes[step]])
    failed = {image: reason for image, reason in failed.items() if not reason.endswith(NOT_ATTEMPTED)}
    tried = failed.keys() | {image for found in outcomes.values() for image in found}
    found: dict[str, dict] = {image: {} for image in images}
    for step in STEPS:
        for image, facts in read_results(ledger, recipe, step, outcomes[step]):
            found[image] |= facts
    clusters, labels = _clusters(found), _labels(ledger)
    in_order = sorted(tried, key=lambda image: (images[image].fname, image))
    rows = [
        {"fname": images[image].fname}
        | labels[image]
        | {name: _rounded(found[image].get(name)) for name in (*OF_PICTURE, *OF_FACE)}
        | {"cluster": clusters.get(image), "reason": failed.get(image)}
        for image in in_order
    ]
    counts = {"images": len(rows), "failed": dict(sorted(Counter(failed.values()).items()))}
    made = {"dataset": config.dataset, "labels": ledger.labels_from(), "images": some_of(ledger.contents())}
    made |= {"measured": {step: steps.STEPS[step].parameters(recipe) for step in STEPS}, "counts": counts}
    form = format_for(config.format, len(rows))
    write_rows(config.metadatasets, config.dataset, "images", rows, form, made, is_number)
    frame = _frame(config, rows).assign(image=in_order)
    features = compared_by(frame, config.sensitive)
    channels = [found[image].get("channels") for image in in_order]
    write_metadataset(config.metadatasets, config.dataset, "channels", _channel_rows(frame, channels, features), made)
    dealt = splits(frame[frame["cluster"].notna()], ["age_range", *features], seed=config.seed)
    write_metadataset(config.metadatasets, config.dataset, "splits", dealt, made | {"seed": config.seed})
    return frame


def _labels(ledger: Ledger) -> dict[str, dict]:
    """The labels of each picture by its path: two of one name may have two."""
    return labels_by_name([replace(row, fname=image) for image, row in ledger.images().items()])


def check_population(config: DatasetConfig, ledger: Ledger, population: pd.DataFrame) -> None:
    """Refuse one whose labels or groups are not those of the images, as :func:`beside_population` does."""
    rows = [{"fname": image} | label for image, label in _labels(ledger).items()]
    beside_population(_frame(config, rows), population)


def export_composition(config: DatasetConfig, written: pd.DataFrame, population: pd.DataFrame) -> str:
    """Write the composition of the pictures beside a population's; returns what it says, a sentence a line.

    Parameters
    ----------
    config : DatasetConfig
        With the file of the population.
    written : DataFrame
        From :func:`export_images`; pictures of one name count once.
    population : DataFrame
        From :func:`age_audit.data.population.read_population`.
    """
    pictures = once_each(written)
    table = beside_population(pictures, population)
    rows = [{name: _rounded(finite(value)) for name, value in row.items()} for row in table.to_dict("records")]
    made = {
        "population": hashlib.sha256(config.population.read_bytes()).hexdigest(),
        "counts": {"images": len(pictures)},
    }
    write_metadataset(config.metadatasets, config.dataset, "population", rows, {"dataset": config.dataset} | made)
    return _composition_in_words(config.population.name, table, len(pictures))


def _composition_in_words(name: str, table: pd.DataFrame, pictures: int) -> str:
    """How many cells differ from the population, and of which pictures most are wanting or too many."""
    inside = int(table["images"].sum())
    differing = table[table["differs"]].assign(apart=table["share"] - table["expected"])
    lines = [
        f"Beside {name}: the share of these pictures is not the population's in {len(differing)} of "
        f"{counted(len(table), 'cell')} ({CONFIDENCE:.0%} intervals of all cells together leave that out)"
    ]
    if not inside:
        return f"Beside {name}: none of these {counted(pictures, 'picture')} is in a cell of that population"
    for what, place in (("most wanting", differing["apart"].argmin), ("most too many", differing["apart"].argmax)):
        row = differing.iloc[place()] if len(differing) else None
        if row is not None and (row["apart"] < 0) == (what == "most wanting"):
            found = f"{row['share']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
            lines.append(f"  {what}: {_cell_name(row)}, {found} where the population has {row['expected']:.1%}")
    if pictures > inside:
        lines.append(
            f"  {counted(pictures - inside, 'picture')} in no cell, for want of a label or an age that one holds"
        )
    return "\n".join(lines).replace("%", " %")


def _cell_name(row: pd.Series) -> str:
    labels = [str(row[name]) for name in row.index[: row.index.get_loc("images")] if name not in ("age_from", "age_to")]
    low, high = row["age_from"], row["age_to"]
    ages = (
        [f"from {low:g} years on" if np.isnan(high) else f"{low:g}–{high:g} years"] if low or not np.isnan(high) else []
    )
    return " / ".join([*labels, *ages]) or "everyone"


def _frame(config: DatasetConfig, rows: list[dict]) -> pd.DataFrame:
    columns = dict.fromkeys([*REQUIRED_COLUMNS, *(rows[0] if rows else ())])
    frame = completed_frame(pd.DataFrame([columns | row for row in rows], dtype=object))
    return grouped(frame, config.sensitive, config.stage1.ranges)


def _channel_rows(frame: pd.DataFrame, channels: list[str | None], features: list[str]) -> list[dict]:
    """Mean histograms of the channels, of all pictures and of each group: 768 rows each."""
    sums: dict[tuple[str, str], ChannelSums] = {}
    for labels, packed in zip(frame[features].itertuples(index=False), channels, strict=True):
        if packed is None:
            continue
        counts = np.frombuffer(unpacked(packed), dtype="<u4").reshape(3, 256)
        shares = counts / counts[0].sum()
        one = ChannelSums(1, shares, shares**2)
        known = [(name, str(label)) for name, label in zip(features, labels, strict=True) if pd.notna(label)]
        for key in [("", ALL), *known]:
            sums[key] = sums[key] + one if key in sums else one
    tables = [mean_channels({group: sums[feature, group]}).assign(feature=feature) for feature, group in sorted(sums)]
    rows = pd.concat(tables).to_dict("records") if tables else []
    return [
        {"feature": row.pop("feature")} | {name: _rounded(finite(value)) for name, value in row.items()} for row in rows
    ]


def _clusters(found: Mapping[str, Mapping]) -> dict[str, int]:
    """The number of each picture's cluster of copies, from 0 in order of name."""
    images = [image for image in sorted(found) if "details" in found[image]]
    if not images:
        return {}
    pixels, dhash, phash = ([found[image][name] for image in images] for name in ("pixels", "dhash", "phash"))
    details = np.frombuffer(b"".join(unpacked(found[image]["details"]) for image in images), dtype=np.int8)
    hashes = (np.array([int(text, 16) for text in texts], dtype=np.uint64) for texts in (dhash, phash))
    clusters = clusters_of_copies(pixels, *hashes, details.reshape(-1, SIDE, SIDE))
    return dict(zip(images, clusters.tolist(), strict=True))


def finite(value):
    return None if isinstance(value, float) and not np.isfinite(value) else value


def packed(array: np.ndarray) -> str:
    """The bytes of an array as text."""
    return base64.b85encode(zlib.compress(array.tobytes())).decode()


def unpacked(text: str) -> bytes:
    """What :func:`packed` packed."""
    return zlib.decompress(base64.b85decode(text))


def _rounded(value):
    return round(value, DECIMALS) if isinstance(value, float) else value
