"""The study's heatmaps: masks of repeated cohorts summed, scaled and compared, panel by panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from age_audit.core.errors import UsageError
from age_audit.core.masks import signed_mask_sums
from age_audit.core.schema import CANVAS
from age_audit.core.vocabulary import AGE_RANGES, KEYS_RACE_AGE_BOUNDARIES, PUBLISHED_HALVES, RACES
from age_audit.study.rows import filter_dataset

COMPARISONS = {
    "accurate": lambda first, second: first - second,
    "inaccurate": lambda first, second: second - first,
    "observing": lambda first, second: second + first,
}


def scale_to_unit(heatmap: ArrayLike) -> np.ndarray:
    """Scale a heatmap as the study does: h * (2 / max(h)) - 1, in this order of operations.

    The largest value becomes 1, but for rounding, and a zero becomes -1. The lower end is not bounded: a value below
    zero falls below -1; and where even the largest is below zero the quotient turns all signs, so that the largest
    still becomes 1.

    Parameters
    ----------
    heatmap : array_like of int or float, shape (H, W)

    Returns
    -------
    ndarray of float, shape (H, W)
        NaN everywhere if the largest value is 0 (such as in the sum over an empty group) or NaN, for which the
        formula has no answer.
    """
    heatmap = np.asarray(heatmap, dtype=float)
    largest = heatmap.max(initial=-np.inf)
    if not np.isfinite(largest) or largest == 0:
        return np.full(heatmap.shape, np.nan)
    return heatmap * (2 / largest) - 1


def repeated_mask_sum(positive_packed: np.ndarray, times: ArrayLike) -> np.ndarray:
    """Sum of masks of two values, each face counted as often as its cohort repeats it.

    Parameters
    ----------
    positive_packed : ndarray of uint8, shape (N, 6272)
    times : array_like of int, shape (N,)
        How often each face counts.

    Returns
    -------
    ndarray of int64, shape (224, 224)
        Of +1 and -1, within -sum(times) to sum(times); 0 without faces.
    """
    sums = signed_mask_sums(positive_packed, times)  # cohorts know two numbers of times at most: few sums
    return sum((repeats * heatmap for repeats, heatmap in sums.items()), np.zeros((CANVAS, CANVAS), dtype=np.int64))


def compared_heatmap(first: ArrayLike, second: ArrayLike, this_type: str) -> np.ndarray:
    """Scale two sums of masks, compare them, and scale the outcome again; see :func:`scale_to_unit`.

    Parameters
    ----------
    first, second : array_like, shape (H, W)
        Sums over positive and over negative rows.
    this_type : str
        ``"accurate"``: first - second; ``"inaccurate"``: second - first; ``"observing"``: their sum.

    Returns
    -------
    ndarray of float, shape (H, W)
        At most 1, but for rounding; where both agree -1 (not for ``"observing"``). NaN everywhere if a group is
        empty or a step has no answer.

    Raises
    ------
    UsageError
        If ``this_type`` is another word.
    """
    if this_type not in COMPARISONS:
        raise UsageError(f"expected this_type to be one of {', '.join(COMPARISONS)}, got {this_type!r}")
    return scale_to_unit(COMPARISONS[this_type](scale_to_unit(first), scale_to_unit(second)))


def cohort_sum(
    rows: Iterable[Mapping], place: Mapping[str, int], positive_packed: np.ndarray
) -> tuple[np.ndarray, int]:
    """Sum of the masks of a cohort, each face as often as there are rows of it, and how many faces these are.

    Parameters
    ----------
    rows : iterable of mapping
        With ``fname``; rows without a mask are passed over.
    place : mapping of str to int
        By file name the row in ``positive_packed``.
    positive_packed : ndarray of uint8, shape (N, 6272)

    Returns
    -------
    ndarray of int64, shape (224, 224)
    int
    """
    times = Counter(place[row["fname"]] for row in rows if row.get("fname") in place)
    return repeated_mask_sum(positive_packed[list(times)], list(times.values())), len(times)


@dataclass(frozen=True)
class StudyPanel:
    """Masks of one group in one age range, as the study sums them.

    Attributes
    ----------
    age_range : str
        Such as ``"0–12"``.
    group : str
    first, second : ndarray of int64, shape (224, 224)
        Sum of the masks of positive and of negative rows, repeated faces counted repeatedly.
    n_first, n_second : int
        Faces with a mask in each, none counted twice.
    """

    age_range: str
    group: str
    first: np.ndarray
    second: np.ndarray
    n_first: int
    n_second: int

    def heatmap(self, this_type: str) -> np.ndarray:
        """As :func:`compared_heatmap`."""
        return compared_heatmap(self.first, self.second, this_type)


def study_panels(
    parts: Mapping[str, Sequence[Mapping]],
    masks: Mapping[str, np.ndarray],
    key: str = "race_real",
    groups: Sequence[str] = tuple(RACES),
    age_ranges: Sequence[Sequence[int]] = tuple(AGE_RANGES),
) -> list[StudyPanel]:
    """Sum the masks of every group in every age range, as the study's figures do.

    Parameters
    ----------
    parts : mapping
        ``positive`` and ``negative`` rows, from :func:`age_audit.study.rows.generate_processed_datasets`.
    masks : mapping of str to ndarray
        ``fname`` (N,) and ``positive``, packed masks of uint8 (N, 6272).
    key : str
        What groups are told apart by.
    groups : sequence of str
    age_ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    list of StudyPanel
        Groups within age ranges, empty ones too.
    """
    place = {fname: i for i, fname in enumerate(masks["fname"].tolist())}
    kept, panels = {*KEYS_RACE_AGE_BOUNDARIES, key}, []
    for low, high in age_ranges:
        halves = []
        for half in PUBLISHED_HALVES:
            cohorts = filter_dataset(parts[half], kept, key, groups, low, high).by_category
            halves.append({group: cohort_sum(cohorts[group], place, masks["positive"]) for group in groups})
        for group in groups:
            (first, n_first), (second, n_second) = halves[0][group], halves[1][group]
            panels.append(StudyPanel(f"{low}–{high}", group, first, second, n_first, n_second))
    return panels


def panel_table(
    panels: Sequence[StudyPanel], key: str = "race_real", types: Sequence[str] = ("accurate", "observing")
) -> pd.DataFrame:
    """The panels in numbers; ``key`` is what their groups are told apart by.

    Returns
    -------
    DataFrame
        One row a panel. Columns: ``age_range``, the key, ``n_accurate``, ``n_inaccurate``; for each type
        ``<type>_lowest`` and ``<type>_mean`` of the heatmap (its largest value is 1) and ``<type>_above_zero``, the
        share of pixels above what was 0 before scaling; NaN where there is no heatmap.
    """
    rows = []
    for panel in panels:
        row = {"age_range": panel.age_range, key: panel.group}
        row |= {"n_accurate": panel.n_first, "n_inaccurate": panel.n_second}
        for this_type in types:
            heatmap = panel.heatmap(this_type)
            there = not np.isnan(heatmap).any()
            row |= {f"{this_type}_lowest": heatmap.min(), f"{this_type}_mean": heatmap.mean()}
            row[f"{this_type}_above_zero"] = (heatmap > -1).mean() if there else np.nan
        rows.append(row)
    return pd.DataFrame(rows)
