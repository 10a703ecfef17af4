"""What a logistic regression on faceres' descriptors reaches, on the split of the classifiers that ship.

    python -m benchmarks.logistic_groups --faces utkface --split runs/faceres-soft-s1/split.json

The opponent that training has to beat: nothing of the network is trained, and nothing is drawn. ``--faces`` is the
output folder of stage 1, ``--split`` what ``age-audit train`` wrote. The strength of the penalty is that which is best
on the validation part. Written to ``logistic_groups.json``, which docs/training.md quotes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from age_audit.core.paths import ROOT
from age_audit.core.randomness import Resampling
from age_audit.data.label_formats import LabelSource
from age_audit.pipeline.steps import picture_path
from age_audit.store.files import read_png
from age_audit.training.comparison import difference, over_seeds, read_predictions
from age_audit.training.evaluate import predictions
from age_audit.training.groups import TEN_GROUPS, parse_groups
from age_audit.training.models import build

OUT = Path(__file__).with_suffix(".json")
SHIPPED = ROOT / "metadatasets" / "age-classifier"
PENALTIES = (0.0003, 0.001, 0.003, 0.01, 0.03)  # scikit-learn's C, the smaller the stronger
AT_ONCE = 64
SEED = 42


def descriptors(faces: Path, names: list[str]) -> np.ndarray:
    """The 1,024 numbers that faceres says of each crop and of its mirror image, float32 (2, N, 1024)."""
    model = build("faceres", len(TEN_GROUPS), seed=0).model
    trunk = keras.Model(model.input, model.get_layer("descriptor").output)
    found = []
    for start in range(0, len(names), AT_ONCE):
        crops = np.stack([read_png(picture_path(faces, "crop", name)) for name in names[start : start + AT_ONCE]])
        found.append([trunk.predict_on_batch(version.astype(np.float32)) for version in (crops, crops[:, :, ::-1])])
        print(f"{start + len(crops):,} of {len(names):,} faces", end="\r", flush=True)
    return np.concatenate(found, axis=1)


def measured(faces: Path, split: Path) -> list[dict]:
    """A row: shares of the test part with intervals, and what the best classifier that ships has more."""
    parts = json.loads(split.read_text())["splits"]
    labels, groups = LabelSource("utkface"), parse_groups(TEN_GROUPS)
    ages = {part: np.array([labels.label(name).age for name in names]) for part, names in parts.items()}
    codes = {part: groups.of(of_part) for part, of_part in ages.items()}
    given = {part: descriptors(faces, names) for part, names in parts.items()}
    taught = given["train"].reshape(-1, given["train"].shape[-1]), np.tile(codes["train"], 2)
    tried = {}
    for strength in PENALTIES:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500)).fit(*taught)
        tried[strength] = (model.predict(given["validation"][0]) == codes["validation"]).mean(), model
    chosen = max(tried, key=lambda strength: tried[strength][0])
    shipped = [read_predictions(path) for path in sorted(SHIPPED.glob("faceres-soft6-s*.csv.gz"))]
    test = shipped[0].set_index("fname").loc[parts["test"]].reset_index()
    told = tried[chosen][1].predict_proba(given["test"][0])
    own = predictions(test, told, told.argmax(axis=1), groups, told @ groups.years(ages["train"]))
    row = {"estimator": "faceres", "penalty": chosen}
    for found in over_seeds([own], resampling=Resampling(SEED)).to_dict("records"):
        row |= {"n": found["n"], found["measure"]: round(found["value"], 4)}
        row |= {f"{found['measure']}_{end}": round(found[end], 4) for end in ("low", "high")}
    for found in difference(shipped, [own], resampling=Resampling(SEED)).to_dict("records"):
        row |= {f"{found['measure']}_more": round(found["value"], 4)}
        row |= {f"{found['measure']}_more_{end}": round(found[end], 4) for end in ("low", "high")}
    return [row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="output folder of stage 1, which has the crops")
    parser.add_argument("--split", type=Path, required=True, help="split.json of a training")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    found = measured(arguments.faces, arguments.split)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
