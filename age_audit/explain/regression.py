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


@dataclass(frozen=True)
class WeightErrors:
    """How far weights may be off, of superpixels or of pixels.

    Attributes
    ----------
    standard : ndarray of float, shape (S,)
        Standard error of each weight, in the unit of the target.
    freedom : int, or ndarray of float, shape (S,)
        Degrees of freedom of these: on a foldover design pairs less superpixels. Below 1 nothing is known.
    resolution : float
        What single precision resolves of the targets, in their unit.
    shrinkage : ndarray of float, shape (S,)
        What the ridge penalty took off each weight: the weight of the same fit without penalty, less the weight. NaN
        where the samples do not determine the fit without penalty.
    """

    standard: np.ndarray
    freedom: int | np.ndarray
    resolution: float
    shrinkage: np.ndarray | float = 0.0


def foldover_errors(shown: np.ndarray, targets: np.ndarray, kernel_width: float, ridge_alpha: float) -> WeightErrors:
    """Standard errors of the weights on a foldover design.

    A row and its complement share every even-order interaction: it cancels in their difference and fills their mean.
    What is left in the differences after the linear model, and the spread of the means, are the two errors of the
    weights; the second counts because LIME's kernel weighs the two rows of a pair unequally. Both variances are
    estimated over the pairs and carried through the ridge regression's linear map from targets to weights. The ridge's
    penalty is a bias beside them: it shrinks weights and lets large ones leak into others, however many samples there
    are, and is found by the same fit without it.

    Parameters
    ----------
    shown : ndarray of int, shape (N, S)
        From :func:`age_audit.explain.design.paley_design` or :func:`age_audit.explain.design.balanced_design`, or
        several of these :func:`age_audit.explain.design.folded_together`.
    targets : ndarray of float, shape (N,)

    Examples
    --------
    >>> from age_audit.explain.design import paley_design
    >>> shown = paley_design(3, 32, np.random.default_rng(0))
    >>> years = 30 + shown @ [10.0, -4, 0] + np.random.default_rng(1).normal(size=len(shown))
    >>> errors = foldover_errors(shown, years, kernel_width=10, ridge_alpha=1e-6)
    >>> len(shown), errors.freedom, errors.standard.round(2)  # near 2 / sqrt(40): the kernel weighs all alike
    (40, 17, array([0.35, 0.35, 0.35]))
    """
    half, superpixels = len(shown) // 2, shown.shape[1]
    freedom = half - superpixels
    if freedom < 1:
        return WeightErrors(np.full(superpixels, np.inf), freedom, 0.0)
    # Half the difference of a pair is the linear model without its intercept on columns of +-1/2.
    signs = shown[:half] - 0.5
    differences, means = (targets[:half] - targets[half:]) / 2, (targets[:half] + targets[half:]) / 2
    residuals = differences - signs @ np.linalg.lstsq(signs, differences, rcond=None)[0]
    # weights = gain @ targets: derivative of the ridge solution with respect to each row's target.
    proximities = proximity(shown, kernel_width)
    centred = shown - np.average(shown, axis=0, weights=proximities)
    weighted = centred * proximities[:, None]
    gram = centred.T @ weighted
    gain = np.linalg.solve(gram + ridge_alpha * np.eye(superpixels), weighted.T)
    variance = residuals @ residuals / freedom * ((gain[:, :half] - gain[:, half:]) ** 2).sum(axis=1)
    variance += means.var(ddof=1) * ((gain[:, :half] + gain[:, half:]) ** 2).sum(axis=1)
    shrinkage = _shrinkage(gram, ridge_alpha, gain @ (targets - targets.mean()))
    return WeightErrors(np.sqrt(variance), freedom, np.finfo(np.float32).eps * np.abs(targets).max(), shrinkage)


def _shrinkage(gram: np.ndarray, ridge_alpha: float, weights: np.ndarray) -> np.ndarray:
    """Unpenalised weights less the penalised ones: (G + aI) w = G u, so that u - w solves G (u - w) = a w."""
    if np.linalg.cond(gram) > 1 / np.sqrt(np.finfo(float).eps):
        return np.full(len(weights), np.nan)
    return np.linalg.solve(gram, ridge_alpha * weights)


def foldover_intervals(
    shown: np.ndarray,
    targets: np.ndarray,
    model: LocalModel,
    kernel_width: float,
    ridge_alpha: float,
    confidence: float,
) -> np.ndarray:
    """Intervals of the weights on a foldover design, each by itself, from the regression's covariance.

    Of many weights whose interval excludes 0, more than 1 - ``confidence`` may have the wrong sign, and fewer than
    ``confidence`` may lie in theirs: :func:`selected_intervals` heeds that they were selected.

    Parameters
    ----------
    shown, targets
        As for :func:`foldover_errors`.
    model : LocalModel
        Fitted on the same rows.
    confidence : float
        Between 0 and 1.

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
    return _intervals(model.weights, foldover_errors(shown, targets, kernel_width, ridge_alpha), confidence)


def _intervals(weights: np.ndarray, errors: WeightErrors, confidence: float) -> np.ndarray:
    if np.min(errors.freedom) < 1:
        return np.tile([-np.inf, np.inf], (*weights.shape, 1))
    reach = stats.t.ppf(0.5 + confidence / 2, errors.freedom) * errors.standard + errors.resolution
    return np.stack([weights - reach, weights + reach], axis=-1)


def selected_intervals(weights: np.ndarray, errors: WeightErrors, rate: float) -> np.ndarray:
    """Intervals of the weights of one face, such that those that exclude 0 can be believed as a set.

    Benjamini and Hochberg (1995) select R of the S weights, by their t statistics, so that of the signs claimed at
    most the share ``rate`` is expected to be wrong. Benjamini and Yekutieli (2005) give these, for having been
    selected, intervals of level 1 - ``rate`` * R / S, of which at most the share ``rate`` is expected to miss. The two
    are one rule: a weight is selected just where that interval excludes 0.

    A penalised weight is off by its shrinkage besides, which no number of samples mends. So the interval reaches from
    the lower of the penalised and the unpenalised weight to the higher one, and beyond either by the error; whatever
    is between the two is not known, and of the two the one nearer to 0 is judged.

    Parameters
    ----------
    weights : ndarray of float, shape (S,)
        Of any shape in fact, as of the pixels of a map.
    errors : WeightErrors
        Of these weights.
    rate : float
        Between 0 and 1: of wrong signs among selected weights, and of selected weights outside of their interval.

    Returns
    -------
    ndarray of float, shape (S, 2)
        All of the same level, that of R = 1 where none is selected. Infinite where there is no degree of freedom, or no
        unpenalised weight.

    Examples
    --------
    >>> errors = WeightErrors(standard=np.ones(4), freedom=100, resolution=0.0)
    >>> selected_intervals(np.array([9.0, 2.2, 1.0, 0.0]), errors, rate=0.05).round(1)  # 2.2 alone would exclude 0
    array([[ 6.5, 11.5],
           [-0.3,  4.7],
           [-1.5,  3.5],
           [-2.5,  2.5]])
    >>> exact = WeightErrors(np.zeros(2), 100, 0.0, shrinkage=np.array([0.5, -0.1]))
    >>> selected_intervals(np.array([9.0, 0.1]), exact, rate=0.05)  # the second weight has leaked from the first
    array([[9. , 9.5],
           [0. , 0.1]])
    """
    if np.min(errors.freedom) < 1:
        return _intervals(weights, errors, 1 - rate)
    unpenalised = weights + errors.shrinkage
    low, high = np.minimum(weights, unpenalised), np.maximum(weights, unpenalised)
    # The nearest to 0 of all that lies between the two.
    beyond = np.maximum(np.maximum(low, -high) - errors.resolution, 0)
    statistics = np.divide(beyond, errors.standard, out=np.where(beyond > 0, np.inf, 0), where=errors.standard > 0)
    p_values = np.where(np.isnan(unpenalised), 1, 2 * stats.t.sf(statistics, errors.freedom))
    selected = int((stats.false_discovery_control(p_values, axis=None) <= rate).sum())
    level = 1 - rate * max(selected, 1) / weights.size
    found = np.stack([_intervals(low, errors, level)[..., 0], _intervals(high, errors, level)[..., 1]], axis=-1)
    return np.where(np.isnan(found), [-np.inf, np.inf], found)


def settled_intervals(weights: np.ndarray, errors: WeightErrors, rule: str, rate: float) -> np.ndarray:
    """Intervals by one of :data:`age_audit.core.config.SETTLED_BY`: each by itself, or of those settled as a set.

    Parameters
    ----------
    weights, errors, rate
        As :func:`selected_intervals`.
    rule : str

    Examples
    --------
    >>> errors = WeightErrors(standard=np.ones(3), freedom=100, resolution=0.0)
    >>> settled_intervals(np.array([2.2, 0, 0]), errors, "interval", rate=0.05)[0].round(2)
    array([0.22, 4.18])
    """
    return _intervals(weights, errors, 1 - rate) if rule == "interval" else selected_intervals(weights, errors, rate)
