"""Which masks belong to which panel of a figure: groups within age ranges, formed as the study and as the audit do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from age_audit.cohorts import AGE_RANGES, KEYS_RACE_AGE_BOUNDARIES, RACES, age_range_of
from age_audit.disaggregation import groups_of
from age_audit.heatmaps import cohort_sum, compared_heatmap, signed_mask_sums
from age_audit.schema import CANVAS
from age_audit.study import filter_dataset

HALVES = ("positive", "negative")


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
        ``positive`` and ``negative`` rows, from :func:`age_audit.study.generate_processed_datasets`.
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
    panels = []
    for low, high in age_ranges:
        halves = []
        for half in ("positive", "negative"):
            cohorts = filter_dataset(parts[half], KEYS_RACE_AGE_BOUNDARIES, key, groups, low, high).by_category
            halves.append({group: cohort_sum(cohorts[group], place, masks["positive"]) for group in groups})
        for group in groups:
            (first, n_first), (second, n_second) = halves[0][group], halves[1][group]
            panels.append(StudyPanel(f"{low}–{high}", group, first, second, n_first, n_second))
    return panels


def panel_table(panels: Sequence[StudyPanel], types: Sequence[str] = ("accurate", "observing")) -> pd.DataFrame:
    """The panels in numbers.

    Returns
    -------
    DataFrame
        One row a panel. Columns: ``age_range``, ``race_real``, ``n_accurate``, ``n_inaccurate``; for each type
        ``<type>_lowest`` and ``<type>_mean`` of the heatmap (its largest value is 1) and ``<type>_above_zero``, the
        share of pixels above what was 0 before scaling; NaN where there is no heatmap.
    """
    rows = []
    for panel in panels:
        row = {"age_range": panel.age_range, "race_real": panel.group}
        row |= {"n_accurate": panel.n_first, "n_inaccurate": panel.n_second}
        for this_type in types:
            heatmap = panel.heatmap(this_type)
            there = not np.isnan(heatmap).any()
            row |= {f"{this_type}_lowest": heatmap.min(), f"{this_type}_mean": heatmap.mean()}
            row[f"{this_type}_above_zero"] = (heatmap > -1).mean() if there else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def shuffled_parts(
    parts: Mapping[str, Sequence[Mapping]],
    *,
    seed: int,
    key: str = "race_real",
    age_ranges: Sequence[Sequence[int]] = tuple(AGE_RANGES),
) -> dict[str, list[dict]]:
    """Deal the labels "accurate" and "inaccurate" anew among the faces of each group and age range.

    Parameters
    ----------
    parts : mapping
        ``positive`` and ``negative`` rows, from :func:`age_audit.study.generate_processed_datasets`.
    seed : int
    key : str
        What groups are told apart by.
    age_ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    dict of str to list of dict
        The same rows parted otherwise, as many of each group and age range in either part as before.
    """
    rows = [row for half in HALVES for row in parts[half]]
    positive = np.repeat([True, False], [len(parts[half]) for half in HALVES])
    codes = age_range_of([np.nan if row.get("age_real") is None else row["age_real"] for row in rows], age_ranges).codes
    strata = pd.Series([f"{row.get(key)} {code}" for row, code in zip(rows, codes, strict=True)], dtype=str)
    rng = np.random.default_rng([seed, 9])
    for members in strata.groupby(strata).indices.values():
        positive[members] = rng.permutation(positive[members])
    dealt = dict(zip(HALVES, (positive, ~positive), strict=True))
    return {half: [dict(rows[i]) for i in np.flatnonzero(inside)] for half, inside in dealt.items()}


@dataclass(frozen=True)
class ExplainedFaces:
    """Faces that have both labels and a mask, in one order.

    Attributes
    ----------
    frame : DataFrame
        N rows as :func:`age_audit.cohorts.completed_frame`.
    positive, negative : ndarray of uint8, shape (N, 6272)
        Packed masks: pixels that raise and that lower the estimate.
    """

    frame: pd.DataFrame
    positive: np.ndarray
    negative: np.ndarray


def explained_faces(frame: pd.DataFrame, masks: Mapping[str, np.ndarray]) -> ExplainedFaces:
    """Bring masks into the order of the frame; rows without a mask are left out.

    Parameters
    ----------
    frame : DataFrame
        With ``fname``.
    masks : mapping of str to ndarray
        ``fname`` (N,), ``positive`` and ``negative``, uint8 (N, 6272).
    """
    place = {fname: i for i, fname in enumerate(masks["fname"].tolist())}
    kept = frame[frame["fname"].isin(place)].reset_index(drop=True)
    order = [place[fname] for fname in kept["fname"]]
    return ExplainedFaces(kept, masks["positive"][order], masks["negative"][order])


@dataclass(frozen=True)
class MeanMask:
    """Mean mask of the faces of one group.

    Attributes
    ----------
    labels : dict of str to str
        One level a feature.
    n : int
        Faces.
    heatmap : ndarray of float, shape (224, 224)
        Share of faces where a pixel raises the estimate less the share where it lowers it, -1 to 1; NaN without faces.
    """

    labels: dict[str, str]
    n: int
    heatmap: np.ndarray


def mean_masks(faces: ExplainedFaces, features: Sequence[str]) -> list[MeanMask]:
    """Mean mask of every combination of the features' levels, of those of no face too; without features, of all."""
    means = []
    for labels, inside in groups_of(faces.frame, list(features)):
        n = int(inside.sum())
        sums = signed_mask_sums(faces.positive[inside], np.ones(n), faces.negative[inside])
        heatmap = sums[1] / n if n else np.full((CANVAS, CANVAS), np.nan)
        means.append(MeanMask(labels, n, heatmap))
    return means


def outline_distances(
    frame: pd.DataFrame, landmarks: Mapping[str, np.ndarray], features: Sequence[str]
) -> pd.DataFrame:
    """How far the mean landmarks of each group are from those of all faces.

    Parameters
    ----------
    frame : DataFrame
        With ``fname`` and the features.
    landmarks : mapping of str to ndarray of float, shape (68, 2)
        By file name, in pixels of the canvas.
    features : sequence of str

    Returns
    -------
    DataFrame
        One row a combination of levels. Columns: the features, ``n`` (faces with landmarks), ``mean_pixels`` and
        ``largest_pixels`` (over the 68 points); NaN without faces.
    """
    frame = frame[frame["fname"].isin(landmarks)]
    points = np.array([landmarks[fname] for fname in frame["fname"]]).reshape(len(frame), -1, 2)
    rows = []
    for labels, inside in groups_of(frame, list(features)):
        row = {"n": int(inside.sum()), "mean_pixels": np.nan, "largest_pixels": np.nan}
        if row["n"]:
            distances = np.linalg.norm(points[inside].mean(axis=0) - points.mean(axis=0), axis=1)
            row |= {"mean_pixels": distances.mean(), "largest_pixels": distances.max()}
        rows.append(labels | row)
    return pd.DataFrame(rows)
