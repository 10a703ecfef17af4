"""How long everything but the explanations takes, and what a second worker brings."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
from shapely import Point

from age_audit.core.errors import ImageFailure
from age_audit.core.schema import CANVAS
from age_audit.execution import open_execution
from age_audit.faces.alignment import align_face, landmarks_for_alignment
from age_audit.faces.detection import crop_face, detect_faces
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.regions.polygons import region_polygons
from age_audit.regions.scores import score_regions
from benchmarks.faces import crops, photos


def prepare(photo: np.ndarray) -> np.ndarray | None:
    """Align, detect, crop; None where no face is found."""
    try:
        landmarks, _ = landmarks_for_alignment(photo)
        return crop_face(align_face(photo, landmarks).image).image
    except ImageFailure:
        return None


def literal_scores(mask: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    """Stage 2's scores the way the rule says it: ask every polygon about every pixel."""
    positive = int(mask.sum())
    scores = {}
    for region, polygon in region_polygons(landmarks).polygons.items():
        inside = covered = 0
        for y in range(CANVAS):
            for x in range(CANVAS):
                if polygon.contains(Point(x, y)):
                    inside += 1
                    covered += int(mask[y, x])
        scores[region] = covered / inside if inside else 0.0, covered / positive if positive else 0.0
    return scores


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
    pictures, faces = photos(folder, 40 if quick else 240), crops(folder, 5 if quick else 20)
    prepare(pictures[0])  # loads the models
    one = [_seconds(prepare, picture) for picture in pictures[:60]]

    mask = np.random.default_rng(0).random((CANVAS, CANVAS)) < 0.5
    landmarks = [landmarks_on_crop(face)[0] for face in faces]
    score_regions(mask, landmarks[0])
    # In turn, so that a busy machine slows both.
    pairs = [
        (_seconds(lambda face=face: score_regions(mask, landmarks_on_crop(face)[0])), _seconds(detect_faces, face))
        for face in faces
    ]
    whole, detector = zip(*pairs, strict=True)
    fast = [_seconds(score_regions, mask, points) for points in landmarks]
    literal = [_seconds(literal_scores, mask, points) for points in landmarks[: 1 if quick else 2]]

    # In turn, so that a busy machine slows both.
    alone, together = np.mean([[pace(pictures, 1), pace(pictures, 2)] for _ in range(1 if quick else 3)], axis=0)
    return {
        "align, detect, crop": {"ours_s": statistics.median(one), "mean_s": statistics.mean(one)},
        "stage 2, landmarks included": {
            "ours_s": statistics.median(whole),
            "mean_s": statistics.mean(whole),
            "detector_s": statistics.median(detector),
            "ours_to_detector": sum(whole) / sum(detector),
        },
        "stage 2, scoring alone": {
            "ours_s": statistics.median(fast),
            "literal_s": statistics.median(literal),
            "literal_to_ours": statistics.median(literal) / statistics.median(fast),
        },
        "2 workers against 1": {"one_s": alone, "two_s": together, "one_to_two": alone / together},
    }
