"""All speed figures side by side in one run: ``make bench``.

Goals are ratios, because machines differ and this one may be busy. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PARTS = ("start", "explain", "stages", "stage2", "million", "heatmaps", "quality")
LIBRARIES = ("numpy", "scipy", "tensorflow", "keras", "onnxruntime", "lime", "scikit-image", "dlib-bin", "shapely")
HERE = Path(__file__).parent

MILLION, HEATMAPS = "stage 3 tables, a million rows", "heatmap sums, 8,749 masks"
PLAIN = "the plain way (json.load)"

# What is measured, which figure of it, the goal, and whether more is better.
GOALS = (
    ("start", "import_s", 0.3, False, "s, import age_audit"),
    ("start", "help_s", 0.5, False, "s, age-audit --help"),
    ("explain, dex-wrn, float32", "naive_to_ours", 3.0, True, "times the naive loop"),
    ("explain, dex-wrn, float32", "naive_to_two_workers", 3.0, True, "times the naive loop, two workers"),
    ("explain, dex-wrn, float32", "ours_to_floor", 1.05, False, "of the floor"),
    ("explain, dex-wrn, float32", "two_workers_to_floor", 1.10, False, "of the floor, two workers"),
    ("explain, dex-wrn, bfloat16", "naive_to_ours", 3.0, True, "times the naive loop (which is float32)"),
    ("explain, dex-wrn, bfloat16", "naive_to_two_workers", 3.0, True, "times the naive loop, two workers"),
    ("explain, dex-wrn, bfloat16", "ours_to_floor", 1.10, False, "of the floor"),
    ("explain, dex-wrn, bfloat16", "two_workers_to_floor", 1.10, False, "of the floor, two workers"),
    ("explain, cydral-resnet10", "naive_to_ours", 10.0, True, "times the naive loop"),
    ("explain, cydral-resnet10", "naive_to_two_workers", 15.0, True, "times the naive loop, two workers"),
    ("stage 2, landmarks included", "ours_to_detector", 1.1, False, "of dlib's detector alone"),
    ("stage 2, scoring alone", "literal_to_ours", 300.0, True, "times the literal loop"),
    ("align, detect, crop", "ours_s", 0.060, False, "s a face and core"),
    ("2 workers against 1", "one_to_two", 1.8, True, "times one"),
    (MILLION, "seconds", 30.0, False, "s"),
    (MILLION, "peak_gib", 2.0, False, "GiB"),
    (HEATMAPS, "seconds", 2.0, False, "s"),
    ("quality of a picture", "without_brisque_a_second", 100.0, True, "a second and core, without BRISQUE"),
    ("quality of a picture", "pictures_a_second", 40.0, True, "a second and core"),
)


def machine() -> dict:
    """What the figures were measured on."""
    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in described.splitlines() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def measure(part: str, folder: Path | None, quick: bool) -> dict[str, dict[str, float]]:
    """The figures of one part, by what they are of."""
    if part == "million":
        runs = _apart("stage3_million.py", ["--rows", "20000"] if quick else [])["runs"]
        json_run, parquet, plain = (runs[f"tables {how}"] for how in ("from JSON", "from Parquet", PLAIN))
        figures = {"seconds": json_run["seconds"], "peak_gib": json_run["peak_mib"] / 1024}
        figures |= {"parquet_s": parquet["seconds"], "parquet_peak_gib": parquet["peak_mib"] / 1024}
        return {MILLION: figures | {"plain_s": plain["seconds"], "plain_peak_gib": plain["peak_mib"] / 1024}}
    if part == "start":
        return {"start": {"import_s": _start("-c", "import age_audit"), "help_s": _start("-m", "age_audit", "--help")}}
    if part == "heatmaps":
        found = _apart("mask_heatmaps.py", ["--masks", "500"] if quick else [])
        return {HEATMAPS: {"seconds": found["sum_seconds"], "plain_to_ours": found["plain_over_ours"]}}
    return importlib.import_module(f"benchmarks.{part}").measure(folder, quick)


def _start(*arguments: str) -> float:
    """Seconds until a fresh Python has done that, the median of five."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _apart(script: str, options: list[str]) -> dict:
    """What a script of its own measures: it states peak memory, in which a child would inherit this process's."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", f"benchmarks.{Path(script).stem}", "--out", f"{folder}/found.json", *options]
        subprocess.run(command, check=True)
        return json.loads(Path(folder, "found.json").read_text())


def with_other_parts(document: dict, before: dict) -> dict:
    """What was measured now, beside an earlier run's other parts: theirs is the machine where none is said."""
    kept = {what: figures for what, figures in before.get("figures", {}).items() if what not in document["figures"]}
    if not kept:
        return document
    other = {name: document[name] for name in ("machine", "faces") if document[name] != before[name]}
    measured = {what: figures | other for what, figures in document["figures"].items()}
    return before | {"figures": {what: (kept | measured)[what] for what in before["figures"] | measured}}


def table(found: dict[str, dict]) -> str:
    """Goal and reached figure of everything measured."""
    lines = [f"{'what':32} {'reached':>9} {'goal':>12}  unit", "-" * 84]
    for what, figure, goal, more, unit in GOALS:
        if what not in found:
            continue
        reached = found[what][figure]
        holds = reached >= goal if more else reached <= goal
        bound = f"{'at least' if more else 'at most'} {goal:g}"
        lines.append(f"{what:32} {reached:9.3g} {bound:>12}  {unit}{'' if holds else '   <- not reached'}")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder of UTKFace images to time on (default: two portraits)")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"which of {','.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="few repetitions, to see that it runs")
    parser.add_argument("--out", type=Path, default=HERE / "results.json", help="file to write")
    arguments = parser.parse_args()
    found: dict[str, dict] = {}
    for part in arguments.parts.split(","):
        print(f"measuring {part} ...", flush=True)
        found |= measure(part, arguments.images, arguments.quick)
    faces = "the portraits of the demo" if arguments.images is None else "UTKFace"
    for figures in found.values():
        figures.update({name: float(f"{value:.4g}") for name, value in figures.items()})
    before = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    document = with_other_parts({"machine": machine(), "faces": faces, "figures": found}, before)
    arguments.out.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{table(found)}\n\nwritten to {arguments.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
