"""How many forward passes the audit's explanations need to come near their converged weights, and how many lime's do.

    python -m benchmarks.passes --images utkface/img --faces 20

All explain the same faces, 0-255, with the same superpixels. *audit*: the expected age, hidden in mean colours, on
designs as the preset draws them. *lime*: as the package does it, hidden in black, on random designs, the probability of
the top class. *lime, age*: the same, asked for the expected age. The reference of each is the weights of many more
passes of its own kind, none of which are judged. Of each number of passes the mean correlation with the reference is
over faces and repeats; where it reaches 0.95 is interpolated in the logarithm of the passes.
Writes ``passes.json``, which docs/scaling.md quotes; ways that ``--ways`` leaves out stay there as they were.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from age_audit.core.config import PRESETS
from age_audit.core.randomness import stream
from age_audit.estimators import load_estimator
from age_audit.estimators.masked import MaskedFaces
from age_audit.explain.design import random_design
from age_audit.explain.superpixels import hidden_image, masked_targets, segment
from benchmarks.faces import crops
from benchmarks.settled_coverage import DESIGNS, weights_of

SETTINGS = PRESETS["audit"]
GOAL = 0.95
_RANDOM = (256, 512, 1024, 2048, 4096)
# Paley's matrices have so many rows, and no other number between; of up to 34 superpixels the least is 136.
SIZES = {"audit": (136, 256, 360, 528, 1048), "lime": _RANDOM, "lime, age": _RANDOM}
REFERENCE, REPEATS = 8192, 4
OUT = Path(__file__).with_suffix(".json")


def correlations(estimator, face: np.ndarray, way: str, generator: np.random.Generator) -> dict[int, float]:
    """Mean correlation with the converged weights of one face, by number of passes."""
    segments = segment(face, SETTINGS.kernel_size, SETTINGS.max_dist, SETTINGS.ratio)
    superpixels = int(segments.max()) + 1
    hidden = hidden_image(face, segments, SETTINGS.hidden if way == "audit" else "black")

    def rows(count: int) -> np.ndarray:
        if way == "audit":
            return DESIGNS[SETTINGS.design](superpixels, count, generator)
        return random_design(superpixels, count, np.random.RandomState(generator.integers(2**31)))

    def weights(shown: np.ndarray) -> np.ndarray:
        masked = MaskedFaces(face, hidden, segments, shown)
        targets, _ = masked_targets(estimator, face, masked, "top-class" if way == "lime" else "expected-age")
        return weights_of(shown, targets).weights

    largest = SIZES["audit"][-1]  # a design of all at once would do, but Hadamard matrices grow with its square
    parts = [rows(largest) for _ in range(-(-REFERENCE // largest))] if way == "audit" else [rows(REFERENCE)]
    reference = np.mean([weights(part) for part in parts], axis=0)
    return {
        size: float(np.mean([np.corrcoef(weights(rows(size)), reference)[0, 1] for _ in range(REPEATS)]))
        for size in SIZES[way]
        if way != "audit" or size >= 4 * superpixels  # the design raises fewer rows to so many
    }


def reached(means: dict[int, float]) -> float:
    """The passes at which the goal is met, NaN where it is beyond the sizes tried."""
    sizes, values = np.log2(list(means)), np.array(list(means.values()))
    if values.max() < GOAL or values.min() > GOAL:
        return float("nan")
    return float(2 ** np.interp(GOAL, np.maximum.accumulate(values), sizes))


def summary(means: dict[str, dict[int, float]], said: dict) -> list[dict]:
    """One row a way. Where one does not reach the goal with the most passes tried, ``passes`` is these, ``reached`` is
    False, and the share of its passes that another needs is at most what stands there.
    """
    rows = []
    for way, by_size in means.items():
        passes = reached(by_size)
        rows.append(said | {"way": way, "reached": not np.isnan(passes)})
        rows[-1]["passes"] = round(max(by_size) if np.isnan(passes) else passes, 1)
        rows[-1] |= {f"r_{size}": round(r, 4) for size, r in by_size.items()}
    for row in rows:
        for other in rows[1:]:
            row["of_" + other["way"].replace(", ", "_")] = round(row["passes"] / other["passes"], 4)
    return rows


def kept(out: Path, said: dict) -> dict[str, dict[int, float]]:
    """By way and size what was measured before of the same estimator and as many faces."""
    rows = json.loads(out.read_text()) if out.exists() else []
    return {
        row["way"]: {int(name[2:]): r for name, r in row.items() if name.startswith("r_")}
        for row in rows
        if all(row[name] == value for name, value in said.items())
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of UTKFace images (default: two portraits)")
    parser.add_argument("--faces", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--estimator", default="cydral-resnet10", help="(default: %(default)s)")
    parser.add_argument("--ways", nargs="+", choices=SIZES, default=list(SIZES), help="(default: all)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    estimator, faces = load_estimator(arguments.estimator), crops(arguments.images, arguments.faces)
    said = {"estimator": arguments.estimator, "faces": len(faces)}
    means = kept(arguments.out, said)
    for way in arguments.ways:
        generator = stream(42, f"passes, {way}")
        found = [correlations(estimator, face, way, generator) for face in tqdm(faces, way, unit="face")]
        means[way] = {size: float(np.mean([r[size] for r in found if size in r])) for size in SIZES[way]}
    rows = summary({way: means[way] for way in SIZES if way in means}, said)
    print(*rows, sep="\n")
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
