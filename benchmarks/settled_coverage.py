"""How often the audit's intervals cover converged weights, and how often signs are right.

    python -m benchmarks.settled_coverage --images utkface/img --faces 12 --estimator cydral-resnet10

For each face the segmentation is held fixed; the reference is the mean weight over many independent balanced designs
(``--designs`` times 256 masked faces). Each of those designs also gives an interval: its coverage of the reference is
what a nominal 95 % promises. The published way of sampling (random, hidden in black, 100 samples) is measured against
its own converged reference beside it. Prints a JSON document.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from age_audit.core.config import PRESETS
from age_audit.core.errors import ImageFailure
from age_audit.data.images import draw_evenly, list_images
from age_audit.data.label_formats import LabelSource
from age_audit.estimators import load_estimator
from age_audit.estimators.masked import MaskedFaces
from age_audit.explain.design import balanced_design, random_design
from age_audit.explain.regression import fit_local_model, foldover_intervals
from age_audit.explain.superpixels import hidden_image, segment
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.detection import crop_face

SETTINGS = PRESETS["audit"]


def weights_of(shown, targets):
    return fit_local_model(shown, targets, SETTINGS.kernel_width, SETTINGS.ridge_alpha)


def expected_ages(estimator, face, image, hidden, segments, shown) -> np.ndarray:
    estimator = estimator.bind(face) if hasattr(estimator, "bind") else estimator
    return estimator.predict_masked(MaskedFaces(image, hidden, segments, shown)).age


def examine(estimator, face: np.ndarray, designs: int, seed: int) -> dict:
    """Coverage and sign errors on one face."""
    segments = segment(face, SETTINGS.kernel_size, SETTINGS.max_dist, SETTINGS.ratio, 0)
    superpixels = int(segments.max()) + 1
    hidden = hidden_image(face, segments, SETTINGS.hidden)
    generator = np.random.default_rng(seed)
    weights, intervals = [], []
    for _ in range(designs):
        shown = balanced_design(superpixels, SETTINGS.num_samples, generator)
        targets = expected_ages(estimator, face, face, hidden, segments, shown)
        model = weights_of(shown, targets)
        weights.append(model.weights)
        intervals.append(
            foldover_intervals(shown, targets, model, SETTINGS.kernel_width, SETTINGS.ridge_alpha, SETTINGS.confidence)
        )
    weights, intervals = np.array(weights), np.array(intervals)
    # Each design is judged by the mean of the others, or it would pull the reference to itself.
    reference = (weights.sum(axis=0) - weights) / (designs - 1)
    covered = (intervals[..., 0] <= reference) & (reference <= intervals[..., 1])
    settled = (intervals[..., 0] > 0) | (intervals[..., 1] < 0)
    wrong = np.sign(weights) != np.sign(reference)
    published = _published_signs(estimator, face, segments, designs, seed)
    return {
        "superpixels": superpixels,
        "coverage": float(covered.mean()),
        "settled": float(settled.mean()),
        "signs_wrong": float(wrong.mean()),
        "signs_wrong_among_settled": float(wrong[settled].mean()) if settled.any() else None,
        "correlation": float(np.mean([np.corrcoef(w, r)[0, 1] for w, r in zip(weights, reference, strict=True)])),
        **published,
    }


def _published_signs(estimator, face, segments, designs, seed) -> dict:
    """100 random samples hidden in black against all the other random samples together; the target is the same."""
    superpixels = int(segments.max()) + 1
    hidden = hidden_image(face, segments, "black")
    state = np.random.RandomState(seed)
    draws = [random_design(superpixels, 100, state) for _ in range(designs * 5 // 2)]
    targets = [expected_ages(estimator, face, face, hidden, segments, shown) for shown in draws]
    weights = np.array([weights_of(s, t).weights for s, t in zip(draws, targets, strict=True)])
    half = len(draws) // 2
    reference = weights_of(np.concatenate(draws[half:]), np.concatenate(targets[half:])).weights
    return {
        "random_black_signs_wrong": float((np.sign(weights[:half]) != np.sign(reference)).mean()),
        "random_black_correlation": float(np.mean([np.corrcoef(w, reference)[0, 1] for w in weights[:half]])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of UTKFace images")
    parser.add_argument("--faces", type=int, default=12, help="faces to examine (default: %(default)s)")
    parser.add_argument("--designs", type=int, default=32, help="independent designs a face (default: %(default)s)")
    parser.add_argument("--estimator", default="cydral-resnet10", help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="(default: %(default)s)")
    arguments = parser.parse_args()
    estimator = load_estimator(arguments.estimator)
    files = {file.image: file for file in list_images(arguments.images)}
    labels = LabelSource("utkface")
    drawn = draw_evenly({i: labels.label(f.fname) for i, f in files.items()}, arguments.faces, arguments.seed)
    results = []
    for image in tqdm(drawn, unit="face"):
        try:
            face = crop_face(decode_image(read_bytes(files[image].path))[0]).image
        except ImageFailure:
            continue
        results.append(examine(estimator, face, arguments.designs, arguments.seed))
    names = [name for name in results[0] if all(result[name] is not None for result in results)]
    mean = {name: round(float(np.mean([result[name] for result in results])), 4) for name in names}
    print(json.dumps({"arguments": {k: str(v) for k, v in vars(arguments).items() if k != "images"}, "mean": mean}))


if __name__ == "__main__":
    main()
