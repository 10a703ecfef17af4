"""Which superpixels each masked version of a face shows."""

from __future__ import annotations

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
