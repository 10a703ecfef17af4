"""Masks as pictures and as packed bits."""

from __future__ import annotations

import numpy as np

from age_audit.schema import CANVAS, Attribution

# Grey levels of a mask picture. The study's reader took luminance above 200 for positive; so these read the same there.
NEGATIVE, UNSETTLED, POSITIVE = 0, 128, 255


def mask_picture(attribution: Attribution) -> np.ndarray:
    """Three grey levels: 255 raises the estimate, 0 lowers it, 128 unsettled.

    Returns
    -------
    ndarray of uint8, shape (224, 224)
    """
    picture = np.full(attribution.segments.shape, UNSETTLED, dtype=np.uint8)
    picture[attribution.positive_mask] = POSITIVE
    picture[attribution.negative_mask] = NEGATIVE
    return picture


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
