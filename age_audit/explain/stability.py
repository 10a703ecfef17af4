"""Does an explanation stay the same where it should, and change where it must?

Seeds, and shifts of a few pixels, change nothing of what a face shows: maps should stay. A model whose weights are
drawn anew has learnt nothing: maps should change (Adebayo et al. 2018). Our own and not quantus', which asks PyTorch or
TensorFlow models for their layers and has neither years nor estimators on other runtimes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from age_audit.core.schema import CANVAS, Attribution
from age_audit.explain.superpixels import checked_face
from age_audit.explain.units import grid_units, rank_correlation, unit_means

LARGEST_SHIFT = 4  # pixels: a seventh of an eye


def _cell_means(values: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """Mean of each cell of the grid, float (196,); NaN where the estimator does not look."""
    means = unit_means(values, grid_units())
    return means if seen is None else np.where(seen, means, np.nan)


def over_seeds(maps: Sequence[Attribution | np.ndarray], seen: np.ndarray | None = None) -> float:
    """Mean rank correlation of each two maps of one face, explained with several seeds.

    Parameters
    ----------
    maps : sequence of Attribution, or of ndarray of float, shape (224, 224)
        Two or more.
    seen : ndarray of bool, shape (196,), optional
        Cells of the grid of 14 x 14 that count: :func:`age_audit.explain.units.seen_units`. All by default.

    Returns
    -------
    float
        -1 to 1; 1 where nothing is drawn. NaN where a map is constant.

    Examples
    --------
    >>> rising = np.arange(224 * 224.0).reshape(224, 224)
    >>> over_seeds([rising, 2 * rising]), over_seeds([rising, -rising])
    (1.0, -1.0)
    """
    if len(maps) < 2:
        raise ValueError(f"expected two maps of the face or more, by other seeds, got {len(maps)}")
    means = [_cell_means(getattr(found, "map", found), seen) for found in maps]
    return float(np.mean([rank_correlation(*pair) for pair in combinations(means, 2)]))


def over_shift(
    explainer,
    face: np.ndarray,
    shift: tuple[int, int],
    target: str | None = None,
    before: Attribution | None = None,
    seen: np.ndarray | None = None,
) -> float:
    """Rank correlation of a face's map with that of the face moved by some pixels, moved back.

    Parameters
    ----------
    explainer : Explainer
        Its seed is mixed with the bytes of the face, so that what it draws differs as well.
    face : ndarray of uint8, shape (224, 224, 3)
    shift : (int, int)
        Pixels down and to the right. What comes in repeats the edge.
    target : str, optional
        As for :meth:`age_audit.explain.base.Explainer.explain`.
    before : Attribution, optional
        The face's own, where it is there already.
    seen : ndarray of bool, shape (196,), optional
        As for :func:`over_seeds`.

    Returns
    -------
    float
        Over a grid of 14 x 14, of the pixels that both faces have.

    Examples
    --------
    >>> from age_audit.explain.base import of_map
    >>> class Colours:  # what moves with the face
    ...     def explain(self, face, target=None):
    ...         return of_map(face[..., 0].astype(float), "expected_age", signed=True)
    >>> class Places:  # what stays where it is
    ...     def explain(self, face, target=None):
    ...         return of_map(np.linspace(-1, 1, 224**2).reshape(224, 224)[:, ::-1] ** 2, "expected_age", signed=True)
    >>> face = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    >>> round(over_shift(Colours(), face, (3, -2)), 1)
    1.0
    >>> over_shift(Places(), face, (3, -2)) < 0.99
    True
    """
    face = checked_face(face)
    if max(map(abs, shift)) >= CANVAS // 2:
        raise ValueError(f"expected a shift of fewer than {CANVAS // 2} pixels, got {shift}: too little is left of it")
    before = explainer.explain(face, target) if before is None else before
    after = moved_back(explainer.explain(moved(face, shift), target).map, shift)
    kept = np.where(np.isfinite(after), before.map, np.nan)
    return rank_correlation(_cell_means(kept, seen), _cell_means(after, seen))


def moved(face: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """A picture, (H, W, ...), moved so many pixels down and to the right; what comes in repeats the edge.

    Examples
    --------
    >>> moved(np.array([[1, 2, 3]]), (0, 1)), moved(np.array([[1, 2, 3]]), (0, -2))
    (array([[1, 1, 2]]), array([[3, 3, 3]]))
    """
    rows, columns = (np.arange(size) - by for size, by in zip(face.shape, shift, strict=False))
    return face[rows.clip(0, face.shape[0] - 1)][:, columns.clip(0, face.shape[1] - 1)]


def moved_back(values: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """A map, (H, W), as it was before :func:`moved`; NaN for pixels that had left the picture.

    Examples
    --------
    >>> moved_back(np.array([[1.0, 1, 2]]), (0, 1))
    array([[ 1.,  2., nan]])
    """
    rows, columns = (np.arange(size) + by for size, by in zip(values.shape, shift, strict=True))
    inside = ((rows >= 0) & (rows < len(rows)))[:, None] & ((columns >= 0) & (columns < len(columns)))
    found = values[rows.clip(0, len(rows) - 1)][:, columns.clip(0, len(columns) - 1)]
    return np.where(inside, found, np.nan)


def drawn_shift(generator: np.random.Generator) -> tuple[int, int]:
    """A shift of 1 to 4 pixels in one of eight directions.

    Examples
    --------
    >>> shifts = [drawn_shift(np.random.default_rng(seed)) for seed in range(200)]
    >>> sorted({max(map(abs, shift)) for shift in shifts})
    [1, 2, 3, 4]
    """
    directions = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
    pixels = int(generator.integers(1, LARGEST_SHIFT + 1))
    down, right = directions[generator.integers(len(directions))]
    return pixels * down, pixels * right


def against_drawn_weights(
    trained: Attribution | np.ndarray, drawn: Attribution | np.ndarray, seen: np.ndarray | None = None
) -> tuple[float, float]:
    """Rank correlation of a face's map with the one for a model whose weights were drawn anew, with signs and without.

    A map that stays tells of the picture, not of what the model has learnt: both should be near 0. Signs come out
    either way for drawn weights, and hide how much of the pattern stays; sizes show it.

    Parameters
    ----------
    trained, drawn : Attribution, or ndarray of float, shape (224, 224)
        For the model as it is, and for :func:`age_audit.estimators.randomised.randomised`, with the same seed.
    seen : ndarray of bool, shape (196,), optional
        As for :func:`over_seeds`.

    Returns
    -------
    as_they_are, of_sizes : float
        Over a grid of 14 x 14; of values, and of their absolute values.

    Examples
    --------
    >>> rising = np.arange(224 * 224.0).reshape(224, 224)
    >>> against_drawn_weights(rising, -rising)
    (-1.0, 1.0)
    """
    pair = [_cell_means(getattr(found, "map", found), seen) for found in (trained, drawn)]
    return rank_correlation(*pair), rank_correlation(*map(np.abs, pair))
