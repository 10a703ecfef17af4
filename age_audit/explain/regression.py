"""The local linear model of an explanation, and how sure its weights are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lime.lime_base import LimeBase
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances


@dataclass(frozen=True)
class LocalModel:
    """Weights of S superpixels, in the unit of the target; ``score`` is the weighted R² on the model's own samples."""

    weights: np.ndarray
    intercept: float
    score: float


def proximity(shown: np.ndarray, kernel_width: float) -> np.ndarray:
    """LIME's sample weights: exponential kernel over the cosine distance to the whole face.

    Parameters
    ----------
    shown : ndarray of int, shape (N, S)
        1 shown, 0 hidden.

    Returns
    -------
    ndarray of float, shape (N,)

    Examples
    --------
    >>> shown = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    >>> proximity(shown, kernel_width=0.25).round(2)  # the whole face counts fully, a half of it less
    array([1. , 0.5])
    """
    return _kernel(_distances(shown), kernel_width)


def _distances(shown: np.ndarray) -> np.ndarray:
    """Cosine distance of each row to the whole face."""
    return pairwise_distances(shown, np.ones((1, shown.shape[1])), metric="cosine").ravel()


def _kernel(distances: np.ndarray, kernel_width: float) -> np.ndarray:
    return np.sqrt(np.exp(-(distances**2) / kernel_width**2))


def fit_local_model(shown: np.ndarray, targets: np.ndarray, kernel_width: float, ridge_alpha: float) -> LocalModel:
    """Weighted ridge regression of the target on what is shown, done by ``lime``.

    All superpixels are kept. LIME's forward selection of all of them would only permute the columns, at a cost of
    seconds, so no selection is asked for.

    Parameters
    ----------
    shown : ndarray of int, shape (N, S)
    targets : ndarray of float, shape (N,)
        Probability or years that the estimator gave each masked face.

    Examples
    --------
    >>> shown = np.array([[1, 1], [1, 0], [0, 1], [1, 1]])
    >>> model = fit_local_model(shown, 30 + shown @ [10.0, -4], kernel_width=10, ridge_alpha=1e-6)
    >>> model.weights.round(2), round(model.intercept, 2), round(model.score, 2)
    (array([10., -4.]), 30.0, 1.0)
    """
    base = LimeBase(lambda distances: _kernel(distances, kernel_width), random_state=0)
    intercept, ranked, score, _ = base.explain_instance_with_data(
        shown,
        targets[:, None],
        _distances(shown),
        0,
        shown.shape[1],
        feature_selection="none",
        model_regressor=Ridge(alpha=ridge_alpha, fit_intercept=True),
    )
    weights = np.zeros(shown.shape[1])
    for superpixel, weight in ranked:
        weights[superpixel] = weight
    return LocalModel(weights, float(intercept), float(score))


def foldover_intervals(
    shown: np.ndarray,
    targets: np.ndarray,
    model: LocalModel,
    kernel_width: float,
    ridge_alpha: float,
    confidence: float,
) -> np.ndarray:
    """Intervals of the weights on a foldover design, from the regression's covariance.

    A row and its complement share every even-order interaction: it cancels in their difference and fills their mean.
    What is left in the differences after the linear model, and the spread of the means, are the two errors of the
    weights; the second counts because LIME's kernel weighs the two rows of a pair unequally. Both variances are
    estimated over the pairs and carried through the ridge regression's linear map from targets to weights. The ridge's
    own shrinkage towards 0 is not an error in this sense. docs/method.md reports how often these intervals cover
    converged weights.

    Parameters
    ----------
    shown : ndarray of int, shape (N, S)
        From :func:`age_audit.explain.design.balanced_design`.
    targets : ndarray of float, shape (N,)
    model : LocalModel
        Fitted on the same rows.

    Returns
    -------
    ndarray of float, shape (S, 2)
        Infinite where the pairs leave no degree of freedom; never narrower than what single precision resolves.

    Examples
    --------
    >>> from age_audit.explain.design import balanced_design
    >>> shown = balanced_design(3, 32, np.random.default_rng(0))
    >>> noise = np.random.default_rng(1).normal(size=len(shown))
    >>> years = 30 + shown @ [10.0, -4, 0] + noise  # the third superpixel does nothing
    >>> model = fit_local_model(shown, years, kernel_width=10, ridge_alpha=1e-6)
    >>> intervals = foldover_intervals(shown, years, model, kernel_width=10, ridge_alpha=1e-6, confidence=0.99)
    >>> (intervals[:, 0] > 0) | (intervals[:, 1] < 0)  # which are settled
    array([ True,  True, False])
    """
    half, superpixels = len(shown) // 2, shown.shape[1]
    freedom = half - superpixels
    if freedom < 1:
        return np.tile([-np.inf, np.inf], (superpixels, 1))
    # Half the difference of a pair is the linear model without its intercept on columns of +-1/2.
    signs = shown[:half] - 0.5
    differences, means = (targets[:half] - targets[half:]) / 2, (targets[:half] + targets[half:]) / 2
    residuals = differences - signs @ np.linalg.lstsq(signs, differences, rcond=None)[0]
    # weights = gain @ targets: derivative of the ridge solution with respect to each row's target.
    proximities = proximity(shown, kernel_width)
    centred = shown - np.average(shown, axis=0, weights=proximities)
    weighted = centred * proximities[:, None]
    gain = np.linalg.solve(centred.T @ weighted + ridge_alpha * np.eye(superpixels), weighted.T)
    variance = residuals @ residuals / freedom * ((gain[:, :half] - gain[:, half:]) ** 2).sum(axis=1)
    variance += means.var(ddof=1) * ((gain[:, :half] + gain[:, half:]) ** 2).sum(axis=1)
    rounding = np.finfo(np.float32).eps * np.abs(targets).max()
    reach = stats.t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(variance) + rounding
    return np.stack([model.weights - reach, model.weights + reach], axis=1)
