"""Peak memory and pace of stage 1 up to estimate, on few images and on all: it must not grow with their number.

``python -m benchmarks.memory --images FOLDER`` runs the real script in processes of its own and writes
benchmarks/memory.json. On two cores 8,749 faces take about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.__main__ import machine

HERE = Path(__file__).parent
LOOK_SECONDS = 0.2


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in thread.read_text().split():
            found += family(int(child))
    return found


def resident(pid: int) -> int:
    """Memory that a process holds, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(images: Path, output: Path, estimator: str, limit: int | None, workers: int) -> dict:
    """One run of stage 1: pace of each step, and peaks of the whole family and of its largest process."""
    log = output.parent / f"{estimator}-{limit}.jsonl"
    command = [sys.executable, "analysis_1_method.py", "--images", str(images), "--output", str(output)]
    command += ["--metadatasets", str(output / "metadatasets"), "--steps", "align,crop,estimate"]
    command += ["--estimator", estimator, "--workers", str(workers), "--json-log", str(log)]
    process = subprocess.Popen(command + (["--limit", str(limit)] if limit else []), cwd=HERE.parent)
    together = alone = 0
    while process.poll() is None:
        try:
            sizes = [resident(pid) for pid in family(process.pid)]
            together, alone = max(together, sum(sizes)), max(alone, *sizes)
        except (OSError, ValueError, IndexError):  # one of them just ended
            pass
        time.sleep(LOOK_SECONDS)
    if process.returncode:
        raise SystemExit(f"stage 1 ended with {process.returncode}")
    ended = [event for event in map(json.loads, log.read_text().splitlines()) if event["event"] == "step-ends"]
    paces = {event["step"]: round(event["seconds"] / event["done"], 4) for event in ended}
    return {
        "images": limit or "all",
        "peak_mib_all_processes": round(together / 2**20),
        "peak_mib_largest_process": round(alone / 2**20),
        "seconds_a_face": paces,
        "faces": {event["step"]: event["done"] for event in ended},
    }


def main() -> int:
    """Few images, then all, for both estimators."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "memory.json")
    arguments = parser.parse_args()
    found: dict = {"machine": machine(), "workers": arguments.workers}
    with tempfile.TemporaryDirectory() as folder:
        for estimator in ("dex-wrn", "cydral-resnet10"):
            runs = []
            for limit in (arguments.few, None):
                # Both estimators share the crops: the second one's runs begin where the first one's left them.
                output = Path(folder) / ("few" if limit else "all")
                output.mkdir(exist_ok=True)
                runs.append(run(arguments.images, output, estimator, limit, arguments.workers))
            growth = runs[1]["peak_mib_all_processes"] / runs[0]["peak_mib_all_processes"]
            found[estimator] = {"runs": runs, "all_to_few": round(growth, 3)}
            print(json.dumps(found[estimator], indent=1))
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
