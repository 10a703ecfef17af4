"""How many pictures are copies of others, and what do labels that copies disagree by say of labels?

Two copies of one picture show the same person at the same age. Where their labels differ at least one is wrong, so the
differences measure the noise of labels, which no error of an estimator can go below. Only copies that stayed can be
looked at: whoever made the data set may have removed those whose labels agree, or those that disagree. So this is the
disagreement *given that a copy stayed*, of pictures that are in the set several times; and as an error that copies
share does not show, it is no upper bound either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from age_audit.core.groups import ALL, age_range_of, feature_title, groups_of, require_columns
from age_audit.core.randomness import Resampling
from age_audit.core.schema import AGE_RANGES
from age_audit.core.vocabulary import FEW_FACES
from age_audit.faces.fingerprints import likeness
from age_audit.stats.hamming import joined, near_pairs, numbered
from age_audit.stats.proportions import wilson_interval
from age_audit.stats.resampling import LEAST_FACES, combination_interval, means_of_draws

DISTANCE = 4  # bits of 64: near enough to be looked at
LIKENESS = 0.8  # of details: a copy
LARGEST = 100  # pictures of a cluster whose labels are compared; what is there more often stands for no picture, say
FEATURES = ("gender_real", "race_real")


def clusters_of_copies(
    pixels: Sequence[str],
    dhash: ArrayLike,
    phash: ArrayLike,
    details: np.ndarray,
    *,
    distance: int = DISTANCE,
    least: float = LIKENESS,
) -> np.ndarray:
    """Which pictures are copies of each other, to the pixel or nearly.

    Pictures may be copies if their dHash or their pHash differ in at most ``distance`` bits, and are if their details
    then are alike. What hangs together by such pairs is a cluster (see :func:`chained`). Pictures that are equal in
    both hashes are compared with the first of them, and with each other only if they are unlike it, so that thousands
    of copies of one picture take no more time than as many others.

    Measured on UTKFace's first part, 8,749 faces aligned to 200 x 200 pixels: of 174 pairs that are not equal to the
    pixel, all looked at, 173 show one photograph and one perhaps two of one man, taken a moment apart. Hashes alone
    would not do: of 2,700 pairs of faces with dHash within 4 bits, nine in ten are of different people, who chain into
    a cluster of 769. What is missed: all pairs of the 8,749 compared by their details alone give ten pairs more, of
    which seven or more are one photograph, and a few copies cut or lit in other ways are less alike than 0.8.

    Parameters
    ----------
    pixels, dhash, phash, details
        Of N pictures, as :class:`age_audit.faces.fingerprints.Fingerprint` has them; shapes (N,), (N,), (N,) and
        (N, 32, 32).
    distance : int
        Bits of 64.
    least : float
        Least likeness of copies, see :func:`age_audit.faces.fingerprints.likeness`.

    Returns
    -------
    ndarray of int, shape (N,)
        The cluster of each picture, numbered from 0 by where it first appears; alone in it if it has no copy.

    Examples
    --------
    >>> details = np.eye(32, dtype=np.int8) * np.array([9, 9, 8, -9], dtype=np.int8)[:, None, None]
    >>> clusters_of_copies(["a", "a", "b", "c"], [5, 5, 7, 5], [0, 0, 0, 0], details)  # c is near, but unlike
    array([0, 0, 0, 1])
    """
    which = numbered(pixels)
    first = np.unique(which, return_index=True)[1]
    dhash, phash = (np.asarray(hashes, dtype=np.uint64)[first] for hashes in (dhash, phash))
    details = np.asarray(details)[first]

    def copies(pairs: np.ndarray) -> np.ndarray:
        return pairs[likeness(details, pairs) >= least]

    equal = copies(_with_first_equal(dhash, phash))
    others = np.setdiff1d(np.arange(len(first)), equal[:, 1])
    near = (copies(others[pairs]) for hashes in (dhash, phash) for pairs in near_pairs(hashes[others], distance))
    return numbered(joined(len(first), chain([equal], near))[which])


def _with_first_equal(*hashes: np.ndarray) -> np.ndarray:
    """Pairs of the first that has all these hashes, and another; shape (P, 2)."""
    _, first, which = np.unique(np.stack(hashes, axis=1), axis=0, return_index=True, return_inverse=True)
    pairs = np.stack([first[which], np.arange(len(which))], axis=1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def chained(clusters: ArrayLike, details: np.ndarray, least: float = LIKENESS) -> pd.DataFrame:
    """How unlike the most unlike pictures of a cluster are, which others may have joined one by one.

    Parameters
    ----------
    clusters : array_like of int, shape (N,)
        From :func:`clusters_of_copies`.
    details : ndarray of int8, shape (N, 32, 32)
    least : float
        As there.

    Returns
    -------
    DataFrame
        One row for each cluster of three pictures and more, the widest first: ``cluster``, ``pictures``, ``pairs``
        compared (all; of clusters of more than 100 those with their first picture), ``pairs_below`` the least
        likeness, and ``smallest_likeness``.

    Examples
    --------
    >>> details = np.zeros((3, 32, 32), dtype=np.int8)
    >>> details[[0, 1, 1, 2], 0, [0, 0, 1, 1]] = 100
    >>> chained([0, 0, 0], details, least=0.7).round(2)
       cluster  pictures  pairs  pairs_below  smallest_likeness
    0        0         3      3            1                0.0
    """
    rows = []
    for cluster, members in _members(np.asarray(clusters), least=3):
        pairs = _all_pairs(members) if len(members) <= LARGEST else _all_pairs(members)[: len(members) - 1]
        alike = likeness(details, pairs)
        row = {"cluster": cluster, "pictures": len(members), "pairs": len(pairs)}
        rows.append(row | {"pairs_below": int((alike < least).sum()), "smallest_likeness": alike.min()})
    columns = ["cluster", "pictures", "pairs", "pairs_below", "smallest_likeness"]
    return pd.DataFrame(rows, columns=columns).sort_values("smallest_likeness", ignore_index=True, kind="stable")


def _members(clusters: np.ndarray, least: int = 2) -> Iterator[tuple[int, np.ndarray]]:
    """Clusters of at least so many pictures, and which pictures those are."""
    order = np.argsort(clusters, kind="stable")
    labels, starts, counts = np.unique(clusters[order], return_index=True, return_counts=True)
    for label, start, count in zip(labels, starts, counts, strict=True):
        if count >= least:
            yield label, order[start : start + count]


def _all_pairs(members: np.ndarray) -> np.ndarray:
    """Shape (P, 2), those with the first member first."""
    return members[np.stack(np.triu_indices(len(members), 1), axis=1)]


def duplicates_by_class(
    frame: pd.DataFrame, features: Sequence[str] = FEATURES, *, resampling: Resampling
) -> pd.DataFrame:
    """How many pictures of each class are in the data set several times.

    Parameters
    ----------
    frame : DataFrame
        One row a picture: ``cluster`` (see :func:`clusters_of_copies`), ``pixels`` (equal for copies equal to the
        pixel), and the features.
    features : sequence of str
        Columns.
    resampling : Resampling
        How intervals are drawn: whole clusters at a time.

    Returns
    -------
    DataFrame
        A row for all pictures and one for each class of each feature: ``feature``, ``class``, ``duplicates`` (pictures
        that have a copy, whatever its class is), ``total``, ``proportion`` (0-1) with ``low`` and ``high``, ``exact``
        (those with a copy equal to the pixel), ``surplus`` (what would go if one picture of each cluster stayed in the
        class), ``few_faces`` (total below 30).

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"cluster": [0, 0, 1, 2, 0], "pixels": list("aabcd"), "gender_real": list("MMMFF")})
    >>> table = duplicates_by_class(frame, ["gender_real"], resampling=Resampling(seed=1))
    >>> table[["class", "duplicates", "total", "proportion", "exact", "surplus"]].round(2)
      class  duplicates  total  proportion  exact  surplus
    0   all           3      5        0.60      2        2
    1     F           1      2        0.50      0        0
    2     M           2      3        0.67      2        1
    """
    require_columns(frame, ("cluster", "pixels", *features))
    copied = {name: frame[name].duplicated(keep=False).to_numpy() for name in ("cluster", "pixels")}
    rows = [_class_row(frame, copied, ALL, ALL, np.ones(len(frame), dtype=bool), resampling)]
    for feature in features:
        for labels, inside in groups_of(frame, [feature]):
            rows.append(_class_row(frame, copied, feature_title(feature), labels[feature], inside, resampling))
    return pd.DataFrame(rows)


def _class_row(frame, copied, feature, name, inside, resampling) -> dict:
    duplicate, labels = copied["cluster"][inside], frame["cluster"].to_numpy()[inside]
    options = resampling.for_intervals(f"duplicates, {feature}, {name}")
    row = {"feature": feature, "class": name, "duplicates": int(duplicate.sum()), "total": len(duplicate)}
    row |= _share(duplicate, labels, options, "proportion")
    row |= {"exact": int(copied["pixels"][inside].sum()), "surplus": len(labels) - len(np.unique(labels))}
    return row | {"few_faces": len(duplicate) < FEW_FACES}


def _share(yes: np.ndarray, clusters: np.ndarray, options: dict, name: str = "value") -> dict:
    """A share with its interval, which draws clusters; by Wilson's formula for clusters where all are alike."""
    found = combination_interval([yes[np.newaxis].astype(float)], [1], clusters=[clusters], **options)
    value, low, high = found.value[0], found.low[0], found.high[0]
    if value in (0, 1):
        n = len(np.unique(clusters))
        low, high = wilson_interval(value * n, n, options["confidence"])
    return {name: value, "low": low, "high": high}


def pairs_of_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """All pairs of copies: places of both in the frame, their cluster, and whether they are equal to the pixel.

    Parameters
    ----------
    frame : DataFrame
        With ``cluster`` and ``pixels``.

    Returns
    -------
    DataFrame
        ``first``, ``second``, ``cluster``, ``exact``. Clusters of more than 100 pictures are left out.

    Examples
    --------
    >>> pairs_of_copies(pd.DataFrame({"cluster": [0, 0, 1, 0], "pixels": list("aaba")}).assign(pixels=list("aabc")))
       first  second  cluster  exact
    0      0       1        0   True
    1      0       3        0  False
    2      1       3        0  False
    """
    require_columns(frame, ("cluster", "pixels"))
    members = [found for _, found in _members(frame["cluster"].to_numpy()) if len(found) <= LARGEST]
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *map(_all_pairs, members)])
    pixels = frame["pixels"].to_numpy()[pairs]
    table = {"first": pairs[:, 0], "second": pairs[:, 1], "cluster": frame["cluster"].to_numpy()[pairs[:, 0]]}
    return pd.DataFrame(table | {"exact": pixels[:, 0] == pixels[:, 1]})


def label_disagreement(
    frame: pd.DataFrame,
    features: Sequence[str] = FEATURES,
    *,
    resampling: Resampling,
    ranges: Sequence[Sequence[int]] = AGE_RANGES,
) -> pd.DataFrame:
    """How far the labels of copies disagree, and the noise of a label that this implies.

    What a difference d of two labels says of the standard deviation s of one, if both err alike and independently:
    ``mean(d²) = 2 s²`` whatever the distribution; with normal noise also ``mean |d| = 2 s / √π`` and
    ``median |d| = 0.954 s``, which a few gross errors do not move. The more these differ, the less normal is the noise.

    Parameters
    ----------
    frame : DataFrame
        One row a picture: ``cluster``, ``pixels``, ``age_real`` (years; ages known as ranges count as missing) and the
        features.
    features : sequence of str
        Columns of labels that either agree or do not.
    resampling : Resampling
        How intervals are drawn: whole clusters at a time.
    ranges : sequence of (low, high)
        Age ranges in years, by the mean age of a pair.

    Returns
    -------
    DataFrame
        ``copies`` (``"exact"``: pairs equal to the pixel; ``"near"``: other pairs of one cluster; ``"all"``),
        ``label``, ``age_range`` (of age; else ``"all"``), ``measure``, ``clusters`` and ``pairs`` (with both labels),
        ``value``, ``low``, ``high``. Measures: ``share_differing`` (0-1) and, in years, ``mean_difference``,
        ``largest_difference`` (without an interval), and ``label_sd``, ``label_sd_normal`` and ``label_sd_robust`` as
        above. NaN without pairs; no interval of fewer than three clusters. A single age range without pairs has no
        rows.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"cluster": [0, 0, 1, 1, 2, 2, 3], "pixels": list("aabbccd"), "age_real": 30.0})
    >>> frame["age_real"] += [0, 2, 0, 0, 5, 1, 9]
    >>> table = label_disagreement(frame, [], resampling=Resampling(seed=1))
    >>> table.loc[(table["copies"] == "exact") & (table["age_range"] == "all"), ["measure", "pairs", "value"]].round(2)
                  measure  pairs  value
    0     share_differing      3   0.67
    1     mean_difference      3   2.00
    2  largest_difference      3   4.00
    3            label_sd      3   1.83
    4     label_sd_normal      3   1.77
    5     label_sd_robust      3   2.10
    """
    require_columns(frame, ("age_real", *features))
    pairs = pairs_of_copies(frame)
    rows = []
    for copies, chosen in (("exact", pairs["exact"]), ("near", ~pairs["exact"]), ("all", pairs["exact"] | True)):
        these = pairs[chosen.to_numpy(dtype=bool)]
        rows += [{"copies": copies} | row for row in _age_rows(frame, these, ranges, copies, resampling)]
        for feature in features:
            options = resampling.for_intervals(f"labels of copies, {copies}, {feature}")
            rows.append({"copies": copies} | _class_label_row(frame, these, feature, options))
    return pd.DataFrame(rows)


def _labels(values: pd.Series, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both labels of the pairs that have both, and the clusters of these."""
    both = values.to_numpy(dtype=object if values.dtype.kind not in "fi" else float)[pairs[["first", "second"]]]
    known = ~pd.isna(both).any(axis=1)
    return *both[known].T, pairs["cluster"].to_numpy()[known]


def _class_label_row(frame: pd.DataFrame, pairs: pd.DataFrame, feature: str, options: dict) -> dict:
    first, second, clusters = _labels(frame[feature], pairs)
    row = {"label": feature_title(feature), "age_range": ALL, "measure": "share_differing"}
    row |= {"clusters": len(np.unique(clusters)), "pairs": len(first)}
    return row | _share(first != second, clusters, options)


def _age_rows(frame, pairs, ranges, copies, resampling) -> Iterator[dict]:
    first, second, clusters = _labels(frame["age_real"], pairs)
    apart, of = np.abs(first - second), age_range_of((first + second) / 2, ranges)
    for level, inside in [(ALL, np.ones(len(apart), dtype=bool)), *((name, of == name) for name in of.categories)]:
        if level == ALL or inside.any():
            n = {"clusters": len(np.unique(clusters[inside])), "pairs": int(inside.sum())}
            options = resampling.for_intervals(f"labels of copies, {copies}, age, {level}")
            for measure, estimate in _age_measures(apart[inside], clusters[inside], options):
                yield {"label": "age", "age_range": level, "measure": measure} | n | estimate


def _age_measures(apart: np.ndarray, clusters: np.ndarray, options: dict) -> Iterator[tuple[str, dict]]:
    """Each measure of absolute differences of ages in years, with its interval."""
    yield "share_differing", _share(apart > 0, clusters, options)
    mean = combination_interval([apart[np.newaxis]], [1], clusters=[clusters], **options)
    mean = {"value": mean.value[0], "low": mean.low[0], "high": mean.high[0]}
    yield "mean_difference", mean
    yield "largest_difference", {"value": apart.max(initial=0) if len(apart) else np.nan, "low": np.nan, "high": np.nan}
    yield "label_sd", _drawn(apart, clusters, options, lambda counts: np.sqrt(_mean_square(counts) / 2))
    yield "label_sd_normal", {name: years * np.sqrt(np.pi) / 2 for name, years in mean.items()}
    yield "label_sd_robust", _drawn(apart, clusters, options, lambda counts: _median(counts) / _MEDIAN_OF_ONE)


_MEDIAN_OF_ONE = 0.9538725524  # median |d| of two labels with a standard deviation of 1: √2 times normal's 75 % point


def _drawn(apart: np.ndarray, clusters: np.ndarray, options: dict, statistic) -> dict:
    """A statistic of how many pairs are how many whole years apart, with the percentile interval of drawn clusters."""
    which = numbered(clusters)
    if not len(which):
        return dict.fromkeys(("value", "low", "high"), np.nan)
    counts = np.zeros((which.max() + 1, int(np.rint(apart.max())) + 1))
    np.add.at(counts, (which, np.rint(apart).astype(int)), 1)
    value, ends = statistic(counts.mean(axis=0, keepdims=True))[0], (np.nan, np.nan)
    if len(counts) >= LEAST_FACES:
        drawn = statistic(means_of_draws(counts.T, rng=options["rng"], draws=options["draws"]))
        ends = np.quantile(drawn, [(1 - options["confidence"]) / 2, (1 + options["confidence"]) / 2])
    return {"value": value, "low": ends[0], "high": ends[1]}


def _mean_square(counts: np.ndarray) -> np.ndarray:
    return counts @ np.arange(counts.shape[1]) ** 2 / counts.sum(axis=1)


def _median(counts: np.ndarray) -> np.ndarray:
    """Of what is rounded to whole years: those of a year are spread evenly over the year around it."""
    edges = np.arange(counts.shape[1] + 1) - 0.5
    edges[0] = 0
    below = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))
    return np.array([np.interp(row[-1] / 2, row, edges) for row in below])
