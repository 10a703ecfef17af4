"""Which faces a model learns from, which say when to stop, and which none of that may see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from age_audit.audit.dataset.duplicates import clusters_of_copies
from age_audit.audit.dataset.splits import splits
from age_audit.core.errors import UsageError
from age_audit.core.groups import levels, require_columns
from age_audit.faces.fingerprints import Fingerprint
from age_audit.stats.hamming import joined, numbered

SHARES = {"train": 0.70, "validation": 0.15, "test": 0.15}
FEATURES = ("group", "gender_real", "race_real")


def clusters_of(fingerprints: list[Fingerprint]) -> np.ndarray:
    """The cluster of copies of each of N pictures, int (N,), as the audit of a data set finds them.

    Examples
    --------
    >>> details = np.eye(32, dtype=np.int8)
    >>> marks = [Fingerprint("a", 0, 0, details), Fingerprint("b", 1, 1, details), Fingerprint("c", 99, 99, -details)]
    >>> clusters_of(marks)
    array([0, 0, 1])
    """
    hashes = (np.array([getattr(mark, name) for mark in fingerprints], np.uint64) for name in ("dhash", "phash"))
    return clusters_of_copies(
        [mark.pixels for mark in fingerprints], *hashes, np.stack([mark.details for mark in fingerprints])
    )


def deal(frame: pd.DataFrame, *, seed: int, person: str | None = None, shares: Mapping[str, float] = SHARES) -> dict:
    """Deal faces to training, validation and test, so that neither copies nor, where it is told, a person is in two.

    Parameters
    ----------
    frame : DataFrame
        One row a face: ``fname``, ``content`` (hash of the file's bytes), ``cluster``, ``group``, ``gender_real``,
        ``race_real``.
    seed : int
    person : str, optional
        Column that says who is shown; a face without one is alone.
    shares : mapping of str to float

    Returns
    -------
    dict
        As :func:`age_audit.audit.dataset.splits.splits`, with ``sha256``: of each part the hash of its files' names and
        hashes, by which others know that they have the same; and ``person``, the column.

    Raises
    ------
    UsageError
        If a column is missing, or a part has no face of one of the groups.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": list("abcdefgh"), "content": "0", "cluster": [0, 0, 1, 2, 3, 4, 5, 6]})
    >>> frame = frame.assign(group="all", gender_real="Male", race_real=None, who=["x", "y", "y"] + [None] * 5)
    >>> dealt = deal(frame, seed=1, person="who", shares={"train": 0.5, "test": 0.5})
    >>> [part for part, names in dealt["splits"].items() if {"a", "b", "c"} & set(names)]  # copies and one person
    ['train']
    """
    require_columns(frame, ("fname", "content", "cluster", *FEATURES, *([person] if person else [])))
    together = frame.assign(cluster=with_persons(frame, person))
    dealt = splits(together, FEATURES, seed=seed, shares=shares)
    content = frame.set_index("fname")["content"]
    groups = frame.set_index("fname")["group"]
    for part, names in dealt["splits"].items():
        there = set(groups[names])
        if absent := [str(name) for name in levels(frame["group"]) if name not in there]:
            raise UsageError(
                f"expected faces of every group in the {part} part, found none of {', '.join(absent)}; give more "
                "faces, or wider groups by --groups"
            )
    lines = {part: "".join(f"{content[name]} {name}\n" for name in names) for part, names in dealt["splits"].items()}
    hashes = {part: hashlib.sha256(text.encode()).hexdigest() for part, text in lines.items()}
    return dealt | {"person": person, "sha256": hashes}


def with_persons(frame: pd.DataFrame, person: str | None) -> np.ndarray:
    """The clusters of N faces, int (N,), those joined that show one person; a face without one is as it was.

    Examples
    --------
    >>> with_persons(pd.DataFrame({"cluster": [0, 0, 1, 2], "who": [None, "x", "x", None]}), "who").tolist()
    [0, 0, 0, 1]
    """
    clusters = numbered(frame["cluster"])
    if person is None:
        return clusters
    known = frame[person].notna().to_numpy()
    first = pd.Series(clusters[known]).groupby(frame[person].to_numpy()[known]).transform("first")
    pairs = np.column_stack([first, clusters[known]])
    return joined(clusters.max(initial=-1) + 1, [pairs])[clusters]


def part_of(fnames: pd.Series, dealt: Mapping) -> pd.Series:
    """The part that each face was dealt to.

    Examples
    --------
    >>> part_of(pd.Series(["b", "a"]), {"splits": {"train": ["a"], "test": ["b"]}}).tolist()
    ['test', 'train']
    """
    return fnames.map({name: part for part, names in dealt["splits"].items() for name in names})
