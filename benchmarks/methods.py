"""What methods of explanation are worth: how faithful, how stable and how dear each is, on several estimators.

    python -m benchmarks.methods --images utkface/img
    python -m benchmarks.methods --summary    # of what is there, without explaining more
    python -m benchmarks.methods --tables     # what docs/methods.md shows; --docs docs/methods.md puts it there

Faces are drawn evenly over race, gender and age range, one after the other, so that those of a short run are among
those of a longer one. Every method gets about 256 passes of the estimator a face; a derivative counts as three (one
forward, and about two back). The first ``WHOLE`` faces are asked everything. The others are explained once and hidden
in one way: to explain them again, by another seed, moved by some pixels and with drawn weights, is two thirds of the
cost, and their number makes faithfulness, by group above all, surer. What is found of each face stands in
``methods_faces.jsonl.xz``, and while a run goes on in a plain file beside it: a run that is started again, on this
machine or on another, does only what is missing in both. ``methods.json`` holds means with intervals.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import time
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from age_audit.audit.explanations.faithfulness_by_group import faithfulness_by_group
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.groups import age_range_of
from age_audit.core.randomness import Resampling, stream
from age_audit.data.images import draw_evenly, list_images
from age_audit.data.label_formats import LabelSource
from age_audit.estimators import load_estimator
from age_audit.estimators.registry import configure_threads
from age_audit.explain import EXPLAINERS, load_explainer
from age_audit.explain.faithfulness import SCORES, Chance, chance_of, faithfulness
from age_audit.explain.stability import against_drawn_weights, drawn_shift, over_seeds, over_shift
from age_audit.explain.superpixels import image_seed, segment
from age_audit.explain.units import grid_units, rank_correlation, seen_units, unit_means
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.detection import crop_face
from age_audit.stats.resampling import LEAST_FACES, combination_interval

OUT = Path(__file__).with_suffix(".json")
KEPT = OUT.with_name("methods_faces.jsonl.xz")
WHOLE = 60  # faces that are asked everything
PASSES, OF_A_DERIVATIVE = 256, 3
DERIVATIVES = PASSES // OF_A_DERIVATIVE
BUDGET = {
    "lime": {"num_samples": PASSES},
    "kernel-shap": {"num_samples": PASSES - 2},
    "occlusion": {"cells": 14, "window": 2},  # 225 places of the square, and the face
    "rise": {"num_samples": PASSES},
    "score-cam": {"most": PASSES - 1},
    "integrated-gradients": {"steps": DERIVATIVES, "most_steps": DERIVATIVES},  # as many for all
    "smooth-grad": {"num_samples": DERIVATIVES},
}
WITHOUT_SIGNS = ("grad-cam", "grad-cam++", "score-cam", "smooth-grad")
DRAWS = ("lime", "kernel-shap", "rise", "smooth-grad", "random")  # of which another seed gives another map
# Which parts are hidden, and by what: the first is what tables are of, the others say whether that matters.
SHOWN = ("lime", "occlusion")  # of the methods, in the table of groups; the result has all
WAYS = (("grid", "mean-colour"), ("grid", "blurred"), ("superpixels", "mean-colour"))
ESTIMATORS = {"cydral-resnet10": "float32", "face-api": "float32", "faceres": "bfloat16", "dex-wrn": "bfloat16"}
FEATURES = ("race", "gender", "age_range")
SEED = 42
RESAMPLING = Resampling(seed=SEED)


class Counted:
    """An estimator that counts its passes, a face each; a derivative is three."""

    def __init__(self, estimator, counts: Counter):
        self._estimator, self._counts = estimator, counts

    def __getattr__(self, name: str):
        found = getattr(self._estimator, name)
        if name == "bind":
            return lambda face: Counted(found(face), self._counts)
        cost = {"predict": 1, "predict_masked": 1, "gradients": OF_A_DERIVATIVE, "last_maps": OF_A_DERIVATIVE}.get(name)
        return found if cost is None else self._counting(found, cost)

    def _counting(self, method, cost: int):
        def counted(some, *others):
            self._counts["passes"] += cost * len(some)
            return method(some, *others)

        return counted


def methods_of(estimator) -> list[str]:
    """Those that work on it."""
    return [name for name, m in EXPLAINERS.items() if estimator.gives_gradients or not m.needs_gradients]


def units_of(face: np.ndarray, kind: str) -> np.ndarray:
    return grid_units() if kind == "grid" else segment(face, kernel_size=4, max_dist=200, ratio=0.2)


def chances(estimator, face: np.ndarray, ways=WAYS) -> dict:
    """What random orders give, by way, and which cells of the grid the estimator looks at."""
    found = {" ".join(way): vars(chance_of(estimator, face, units=units_of(face, way[0]), fill=way[1])) for way in ways}
    return found | {"seen": "".join(map(str, seen_units(estimator, face, grid_units()).astype(int)))}


def examine(name: str, estimator, face: np.ndarray, by_chance: dict, again: bool, drawn) -> dict:
    """All that is asked of one method on one face.

    Parameters
    ----------
    by_chance : dict
        Of :func:`chances`; the map is judged in its ways.
    again : bool
        Whether to explain it again by another seed, and moved.
    drawn : AgeEstimator or None
        The estimator with weights drawn anew, to explain it with as well.
    """
    counts, chosen, seen = Counter(), BUDGET.get(name, {}), _seen(by_chance)
    explainer = load_explainer(name, Counted(estimator, counts), seed=SEED, **chosen)
    wall, cpu = time.perf_counter(), time.process_time()
    found = explainer.explain(face)
    cost = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu, "passes": counts["passes"]}
    record = {name: round(value, 4) for name, value in cost.items()}
    for way in WAYS:
        if " ".join(way) not in by_chance:
            continue
        chance = Chance(**by_chance[" ".join(way)])
        judged = faithfulness(estimator, face, found, units=units_of(face, way[0]), fill=way[1], chance=chance)
        record[" ".join(way)] = {score: _digits(getattr(judged, score)) for score in SCORES}
        record[" ".join(way)] |= {f"{score}_spreads": _digits(v) for score, v in judged.in_spreads().items()}
    if again:
        record |= _again(name, estimator, face, found, seen)
    if drawn is not None:
        untaught = load_explainer(name, drawn, seed=SEED, **chosen).explain(face)
        kept = against_drawn_weights(found, untaught, seen)
        record |= {"drawn_weights": _digits(kept[0]), "drawn_weights_sizes": _digits(kept[1])}
    means = [float(f"{value:.4g}") for value in unit_means(found.map, grid_units())]
    return record | {"map": rankdata(means, method="dense").tolist()}  # ranks are all that agreement asks for


def _again(name: str, estimator, face: np.ndarray, found, seen: np.ndarray) -> dict:
    """How alike the maps of another seed, and of the moved face, are."""
    chosen = BUDGET.get(name, {})
    seeds = [found, load_explainer(name, estimator, seed=SEED + 1, **chosen).explain(face)] if name in DRAWS else []
    shift = drawn_shift(stream(image_seed(face, SEED), "shift"))
    asked = load_explainer(name, estimator, seed=SEED, **chosen)
    moved = over_shift(asked, face, shift, before=found, seen=seen)
    steady = _digits(over_seeds(seeds, seen)) if seeds else 1.0
    return {"seeds": steady, "pixels": max(map(abs, shift)), "shift": _digits(moved)}


def _seen(by_chance: dict) -> np.ndarray:
    return np.array([cell == "1" for cell in by_chance["seen"]])


def _digits(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def run(
    estimators: list[str], folder: Path, counts: dict[str, int], records: Path, kept: list[dict], threads: int
) -> None:
    """Explain and judge what is neither kept nor in the records: a face after the other, each on all estimators."""
    labels = LabelSource("utkface")
    files = {file.image: file for file in list_images(folder)}
    labelled = {image: labels.label(file.fname) for image, file in files.items()}
    done = {(row["estimator"], row["image"], row["method"]): row for row in [*read(records), *kept]}
    loaded = {}
    for name in estimators:
        configure_threads(name, threads)
    for name in estimators:
        try:
            loaded[name] = load_estimator(name, ESTIMATORS[name])
        except UsageError as error:
            print(f"left out: {error}")
    order, before = [], set()
    for count in range(1, max(counts.values()) + 1):  # the order in which a longer draw adds to a shorter one
        drawn = draw_evenly(labelled, count, SEED)
        order += [image for image in drawn if image not in before]
        before = set(drawn)
    copies: dict[str, object] = {}
    for place, image in enumerate(order):
        for name, estimator in loaded.items():
            if place < counts[name]:
                label = labelled[image]
                said = {"estimator": name, "image": Path(image).name, "age": label.age}
                said |= {"race": label.race, "gender": label.gender}
                _one_face(said, files[image], estimator, done, records, copies if place < WHOLE else None)


def _one_face(said: dict, file, estimator, done: dict, records: Path, copies: dict | None) -> None:
    """Everything, with copies of the estimators to draw weights for; without, one explanation hidden in one way."""

    def key(method):
        return said["estimator"], said["image"], method

    wanted = [method for method in methods_of(estimator) if key(method) not in done]
    if key("no face") in done or not wanted:
        return

    def write(method: str, record: dict) -> dict:
        done[key(method)] = said | {"method": method} | record
        with records.open("a") as lines:
            lines.write(json.dumps(done[key(method)]) + "\n")
        return done[key(method)]

    try:
        face = crop_face(decode_image(read_bytes(file.path))[0]).image
    except ImageFailure as failure:
        write("no face", {"reason": failure.reason})
        return
    ways = WAYS[:1] if copies is None else WAYS
    chance = done.get(key("chance")) or write("chance", chances(estimator, face, ways))
    drawn = None if copies is None else _copy(said["estimator"], estimator, face, copies)
    for method in wanted:
        try:
            write(method, examine(method, estimator, face, chance, copies is not None, drawn))
        except ImageFailure as failure:
            write(method, {"reason": failure.reason})
        print(f"{said['estimator']} {said['image']} {method}", flush=True)


def _copy(name: str, estimator, face: np.ndarray, copies: dict):
    """The estimator with weights drawn anew for each face; None for one that is no Keras model."""
    if not estimator.gives_gradients:
        return None
    from age_audit.estimators.randomised import randomised

    copies[name] = randomised(estimator, image_seed(face, SEED), np.stack([face, face[:, ::-1]]), into=copies.get(name))
    return copies[name]


def read(records: Path) -> list[dict]:
    """The records; of a last line that an interrupted run left torn, nothing."""
    rows = []
    if not records.exists():
        return rows
    text = lzma.decompress(records.read_bytes()) if records.suffix == ".xz" else records.read_bytes()
    for line in text.decode().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def keep(rows: list[dict], path: Path) -> None:
    """The records in a fixed order, compressed: the same records are the same bytes."""
    path.write_bytes(lzma.compress("".join(json.dumps(row) + "\n" for row in in_order(rows)).encode(), preset=9))


def in_order(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: (row["estimator"], row["image"], row["method"]))


def summary(rows: list[dict]) -> dict:
    """Means with intervals over faces, by estimator and method, of the records, in whatever order they come."""
    rows = in_order(rows)  # what is drawn for an interval depends on it
    judged = [row for row in rows if "map" in row]
    by_case: dict[tuple[str, str], list[dict]] = {}
    for name, method in product(ESTIMATORS, EXPLAINERS):
        some = [row for row in judged if (row["estimator"], row["method"]) == (name, method)]
        if some:
            by_case[name, method] = some
    found = {"faithfulness": [], "hidden_otherwise": [], "stability": [], "cost": [], "agreement": [], "chance": []}
    found["by_group"] = []
    found["sides"] = list(_sides(by_case, rows))
    for (name, method), some in by_case.items():
        said = {"estimator": name, "method": method}
        in_every_way = [row for row in some if all(" ".join(way) in row for way in WAYS)]
        for way in map(" ".join, WAYS):
            for score in SCORES:
                values = [row[way][score] for row in some if way in row]
                spreads = _mean([row[way][f"{score}_spreads"] for row in some if way in row])
                better = [None if value is None else float(value > 0) for value in values]
                row = said | {"way": way, "score": score} | _estimate(values)
                row |= {"in_spreads": spreads["value"], "faces_better": _mean(better)["value"]}
                found["faithfulness"].append(row)
            # What stands side by side is of the same faces.
            gaps = [row[way]["gap"] for row in in_every_way]
            found["hidden_otherwise"].append(said | {"way": way} | _estimate(gaps))
        for what in ("seeds", "shift", "drawn_weights", "drawn_weights_sizes"):
            if any(what in row for row in some):
                found["stability"].append(said | {"what": what} | _estimate([row.get(what) for row in some]))
        limes = {row["image"]: row["cpu_seconds"] for row in by_case.get((name, "lime"), ())}
        ratios = [row["cpu_seconds"] / limes[row["image"]] for row in some if limes.get(row["image"])]
        cost = {what: float(np.median([row[what] for row in some])) for what in ("passes", "cpu_seconds", "seconds")}
        cost["of_lime"] = float(np.median(ratios)) if ratios else None
        cost = {what: None if value is None else round(value, 3) for what, value in cost.items()}
        found["cost"].append(said | {"n": len(some)} | cost)
    seen = {(row["estimator"], row["image"]): _seen(row) for row in rows if "seen" in row}
    found["agreement"] = list(_agreement(by_case, seen))
    for name in dict.fromkeys(name for name, _ in by_case):
        for way in map(" ".join, WAYS):
            some = [row[way] for row in rows if (row["estimator"], row["method"]) == (name, "chance") and way in row]
            for what in ("whole", "none", "level_spread", "gap_spread"):
                row = {"estimator": name, "way": way, "what": what} | _estimate([one[what] for one in some])
                found["chance"].append(row)
        shares = [float(cells.mean()) for (estimator, _), cells in seen.items() if estimator == name]
        found["chance"].append({"estimator": name, "way": "grid", "what": "seen"} | _estimate(shares))
        found["by_group"] += [{"estimator": name} | row for row in _by_group(by_case, name)]
    about = {"passes": PASSES, "derivative_counts": OF_A_DERIVATIVE, "seed": SEED, "precision": ESTIMATORS}
    return {"about": about | {"ways": [" ".join(way) for way in WAYS]}} | found


def written(found: dict) -> str:
    """JSON, a row a line."""
    parts = []
    for name, rows in found.items():
        text = ",\n".join(map(json.dumps, rows)) if isinstance(rows, list) else json.dumps(rows)
        parts.append(f"{json.dumps(name)}: " + (f"[\n{text}\n]" if isinstance(rows, list) else text))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _estimate(values: list[float | None]) -> dict:
    """n, mean, interval of the mean."""
    known = np.array([value for value in values if value is not None], dtype=float)
    found = combination_interval([known[None]], [1], **RESAMPLING.for_intervals(known.tobytes()))
    ends = {"value": found.value[0], "low": found.low[0], "high": found.high[0]}
    return {"n": len(known)} | {name: _digits(value) for name, value in ends.items()}


def _mean(values: list[float | None]) -> dict:
    known = [value for value in values if value is not None]
    return {"value": _digits(np.mean(known)) if known else None}


def _agreement(by_case: dict, seen: dict) -> Iterator[dict]:
    """Rank correlation of each two methods' maps of the same faces, over the cells that the estimator looks at."""
    maps = {
        (name, method): {
            row["image"]: np.array(row["map"])[seen[name, row["image"]]] for row in some if (name, row["image"]) in seen
        }
        for (name, method), some in by_case.items()
    }
    for (name, one), (other_name, other) in product(maps, maps):
        if name == other_name and list(EXPLAINERS).index(one) < list(EXPLAINERS).index(other):
            shared = sorted(maps[name, one].keys() & maps[name, other].keys())
            values = [_digits(rank_correlation(maps[name, one][i], maps[name, other][i])) for i in shared]
            yield {"estimator": name, "method": one, "other": other} | _estimate(values)


def _sides(by_case: dict, rows: list[dict]) -> Iterator[dict]:
    """The gap of faces that are taken for younger, and for older, than the same face with all hidden."""
    way = " ".join(WAYS[0])
    chance = {(row["estimator"], row["image"]): row[way] for row in rows if row["method"] == "chance"}
    for (name, method), some in by_case.items():
        for side in ("younger", "older"):
            gaps = []
            for row in some:
                face = chance[name, row["image"]]
                if (face["whole"] < face["none"]) is (side == "younger"):
                    gaps.append(row[way]["gap"])
            better = _mean([float(gap > 0) for gap in gaps])["value"]
            yield {"estimator": name, "method": method, "taken_for": side} | _estimate(gaps) | {"faces_better": better}


def _by_group(by_case: dict, name: str) -> list[dict]:
    way = " ".join(WAYS[0])
    rows = []
    for (estimator, method), some in by_case.items():
        for row in some if estimator == name else ():
            said = {"method": method, "race": row["race"], "gender": row["gender"], "age": row["age"]}
            rows.append(said | {"gap": row[way]["gap"], "gap_spreads": row[way]["gap_spreads"]})
    frame = pd.DataFrame(rows)
    frame["age_range"] = age_range_of(frame["age"])
    table = faithfulness_by_group(frame, FEATURES, ("gap", "gap_spreads"), resampling=RESAMPLING)
    records = table.to_dict("records")
    return [{k: _digits(v) if isinstance(v, float) else v for k, v in row.items()} for row in records]


NAMES = {"grid mean-colour": "mean colour", "grid blurred": "blurred", "superpixels mean-colour": "superpixels"}


def tables(found: dict) -> dict[str, str]:
    """Markdown, by name: what docs/methods.md shows."""
    made = {"faithfulness": _faithfulness_table(found), "hidden otherwise": _ways_table(found)}
    made |= {"stability": _stability_table(found), "cost": _cost_table(found)}
    made |= {"agreement": _agreement_table(found), "groups": _group_table(found), "sides": _side_table(found)}
    made |= {"seen": _faces_seen(found), "findings": _findings(found), "in short": _short_table(found)}
    return made | {"pictures": _chance_table(found)}


def _faces_seen(found: dict) -> str:
    """Of how many faces the result is: those that fewest and most methods have explained."""
    some = [f"{name} {_span([r['n'] for r in rows])}" for name, rows in _by(_gaps(found), "estimator").items()]
    return f"Faces seen so far, by estimator: {_listed(some)}."


def _findings(found: dict) -> str:
    """The numbered sentences of docs/methods.md, each with what it rests on."""
    gaps = [r for r in _gaps(found) if r["method"] != "random"]
    counts = {method: _better(rows) for method, rows in _by(gaps, "method").items()}
    in_order = sorted(counts.items(), key=lambda one: -one[1][0] / one[1][1])  # the most often right first
    right = [f"{_named(method)} {better} of {n}" for method, (better, n) in in_order]
    wrong = [r for r in gaps if r["value"] < 0]
    stable = [r for r in found["stability"] if r["value"] is not None and r["method"] != "random"]
    kept = [r for r in stable if r["what"] == "drawn_weights" and r["value"] >= 0.5]
    moved = _by([r for r in stable if r["what"] == "shift"], "method")
    steady = [f"{_named(m)} {_range(moved[m])}" for m in _by(wrong, "method") if m in moved]
    pairs = [r for r in found["agreement"] if r["value"] is not None and "random" not in (r["method"], r["other"])]
    alike, others = ([r for r in pairs if ({r["method"], r["other"]} == ALIKE) is same] for same in (True, False))
    below_half = sum(r["value"] < 0.5 for r in others)
    lines = [
        f"**On how many faces hiding in its order moved the estimate as the map says** (the gap was above 0), all "
        f"estimators together: {_listed(right)}.",
        f"**The mean gap was below 0**, so that hiding what is marked made faces older than hiding the rest did, with "
        f"{_of_estimators(wrong)}.",
        f"**Half of the pattern or more stayed when weights were drawn anew** (mean rank correlation 0.5 or above) "
        f"with {_of_estimators(kept)}. The nearer to 1, the more a map shows the picture, or the network's layout, "
        "and the less what was learnt.",
        f"**Methods disagree.** Maps of LIME and kernel SHAP, which cut the face alike, have mean rank correlations of "
        f"{_range(alike)}. Of the {len(others)} other pairs of methods on an estimator {below_half} are below one "
        "half. A map is what a method says, not what the model does.",
        f"**Steady is not faithful.** When the face moves by 1–4 pixels, maps of the methods of point 2 keep mean rank "
        f"correlations of: {_listed(steady)}. Those of LIME keep {_range(moved.get('lime', []))}.",
    ]
    return "\n".join(f"{place}. {line}" for place, line in enumerate(lines if steady else lines[:-1], 1))


def _short_table(found: dict) -> str:
    """A line a method, lowest to highest mean of any estimator."""
    stable = {what: _by([r for r in found["stability"] if r["what"] == what], "method") for what in SHORT}
    lines = []
    for method, rows in _by(_gaps(found), "method").items():
        better, n = _better(rows)
        cells = [_range(stable[what].get(method, [])) for what in SHORT]
        cells[0] = cells[0] if method in DRAWS else "1"
        lines.append([_named(method), f"{better} of {n}", _range(rows), *cells])
    header = ["method", "faces with a gap above 0", "mean gap, years", "another seed", "moved by 1–4 pixels"]
    return _markdown([*header, "weights drawn anew"], lines)


SHORT = ("seeds", "shift", "drawn_weights")
ALIKE = {"lime", "kernel-shap"}


def _gaps(found: dict) -> list[dict]:
    return [r for r in found["faithfulness"] if (r["way"], r["score"]) == (" ".join(WAYS[0]), "gap") and r["n"]]


def _by(rows: list[dict], column: str) -> dict[str, list[dict]]:
    parts: dict[str, list[dict]] = {}
    for row in rows:
        parts.setdefault(row[column], []).append(row)
    return parts


def _better(rows: list[dict]) -> tuple[int, int]:
    """On how many faces the gap was above 0, of how many."""
    return sum(round(r["faces_better"] * r["n"]) for r in rows), sum(r["n"] for r in rows)


def _of_estimators(rows: list[dict]) -> str:
    """Methods with their means, and of whom, in words."""
    words = {
        method: [f"{_number(r['value'])} on {r['estimator']}, n = {r['n']}{_untold(r)}" for r in some]
        for method, some in _by(rows, "method").items()
    }
    return ", ".join(f"{_named(method)} ({'; '.join(some)})" for method, some in words.items()) or "none"


def _untold(row: dict) -> str:
    """What has to stand beside a mean below 0 whose interval reaches 0, or that has none."""
    return ", not told from 0" if row["value"] < 0 and (row["high"] is None or row["high"] >= 0) else ""


def _range(rows: list[dict]) -> str:
    values = [r["value"] for r in rows if r["value"] is not None]
    return " to ".join(dict.fromkeys(_number(end) for end in (min(values), max(values)))) if values else "–"


def _span(counts: list[int]) -> str:
    return "–".join(map(str, dict.fromkeys((min(counts), max(counts)))))


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:]))) or "none"


def _cell(row: dict | None, digits: int = 2, n: int | None = None) -> str:
    """Mean and interval; with its own n where that is not the one of the table's row."""
    if row is None or row["value"] is None:
        return "–"
    text = _number(row["value"], digits)
    if row["low"] is not None:
        text += f" ({_number(row['low'], digits)} to {_number(row['high'], digits)})"
    return text if n is None or row["n"] == n else f"{text}, n = {row['n']}"


def _number(value: float | None, digits: int = 2) -> str:
    if value is None:
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # never −0.00


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _named(method: str) -> str:
    return f"{method} ◦" if method in WITHOUT_SIGNS else method


def _faithfulness_table(found: dict) -> str:
    rows = {
        (r["estimator"], r["method"], r["score"]): r for r in found["faithfulness"] if r["way"] == "grid mean-colour"
    }
    lines = []
    for name, method in dict.fromkeys((estimator, method) for estimator, method, _ in rows):
        gap = rows[name, method, "gap"]
        cells = [_cell(rows[name, method, score]) for score in ("gap", "deletion", "insertion", "absolute")]
        cells += [_number(gap["in_spreads"], 1), _share(gap["faces_better"])]
        lines.append([name, _named(method), str(gap["n"]), *cells])
    header = ["estimator", "method", "n", "gap", "deletion", "insertion", "absolute"]
    return _markdown([*header, "gap in spreads", "faces with a gap above 0"], lines)


def _ways_table(found: dict) -> str:
    rows = {(r["estimator"], r["method"], r["way"]): r for r in found["hidden_otherwise"] if r["n"]}
    lines = []
    for name, method in dict.fromkeys((estimator, method) for estimator, method, _ in rows):
        n = rows[name, method, "grid mean-colour"]["n"]
        cells = [_cell(rows[name, method, " ".join(way)]) for way in WAYS]
        lines.append([name, _named(method), str(n), *cells])
    signs = _by([r for r in rows.values() if r["method"] != "random"], "estimator")
    kept = [len({r["value"] > 0 for r in some}) == 1 for of in signs.values() for some in _by(of, "method").values()]
    table = _markdown(["estimator", "method", "n", *(NAMES[" ".join(way)] for way in WAYS)], lines)
    return f"{table}\n\nThe gap has one sign in all three in {sum(kept)} of {len(kept)} rows, `random` left out."


def _stability_table(found: dict) -> str:
    rows = {(r["estimator"], r["method"], r["what"]): r for r in found["stability"]}
    lines = []
    for name, method in dict.fromkeys((estimator, method) for estimator, method, _ in rows):
        kinds = ("seeds", "shift", "drawn_weights", "drawn_weights_sizes")
        n = rows[name, method, "shift"]["n"]
        cells = [_cell(rows.get((name, method, what)), n=n) for what in kinds]
        cells[0] = cells[0] if method in DRAWS else "1"
        lines.append([name, _named(method), str(n), *cells])
    header = ["estimator", "method", "n", "another seed", "moved by 1–4 pixels", "weights drawn anew", "… sizes alone"]
    return _markdown(header, lines)


def _cost_table(found: dict) -> str:
    lines = []
    for r in found["cost"]:
        said = [r["estimator"], r["method"], str(r["n"]), f"{r['passes']:.0f}"]
        lines.append([*said, _number(r["cpu_seconds"]), _number(r["of_lime"])])
    return _markdown(["estimator", "method", "n", "passes", "core-seconds a face", "times LIME's"], lines)


def _agreement_table(found: dict) -> str:
    parts = []
    for name in dict.fromkeys(row["estimator"] for row in found["agreement"]):
        some = [row for row in found["agreement"] if row["estimator"] == name]
        pairs = {frozenset((row["method"], row["other"])): row for row in some}
        methods = [method for method in EXPLAINERS if any(method in pair for pair in pairs)]
        lines = []
        for one in methods:
            found_of = (pairs.get(frozenset((one, other)), {"value": None}) for other in methods)
            cells = ["" if one == m else _number(r["value"]) for m, r in zip(methods, found_of, strict=True)]
            lines.append([one, *cells])
        n = max(row["n"] for row in some)
        parts.append(f"{name}, n = {n}:\n\n" + _markdown(["", *methods], lines))
    return "\n\n".join(parts)


def _group_table(found: dict) -> str:
    rows = {(r["estimator"], r["method"], r["feature"], r["group"], r["measure"]): r for r in found["by_group"]}
    lines = []
    for name, method, feature, group in dict.fromkeys(key[:4] for key in rows if key[1] in SHOWN):
        cells = []
        if rows[name, method, feature, group, "gap"]["n"] < LEAST_FACES:
            continue
        for measure in ("gap", "gap_spreads"):
            r = rows[name, method, feature, group, measure]
            apart = {"value": r["difference"], "low": r["difference_low"], "high": r["difference_high"]}
            cells += [_cell(r), _cell(apart), _number(r["p_holm"], 3)]
        lines.append([name, method, f"{feature.replace('_', ' ')}: {group}", str(r["n"]), *cells])
    header = ["estimator", "method", "group", "n", "gap", "less that of all other faces", "p (Holm)"]
    return _markdown([*header, "gap in spreads", "less that of all other faces", "p (Holm)"], lines)


def _side_table(found: dict) -> str:
    rows = {(r["estimator"], r["method"], r["taken_for"]): r for r in found["sides"]}
    lines = []
    for name, method in dict.fromkeys(key[:2] for key in rows):
        if method not in ("lime", *WITHOUT_SIGNS):
            continue
        cells = []
        for side in ("younger", "older"):
            r = rows[name, method, side]
            cells += [str(r["n"]), _cell(r), _share(r["faces_better"])]
        lines.append([name, _named(method), *cells])
    sides = [f"{what}{side}" for side in ("younger", "older") for what in ("n, ", "gap, ", "above 0, ")]
    return _markdown(["estimator", "method", *sides], lines)


def _chance_table(found: dict) -> str:
    rows = {(r["estimator"], r["way"], r["what"]): r for r in found["chance"]}
    lines = []
    for name, way in dict.fromkeys((estimator, way) for estimator, way, what in rows if what == "whole"):
        cells = [_cell(rows[name, way, what], 1) for what in ("whole", "none", "level_spread", "gap_spread")]
        share = _share(rows[name, "grid", "seen"]["value"])
        lines.append([name, share, NAMES[way], str(rows[name, way, "whole"]["n"]), *cells])
    header = ["estimator", "of the crop seen", "hidden", "n", "estimate, whole", "all hidden"]
    header += ["spread of random orders", "… of their gaps"]
    return _markdown(header, lines)


BLOCK = "<!-- {} from benchmarks/methods.json -->"
END = "<!-- end -->"


def renewed(page: str, made: dict[str, str]) -> str:
    """The page with each table between its marks replaced."""
    for name, table in made.items():
        marks = re.compile(re.escape(BLOCK.format(name)) + r"\n.*?" + re.escape(END), re.DOTALL)
        page = marks.sub(lambda _, name=name, table=table: f"{BLOCK.format(name)}\n{table}\n{END}", page)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of UTKFace images")
    of_each = "pictures for each estimator but dex-wrn; in one of 33 no face is found (default: %(default)s)"
    parser.add_argument("--faces", type=int, default=310, help=of_each)
    parser.add_argument("--faces-dex", type=int, default=62, help="pictures for dex-wrn (default: %(default)s)")
    parser.add_argument("--estimators", default=",".join(ESTIMATORS), help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of each model (default: %(default)s)")
    parser.add_argument("--summary", action="store_true", help="write the result of the records as they stand")
    parser.add_argument("--tables", action="store_true", help="print the tables of the result")
    parser.add_argument("--docs", type=Path, help="page whose tables are renewed from the result")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    parser.add_argument("--records", type=Path, nargs="+", help="files of records (default: beside the result, .jsonl)")
    parser.add_argument("--kept", type=Path, default=KEPT, help="records of all runs (default: beside this file)")
    arguments = parser.parse_args()
    records = arguments.records or [arguments.out.with_suffix(".jsonl")]
    kept = read(arguments.kept)
    if arguments.images:
        names = arguments.estimators.split(",")
        counts = {name: arguments.faces_dex if name == "dex-wrn" else arguments.faces for name in names}
        run(names, arguments.images, counts, records[0], kept, arguments.threads)
    if arguments.images or arguments.summary:
        rows = kept + [row for path in records for row in read(path)]
        # Of a face that stands in several files, the first counts.
        rows = list({(row["estimator"], row["image"], row["method"]): row for row in rows[::-1]}.values())
        keep(rows, arguments.kept)
        arguments.out.write_text(written(summary(rows)))
    found = json.loads(arguments.out.read_text())
    if arguments.docs:
        arguments.docs.write_text(renewed(arguments.docs.read_text(), tables(found)))
    if arguments.tables or not arguments.docs:
        for name, table in tables(found).items():
            print(f"\n{name}\n\n{table}")


if __name__ == "__main__":
    main()
