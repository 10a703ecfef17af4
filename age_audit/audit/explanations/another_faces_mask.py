"""How much of each region's score would another face's mask give?

A region scores high where masks are large, or where masks of all faces lie, without the explanation having found
anything in the face itself. The null here keeps both: every face gets the mask of another face, as large and as smooth
as masks are, and only the tie between a mask and its own face is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from age_audit.core.masks import pack_masks
from age_audit.core.randomness import CONFIDENCE, stream
from age_audit.core.schema import CANVAS, LANDMARK_COUNT
from age_audit.core.vocabulary import FEW_FACES
from age_audit.regions.polygons import REGIONS, region_masks
from age_audit.stats.resampling import with_adjusted

MASK_PERMUTATIONS = 1_999
MASKS_A_BLOCK = 64  # faces among which masks are permuted
_PACKED = CANVAS * CANVAS // 8  # bytes a mask


def area_matched_null(
    raising_packed: np.ndarray,
    faces: np.ndarray,
    *,
    seed: int,
    regions: Sequence[str] = REGIONS,
    permutations: int = MASK_PERMUTATIONS,
    block: int = MASKS_A_BLOCK,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Mean score of each region beside what masks permuted between faces score.

    Null hypothesis: a mask has no more to do with its own face than with any other face.

    The score is ``pct_of_feature``: raising pixels in the region over pixels in the region. A mask of another face is
    rescaled to the area of the face's own: its score is multiplied by own area over its area (raising pixels), so that
    a mask spread evenly would score alike on both; such a score may exceed 1. Faces whose mask has no raising pixel
    cannot give one and are left out.

    Faces are dealt into blocks at random, and masks are permuted within blocks. All scores of a block's masks on a
    block's faces are then few enough to be counted out beforehand, and a permutation only looks them up. The test
    is as exact as with permutations among all faces, and with blocks of 64 the spread of the null is nearly the same.

    Faces are cut out alike, so masks of other faces also lie where those of the face itself tend to lie. A ratio near 1
    therefore does not say that a region is as good as any place; ``even`` is there for that comparison.

    Parameters
    ----------
    raising_packed : ndarray of uint8, shape (N, 6272)
        Packed masks as :func:`age_audit.core.masks.pack_masks` makes them.
    faces : ndarray
        Landmarks of each face, float or int, shape (N, 68, 2) in pixels of the canvas; or its packed region masks,
        uint8, shape (N, R, 6272), which may overlap. Drawing regions from landmarks takes most of the time.
    seed : int
        Of blocks and permutations.
    regions : sequence of str, length R
        Names; with landmarks, those of :data:`age_audit.regions.polygons.REGIONS`.
    permutations : int
    block : int
        Faces a block, 2 or more.
    confidence : float
        Coverage of the interval of the null, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a region. Columns: ``region``; ``n`` (faces with a pixel in the region); ``observed`` (mean score);
        ``even`` (mean share of the canvas that raises: as masks spread evenly score); ``null_mean`` with
        ``null_low`` and ``null_high`` over permutations; ``ratio`` = observed / null_mean; ``p_value`` (two-sided) and
        that adjusted over the regions (``p_holm``, ``p_bh``); ``few_faces``. Without at least two faces NaN.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> masks, regions = np.zeros((4, 224, 224), dtype=bool), np.zeros((4, 224, 224), dtype=bool)
    >>> for face in range(4):
    ...     masks[face, :50, 50 * face : 50 * face + 50] = True  # each mask lies where that face's nose is ...
    ...     regions[face, :25, 50 * face : 50 * face + 50] = True
    >>> table = area_matched_null(pack_masks(masks), pack_masks(regions)[:, None], seed=1, regions=["nose"])
    >>> table[["region", "n", "observed"]]
      region  n  observed
    0   nose  4       1.0
    >>> bool(table["null_mean"][0] < 0.5)  # ... and no other face's does
    True
    """
    region_bits = _region_bits(raising_packed, faces, regions)
    if block < 2:
        raise ValueError(f"expected blocks of at least 2 faces, got {block}")
    areas = np.bitwise_count(raising_packed).sum(axis=1, dtype=np.int64)
    rng = stream(seed, "another face's mask")
    kept = rng.permutation(np.flatnonzero(areas))
    # equal blocks, none of a single face, which would only ever get its own mask
    blocks = np.array_split(kept, max(1, len(kept) // block)) if len(kept) else []
    totals = np.zeros((permutations + 2, len(regions)))  # observed, expected, then each permutation
    counts = np.zeros(len(regions), dtype=np.int64)
    even = np.zeros(len(regions))
    for members in blocks:
        scores, there = _scores_of_block(raising_packed[members], areas[members], map(region_bits, members))
        totals += _totals(scores, permutations, rng)
        counts += there.sum(axis=0)
        even += areas[members] @ there / CANVAS**2
    enough = len(kept) > 1
    means = np.where((counts > 0) & enough, totals / np.maximum(counts, 1), np.nan)
    return _table(regions, counts, means, even / np.where(counts, counts, np.nan), confidence)


def packed_regions(landmarks: np.ndarray, regions: Sequence[str] = REGIONS) -> np.ndarray:
    """Regions of faces as packed masks, to be drawn once and used for several kinds of masks.

    Parameters
    ----------
    landmarks : ndarray of float or int, shape (N, 68, 2)
        In pixels of the canvas.
    regions : sequence of str, length R

    Returns
    -------
    ndarray of uint8, shape (N, R, 6272)
        81 KB a face for all 13.

    Examples
    --------
    >>> landmarks = np.random.default_rng(1).uniform(60, 160, (2, 68, 2))
    >>> packed_regions(landmarks, ["nose", "chin"]).shape
    (2, 2, 6272)
    """
    packed = [_drawn_regions(landmarks, regions, face) for face in range(len(landmarks))]
    return np.array(packed, dtype=np.uint8).reshape(len(packed), len(regions), _PACKED)


def null_summary(table: pd.DataFrame, by: str = "masks", alpha: float = 0.05) -> pd.DataFrame:
    """How many regions score other than masks of other faces would, one row for each kind of masks.

    Parameters
    ----------
    table : DataFrame
        Tables of :func:`area_matched_null`, one below the other, with a column that tells them apart.
    by : str
        That column.
    alpha : float
        Chance of any false finding among the regions of one table.

    Returns
    -------
    DataFrame
        Columns: ``by``; ``n`` (the most faces of any region), ``regions`` tested; ``above`` and ``below`` (regions with
        ``p_holm`` below alpha and a ratio above or below 1); ``largest_ratio`` and the ``region`` that has it.

    Examples
    --------
    >>> table = pd.DataFrame({"masks": "lime", "region": ["nose", "chin"], "n": 40, "p_value": [0.001, 0.5]})
    >>> null_summary(table.assign(p_holm=[0.002, 0.5], ratio=[1.8, 0.9])).T
                      0
    masks          lime
    n                40
    regions           2
    above             1
    below             0
    largest_ratio   1.8
    region         nose
    """
    rows = []
    for name, regions in table.groupby(by, sort=False):
        tested = regions[regions["p_value"].notna()]
        found = tested[tested["p_holm"] < alpha]
        row = {by: name, "n": int(regions["n"].max()), "regions": len(tested)}
        row |= {"above": int((found["ratio"] > 1).sum()), "below": int((found["ratio"] < 1).sum())}
        ratios = tested.set_index("region")["ratio"].dropna()
        there = len(ratios) > 0
        row |= {"largest_ratio": ratios.max() if there else np.nan, "region": ratios.idxmax() if there else ""}
        rows.append(row)
    return pd.DataFrame(rows)


def _region_bits(raising_packed: np.ndarray, faces: np.ndarray, regions: Sequence[str]) -> Callable[[int], np.ndarray]:
    """A function from the number of a face to its packed regions, uint8 (R, 6272)."""
    count = len(faces)
    if raising_packed.shape != (count, _PACKED) or raising_packed.dtype != np.uint8:
        raise ValueError(
            f"expected packed masks of uint8, shape ({count}, {_PACKED}), one a face; got {raising_packed.dtype}, "
            f"shape {raising_packed.shape}"
        )
    if faces.shape == (count, len(regions), _PACKED) and faces.dtype == np.uint8:
        return faces.__getitem__
    if faces.shape == (count, LANDMARK_COUNT, 2):
        return partial(_drawn_regions, faces, regions)
    raise ValueError(
        f"expected landmarks of shape ({count}, {LANDMARK_COUNT}, 2) or packed regions of uint8, shape ({count}, "
        f"{len(regions)}, {_PACKED}); got {faces.dtype}, shape {faces.shape}"
    )


def _drawn_regions(landmarks: np.ndarray, regions: Sequence[str], face: int) -> np.ndarray:
    masks = region_masks(landmarks[face])
    return pack_masks(np.stack([masks[region] for region in regions]))


def _scores_of_block(masks: np.ndarray, areas: np.ndarray, regions) -> tuple[np.ndarray, np.ndarray]:
    """Score of each of B masks on each of B faces, (B, B, R) as [face, mask], and which regions are there, (B, R)."""
    words = masks.view(np.uint64)  # 64 pixels at a time
    scores, there = [], []
    for own_area, bits in zip(areas, regions, strict=True):
        region_words = np.ascontiguousarray(bits).view(np.uint64)
        sizes = np.bitwise_count(region_words).sum(axis=1, dtype=np.int64)
        hits = [np.bitwise_count(words & region).sum(axis=1, dtype=np.int64) for region in region_words]
        scores.append(np.stack(hits, axis=1) / np.maximum(sizes, 1) * (own_area / areas)[:, np.newaxis])
        there.append(sizes > 0)
    shape = (len(masks), len(masks), -1)
    return np.array(scores).reshape(shape), np.array(there)


def _totals(scores: np.ndarray, permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Sums over the block's faces, (2 + K, R): of their own masks, of the mean over all masks, of each permutation."""
    faces = np.arange(len(scores))
    dealt = rng.permuted(np.tile(faces, (permutations, 1)), axis=1)
    permuted = np.zeros((permutations, scores.shape[2]))
    for face in faces:
        permuted += scores[face, dealt[:, face]]
    return np.vstack([scores[faces, faces].sum(axis=0), scores.mean(axis=1).sum(axis=0), permuted])


def _table(
    regions: Sequence[str], counts: np.ndarray, means: np.ndarray, even: np.ndarray, confidence: float
) -> pd.DataFrame:
    observed, expected, null = means[0], means[1], means[2:]
    low, high = np.quantile(null, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    slack = 1e-12 * np.abs(expected)  # sums of one set of numbers in another order differ by rounding
    further = (np.abs(null - expected) >= np.abs(observed - expected) - slack).sum(axis=0)
    p_values = np.where(np.isnan(observed), np.nan, (further + 1) / (len(null) + 1))
    table = pd.DataFrame({"region": list(regions), "n": counts, "observed": observed, "even": even})
    table["null_mean"], table["null_low"], table["null_high"] = expected, low, high
    table["ratio"] = observed / np.where(expected > 0, expected, np.nan)
    table["p_value"] = p_values
    return with_adjusted(table).assign(few_faces=counts < FEW_FACES)
