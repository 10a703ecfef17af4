"""Compiled quickshift beside scikit-image's: the same superpixels, and how much faster.

    python -m benchmarks.quickshift --images utkface/img --faces 1000

Both cut each face in turn, on one thread; seconds are the processor's. Before that, a process compiles the loops, and
another finds them compiled. Writes ``quickshift.json`` after every face.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from skimage import segmentation
from skimage.color import rgb2lab
from skimage.util import img_as_float
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from age_audit.core.config import PRESETS
from age_audit.explain.quickshift import compiled, quickshift, tree
from benchmarks.__main__ import machine
from benchmarks.faces import crops

SETTINGS = PRESETS["audit"]
ARGUMENTS = {name: getattr(SETTINGS, name) for name in ("kernel_size", "max_dist", "ratio")}
START = (
    "import time; from age_audit.explain.quickshift import compiled; start = time.perf_counter(); compiled(); "
    "print(time.perf_counter() - start)"
)


def start_up() -> dict:
    """Seconds until the loops can be called, numba's import included: the first time, and when they are compiled."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        ended = [
            subprocess.run([sys.executable, "-c", START], env=environment, stdout=-1, check=True) for _ in range(2)
        ]
    return dict(zip(("compile_s", "load_s"), (round(float(one.stdout), 2) for one in ended), strict=True))


def timed(cut, face: np.ndarray) -> tuple[np.ndarray, float]:
    start = time.process_time()
    return cut(face, **ARGUMENTS), time.process_time() - start


def examine(face: np.ndarray) -> dict:
    """Whether both cut the face alike, their seconds, and comparisons that took exact densities."""
    expected, theirs = timed(segmentation.quickshift, face)
    labels, ours = timed(quickshift, face)
    *_, exact = tree(rgb2lab(img_as_float(face)) * SETTINGS.ratio, SETTINGS.kernel_size, 42)
    same = labels.dtype == expected.dtype and np.array_equal(labels, expected)
    return {"identical": same, "scikit_image_s": theirs, "ours_s": ours, "exact": exact}


def in_one_row(faces: list[dict]) -> dict:
    """Counts of faces, mean seconds a face, their ratio.

    Examples
    --------
    >>> face = {"identical": True, "scikit_image_s": 0.3, "ours_s": 0.02, "exact": 0}
    >>> in_one_row([face, face | {"scikit_image_s": 0.1, "exact": 2}])["ratio"]
    10.0
    """
    count = len(faces)
    theirs, ours = (sum(face[who] for face in faces) / count for who in ("scikit_image_s", "ours_s"))
    return {
        "faces": count,
        "identical": sum(face["identical"] for face in faces),
        "scikit_image_s": round(theirs, 4),
        "ours_s": round(ours, 4),
        "ratio": round(theirs / ours, 2),
        "faces_with_exact_comparisons": sum(face["exact"] > 0 for face in faces),
        "exact_comparisons": sum(face["exact"] for face in faces),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--images", type=Path, help="folder of UTKFace images (default: two portraits, in many versions)"
    )
    parser.add_argument("--faces", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="(default: %(default)s)")
    arguments = parser.parse_args()
    wide = Path("/proc/cpuinfo")
    on = machine() | {"avx512": wide.exists() and "avx512f" in wide.read_text()}
    on["libraries"] = {name: version(name) for name in ("numba", "llvmlite", "numpy", "scikit-image")}
    document = {"machine": on, "of": "portraits" if arguments.images is None else "UTKFace"} | start_up()
    found = []
    with threadpool_limits(1):
        compiled()
        for face in tqdm(crops(arguments.images, arguments.faces), unit="face"):
            found.append(examine(face))
            arguments.out.write_text(json.dumps(document | in_one_row(found), indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document | in_one_row(found), indent=1))


if __name__ == "__main__":
    main()
