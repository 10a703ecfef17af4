"""What bfloat16 changes: ages, masks and region scores of an estimator against float32, in both presets.

``python -m benchmarks.precision --images FOLDER --faces 12`` takes about half a minute a face on two cores for dex-wrn,
five seconds with ``--estimator faceres``, and replaces the estimator's entry in benchmarks/precision.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from age_audit.core.config import PRECISIONS, PRESETS
from age_audit.core.errors import ImageFailure
from age_audit.estimators import load_estimator
from age_audit.estimators.base import BATCH
from age_audit.explain import LimeExplainer
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.regions.scores import score_regions
from benchmarks.faces import crops


def compare(name: str, face: np.ndarray) -> dict:
    """One face in both precisions."""
    estimators = [load_estimator(name, precision) for precision in PRECISIONS]
    same = np.repeat(face[None], BATCH, axis=0)
    ages = [estimator.predict(same).age[0] for estimator in estimators]
    found: dict = {"age_years": abs(ages[1] - ages[0]), "times_as_fast": _took(estimators[0], same)}
    found["times_as_fast"] /= _took(estimators[1], same)
    try:
        landmarks = landmarks_on_crop(face)[0]
    except ImageFailure:
        landmarks = None
    for preset in PRESETS:
        exact, rough = (LimeExplainer(estimator, preset).explain(face) for estimator in estimators)
        change = {
            "same_target": exact.target == rough.target,
            "positive_pixels_changed": float((exact.positive_mask != rough.positive_mask).mean()),
            "negative_pixels_changed": float((exact.negative_mask != rough.negative_mask).mean()),
        }
        if np.ptp(exact.weights) and np.ptp(rough.weights):  # equal ones, as the study's may be, rank nothing
            change["weights_r"] = float(np.corrcoef(exact.weights, rough.weights)[0, 1])
        if landmarks is not None:
            scores = [score_regions(explained.positive_mask, landmarks) for explained in (exact, rough)]
            moved = [abs(scores[1][name] - scores[0][name]) for name in scores[0]]
            change |= {"region_score_moved_mean": float(np.mean(moved)), "region_score_moved_max": max(moved)}
        found[preset] = change
    return found


def _took(estimator, faces: np.ndarray) -> float:
    """Core-seconds of its passes, which it has made once before."""
    start = time.process_time()
    estimator.predict(faces)
    return time.process_time() - start


def summary(faces: list[dict]) -> dict:
    """Mean and maximum over faces of everything compared."""
    told = {"faces": len(faces)}
    told |= {name: _spread([face[name] for face in faces]) for name in ("age_years", "times_as_fast")}
    for preset in PRESETS:
        names = sorted({name for face in faces for name in face[preset]})
        told[preset] = {name: _spread([face[preset][name] for face in faces if name in face[preset]]) for name in names}
    return told


def _spread(values: list[float]) -> dict:
    numbers = np.asarray(values, dtype=float)
    told = {"mean": numbers.mean(), "min": numbers.min(), "max": numbers.max()}
    return {name: float(f"{value:.4g}") for name, value in told.items()}


def main() -> int:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder of UTKFace images (default: two portraits)")
    parser.add_argument("--faces", type=int, default=12)
    parser.add_argument("--estimator", default="dex-wrn", help="one that has bfloat16 (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    faces = tqdm(crops(arguments.images, arguments.faces), desc="precision", unit="face")
    found = summary([compare(arguments.estimator, face) for face in faces])
    told = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    arguments.out.write_text(json.dumps(told | {arguments.estimator: found}, indent=1, sort_keys=True) + "\n")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
