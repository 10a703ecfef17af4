"""How much of an explanation falls on each region of a face.

An explanation arrives as the mask of its raising pixels: those that raise the estimate. For every region two shares
are taken, both in 0-1 on an ordinary face:

- ``pct_of_feature``: raising pixels in the region over pixels in the region;
- ``from_all``: raising pixels in the region over raising pixels in the image. The mouth lies within the chin and
  each inner eye within its eye, so their ``from_all`` is then taken off the region that surrounds them; where the
  inner region reaches beyond the outer one, the rest can be below 0. The other regions may overlap, and some pixels
  lie in none: the 13 values need not sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from age_audit.core.masks import raising_pixels
from age_audit.core.schema import CANVAS, RegionActivation
from age_audit.regions.polygons import POINT_ORDER, REGIONS, FaceRegions, regions_with_masks

_SURROUNDED_BY = {"mouth_inner": "chin", "eye_l_inner": "eye_l", "eye_r_inner": "eye_r"}


def score_regions(mask: np.ndarray, landmarks, size: int = CANVAS) -> dict[str, float]:
    """Score the 13 regions of one face.

    Parameters
    ----------
    mask : ndarray, shape (size, size)
        Where the explanation raises the estimate: as :func:`age_audit.core.masks.raising_pixels`.
    landmarks : array_like of int or float, shape (68, 2)
        (x, y) in pixels of the canvas.
    size : int
        Side of the canvas in pixels.

    Returns
    -------
    dict of str to float
        ``activation_<region>_from_all`` and ``activation_<region>_pct_of_feature``, plain floats. A region without
        pixels scores 0.0, and so does every region of a mask without raising pixels.

    Raises
    ------
    ValueError
        If the mask is not of that shape, or as :func:`age_audit.core.masks.raising_pixels` and
        :func:`age_audit.regions.polygons.region_polygons`.

    Examples
    --------
    >>> landmarks = np.full((68, 2), 10)
    >>> landmarks[36:42] = [(2, 2), (6, 2), (6, 6), (2, 6), (2, 6), (2, 6)]  # an eye of 3 x 3 pixels
    >>> mask = np.zeros((20, 20), dtype=bool)
    >>> mask[:4] = True  # the four uppermost rows raise the estimate, 80 pixels
    >>> scores = score_regions(mask, landmarks, size=20)
    >>> round(scores["activation_eye_l_inner_pct_of_feature"], 3)  # 6 of its 9 pixels
    0.333
    >>> scores["activation_eye_l_inner_from_all"]  # 6 of the 80
    0.0375
    """
    return evaluate_face("", mask, landmarks, size).scores


def evaluate_face(fname: str, mask: np.ndarray, landmarks, size: int = CANVAS) -> RegionActivation:
    """Score the 13 regions of one face and say what was unusual about it.

    Parameters
    ----------
    fname : str
        Name of the image, carried into the result.
    mask, landmarks, size
        As :func:`score_regions`.

    Returns
    -------
    RegionActivation
        The notes name mended polygons, regions without a pixel, shares below 0 and a mask without raising pixels.

    Raises
    ------
    ValueError
        As :func:`score_regions`.

    Examples
    --------
    >>> landmarks = np.random.default_rng(1).integers(4, 28, (68, 2))
    >>> face = evaluate_face("a.jpg", np.zeros((32, 32), dtype=bool), landmarks, size=32)
    >>> face.fname, len(face.scores), face.notes[-1]
    ('a.jpg', 26, 'mask: no positive pixel')
    """
    measured = _measure(mask, landmarks, size)
    scores = {}
    for region in REGIONS:
        scores[f"activation_{region}_from_all"] = measured.from_all[region]
        scores[f"activation_{region}_pct_of_feature"] = measured.pct_of_feature[region]
    return RegionActivation(fname, scores, measured.notes)


def boundaries_facial(mask: np.ndarray, landmarks, size: int = CANVAS) -> dict[str, dict]:
    """Rebuild the record of one face as the published attachment files hold it.

    Parameters
    ----------
    mask, landmarks, size
        As :func:`score_regions`.

    Returns
    -------
    dict of str to dict
        For each region, in plain Python types that JSON can hold:

        - ``point_order``: list of int, landmark indices; -1 to -4 are the corners of the canvas.
        - ``cood``: list of [x, y], the outline; floored and closed where the nose was subtracted, else one point an
          index of ``point_order``.
        - ``intersection_n``: float. Named for a count, but the published files hold the share ``from_all`` here.
        - ``boundary_covered``: float, ``pct_of_feature``.

    Raises
    ------
    ValueError
        As :func:`score_regions`.

    Examples
    --------
    >>> landmarks = np.full((68, 2), 10)
    >>> landmarks[36:42] = [(2, 2), (6, 2), (6, 6), (2, 6), (2, 6), (2, 6)]
    >>> record = boundaries_facial(np.ones((20, 20), dtype=bool), landmarks, size=20)["eye_l_inner"]
    >>> record["point_order"], record["boundary_covered"]
    ([36, 37, 38, 39, 40, 41], 1.0)
    >>> record["cood"]
    [[2, 2], [6, 2], [6, 6], [2, 6], [2, 6], [2, 6]]
    """
    measured = _measure(mask, landmarks, size)
    return {
        region: {
            "point_order": list(POINT_ORDER[region]),
            "cood": [list(point) for point in measured.regions.outlines[region]],
            "intersection_n": measured.from_all[region],
            "boundary_covered": measured.pct_of_feature[region],
        }
        for region in REGIONS
    }


@dataclass(frozen=True)
class _Measured:
    regions: FaceRegions
    from_all: dict[str, float]
    pct_of_feature: dict[str, float]
    notes: tuple[str, ...]


def _measure(mask: np.ndarray, landmarks, size: int) -> _Measured:
    regions, masks = regions_with_masks(landmarks, size)
    mask = _checked_mask(mask, size)
    pixels = {region: int(np.count_nonzero(inside)) for region, inside in masks.items()}
    raising = {region: int(np.count_nonzero(inside & mask)) for region, inside in masks.items()}
    raising_in_image = int(np.count_nonzero(mask))
    from_all = {region: _share(count, raising_in_image) for region, count in raising.items()}
    for inner, outer in _SURROUNDED_BY.items():
        from_all[outer] -= from_all[inner]
    notes = [f"{region}: no pixel on the canvas" for region in REGIONS if not pixels[region]]
    notes += [f"{region}: from_all below 0" for region in REGIONS if from_all[region] < 0]
    if not raising_in_image:
        notes.append("mask: no positive pixel")
    return _Measured(
        regions=regions,
        from_all=from_all,
        pct_of_feature={region: _share(raising[region], pixels[region]) for region in REGIONS},
        notes=(*regions.notes, *notes),
    )


def _share(count: int, total: int) -> float:
    return count / total if total else 0.0


def _checked_mask(mask: np.ndarray, size: int) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.shape != (size, size):
        raise ValueError(f"expected a mask of shape ({size}, {size}); got {mask.shape}")
    return raising_pixels(mask)
