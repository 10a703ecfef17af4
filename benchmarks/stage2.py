"""How long stage 2 takes beside dlib's detector, which it cannot do without, and beside the literal loop."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from shapely import Point

from age_audit.core.schema import CANVAS, Attribution
from age_audit.explain.units import grid_units
from age_audit.faces.detection import detect_faces
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.pipeline.tasks import READINGS
from age_audit.regions.polygons import region_polygons
from age_audit.regions.scores import score_regions
from benchmarks.faces import crops


def literal_scores(mask: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    """The scores the way the rule says it: ask every polygon about every pixel."""
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


def measure(folder: Path | None, quick: bool) -> dict[str, dict]:
    """All figures of this file: the best of several a face, all in turn, so that a busy machine slows all.

    One after another they take different faces, for the masks last made are kept.
    """
    faces, repeats = crops(folder, 5 if quick else 20), 1 if quick else 15
    mask = np.random.default_rng(0).random((CANVAS, CANVAS)) < 0.5
    found = Attribution(grid_units(6), np.random.default_rng(1).normal(size=36), "expected_age", mask, ~mask)
    landmarks = {face.tobytes(): landmarks_on_crop(face)[0] for face in faces}

    def whole(face: np.ndarray) -> None:
        score_regions(mask, landmarks_on_crop(face)[0])

    def readings(face: np.ndarray) -> None:
        points = landmarks_on_crop(face)[0]
        for read in READINGS.values():
            read(found, points, False)

    def scores(face: np.ndarray) -> None:
        score_regions(mask, landmarks[face.tobytes()])

    acts = (detect_faces, landmarks_on_crop, whole, readings, scores)
    whole(faces[0])  # loads the models
    took = [
        [[_seconds(act, faces[place - turn]) for turn, act in enumerate(acts)] for place in range(len(faces))]
        for _ in range(repeats)
    ]
    detector, before, whole_s, readings_s, scores_s = np.min(took, axis=0).T
    few = list(landmarks.values())[: 1 if quick else 2]
    literal = np.min(
        [[_seconds(literal_scores, mask, points) for points in few] for _ in range(min(repeats, 4))], axis=0
    )
    return {
        "stage 2, landmarks included": {
            "ours_s": np.median(whole_s),
            "mean_s": whole_s.mean(),
            "detector_s": np.median(detector),
            "ours_to_detector": whole_s.sum() / detector.sum(),
            "landmarks_to_detector": before.sum() / detector.sum(),
            "all_readings_to_detector": readings_s.sum() / detector.sum(),
        },
        "stage 2, scoring alone": {
            "ours_s": np.median(scores_s),
            "literal_s": np.median(literal),
            "literal_to_ours": np.median(literal) / np.median(scores_s),
        },
    }
