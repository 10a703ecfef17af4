"""Score-CAM (Wang et al. 2020): the model's last maps, each weighted by what the face shown through it alone gives.

Our own and not tf-keras-vis', which runs on TensorFlow only. Held to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from age_audit.core.schema import Attribution
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer, of_map, on_canvas
from age_audit.explain.superpixels import CHUNK


class ScoreCamExplainer(Explainer):
    """A map's weight is the target of the face under it, in 0-1 and dark where it is low, less that of a black picture.

    The paper divides class scores up by a softmax. Of years that would leave the one map with the highest age, so the
    differences themselves are the weights. Values below 0 are left out, so that it has no signs.

    Examples
    --------
    >>> from age_audit.estimators import load_estimator
    >>> from age_audit.explain.parameters import ScoreCamParameters
    >>> from skimage.data import astronaut
    >>> from age_audit.faces.detection import crop_face
    >>> explainer = ScoreCamExplainer(load_estimator("dex-wrn"), ScoreCamParameters(most=16))
    >>> explainer.explain(crop_face(astronaut()).image).map.shape
    (224, 224)
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        maps = self.estimator.last_maps(face[None], target)[0][0].astype(float)
        if self.parameters.most:  # by spread, the first among equals
            kept = np.argsort(-maps.std(axis=(0, 1)), kind="stable")[: self.parameters.most]
            maps = maps[..., np.sort(kept)]
        shown = on_canvas(maps, self.estimator.view)
        targets = self._ask(face, self._versions(face, shown), target)
        weights = targets[1:] - targets[0]
        return of_map(np.maximum(shown @ weights, 0), target.name, signed=False)

    @staticmethod
    def _versions(face: np.ndarray, shown: np.ndarray) -> Iterator[np.ndarray]:
        """A black face, then the face under each map, float32."""
        yield np.zeros((1, *face.shape), dtype=np.float32)
        low, high = shown.min(axis=(0, 1)), shown.max(axis=(0, 1))
        scaled = (shown - low) / np.where(high > low, high - low, 1)
        for start in range(0, shown.shape[2], CHUNK):
            some = scaled[..., start : start + CHUNK].transpose(2, 0, 1)[..., None]
            yield (face * some).astype(np.float32)
