"""Kernel SHAP on superpixels (Lundberg & Lee 2017; pairs after Covert & Lee 2021).

Weights share out the difference between the face and its hidden version among the superpixels, as Shapley values do.
Our own and not shap's, for intervals and for estimators that make masked faces themselves. Held to shap.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from age_audit.core.schema import Attribution
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer
from age_audit.explain.regression import WeightErrors, settled_intervals
from age_audit.explain.superpixels import hidden_image, masked_targets, segment


class KernelShapExplainer(Explainer):
    """Coalitions of superpixels in pairs of complements, drawn by the Shapley kernel, and a constrained regression.

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> from age_audit.explain.parameters import KernelShapParameters
    >>> class Brightness:
    ...     def predict(self, faces):
    ...         return AgeEstimate(faces.mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> face[:, :112] = 100
    >>> explainer = KernelShapExplainer(Brightness(), KernelShapParameters(hidden="black", max_dist=10, ratio=1))
    >>> found = explainer.explain(face)
    >>> round(float(found.weights.sum()), 3)  # the face less the hidden one: 50 years less 0
    50.0
    """

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        parameters = self.parameters
        segments = segment(face, parameters.kernel_size, parameters.max_dist, parameters.ratio)
        superpixels = int(segments.max()) + 1
        coalitions = paired_coalitions(superpixels, parameters.num_samples, self._generator(face))
        ends = np.array([[1], [0]]) * np.ones(superpixels, dtype=int)  # all shown, none shown
        masked = MaskedFaces(
            face, hidden_image(face, segments, parameters.hidden), segments, np.concatenate([ends, coalitions])
        )
        targets, name = masked_targets(self.estimator, face, masked, target)
        with threadpool_limits(1, user_api="blas"):  # as for LIME: the last digits do not depend on the cores
            weights, errors = shapley_values(coalitions, targets[2:], targets[0], targets[1])
        interval = settled_intervals(weights, errors, parameters.settled_by, 1 - parameters.confidence)
        settled = (interval[:, 0] > 0) | (interval[:, 1] < 0)
        raises, lowers = settled & (weights > 0), settled & (weights < 0)
        return Attribution(segments, weights, name, raises[segments], lowers[segments], interval, settled)


def paired_coalitions(superpixels: int, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Coalitions whose sizes follow the Shapley kernel, then all their complements in the same order.

    Parameters
    ----------
    superpixels, samples : int
        At least 4 samples a superpixel are drawn, so that the regression has something left to judge itself by.
    generator : Generator

    Returns
    -------
    ndarray of int, shape (2 * pairs, superpixels)
        1 shown, 0 hidden; empty where there are not two superpixels.

    Examples
    --------
    >>> rows = paired_coalitions(3, 12, np.random.default_rng(0))
    >>> rows.shape, bool((rows[:6] + rows[6:] == 1).all())
    ((12, 3), True)
    """
    pairs = max(-(-samples // 2), 2 * superpixels) if superpixels > 1 else 0
    sizes = np.arange(1, max(superpixels, 2))
    kernel = 1 / (sizes * (sizes[::-1]))  # sizes of all coalitions of a size, together
    drawn = generator.choice(sizes, size=pairs, p=kernel / kernel.sum())
    ranks = generator.random((pairs, superpixels)).argsort(axis=1).argsort(axis=1)
    shown = (ranks < drawn[:, None]).astype(int)
    return np.concatenate([shown, 1 - shown])


def shapley_values(
    coalitions: np.ndarray, targets: np.ndarray, whole: float, none: float
) -> tuple[np.ndarray, WeightErrors]:
    """Weights that sum to the whole less none and fit the coalitions best, with their errors over the pairs.

    Pairs of unequal size scatter unequally, so each counts by its own residual, mended for the share of itself that
    the fit took away (MacKinnon & White's HC2, 1985), and each weight has the degrees of freedom of Bell & McCaffrey
    (2002): some 20 where 128 pairs less 40 superpixels would say 89. Without them three times as many weights that do
    nothing would be settled as are meant to be.

    Parameters
    ----------
    coalitions : ndarray of int, shape (2 * pairs, S)
        From :func:`paired_coalitions`.
    targets : ndarray of float, shape (2 * pairs,)
    whole, none : float
        Target of the face with all superpixels shown, and with none.

    Returns
    -------
    weights : ndarray of float, shape (S,)
    errors : WeightErrors
        With no degree of freedom where the pairs leave none.

    Examples
    --------
    >>> rows = paired_coalitions(3, 12, np.random.default_rng(0))
    >>> shapley_values(rows, rows @ [3.0, -1, 0] + 20, whole=22, none=20)[0].round(6) + 0.0
    array([ 3., -1.,  0.])
    """
    superpixels, total = coalitions.shape[1], whole - none
    resolution = np.finfo(np.float32).eps * np.abs([*targets, whole, none]).max()
    if superpixels == 1:
        return np.array([total]), WeightErrors(np.zeros(1), 1, resolution)
    pairs = len(coalitions) // 2
    # A pair's half difference holds the weights alone; the last weight is what the others leave of the total.
    signs = coalitions[:pairs] - 0.5
    columns = signs[:, :-1] - signs[:, -1:]
    left = (targets[:pairs] - targets[pairs:]) / 2 - signs[:, -1] * total
    basis, sizes, turns = np.linalg.svd(columns, full_matrices=False)
    kept = sizes > sizes[0] * 1e-10
    basis, back = basis[:, kept], turns[kept].T / sizes[kept]
    gain = np.vstack([back, -back.sum(axis=0)]) @ basis.T  # (S, pairs): derivative of the weights by each pair
    weights = gain @ left
    weights[-1] += total
    if pairs <= kept.sum():
        return weights, WeightErrors(np.full(superpixels, np.inf), 0, resolution)
    residuals = left - basis @ (basis.T @ left)
    leverage = (basis**2).sum(axis=1)
    shares = gain**2 / np.maximum(1 - leverage, np.finfo(float).eps)
    # The variance is a sum of squares of correlated residuals: as many degrees of freedom as match its mean and spread.
    spread = [own**2 @ (1 - 2 * leverage) + (((basis.T * own) @ basis) ** 2).sum() for own in shares]
    freedom = np.maximum((gain**2).sum(axis=1) ** 2 / spread, 1)
    return weights, WeightErrors(np.sqrt(shares @ residuals**2), freedom, resolution)
