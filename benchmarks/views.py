"""How much of the crop an estimator of an npm package should be shown, and in which order of channels.

    python analysis_1_method.py --steps align,crop --output utkface
    python -m benchmarks.views utkface/img-cropped

Mean absolute errors of faces drawn by seed, with labels from UTKFace's names, for the middle of the crop in several
sizes; written to ``views.json``, which docs/method.md quotes. The view is chosen on these faces; what ships is
measured on all.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

from age_audit.data.label_formats import label_from_utkface_name
from age_audit.estimators.entries import ENTRIES
from age_audit.stats.correlations import pearson_r

OUT = Path(__file__).with_suffix(".json")
VIEWS = range(124, 225, 10)  # pixels: from the detector's box to the whole crop
ESTIMATORS = ("faceres", "face-api", "ssr-net")


def scores(estimator, faces: np.ndarray, ages: np.ndarray) -> dict:
    """Mean absolute and mean signed error (years) and Pearson's r."""
    estimates = estimator.predict(faces).age
    errors = estimates - ages
    found = {"mae": np.abs(errors).mean(), "signed": errors.mean(), "r": pearson_r(estimates, ages)}
    return {name: round(float(value), 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", type=Path, help="folder of crops with UTKFace's names")
    parser.add_argument("--count", type=int, default=400, help="faces (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="of the draw (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    labelled = {path: label_from_utkface_name(path.name).age for path in sorted(arguments.crops.iterdir())}
    paths = [path for path, age in labelled.items() if age is not None]
    chosen = np.random.default_rng(arguments.seed).choice(len(paths), min(arguments.count, len(paths)), replace=False)
    paths = [paths[place] for place in sorted(chosen)]
    faces = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    ages = np.array([labelled[path] for path in paths], dtype=float)
    rows = []
    for name in ESTIMATORS:
        module = import_module(f"age_audit.estimators.{ENTRIES[name].loader.partition(':')[0]}")
        load, shipped = getattr(module, ENTRIES[name].loader.partition(":")[2]), module.VIEW
        for view, order in [*((view, "right") for view in sorted({*VIEWS, shipped})), (shipped, "exchanged")]:
            module.VIEW = view
            found = scores(load(), faces if order == "right" else faces[..., ::-1].copy(), ages)
            rows.append({"estimator": name, "view": view, "channels": order, "faces": len(faces)} | found)
            print(rows[-1], flush=True)
        module.VIEW = shipped
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
