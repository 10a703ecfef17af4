"""How long an explanation takes: the naive loop, this package, and the floor, side by side on the same faces.

naive    ``lime`` as shipped (batches of 10, forward selection of all superpixels), asking the same model through
         ``predict``, one process: the loop a user would write.
ours     ``LimeExplainer``, preset published, 100 samples, in this process.
floor    the forward passes alone: 100 ready faces of the model's own input size, in the largest batch that pays.

Each face is timed in all three ways in turn, so that a busy machine slows all of them; ratios are of sums.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from age_audit.core.config import PRESETS
from age_audit.estimators import load_estimator
from age_audit.estimators.sources import estimator_identity
from age_audit.execution import open_execution
from age_audit.explain import LimeExplainer
from age_audit.explain.superpixels import classifier_image
from age_audit.pipeline.tasks import EstimatorChoice, WorkerSetup
from benchmarks.faces import crops

SAMPLES = PRESETS["published"].num_samples


def naive(estimator, face: np.ndarray) -> None:
    """The ``lime`` package as it comes, asking the model as its own library does."""
    from lime.lime_image import LimeImageExplainer

    def classify(faces: np.ndarray) -> np.ndarray:
        if hasattr(estimator, "_graph"):
            return estimator._graph.predict(faces, verbose=0)[1]
        return estimator.predict(faces).probabilities

    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar that cannot be turned off
        LimeImageExplainer(random_state=42, feature_selection="forward_selection").explain_instance(
            classifier_image(face, rescale=True),
            classify,
            top_labels=1,
            hide_color=0,
            num_samples=SAMPLES,
            num_features=10_000,
        )


def floor(name: str, precision: str) -> Callable[[], None]:
    """A function that runs so many forward passes as one explanation, on faces of the model's own input."""
    generator = np.random.default_rng(0)
    if name == "cydral-resnet10":
        session = load_estimator(name)._session
        chips = generator.normal(0, 0.3, (SAMPLES, 3, 64, 64)).astype(np.float32)
        return lambda: session.run(None, {"images": chips})
    from age_audit.estimators.dex import build_wide_resnet

    model = build_wide_resnet(precision)  # weights do not change how long it takes
    faces = generator.uniform(0, 255, (SAMPLES, 64, 64, 3)).astype(np.float32)
    return lambda: model.predict_on_batch(faces)


def side_by_side(name: str, precision: str, faces: list[np.ndarray], with_naive: bool = True) -> dict[str, float]:
    """Median seconds a face each way, and ratios of sums."""
    estimator = load_estimator(name, precision)
    explainer = LimeExplainer(estimator, "published")
    passes = floor(name, precision)
    ways = {"ours": explainer.explain, "floor": lambda face: passes()}
    if with_naive:
        ways["naive"] = lambda face: naive(estimator, face)
    for way in ways.values():  # the first call builds graphs
        way(faces[0])
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for face in faces:
        for way, act in ways.items():
            start = time.perf_counter()
            act(face)
            seconds[way].append(time.perf_counter() - start)
    found = {f"{way}_s": statistics.median(times) for way, times in seconds.items()}
    found["ours_to_floor"] = sum(seconds["ours"]) / sum(seconds["floor"])
    if with_naive:
        found["naive_to_ours"] = sum(seconds["naive"]) / sum(seconds["ours"])
    return found


def _explain(task: tuple[str, str, np.ndarray]) -> float:
    name, precision, face = task
    LimeExplainer(load_estimator(name, precision), "published").explain(face)
    return time.monotonic()


def with_two_workers(name: str, precision: str, faces: list[np.ndarray], known: dict[str, float]) -> dict[str, float]:
    """Pace of two worker processes of one thread each, and how it compares with what is known of the other ways.

    Segmentation of one face then goes on beside the model's work on another.
    """
    seconds = _pace_of_two_workers(name, precision, faces)
    return {
        "two_workers_s": seconds,
        "two_workers_to_floor": seconds / known["floor_s"],
        "naive_to_two_workers": known["naive_s"] / seconds,
    }


def _pace_of_two_workers(name: str, precision: str, faces: list[np.ndarray]) -> float:
    """Seconds a face once both workers are at work."""
    with open_execution(workers=2) as execution:
        tasks, label = [(name, precision, face) for face in faces], f"explain with {name}, {precision}, 2 workers"
        choice = EstimatorChoice(name, precision, "auto", None, estimator_identity(name)["weights_hash"])
        finished = sorted(execution.run(_explain, tasks, label, "face", setup=WorkerSetup(choice)))
    warm = finished[2:]  # both have loaded their model by then
    return (warm[-1] - warm[0]) / (len(warm) - 1)


def measure(folder: Path | None, quick: bool) -> dict[str, dict]:
    """All figures of this file."""
    few, many = crops(folder, 2 if quick else 6), crops(folder, 8 if quick else 40)
    exact = side_by_side("dex-wrn", "float32", few)
    rough = side_by_side("dex-wrn", "bfloat16", few, with_naive=False)
    rough |= {"naive_s": exact["naive_s"], "naive_to_ours": exact["naive_s"] / rough["ours_s"]}
    cydral = side_by_side("cydral-resnet10", "float32", many[: len(many) // 2])
    exact |= with_two_workers("dex-wrn", "float32", many[:14], exact)
    rough |= with_two_workers("dex-wrn", "bfloat16", many[:14], rough)
    cydral |= with_two_workers("cydral-resnet10", "float32", many, cydral)
    return {
        "explain, dex-wrn, float32": exact,
        "explain, dex-wrn, bfloat16": rough,
        "explain, cydral-resnet10": cydral,
    }
