"""How long stage 3 takes over a million rows of activations, and how much memory.

    python -m benchmarks.stage3_million [--rows N] [--out FILE.json]

Makes activations as stage 2 writes them, from a fixed seed, in a temporary folder (1.6 GB as JSON), and runs each way
in a process of its own: the tables of stage 3 from JSON and from Parquet, the whole of stage 3 with its figures, and
for comparison the tables the plain way, with ``json.load`` of the whole file (which takes many gigabytes of memory).
JSON that is small enough to be read at once is also read row by row, as if it were larger. The tables of all ways are
compared, and have to be the same.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Whatever this module imports counts in the memory of every process it starts, so that the heavy libraries come later.
from age_audit.core.config import JSON_AT_ONCE
from benchmarks.measuring import run_apart, run_main

ROWS = 1_000_000
SEED = 42
DATASET = "million"


def measure(rows: int = ROWS) -> dict:
    """Seconds and peak memory of every way; see :func:`benchmarks.measuring.run_apart` for the unit of each."""
    with tempfile.TemporaryDirectory() as folder:
        size = run_apart(__file__, "make", folder, rows)["result"]
        runs = {
            "tables from JSON": run_apart(__file__, "tables", f"{folder}/json"),
            "tables from Parquet": run_apart(__file__, "tables", f"{folder}/parquet"),
            "tables and figures from JSON": run_apart(__file__, "everything", f"{folder}/json", f"{folder}/figures"),
            "tables the plain way (json.load)": run_apart(__file__, "plain_tables", f"{folder}/json"),
        }
        if size["json"] <= JSON_AT_ONCE:
            runs["tables from JSON, row by row"] = run_apart(__file__, "tables", f"{folder}/json", 0)
    hashes = {run.pop("result") for name, run in runs.items() if name.startswith("tables ") and "figures" not in name}
    if len(hashes) != 1:
        raise RuntimeError(f"expected the same tables from every way, got {len(hashes)} different ones")
    runs["tables and figures from JSON"].pop("result")
    plain, ours = runs["tables the plain way (json.load)"], runs["tables from JSON"]
    ratios = {name: round(plain[name] / ours[name], 2) for name in ("seconds", "cpu_seconds", "peak_mib")}
    return {"rows": rows, "seed": SEED, "bytes": size, "plain_over_ours": ratios, "runs": runs}


def make(folder: str, rows: str) -> dict:
    """Write both formats; their sizes in bytes."""
    from age_audit.data.metadatasets import metadataset_path
    from age_audit.data.region_scores import partitions_folder, write_activations

    write_activations(Path(folder, "parquet"), DATASET, made_rows(int(rows)), "parquet", {})
    path = metadataset_path(Path(folder, "json"), DATASET, "activations")
    path.parent.mkdir()
    write_json(path, made_rows(int(rows)))
    partitions = partitions_folder(Path(folder, "parquet"), DATASET).iterdir()
    return {"json": path.stat().st_size, "parquet": sum(part.stat().st_size for part in partitions)}


def write_json(path: Path, rows: Iterator[dict]) -> None:
    """The bytes that stage 2 would write, row by row: all at once they would need gigabytes."""
    import json

    with path.open("w", encoding="utf-8") as stream:
        separator = "["
        for row in rows:
            stream.write(separator + json.dumps(row, ensure_ascii=False))
            separator = ", "
        stream.write("]\n")


def made_rows(count: int) -> Iterator[dict]:
    """Rows with all published columns, one of a hundred without some label; shares are quotients of pixel counts."""
    import numpy as np

    from age_audit.core.metrics import study_accuracy
    from age_audit.core.schema import GENDERS, UTKFACE_RACES
    from age_audit.regions.polygons import REGIONS

    rng, block = np.random.default_rng(SEED), 10_000
    names = [f"activation_{region}_{share}" for region in REGIONS for share in ("from_all", "pct_of_feature")]
    for start in range(0, count, block):
        ages = rng.integers(0, 117, block)
        estimates = np.clip(ages + rng.normal(2, 9, block), 0, 100).round(4)
        accuracies = study_accuracy(estimates, ages).round(6).tolist()
        shares = (rng.integers(0, 3000, (block, len(names))) / rng.integers(3000, 9000, (block, len(names)))).tolist()
        genders, races = (
            rng.integers(0, len(GENDERS), block),
            rng.choice(len(UTKFACE_RACES), block, p=(0.42, 0.2, 0.16, 0.16, 0.06)),
        )
        missing = rng.random(block) < 0.01
        for i in range(min(block, count - start)):
            yield {
                "fname": f"{start + i:08d}_{ages[i]}_{genders[i]}_{races[i]}_20170109142408075.jpg.chip.jpg",
                "age_real": int(ages[i]),
                "gender_real": GENDERS[genders[i]],
                "race_real": None if missing[i] else UTKFACE_RACES[races[i]],
                "age_estimation": float(estimates[i]),
                "age_estimation_accuracy": accuracies[i],
                **dict(zip(names, shares[i], strict=True)),
            }


def tables(folder: str, at_once: str = "") -> str:
    """Stage 3 without its figures, by its own functions; a hash of the tables.

    ``at_once`` is the size in bytes above which JSON is read row by row, by default that of config.
    """
    from age_audit.data import region_scores
    from age_audit.pipeline.stage3 import COLUMNS, group_tables

    if at_once:
        region_scores.JSON_AT_ONCE = int(at_once)
    return hash_of(group_tables(region_scores.read_activations(Path(folder), DATASET, COLUMNS)))


def plain_tables(folder: str) -> str:
    """The same from all rows at once."""
    import json

    import pandas as pd

    from age_audit.data.frames import completed_frame
    from age_audit.data.metadatasets import metadataset_path
    from age_audit.pipeline.stage3 import group_tables

    with metadataset_path(Path(folder), DATASET, "activations").open(encoding="utf-8") as stream:
        rows = json.load(stream)
    return hash_of(group_tables(completed_frame(pd.DataFrame(rows))))


def hash_of(made: dict) -> str:
    return hashlib.sha256("".join(table.to_csv() for table in made.values()).encode()).hexdigest()


def everything(folder: str, figures: str) -> None:
    """Stage 3 as the script runs it."""
    from age_audit.core.config import Stage3Config
    from age_audit.pipeline.stage3 import run_stage3

    run_stage3(Stage3Config(metadatasets=Path(folder), dataset=DATASET, figures=Path(figures)))


if __name__ == "__main__":
    works = {work.__name__: work for work in (make, tables, plain_tables, everything)}
    run_main(__doc__, works, measure, ("rows", ROWS))
