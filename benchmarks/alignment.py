"""How much aligning faces before the crop moves each estimate: two runs of the same estimator, face by face.

    python analysis_1_method.py --steps crop,estimate --output utkface-plain --metadatasets metadatasets/plain
    python -m benchmarks.alignment metadatasets metadatasets/plain

Of the faces that both estimate: how far the two ages of a face are apart, and the errors of either run. Replaces the
estimator's row in ``alignment.json``, which docs/results.md quotes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import made_by, read_metadataset, stated_in
from age_audit.stats.correlations import pearson_r

OUT = Path(__file__).with_suffix(".json")
LARGE = 5  # years: what a cumulative score calls off


def compared(aligned: dict, plain: dict) -> dict:
    """What two predictions metadatasets say of the faces that both estimate."""
    faces = sorted(set(aligned["predictions"]) & set(plain["predictions"]))
    ages = {name: np.array([run["predictions"][face] for face in faces]) for name, run in _runs(aligned, plain)}
    moved = ages["aligned"] - ages["plain"]
    row = {"faces": len(faces), "moved_mean": moved.mean()}
    row |= {"apart_mean": np.abs(moved).mean(), "apart_median": np.median(np.abs(moved))}
    row |= {"apart_90": np.quantile(np.abs(moved), 0.9), "apart_most": np.abs(moved).max()}
    row["apart_more_than_5"] = (np.abs(moved) > LARGE).mean()
    real = np.array([aligned["labels"][face].get("age_real", np.nan) for face in faces], dtype=float)
    for name, run in _runs(aligned, plain):
        error = (ages[name] - real)[np.isfinite(real)]
        row |= {f"{name}_estimated": len(run["predictions"]), f"{name}_lost": run["cropping"]["images_failed_detected"]}
        row |= {f"{name}_mae": np.abs(error).mean(), f"{name}_signed": error.mean()}
        row[f"{name}_r"] = pearson_r(ages[name], real)
        row |= {f"{name}_all_{key}": value for key, value in run["accuracy"].items()}
    return {name: round(float(value), 4) for name, value in row.items()}


def _runs(aligned: dict, plain: dict) -> list[tuple[str, dict]]:
    return [("aligned", aligned), ("plain", plain)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("aligned", type=Path, help="folder of metadatasets of faces aligned first")
    parser.add_argument("plain", type=Path, help="folder of metadatasets of the same faces without alignment")
    parser.add_argument("--dataset", default="utkface", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file whose row is replaced (default: beside this file)")
    arguments = parser.parse_args()
    folders = arguments.aligned, arguments.plain
    names = [made_by(stated_in(folder, arguments.dataset, "predictions"))[0] for folder in folders]
    if names[0] != names[1]:
        raise UsageError(f"expected two runs of one estimator, got {names[0]} and {names[1]}")
    runs = [read_metadataset(folder, arguments.dataset, "predictions") for folder in folders]
    rows = {row["estimator"]: row for row in json.loads(arguments.out.read_text())} if arguments.out.exists() else {}
    rows[names[0]] = {"estimator": names[0]} | compared(*runs)
    arguments.out.write_text(json.dumps([rows[name] for name in sorted(rows)], indent=1) + "\n")
    print(json.dumps(rows[names[0]], indent=1))


if __name__ == "__main__":
    main()
