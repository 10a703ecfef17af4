"""How much sooner derivatives come when an estimator is traced as one graph than operation after operation.

    python -m benchmarks.gradients --images utkface/img

Both ways take the same faces in turn, in one process on one thread; seconds are of the processor, the first round of
each, which builds and traces, is told apart. Written to ``gradients.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.estimators import load_estimator
from age_audit.estimators.gradients import gradient_of
from age_audit.estimators.registry import configure_threads
from age_audit.estimators.targets import parse_target
from benchmarks.faces import crops

ESTIMATORS = ("dex-wrn", "face-api", "faceres")
FACES, ROUNDS = 8, 6
OUT = Path(__file__).with_suffix(".json")


def measured(name: str, faces: np.ndarray) -> dict:
    """Processor milliseconds a derivative of the expected age, plain and traced, and how far they lie apart."""
    estimator, target = load_estimator(name), parse_target("age")
    faces = faces.astype(np.float32)
    ways = {
        "plain": lambda: gradient_of(lambda pixels: estimator._number(estimator._graph(pixels), target), faces),
        "traced": lambda: estimator.gradients(faces, target),
    }
    seconds, found = {way: [] for way in ways}, {}
    for _ in range(1 + ROUNDS):
        for way, ask in ways.items():
            start = time.process_time()
            found[way] = ask()
            seconds[way].append(time.process_time() - start)
    ratios = np.divide(seconds["plain"][1:], seconds["traced"][1:])
    row = {"estimator": name, "faces": len(faces)}
    row |= {f"{way}_ms": round(1000 * float(np.median(took[1:])) / len(faces), 2) for way, took in seconds.items()}
    row |= {"plain_to_traced": round(float(np.median(ratios)), 2), "trace_s": round(seconds["traced"][0], 2)}
    apart = np.abs(found["plain"] - found["traced"]).max() / np.abs(found["plain"]).max()
    return row | {"largest_difference": float(f"{apart:.2g}")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of faces (default: the two that ship inside packages)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    for name in ESTIMATORS:  # before any model runs
        configure_threads(name, 1)
    faces, rows = np.stack(crops(arguments.images, FACES)), []
    for name in ESTIMATORS:
        try:
            rows.append(measured(name, faces))
            print(rows[-1], flush=True)
        except UsageError as error:
            print(f"left out: {error}")
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
