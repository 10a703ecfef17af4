"""What ``age-audit sensitivity`` found, as rows that docs/method.md quotes.

    age-audit sensitivity --images utkface/img --estimator cydral-resnet10 --faces 80 --output sensitivity
    python -m benchmarks.sensitivity sensitivity

``sensitivity.json`` beside this file gets a row a choice, ``sensitivity_conclusions.json`` a row a statement. Rows of
other estimators that are there already stay.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HERE = Path(__file__).parent
MEASURES = ("rank_correlation", "same_sign", "same_sign_settled")


def choice_rows(document: dict) -> list[dict]:
    """One row a choice: how alike the maps stay, and what becomes of the conclusions, by kind and in all.

    Parameters
    ----------
    document : dict
        What ``sensitivity.json`` of a run holds.

    Returns
    -------
    list of dict
        ``rank_correlation``, ``same_sign`` and ``same_sign_settled`` are means over faces, each with ``_low``,
        ``_high`` and ``_n``; counts of conclusions are called ``kept`` and so on, those of a kind ``kept_direction``.
    """
    rows: dict[str, dict] = {}
    for found in document["agreement"]:
        row = rows.setdefault(found["choice"], _said(document) | {"choice": found["choice"]})
        name = found["measure"]
        row |= {name: found["mean"], **{f"{name}_{end}": found[end] for end in ("low", "high", "n")}}
        row["settled_in_both"] = found["settled_in_both"]
    for found in document["changes"]:
        end = "" if found["kind"] == "all" else f"_{found['kind']}"
        counts = ("statements", "decided", "kept", "turned", "undecided", "decided_here", "changed")
        rows[found["choice"]] |= {f"{name}{end}": found[name] for name in counts}
    return list(rows.values())


def conclusion_rows(document: dict) -> list[dict]:
    """One row a statement, as in ``survival`` of a run."""
    return [_said(document) | row for row in document["survival"]]


def _said(document: dict) -> dict:
    return {"estimator": document["estimator"]["name"], "faces": document["faces"]}


def merged(path: Path, rows: list[dict]) -> str:
    """The rows of the file with those of the same estimator replaced, one a line."""
    before = json.loads(path.read_text()) if path.is_file() else []
    kept = [row for row in before if row["estimator"] != rows[0]["estimator"]]
    lines = [json.dumps(row, ensure_ascii=False) for row in sorted(kept + rows, key=lambda row: row["estimator"])]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="--output of the run")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: that of this file)")
    arguments = parser.parse_args()
    document = json.loads((arguments.folder / "sensitivity.json").read_text())
    for name, rows in (
        ("sensitivity", choice_rows(document)),
        ("sensitivity_conclusions", conclusion_rows(document)),
    ):
        path = arguments.out / f"{name}.json"
        path.write_text(merged(path, rows))


if __name__ == "__main__":
    main()
