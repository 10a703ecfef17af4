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
import pandas as pd

from age_audit.audit.errors.groups import estimates_of
from age_audit.core.errors import UsageError
from age_audit.core.measures import MAE, SIGNED_ERROR
from age_audit.core.randomness import Resampling
from age_audit.data.metadatasets import made_by, stated_in
from age_audit.data.results import Results
from age_audit.stats.correlations import pearson_r

OUT = Path(__file__).with_suffix(".json")


def compared(aligned: pd.DataFrame, plain: pd.DataFrame) -> dict:
    """What two runs' frames of predictions say of the faces that both estimate, and each of its own."""
    both = aligned.merge(plain[["fname", "age_estimation"]], on="fname", suffixes=("", "_plain"))
    ages = {"aligned": both["age_estimation"].to_numpy(), "plain": both["age_estimation_plain"].to_numpy()}
    apart = np.abs(ages["aligned"] - ages["plain"])
    row = {"faces": len(both), "apart_mean": apart.mean(), "apart_median": np.median(apart)}
    row |= {"apart_90": np.quantile(apart, 0.9), "apart_most": apart.max()}
    real = both["age_real"].to_numpy(dtype=float)
    for name, frame in (("aligned", aligned), ("plain", plain)):
        error = ages[name] - real
        row |= {f"{name}_both_mae": np.nanmean(np.abs(error)), f"{name}_both_signed": np.nanmean(error)}
        row |= {f"{name}_both_r": pearson_r(ages[name], real), f"{name}_estimated": len(frame)}
        row[f"{name}_r"] = pearson_r(frame["age_estimation"], frame["age_real"])
        errors = estimates_of(frame, [], resampling=Resampling(42)).set_index("measure")
        for short, measure in (("mae", MAE.key), ("signed", SIGNED_ERROR.key)):
            found = errors.loc[measure]
            row |= {f"{name}_{short}": found["value"], f"{name}_{short}_low": found["low"]}
            row[f"{name}_{short}_high"] = found["high"]
    return {name: value if isinstance(value, int) else round(float(value), 4) for name, value in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("aligned", type=Path, help="folder of metadatasets of faces aligned first")
    parser.add_argument("plain", type=Path, help="folder of metadatasets of the same faces without alignment")
    parser.add_argument("--dataset", default="utkface", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file whose row is replaced (default: beside this file)")
    arguments = parser.parse_args()
    runs = [
        Results(folder, arguments.dataset, *made_by(stated_in(folder, arguments.dataset, "predictions")))
        for folder in (arguments.aligned, arguments.plain)
    ]
    name, other = (run.estimator for run in runs)
    if name != other:
        raise UsageError(f"expected two runs of one estimator, got {name} and {other}")
    lost = [run.document["cropping"]["images_failed_detected"] for run in runs]
    row = {"estimator": name} | compared(*(run.predictions for run in runs))
    row |= {"aligned_lost": lost[0], "plain_lost": lost[1]}
    rows = {row["estimator"]: row for row in json.loads(arguments.out.read_text())} if arguments.out.exists() else {}
    rows[name] = row
    arguments.out.write_text(json.dumps([rows[name] for name in sorted(rows)], indent=1) + "\n")
    print(json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
