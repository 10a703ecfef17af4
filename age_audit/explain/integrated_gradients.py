"""Integrated gradients (Sundararajan, Taly & Yan 2017): gradients summed on the way from a baseline to the face.

Our own and not xplique's or tf-keras-vis', which run on TensorFlow only. Held to the sum that the paper states.
"""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import Attribution
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer, of_map


class IntegratedGradientsExplainer(Explainer):
    """Values of all pixels sum to the target of the face less that of the baseline, but for the error of the steps.

    Examples
    --------
    >>> from age_audit.estimators import load_estimator
    >>> from age_audit.explain.parameters import IntegratedGradientsParameters
    >>> from skimage.data import astronaut
    >>> from age_audit.faces.detection import crop_face
    >>> face, estimator = crop_face(astronaut()).image, load_estimator("dex-wrn")
    >>> found = IntegratedGradientsExplainer(estimator, IntegratedGradientsParameters()).explain(face)
    >>> years = estimator.predict(np.stack([face, np.full_like(face, face.mean(axis=(0, 1)).round())])).age
    >>> bool(abs(found.map.sum() - (years[0] - years[1])) < 1)
    True
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        steps = self.parameters.steps
        pixels = face.astype(np.float32)
        baseline = np.zeros_like(pixels)
        if self.parameters.baseline == "mean-colour":
            baseline[:] = np.rint(pixels.mean(axis=(0, 1)))
        way = ((np.arange(steps) + 0.5) / steps).astype(np.float32)[:, None, None, None]  # the middle of each step
        gradients = self.estimator.gradients(baseline + way * (pixels - baseline), target)
        values = ((pixels - baseline) * gradients.mean(axis=0, dtype=np.float64)).sum(axis=-1)
        return of_map(values, target.name, signed=True)
