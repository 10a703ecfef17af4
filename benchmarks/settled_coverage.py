"""How often settled superpixels have the right sign and a true interval, by two designs and two rules.

    python -m benchmarks.settled_coverage --images utkface/img --keep samples --estimator cydral-resnet10 --faces 60

Superpixels of a face are held fixed, and the estimator is asked about ``--designs`` independent designs of 256 masked
faces each. Every design is explained by itself, and judged by the mean weight of the others; with 16 designs, 4,096
masked faces in all. These share the ridge penalty's bias, so that it is judged once more by the weights that all 4,096
give without penalty. Two designs are compared, ``balanced`` (Sylvester's matrix) and ``paley``, and two rules: a
superpixel is settled by the 95 % interval of its weight, taken by itself, or such that the false discovery rate of a
face is held. Then four designs at a time are taken for a run of ``--until-settled``, which looks after one, two and all
four, and is judged by the other twelve.

What the estimator said is kept in ``--keep``, a file a face: the same command goes on where it was stopped, and after a
change of the rules only the arithmetic is done again. Replaces the estimator's rows in ``settled_coverage.json``, which
docs/method.md quotes, after every face.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
from tqdm import tqdm

from age_audit.core.config import PRESETS
from age_audit.core.errors import ImageFailure
from age_audit.data.images import draw_evenly, list_images
from age_audit.data.label_formats import LabelSource
from age_audit.estimators import load_estimator
from age_audit.estimators.masked import MaskedFaces
from age_audit.explain.design import balanced_design, folded_together, paley_design
from age_audit.explain.regression import (
    WeightErrors,
    fit_local_model,
    foldover_errors,
    foldover_intervals,
    selected_intervals,
)
from age_audit.explain.superpixels import hidden_image, image_seed, segment
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.detection import crop_face

SETTINGS = PRESETS["audit"]
SAMPLES = 256
LINEAR = SETTINGS.kernel_width, SETTINGS.ridge_alpha
RATE = 1 - SETTINGS.confidence
DESIGNS = {"balanced": balanced_design, "paley": paley_design}
TOGETHER, LOOKS = 4, 3  # designs a run of --until-settled, and how often it looks: after 1, 2 and 4
UNTIL = 0.9
OUT = Path(__file__).with_suffix(".json")


def weights_of(shown, targets):
    return fit_local_model(shown, targets, *LINEAR)


def unpenalised_of(shown, targets) -> np.ndarray:
    return weights_of(shown, targets).weights + foldover_errors(shown, targets, *LINEAR).shrinkage


@dataclass(frozen=True)
class Sampled:
    """What an estimator said of one face: ``areas`` (S,) sum to 1; ``shown`` and ``targets`` have an entry a design."""

    areas: np.ndarray
    shown: list[np.ndarray]
    targets: list[np.ndarray]


def sampled(estimator, face: np.ndarray, design: str, designs: int, seed: int, kept: Path) -> Sampled:
    """Ask what is not kept yet."""
    segments = segment(face, SETTINGS.kernel_size, SETTINGS.max_dist, SETTINGS.ratio)
    areas = np.bincount(segments.ravel()) / segments.size
    own = image_seed(face, seed)
    shown = [DESIGNS[design](len(areas), SAMPLES, np.random.default_rng([own, number])) for number in range(designs)]
    targets = list(np.load(kept)) if kept.exists() else []
    if len(targets) < designs:
        hidden = hidden_image(face, segments, SETTINGS.hidden)
        bound = estimator.bind(face) if hasattr(estimator, "bind") else estimator
        for rows in shown[len(targets) :]:
            targets.append(bound.predict_masked(MaskedFaces(face, hidden, segments, rows)).age)
        unfinished = kept.with_suffix(".part.npy")
        np.save(unfinished, targets)
        unfinished.replace(kept)
    return Sampled(areas, shown, targets[:designs])


def each_by_itself(weights: np.ndarray, errors: WeightErrors, shown, targets) -> np.ndarray:
    return foldover_intervals(shown, targets, weights_of(shown, targets), *LINEAR, SETTINGS.confidence)


def as_a_set(weights: np.ndarray, errors: WeightErrors, shown, targets) -> np.ndarray:
    return selected_intervals(weights, errors, RATE)


RULES: dict[str, Callable[..., np.ndarray]] = {"interval": each_by_itself, "false-discovery-rate": as_a_set}


def judged(face: Sampled, rule: str) -> dict:
    """One face, each of its designs by the mean of the others, and by the unpenalised weights of all.

    The mean of the others is off by a fifteenth of a design's variance; ``z`` is corrected for that, the rates are
    not: a sign counts as wrong that the mean of the others has not.
    """
    weights, errors, intervals = [], [], []
    for shown, targets in zip(face.shown, face.targets, strict=True):
        weights.append(weights_of(shown, targets).weights)
        errors.append(foldover_errors(shown, targets, *LINEAR))
        intervals.append(RULES[rule](weights[-1], errors[-1], shown, targets))
    weights, intervals = np.array(weights), np.array(intervals)
    others = len(weights) - 1
    reference = (weights.sum(axis=0) - weights) / others
    standard = np.array([error.standard for error in errors]) * np.sqrt(1 + 1 / others)
    pooled = tuple(reduce(folded_together, parts) for parts in (face.shown, face.targets))
    penalised = weights_of(*pooled).weights
    unpenalised = unpenalised_of(*pooled)
    z = (weights - reference) / standard
    settled = (intervals[..., 0] > 0) | (intervals[..., 1] < 0)
    marked = np.where(settled, np.sign(weights), 0)
    return {
        "superpixels": len(face.areas),
        "settled": settled.mean(),
        "area_settled": (settled * face.areas).sum(axis=1).mean(),
        "signs_wrong": (np.sign(weights) != np.sign(reference)).mean(),
        "coverage": _inside(intervals, reference).mean(),
        "false_discovery_rate": _share(settled & (np.sign(weights) != np.sign(reference)), settled),
        "false_coverage_rate": _share(settled & ~_inside(intervals, reference), settled),
        "false_coverage_rate_of_4096": _share(settled & ~_inside(intervals, penalised), settled),
        "false_discovery_rate_unpenalised": _share(settled & (np.sign(weights) != np.sign(unpenalised)), settled),
        "false_coverage_rate_unpenalised": _share(settled & ~_inside(intervals, unpenalised), settled),
        "overlap_of_settled": _mean([_overlap(*pair) for pair in pairwise(marked)]),
        "z_variance": z.var(),
        "z_beyond_4": (np.abs(z) > 4).mean(),
        "settled_count": int(settled.sum()),
        "settled_wrong_count": int((settled & (np.sign(weights) != np.sign(reference))).sum()),
        "settled_missed_count": int((settled & ~_inside(intervals, reference)).sum()),
    }


def _inside(intervals: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return (intervals[..., 0] <= reference) & (reference <= intervals[..., 1])


def _share(false: np.ndarray, settled: np.ndarray) -> float:
    """Mean over designs of the share of settled superpixels that are false; 0 where none is settled."""
    return float((false.sum(axis=1) / np.maximum(settled.sum(axis=1), 1)).mean())


def _mean(values) -> float:
    values = np.array(values, dtype=float)
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Superpixels that two masks mark alike, of those that either marks (Jaccard)."""
    either = (one != 0) | (other != 0)
    return float((one == other)[either].mean()) if either.any() else np.nan


def until_settled(face: Sampled) -> dict:
    """Runs of up to four designs that look after one, two and all, and stop when enough of the area is settled.

    Judged by unpenalised weights alone: those of a design shrink more than those of a run of four.
    """
    alone = [unpenalised_of(*pair) for pair in zip(face.shown, face.targets, strict=True)]
    unpenalised = unpenalised_of(*(reduce(folded_together, parts) for parts in (face.shown, face.targets)))
    samples, areas, stopped, rates = [], [], [], []
    for start in range(0, len(alone) - TOGETHER + 1, TOGETHER):
        of_run = range(start, start + TOGETHER)
        reference = np.mean([weights for number, weights in enumerate(alone) if number not in of_run], axis=0)
        for look in range(LOOKS):
            parts = slice(start, start + 2**look)
            shown, targets = (reduce(folded_together, of[parts]) for of in (face.shown, face.targets))
            weights = weights_of(shown, targets).weights
            intervals = selected_intervals(weights, foldover_errors(shown, targets, *LINEAR), RATE / LOOKS)
            settled = (intervals[:, 0] > 0) | (intervals[:, 1] < 0)
            enough = bool(settled @ face.areas >= UNTIL)
            if enough:
                break
        count = max(int(settled.sum()), 1)
        samples.append(len(shown))
        areas.append(settled @ face.areas)
        stopped.append(enough)
        rates.append(
            {
                f"{name}{of}": (settled & false).sum() / count
                for of, truth in (("", reference), ("_unpenalised", unpenalised))
                for name, false in (
                    ("false_discovery_rate", np.sign(weights) != np.sign(truth)),
                    ("false_coverage_rate", ~_inside(intervals, truth)),
                )
            }
        )
    found = {"samples": samples, "area_settled": areas, "reached": stopped}
    found |= {name: [of_run[name] for of_run in rates] for name in rates[0]}
    return {name: float(np.mean(values)) for name, values in found.items()} | {"superpixels": len(face.areas)}


def in_one_row(faces: list[dict]) -> dict:
    """Each figure's mean over the faces, and of the rates the highest of a face; what is counted is summed.

    The share of all faces' settled superpixels that have the wrong sign stands beside the mean over faces, because
    faces have very different numbers of settled superpixels.
    """
    row = {}
    for name in faces[0]:
        values = np.array([face[name] for face in faces], dtype=float)
        if not name.endswith("_count"):
            row[name] = np.nanmean(values)
        if name.endswith("_rate"):
            row |= {f"{name}_standard_error": values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan}
            row |= {f"{name}_high": values.max()}
    if "settled_count" in faces[0]:
        settled, wrong, missed = (
            sum(face[f"settled{what}_count"] for face in faces) for what in ("", "_wrong", "_missed")
        )
        row |= {"signs_wrong_of_settled": wrong / max(settled, 1), "coverage_of_settled": 1 - missed / max(settled, 1)}
    rounded = {name: round(float(value), 4) for name, value in row.items()}
    return {name: value if np.isfinite(value) else None for name, value in rounded.items()}


NAMES = {"balanced": "Sylvester", "paley": "Paley", "interval": "each by itself"}
NAMES |= {"false-discovery-rate": "as a set", "until-settled": "as a set, up to three looks"}


def table(rows: list[dict]) -> str:
    """The rows as docs/method.md shows them."""
    lines = ["| estimator | faces | design | rule | settled | area | signs wrong | worst face | missed | worst face | "]
    lines[0] += "signs wrong, unpenalised | missed, unpenalised |"
    lines += ["|" + "---|" * 12]
    for row in rows:
        shares = [f"{name}{high}" for name in ("false_discovery_rate", "false_coverage_rate") for high in ("", "_high")]
        cells = [row["estimator"], row["faces"], NAMES[row["design"]], NAMES[row["rule"]]]
        cells += ["–" if row.get("settled") is None else f"{row['settled']:.0%}", f"{row['area_settled']:.0%}"]
        shares += [f"{name}_unpenalised" for name in ("false_discovery_rate", "false_coverage_rate")]
        cells += ["–" if row.get(share) is None else f"{row[share]:.1%}" for share in shares]
        lines.append("| " + " | ".join(map(str, cells)).replace("%", " %") + " |")
    return "\n".join(lines)


def drawn_faces(images: Path, faces: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Names and crops, drawn evenly over groups and ages, in an order in which the first few are spread too."""
    files = {file.image: file for file in list_images(images)}
    labels = LabelSource("utkface")
    drawn = draw_evenly({image: labels.label(file.fname) for image, file in files.items()}, faces, seed)
    for image in np.random.default_rng(seed).permutation(drawn):
        try:
            yield PurePosixPath(image).name, crop_face(decode_image(read_bytes(files[image].path))[0]).image
        except ImageFailure:
            continue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of UTKFace images")
    parser.add_argument("--keep", type=Path, required=True, help="folder for what the estimator said")
    parser.add_argument("--faces", type=int, default=60, help="faces to draw (default: %(default)s)")
    parser.add_argument("--most", type=int, help="examine only so many of them (default: all)")
    parser.add_argument("--designs", type=int, default=16, help="independent designs a face (default: %(default)s)")
    parser.add_argument("--design", choices=DESIGNS, default="paley", help="(default: %(default)s)")
    parser.add_argument("--estimator", default="cydral-resnet10", help="(default: %(default)s)")
    parser.add_argument("--precision", default="float32", help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to replace rows of (default: beside this file)")
    arguments = parser.parse_args()
    estimator = load_estimator(arguments.estimator, arguments.precision)
    folder = arguments.keep / arguments.estimator / arguments.design
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict]] = {rule: [] for rule in RULES}
    if arguments.design == "paley":
        found["until-settled"] = []
    for number, (name, face) in enumerate(tqdm(drawn_faces(arguments.images, arguments.faces, arguments.seed))):
        if number == arguments.most:
            break
        kept = folder / f"{name}.npy"
        asked = sampled(estimator, face, arguments.design, arguments.designs, arguments.seed, kept)
        for rule, faces in found.items():
            faces.append(until_settled(asked) if rule == "until-settled" else judged(asked, rule))
        write(arguments, found)


def write(arguments: argparse.Namespace, found: dict[str, list[dict]]) -> None:
    """Replace the rows of this estimator and design."""
    rows = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    rows = [row for row in rows if (row["estimator"], row["design"]) != (arguments.estimator, arguments.design)]
    for rule, faces in found.items():
        asked = {name: getattr(arguments, name) for name in ("estimator", "precision", "design")} | {"rule": rule}
        asked |= {"faces": len(faces), "designs": arguments.designs, "seed": arguments.seed}
        rows.append(asked | in_one_row(faces))
    rows.sort(key=lambda row: [row[name] for name in ("estimator", "design", "rule")])
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
