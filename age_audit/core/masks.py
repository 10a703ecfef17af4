"""Masks as pictures and as packed bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from age_audit.core.schema import CANVAS, Attribution

# Grey levels of a mask picture. The study's reader took luminance above 200 for positive; so these read the same there.
NEGATIVE, UNSETTLED, POSITIVE = 0, 128, 255


def mask_picture(attribution: Attribution) -> np.ndarray:
    """Three grey levels: 255 raises the estimate, 0 lowers it, 128 unsettled.

    Returns
    -------
    ndarray of uint8, shape (224, 224)
    """
    picture = np.full(attribution.positive_mask.shape, UNSETTLED, dtype=np.uint8)
    picture[attribution.positive_mask] = POSITIVE
    picture[attribution.negative_mask] = NEGATIVE
    return picture


def raising_pixels(mask: ArrayLike) -> np.ndarray:
    """Where a mask says that the estimate is raised, bool of its shape.

    Parameters
    ----------
    mask : array_like
        Of bool; of whole numbers -1, 0 and 1, as lime's; of any numbers, which raise above 0; or a picture as
        :func:`mask_picture` makes it, uint8 of 0, 128 and 255, in which 128 raises nothing.

    Raises
    ------
    ValueError
        For numbers that are not finite, or a uint8 picture of other grey levels.

    Examples
    --------
    >>> raising_pixels(np.array([[0, 128, 255]], dtype=np.uint8)), raising_pixels([[-1, 0, 1]])
    (array([[False, False,  True]]), array([[False, False,  True]]))
    """
    mask = np.asarray(mask)
    if mask.dtype == bool:
        return mask
    if not np.isfinite(mask).all():
        raise ValueError("expected a mask of finite numbers, got some that are not")
    if mask.dtype == np.uint8 and mask.max(initial=0) > 1:
        if not np.isin(mask, (NEGATIVE, UNSETTLED, POSITIVE)).all():
            levels = ", ".join(map(str, np.unique(mask)[:5]))
            raise ValueError(
                f"expected a mask picture of the grey levels 0, 128 and 255, got {levels} …; read it as it was "
                "written, or pass a mask of bool"
            )
        return mask == POSITIVE
    return mask > 0


def pack_masks(masks: np.ndarray) -> np.ndarray:
    """Eight pixels a byte.

    Parameters
    ----------
    masks : ndarray of bool, shape (N, 224, 224)

    Returns
    -------
    ndarray of uint8, shape (N, 6272)
        Row-major, the first pixel in the highest bit.
    """
    return np.packbits(masks.reshape(len(masks), CANVAS * CANVAS), axis=1)


def unpack_masks(packed: np.ndarray) -> np.ndarray:
    """The inverse of :func:`pack_masks`: bool, shape (N, 224, 224)."""
    return np.unpackbits(packed, axis=1, count=CANVAS * CANVAS).reshape(-1, CANVAS, CANVAS).astype(bool)


_PACKED = CANVAS * CANVAS // 8  # bytes a mask


BLOCK = 8  # pixels: side of the squares in which masks are averaged; a packed byte is one row of such a square


_CHUNK = 255  # masks unpacked at once: the most whose count still fits into one byte a pixel


def signed_mask_sums(
    raising_packed: np.ndarray, groups: ArrayLike, lowering_packed: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Sum the masks of every group, pixel by pixel.

    Parameters
    ----------
    raising_packed : ndarray of uint8, shape (N, 6272)
        Packed masks as :func:`age_audit.core.masks.pack_masks` makes them: pixels that raise the estimate.
    groups : array_like or Categorical, shape (N,)
        The group of each face. A missing label (None, NaN) leaves the face out of all groups.
    lowering_packed : ndarray of uint8, shape (N, 6272), optional
        Pixels that lower the estimate, for masks of three values. Without it the masks are the study's, of two
        values: a pixel that does not raise the estimate counts -1.

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
    import pandas as pd  # here: every worker process needs masks, none needs frames

    groups = pd.Categorical(groups)
    for packed in (raising_packed, lowering_packed):
        if packed is not None and (packed.shape != (len(groups), _PACKED) or packed.dtype != np.uint8):
            raise ValueError(
                f"expected packed masks of uint8, shape ({len(groups)}, {_PACKED}), one a group label; "
                f"got {packed.dtype}, shape {packed.shape}"
            )
    sums = {}
    for code, group in enumerate(groups.categories):
        members = np.flatnonzero(groups.codes == code)
        raising = _count_bits(raising_packed, members)
        if lowering_packed is None:
            sums[group] = 2 * raising - len(members)
        else:
            sums[group] = raising - _count_bits(lowering_packed, members)
    return sums


def block_means(raising_packed: np.ndarray, lowering_packed: np.ndarray | None = None) -> np.ndarray:
    """Average masks in squares of 8 x 8 pixels: what a permutation test sums thousands of times.

    Parameters
    ----------
    raising_packed, lowering_packed
        As :func:`signed_mask_sums`.

    Returns
    -------
    ndarray of float32, shape (N, 28, 28)
        -1 to 1: mean of +1, -1 and 0 over the square. All are whole multiples of 1/64, so that sums over fewer than
        200,000 faces have no rounding error, in whatever order they are taken.
    """
    raising = _block_counts(raising_packed)
    lowering = BLOCK**2 - raising if lowering_packed is None else _block_counts(lowering_packed)
    return (raising - lowering) / np.float32(BLOCK**2)


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
