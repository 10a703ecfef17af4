"""Grad-CAM (Selvaraju et al. 2017): the model's last maps, each weighted by how fast the estimate moves with it.

Our own and not tf-keras-vis', which runs on TensorFlow only. Held to it.
"""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import Attribution
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer, of_map, on_canvas


class GradCamExplainer(Explainer):
    """What raises the target, coarsely: values below 0 are left out, as in the paper, so that it has no signs.

    Examples
    --------
    >>> from age_audit.estimators import load_estimator
    >>> from age_audit.explain.parameters import CamParameters
    >>> from skimage.data import astronaut
    >>> from age_audit.faces.detection import crop_face
    >>> found = GradCamExplainer(load_estimator("dex-wrn"), CamParameters()).explain(crop_face(astronaut()).image)
    >>> found.map.shape, bool((found.map >= 0).all()), found.signed
    ((224, 224), True, False)
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        maps, gradients = (array[0].astype(float) for array in self.estimator.last_maps(face[None], target))
        cam = self.coarse(maps, gradients)
        return of_map(on_canvas(cam[..., None], self.estimator.view)[..., 0], target.name, signed=False)

    @staticmethod
    def coarse(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """The sum of maps times the mean of their gradients, float (h, w), of arrays of float (h, w, C).

        Examples
        --------
        >>> maps = np.array([[[1.0, 2.0], [0.0, 4.0]]])
        >>> GradCamExplainer.coarse(maps, gradients=np.array([[[1.0, 0.0], [1.0, -1.0]]]))  # 1 and -1/2 in the mean
        array([[0., 0.]])
        """
        return np.maximum((maps * gradients.mean(axis=(0, 1))).sum(axis=-1), 0)
