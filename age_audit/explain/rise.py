"""RISE (Petsiuk, Das & Saenko 2018): the mean of random soft masks, weighted by what the estimator says under each.

Our own and not a library's, for estimators on every backend and for intervals. Held to the loop of the paper.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import zoom

from age_audit.core.schema import CANVAS, Attribution
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer, of_map
from age_audit.explain.regression import WeightErrors, settled_intervals
from age_audit.explain.superpixels import CHUNK


class RiseExplainer(Explainer):
    """Coarse random cells, enlarged and shifted, blend the face with its mean colour.

    A pixel's value is the weighted mean of the target, weights being how much of the pixel each mask shows, less the
    plain mean: above 0 where the target is higher while the pixel is shown. The paper leaves the mean in, which moves
    every pixel alike. In neither mask are pixels whose interval includes 0, which hold a false discovery rate over all
    pixels; neighbours share most of their errors, which makes it lower than promised rather than higher.

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> from age_audit.explain.parameters import RiseParameters
    >>> class Corner:  # the brighter the upper left, the older
    ...     def predict(self, faces):
    ...         ages = faces[:, :56, :56].mean(axis=(1, 2, 3)) / 3
    ...         return AgeEstimate(ages, np.ones((len(faces), 1)), np.zeros(1))
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> face[:56, :56] = 240
    >>> found = RiseExplainer(Corner(), RiseParameters(num_samples=128)).explain(face)
    >>> bool(found.map[28, 28] > 5 > found.map[200, 200]), bool(found.positive_mask[28, 28])
    (True, True)
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        parameters = self.parameters
        samples = parameters.num_samples
        masks = self._masks(face)
        targets = self._ask(face, self._versions(face, masks), target)
        sums = np.zeros((3, CANVAS, CANVAS))
        deviations = targets - targets.mean()
        for start in range(0, samples, CHUNK):
            some, off = masks[start : start + CHUNK], deviations[start : start + CHUNK]
            sums[0] += some.sum(axis=0)
            sums[1] += np.tensordot(off, some, 1)
        seen = sums[0] > 0  # of few masks, or with few cells shown, some pixel is never shown: nothing is known of it
        mean_shown = np.where(seen, sums[0] / samples, np.inf)
        values = np.divide(sums[1], sums[0], out=np.zeros_like(sums[1]), where=seen)
        for start in range(0, samples, CHUNK):  # spread of each sample's part in the value
            some, off = masks[start : start + CHUNK], deviations[start : start + CHUNK]
            parts = off[:, None, None] * (some / mean_shown - 1)
            sums[2] += ((parts - values) ** 2).sum(axis=0)
        error = np.where(seen, np.sqrt(sums[2] / (samples - 1) / samples), np.inf)
        errors = WeightErrors(error, samples - 1, np.finfo(np.float32).eps * np.abs(targets).max())
        interval = settled_intervals(values, errors, parameters.settled_by, 1 - parameters.confidence)
        return of_map(values, target.name, signed=True, interval=interval)

    def _masks(self, face: np.ndarray) -> np.ndarray:
        """Float32 (N, 224, 224) in 0-1: coarse cells enlarged by bilinear interpolation, cut out at random places."""
        generator, cells = self._generator(face), self.parameters.cells
        cell = -(-CANVAS // cells)
        masks = np.empty((self.parameters.num_samples, CANVAS, CANVAS), dtype=np.float32)
        for mask in masks:
            coarse = (generator.random((cells + 1, cells + 1)) < self.parameters.shown).astype(np.float32)
            down, right = generator.integers(0, cell, 2)
            large = zoom(coarse, cell, order=1, mode="nearest", grid_mode=True)
            mask[:] = large[down : down + CANVAS, right : right + CANVAS]
        return masks

    @staticmethod
    def _versions(face: np.ndarray, masks: np.ndarray) -> Iterator[np.ndarray]:
        colour = face.mean(axis=(0, 1), dtype=np.float32)
        for start in range(0, len(masks), CHUNK):
            some = masks[start : start + CHUNK, ..., None]
            yield face * some + colour * (1 - some)
