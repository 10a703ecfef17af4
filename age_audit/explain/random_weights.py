"""No explanation: weights drawn at random, without looking at the estimator. What a method has to beat."""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import Attribution
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer
from age_audit.explain.superpixels import segment


class RandomExplainer(Explainer):
    """Standard normal weights on the face's superpixels, the same again for the same face and seed.

    Examples
    --------
    >>> from age_audit.explain.parameters import RandomParameters
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> one, again = (RandomExplainer(None, RandomParameters()).explain(face).weights for _ in range(2))
    >>> bool((one == again).all())
    True
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        segments = segment(face, self.parameters.kernel_size, self.parameters.max_dist, self.parameters.ratio)
        weights = self._generator(face).standard_normal(int(segments.max()) + 1)
        raises = weights[segments] > 0
        return Attribution(segments, weights, target.name, raises, ~raises)
