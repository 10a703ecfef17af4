"""Pack what trained classifiers said of their test part, and write the table of docs/training.md.

    python -m tools.ship_classifiers runs/     # pack every run below that folder, then write the table
    python -m tools.ship_classifiers           # write the table of what is packed

A run is a folder that ``age-audit train`` wrote, called by its model and what is special of it, ``-s`` and its seed.
Models are not packed: index.json has the options, by which they are made again, and their hashes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import seen_mark
from age_audit.data.metadatasets import read_metadataset
from age_audit.store.files import write_atomically
from age_audit.training.comparison import estimator_as_classifier, over_seeds, read_predictions, title_of
from age_audit.training.groups import TEN_GROUPS, parse_groups

FOLDER = ROOT / "metadatasets" / "age-classifier"
PAGE = ROOT / "docs" / "training.md"
BEGIN, END = "<!-- the table is written by tools/ship_classifiers.py -->", "<!-- end of the table -->"
ESTIMATORS = {"faceres": "faceres", "cydral-resnet10": "cydral-resnet10-audit", "dex-wrn": ".", "face-api": "face-api"}
SEED = 42
_RUN = re.compile(r"(?P<name>.+)-s(?P<seed>\d+)")


def pack(runs: Path) -> None:
    """Pack the runs below a folder."""
    FOLDER.mkdir(exist_ok=True)
    index = read_index()
    for folder in sorted(path.parent for path in runs.glob("*/training.json")):
        if not _RUN.fullmatch(folder.name) or not (folder / "model_card.md").is_file():
            continue
        content = gzip.compress((folder / "predictions.csv").read_bytes(), mtime=0)
        write_atomically(FOLDER / f"{folder.name}.csv.gz", content)
        facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        index[folder.name] = facts | json.loads((folder / "budget.json").read_text())
    text = json.dumps(dict(sorted(index.items())), indent=1, ensure_ascii=False) + "\n"
    write_atomically(FOLDER / "index.json", text.encode())


def read_index() -> dict[str, dict]:
    """What is packed: of each run what it wrote down of itself."""
    path = FOLDER / "index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def table() -> list[str]:
    """A row a model, means over its seeds, and a row an estimator."""
    seeds: dict[str, list[str]] = {}
    index = read_index()
    for run in index:
        seeds.setdefault(_RUN.fullmatch(run)["name"], []).append(run)
    lines = [
        "| | began from | right group | right or next | years off | seeds | core-seconds a seed |",
        "|---|---|---|---|---|---|---|",
    ]
    for runs in seeds.values():
        found = over_seeds([read_predictions(FOLDER / f"{run}.csv.gz") for run in runs], resampling=Resampling(SEED))
        began = ", ".join(re.findall(r"(?:^|; )([\w-]+):", index[runs[0]]["learnt_from"])) or "scratch"
        took = " ".join(f"{index[run]['processor_seconds']:,.0f}" for run in runs)
        lines.append(f"| {title_of(index[runs[0]]['options'])} | {began} | {_cells(found)} | {len(runs)} | {took} |")
    faces = read_predictions(FOLDER / f"{next(iter(index))}.csv.gz")
    for name, folder in ESTIMATORS.items():
        ages = read_metadataset(ROOT / "metadatasets" / folder, "utkface", "predictions")["predictions"]
        told = estimator_as_classifier(ages, faces, parse_groups(TEN_GROUPS))
        found = over_seeds([told], resampling=Resampling(SEED))
        lines.append(f"| ages of {name}{seen_mark('utkface', name)} | – | {_cells(found)} | – | – |")
    return lines


def _cells(found: pd.DataFrame) -> str:
    rows = found.set_index("measure")
    shares = [rows.loc[name, ["value", "low", "high"]] * 100 for name in ("exact", "within_one")]
    years = rows.loc["mean_absolute_error", ["value", "low", "high"]]
    texts = ["{:.1f} % ({:.1f}–{:.1f})".format(*share) for share in shares]
    return " | ".join([*texts, "{:.2f} ({:.2f}–{:.2f})".format(*years)])


def main(argv: Sequence[str] | None = None) -> int:
    """Pack, and write the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="?", type=Path, help="folder of runs to pack")
    given = parser.parse_args(argv)
    if given.runs is not None:
        pack(given.runs)
    if not read_index():
        print(f"expected packed runs in {FOLDER}, found none; name a folder of runs", file=sys.stderr)
        return 2
    before, found, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    if not found:
        raise UsageError(f"expected {BEGIN} in {PAGE.name}, found none")
    text = before + "\n".join([BEGIN, "", *table(), "", ""]) + END + rest.partition(END)[2]
    write_atomically(PAGE, text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
