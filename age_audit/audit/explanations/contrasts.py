"""Do masks of one kind of faces lie elsewhere than those of another, or do any two halves of the faces differ so?

A heatmap of differences has dark and light places whatever it is made of: its scale is its own largest value. The same
heatmap from shuffled labels says how large and how structured such differences are where there is nothing to find.

Whether kinds of faces differ is asked here of two kinds, such as accurate and inaccurate estimates;
``mask_groups`` asks it of any number of groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from age_audit.core.groups import ALL, groups_of, require_columns
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.correlations import row_correlations
from age_audit.stats.resampling import with_adjusted
from age_audit.stats.shuffles import FEWEST, MAP_PERMUTATIONS, beside_shuffled, flat_maps, mean_of_finite

SPLITS = 100


@dataclass(frozen=True)
class _Contrast:
    """One panel: differences of mean maps, first as labelled, then shuffled, (1 + K, P), and from random halves."""

    differences: np.ndarray
    study_r: np.ndarray
    halves: np.ndarray  # (2, S, P)
    mean_halves_r: float
    weight: float


def contrast_table(
    maps: np.ndarray,
    first: ArrayLike,
    frame: pd.DataFrame,
    features: Sequence[str],
    *,
    seed: int,
    permutations: int = MAP_PERMUTATIONS,
    splits: int = SPLITS,
) -> pd.DataFrame:
    """Compare the mean mask of two kinds of faces, in every panel and over all of them.

    Null hypothesis of a panel: within it a mask does not depend on which kind its face is of, so that the labels are
    arbitrary. The statistic is the ``size`` of the difference of the two mean maps: its root mean square over places.
    Over all panels the differences are added up with the weights n m / (n + m) first, as of differences of means that
    are equally uncertain, and labels are shuffled within panels only: what is seen there is a difference that panels
    share, not one of their mix.

    Parameters
    ----------
    maps : ndarray of float, shape (N, ...)
        One map a face, such as :func:`age_audit.core.masks.block_means`.
    first : array_like of bool, shape (N,)
        Faces of the first kind (accurate estimates, say); the others are of the second.
    frame : DataFrame
        N rows with the features.
    features : sequence of str
        Columns; every combination of their levels is a panel.
    seed : int
        Of shuffles and halves.
    permutations, splits : int

    Returns
    -------
    DataFrame
        One row a panel, and a last one, ``"all"`` in every feature, over the panels that can be tested. Columns: the
        features; ``n_first``, ``n_second``; ``size``, with ``size_shuffled`` (mean over shuffles), ``size_low`` and
        ``size_high`` (their 2.5 % and 97.5 % points) and ``size_ratio`` = size / size_shuffled; ``p_value`` (share of
        shuffles with at least that size, itself included), adjusted over the panels, without ``"all"`` (``p_holm``,
        ``p_bh``). ``split_half_r``: correlation over places between the differences from two random halves of the
        faces, mean over splits: 0 where there is only chance, 1 where other faces would give the same picture;
        ``split_half_r_mean``: the same for the mean map of all faces. ``r_shuffled``: correlation between the study's
        heatmap (:func:`age_audit.study.heatmaps.compared_heatmap`) as labelled and from shuffled labels, mean over
        shuffles; NaN in ``"all"``. ``few_faces``: fewer than 30 of either kind. NaN with fewer than two
        faces of either.

    Raises
    ------
    ValueError
        If the lengths do not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> maps, accurate = rng.normal(size=(40, 28, 28)), np.arange(40) < 20
    >>> maps[accurate, :14] += 1  # masks of accurate estimates lie more in the upper half
    >>> table = contrast_table(maps, accurate, pd.DataFrame({"gender_real": ["Male"] * 40}), ["gender_real"], seed=1)
    >>> table[["gender_real", "n_first", "n_second"]]
      gender_real  n_first  n_second
    0        Male       20        20
    1         all       20        20
    >>> (table["size_ratio"] > 1).tolist(), (table["p_value"] < 0.01).tolist()
    ([True, True], [True, True])
    """
    require_columns(frame, features)
    maps, first = flat_maps(maps, frame), np.asarray(first, dtype=bool)
    if first.shape != (len(frame),):
        raise ValueError(f"expected a label a row, shape ({len(frame)},), got {first.shape}")
    rng = stream(seed, "contrasts of masks")
    rows, contrasts, counted = [], [], np.zeros(2, dtype=int)
    for labels, inside in groups_of(frame, list(features)):
        sizes = np.array([(first & inside).sum(), (~first & inside).sum()])
        contrast = None
        if sizes.min() >= FEWEST:
            contrast = _contrast(maps[inside], first[inside], rng, permutations, splits)
            contrasts.append(contrast)
            counted += sizes
        rows.append(labels | _described(contrast, sizes) | {"family": "panels"})
    rows.append(dict.fromkeys(features, ALL) | _described(_pooled(contrasts), counted) | {"family": ALL})
    return with_adjusted(pd.DataFrame(rows), ["family"]).drop(columns="family")


def pooled_differences(
    maps: np.ndarray,
    first: ArrayLike,
    frame: pd.DataFrame,
    features: Sequence[str],
    *,
    seed: int,
    permutations: int,
) -> np.ndarray:
    """The difference of two mean masks that all panels share, as labelled and with shuffled labels: to be looked at.

    Parameters
    ----------
    maps, first, frame, features, seed
        As :func:`contrast_table`, whose row ``"all"`` is of the size of these differences.
    permutations : int
        How many are of labels that were shuffled within panels.

    Returns
    -------
    ndarray of float, shape (1 + permutations, ...)
        Mean map of the first kind less that of the second, as labelled first; NaN where no panel has two faces of
        either kind.

    Examples
    --------
    >>> maps, first = np.zeros((8, 28, 28)), np.arange(8) < 4
    >>> maps[first, 0] = 1  # masks of the first kind mark the top row
    >>> frame = pd.DataFrame({"gender_real": ["Male", "Female"] * 4})
    >>> differences = pooled_differences(maps, first, frame, ["gender_real"], seed=1, permutations=3)
    >>> differences.shape, float(differences[0, 0, 0]), float(differences[0, 1, 0])
    ((4, 28, 28), 1.0, 0.0)
    """
    require_columns(frame, features)
    flat, first = flat_maps(maps, frame), np.asarray(first, dtype=bool)
    rng = stream(seed, "differences to look at")
    contrasts = [
        _contrast(flat[inside], first[inside], rng, permutations, 2)
        for _, inside in groups_of(frame, list(features))
        if min((first & inside).sum(), (~first & inside).sum()) >= FEWEST
    ]
    pooled = _pooled(contrasts)
    shape = (permutations + 1, *np.shape(maps)[1:])
    return np.full(shape, np.nan) if pooled is None else pooled.differences.reshape(shape)


def _contrast(maps: np.ndarray, first: np.ndarray, rng: np.random.Generator, shuffles: int, splits: int) -> _Contrast:
    n, m = int(first.sum()), int((~first).sum())
    dealt = np.tile(first, (shuffles + 1, 1))
    dealt[1:] = rng.permuted(dealt[1:], axis=1)
    total = maps.sum(axis=0)
    sums = dealt.astype(maps.dtype) @ maps
    halves, mean_halves_r = _halves([maps[first], maps[~first]], rng, splits)
    return _Contrast(
        differences=sums / n - (total - sums) / m,
        study_r=_study_correlations(sums, total - sums),
        halves=halves,
        mean_halves_r=mean_halves_r,
        weight=n * m / (n + m),
    )


def _study_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Correlations of the study's heatmap as labelled with each shuffled one, (K,); NaN where either has no answer."""
    heatmaps = _scaled_rows(_scaled_rows(first) - _scaled_rows(second))
    return row_correlations(heatmaps[1:], heatmaps[:1])


def _scaled_rows(sums: np.ndarray) -> np.ndarray:
    """Every row as :func:`age_audit.study.heatmaps.scale_to_unit` scales a heatmap."""
    largest = sums.max(axis=1, keepdims=True)
    return sums * np.divide(2, largest, out=np.full(largest.shape, np.nan, sums.dtype), where=largest != 0) - 1


def _halves(kinds: Sequence[np.ndarray], rng: np.random.Generator, splits: int) -> tuple[np.ndarray, float]:
    """Differences from two random halves, each half with half of either kind, (2, S, P); and r of their mean maps."""
    means, sums = [], []
    for maps in kinds:
        half = len(maps) // 2
        dealt = rng.permuted(np.tile(np.arange(len(maps)) < half, (splits, 1)), axis=1).astype(maps.dtype) @ maps
        pair = np.stack([dealt, maps.sum(axis=0) - dealt])
        sums.append(pair)
        means.append(pair / np.array([half, len(maps) - half])[:, np.newaxis, np.newaxis])
    together = sums[0] + sums[1]
    return (means[0] - means[1]).astype(np.float32), mean_of_finite(row_correlations(*together))


def _pooled(contrasts: Sequence[_Contrast]) -> _Contrast | None:
    if not contrasts:
        return None
    weights = np.array([contrast.weight for contrast in contrasts])
    shares = weights / weights.sum()
    return _Contrast(
        differences=sum(share * contrast.differences for share, contrast in zip(shares, contrasts, strict=True)),
        study_r=np.empty(0),
        halves=sum(share * contrast.halves for share, contrast in zip(shares, contrasts, strict=True)),
        mean_halves_r=float("nan"),
        weight=float(weights.sum()),
    )


def _described(contrast: _Contrast | None, sizes: np.ndarray) -> dict:
    row = {"n_first": int(sizes[0]), "n_second": int(sizes[1])}
    if contrast is None:
        names = ("size", "size_shuffled", "size_low", "size_high", "size_ratio", "p_value")
        row |= dict.fromkeys((*names, "split_half_r", "split_half_r_mean", "r_shuffled"), float("nan"))
    else:
        found = np.sqrt(np.square(contrast.differences, dtype=float).mean(axis=1))
        row |= beside_shuffled("size", found)
        row |= {"split_half_r": mean_of_finite(row_correlations(*contrast.halves))}
        row |= {"split_half_r_mean": contrast.mean_halves_r, "r_shuffled": mean_of_finite(contrast.study_r)}
    return row | {"few_faces": bool(sizes.min() < FEW_FACES)}


def contrast_summary(
    tables: Mapping[str, pd.DataFrame], alpha: float = 0.05, permutations: int = MAP_PERMUTATIONS
) -> pd.DataFrame:
    """What the tables of several kinds of masks come to, one row each.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From :func:`contrast_table`, by the name of the masks.
    alpha : float
        Chance of any false finding among the panels.
    permutations : int
        Of each p-value.

    Returns
    -------
    DataFrame
        Columns: ``masks``; ``n`` (faces in panels tested); ``panels`` tested; ``panels_found`` (of them with
        ``p_holm`` below alpha; NaN where the least p-value that so many permutations can give, times the panels, is
        not below it, so that none could be found); means over the panels of ``size_ratio``, ``split_half_r``,
        ``split_half_r_mean`` and ``r_shuffled``; of the row ``"all"``: ``size``, ``size_shuffled``, ``p_value`` and,
        as ``split_half_r_all``, its ``split_half_r``.

    Examples
    --------
    >>> maps, first = np.random.default_rng(1).normal(size=(40, 28, 28)), np.arange(40) < 20
    >>> frame = pd.DataFrame({"gender_real": ["Male", "Female"] * 20})
    >>> tables = {"noise": contrast_table(maps, first, frame, ["gender_real"], seed=1)}
    >>> contrast_summary(tables)[["masks", "n", "panels"]]
       masks   n  panels
    0  noise  40       2
    """
    rows = []
    for masks, table in tables.items():
        panels, together = table.iloc[:-1], table.iloc[-1]
        panels = panels[panels["p_value"].notna()]
        row = {"masks": masks, "n": int(together["n_first"] + together["n_second"]), "panels": len(panels)}
        possible = len(panels) / (permutations + 1) < alpha
        row |= {"panels_found": float((panels["p_holm"] < alpha).sum()) if possible else float("nan")}
        row |= {name: panels[name].mean() for name in ("size_ratio", "split_half_r", "split_half_r_mean", "r_shuffled")}
        row |= {name: together[name] for name in ("size", "size_shuffled", "p_value")}
        rows.append(row | {"split_half_r_all": together["split_half_r"]})
    return pd.DataFrame(rows)
