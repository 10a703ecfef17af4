"""Shares of a whole: closing them to 1, zeros, and log-ratios (Aitchison 1986)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

ZERO_SHARE = 0.005  # what stands for a share of 0: half of the smallest step that two decimals show


def closed(parts: ArrayLike) -> np.ndarray:
    """Divide the parts of each face by their sum.

    Parameters
    ----------
    parts : array_like of float, shape (N, P)
        0 or more.

    Returns
    -------
    ndarray of float, shape (N, P)
        Rows sum to 1; NaN throughout a row with a negative or missing part or with a sum of 0.

    Examples
    --------
    >>> closed([[1, 1, 2], [0, 0, 0]])
    array([[0.25, 0.25, 0.5 ],
           [ nan,  nan,  nan]])
    """
    parts = np.asarray(parts, dtype=float)
    total = parts.sum(axis=1, keepdims=True)
    usable = np.isfinite(parts).all(axis=1, keepdims=True) & (parts >= 0).all(axis=1, keepdims=True) & (total > 0)
    return np.where(usable, parts / np.where(usable, total, 1), np.nan)


def replace_zeros(shares: ArrayLike, zero_share: float = ZERO_SHARE) -> np.ndarray:
    """Give shares of 0 a small share, for which the others of that face shrink in proportion.

    Multiplicative replacement (Martín-Fernández et al. 2003): ratios between the other parts stay as they are.

    Parameters
    ----------
    shares : array_like of float, shape (N, P)
        Rows sum to 1, or are NaN.
    zero_share : float
        Between 0 and 1 / P.

    Returns
    -------
    ndarray of float, shape (N, P)
        All above 0, or NaN as before; rows sum to 1.

    Raises
    ------
    ValueError
        For a ``zero_share`` outside its range.

    Examples
    --------
    >>> replace_zeros([[0, 0.5, 0.5]], zero_share=0.1)
    array([[0.1 , 0.45, 0.45]])
    """
    shares = np.asarray(shares, dtype=float)
    if not 0 < zero_share < 1 / shares.shape[1]:
        raise ValueError(f"expected a zero_share between 0 and 1 / {shares.shape[1]}, got {zero_share}")
    zero = shares == 0
    return np.where(zero, zero_share, shares * (1 - zero_share * zero.sum(axis=1, keepdims=True)))


def centred_log_ratios(shares: ArrayLike, zero_share: float = ZERO_SHARE) -> np.ndarray:
    """CLR of each share: its natural logarithm less the mean logarithm of the face's shares, zeros replaced.

    Parameters
    ----------
    shares, zero_share
        As :func:`replace_zeros`.

    Returns
    -------
    ndarray of float, shape (N, P)
        Rows sum to 0; 0.69 means twice the geometric mean of the parts.

    Examples
    --------
    >>> centred_log_ratios([[0.5, 0.25, 0.25]]).round(2)
    array([[ 0.46, -0.23, -0.23]])
    """
    logarithms = np.log(replace_zeros(shares, zero_share))
    return logarithms - logarithms.mean(axis=1, keepdims=True)
