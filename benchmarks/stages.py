"""How long faces take to be prepared, and what a second worker brings."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np

from age_audit.core.errors import ImageFailure
from age_audit.execution import open_execution
from age_audit.faces.alignment import align_face, landmarks_for_alignment
from age_audit.faces.detection import crop_face
from benchmarks.faces import photos


def prepare(photo: np.ndarray) -> np.ndarray | None:
    """Align, detect, crop; None where no face is found."""
    try:
        landmarks, _ = landmarks_for_alignment(photo)
        return crop_face(align_face(photo, landmarks).image).image
    except ImageFailure:
        return None


def _seconds(act, *arguments) -> float:
    start = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - start


def _prepare_and_tell_when(photo: np.ndarray) -> float:
    prepare(photo)
    return time.monotonic()


def pace(pictures: list[np.ndarray], workers: int) -> float:
    """Seconds a face once all workers are at work; loading libraries and models is left out."""
    with open_execution(workers=workers) as execution:
        label = f"align, detect, crop with {workers} worker" + "s" * (workers > 1)
        finished = sorted(execution.run(_prepare_and_tell_when, pictures, label, "face"))
    warm = finished[2 * workers :]
    return (warm[-1] - warm[0]) / (len(warm) - 1)


def measure(folder: Path | None, quick: bool) -> dict[str, dict]:
    """All figures of this file."""
    pictures = photos(folder, 40 if quick else 240)
    prepare(pictures[0])  # loads the models
    one = [_seconds(prepare, picture) for picture in pictures[:60]]

    # In turn, so that a busy machine slows both.
    alone, together = np.mean([[pace(pictures, 1), pace(pictures, 2)] for _ in range(1 if quick else 3)], axis=0)
    return {
        "align, detect, crop": {"ours_s": statistics.median(one), "mean_s": statistics.mean(one)},
        "2 workers against 1": {"one_s": alone, "two_s": together, "one_to_two": alone / together},
    }
