"""What each region of a face does to the estimate, in the unit of what was explained: years, for an age.

Superpixels do not end where regions do. Each gives a region as much of its weight as lies in it: a superpixel of 40
pixels and 2 years, 10 of them on the mouth, gives the mouth half a year. Weights of a linear model add up, so that a
region's number is what the model says of hiding it all at once.

Maps of a value a pixel come in two kinds. Where the values of pixels add up to a difference of the target, as those of
integrated gradients do, a region's number is their sum. Elsewhere each pixel's value is already that of the whole
neighbourhood that was hidden around it (RISE), or has no unit at all (saliency, Grad-CAM): there it is their mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from age_audit.core.schema import Attribution
from age_audit.regions.polygons import region_masks


class RegionYears(NamedTuple):
    """One region's number with the ends of its interval, in the target's unit; NaN ends where there is no interval.

    Examples
    --------
    >>> RegionYears(value=2.5, low=1.0, high=4.0).value
    2.5
    """

    value: float
    low: float
    high: float


def region_years(attribution: Attribution, landmarks, *, additive: bool = False) -> dict[str, RegionYears]:
    """Sum an attribution over each region, signs included.

    Regions overlap as their polygons do, so the 13 numbers have no meaningful sum: the mouth lies within the chin, each
    inner eye within its eye, and some pixels are in none.

    All of them count, settled or not: what is not settled widens the interval instead.

    Ends of the intervals of superpixels are carried through as if their errors were independent: a region's reach is
    the root of the sum of the squared reaches that its superpixels give it. On the audit's balanced design that is
    nearly right, because the columns are orthogonal: errors of two weights have no covariance but what LIME's
    kernel, which weighs rows unequally, brings in. Weights of kernel SHAP are tied to a fixed sum, which makes the
    errors of large regions smaller than said here: their intervals are too wide. Neighbouring pixels of a dense map
    were mostly hidden together, so that their errors do not cancel: there the ends are summed, or averaged, as the
    values are.

    Parameters
    ----------
    attribution : Attribution
        Of superpixels or of pixels; a map without signs gives numbers without signs.
    landmarks : array_like of int or float, shape (68, 2)
        (x, y) in pixels of the crop.
    additive : bool
        Of a dense map: whether its pixels add up to a difference of the target
        (:attr:`age_audit.explain.registry.Method.additive`); superpixels always do.

    Returns
    -------
    dict of str to RegionYears
        In the order of :data:`age_audit.regions.polygons.REGIONS`. A region without pixels on the canvas has a sum of
        0, and no mean (NaN).

    Raises
    ------
    ValueError
        As :func:`age_audit.regions.polygons.region_polygons`.

    Examples
    --------
    >>> landmarks = np.full((68, 2), 100)
    >>> landmarks[36:42] = [(20, 20), (60, 20), (60, 60), (20, 60), (20, 60), (20, 60)]  # an eye of 39 x 39 pixels
    >>> segments = np.zeros((224, 224), dtype=int)
    >>> segments[40:60, 21:60], segments[21:40, 21:100] = 1, 2  # within the eye; 39 of 79 columns in it
    >>> nothing = np.zeros((224, 224), dtype=bool)
    >>> interval = np.array([[-9, 9], [2.7, 3.3], [-2.79, -1.21]])
    >>> found = Attribution(segments, np.array([0, 3, -2]), "expected_age", nothing, nothing, interval)
    >>> eye = region_years(found, landmarks)["eye_l_inner"]  # 3 - 2 * 39 / 79; reaches 0.3 and 0.79 * 39 / 79
    >>> round(eye.value, 2), round(eye.low, 2), round(eye.high, 2)
    (2.01, 1.52, 2.5)
    """
    masks = region_masks(landmarks, size=attribution.positive_mask.shape[0])
    values = _dense(attribution, masks, additive) if attribution.segments is None else _shared_out(attribution, masks)
    return {region: RegionYears(*map(float, row)) for region, row in zip(masks, values, strict=True)}


def _shared_out(attribution: Attribution, masks: dict[str, np.ndarray]) -> np.ndarray:
    """Value, low and high of each region, (R, 3), of weights of superpixels."""
    weights, segments = attribution.weights, attribution.segments
    pixels = np.bincount(segments.ravel(), minlength=len(weights))
    inside = np.stack([np.bincount(segments[mask], minlength=len(weights)) for mask in masks.values()])
    shares = (inside / np.maximum(pixels, 1))[..., None]
    value = shares[..., 0] @ weights
    if attribution.interval is None:
        return np.column_stack([value, np.full((len(value), 2), np.nan)])
    with np.errstate(invalid="ignore"):  # nothing of an infinite interval
        parts = np.where(shares > 0, shares * (attribution.interval - weights[:, None]), 0)  # (R, S, 2): below, above
    reach = np.sqrt((parts**2).sum(axis=1))
    return np.column_stack([value, value - reach[:, 0], value + reach[:, 1]])


def _dense(attribution: Attribution, masks: dict[str, np.ndarray], additive: bool) -> np.ndarray:
    """Value, low and high of each region, (R, 3), of a value a pixel."""
    values = attribution.dense[..., None].astype(float)
    if attribution.interval is not None:
        values = np.concatenate([values, attribution.interval], axis=-1)
    pixels = np.array([mask.sum() for mask in masks.values()])[:, None]
    sums = np.array([values[mask].sum(axis=0) for mask in masks.values()])
    found = np.where(pixels > 0, sums, 0) if additive else sums / np.where(pixels > 0, pixels, np.nan)
    return found if found.shape[1] == 3 else np.hstack([found, np.full((len(found), 2), np.nan)])
