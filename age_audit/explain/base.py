"""What every explanation method offers."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from age_audit.core.schema import Attribution


class Explainer(Protocol):
    """Explains one estimate at a time."""

    def explain(self, face: np.ndarray) -> Attribution:
        """Attribute the estimate of one face to its superpixels, or to its pixels.

        Parameters
        ----------
        face : ndarray of uint8, shape (224, 224, 3)
            RGB crop with a 40 % margin.
        """
