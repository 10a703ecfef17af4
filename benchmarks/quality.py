"""How long the measures of a picture's quality take, beside reading the picture."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from age_audit.faces import brisque
from age_audit.faces.decoding import decode_image
from age_audit.faces.quality import at_common_size
from age_audit.faces.quality import measure as measures_of
from benchmarks.faces import photos


def _as_jpeg(photo: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def measure(folder: Path | None, quick: bool) -> dict[str, dict]:
    """Seconds of the processor a picture, of one thread, and pictures a second with decoding included."""
    files = [_as_jpeg(photo) for photo in photos(folder, 20 if quick else 300)]
    pictures = [decode_image(file)[0] for file in files]
    small = [at_common_size(picture) for picture in pictures]
    measures_of(pictures[0])  # reads the model
    works = ((decode_image, files), (measures_of, pictures), (brisque.score, small))
    with threadpool_limits(1):
        # In turn, so that a busy machine slows all.
        rounds = [[_seconds(act, given) for act, given in works] for _ in range(1 if quick else 5)]
    decode, whole, of_brisque = np.median(rounds, axis=0).tolist()
    without = whole - of_brisque
    return {
        "quality of a picture": {
            "decode_s": decode,
            "all_s": whole,
            "without_brisque_s": without,
            "all_to_decode": whole / decode,
            "without_brisque_to_decode": without / decode,
            "pictures_a_second": 1 / (decode + whole),
            "without_brisque_a_second": 1 / (decode + without),
        }
    }


def _seconds(act, given: list) -> float:
    start = time.process_time()
    for one in given:
        act(one)
    return (time.process_time() - start) / len(given)
