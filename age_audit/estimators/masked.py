"""Masked versions of one face, described rather than made: estimators make them where and as they need them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MaskedFaces:
    """N versions of one face, each with some of its S superpixels hidden.

    Attributes
    ----------
    image, hidden : ndarray of uint8 or float, shape (H, W, 3)
        RGB; what is seen where a superpixel is shown, and where it is hidden.
    segments : ndarray of int, shape (H, W)
        Superpixel of every pixel, 0 to S - 1.
    shown : ndarray of int, shape (N, S)
        1 shown, 0 hidden.

    Examples
    --------
    >>> image, hidden = np.full((1, 2, 3), 9, np.uint8), np.zeros((1, 2, 3), np.uint8)
    >>> masked = MaskedFaces(image, hidden, segments=np.array([[0, 1]]), shown=np.array([[1, 1], [1, 0], [0, 1]]))
    >>> len(masked)
    3
    >>> [faces[..., 0].tolist() for faces in masked.batches(2)]
    [[[[9, 9]], [[9, 0]]], [[[0, 9]]]]
    """

    image: np.ndarray
    hidden: np.ndarray
    segments: np.ndarray
    shown: np.ndarray

    def __len__(self) -> int:
        return len(self.shown)

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """Image and hidden picture as the estimators take them: uint8, or float32.

        The estimators compute in float32, and casting two pictures is a hundred times cheaper than casting N.
        """
        if self.image.dtype == np.uint8:
            return self.image, self.hidden
        return self.image.astype(np.float32), self.hidden.astype(np.float32)

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """The versions themselves in the order of the rows, (up to size, H, W, 3) at a time, uint8 or float32."""
        image, hidden = self.pictures()
        visible = self.shown.astype(bool)
        superpixel = np.repeat(self.segments.ravel(), 3)  # of each value: chosen a row at a time, not by threes
        for start in range(0, len(self), size):
            values = visible[start : start + size].take(superpixel, axis=1)
            yield np.where(values, image.ravel(), hidden.ravel()).reshape(-1, *image.shape)
