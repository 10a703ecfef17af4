"""Wall time and peak memory of a piece of work, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024 if sys.platform != "darwin" else 1024**2  # in the unit in which the system states memory


def run_apart(script: str | Path, work: str, *arguments) -> dict:
    """Run ``work`` of a benchmark script in a new process.

    Parameters
    ----------
    script : path
        Its ``main`` is :func:`run_main`.
    work : str
        Name of one of its functions.
    arguments
        Handed to the function as text.

    Returns
    -------
    dict
        ``seconds`` from start to end of the process, imports included; ``cpu_seconds``, what its threads took of
        them together, which depends less on what else the machine does; ``peak_mib``, its largest resident memory;
        and ``result``, what the function returned.

    Raises
    ------
    RuntimeError
        If the process fails.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"benchmarks.{Path(script).stem}", "--work", work, *map(str, arguments)]
    start = time.perf_counter()
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if ended.returncode:
        raise RuntimeError(f"{work} of {Path(script).name} ended with code {ended.returncode}")
    told = json.loads(ended.stdout.splitlines()[-1])
    return {"seconds": round(seconds, 2)} | told


def run_main(
    description: str, works: dict[str, Callable], measure: Callable[[int], dict], size: tuple[str, int]
) -> None:
    """What a benchmark script does: measure and print, or do one piece of work and tell its peak memory.

    Parameters
    ----------
    description : str
    works : dict of str to callable
        The pieces of work by name; they take texts and return what JSON can hold.
    measure : callable
        Takes the size, returns results: {name: {"seconds", "cpu_seconds", "peak_mib"}} under ``"runs"``, and more.
    size : (str, int)
        What the size counts, and its default.
    """
    if sys.argv[1:2] == ["--work"]:
        result = works[sys.argv[2]](*sys.argv[3:])
        used = resource.getrusage(resource.RUSAGE_SELF)
        told = {"cpu_seconds": round(used.ru_utime + used.ru_stime, 2), "peak_mib": round(used.ru_maxrss / MIB)}
        print(json.dumps(told | {"result": result}))
        return
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(f"--{size[0]}", type=int, default=size[1], metavar="N", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the results there as well")
    arguments = parser.parse_args()
    results = measure(getattr(arguments, size[0]))
    print_table(results["runs"])
    print(json.dumps({name: value for name, value in results.items() if name != "runs"}))
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def print_table(runs: dict[str, dict]) -> None:
    """One line a run."""
    width = max(map(len, runs))
    print(f"{'':{width}}  {'seconds':>8}  {'of CPU':>8}  {'peak MiB':>8}")
    for name, run in runs.items():
        print(f"{name:{width}}  {run['seconds']:8.2f}  {run['cpu_seconds']:8.2f}  {run['peak_mib']:8d}")
