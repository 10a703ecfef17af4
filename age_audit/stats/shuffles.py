"""What tests on maps of many faces share.

A map is a mask as P numbers, such as its means over squares of 8 x 8 pixels: neighbouring pixels of a mask say nearly
the same, and thousands of shuffles of labels are then one matrix product.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

MAP_PERMUTATIONS = 999  # fewer than of errors: each is of hundreds of numbers a face
FEWEST = 2  # faces a side: one alone cannot be halved, and says nothing of the spread
_SLACK = 1e-6  # relative: sums of one set of numbers in another order differ by rounding


def flat_maps(maps: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """The maps of the rows of a frame as floats of shape (N, P); a ValueError if they are not as many.

    Examples
    --------
    >>> flat_maps(np.zeros((2, 28, 28)), pd.DataFrame({"fname": ["a.jpg", "b.jpg"]})).shape
    (2, 784)
    """
    if len(maps) != len(frame):
        raise ValueError(f"expected a map a row, {len(frame)}, got {len(maps)}")
    flat = maps.reshape(len(maps), int(np.prod(maps.shape[1:])))
    return flat if np.issubdtype(flat.dtype, np.floating) else flat.astype(np.float32)


def beside_shuffled(name: str, found: np.ndarray) -> dict[str, float]:
    """A number as labelled beside what shuffled labels give.

    Parameters
    ----------
    name : str
        Of the number.
    found : ndarray of float, shape (1 + K,)
        As labelled first.

    Returns
    -------
    dict of str to float
        ``<name>``; of the others ``<name>_shuffled`` (mean), ``<name>_low`` and ``<name>_high`` (2.5 % and 97.5 %
        points); ``<name>_ratio`` to their mean; ``p_value``: the share of all that are at least as large, itself
        included (Phipson and Smyth 2010).

    Examples
    --------
    >>> beside_shuffled("size", np.array([6.0, 1, 2, 3]))  # as labelled first, then shuffled
    {'size': 6.0, 'size_shuffled': 2.0, 'size_low': 1.05, 'size_high': 2.95, 'size_ratio': 3.0, 'p_value': 0.25}
    """
    observed, shuffled = float(found[0]), found[1:]
    low, high = np.quantile(shuffled, [0.025, 0.975])
    mean = float(shuffled.mean())
    at_least = (shuffled >= observed * (1 - _SLACK)).sum() if np.isfinite(observed) else np.nan
    row = {name: observed, f"{name}_shuffled": mean, f"{name}_low": float(low), f"{name}_high": float(high)}
    row[f"{name}_ratio"] = observed / mean if mean else float("nan")
    return row | {"p_value": float((at_least + 1) / (len(shuffled) + 1))}


def mean_of_finite(values: np.ndarray) -> float:
    """NaN if none is.

    Examples
    --------
    >>> mean_of_finite(np.array([1.0, np.nan, 3.0]))
    2.0
    """
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")
