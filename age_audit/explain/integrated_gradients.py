"""Integrated gradients (Sundararajan, Taly & Yan 2017): gradients summed on the way from a baseline to the face.

Our own and not xplique's or tf-keras-vis', which run on TensorFlow only. Held to the sum that the paper states.
"""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import Attribution
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer, of_map
from age_audit.explain.superpixels import CHUNK

CLOSE = {"years": 0.1, "probability": 0.001}  # a sum that is off by no more closes, however small the difference


class IntegratedGradientsExplainer(Explainer):
    """Values of all pixels sum to the target of the face less that of the baseline, but for the error of the steps.

    Estimates are bent on the way, by how much depends on the estimator and on the face: so steps are halved until the
    sum closes to within ``tolerance`` or there are as many as ``most_steps`` allows. What is missing then is said,
    as ``unexplained``, and nothing is scaled to hide it.

    Examples
    --------
    >>> from age_audit.estimators import load_estimator
    >>> from age_audit.explain.parameters import IntegratedGradientsParameters
    >>> from skimage.data import astronaut
    >>> from age_audit.faces.detection import crop_face
    >>> face, estimator = crop_face(astronaut()).image, load_estimator("dex-wrn")
    >>> few = IntegratedGradientsParameters(steps=4, most_steps=8)
    >>> found = IntegratedGradientsExplainer(estimator, few).explain(face)
    >>> years = estimator.predict(np.stack([face, np.full_like(face, face.mean(axis=(0, 1)).round())])).age
    >>> difference = years[0] - years[1]
    >>> bool(abs(found.map.sum() + found.unexplained - difference) < max(0.1, 0.02 * abs(difference)))
    True
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        parameters = self.parameters
        pixels = face.astype(np.float32)
        baseline = np.zeros_like(pixels)
        if parameters.baseline == "mean-colour":
            baseline[:] = np.rint(pixels.mean(axis=(0, 1)))
        whole, none = self._ask(face, [pixels[None], baseline[None]], target)
        close = max(CLOSE[target.unit], parameters.tolerance * abs(whole - none))

        def mean_gradient(way: np.ndarray) -> np.ndarray:
            total = np.zeros(pixels.shape)
            for start in range(0, len(way), CHUNK):
                places = way[start : start + CHUNK, None, None, None].astype(np.float32)
                gradients = self.estimator.gradients(baseline + places * (pixels - baseline), target)
                total += gradients.sum(axis=0, dtype=np.float64)
            return total / len(way)

        # Trapezia: with twice the steps, what was asked before is half of what is wanted.
        steps = parameters.steps
        inner = mean_gradient(np.arange(1, steps) / steps) * (steps - 1) if steps > 1 else 0
        mean = (inner + mean_gradient(np.array([0, 1]))) / steps
        while True:
            values = ((pixels - baseline) * mean).sum(axis=-1)
            missing = float(whole - none - values.sum())
            if abs(missing) <= close or 2 * steps > parameters.most_steps:
                break
            mean = (mean + mean_gradient((np.arange(steps) + 0.5) / steps)) / 2
            steps *= 2
        return of_map(values, target.name, signed=True, unexplained=0.0 if abs(missing) <= close else missing)
