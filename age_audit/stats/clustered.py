"""Numbers that are weighted sums of values, and how sure they and their ratios are where faces come in clusters.

A difference of means, a standardised difference and a coefficient of a regression are all weighted sums of the values
of faces. What each face adds to the error of such a sum is its *influence*; summed within each cluster, as of
near-duplicates, influences give variances and covariances that allow for the likeness within clusters and for unequal
spread (Liang and Zeger 1986). Two sums of the same faces differ by the difference of their influences, so that what an
adjustment takes away has an interval of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from age_audit.core.randomness import CONFIDENCE, PERMUTATIONS
from age_audit.stats.resampling import difference_p_values, sums_of_dealt

_MOST_ALIKE = 0.95  # of two faces of one cluster, or their difference would count for everything
_NO_RESIDUAL = 1e-10  # of a column's length: what rounding leaves where the others determine it
_NUMBERS_AT_ONCE = 2**21  # permuted numbers held in memory at a time: 16 MiB


@dataclass(frozen=True)
class Influence:
    """A weighted sum of values: its ``value`` and what each face adds to its error, ``of_faces``, shape (N,)."""

    value: float
    of_faces: np.ndarray

    def __sub__(self, other: Influence) -> Influence:
        return Influence(self.value - other.value, self.of_faces - other.of_faces)


def of_means(values: ArrayLike, samples: Sequence[np.ndarray], coefficients: Sequence[float]) -> Influence:
    """A weighted sum of the means of samples that share no face.

    Parameters
    ----------
    values : array_like of float, shape (N,)
        Finite where a sample is.
    samples : sequence of ndarray of bool, each shape (N,)
        Two faces or more in each.
    coefficients : sequence of float
        One a sample.

    Returns
    -------
    Influence
        NaN where a sample has fewer than two faces.

    Examples
    --------
    >>> found = of_means([2.0, 4, 1, 1, 4], [np.arange(5) < 2, np.arange(5) >= 2], [1, -1])
    >>> found.value, (found.of_faces**2).sum().round(2)  # 2 / 2 + 3 / 3, as the textbook has it
    (1.0, np.float64(2.0))
    """
    values = np.asarray(values, dtype=float)
    total, influence = 0.0, np.zeros_like(values)
    for sample, coefficient in zip(samples, coefficients, strict=True):
        n = sample.sum()
        if n < 2:
            return Influence(np.nan, np.full_like(values, np.nan))
        mean = values[sample].mean()
        total += coefficient * mean
        influence[sample] += coefficient * (values[sample] - mean) / np.sqrt(n * (n - 1))
    return Influence(float(total), influence)


def of_coefficient(column: ArrayLike, others: ArrayLike, y: ArrayLike, clusters: ArrayLike | None = None) -> Influence:
    """The coefficient of a column beside others, by least squares, or with a random intercept for each cluster.

    The intercepts' share of the variance is taken from products of residuals within clusters; given it, the fit is that
    of a mixed model (Fuller and Battese 1973). Residuals are enlarged for their leverage (HC2, MacKinnon and White
    1985).

    Parameters
    ----------
    column : array_like of float, shape (N,)
        Finite, as all.
    others : array_like of float, shape (N, P)
        A constant among them; they may determine each other.
    y : array_like of float, shape (N,)
    clusters : array_like, shape (N,), optional
        Labels, none missing.

    Returns
    -------
    Influence
        NaN where the others leave nothing of the column, or nothing of y's freedom.

    Examples
    --------
    >>> group, age = np.array([1.0, 0, 1, 0, 1, 0]), np.array([20.0, 25, 30, 35, 40, 45])
    >>> error = 2 * group + 0.1 * age + [0.1, -0.1, -0.1, 0.1, 0.1, -0.1]
    >>> round(of_coefficient(group, np.column_stack([np.ones(6), age]), error).value, 2)
    2.07
    """
    column, others, y = (np.asarray(part, dtype=float) for part in (column, others, y))
    found = _least_squares(column, others, y)
    if clusters is None or np.isnan(found.value):
        return found
    _, codes, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    alike = _likeness(np.column_stack([column, others]), y, codes)
    kept = 1 - np.sqrt((1 - alike) / (1 - alike + sizes * alike))

    def transformed(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(sizes), *values.shape[1:]))
        np.add.at(sums, codes, values)
        return values - ((kept / sizes) * sums.T).T[codes]

    return _least_squares(transformed(column), transformed(others), transformed(y))


def _least_squares(column: np.ndarray, others: np.ndarray, y: np.ndarray) -> Influence:
    """What the others leave of the column is what it is weighted by (Frisch and Waugh 1933)."""
    basis, sizes, _ = np.linalg.svd(others, full_matrices=False)
    basis = basis[:, sizes > max(others.shape) * np.finfo(float).eps * sizes.max(initial=0)]
    left = column - basis @ (basis.T @ column)
    length = left @ left
    if length <= _NO_RESIDUAL * (column @ column) or len(y) <= basis.shape[1] + 1:
        return Influence(np.nan, np.full(len(y), np.nan))
    value = left @ y / length
    residual = y - basis @ (basis.T @ y) - value * left
    leverage = (basis**2).sum(axis=1) + left**2 / length
    # Of a face that alone decides a coefficient nothing is left, and nothing known.
    spread = np.sqrt(np.maximum(1 - leverage, 1e-12))
    return Influence(float(value), left / length * residual / spread)


def _likeness(columns: np.ndarray, y: np.ndarray, codes: np.ndarray) -> float:
    """Correlation of the residuals of two faces of one cluster, 0 or more."""
    residual = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    sizes, sums = np.bincount(codes), np.bincount(codes, residual)
    pairs = (sizes * (sizes - 1)).sum()
    square = residual @ residual
    if not pairs or square == 0:
        return 0.0
    return float(np.clip(((sums @ sums) - square) / pairs / (square / len(y)), 0, _MOST_ALIKE))


def covariance(influences: Sequence[Influence], clusters: ArrayLike | None = None) -> np.ndarray:
    """Variances and covariances of weighted sums of the same faces.

    Parameters
    ----------
    influences : sequence of M Influence
    clusters : array_like, shape (N,), optional
        Labels, none missing; by default each face stands alone.

    Returns
    -------
    ndarray of float, shape (M, M)

    Examples
    --------
    >>> mean = of_means([2.0, 4, 2, 4], [np.full(4, True)], [1])
    >>> covariance([mean]).round(2), covariance([mean], ["a", "b", "a", "b"]).round(2)  # twice as unsure
    (array([[0.33]]), array([[0.67]]))
    """
    stacked = np.stack([influence.of_faces for influence in influences])
    if clusters is not None:
        _, codes = np.unique(clusters, return_inverse=True)
        stacked = np.stack([np.bincount(codes, row) for row in stacked])
    return stacked @ stacked.T


def interval(
    influence: Influence, clusters: ArrayLike | None = None, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """Value, low and high of a weighted sum, the ends normal.

    Examples
    --------
    >>> [round(end, 2) for end in interval(of_means([2.0, 4, 6, 8], [np.full(4, True)], [1]))]
    [5.0, 2.47, 7.53]
    """
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * np.sqrt(covariance([influence], clusters).item())
    return influence.value, float(influence.value - half), float(influence.value + half)


def ratio_interval(
    numerator: Influence, denominator: Influence, clusters: ArrayLike | None = None, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """Ratio of two weighted sums of the same faces, with Fieller's (1954) interval.

    Returns
    -------
    value, low, high : float
        NaN where the denominator is not told apart from 0: then any ratio may be the true one.

    Examples
    --------
    >>> ten = of_means([8.0, 9, 10, 11, 12], [np.full(5, True)], [1])
    >>> two = of_means([1.0, 2, 3, 2, 2], [np.full(5, True)], [1])
    >>> [round(end, 2) for end in ratio_interval(two, ten)]
    [0.2, 0.14, 0.26]
    >>> ratio_interval(ten, of_means([-9.0, 9, 1, -1, 1], [np.full(5, True)], [1]))
    (nan, nan, nan)
    """
    (top, both), (_, bottom) = scipy.stats.norm.ppf((1 + confidence) / 2) ** 2 * covariance(
        [numerator, denominator], clusters
    )
    a, b, c = denominator.value**2 - bottom, denominator.value * numerator.value - both, numerator.value**2 - top
    if not a > 0:
        return np.nan, np.nan, np.nan
    half = np.sqrt(max(b**2 - a * c, 0))
    return numerator.value / denominator.value, float((b - half) / a), float((b + half) / a)


def effective_sizes(yes: ArrayLike, clusters: ArrayLike) -> np.ndarray:
    """How many independent faces would say as much of a share as faces in clusters do: n over the design effect.

    The design effect (Kish 1965) is the variance of the share with clusters over that without, at least 1; where all
    faces are alike, and nothing varies, there are as many as there are clusters.

    Parameters
    ----------
    yes : array_like of bool, shape (M, N)
        M times of which faces something is so.
    clusters : array_like, shape (N,)
        Labels, none missing.

    Returns
    -------
    ndarray of float, shape (M,)
        Between 1 and N; 0 without faces.

    Examples
    --------
    >>> effective_sizes([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]], ["a", "a", "b", "b"])
    array([2., 4., 2.])
    """
    yes = np.asarray(yes, dtype=float)
    found, codes = np.unique(clusters, return_inverse=True)
    n = yes.shape[1]
    if not n:
        return np.zeros(len(yes))
    share = yes.mean(axis=1)
    sums = np.stack([np.bincount(codes, row) for row in yes - share[:, np.newaxis]])
    variance = n * share * (1 - share)
    effect = np.divide((sums**2).sum(axis=1), variance, out=np.full(len(yes), n / len(found)), where=variance > 0)
    return n / np.maximum(effect, 1)


def cluster_weights(clusters: ArrayLike, *, rng: np.random.Generator, draws: int) -> np.ndarray:
    """How often each face is drawn where whole clusters are drawn with replacement.

    Parameters
    ----------
    clusters : array_like, shape (N,)
        Labels, none missing.
    rng : numpy.random.Generator
        Its state moves on.
    draws : int

    Returns
    -------
    ndarray of int, shape (draws, N)

    Examples
    --------
    >>> weights = cluster_weights(["a", "b", "a"], rng=np.random.default_rng(1), draws=50)
    >>> np.unique(weights, axis=0).tolist()
    [[0, 2, 0], [1, 1, 1], [2, 0, 2]]
    """
    names, codes = np.unique(clusters, return_inverse=True)
    return rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)[:, codes]


def _kinds(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of whole numbers that differ, in order, and how often each is there: np.unique of rows, sooner."""
    keys = np.ascontiguousarray(rows, dtype=">u4")  # whose bytes are in the order of the numbers
    _, first, counts = np.unique(keys.view((np.void, 4 * rows.shape[1])), return_index=True, return_counts=True)
    return rows[first], counts


def clustered_difference_p_values(
    first: np.ndarray,
    second: np.ndarray,
    clusters: Sequence[ArrayLike],
    *,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> np.ndarray:
    """Two-sided permutation p-values of the difference of two means where faces come in clusters.

    Null hypothesis: which of the clusters of as many faces has which labels is arbitrary, and so is which face of a
    cluster has which of the cluster's labels. So clusters of one size change places as wholes, with the labels of all
    their faces (Winkler et al. 2015, Multi-level block permutation), and a cluster without another of its size that
    is in one sample only stays. Both samples keep their size. Dealt singly, copies would each count as a face of their
    own, and p-values be too small.

    Parameters
    ----------
    first, second : ndarray of float, shapes (M, n) and (M, m)
        M measures of n and of m faces, finite.
    clusters : sequence of array_like, shapes (n,) and (m,)
        Labels, none missing; one that is in both samples is one cluster.
    rng : numpy.random.Generator
        Its state moves on.
    permutations : int
        Drawn at random, and counted as :func:`age_audit.stats.resampling.difference_p_values` does.

    Returns
    -------
    ndarray of float, shape (M,)
        NaN where a sample has fewer than two clusters, or nothing can change places.

    Examples
    --------
    >>> men, women = np.array([[1.0, 2, 3, 4, 5]]), np.array([[6.0, 7, 8, 9, 10]])
    >>> rng = np.random.default_rng(1)
    >>> bool(clustered_difference_p_values(men, women, ["abcde", "fghij"], rng=rng)[0] < 0.02)  # 2 of 252 deals
    True
    >>> bool(clustered_difference_p_values(men, women, ["aabbc", "ddeef"], rng=rng)[0] > 0.1)  # 2 of 6 by 2
    True
    """
    names = [list(one) for one in clusters]
    nothing = np.full(first.shape[0], np.nan)
    if min(len(set(one)) for one in names) < 2:
        return nothing
    _, codes = np.unique(np.concatenate(names), return_inverse=True)
    if codes.max() == codes.size - 1:  # every face is alone
        return difference_p_values(first, second, rng=rng, permutations=permutations)
    both = np.concatenate([first, second], axis=-1)
    values = (both - both.mean(axis=-1, keepdims=True)).T  # one sample's sum is minus the other's
    labels = np.arange(len(values)) < first.shape[-1]
    sizes, moved, drawn = np.bincount(codes)[codes], False, np.zeros((permutations, len(nothing)))
    for size in np.unique(sizes):
        faces = np.flatnonzero(sizes == size)
        faces = faces[np.argsort(codes[faces], kind="stable")]
        moved |= len(set(labels[faces])) > 1
        drawn += _sums_of_moved(values[faces], labels[faces].reshape(-1, size), rng, permutations)
    found = labels @ values
    # Deals that tie in exact arithmetic differ in the last digits of sums of another order.
    at_least = (np.abs(drawn) >= np.abs(found) - 1e-12 * np.abs(values).sum(axis=0)).sum(axis=0)
    return (at_least + 1) / (permutations + 1) if moved else nothing


def _sums_of_moved(values: np.ndarray, labels: np.ndarray, rng: np.random.Generator, permutations: int) -> np.ndarray:
    """Sums over the first sample, (permutations, M), where clusters (C, size) change places, and faces within them."""
    count, size = labels.shape
    if size == 1:
        return sums_of_dealt(values, int(labels.sum()), rng, permutations)
    at_once, sums = max(1, _NUMBERS_AT_ONCE // labels.size), []
    for start in range(0, permutations, at_once):
        many = min(at_once, permutations - start)
        order = rng.permuted(np.tile(np.arange(count), (many, 1)), axis=1)
        dealt = rng.permuted(labels[order], axis=2).reshape(many, -1)
        sums.append(dealt.astype(float) @ values)
    return np.concatenate(sums)


def draws_of_shares(
    yes: ArrayLike,
    cells: Sequence[np.ndarray],
    *,
    rng: np.random.Generator,
    draws: int,
    clusters: ArrayLike | None = None,
    added: ArrayLike = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of several cells of the same faces in bootstrap samples of whole clusters.

    A share of 0 or 1 leaves nothing to draw, however few the faces: half a cluster that is so and half a one that is
    not are added to each cell (Jeffreys 1961), of its mean size, and as many, more or fewer to each sample, by
    Poisson's distribution. What is drawn from n clusters has a spread that is too small by (n - 1) / n, which is put
    right. In simulations of two groups, of 30 to 100 faces and ten times as many, single or in pairs, with shares of
    0.02 to 0.9, the middle 95 % held the difference in 90 to 99 %, 95 % on average.

    Parameters
    ----------
    yes : array_like of bool, shape (N,)
        Of which faces something is so.
    cells : sequence of C ndarrays of bool, each shape (N,)
        They may overlap; a face in each.
    rng : numpy.random.Generator
        Its state moves on.
    draws : int
    clusters : array_like, shape (N,), optional
        Labels, none missing; by default each face stands alone.
    added : array_like of float, one or shape (C,)
        Clusters added to a cell, half of them so: 1, or a part of it where several cells make one group.

    Returns
    -------
    centre : ndarray of float, shape (C,)
        The shares with what is added, which the samples scatter around.
    drawn : ndarray of float, shape (draws, C)
        0-1; the centre where nothing was drawn of a cell.

    Examples
    --------
    >>> yes, everyone = np.arange(40) < 10, [np.full(40, True)]
    >>> centre, drawn = draws_of_shares(yes, everyone, rng=np.random.default_rng(1), draws=2000)
    >>> _, paired = draws_of_shares(
    ...     yes, everyone, rng=np.random.default_rng(1), draws=2000, clusters=np.arange(40) // 2
    ... )
    >>> centre.round(2), drawn.std().round(2), paired.std().round(2)  # two by two alike: wider
    (array([0.26]), np.float64(0.07), np.float64(0.1))
    """
    inside = np.stack(cells, axis=1)
    used = inside.any(axis=1)
    inside, yes = inside[used].astype(np.int64), np.asarray(yes, dtype=bool)[used, None]
    codes = (
        np.arange(len(inside)) if clusters is None else np.unique(np.asarray(clusters)[used], return_inverse=True)[1]
    )
    counts = np.zeros((codes.max() + 1, 2 * len(cells)), dtype=np.int64)
    np.add.at(counts, codes, np.hstack([inside & yes, inside & ~yes]))
    n = (counts[:, : len(cells)] + counts[:, len(cells) :] > 0).sum(axis=0)
    half = np.broadcast_to(np.asarray(added, dtype=float) / 2, len(cells))
    found = counts.sum(axis=0).reshape(2, -1)
    size = found.sum(axis=0) / n  # of a cluster
    centre = (found[0] + half * size) / (found.sum(axis=0) + 2 * half * size)
    # Clusters of the same counts are alike: how many of each kind are drawn is all that matters.
    kinds, sizes = _kinds(counts)
    weights = rng.multinomial(len(counts), sizes / len(counts), size=draws)
    # As floats, which are as exact, because numpy multiplies matrices of whole numbers slowly.
    sums = (weights.astype(float) @ kinds).reshape(draws, 2, -1) + size * rng.poisson(half, (draws, 2, len(cells)))
    total = sums.sum(axis=1)
    drawn = np.where(total > 0, sums[:, 0] / np.where(total > 0, total, 1), centre)
    wider = np.sqrt(n / np.maximum(n - 1, 1))
    return centre, np.clip(centre + (drawn - centre) * wider, 0, 1)
