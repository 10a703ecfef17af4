"""SmoothGrad (Smilkov et al. 2017): the mean gradient over noisy versions of the face.

Our own and not tf-keras-vis', which runs on TensorFlow only. Held to it where there is no noise.
"""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import Attribution
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer, of_map


class SmoothGradExplainer(Explainer):
    """A pixel's value is the largest mean gradient of its channels, without sign: units of the target per step of 255.

    Examples
    --------
    >>> from age_audit.estimators import load_estimator
    >>> from age_audit.explain.parameters import SmoothGradParameters
    >>> from skimage.data import astronaut
    >>> from age_audit.faces.detection import crop_face
    >>> explainer = SmoothGradExplainer(load_estimator("dex-wrn"), SmoothGradParameters(num_samples=4))
    >>> explainer.explain(crop_face(astronaut()).image).map.shape
    (224, 224)
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        reach = self.parameters.noise * float(np.ptp(face))
        noise = self._generator(face).standard_normal((self.parameters.num_samples, *face.shape), dtype=np.float32)
        gradients = self.estimator.gradients(face + np.float32(reach) * noise, target)
        return of_map(np.abs(gradients.mean(axis=0, dtype=np.float64)).max(axis=-1), target.name, signed=False)
