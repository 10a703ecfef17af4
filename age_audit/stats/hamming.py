"""Which of very many hashes of 64 bits are near to each other, without a comparison of each with each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import scipy
from numpy.typing import ArrayLike

BITS = 64
_ONE = np.uint64(1)  # numba makes a float of an unsigned whole number and a plain one
_AT_ONCE = 2**20  # pairs held in memory at a time: 16 MiB


def near_pairs(hashes: ArrayLike, distance: int, at_once: int = _AT_ONCE) -> Iterator[np.ndarray]:
    """All pairs of hashes that differ in at most so many bits, each once: exact.

    The bits are dealt to ``distance + 1`` bands. Two hashes that differ in ``distance`` bits agree in at least one
    band as a whole (multi-index hashing; Norouzi, Punjani and Fleet 2012), so only hashes that share a band are
    compared: of a million random ones about one pair in 1,400 at distance 4. A pair belongs to the first band that it
    shares. A band takes every so-manieth bit, for neighbouring bits of a perceptual hash are alike: with dHash of real
    faces that halves the comparisons.

    Parameters
    ----------
    hashes : array_like of uint64, shape (N,)
    distance : int
        Bits, 0 to 63.
    at_once : int
        Pairs a part. What is held in memory beside it does not depend on how many pairs there are; time does, so join
        equal hashes first where many are equal, as :func:`clusters` does.

    Yields
    ------
    ndarray of int, shape (at most at_once, 2)
        Places of both in ``hashes``, the smaller first; in an order that has no meaning but is always the same.

    Raises
    ------
    ValueError
        For another distance.

    Examples
    --------
    >>> [part.tolist() for part in near_pairs([0b0000, 0b1111, 0b0001, 0b1000], 1)]
    [[[0, 3]], [[0, 2]]]
    """
    if not 0 <= distance < BITS:
        raise ValueError(f"expected a distance of 0 to {BITS - 1} bits, got {distance}")
    hashes = np.asarray(hashes, dtype=np.uint64)
    masks = bands(distance + 1)
    for band, mask in enumerate(masks):
        order = np.argsort(hashes & mask, kind="stable")
        inside = hashes[order]
        ends = np.searchsorted(inside & mask, inside & mask, side="right")
        place, other, part = 0, 1, np.empty((at_once, 2), dtype=np.int64)
        while place < len(hashes):
            count, place, other = _compiled()(inside, ends, distance, masks[:band], place, other, part)
            if count:
                yield np.sort(order[part[:count]], axis=1)


def bands(count: int) -> np.ndarray:
    """Masks of the bands that 64 bits are dealt to, each bit to one.

    Examples
    --------
    >>> [f"{mask:064b}"[-6:] for mask in bands(3).tolist()]
    ['001001', '010010', '100100']
    """
    return np.array([sum(1 << bit for bit in range(first, BITS, count)) for first in range(count)], dtype=np.uint64)


def clusters(hashes: ArrayLike, distance: int) -> np.ndarray:
    """Clusters of hashes that hang together by pairs within a distance (single linkage): ends may be further apart.

    Equal hashes are joined first, so that twenty thousand equal ones are one, not two hundred million pairs.

    Parameters
    ----------
    hashes, distance
        As :func:`near_pairs`.

    Returns
    -------
    ndarray of int, shape (N,)
        The cluster of each, numbered from 0 by where it first appears.

    Examples
    --------
    >>> clusters([0b0000, 0b1111, 0b0001, 0b0011, 0b1111], 1)
    array([0, 1, 0, 0, 1])
    """
    distinct, which = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    return numbered(joined(len(distinct), near_pairs(distinct, distance))[which])


def joined(count: int, parts: Iterable[np.ndarray]) -> np.ndarray:
    """What hangs together by pairs that come part by part.

    Parameters
    ----------
    count : int
        Of things.
    parts : iterable of ndarray of int, shape (k, 2)
        Pairs of them, by number.

    Returns
    -------
    ndarray of int, shape (count,)
        As :func:`clusters`.

    Examples
    --------
    >>> joined(5, [np.array([[0, 4]]), np.array([[4, 2]])])
    array([0, 1, 0, 2, 0])
    """
    of = np.arange(count)
    for pairs in parts:
        first, second = of[np.asarray(pairs, dtype=np.int64).reshape(-1, 2)].T
        graph = scipy.sparse.coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(count, count))
        of = scipy.sparse.csgraph.connected_components(graph, directed=False)[1][of]
    return numbered(of)


def numbered(labels: ArrayLike) -> np.ndarray:
    """Labels as numbers from 0, in the order in which they first appear.

    Examples
    --------
    >>> numbered(["b", "a", "b", "c"])
    array([0, 1, 0, 2])
    """
    _, first, which = np.unique(np.asarray(labels), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which]


@cache
def _compiled():
    import numba  # takes longer to load than few hashes to compare

    types = "(uint64[::1], int64[::1], int64, uint64[::1], int64, int64, int64[:,::1])"
    try:
        return numba.njit(types, cache=True, nogil=True)(_next_pairs)
    except RuntimeError:  # no folder that it could keep what it compiled in
        return numba.njit(types, nogil=True)(_next_pairs)


def _next_pairs(hashes, ends, distance, earlier, place, other, found):
    """Fill ``found`` with pairs that share a band and none of the earlier ones; how many, and where to go on."""
    count = 0
    for i in range(place, len(hashes)):
        for j in range(other, ends[i]):
            apart = hashes[i] ^ hashes[j]
            left = apart
            for _ in range(distance):
                left &= left - _ONE  # without its lowest bit, if it has any; 0 - 1 is all bits
            if left == 0:
                new = True
                for mask in earlier:
                    new = new and (apart & mask) != 0
                if new:
                    found[count, 0], found[count, 1] = i, j
                    count += 1
                    if count == len(found):
                        return count, i, j + 1
        other = i + 2
    return count, len(hashes), 0
