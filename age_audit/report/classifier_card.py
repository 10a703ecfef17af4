"""The page that goes with a trained model: what it is, how it was made, how good it is and for whom."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from age_audit.report.formats import markdown_text
from age_audit.training.evaluate import SHARES


def classifier_card(facts: Mapping, measures: pd.DataFrame, distances: pd.DataFrame, off: float) -> str:
    """A model card (Mitchell et al. 2019) in Markdown, of a run's own numbers alone.

    Parameters
    ----------
    facts : mapping
        What the run wrote down of itself: ``name``, ``model``, ``learnt_from``, ``sha256``, ``options`` (from name to
        value), ``faces`` (from part to number), ``left_out`` (from reason to number), ``labels`` (where they are from),
        ``groups``, ``years``, ``split_sha256``.
    measures : DataFrame
        Of :func:`age_audit.training.evaluate.measure`.
    distances : DataFrame
        Of :func:`age_audit.training.evaluate.by_distance`.
    off : float
        Of :func:`age_audit.training.evaluate.calibration_error`.

    Returns
    -------
    str

    Examples
    --------
    >>> from age_audit.training.evaluate import MEASURES
    >>> everyone = {"feature": "all", "class": "all", "n": 90, "clusters": 80, "few_faces": False}
    >>> rows = [everyone | {"measure": name, "value": 0.5, "low": 0.4, "high": 0.6} for name in MEASURES]
    >>> distances = pd.DataFrame({"distance": [0], "n": [90], "share": [1.0], "low": [0.9], "high": [1.0]})
    >>> facts = {"name": "mine", "model": "cnn", "learnt_from": "", "sha256": "ab", "options": {"seed": 1}}
    >>> facts |= {"faces": {"train": 400, "test": 90}, "left_out": {"no face found": 3}, "labels": "by hand"}
    >>> facts |= {"groups": ["Child", "Adult"], "years": [6.0, 40.0], "split_sha256": {"test": "cd"}}
    >>> print(classifier_card(facts, pd.DataFrame(rows), distances, 0.04).splitlines()[2][:88])
    On 90 faces that it has not learnt from, 50.0 % (40.0 to 60.0) are in the right group, 5
    """
    found = measures[measures["feature"] == "all"].set_index("measure")
    right, near = (_share(found.loc[name]) for name in SHARES)
    n, clusters = found.loc["exact", ["n", "clusters"]]
    person = facts["options"].get("person")
    drawn = "clusters of copies" + (" and of people" if person else "")
    told = [
        f"On {n:,} faces that it has not learnt from, {right} are in the right group, {near} in that or the next.",
        f"Its expected age is {_years(found.loc['mean_absolute_error'])} years off on average. The probability of what",
        f"it says is {100 * off:.1f} points off on average. Intervals: 95 %, {clusters:,} {drawn} drawn.",
    ]
    split = ", ".join(f"{part} `{text[:16]}`" for part, text in facts["split_sha256"].items())
    parts = {
        "What it is": [
            f"A classifier of {len(facts['groups'])} groups ({', '.join(map(markdown_text, facts['groups']))}),",
            f"network {facts['model']},",
            f"file sha256 `{facts['sha256']}`. {_begun(facts['learnt_from'])}",
        ],
        "How it was made": [
            "Options: " + ", ".join(f"{name} {_plain(value)}" for name, value in facts["options"].items()) + ".",
            f"Labels: {markdown_text(facts['labels'])}. Faces: {_counted(facts['faces'])}.",
            f"Left out: {_counted(facts['left_out'])}.",
            "Clusters of copies are in one part"
            + (f", and so is each {markdown_text(person)}" if person else "; people may be in two")
            + ".",
            f"Hashes of the parts: {split}.",
        ],
        "How far off": ["| groups off | faces | share |", "|---|---|---|", *_far(distances)],
        "For whom": [
            "Groups differ in age, and children are told apart better than adults: nothing here is at equal ages.",
            "",
            "| | | faces | right | right or next | years off |",
            "|---|---|---|---|---|---|",
            *_rows(measures),
        ],
        "What it is not for": [
            "It guesses an apparent age, by labels that are guesses too: decide nothing about a person by it. On",
            "pictures taken in other ways it may be worse: measure it on some (`age-audit evaluate-classifier`).",
        ],
    }
    pages = [f"## {heading}\n" + "\n".join(lines) for heading, lines in parts.items()]
    return "\n\n".join([f"# {markdown_text(facts['name'])}", "\n".join(told), *pages]) + "\n"


def _plain(value) -> str:
    return markdown_text("; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


def _years(row: pd.Series) -> str:
    ends = "" if np.isnan(row["low"]) else f" ({row['low']:.2f} to {row['high']:.2f})"
    return f"{row['value']:.2f}{ends}"


def _far(distances: pd.DataFrame) -> list[str]:
    rows = distances.rename(columns={"share": "value"}).iterrows()
    return [f"| {row['distance']:.0f} | {row['n']:,.0f} | {_share(row)} |" for _, row in rows]


def _share(row: pd.Series) -> str:
    if np.isnan(row["low"]):
        return f"{100 * row['value']:.1f} %"
    return f"{100 * row['value']:.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


def _begun(learnt_from: str) -> str:
    if not learnt_from:
        return "It began from scratch."
    return (
        f"It began from {learnt_from}. That may have seen some of these faces, or people, before: on others the "
        "classifier may be worse than here."
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _rows(measures: pd.DataFrame) -> list[str]:
    rows = []
    for (feature, name), part in measures.groupby(["feature", "class"], sort=False):
        found = part.set_index("measure")
        if not (n := found.loc["exact", "n"]):
            continue
        few = " (few)" if found.loc["exact", "few_faces"] else ""
        cells = [
            markdown_text(feature),
            markdown_text(name),
            f"{n:,}{few}",
            *(_share(found.loc[key]) for key in SHARES),
        ]
        rows.append("| " + " | ".join([*cells, _years(found.loc["mean_absolute_error"])]) + " |")
    return rows
