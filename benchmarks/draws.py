"""How much sooner faces are drawn by compiled code than by numpy, and intervals got than by scipy's bootstrap.

    python -m benchmarks.draws

Both ways draw in turn, in one process on one thread, and the draws are the same, which is checked; seconds are of the
processor. What is drawn is as large as in the notebooks. Written to ``draws.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from age_audit.stats import dealing
from age_audit.stats.resampling import combination_interval

ROUNDS = 7
OUT = Path(__file__).with_suffix(".json")


def permuted(ours: bool) -> np.ndarray:
    """2,000 permutations of 128 faces, of whom 40 are in a group."""
    rng, dealt = np.random.default_rng(1), np.empty((2000, 128))
    if not ours:
        return rng.permuted(np.tile(np.arange(128) < 40, (2000, 1)), axis=1).astype(float)
    dealing.permuted(rng, 40, dealt)
    return dealt


def chosen(ours: bool) -> np.ndarray:
    """200 times 4,200 of 8,447 faces."""
    rng, dealt = np.random.default_rng(1), np.zeros((200, 8447))
    if ours:
        dealing.chosen(rng, 4200, dealt)
    else:
        for row in dealt:
            row[rng.choice(8447, 4200, replace=False, shuffle=False)] = 1
    return dealt


def counted(ours: bool) -> np.ndarray:
    """500 bootstrap samples of 2,000 faces: how often each is drawn."""
    rng, counts = np.random.default_rng(1), np.empty((500, 2000))
    if ours:
        dealing.counted(rng, counts)
    else:
        for row in counts:
            row[:] = np.bincount(rng.integers(2000, size=2000), minlength=2000)
    return counts


def interval(ours: bool) -> np.ndarray:
    """BCa intervals of the difference of two groups' means, of 1,000 and 300 faces, from 2,000 samples."""
    source = np.random.default_rng(2)
    samples = source.exponential(size=(2, 1000)), source.exponential(size=(2, 300))
    if ours:
        found = combination_interval(samples, [1, -1], rng=np.random.default_rng(1), draws=2000)
        return np.stack([found.low, found.high])
    found = scipy.stats.bootstrap(
        samples,
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        n_resamples=2000,
        batch=2**21 // 1300,
        axis=-1,
        rng=np.random.default_rng(1),
    )
    return np.stack(found.confidence_interval)


def measured(work: Callable[[bool], np.ndarray], rounds: int = ROUNDS) -> dict:
    """Processor seconds of both ways, the median of rounds, and the median of their ratios."""
    seconds = np.empty((rounds, 2))
    np.testing.assert_allclose(work(True), work(False), rtol=0, atol=2e-9)  # which compiles, too
    for row in seconds:
        for place, ours in enumerate((False, True)):
            start = time.process_time()
            work(ours)
            row[place] = time.process_time() - start
    ratio = float(np.median(seconds[:, 0] / seconds[:, 1]))
    library, own = np.median(seconds, axis=0)
    return {"library_s": round(float(library), 4), "ours_s": round(float(own), 4), "library_to_ours": round(ratio, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    found = {}
    with threadpool_limits(1):
        for work in (permuted, chosen, counted, interval):
            found[work.__name__] = {"of": work.__doc__} | measured(work)
            print(work.__name__, found[work.__name__], flush=True)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
