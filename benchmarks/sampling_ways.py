"""How near 256 balanced samples come to converged weights, beside random samples and the published way.

    python -m benchmarks.sampling_ways --images utkface/img --faces 24 --designs 16

For each face the segmentation is held fixed; the reference is the mean weight over many independent balanced designs
(``--designs`` times 256 masked faces). Beside it: random samples, hidden in the same mean colour, against that
reference; the published way (100 random samples, hidden in black) against its own converged reference; and the two
references against each other. The balanced designs are Sylvester's. Replaces the estimator's row in
``sampling_ways.json``, which docs/method.md quotes, after every face. How far settled superpixels can be trusted is
asked by ``benchmarks.settled_coverage``.
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
from age_audit.explain.superpixels import hidden_image, segment
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.detection import crop_face
from benchmarks.settled_coverage import SAMPLES, weights_of

SETTINGS = PRESETS["audit"]
RANDOM_SIZES = (256, 1000)
OUT = Path(__file__).with_suffix(".json")


def expected_ages(estimator, face, image, hidden, segments, shown) -> np.ndarray:
    estimator = estimator.bind(face) if hasattr(estimator, "bind") else estimator
    return estimator.predict_masked(MaskedFaces(image, hidden, segments, shown)).age


def examine(estimator, face: np.ndarray, designs: int, seed: int) -> dict:
    """Correlations and wrong signs on one face."""
    segments = segment(face, SETTINGS.kernel_size, SETTINGS.max_dist, SETTINGS.ratio)
    superpixels = int(segments.max()) + 1
    hidden = hidden_image(face, segments, SETTINGS.hidden)
    generator = np.random.default_rng(seed)
    asked = [balanced_design(superpixels, SAMPLES, generator) for _ in range(designs)]
    targets = [expected_ages(estimator, face, face, hidden, segments, shown) for shown in asked]
    weights = np.array([weights_of(*pair).weights for pair in zip(asked, targets, strict=True)])
    # Each design is judged by the mean of the others, or it would pull the reference to itself.
    reference = (weights.sum(axis=0) - weights) / (designs - 1)
    repeats = max(1, designs // 4)  # of what is only compared: means over faces are what counts
    return {
        "superpixels": superpixels,
        "r_balanced": _mean_r(weights, reference),
        **_random(estimator, face, segments, hidden, weights.mean(axis=0), repeats, generator),
        **_published(estimator, face, segments, weights.mean(axis=0), repeats, generator),
    }


def _mean_r(weights: np.ndarray, references: np.ndarray) -> float:
    """Mean correlation of each row with its reference, or with the one reference of all."""
    pairs = zip(weights, np.broadcast_to(references, weights.shape), strict=True)
    return float(np.mean([np.corrcoef(pair)[0, 1] for pair in pairs]))


def _random(estimator, face, segments, hidden, reference, repeats, generator) -> dict:
    """Random samples of several sizes, hidden in the mean colour."""
    found = {}
    for size in RANDOM_SIZES:
        count = max(1, repeats * RANDOM_SIZES[0] // size)
        weights = [_drawn(estimator, face, segments, hidden, size, generator) for _ in range(count)]
        found[f"r_random_{size}"] = _mean_r(np.array(weights), reference)
    return found


def _drawn(estimator, face, segments, hidden, size, generator) -> np.ndarray:
    """Weights from so many random samples."""
    shown = random_design(int(segments.max()) + 1, size, np.random.RandomState(generator.integers(2**31)))
    return weights_of(shown, expected_ages(estimator, face, face, hidden, segments, shown)).weights


def _published(estimator, face, segments, reference, repeats, generator) -> dict:
    """100 random samples hidden in black against balanced designs hidden in black; the target is the same."""
    superpixels = int(segments.max()) + 1
    hidden = hidden_image(face, segments, "black")
    designs = [balanced_design(superpixels, SAMPLES, generator) for _ in range(repeats)]
    targets = [expected_ages(estimator, face, face, hidden, segments, shown) for shown in designs]
    in_black = weights_of(np.concatenate(designs), np.concatenate(targets)).weights
    weights = np.array([_drawn(estimator, face, segments, hidden, 100, generator) for _ in range(repeats)])
    return {
        "signs_wrong_in_black_100": (np.sign(weights) != np.sign(in_black)).mean(),
        "r_in_black_100": _mean_r(weights, in_black),
        "r_black_to_mean_colour": float(np.corrcoef(in_black, reference)[0, 1]),
    }


def in_one_row(faces: list[dict]) -> dict:
    """Each figure's mean over the faces, its lowest and its highest."""
    row = {}
    for name in faces[0]:
        values = np.array([face[name] for face in faces], dtype=float)
        row |= {name: np.nanmean(values), f"{name}_low": np.nanmin(values), f"{name}_high": np.nanmax(values)}
    return {name: round(float(value), 4) for name, value in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of UTKFace images")
    parser.add_argument("--faces", type=int, default=24, help="faces to examine (default: %(default)s)")
    parser.add_argument("--designs", type=int, default=16, help="independent designs a face (default: %(default)s)")
    parser.add_argument("--estimator", default="cydral-resnet10", help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file whose row is replaced (default: beside this file)")
    arguments = parser.parse_args()
    estimator = load_estimator(arguments.estimator)
    files = {file.image: file for file in list_images(arguments.images)}
    labels = LabelSource("utkface")
    drawn = draw_evenly({i: labels.label(f.fname) for i, f in files.items()}, arguments.faces, arguments.seed)
    rows = {row["estimator"]: row for row in json.loads(arguments.out.read_text())} if arguments.out.exists() else {}
    found = []
    for image in tqdm(drawn, unit="face"):
        try:
            face = crop_face(decode_image(read_bytes(files[image].path))[0]).image
        except ImageFailure:
            continue
        found.append(examine(estimator, face, arguments.designs, arguments.seed))
        asked = {"estimator": arguments.estimator, "faces": len(found), "designs": arguments.designs}
        rows[arguments.estimator] = asked | {"seed": arguments.seed} | in_one_row(found)
        arguments.out.write_text(json.dumps([rows[name] for name in sorted(rows)], indent=1) + "\n")
    print(json.dumps(rows[arguments.estimator], indent=1))


if __name__ == "__main__":
    main()
