"""cleanvision 0.3.7 beside the data set's own audit, on the same folder and one process: ``make bench-cleanvision``.

    python -m benchmarks.cleanvision_peer --images utkface/img --pictures 1000

Both read every file themselves. cleanvision scores brightness, blur, odd sizes, colour and information, and looks for
duplicates by a perceptual hash that must be equal; ours measures seven qualities, BRISQUE among them, and looks for
copies by two hashes that may differ, confirmed by details. Copies that both find, and that only one finds, are counted;
those that it alone finds are to be looked at, which no number can do.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import json
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import scipy.stats

from age_audit.audit.dataset.duplicates import clusters_of_copies
from age_audit.data.images import list_images
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.fingerprints import fingerprint
from age_audit.faces.quality import measure

OUT = Path(__file__).with_suffix(".json")
ROUNDS = 3


def ours(paths: list[Path], with_brisque: bool = True) -> tuple[list[dict], set[tuple[str, str]]]:
    """Measures of each picture, and pairs of copies by name."""
    measures, marks = [], []
    for path in paths:
        image, _ = decode_image(read_bytes(path))
        measures.append(measure(image, with_brisque=with_brisque))
        marks.append(fingerprint(image))
    kept = ([getattr(mark, name) for mark in marks] for name in ("pixels", "dhash", "phash"))
    clusters = clusters_of_copies(*kept, np.stack([mark.details for mark in marks]))
    names = np.array([path.name for path in paths])
    return measures, pairs(names[clusters == number] for number in np.unique(clusters))


def theirs(folder: Path):
    """What cleanvision calls its laboratory, after it has looked for every issue."""
    from cleanvision import Imagelab  # of an environment that has it

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        lab = Imagelab(data_path=str(folder))
        lab.find_issues(n_jobs=1, verbose=False)
    return lab


def pairs(sets) -> set[tuple[str, str]]:
    return {pair for names in sets for pair in combinations(sorted(names), 2)}


def main() -> int:
    """Time both in turn, and compare what they find."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cleanvision_peer", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of images")
    parser.add_argument("--pictures", type=int, default=1000, help="the first by name (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {"ours": [], "ours_without_brisque": [], "cleanvision": []}
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for file in list_images(arguments.images)[: arguments.pictures]:
            paths.append(Path(folder, file.fname))
            paths[-1].symlink_to(file.path.resolve())
        measure(decode_image(read_bytes(paths[0]))[0])  # loads BRISQUE's model
        for _ in range(ROUNDS):
            for name, with_brisque in (("ours_without_brisque", False), ("ours", True)):
                start = time.process_time()
                measures, found = ours(paths, with_brisque)
                seconds[name].append(time.process_time() - start)
            start = time.process_time()
            lab = theirs(Path(folder))
            seconds["cleanvision"].append(time.process_time() - start)
    sets = [names for kind in ("exact_duplicates", "near_duplicates") for names in lab.info[kind]["sets"]]
    other = pairs([Path(name).name for name in names] for names in sets)
    in_order = lab.issues.loc[sorted(lab.issues.index, key=lambda name: Path(name).name)]
    blur = scipy.stats.spearmanr([row["laplacian_variance"] for row in measures], in_order["blurry_score"]).statistic
    best = {name: min(times) for name, times in seconds.items()}
    result = {
        "pictures": len(paths),
        "cleanvision": importlib.metadata.version("cleanvision"),
        "core_seconds_a_thousand_pictures": {n: round(1000 * s / len(paths), 2) for n, s in best.items()},
        "to_cleanvision": {
            name: round(best[name] / best["cleanvision"], 2) for name in ("ours", "ours_without_brisque")
        },
        "copies": {
            "both": len(found & other),
            "ours_alone": len(found - other),
            "cleanvision_alone": len(other - found),
        },
        "spearman_of_blur": round(float(blur), 3),
        "called_blurry_by_cleanvision": int(in_order["is_blurry_issue"].sum()),
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
