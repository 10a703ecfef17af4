"""Pack the metadatasets that ship, and write the index of ``metadatasets/``.

    python -m tools.ship_metadatasets            # pack, then write index.json, descriptions and the table in README.md
    python -m tools.ship_metadatasets --check    # say whether the files are those of the index

Stages 1 and 2 write plain JSON. Only the first set stays plain, where notebooks of the published study open it; the
JSON of all others, and landmarks, are packed with gzip, which every reader here unpacks by itself.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.data.metadatasets import metadataset_path, opened, packed_path, provenance_path, read_metadataset
from age_audit.report.describe import describe
from age_audit.store.files import write_atomically

FOLDER = ROOT / "metadatasets"
DATASET = "utkface"
KINDS = ("predictions", "activations", "attachment", "boxes", "masks")
IMAGES = "images"  # measures of pictures, which no estimator made: a set of their own
BESIDE = ("channels", "splits")  # what the same command writes, and nobody asks here
PLAIN = ("predictions", "activations")  # of the first set
PUBLISHED = "2026-11-27"  # the day that descriptions for machines name
MAX_BYTES = 60_000_000  # all together: a clone should stay small
# Folder: what it is, and the commands that make it again from the faces.
SETS = {
    ".": (
        "dex-wrn as the study explained it, in float32",
        [
            "python analysis_1_method.py --steps align,crop,estimate --workers 2",
            "python analysis_1_method.py --steps explain --sample 2130 --seed 42 --workers 2",
            "python analysis_2_evaluate.py",
        ],
    ),
    "dex-wrn-audit": (
        "dex-wrn as it should have been explained, in bfloat16",
        [
            "python analysis_1_method.py --steps estimate,explain --sample 1050 --seed 42 --workers 2 --preset audit "
            "--precision bfloat16 --metadatasets metadatasets/dex-wrn-audit",
            "python analysis_2_evaluate.py --preset audit --metadatasets metadatasets/dex-wrn-audit",
        ],
    ),
    "cydral-resnet10-published": (
        "cydral-resnet10 explained as in the study",
        [
            "python analysis_1_method.py --estimator cydral-resnet10 --workers 2 "
            "--metadatasets metadatasets/cydral-resnet10-published",
            "python analysis_2_evaluate.py --metadatasets metadatasets/cydral-resnet10-published",
        ],
    ),
    "cydral-resnet10-audit": (
        "cydral-resnet10 as it should have been explained",
        [
            "python analysis_1_method.py --estimator cydral-resnet10 --workers 2 --preset audit "
            "--metadatasets metadatasets/cydral-resnet10-audit",
            "python analysis_2_evaluate.py --preset audit --metadatasets metadatasets/cydral-resnet10-audit",
        ],
    ),
    "dex-wrn-unaligned": (
        "dex-wrn without alignment, estimates alone",
        [
            "python analysis_1_method.py --steps crop,estimate --workers 2 --output utkface-plain "
            "--metadatasets metadatasets/dex-wrn-unaligned",
        ],
    ),
    "faceres": (
        "faceres, estimates alone",
        [
            "python analysis_1_method.py --estimator faceres --steps align,crop,estimate --workers 2 "
            "--metadatasets metadatasets/faceres",
        ],
    ),
    "face-api": (
        "face-api, which was trained on 80 % of UTKFace, estimates alone",
        [
            "python analysis_1_method.py --estimator face-api --steps align,crop,estimate --workers 2 "
            "--metadatasets metadatasets/face-api",
        ],
    ),
    "ssr-net": (
        "ssr-net, estimates alone",
        [
            "python analysis_1_method.py --estimator ssr-net --steps align,crop,estimate --workers 2 "
            "--metadatasets metadatasets/ssr-net",
        ],
    ),
    "face-api-gender-regions": (
        "face-api's probability of Female explained by Grad-CAM, boxes alone",
        [
            "python analysis_1_method.py --estimator face-api --preset audit --explainer grad-cam --target female "
            "--workers 2 --metadatasets metadatasets/face-api-gender-regions",
            "python analysis_2_evaluate.py --preset audit --metadatasets metadatasets/face-api-gender-regions",
        ],
    ),
    "face-api-gender-regions/ages": (
        "face-api's age explained by Grad-CAM, boxes alone",
        [
            "python analysis_1_method.py --estimator face-api --preset audit --explainer grad-cam --target age "
            "--workers 2 --steps estimate,explain --sample 3000 --seed 42 --metadatasets "
            "metadatasets/face-api-gender-regions/ages",
            "python analysis_2_evaluate.py --preset audit --metadatasets metadatasets/face-api-gender-regions/ages",
        ],
    ),
    "utkface-images": (
        "measures of the pictures themselves: quality, pose, skin tone, copies",
        ["python -m age_audit dataset --workers 2 --metadatasets metadatasets/utkface-images"],
    ),
}
# What ships of a set, where not all of it does: masks and shares of regions are the larger part, and nobody asks them.
ALONE = {
    "face-api-gender-regions": ("predictions", "attachment", "boxes"),
    "face-api-gender-regions/ages": ("predictions", "boxes"),  # landmarks are those of the folder above
    "utkface-images": (IMAGES,),
}
_TABLE_START, _TABLE_END = "<!-- the table is written by tools/ship_metadatasets.py -->", "<!-- end of the table -->"


def pack(folder: Path, everything: bool, alone: Sequence[str] = KINDS) -> None:
    """Pack the JSON of one set with gzip, all of it or without what stays plain, and take away what does not ship."""
    for kind in (*KINDS, IMAGES, *BESIDE):
        plain = metadataset_path(folder, DATASET, kind)
        if kind not in alone:
            plain.unlink(missing_ok=True)
            packed_path(plain).unlink(missing_ok=True)
            provenance_path(folder, DATASET, kind).unlink(missing_ok=True)
        elif plain.is_file() and plain.suffix == ".json" and (everything or kind not in PLAIN):
            write_atomically(packed_path(plain), gzip.compress(plain.read_bytes(), compresslevel=9, mtime=0))
            plain.unlink()


def describe_set(folder: Path, name: str) -> dict:
    """One entry of the index: what the set is, how many faces, how to make it again, and the hash of every file.

    Raises
    ------
    UsageError
        If a file is missing, or is not the one its provenance speaks of.
    """
    what, commands = SETS[name]
    entry: dict = {"folder": name, "what": what, "dataset": DATASET}
    files = []
    for kind in (*KINDS, IMAGES):
        provenance_file = provenance_path(folder, DATASET, kind)
        if not provenance_file.exists():
            continue  # not explained
        provenance = json.loads(provenance_file.read_text(encoding="utf-8"))
        plain = metadataset_path(folder, DATASET, kind)
        with opened(plain) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != provenance["sha256"]:
            raise UsageError(f"expected {plain} to be the file of its provenance, its hash is another; run the stages")
        estimator = provenance.get("estimator", {})
        entry |= {"estimator": estimator.get("name"), "preset": provenance.get("preset")}
        entry |= {"precision": estimator.get("precision")}
        files += [_file_entry(plain if plain.is_file() else packed_path(plain)), _file_entry(provenance_file)]
    faces = _measured(folder) if entry["estimator"] is None else _faces(folder)
    return entry | {"faces": faces, "commands": commands, "files": files}


def _measured(folder: Path) -> dict:
    rows = read_metadataset(folder, DATASET, IMAGES)
    nobody = dict.fromkeys(("estimated", "explained", "with_activations", "with_boxes"), 0)
    return {"images": len(rows), "without_face": sum(row["reason"] is not None for row in rows)} | nobody


def _faces(folder: Path) -> dict:
    document = read_metadataset(folder, DATASET, "predictions")
    faces = {
        "images": document["cropping"]["images_total"],
        "without_crop": document["cropping"]["images_failed_detected"],
        "estimated": len(document["predictions"]),
        "explained": _explained(document["explanations"]),
        "with_activations": 0,
        "with_boxes": 0,
    }
    for kind in ("activations", "boxes"):
        if provenance_path(folder, DATASET, kind).exists():
            faces[f"with_{kind}"] = len(read_metadataset(folder, DATASET, kind))
    return faces


def _explained(counts: dict) -> int:
    return counts["images_total"] - counts["images_failed_detected"]


def build_index(root: Path) -> dict:
    """The index of all sets that are there."""
    there = {name: [provenance_path(root / name, DATASET, kind) for kind in (KINDS[0], IMAGES)] for name in SETS}
    names = [name for name, paths in there.items() if any(path.is_file() for path in paths)]
    results = [describe_set(root / name, name) for name in names]
    return {"total_bytes": sum(file["bytes"] for entry in results for file in entry["files"]), "results": results}


def table_of(index: dict) -> str:
    """The index as a table for README.md."""
    lines = [
        "| folder | what | estimated | explained | with activations | with boxes | MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in index["results"]:
        faces = entry["faces"]
        size = sum(file["bytes"] for file in entry["files"]) / 1e6
        counts = " | ".join(f"{faces[name]:,}" for name in ("estimated", "explained", "with_activations", "with_boxes"))
        lines.append(f"| `{entry['folder']}` | {entry['what']} | {counts} | {size:.1f} |")
    lines.append(f"\nOf {index['results'][0]['faces']['images']:,} images; {index['total_bytes'] / 1e6:.1f} MB in all.")
    for entry in index["results"]:
        lines += [f"\n`{entry['folder']}` is made by\n", *(f"    {command}" for command in entry["commands"])]
    return "\n".join(lines)


def _file_entry(path: Path) -> dict:
    content = path.read_bytes()
    return {"name": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _with_table(page: str, table: str) -> str:
    before, rest = page.split(_TABLE_START)
    return f"{before}{_TABLE_START}\n\n{table}\n\n{_TABLE_END}{rest.split(_TABLE_END)[1]}"


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.ship_metadatasets", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare the files with the index")
    check = parser.parse_args(argv).check
    try:
        if not check:
            for name in SETS:
                pack(FOLDER / name, name != ".", ALONE.get(name, KINDS))
        index = build_index(FOLDER)
        if index["total_bytes"] > MAX_BYTES:
            raise UsageError(f"expected at most {MAX_BYTES:,} bytes in {FOLDER}, got {index['total_bytes']:,}")
        text = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
        if check and (FOLDER / "index.json").read_text(encoding="utf-8") != text:
            raise UsageError("expected the files to be those of index.json, they are others; run without --check")
    except UsageError as error:
        parser.exit(2, f"error: {error}\n")
    if not check:
        write_atomically(FOLDER / "index.json", text.encode())
        page = FOLDER / "README.md"
        write_atomically(page, _with_table(page.read_text(encoding="utf-8"), table_of(index)).encode())
        describe(FOLDER, PUBLISHED)
    print(f"{len(index['results'])} sets, {index['total_bytes'] / 1e6:.1f} MB: as in the index")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
