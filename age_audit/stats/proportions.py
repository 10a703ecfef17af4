"""Shares of faces, and how far they can be trusted."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike

from age_audit.core.randomness import CONFIDENCE


def wilson_interval(count: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a share (Wilson 1927): within 0 and 1, and of use for few faces and for shares of 0 or 1.

    Parameters
    ----------
    count, n : array_like of int, of one shape
        How many faces are so, out of how many; each face counted once.
    confidence : float
        Coverage, between 0 and 1.

    Returns
    -------
    (ndarray, ndarray) of float
        Low and high ends, 0-1; NaN where n is 0.

    Examples
    --------
    >>> low, high = wilson_interval([0, 5, 10], [10, 10, 10])
    >>> low.round(3), high.round(3)
    (array([0.   , 0.237, 0.722]), array([0.278, 0.763, 1.   ]))
    """
    n = np.asarray(n, dtype=float)
    n = np.where(n > 0, n, np.nan)
    share = np.asarray(count, dtype=float) / n
    z = scipy.stats.norm.ppf((1 + confidence) / 2)
    middle = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + (z / n) ** 2 / 4)
    low, high = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
    # Exact at the ends, where rounding would leave 1e-17.
    return np.where(share == 0, 0.0, low)[()], np.where(share == 1, 1.0, high)[()]


def share_columns(count: ArrayLike, n: ArrayLike, name: str = "share") -> dict[str, np.ndarray]:
    """A share as tables hold it: ``<name>``, NaN of no face, with the ends of its interval of 95 %.

    The columns of the ends are called ``low`` and ``high`` where the share is called so, else ``<name>_low`` and
    ``<name>_high``.

    Examples
    --------
    >>> {name: values.round(2).tolist() for name, values in share_columns([3, 0], [4, 0]).items()}
    {'share': [0.75, nan], 'low': [0.3, nan], 'high': [0.95, nan]}
    """
    low, high = wilson_interval(count, n)
    n = np.asarray(n, dtype=float)
    ends = ("low", "high") if name == "share" else (f"{name}_low", f"{name}_high")
    return {
        name: np.asarray(count, dtype=float) / np.where(n > 0, n, np.nan),
        **dict(zip(ends, (low, high), strict=True)),
    }
