"""Section on whether explanations can be trusted: what is real stands beside what shuffled labels give."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.audit.explanations.contrasts import contrast_summary, contrast_table, pooled_differences
from age_audit.audit.explanations.mean_masks import ExplainedFaces, explained_faces
from age_audit.core.config import PRESETS
from age_audit.core.errors import UsageError
from age_audit.core.groups import age_range_of
from age_audit.core.masks import block_means
from age_audit.core.metrics import is_accurate
from age_audit.core.randomness import Resampling, stream
from age_audit.data.metadatasets import explanation_of, stated_in
from age_audit.data.results import Results, find_results
from age_audit.report.page import charts
from age_audit.report.page.parts import Claim, Section, Table, verdict
from age_audit.report.words import filled, p_text

SHUFFLED = 3  # heatmaps beside the real one
PERMUTATIONS = 1_999
BANDS = [(low, low + 4) for low in range(0, 101, 5)]  # years of estimate within which estimates are about equal
NAMES = {"published": "as in the published study", "audit": "as mended by this audit"}
NAME, ESTIMATE = "Can its explanation be trusted?", "estimate_band"


def explained_by(metadatasets: Path, results: Results) -> dict[str, Results]:
    """Results of the same estimator and data set that have masks, by preset."""
    found = {}
    for preset in PRESETS:
        with suppress(UsageError):
            other = find_results(metadatasets, results.estimator, preset, results.dataset, results.sensitive)
            if other.holds("masks"):
                found[preset] = other
    if not found and results.holds("masks"):
        found[results.preset] = results
    return found


def can_it_be_trusted(explained: Mapping[str, Results], resampling: Resampling) -> Section:
    """Masks of accurate and of inaccurate estimates: is their difference more than that of shuffled labels?"""
    tables, quizzes, rows = {}, [], {}
    for preset, results in explained.items():
        faces, maps, accurate, panels = _masks(results)
        name = NAMES.get(preset, f"preset {preset}")
        tables[name] = contrast_table(
            maps, accurate, faces.frame, panels, seed=resampling.seed, permutations=PERMUTATIONS
        )
        differences = pooled_differences(
            maps, accurate, faces.frame, panels, seed=resampling.seed, permutations=SHUFFLED
        )
        if np.isfinite(differences).all():
            quizzes.append({"name": f"Explanations {name}"} | _quiz(preset, differences, resampling.seed))
    if not quizzes:
        text = [
            "There are no explanations (masks) of this estimator in this folder, or too few of accurate and of "
            "inaccurate estimates, so that nothing can be said of them."
        ]
        return Section("explanations", NAME, "No explanation to judge", text, missing=True)
    summary = contrast_summary(tables, permutations=PERMUTATIONS)
    summary["size_ratio"] = summary["size"] / summary["size_shuffled"]
    claims = [_claim(row) for _, row in summary.iterrows()]
    finding = _finding(summary)
    shown = {"masks": "explanations", "n": "faces", "panels": "groups tested", "panels_found": "differ (Holm)"}
    shown |= {"size": "size of the difference", "size_shuffled": "with labels shuffled", "p_value": "p"}
    digits = {"size": 3, "size_shuffled": 3}
    table = Table("explanations-table", "Accurate less inaccurate estimates", summary, shown, digits, folded=False)
    rows = [found.assign(masks=name) for name, found in tables.items()]
    panels = Table("explanations-by-group", "The same in each group", pd.concat(rows, ignore_index=True))
    text = [
        "An explanation is a mask: the parts of the picture that raise or lower the estimate. If it says where an "
        "estimator errs, masks of accurate estimates (less than ten years off) lie elsewhere than masks of inaccurate "
        "ones. Below is that difference as it is, among three made with the labels “accurate” and “inaccurate” "
        "shuffled. Which is the real one?",
        "Compared are faces of one group whose estimates lie within five years of each other: a face that is judged "
        "too old has more parts that raise its estimate, whatever else is true.",
    ]
    return Section("explanations", NAME, finding, text, (), [table, panels], claims, "quiz", {"quizzes": quizzes})


def _masks(results: Results) -> tuple[ExplainedFaces, np.ndarray, np.ndarray, list[str]]:
    known = results.activations if results.holds("activations") else results.predictions
    faces = explained_faces(known, results.masks)
    settled = explanation_of(stated_in(results.folder, results.dataset, "masks")).get("settled_only", True)
    maps = block_means(faces.raises, faces.lowers if settled else None)
    accurate = is_accurate(faces.frame["age_estimation_accuracy"])
    faces.frame[ESTIMATE] = age_range_of(faces.frame["age_estimation"], BANDS)
    feature = [column for column in results.features.values() if faces.frame[column].notna().any()][:1]
    return faces, maps, np.asarray(accurate, dtype=bool), [ESTIMATE, *feature]


def _quiz(preset: str, differences: np.ndarray, seed: int) -> dict:
    """Heatmaps in an order that only the seed knows, all on one scale, and where the real one is."""
    order = stream(seed, f"which heatmap is real, {preset}").permutation(len(differences))
    limit = float(np.abs(differences).max()) or 1.0
    letters = "ABCDEFGH"
    maps = []
    for letter, values in zip(letters, differences[order], strict=False):
        alt = f"Heatmap {letter} of {len(order)}: the largest value either way is {np.abs(values).max():.2f}, "
        alt += f"the root mean square {np.sqrt(np.mean(values**2)):.3f}."
        maps.append({"letter": letter, "svg": charts.heatmap(values, limit, alt)})
    return {"maps": maps, "real": letters[int(np.argmin(order))]}


def _claim(row: pd.Series) -> Claim:
    beyond = bool(row["p_value"] <= 0.05)
    words = "lie elsewhere than" if beyond else "are not told apart from"
    p = p_text(row["p_value"], row["p_value"] <= 1.001 / (PERMUTATIONS + 1))
    p = p if p[0] in "≤<" else f"= {p}"
    sentence = f"At about equal estimates masks of accurate estimates {words} those of inaccurate ones (explained "
    rest = "{}: p {} over all groups together; the difference is {:.2f} times that of shuffled labels, n = {:,})"
    sentence += filled(rest, row["masks"], p, row["size_ratio"], int(row["n"]))
    alone = ""
    if np.isfinite(row["panels_found"]):
        alone = f"; of {row['panels']} groups alone {row['panels_found']:.0f} differ (Holm)"
    sentence += f"{alone}."
    sure = verdict(beyond, bool(row["panels_found"] > 0), row["n"])
    return Claim(sentence, sure, "explanations-table", int(row.name))


def _finding(summary: pd.DataFrame) -> str:
    """Of the kinds of explanations that say something, else of all."""
    telling = summary[(summary["panels_found"] > 0) | (summary["size_ratio"] >= 1.5)]
    words = "Explanations hardly say where it errs: they differ {} times as much as with shuffled labels"
    if len(telling):
        kinds = " and ".join(telling["masks"])
        words = f"Explanations {kinds} differ where it errs: {{}} times as much as with shuffled labels"
    ratios = sorted({f"{ratio:.2f}" for ratio in (telling if len(telling) else summary)["size_ratio"]})
    return words.format(" to ".join([ratios[0], *ratios[1:][-1:]]))
