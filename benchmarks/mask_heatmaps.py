"""How long the heatmap sums of the packed masks of a whole run take, group by group.

    python -m benchmarks.mask_heatmaps [--masks N] [--out FILE.json]

Makes packed masks of the study's size from a fixed seed, and sums them by race in a process each: the routine, and for
comparison the plain way, mask by mask. Both have to give the same sums. ``seconds`` of a run holds the start of the
process and the reading of the file; ``sum_seconds`` the sums alone.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

# Whatever this module imports counts in the memory of every process it starts, so that the heavy libraries come later.
from benchmarks.measuring import run_apart, run_main

MASKS = 8749  # faces of UTKFace's first part
SEED = 42


def measure(masks: int = MASKS) -> dict:
    """Seconds and peak memory of both ways; see :func:`benchmarks.measuring.run_apart` for the unit of each."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/masks.npz"
        run_apart(__file__, "make", path, masks)
        runs = {
            "signed_mask_sums": run_apart(__file__, "sums", path),
            "mask by mask": run_apart(__file__, "plain_sums", path),
        }
    hashes = set()
    for run in runs.values():
        hashes.add(run["result"]["hash"])
        run["sum_seconds"] = run.pop("result")["seconds"]
    if len(hashes) != 1:
        raise RuntimeError("expected the same sums from both ways, got different ones")
    ours, plain = runs.values()
    ratio = round(plain["sum_seconds"] / ours["sum_seconds"], 1)
    return {"masks": masks, "seed": SEED, "sum_seconds": ours["sum_seconds"], "plain_over_ours": ratio, "runs": runs}


def make(path: str, masks: str) -> None:
    """Write random masks and a race each, the way stage 1 stores masks."""
    import numpy as np

    from age_audit.core.schema import CANVAS, UTKFACE_RACES
    from age_audit.store.files import pack_arrays

    rng = np.random.default_rng(SEED)
    positive = rng.integers(0, 256, (int(masks), CANVAS * CANVAS // 8), dtype=np.uint8)
    Path(path).write_bytes(pack_arrays(positive=positive, race=rng.choice(UTKFACE_RACES, int(masks))))


def sums(path: str) -> dict:
    """By the routine."""
    from age_audit.core.masks import signed_mask_sums

    return timed(signed_mask_sums, path)


def plain_sums(path: str) -> dict:
    """One mask after the other, +1 and -1."""
    import numpy as np

    from age_audit.core.masks import unpack_masks
    from age_audit.core.schema import CANVAS

    def by_mask(positive, races):
        found = {str(race): np.zeros((CANVAS, CANVAS), dtype=int) for race in np.unique(races)}
        for i, race in enumerate(races):
            found[str(race)] += np.where(unpack_masks(positive[i : i + 1])[0], 1, -1)
        return found

    return timed(by_mask, path)


def timed(routine, path: str) -> dict:
    """Seconds of the sums alone, and a hash of them."""
    import hashlib
    import time

    from age_audit.store.files import unpack_arrays

    arrays = unpack_arrays(Path(path).read_bytes())
    start = time.perf_counter()
    found = routine(arrays["positive"], arrays["race"])
    seconds = time.perf_counter() - start
    digest = hashlib.sha256(b"".join(found[group].astype("int64").tobytes() for group in sorted(found))).hexdigest()
    return {"seconds": round(seconds, 3), "hash": digest}


if __name__ == "__main__":
    run_main(__doc__, {work.__name__: work for work in (make, sums, plain_sums)}, measure, ("masks", MASKS))
