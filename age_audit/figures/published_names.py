"""The published names of stage 3 that draw or print, for notebooks that were written against the published script.

They answer what the published script answered. Its figures were opened with pyplot and stay open, so that a notebook
shows them at the end of the cell; they are not written to files, as its were, over each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.metrics import ACCURACY_CUTOFF
from age_audit.core.vocabulary import FEW_FACES, KEYS_BOUNDARIES
from age_audit.data.mask_files import PackedMasks, load_positive_masks
from age_audit.figures import style
from age_audit.figures.correlations import draw_accuracy_scatter, draw_correlations, draw_rounded_ages
from age_audit.figures.heatmaps import draw_heatmaps
from age_audit.study import normality
from age_audit.study import rows as study
from age_audit.study.heatmaps import COMPARISONS, cohort_sum, compared_heatmap, scale_to_unit
from age_audit.study.rows import ACCURACY, FilteredDataset

DatasetTuple = FilteredDataset | tuple  # what filter_dataset returned


def normalise_cohort(cohort: Iterable, desired_n_participants: int, verbose: bool = False) -> list:
    """Repeat a cohort in order up to so many members, or cut it off there; an empty one stays empty.

    With ``verbose`` a cohort of fewer than 30 is said to be small.
    """
    cohort = list(cohort)
    if verbose and len(cohort) < FEW_FACES:
        print("WARNING: Cohort is small and may not be representative.")
    return study.repeat_in_order(cohort, desired_n_participants)


def visualise_pairplot(
    dataset_tuple: DatasetTuple, accuracy_cutoff: float = ACCURACY_CUTOFF, verbose: bool = False
) -> pd.DataFrame:
    """The frame that a pair plot is drawn from, such as ``sns.pairplot(frame, hue="race_real")``.

    Draws nothing, as the published function did not. With ``verbose`` it prints, for each category, its size before
    it was repeated and the shares of its rows with an accuracy up to the cut-off and from it on (one right at it is
    in both).
    """
    by_category, rows, frame, key, sizes = dataset_tuple
    for category in by_category if verbose else ():
        print(category)
        print("\tCohort size:", sizes[category])
        accuracies = _floats(rows, key, category)
        for low, high in ((0, accuracy_cutoff), (accuracy_cutoff, 1)):
            inside = int(((accuracies >= low) & (accuracies <= high)).sum())
            share = inside / len(accuracies) if len(accuracies) else float("nan")
            print(f"\tage_estimation_accuracy: {round(low * 100)} - {round(high * 100)}: {share}")
    return frame


def visualise_heatmap_corr_pairplot(
    dataset_tuple: DatasetTuple,
    image_masks_fpath: str | Path,
    x_vars: Sequence[str] | None = None,
    pairplot_scatter_alpha: float = 0.005,
    age_range: str = "",
    this_type: str = "",
) -> list[dict]:
    """Correlate the accuracy with the five shares in every group, and draw that under the group's heatmap.

    Parameters
    ----------
    dataset_tuple : FilteredDataset
        From :func:`age_audit.study.rows.filter_dataset` with ``KEYS_RACE_AGE_BOUNDARIES``. Repeated rows count
        repeatedly.
    image_masks_fpath : path
        Masks for the heatmaps; see :func:`age_audit.data.mask_files.load_positive_masks`.
    x_vars : sequence of str, optional
        Shares to draw the accuracy against; all five by default.
    pairplot_scatter_alpha : float
        Opacity of a point, 0-1.
    age_range, this_type : str
        Written into the answer and the title.

    Returns
    -------
    list of dict
        For each group Pearson's r of the accuracy with ``face``, ``outer_boundary_left``, ``..._right``, ``..._top``
        and ``..._bottom``; ``race`` (the group), ``age_range``, ``classification_type``; and ``n``, its faces before
        any was repeated. r is NaN for groups of no face or one, and where either is constant.

    Raises
    ------
    UsageError
        If no row has one of the columns.

    Warns
    -----
    UserWarning
        Once, naming the groups of fewer than two faces; and once if masks are missing.
    """
    by_group, rows, _, key, sizes = dataset_tuple
    study.require_keys(rows, (key, ACCURACY, *KEYS_BOUNDARIES, *(x_vars or ())))
    members = {group: _members(rows, key, group) for group in by_group}
    answer = [
        study.accuracy_correlations(faces)
        | {"race": group, "age_range": age_range, "classification_type": this_type, "n": sizes[group]}
        for group, faces in members.items()
    ]
    if not answer:
        return answer  # no group, so nothing to draw
    _warn_of_few(sizes, by_group, 2, "correlations are NaN")
    sums = _sums_by_group(rows, _masks_of(rows, image_masks_fpath), key, by_group)
    with style.applied():
        figure = style.open_figure(16, 10)
        heads, middle, points = figure.subfigures(3, 1, height_ratios=(3, 2, 2.4))
        words = {group: f"n = {sizes[group]:,}" for group in by_group}
        draw_heatmaps(heads, {group: scale_to_unit(s) for group, s in sums.items()}, words, "sum of masks, scaled")
        table = pd.DataFrame(answer, index=list(by_group))[KEYS_BOUNDARIES].T
        draw_correlations(middle, table, [f"{group} ({words[group]})" for group in by_group])
        x_vars = list(x_vars or KEYS_BOUNDARIES)
        frames = {group: pd.DataFrame(faces, columns=[ACCURACY, *x_vars]) for group, faces in members.items()}
        draw_accuracy_scatter(points, frames, words, x_vars, pairplot_scatter_alpha)
        ages = f"real age {age_range} years" if age_range else "all ages"
        figure.suptitle(f"Masks and accuracy of {this_type or 'all'} estimates, {ages}")
    return answer


def visualise_heatmap_corr_pairplot_all(
    dataset_tuple: DatasetTuple,
    image_masks_fpath: str | Path,
    x_vars: Sequence[str] | None = None,
    pairplot_scatter_alpha: float = 0.005,
    dataset_tuple2: DatasetTuple | None = None,
    this_type: str = "accurate",
    verbose: bool = False,
) -> dict[str, np.ndarray]:
    """Compare where explanations of accurate and of inaccurate estimates agree, group by group, and draw it.

    Parameters
    ----------
    dataset_tuple, dataset_tuple2 : FilteredDataset
        Positive and negative rows, from :func:`age_audit.study.rows.filter_dataset`. Repeated rows count repeatedly.
    image_masks_fpath : path
        See :func:`age_audit.data.mask_files.load_positive_masks`.
    x_vars, pairplot_scatter_alpha
        Not used, nor were they in the published script.
    this_type : str
        ``"accurate"``, ``"inaccurate"`` or ``"observing"``; see :func:`age_audit.study.heatmaps.compared_heatmap`.
    verbose : bool
        Print every group and its size.

    Returns
    -------
    dict of str to ndarray of float, shape (224, 224)
        By group; NaN everywhere where one of the two has no face with a mask.

    Raises
    ------
    UsageError
        If the second tuple is missing, ``this_type`` is another word, or there is no mask for any face.

    Warns
    -----
    UserWarning
        Once, naming the groups without a face; and once if masks are missing.
    """
    if dataset_tuple2 is None:
        raise UsageError("expected dataset_tuple2, the negative rows from filter_dataset, got None")
    if this_type not in COMPARISONS:
        raise UsageError(f"expected this_type to be one of {', '.join(COMPARISONS)}, got {this_type!r}")
    by_group, rows, _, key, sizes = dataset_tuple
    rows2, key2, sizes2 = dataset_tuple2[1], dataset_tuple2[3], dataset_tuple2[4]
    for group in by_group if verbose else ():
        print(group)
        print("\tCohort size:", sizes[group])
    study.require_keys(rows, ("fname", key))
    study.require_keys(rows2, ("fname", key2))
    masks = _masks_of([*rows, *rows2], image_masks_fpath)
    if (rows or rows2) and not masks.fnames:
        raise UsageError(f"expected masks in {image_masks_fpath} or packed in metadatasets, found none of these faces")
    both = {group: min(sizes[group], sizes2.get(group, 0)) for group in by_group}
    _warn_of_few(both, by_group, 1, "heatmaps are NaN")
    sums, sums2 = _sums_by_group(rows, masks, key, by_group), _sums_by_group(rows2, masks, key2, by_group)
    heatmaps = {group: compared_heatmap(sums[group], sums2[group], this_type) for group in by_group}
    with style.applied():
        figure = style.open_figure(18.5, 4.5)
        words = {group: f"n = {sizes[group]:,} and {sizes2.get(group, 0):,}" for group in by_group}
        what = "sum of both" if this_type == "observing" else "difference"
        draw_heatmaps(figure, heatmaps, words, f"{what}, scaled")
        figure.suptitle(f"Masks of accurate and of inaccurate estimates ({this_type})")
    return heatmaps


def statistic_details(
    data: Iterable[Mapping],
    arg_race: str,
    age_min: float,
    age_max: float,
    gender: str,
    alpha: float = 1e-3,
    visualise: bool = False,
) -> dict:
    """As :func:`age_audit.study.normality.statistic_details`; ``visualise`` also draws the rounded estimates."""
    rows = list(data)
    if visualise:
        years = normality.rounded_estimates(rows, arg_race, age_min, age_max, gender)
        with style.applied():
            axes = style.open_figure(6, 4).subplots()
            draw_rounded_ages(axes, years, f"{gender}, {arg_race}, real age {age_min}–{age_max} years")
    return normality.statistic_details(rows, arg_race, age_min, age_max, gender, alpha)


def visualise_corr_gender(utkface_data: Iterable[Mapping] | pd.DataFrame) -> pd.DataFrame:
    """As :func:`age_audit.study.rows.gender_correlations`, drawn; one warning with fewer than two rows."""
    rows = utkface_data.to_dict("records") if isinstance(utkface_data, pd.DataFrame) else list(utkface_data)
    matrix = study.gender_correlations(rows)
    _warn_of_few({"all": len(rows)}, ["all"], 2, "correlations are NaN")
    with style.applied():
        figure = style.open_figure(9, 6)
        draw_correlations(figure, matrix).set_title(f"Correlations over {len(rows):,} rows")
    return matrix


def _masks_of(rows: Iterable[Mapping], pictures: str | Path) -> PackedMasks:
    return load_positive_masks(pictures, (row.get("fname") for row in rows))


def _sums_by_group(
    rows: Iterable[Mapping], masks: PackedMasks, key: str, groups: Iterable[str]
) -> dict[str, np.ndarray]:
    """Sum of the masks of every group, int64 of shape (224, 224), each face as often as there are rows of it."""
    place = {fname: i for i, fname in enumerate(masks.fnames)}
    return {group: cohort_sum(_members(rows, key, group), place, masks.positive)[0] for group in groups}


def _members(rows: Iterable[Mapping], key: str, group: str) -> list[Mapping]:
    return [row for row in rows if row.get(key) == group]


def _floats(rows: Iterable[Mapping], key: str, group: str) -> np.ndarray:
    return np.array([row.get(ACCURACY) for row in _members(rows, key, group)], dtype=float)


def _warn_of_few(sizes: Mapping[str, int], groups: Iterable[str], fewest: int, outcome: str) -> None:
    few = [f"{group} (n = {sizes[group]})" for group in groups if sizes[group] < fewest]
    if few:
        words = "no faces" if fewest == 1 else f"fewer than {fewest} faces"
        warnings.warn(f"{words}, so {outcome}: {', '.join(few)}", stacklevel=3)
