"""Whom numpy's generator draws, time and again, but sooner: nearly all of a bootstrap or permutation test is that.

The very same draws as numpy's, number by number, 2.4 to 2.8 times as fast (``python -m benchmarks.draws``), after which
the generator stands where it would have stood: tables are the same to the last digit. Loading this takes half a second,
for numba, which keeps what it compiled.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

_LOW, _HALF = np.uint64(2**32 - 1), np.uint64(32)  # numba makes a float of an unsigned whole number and a plain one

_NUMPYS_LIMIT = 10_000  # of what numpy draws from by Floyd's algorithm, however much is drawn


def permuted(rng: np.random.Generator, size: int, dealt: np.ndarray) -> None:
    """Mark in each row whom a permutation deals among the first ``size``.

    Parameters
    ----------
    rng : numpy.random.Generator
        Its state moves on as by ``rng.permuted(np.tile(np.arange(n) < size, (K, 1)), axis=1)``, which is what is drawn.
    size : int
        0 to n.
    dealt : ndarray of float, shape (K, n)
        Filled with 0 and 1.

    Examples
    --------
    >>> dealt = np.empty((2, 5))
    >>> permuted(np.random.default_rng(1), 2, dealt)
    >>> bool((dealt == np.random.default_rng(1).permuted([[1, 1, 0, 0, 0]] * 2, axis=1)).all())
    True
    """
    _permuted(*_source(rng), size, dealt)


def chosen(rng: np.random.Generator, size: int, dealt: np.ndarray) -> None:
    """Mark in each row whom ``rng.choice(n, size, replace=False, shuffle=False)`` draws.

    Sooner up to 10,000 faces only: of more numpy draws in another way.

    Parameters
    ----------
    rng, size, dealt
        As :func:`permuted`.

    Examples
    --------
    >>> dealt = np.empty((1, 5))
    >>> chosen(np.random.default_rng(1), 2, dealt)
    >>> sorted(np.random.default_rng(1).choice(5, 2, replace=False, shuffle=False)) == dealt[0].nonzero()[0].tolist()
    True
    """
    faces = dealt.shape[1]
    if faces <= _NUMPYS_LIMIT:
        _chosen(*_source(rng), size, dealt)
        return
    dealt[:] = 0
    for row in dealt:
        row[rng.choice(faces, size, replace=False, shuffle=False)] = 1


def counted(rng: np.random.Generator, counts: np.ndarray) -> None:
    """Count in each row how often ``rng.integers(n, size=(K, n))`` draws each of n.

    Parameters
    ----------
    rng : numpy.random.Generator
        Its state moves on.
    counts : ndarray of float, shape (K, n)
        Filled with whole numbers.

    Examples
    --------
    >>> counts = np.empty((1, 5))
    >>> counted(np.random.default_rng(1), counts)
    >>> bool((counts[0] == np.bincount(np.random.default_rng(1).integers(5, size=5), minlength=5)).all())
    True
    """
    _counted(*_source(rng), counts)


def _source(rng: np.random.Generator) -> tuple[Callable, int]:
    """What draws the next 32 bits, and of which state."""
    source = rng.bit_generator.ctypes
    return source.next_uint32, source.state_address


def _compiled(function: Callable) -> Callable:
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # no folder that it could keep what it compiled in
        return numba.njit(function)


@_compiled
def _permuted(next_uint32, state, size, dealt):
    """Fisher and Yates's shuffle; a place is drawn as so many bits, again if it is too large."""
    faces = dealt.shape[1]
    row = np.empty(faces, np.bool_)  # stays in the processor's cache
    for drawn in dealt:
        row[:size], row[size:] = True, False
        last, bits = faces - 1, 1
        while bits < last:
            bits = 2 * bits + 1
        while last > 0:
            place = next_uint32(state) & bits
            taken = place <= last
            other = place if taken else last  # no branch, which processors would guess wrongly every third time
            held = row[other]
            row[other] = row[last]
            row[last] = held
            last -= taken
            if last <= bits >> 1:
                bits >>= 1
        drawn[:] = row


@_compiled
def _below(next_uint32, state, limit):
    """A whole number from 0 to the limit, itself excluded (Lemire 2019); of a limit of 1 nothing is drawn."""
    if limit == 1:
        return 0
    below = np.uint64(limit)
    product = np.uint64(next_uint32(state)) * below
    if product & _LOW < below:
        least = (_LOW - below + np.uint64(1)) % below
        while product & _LOW < least:
            product = np.uint64(next_uint32(state)) * below
    return np.int64(product >> _HALF)


@_compiled
def _chosen(next_uint32, state, size, dealt):
    """Floyd's algorithm (Bentley and Floyd 1987)."""
    faces = dealt.shape[1]
    row = np.empty(faces, np.bool_)
    for drawn in dealt:
        row[:] = False
        for last in range(faces - size, faces):
            face = _below(next_uint32, state, last + 1)
            row[last if row[face] else face] = True
        drawn[:] = row


@_compiled
def _counted(next_uint32, state, counts):
    faces = counts.shape[1]
    row = np.empty(faces, np.int32)
    for drawn in counts:
        row[:] = 0
        for _ in range(faces):
            row[_below(next_uint32, state, faces)] += 1
        drawn[:] = row
