"""Strata of equal ages: years or bands of age, pooled until every side of a comparison has enough faces in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import face_measures
from age_audit.core.groups import groups_of, real_ages
from age_audit.stats.resampling import Estimates, stratified_interval

LEAST = 10  # faces of either side in a stratum: intervals from 4 and 6 covered 90 %, from 2 and 3 80 %, from ten 94 %
TOLERANCE = 1.0  # years by which mean ages may still differ at equal ages; errors grow by up to half a year with each


@dataclass(frozen=True)
class Strata:
    """Strata of one control level, as some sides allow them.

    Attributes
    ----------
    masks : list of ndarray of bool, each shape (N,)
        All faces of each stratum, whatever their group.
    everyone : ndarray of bool, shape (N,)
        The faces of all strata.
    smallest : int
        Faces of the side that has fewest in one stratum.
    enough : bool
        Whether these are enough to compare.
    """

    masks: list[np.ndarray]
    everyone: np.ndarray
    smallest: int
    enough: bool

    @property
    def shares(self) -> list[float]:
        """Each stratum's share of all faces."""
        return [mask.sum() / self.everyone.sum() for mask in self.masks]


def values_and_ages(frame: pd.DataFrame, measures: Sequence[str]) -> np.ndarray:
    """What each face adds to each measure, as :func:`age_audit.audit.errors.groups.face_measures`, and last its age.

    Of a range of ages that is the middle.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30, 40], "age_estimation": [34, 33]})
    >>> values_and_ages(frame, ["mean_absolute_error"])
    array([[ 4.,  7.],
           [30., 40.]])
    """
    return np.vstack([face_measures(frame, measures), np.mean(real_ages(frame), axis=0)])


def runs_of(frame: pd.DataFrame, columns: Sequence[str], used: np.ndarray) -> list[list[np.ndarray]]:
    """Runs of neighbours: levels of the first column, in order, for every combination of the other columns' levels.

    Parameters
    ----------
    frame : DataFrame
        N rows with the columns.
    columns : sequence of str
        Years or bands of age first.
    used : ndarray of bool, shape (N,)
        Faces that count.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [30, 31, 31], "gender_real": ["Male", "Female", "Male"]})
    >>> [[band.tolist() for band in run] for run in runs_of(frame, ["age_real", "gender_real"], np.full(3, True))]
    [[[False, False, False], [False, True, False]], [[True, False, False], [False, False, True]]]
    """
    first, *others = columns
    bands = [used & band for _, band in groups_of(frame, [first])]
    return [[inside & band for band in bands] for _, inside in groups_of(frame, others)]


def pooled(
    runs: Sequence[Sequence[np.ndarray]], level: np.ndarray, sides: Sequence[np.ndarray], least: int = LEAST
) -> Strata:
    """Pool neighbours within each run until every side has enough faces; what is left over joins the last of its run.

    Parameters
    ----------
    runs : sequence of sequence of ndarray of bool, each shape (N,)
        From :func:`runs_of`.
    level : ndarray of bool, shape (N,)
        Faces of the control level.
    sides : sequence of ndarray of bool, each shape (N,)
        What is compared, within the level.
    least : int
        Faces of each side.

    Examples
    --------
    >>> frame, everyone = pd.DataFrame({"age_real": [30, 30, 31, 31, 32, 33]}), np.full(6, True)
    >>> runs, first = runs_of(frame, ["age_real"], everyone), np.array([True, True, False, True, False, True])
    >>> [mask.tolist() for mask in pooled(runs, everyone, [first, ~first], least=1).masks]
    [[True, True, True, True, False, False], [False, False, False, False, True, True]]
    """
    masks, everyone = [], np.zeros_like(level)
    for run in runs:
        began, pool = len(masks), np.zeros_like(level)
        for band in run:
            pool = pool | (level & band)
            if min((pool & side).sum() for side in sides) >= least:
                masks.append(pool)
                pool = np.zeros_like(level)
        if pool.any() and len(masks) > began:
            masks[-1] = masks[-1] | pool
        elif pool.any():
            masks.append(pool)
    for mask in masks:
        everyone = everyone | mask
    smallest = min((int((mask & side).sum()) for mask in masks for side in sides), default=0)
    return Strata(masks, everyone, smallest, smallest >= max(1, least))


def combined(
    values: np.ndarray,
    sides: Sequence[np.ndarray],
    strata: Strata,
    confidence: float,
    clusters: np.ndarray | None = None,
) -> Estimates:
    """The first side's mean in equal strata, less the second's if there is one, with intervals.

    Parameters
    ----------
    values : ndarray of float, shape (M, N)
        M measures of every face.
    sides : sequence of one or two ndarrays of bool, each shape (N,)
    strata : Strata
        Each is weighted by its share of all faces.
    confidence : float
        Coverage, between 0 and 1.
    clusters : ndarray, shape (N,), optional
        Labels of faces that belong together.

    Examples
    --------
    >>> frame, everyone = pd.DataFrame({"age_real": [5, 5, 5, 60, 60, 60, 60]}), np.full(7, True)
    >>> first = np.array([True, False, True, True, False, False, False])
    >>> strata = pooled(runs_of(frame, ["age_real"], everyone), everyone, [first, ~first], least=1)
    >>> error = np.array([[3.0, 1, 3, 10, 8, 8, 8]])
    >>> combined(error, [first, ~first], strata, 0.95).value.round(2)  # 2 years more in either stratum
    array([2.])
    """
    cells = [mask & side for side in sides for mask in strata.masks]
    coefficients = [sign * share for sign, _ in zip((1, -1), sides, strict=False) for share in strata.shares]
    return of_cells(values, cells, coefficients, confidence, clusters)


def of_cells(values, cells, coefficients, confidence: float, clusters: np.ndarray | None = None) -> Estimates:
    """The weighted sum of the means of cells of faces, as :func:`age_audit.stats.resampling.stratified_interval`.

    Parameters
    ----------
    values : ndarray of float, shape (M, N)
    cells : sequence of ndarray
        The faces of each cell, by place or as a mask.
    coefficients : sequence of float
    confidence : float
    clusters : ndarray of int, shape (N,), optional
        Faces of one cluster are copies of one picture.

    Examples
    --------
    >>> found = of_cells(np.array([[1.0, 3, 5, 7]]), [np.array([0, 1]), np.array([2, 3])], [0.5, 0.5], 0.95)
    >>> found.value.tolist()
    [4.0]
    """
    alike = None if clusters is None else [clusters[cell] for cell in cells]
    samples = [values[:, cell] for cell in cells]
    return stratified_interval(samples, coefficients, confidence=confidence, clusters=alike)
