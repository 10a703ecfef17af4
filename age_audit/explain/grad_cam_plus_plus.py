"""Grad-CAM++ (Chattopadhay et al. 2018): Grad-CAM with weights that let several places count in full.

Our own and not tf-keras-vis', which runs on TensorFlow only. Held to it.
"""

from __future__ import annotations

import numpy as np

from age_audit.explain.grad_cam import GradCamExplainer


class GradCamPlusPlusExplainer(GradCamExplainer):
    """As Grad-CAM, but for the weights of the maps.

    The paper derives them for the exponential of a class score. Its factor is the same everywhere on the face and would
    overflow for ages, so it is left out.

    Examples
    --------
    >>> maps = np.array([[[1.0], [0.0]]])
    >>> GradCamPlusPlusExplainer.coarse(maps, gradients=np.array([[[1.0], [0.0]]]))
    array([[1., 0.]])
    """

    @staticmethod
    def coarse(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        second = gradients**2
        below = 2 * second + gradients**3 * maps.sum(axis=(0, 1))
        alphas = np.divide(second, below, out=np.zeros_like(second), where=below != 0)
        total = alphas.sum(axis=(0, 1))
        alphas = np.divide(alphas, total, out=np.zeros_like(alphas), where=total != 0)
        weights = (alphas * np.maximum(gradients, 0)).sum(axis=(0, 1))
        return np.maximum((maps * weights).sum(axis=-1), 0)
