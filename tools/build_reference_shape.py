"""Compute the mean shape that faces are aligned to, from a folder of face images.

    python tools/build_reference_shape.py --images utkface/img

writes age_audit/faces/reference_shape.json. The shipped file was made from all faces of UTKFace's first part on
which the detector finds a face. Making it anew from other faces changes every aligned picture: do it only with a
reason.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from age_audit.core.errors import ImageFailure
from age_audit.faces import alignment
from age_audit.faces.decoding import decode_image, read_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of face images")
    parser.add_argument("--to", type=Path, default=alignment.REFERENCE_FILE, help="file to write")
    arguments = parser.parse_args()
    shapes = []
    for path in tqdm(sorted(arguments.images.iterdir()), unit="face"):
        try:
            landmarks, _ = alignment.landmarks_for_alignment(decode_image(read_bytes(path))[0])
        except ImageFailure:
            continue
        shapes.append(landmarks[alignment.ALIGNMENT_POINTS])
    points = alignment.mean_shape(np.array(shapes, dtype=np.float64))
    document = {
        "what": "generalised Procrustes mean of landmarks 17-60 (x, y) in pixels, eyes level and 94 pixels apart",
        "faces": len(shapes),
        "points": [[round(float(x), 3), round(float(y), 3)] for x, y in points],
    }
    arguments.to.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
