"""Copies among a million pictures: the time and memory to find them by hashes, of made hashes of several kinds.

    python -m benchmarks.duplicates --pictures 1000000 --out benchmarks/duplicates.json

- ``random``: hashes drawn at random. In all kinds one picture in fifty is a planted copy of another, 1 to 4 bits away;
  each has to be found.
- ``equal``: the same, and one hash in fifty is the same one.
- ``crowded``: as alike as hashes of aligned faces. Of dHash of 8,749 faces of UTKFace 2.0 % of all pairs share a band
  and 7 in 100,000 are within 4 bits, of pHash 0.7 % and 7 in a million; made hashes are the signs of 64 mixtures of few
  hidden numbers with noise, so many and so much that their shares come out like these.
- ``whole``: the whole rule, as ``age_audit.audit.dataset.duplicates.clusters_of_copies`` applies it: dHash and pHash,
  both crowded, then the details of what is near, of which only copies are alike.

Decoding and fingerprints are not in it. ``--work fingerprints IMAGES`` times those of a folder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from age_audit.audit.dataset.duplicates import DISTANCE, clusters_of_copies
from age_audit.core.randomness import stream
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.fingerprints import SIDE, fingerprint
from age_audit.stats.hamming import bands, clusters, near_pairs
from benchmarks.__main__ import machine
from benchmarks.measuring import run_apart, run_main

COPIES = 50  # one picture in so many is a copy
LIKE_DHASH, LIKE_PHASH = (3, 0.45), (5, 0.5)  # hidden numbers, and noise


def random(count: int, name: str) -> np.ndarray:
    return stream(1, name).integers(0, 2**64, count, dtype=np.uint64)


def crowded(count: int, name: str, hidden: int, noise: float) -> np.ndarray:
    rng = stream(1, name)
    mixed = rng.normal(size=(hidden, 64)) / np.sqrt(hidden)
    parts = []
    for start in range(0, count, 2**16):
        size = min(2**16, count - start)
        values = rng.normal(size=(size, hidden)) @ mixed + noise * rng.normal(size=(size, 64))
        parts.append(np.packbits(values > 0, axis=1).view(np.uint64).ravel())
    return np.concatenate(parts)


def planted(hashes: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The same with copies, and which picture each of those is a copy of; shape (copies, 2)."""
    rng, count = stream(1, f"copies, {name}"), len(hashes) // COPIES
    chosen = rng.choice(len(hashes), (count, 2), replace=False)
    bits = rng.permuted(np.tile(np.arange(64, dtype=np.uint64), (count, 1)), axis=1)[:, :DISTANCE]
    flips = (np.arange(DISTANCE) < rng.integers(1, DISTANCE + 1, count)[:, None]) * (np.uint64(1) << bits)
    hashes[chosen[:, 0]] = hashes[chosen[:, 1]] ^ np.bitwise_or.reduce(flips, axis=1)
    return hashes, chosen


def told(hashes: np.ndarray, of: np.ndarray, chosen: np.ndarray) -> dict:
    """What was found: the planted copies that share a cluster, clusters, the largest one."""
    same = of[chosen[:, 0]] == of[chosen[:, 1]]
    return {
        "pictures": len(hashes),
        "planted": len(chosen),
        "planted_found": int(same.sum()),
        "clusters": int(of.max()) + 1,
        "largest_cluster": int(np.bincount(of).max()),
    }


def counted(hashes: np.ndarray) -> dict:
    """Shares of all pairs: those that share a band, counted once a band, and near ones."""
    every = len(hashes) * (len(hashes) - 1) / 2
    sizes = (np.unique(hashes & mask, return_counts=True)[1].astype(float) for mask in bands(DISTANCE + 1))
    near = sum(map(len, near_pairs(hashes, DISTANCE)))
    shared = sum((n * (n - 1) / 2).sum() for n in sizes)
    return {"compared_share": round(shared / every, 5), "near_pairs": near, "near_share": round(near / every, 8)}


def work_random(count: str) -> dict:
    hashes, chosen = planted(random(int(count), "random"), "random")
    return told(hashes, clusters(hashes, DISTANCE), chosen)


def work_equal(count: str) -> dict:
    hashes, chosen = planted(random(int(count), "equal"), "equal")
    others = np.setdiff1d(np.arange(len(hashes)), chosen)
    hashes[others[: len(hashes) // COPIES]] = 0
    return told(hashes, clusters(hashes, DISTANCE), chosen)


def work_crowded(count: str) -> dict:
    hashes, chosen = planted(crowded(int(count), "crowded", *LIKE_DHASH), "crowded")
    return told(hashes, clusters(hashes, DISTANCE), chosen)


def work_shares(count: str) -> dict:
    kinds = {"like_dhash": LIKE_DHASH, "like_phash": LIKE_PHASH}
    return {name: counted(crowded(int(count), name, *how)) for name, how in kinds.items()}


def work_whole(count: str) -> dict:
    count = int(count)
    dhash, chosen = planted(crowded(count, "dhash", *LIKE_DHASH), "whole")
    phash = crowded(count, "phash", *LIKE_PHASH)
    details = stream(1, "details").integers(-127, 128, (count, SIDE, SIDE), dtype=np.int8)
    details[chosen[:, 0]] = details[chosen[:, 1]] // np.int8(2)
    return told(dhash, clusters_of_copies(np.arange(count), dhash, phash, details), chosen)


def work_fingerprints(images: str) -> dict:
    paths = sorted(Path(images).iterdir())
    for path in paths:
        fingerprint(decode_image(read_bytes(path))[0])
    return {"pictures": len(paths)}


WORKS = {name.removeprefix("work_"): work for name, work in list(globals().items()) if name.startswith("work_")}


def measure(count: int) -> dict:
    """Each kind in a process of its own, the compilation of the loop included where it is not kept."""
    runs = {name: run_apart(__file__, name, count) for name in ("random", "equal", "crowded", "whole")}
    shares = run_apart(__file__, "shares", count)["result"]
    return {"machine": machine(), "distance": DISTANCE, "shares": shares, "runs": runs}


if __name__ == "__main__":
    run_main(__doc__, WORKS, measure, ("pictures", 1_000_000))
