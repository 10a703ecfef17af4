"""Describe what a run explained: the tables of docs/results.md, as Markdown.

    python -m tools.describe_attributions --output utkface --preset audit --precision bfloat16

reads the ledger that stage 1 left below ``--output`` (weights and intervals of superpixels are nowhere else) and the
activations in ``--metadatasets``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.core.config import Stage1Config
from age_audit.core.schema import Attribution
from age_audit.data.metadatasets import read_metadataset
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import read_results
from age_audit.store.ledger import Ledger

# What the documents call an area, and the regions that make it up: shares of the mask add up, coverages are averaged.
AREAS = {
    "nose": ["nose"],
    "eyes (left + right, without inner)": ["eye_l", "eye_r"],
    "cheeks (left + right)": ["cheek_l", "cheek_r"],
    "mouth": ["mouth_inner"],
    "chin": ["chin"],
    "above the brows": ["top"],
    "left and right of the face": ["left", "right"],
    "below the face": ["bottom"],
}


def weights_table(attributions: Iterable[Attribution]) -> pd.Series:
    """Numbers about superpixels and masks.

    Parameters
    ----------
    attributions : iterable of Attribution
        One a face, at least one; weights in years, or in probability.

    Returns
    -------
    Series of float
        By what is counted. What is not asked of such attributions (settled, intervals) is NaN.
    """
    faces = []
    for found in attributions:
        size = np.abs(found.weights)
        row = {"superpixels": size.size, "weight": np.median(size), "largest": size.max()}
        row |= {f"above_{years}": (size > years).sum() for years in (1, 2, 5)}
        row |= {"positive": found.positive_mask.mean(), "negative": found.negative_mask.mean(), "widths": []}
        if found.settled is not None and found.interval is not None:
            row |= {"settled": found.settled, "large": size > np.median(size)}
            row["widths"] = np.ptp(found.interval, axis=-1) / 2
        faces.append(row)
    frame = pd.DataFrame(faces)
    told = pd.Series({"faces": len(frame), "superpixels a face, median": frame["superpixels"].median()})
    told["superpixels a face, least"], told["superpixels a face, most"] = frame["superpixels"].agg(["min", "max"])
    told["weight of a superpixel, median over faces of the median"] = frame["weight"].median()
    told["largest weight of a face, median"] = frame["largest"].median()
    for years in (1, 2, 5):
        told[f"superpixels a face above {years}, mean"] = frame[f"above_{years}"].mean()
    asked = "settled" in frame
    settled = np.concatenate(frame["settled"].to_list()) if asked else np.array([np.nan])
    large = np.concatenate(frame["large"].to_list()) if asked else np.array([True])
    told["settled, share of superpixels"] = settled.mean()
    told["settled, of those above the median weight of their face"] = settled[large].mean()
    told["settled, of the others"] = settled[~large].mean() if asked else np.nan
    told["half width of a weight's interval, median"] = np.median(np.concatenate(frame["widths"])) if asked else np.nan
    told["area positive, mean"], told["area negative, mean"] = frame["positive"].mean(), frame["negative"].mean()
    told["area unsettled, mean"] = 1 - frame["positive"].mean() - frame["negative"].mean()
    told["faces without a positive pixel"] = (frame["positive"] == 0).sum()
    return told.astype(float)


def areas_table(rows: Sequence[dict]) -> pd.DataFrame:
    """Mean region scores of an activations metadataset, by area of the face.

    Parameters
    ----------
    rows : sequence of dict
        As stage 2 writes them.

    Returns
    -------
    DataFrame
        A row an area: ``from_all`` (share of the positive pixels, mean over the faces that have any) and
        ``pct_of_feature`` (share of the area's regions that is positive), both 0 to 1.
    """
    frame = pd.DataFrame(list(rows))
    table = {}
    for area, regions in AREAS.items():
        shares, covered = (
            frame[[f"activation_{region}_{kind}" for region in regions]].astype(float)
            for kind in ("from_all", "pct_of_feature")
        )
        table[area] = {"from_all": shares.sum(axis=1, skipna=False).mean(), "pct_of_feature": covered.mean().mean()}
    return pd.DataFrame(table).T


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables; returns the exit code."""
    defaults = Stage1Config()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(defaults.output), help="folder with the ledger")
    parser.add_argument("--metadatasets", type=Path, default=Path(defaults.metadatasets))
    for name in ("dataset", "estimator", "preset", "precision"):
        parser.add_argument(f"--{name}", default=getattr(defaults, name))
    given = parser.parse_args(argv)
    rows = read_metadataset(given.metadatasets, given.dataset, "activations")
    explained = {row["fname"] for row in rows}
    recipe = Recipe(True, given.estimator, given.precision, given.preset, defaults.seed)
    with Ledger(given.output, create=False) as ledger:
        asked = {image for image, row in ledger.images().items() if row.fname in explained}
        found = [attribution for _, attribution in read_results(ledger, recipe, "explain", asked)]
    if not found:
        wanted = recipe.variant("explain")
        parser.exit(2, f"error: expected attributions of {wanted} in {given.output}; there are none\n")
    print(weights_table(found).map("{:.4g}".format).to_string())
    print()
    print(areas_table(rows).map("{:.1%}".format).to_string())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
