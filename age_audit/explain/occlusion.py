"""Occlusion (Zeiler & Fergus 2014): how much the estimate falls when a square of the face is covered.

Our own and not a library's: patches as superpixels let every estimator make the covered faces where and as it needs
them. Held to a loop over covered pictures.
"""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import CANVAS, Attribution
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import Target
from age_audit.explain.base import ROUNDING, Explainer
from age_audit.explain.superpixels import masked_targets


class OcclusionExplainer(Explainer):
    """A square in the face's mean colour, moved by a patch at a time.

    What a square takes off the target is shared out among its patches in equal parts; a patch's weight is the mean of
    its parts over all places of the square that cover it. So weights of patches add up to what their region takes off,
    if what squares take off adds up. The square also lies half outside the crop, so that patches at the edge are
    covered as often as others.
    A weight that is rounding is in neither mask.

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> from age_audit.explain.parameters import OcclusionParameters
    >>> class LeftHalf:  # the brighter the left half, the older
    ...     def predict(self, faces):
    ...         return AgeEstimate(faces[:, :, :112].mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> face[:, :56] = 200  # mean colour 50: to cover the bright quarter takes years off, to cover the rest adds some
    >>> found = OcclusionExplainer(LeftHalf(), OcclusionParameters(cells=4, window=1)).explain(face)
    >>> found.weights.reshape(4, 4)[0].round(2)
    array([18.75, -6.25,  0.  ,  0.  ])
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        cells, window = self.parameters.cells, self.parameters.window
        place = np.arange(CANVAS) * cells // CANVAS
        segments = place[:, None] * cells + place
        squares = covered_patches(cells, window)
        hidden = np.broadcast_to(np.rint(face.mean(axis=(0, 1))).astype(np.uint8), face.shape)
        shown = np.concatenate([np.ones((1, cells * cells), dtype=int), 1 - squares])
        targets, name = masked_targets(self.estimator, face, MaskedFaces(face, hidden, segments, shown), target)
        weights = squares.T @ (targets[0] - targets[1:]) / window**4  # places of a patch, and patches of a square
        least = ROUNDING * np.abs(targets).max()
        return Attribution(segments, weights, name, weights[segments] > least, weights[segments] < -least)


def covered_patches(cells: int, window: int) -> np.ndarray:
    """Which patches each place of the square covers, int (places, cells * cells); patches row by row.

    Examples
    --------
    >>> covered_patches(cells=2, window=2).sum(axis=0)  # each by as many places
    array([4, 4, 4, 4])
    """
    starts = np.arange(1 - window, cells)
    along = ((np.arange(cells) >= starts[:, None]) & (np.arange(cells) < starts[:, None] + window)).astype(int)
    return (along[:, None, :, None] * along[None, :, None, :]).reshape(len(starts) ** 2, cells * cells)
