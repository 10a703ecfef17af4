"""Does an audit of explanations find a flaw that is there, and none that is not? Flaws are planted, so that one knows.

    python -m benchmarks.audit_power --images utkface/img --method lime --estimator face-api

Every face is explained by the method with the real estimator and with planted ones (:mod:`benchmarks.planted`), and its
regions are summed in years. Then audits are drawn: so many faces at random for a group that the planted estimator
judges, as many others for one that the real estimator judges, and the contrast of their regions
(:func:`age_audit.audit.explanations.region_contrasts.region_contrasts`) has to name the group and the region.
docs/audit_power.md says what came of it, and what drawing from one pool of faces leaves open.

Explained faces are kept beside the result and not made twice; a face is known by its crop, an estimator by its
weights: delete that file when a function of your own changes. What ``audit_power.json`` holds of the method and
estimator is replaced. ``--set hidden=black`` changes a parameter of the method.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from age_audit.audit.explanations.region_contrasts import ALPHA, region_contrasts, strongest
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.randomness import Resampling, stream
from age_audit.data.images import draw_evenly, list_images
from age_audit.data.label_formats import LabelSource
from age_audit.estimators import load_estimator
from age_audit.explain import EXPLAINERS, load_explainer
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.detection import crop_face
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.regions.polygons import REGIONS
from age_audit.regions.years import region_years
from age_audit.stats.proportions import wilson_interval
from benchmarks.planted import FLAWS, Planted, Remembering

OUT = Path(__file__).with_suffix(".json")
YEARS = (1.0, 3.0, 10.0)  # added to an average face
SIZES = (20, 50)  # faces a group
REPEATS = 100  # audits drawn of each flaw; twice as many of nothing, where the share to be measured is small
PERMUTATIONS = 999
# What these give a region is the real estimator's and, in proportion to the years, the flaw's (tests hold them to it):
# the most years are explained, the fewer follow.
LINEAR = ("lime", "kernel-shap", "occlusion", "rise", "integrated-gradients", "random")
STEADY = {"integrated-gradients": {"steps": 32, "most_steps": 32}}  # linear with as many steps for every estimator
NOTHING = ("nothing", 0.0)


def faces_of(folder: Path, count: int, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Names, crops and landmarks of so many faces, drawn evenly from a folder; those that are not found left out."""
    files = {file.image: file for file in list_images(folder)}
    labels = LabelSource("utkface")
    for image in draw_evenly({i: labels.label(f.fname) for i, f in files.items()}, count, seed):
        try:
            crop = crop_face(decode_image(read_bytes(files[image].path))[0]).image
            yield files[image].fname, crop, landmarks_on_crop(crop)[0]
        except ImageFailure:
            continue


def asked_of(method: str, years: Iterable[float]) -> list[tuple[str, float]]:
    """Which planted estimators have to be explained: flaw and years, the real one first."""
    chosen = [max(years)] if method in LINEAR else list(years)
    return [NOTHING, *((flaw, size) for flaw in FLAWS for size in chosen)]


def explained(estimator, method: str, face, landmarks, asked, parameters: dict) -> dict:
    """Years of the 13 regions by flaw and years, of one face."""
    once, parameters = Remembering(estimator), STEADY.get(method, {}) | parameters
    found = {}
    for flaw, years in asked:
        # The real one too is asked through Planted, so that nothing but the flaw is different, maps laid out alike.
        planted = Planted(once, FLAWS.get(flaw), years)
        attribution = load_explainer(method, planted, **parameters).explain(face)
        regions = region_years(attribution, landmarks, additive=EXPLAINERS[method].additive)
        found[flaw, years] = [regions[region].value for region in REGIONS]
    return found


class Kept:
    """Years of regions by estimator, method, face (its name and a hash of its crop), flaw and years, in a file that
    grows by lines.
    """

    def __init__(self, path: Path):
        self.path = path
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a run was killed while it wrote: that line is made anew
            path.write_text(whole)
        try:
            self.rows = {tuple(key): values for key, values in map(json.loads, whole.splitlines())}
        except ValueError as error:
            raise UsageError(
                f"expected a line of JSON a face and flaw in {path}, but: {error}; take the line out, or name another "
                "file by --kept"
            ) from error

    def add(self, key: tuple, values: list[float]) -> None:
        self.rows[key] = values
        with self.path.open("a") as file:
            file.write(json.dumps([key, [float(f"{value:.7g}") for value in values]]) + "\n")


def at_years(real: np.ndarray, most: np.ndarray, share: float) -> np.ndarray:
    """Of a linear method: what fewer years give, a share of the most."""
    return real + share * (most - real)


def audits(
    first: np.ndarray, second: np.ndarray, size: int, repeats: int, seed: int, sides: np.ndarray | None = None
) -> Iterator[tuple[str, str] | None]:
    """What drawn audits name: group and region, or None.

    Parameters
    ----------
    first, second : ndarray of float, shape (N, 13)
        Years of regions of the same N faces under the estimator that judges the first group, and under that of the
        second. No face is in both groups.
    size : int
        Faces a group.
    sides : ndarray of bool, shape (N,), optional
        Faces of which the first group is drawn, the second of the others; by default either of all.
    """
    columns = [f"years_{region}" for region in REGIONS]
    for repeat in range(repeats):
        rng = stream(seed, f"audit {repeat}")
        if sides is None:
            drawn = rng.permutation(len(first))[: 2 * size]
        else:
            drawn = np.concatenate([rng.permutation(np.flatnonzero(side))[:size] for side in (sides, ~sides)])
        values = np.concatenate([first[drawn[:size]], second[drawn[size:]]])
        frame = pd.DataFrame(values, columns=columns).assign(group=np.repeat(["first", "second"], size))
        resampling = Resampling(seed=repeat, permutations=PERMUTATIONS)
        found = strongest(region_contrasts(frame, "group", resampling=resampling, intervals=False))
        yield None if found is None else (found.group, found.region)


def summary(named: list[tuple[str, str] | None], regions: tuple[str, ...], around: tuple[str, ...]) -> dict:
    """How often audits found anything, and the right thing, with Wilson's intervals; what they named most often."""
    found = [name for name in named if name is not None]
    counts = {
        "anything": len(found),
        "right": sum(group == "first" and region in regions for group, region in found),
        "near": sum(group == "first" and region in regions + around for group, region in found),
    }
    row = {"audits": len(named)}
    for what, count in counts.items():
        low, high = wilson_interval(count, len(named))
        row |= {what: count / len(named), f"{what}_low": round(float(low), 3), f"{what}_high": round(float(high), 3)}
    often = pd.Series([f"{group} {region}" for group, region in found], dtype=object).value_counts()
    return row | {"named_most": {str(name): int(count) for name, count in often.head(3).items()}}


def scenarios(values: dict, years: Iterable[float], bright: np.ndarray) -> Iterator[tuple[dict, tuple]]:
    """What is planted for the first group, and the arguments of :func:`audits` that go with it."""
    real, most = values[NOTHING], max(years)
    for flaw in FLAWS:
        for size in years:
            yield {"planted": flaw, "years": size, "for": "one group"}, (values[flaw, size], real)
    yield {"planted": "nothing", "years": 0.0, "for": "nobody"}, (real, real)
    yield {"planted": "mouth", "years": most, "for": "everybody"}, (values["mouth", most],) * 2
    unlike = {"for": "nobody, groups of bright and of dark pictures"}
    yield {"planted": "nothing", "years": 0.0} | unlike, (real, real, bright)


def bright_half(pool: list) -> np.ndarray:
    """Which faces are on pictures brighter than the median, bool (N,)."""
    bright = np.array([crop.mean() for _, crop, _ in pool])
    return bright > np.median(bright)


def check_sizes(sizes: Iterable[int], faces: int) -> None:
    """Refuse groups that so many faces do not make two of, and those in which nothing could be found.

    Raises
    ------
    UsageError
    """
    for size in sorted(sizes):
        tests, p = 2 * len(REGIONS), smallest_p(size)
        if p * tests > ALPHA:
            raise UsageError(
                f"expected --sizes at which something can be found, got {size}: of two such groups the smallest "
                f"p-value there is, {p:.2g}, becomes {min(1, p * tests):.2g} by Holm's adjustment over {tests} rows, "
                f"and {ALPHA} is asked for; take larger groups"
            )
        if 2 * size > faces:
            raise UsageError(
                f"expected --sizes of at most {faces // 2} for two groups of the {faces} faces, got {size}; take "
                "smaller groups or more --faces"
            )


def smallest_p(size: int) -> float:
    """The smallest p-value that two groups of so many faces can have: as few deals are as unequal as the largest."""
    deals = math.comb(2 * size, size)
    return 1 / (PERMUTATIONS + 1) if deals > PERMUTATIONS else 2 / deals


def measure(pool: list, values: dict, years, sizes, repeats: int, seed: int) -> list[dict]:
    """One row a scenario and size of groups."""
    rows = []
    for named, (first, second, *sides) in scenarios(values, years, bright_half(pool)):
        flaw = FLAWS[named["planted"]] if named["for"] == "one group" else None
        for size in sizes:
            with threadpool_limits(1, user_api="blas"):  # products so small that threads double their time
                drawn = list(audits(first, second, size, repeats if flaw else 2 * repeats, seed, *sides))
            row = summary(drawn, *((flaw.regions, flaw.around) if flaw else ((), ())))
            rows.append(named | {"faces_a_group": size} | row)
    return rows


def table(rows: list[dict]) -> str:
    """What was measured, a line a row."""
    head = ("finds anything", "group and region", "or around it")
    lines = [f"{'planted':14} {'years':>5} {'for':46} {'n':>3}  {''.join(f'{what:23}' for what in head)}names most"]
    for row in rows:
        shares = [
            f"{row[w]:5.0%} ({row[f'{w}_low']:.0%}-{row[f'{w}_high']:.0%})" for w in ("anything", "right", "near")
        ]
        most = ", ".join(f"{name} {count}" for name, count in row["named_most"].items())
        lines.append(
            f"{row['planted']:14} {row['years']:5g} {row['for']:46} {row['faces_a_group']:3}  "
            f"{shares[0]:22} {shares[1]:22} {shares[2]:22} {most}"
        )
    return "\n".join(lines)


def markdown(entries: list[dict], years: float = max(YEARS)) -> str:
    """The table of docs/audit_power.md: a line a method, of its largest groups."""
    head = ["method", "faces a group", *(f for f in FLAWS if FLAWS[f].regions), "brightness: names a region"]
    lines = [[*head, "nothing planted", "the same flaw for everybody", "nothing, unlike pictures"]]
    lines.append(["---"] * len(lines[0]))
    for entry in entries:
        size = max(row["faces_a_group"] for row in entry["rows"])
        rows = {
            (r["planted"], r["for"]): r
            for r in entry["rows"]
            if r["faces_a_group"] == size and r["years"] in (0, years)
        }
        cells = [_cell(rows[flaw, "one group"], "near" if of.regions else "anything") for flaw, of in FLAWS.items()]
        cells += [_cell(row, "anything") for (_, kind), row in rows.items() if kind != "one group"]
        lines.append([f"{entry['method']} {entry['set']}".strip(), str(size), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def effects(entries: list[dict], least: float = 0.2) -> str:
    """The second table of the page: audits by size of flaw and groups, where any flaw is found in a fifth of them.

    A cell is the share that name the group and the region, or one around it; in brackets, the region itself.
    """
    flaws = [flaw for flaw, of in FLAWS.items() if of.regions]
    lines = [["method", "years", "faces a group", *flaws], ["---"] * (3 + len(flaws))]
    for entry in entries:
        planted = [row for row in entry["rows"] if row["for"] == "one group" and row["planted"] in flaws]
        for years, size in sorted({(row["years"], row["faces_a_group"]) for row in planted}):
            some = {row["planted"]: row for row in planted if (row["years"], row["faces_a_group"]) == (years, size)}
            if max(row["near"] for row in some.values()) >= least:
                cells = [f"{100 * some[f]['near']:.0f} % ({100 * some[f]['right']:.0f})" for f in flaws]
                lines.append([f"{entry['method']} {entry['set']}".strip(), f"{years:g}", str(size), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def false_alarms(entries: list[dict]) -> str:
    """What audits named where there was nothing to name, in words."""
    rows = [row for entry in entries for row in entry["rows"] if row["for"] != "one group"]
    audits_drawn, named = sum(r["audits"] for r in rows), sum(round(r["anything"] * r["audits"]) for r in rows)
    most = max(rows, key=lambda row: row["anything"])
    whose = [f"{e['method']} {e['set']}".strip() for e in entries if most in e["rows"]]
    return (
        f"of {audits_drawn:,} audits in which no group was judged otherwise than the other, {named} named something "
        f"({100 * named / audits_drawn:.1f} %); the most in one row is {100 * most['anything']:.0f} % ({whose[0]})."
    )


def _cell(row: dict, what: str) -> str:
    return f"{100 * row[what]:.0f} % ({100 * row[f'{what}_low']:.0f}–{100 * row[f'{what}_high']:.0f})"


def explain_all(pool, estimator, method: str, parameters: dict, years, kept: Kept, name: tuple) -> dict:
    """Years of regions, (N, 13) each, by flaw and years."""
    asked = asked_of(method, years)
    values = {which: [] for which in asked}
    for fname, crop, landmarks in tqdm(pool, desc=method, unit="face"):
        face = *name, fname, hashlib.sha256(crop.tobytes()).hexdigest()[:16]
        missing = [which for which in asked if (*face, *which) not in kept.rows]
        if missing:
            found = explained(estimator, method, crop, landmarks, missing, parameters)
            for which, of_regions in found.items():
                kept.add((*face, *which), of_regions)
        for which in asked:
            values[which].append(kept.rows[*face, *which])
    values = {which: np.array(found) for which, found in values.items()}
    if method in LINEAR:
        most = max(years)
        values |= {(f, y): at_years(values[NOTHING], values[f, most], y / most) for f in FLAWS for y in years}
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of UTKFace images")
    parser.add_argument("--method", action="append", choices=EXPLAINERS, help="may be repeated (default: all)")
    parser.add_argument("--estimator", default="face-api", help="(default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the method")
    parser.add_argument("--faces", type=int, default=120, help="images to draw (default: %(default)s)")
    parser.add_argument("--years", type=float, nargs="+", default=YEARS, help="effects (default: 1 3 10)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="faces a group (default: 20 50)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="audits drawn a row (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="(default: %(default)s)")
    parser.add_argument("--kept", type=Path, help="explained faces (default: beside --out, .faces.jsonl)")
    parser.add_argument("--out", type=Path, default=OUT, help="file whose rows are replaced (default: beside this)")
    arguments = parser.parse_args()
    try:
        run(arguments)
    except UsageError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def run(arguments: argparse.Namespace) -> None:
    """Explain, draw, and keep what comes of it.

    Raises
    ------
    UsageError
        Before anything is explained.
    """
    check_sizes(arguments.sizes, arguments.faces)
    if not all(0 < years < math.inf for years in arguments.years) or arguments.repeats < 1:
        raise UsageError(f"expected --years above 0 and --repeats, got {arguments.years} and {arguments.repeats}")
    if odd := [pair for pair in arguments.set if "=" not in pair]:
        raise UsageError(f"expected --set as NAME=VALUE, such as hidden=black, got {odd[0]}")
    parameters = {name: _value(text) for name, text in (pair.split("=", 1) for pair in arguments.set)}
    estimator = load_estimator(arguments.estimator)
    methods = [name for name in arguments.method or EXPLAINERS if _can(name, estimator)]
    if not methods:
        raise UsageError(f"expected a method that works on {arguments.estimator}, got none; try --method lime")
    for method in methods:
        load_explainer(method, estimator, **parameters)  # refuses what it does not take
    pool = list(tqdm(faces_of(arguments.images, arguments.faces, arguments.seed), desc="faces", unit="face"))
    half = bright_half(pool).sum() if pool else 0
    check_sizes(arguments.sizes, 2 * min(half, len(pool) - half))  # fewer than drawn: those with a face
    kept = Kept(arguments.kept or arguments.out.with_suffix(".faces.jsonl"))
    changed = " ".join(sorted(arguments.set))
    # What the planted years come to: they are those of a typical face.
    added = {
        f: round(float(np.mean([of.measure(c[None])[0] for _, c, _ in pool])) / of.typical, 3)
        for f, of in FLAWS.items()
    }
    for method in methods:
        name = (arguments.estimator, estimator.info.weights_hash, method, EXPLAINERS[method].version, changed)
        values = explain_all(pool, estimator, method, parameters, arguments.years, kept, name)
        seed = arguments.seed
        rows = measure(pool, values, arguments.years, arguments.sizes, arguments.repeats, seed)
        asked = {"estimator": arguments.estimator, "method": method, "set": changed}
        _replace(arguments.out, asked | {"faces": len(pool), "seed": seed, "added": added, "rows": rows})
        print(f"\n{arguments.estimator}, {method} {changed}, {len(pool)} faces\n{table(rows)}")


def _can(method: str, estimator) -> bool:
    """Whether a method works on an estimator; says so where not."""
    if EXPLAINERS[method].needs_gradients and not estimator.gives_gradients:
        print(f"{method} needs derivatives, {estimator.info.name} has none: left out")
        return False
    return True


def _value(text: str):
    """A number where it is one."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _replace(path: Path, found: dict) -> None:
    """Write what was found in the place of what the same question found before."""
    entries = json.loads(path.read_text()) if path.exists() else []
    by_name = {(entry["estimator"], entry["method"], entry["set"]): entry for entry in [*entries, found]}
    path.write_text(json.dumps([by_name[name] for name in sorted(by_name)], indent=1) + "\n")


if __name__ == "__main__":
    main()
