"""Training, validation and test sets that share no picture: clusters of copies stay together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.groups import require_columns
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import UNLABELLED
from age_audit.stats.hamming import numbered

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
FEATURES = ("age_range", "gender_real", "race_real")


def splits(
    frame: pd.DataFrame, features: Sequence[str] = FEATURES, *, seed: int, shares: Mapping[str, float] = SHARES
) -> dict:
    """Deal the pictures to sets, whole clusters at a time, so that each class is in each set by the set's share.

    Clusters come one by one, the largest first, those of a size in an order drawn from the seed. Each goes to the set
    that by its share should have had most more of them so far: of the pictures' class (the combination of all
    features), of each feature's class and of all pictures, summed. That balances single features where combinations
    are too rare for it, which is the idea of iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011).

    Copies are kept together, people are not: two photos of one person may be in two sets.

    Parameters
    ----------
    frame : DataFrame
        One row a picture: ``fname``, each once; ``cluster`` (see
        :func:`age_audit.audit.dataset.duplicates.clusters_of_copies`), and the features. A missing label is a class
        of its own.
    features : sequence of str
        Columns.
    seed : int
        The same seed and the same frame, in whatever order its rows are, give the same sets.
    shares : mapping of str to float
        Names of the sets and their shares of the pictures, above 0; they need not add up to 1.

    Returns
    -------
    dict
        What JSON can hold: ``seed``, ``shares`` (adding up to 1), ``features``, ``pictures``, ``clusters``, and
        ``splits``, from each set's name to the sorted names of its files.

    Raises
    ------
    UsageError
        If the frame lacks a column, or a file name comes twice.
    ValueError
        If a share is not above 0.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": list("abcdef"), "cluster": [0, 0, 1, 2, 3, 4], "gender_real": list("MMMFFF")})
    >>> dealt = splits(frame, ["gender_real"], seed=1, shares={"train": 2, "test": 1})
    >>> dealt["splits"]
    {'train': ['a', 'b', 'e', 'f'], 'test': ['c', 'd']}
    """
    require_columns(frame, ("fname", "cluster", *features))
    if not shares or min(shares.values()) <= 0:
        raise ValueError(f"expected shares above 0, got {dict(shares)}")
    if (twice := frame["fname"][frame["fname"].duplicated()]).size:
        raise UsageError(f"expected each file name once, got {twice.iloc[0]!r} again; leave one of its rows out")
    frame = frame.sort_values("fname", ignore_index=True)
    parts = np.array(list(shares.values())) / sum(shares.values())
    clusters, keys = numbered(frame["cluster"]), _keys(frame, features)
    into = _dealt(clusters, keys, parts, stream(seed, "splits"))[clusters]
    names = frame["fname"].to_numpy()
    return {
        "seed": seed,
        "shares": dict(zip(shares, parts.tolist(), strict=True)),
        "features": list(features),
        "pictures": len(frame),
        "clusters": int(clusters.max(initial=-1)) + 1,
        "splits": {name: names[into == number].tolist() for number, name in enumerate(shares)},
    }


def _keys(frame: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Numbers, column by column, of all the classes of a picture: of all, of each feature, of their combination."""
    classes = [frame[name].astype(object).where(frame[name].notna(), UNLABELLED).astype(str) for name in features]
    columns = [pd.Series("", index=frame.index), *classes]
    if len(classes) > 1:
        columns.append(pd.Series(list(map(repr, zip(*classes, strict=True))), index=frame.index))
    return np.stack([numbered(column) for column in columns], axis=1)


def _dealt(clusters: np.ndarray, keys: np.ndarray, parts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The number of the set of each cluster."""
    offsets = np.concatenate([[0], np.cumsum(keys.max(axis=0, initial=-1) + 1)[:-1]])
    keys = keys + offsets
    owed = np.zeros((keys.max(initial=-1) + 1, len(parts)))  # pictures of each class that each set has too few so far
    order = np.argsort(clusters, kind="stable")
    members = np.split(keys[order], np.cumsum(np.bincount(clusters))[:-1]) if len(clusters) else []
    into = np.zeros(len(members), dtype=np.int64)
    drawn = rng.permutation(len(members))
    for cluster in drawn[np.argsort([-len(members[one]) for one in drawn], kind="stable")]:
        each = members[cluster].ravel()
        np.add.at(owed, each, parts)
        chosen = into[cluster] = owed[each].sum(axis=0).round(9).argmax()
        np.subtract.at(owed[:, chosen], each, 1)
    return into
