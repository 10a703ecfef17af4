"""Where explanations agree within a group: sums of masks over faces. Arrays in, arrays out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from age_audit.errors import UsageError
from age_audit.schema import CANVAS

_PACKED = CANVAS * CANVAS // 8  # bytes a mask
BLOCK = 8  # pixels: side of the squares in which masks are averaged; a packed byte is one row of such a square
_CHUNK = 255  # masks unpacked at once: the most whose count still fits into one byte a pixel
COMPARISONS = {
    "accurate": lambda first, second: first - second,
    "inaccurate": lambda first, second: second - first,
    "observing": lambda first, second: second + first,
}


def signed_mask_sums(
    positive_packed: np.ndarray, groups: ArrayLike, negative_packed: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Sum the masks of every group, pixel by pixel.

    Parameters
    ----------
    positive_packed : ndarray of uint8, shape (N, 6272)
        Packed masks as :func:`age_audit.attributions.masks.pack_masks` makes them: pixels that raise the estimate.
    groups : array_like or Categorical, shape (N,)
        The group of each face. A missing label (None, NaN) leaves the face out of all groups.
    negative_packed : ndarray of uint8, shape (N, 6272), optional
        Pixels that lower the estimate, for masks of three values. Without it the masks are the study's, of two
        values: a pixel that is not positive counts -1.

    Returns
    -------
    dict of str to ndarray of int64, shape (224, 224)
        For each group the sum over its faces of +1, -1 and 0, within -n to n. The groups of a Categorical in their
        order, of which some may be empty and sum to 0; otherwise those that occur, sorted.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    groups = pd.Categorical(groups)
    for packed in (positive_packed, negative_packed):
        if packed is not None and (packed.shape != (len(groups), _PACKED) or packed.dtype != np.uint8):
            raise ValueError(
                f"expected packed masks of uint8, shape ({len(groups)}, {_PACKED}), one a group label; "
                f"got {packed.dtype}, shape {packed.shape}"
            )
    sums = {}
    for code, group in enumerate(groups.categories):
        members = np.flatnonzero(groups.codes == code)
        positives = _count_bits(positive_packed, members)
        if negative_packed is None:
            sums[group] = 2 * positives - len(members)
        else:
            sums[group] = positives - _count_bits(negative_packed, members)
    return sums


def scale_to_unit(heatmap: ArrayLike) -> np.ndarray:
    """Scale a heatmap as the study does: h * (2 / max(h)) - 1, in this order of operations.

    The largest value becomes 1, but for rounding, and a zero becomes -1. The lower end is not bounded: a value below
    zero falls below -1; and where even the largest is below zero the quotient turns all signs, so that the largest
    still becomes 1.

    Parameters
    ----------
    heatmap : array_like of int or float, shape (H, W)

    Returns
    -------
    ndarray of float, shape (H, W)
        NaN everywhere if the largest value is 0 (such as in the sum over an empty group) or NaN, for which the
        formula has no answer.
    """
    heatmap = np.asarray(heatmap, dtype=float)
    largest = heatmap.max(initial=-np.inf)
    if not np.isfinite(largest) or largest == 0:
        return np.full(heatmap.shape, np.nan)
    return heatmap * (2 / largest) - 1


def repeated_mask_sum(positive_packed: np.ndarray, times: ArrayLike) -> np.ndarray:
    """Sum of masks of two values, each face counted as often as its cohort repeats it.

    Parameters
    ----------
    positive_packed : ndarray of uint8, shape (N, 6272)
    times : array_like of int, shape (N,)
        How often each face counts.

    Returns
    -------
    ndarray of int64, shape (224, 224)
        Of +1 and -1, within -sum(times) to sum(times); 0 without faces.
    """
    sums = signed_mask_sums(positive_packed, times)  # cohorts know two numbers of times at most: few sums
    return sum((repeats * heatmap for repeats, heatmap in sums.items()), np.zeros((CANVAS, CANVAS), dtype=np.int64))


def compared_heatmap(first: ArrayLike, second: ArrayLike, this_type: str) -> np.ndarray:
    """Scale two sums of masks, compare them, and scale the outcome again; see :func:`scale_to_unit`.

    Parameters
    ----------
    first, second : array_like, shape (H, W)
        Sums over positive and over negative rows.
    this_type : str
        ``"accurate"``: first - second; ``"inaccurate"``: second - first; ``"observing"``: their sum.

    Returns
    -------
    ndarray of float, shape (H, W)
        At most 1, but for rounding; where both agree -1 (not for ``"observing"``). NaN everywhere if a group is
        empty or a step has no answer.

    Raises
    ------
    UsageError
        If ``this_type`` is another word.
    """
    if this_type not in COMPARISONS:
        raise UsageError(f"expected this_type to be one of {', '.join(COMPARISONS)}, got {this_type!r}")
    return scale_to_unit(COMPARISONS[this_type](scale_to_unit(first), scale_to_unit(second)))


def cohort_sum(
    rows: Iterable[Mapping], place: Mapping[str, int], positive_packed: np.ndarray
) -> tuple[np.ndarray, int]:
    """Sum of the masks of a cohort, each face as often as there are rows of it, and how many faces these are.

    Parameters
    ----------
    rows : iterable of mapping
        With ``fname``; rows without a mask are passed over.
    place : mapping of str to int
        By file name the row in ``positive_packed``.
    positive_packed : ndarray of uint8, shape (N, 6272)

    Returns
    -------
    ndarray of int64, shape (224, 224)
    int
    """
    times = Counter(place[row["fname"]] for row in rows if row.get("fname") in place)
    return repeated_mask_sum(positive_packed[list(times)], list(times.values())), len(times)


def block_means(positive_packed: np.ndarray, negative_packed: np.ndarray | None = None) -> np.ndarray:
    """Average masks in squares of 8 x 8 pixels: what a permutation test sums thousands of times.

    Parameters
    ----------
    positive_packed, negative_packed
        As :func:`signed_mask_sums`.

    Returns
    -------
    ndarray of float32, shape (N, 28, 28)
        -1 to 1: mean of +1, -1 and 0 over the square. All are whole multiples of 1/64, so that sums over fewer than
        200,000 faces have no rounding error, in whatever order they are taken.
    """
    positive = _block_counts(positive_packed)
    negative = BLOCK**2 - positive if negative_packed is None else _block_counts(negative_packed)
    return (positive - negative) / np.float32(BLOCK**2)


def _block_counts(packed: np.ndarray) -> np.ndarray:
    """How many pixels of each square are set: float32, shape (N, 28, 28)."""
    side = CANVAS // BLOCK
    bits = np.bitwise_count(packed.reshape(len(packed), side, BLOCK, side))
    return bits.sum(axis=2, dtype=np.uint8).astype(np.float32)


def _count_bits(packed: np.ndarray, members: np.ndarray) -> np.ndarray:
    """In how many masks of these rows each pixel is set: int64, shape (224, 224)."""
    counts = np.zeros(CANVAS * CANVAS, dtype=np.int64)
    for start in range(0, len(members), _CHUNK):
        bits = np.unpackbits(packed[members[start : start + _CHUNK]], axis=1)
        counts += bits.sum(axis=0, dtype=np.uint8)  # in single bytes the processor adds many pixels at once
    return counts.reshape(CANVAS, CANVAS)
