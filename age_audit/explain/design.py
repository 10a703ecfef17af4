"""Which superpixels each masked version of a face shows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg import hadamard


def random_design(superpixels: int, samples: int, random_state: np.random.RandomState) -> np.ndarray:
    """Each superpixel shown by a fair coin, the first row shows all: the rows that ``lime`` draws.

    Parameters
    ----------
    superpixels, samples : int
    random_state : RandomState
        In the state in which ``lime``'s would be; draws in ``lime``'s order.

    Returns
    -------
    ndarray of int, shape (samples, superpixels)
        1 shown, 0 hidden.

    Examples
    --------
    >>> random_design(3, 4, np.random.RandomState(0))
    array([[1, 1, 1],
           [0, 1, 1],
           [1, 1, 1],
           [1, 1, 0]])
    """
    data = random_state.randint(0, 2, samples * superpixels).reshape(samples, superpixels)
    data[0] = 1
    return data


def balanced_design(superpixels: int, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Every superpixel shown in exactly half of the rows, every pair together in exactly a quarter.

    Columns of a Hadamard matrix are orthogonal, so that no superpixel's weight leaks into another's. Flipping each
    column by a coin keeps that and makes the first row, which would show everything, an ordinary one. The foldover
    (every row again with shown and hidden exchanged) keeps interactions of two superpixels out of the weights (Box &
    Wilson 1951).

    Parameters
    ----------
    superpixels : int
    samples : int
        Least number of rows; doubled until the superpixels fit.
    generator : Generator

    Returns
    -------
    ndarray of int, shape (n, superpixels)
        1 shown, 0 hidden; row ``i + n / 2`` is the complement of row ``i``. ``n`` is a power of two, at least
        ``samples`` and above ``2 * superpixels``.

    Examples
    --------
    >>> shown = balanced_design(3, 8, np.random.default_rng(0))
    >>> shown.shape, shown.mean(axis=0)
    ((8, 3), array([0.5, 0.5, 0.5]))
    >>> bool((shown[:4] + shown[4:] == 1).all())  # the foldover
    True
    """
    half = 1
    while 2 * half < samples or half <= superpixels:
        half *= 2
    columns = 1 + generator.permutation(half - 1)[:superpixels]  # column 0 is constant
    signs = generator.choice([-1, 1], size=superpixels)
    shown = (hadamard(half)[:, columns] * signs + 1) // 2
    return np.concatenate([shown, 1 - shown])


def paley_design(superpixels: int, samples: int, generator: np.random.Generator) -> np.ndarray:
    """As :func:`balanced_design`, but no three superpixels that act together are taken for a fourth.

    Columns of Sylvester's matrix multiply to one another: what three superpixels do together comes back, whole, as the
    weight of a fourth, and no residual shows it. Paley's matrix (1933) spreads it over all columns: of 128 pairs,
    no other weight gets more than 3/16 of it, and the rest is seen in the residuals. There are pairs for twice the
    superpixels, so that the residuals have at least as many degrees of freedom as there are weights.

    Parameters
    ----------
    superpixels : int
    samples : int
        Least number of rows; raised until it fits the superpixels and a matrix.
    generator : Generator

    Returns
    -------
    ndarray of int, shape (n, superpixels)
        1 shown, 0 hidden; row ``i + n / 2`` is the complement of row ``i``. ``n / 2`` is a prime and 1, at least
        ``2 * superpixels``.

    Examples
    --------
    >>> shown = paley_design(3, 8, np.random.default_rng(0))
    >>> shown.shape, shown.mean(axis=0)
    ((16, 3), array([0.5, 0.5, 0.5]))
    >>> len(paley_design(30, 256, np.random.default_rng(0))), len(paley_design(70, 256, np.random.default_rng(0)))
    (256, 280)
    """
    matrix = paley_matrix(max(-(-samples // 2), 2 * superpixels))
    columns = 1 + generator.permutation(len(matrix) - 1)[:superpixels]  # column 0 is constant
    signs = generator.choice([-1, 1], size=superpixels)
    shown = (matrix[:, columns] * signs + 1) // 2
    return np.concatenate([shown, 1 - shown])


@lru_cache(maxsize=8)
def paley_matrix(least: int) -> np.ndarray:
    """Paley's first Hadamard matrix of at least that order, with a constant first column.

    Parameters
    ----------
    least : int
        The order is the next prime that leaves 3 when divided by 4, and 1.

    Returns
    -------
    ndarray of int, shape (n, n)
        1 and -1; any two columns are orthogonal. Not to be written to: the same call gives the same array.

    Examples
    --------
    >>> paley_matrix(3)
    array([[ 1,  1,  1,  1],
           [ 1, -1,  1, -1],
           [ 1, -1, -1,  1],
           [ 1,  1, -1, -1]])
    """
    prime = next(q for q in range(max(3, least - 1), 4 * least + 8) if q % 4 == 3 and _is_prime(q))
    squares = np.full(prime, -1)
    squares[np.arange(1, prime) ** 2 % prime] = 1
    squares[0] = -1  # of the diagonal, where Jacobsthal's matrix has 0 and the identity is taken off
    matrix = np.ones((prime + 1, prime + 1), dtype=int)
    matrix[1:, 1:] = squares[(np.arange(prime) - np.arange(prime)[:, None]) % prime]
    matrix.setflags(write=False)
    return matrix


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def folded_together(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two foldover designs, or what was said of their rows, as one: first halves first, then the complements.

    Parameters
    ----------
    first, second : ndarray, shape (N, ...) and (M, ...)
        N and M even; row ``i + N / 2`` belongs to row ``i``.

    Returns
    -------
    ndarray, shape (N + M, ...)
        Row ``i + (N + M) / 2`` belongs to row ``i``.

    Examples
    --------
    >>> folded_together(np.array([1, 2, -1, -2]), np.array([3, -3]))
    array([ 1,  2,  3, -1, -2, -3])
    """
    halves = zip(np.split(first, 2), np.split(second, 2), strict=True)
    return np.concatenate([np.concatenate(pair) for pair in halves])
