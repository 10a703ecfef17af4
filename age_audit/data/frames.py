"""From rows and files to frames, one row a face: types, categories, and the columns that follow from others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from age_audit.core import schema
from age_audit.core.errors import UsageError
from age_audit.core.groups import (
    _require,
    age_range_of,
    check_features,
    check_groups,
    compared_by,
    feature_column,
    feature_title,
    in_order,
    real_ages,
    require_columns,
)
from age_audit.core.metrics import absolute_error, signed_error, study_accuracy
from age_audit.core.vocabulary import GROUP_ORDER, REQUIRED_COLUMNS, STUDY_FEATURES
from age_audit.data.columns import Part, is_number_column, parts_of
from age_audit.data.label_formats import label_from_utkface_name
from age_audit.data.metadatasets import columns_of, label_fields


def activations_frame(rows: Iterable[Mapping]) -> pd.DataFrame:
    """Turn the rows of an activations file into a frame, one row an image, in the order they came.

    Parameters
    ----------
    rows : iterable of mapping
        Objects of ``metadataset_<name>_activations.json``, read once. Any value may be None; a key that only some
        rows have is missing in the others.

    Returns
    -------
    DataFrame
        As :func:`completed_frame`.

    Raises
    ------
    UsageError
        If a row is not an object, a required column is missing from all rows, or a number is not a number.
    """
    return frame_of_parts(parts_of(rows))


def predictions_frame(
    metadataset: Mapping, label_of: Callable[[str], schema.FaceLabel] = label_from_utkface_name
) -> pd.DataFrame:
    """Turn a predictions metadataset into a frame, one row an image: enough for all that asks about errors alone.

    Parameters
    ----------
    metadataset : mapping
        What ``metadataset_<name>_predictions.json`` holds; of it ``predictions`` {fname: age in years} is read, and
        ``age_spread`` (years) and ``probability_female`` (0-1) where they are there.
    label_of : callable
        From file name to labels; by default as UTKFace names its files. For others
        :meth:`age_audit.data.label_formats.LabelSource.label`.

    Returns
    -------
    DataFrame
        As :func:`completed_frame`, in the order of the file.

    Raises
    ------
    UsageError
        If there is no object ``predictions``, or an age is no number.
    """
    predictions = metadataset.get("predictions")
    if not isinstance(predictions, Mapping):
        raise UsageError(
            f"expected an object 'predictions' from file name to age, got {type(predictions).__name__}; the keys "
            f"present begin with: {', '.join(map(str, islice(metadataset, 12))) or 'none at all'}"
        )
    labels = [label_fields(label_of(fname)) for fname in predictions]
    columns = {"fname": list(predictions)} | {
        name: [label.get(name) for label in labels] for name in columns_of(labels)
    }
    columns["age_estimation"] = list(predictions.values())
    for name in ("age_spread", "probability_female"):
        if values := metadataset.get(name):
            columns[name] = [values.get(fname) for fname in predictions]
    return completed_frame(pd.DataFrame(columns, dtype=object))


def frame_of_parts(parts: Iterable[Part], features: Sequence[str] = ()) -> pd.DataFrame:
    """As :func:`activations_frame`, of rows that come as columns, batch after batch; the features have to be there."""
    frames, names = [], {}
    for frame, its_names in parts:
        frames.append(frame)
        names |= dict.fromkeys(its_names)
    if not any(map(len, frames)):
        return completed_frame(pd.DataFrame(columns=list(REQUIRED_COLUMNS)))
    _require(names, REQUIRED_COLUMNS)
    refuse_unknown_features(features, names)
    return completed_frame(pd.concat(frames, ignore_index=True))


def completed_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of an activations file their types, and fill in those that follow from them.

    Parameters
    ----------
    frame : DataFrame
        The values as they are in the file, at least in :data:`REQUIRED_COLUMNS`.

    Returns
    -------
    DataFrame
        Every column of the rows, numbers as float, with ``gender_real`` and ``race_real`` as categories (see
        :func:`age_audit.core.groups.in_order`), and four columns filled in: ``age_range`` (see :func:`grouped`),
        ``signed_error`` and ``absolute_error`` in years, and ``age_estimation_accuracy`` (at most 1) wherever the rows
        do not bring one; an accuracy without a real age or without an estimate is taken out, so that figures and
        tables count the same faces.

    Raises
    ------
    UsageError
        If a required column is missing from all rows, or a number is not a number.
    """
    require_columns(frame, REQUIRED_COLUMNS)
    frame = frame.copy()
    if "age_estimation_accuracy" not in frame:
        frame["age_estimation_accuracy"] = np.nan
    for column in filter(is_number_column, frame.columns):
        frame[column] = _numbers(frame, column)
    frame = grouped(frame, STUDY_FEATURES)
    both = frame["age_estimation"], *real_ages(frame)
    frame["signed_error"], frame["absolute_error"] = signed_error(*both), absolute_error(*both)
    computed = pd.Series(study_accuracy(*both), index=frame.index)
    frame["age_estimation_accuracy"] = frame["age_estimation_accuracy"].fillna(computed).where(computed.notna())
    return frame


def grouped(
    frame: pd.DataFrame, sensitive: Sequence[str] | None = None, ranges: Sequence[Sequence[int]] = schema.AGE_RANGES
) -> pd.DataFrame:
    """Sort the faces into groups and age ranges of one's own.

    Parameters
    ----------
    frame : DataFrame
        From :func:`completed_frame`.
    sensitive : sequence of str, optional
        Features to compare groups by: ``gender``, ``race`` or any other column of the labels.
    ranges : sequence of (low, high)
        Age ranges in years, both included, not overlapping.

    Returns
    -------
    DataFrame
        The same faces, with a category for each group of each feature, and ``age_range`` by the ranges.

    Raises
    ------
    UsageError
        If there is no such column.
    """
    columns = [feature_column(name) for name in check_features(sensitive or ())]
    refuse_unknown_features(columns, [name for name in frame if name in columns or frame[name].notna().any()])
    lowest, highest = real_ages(frame)
    groups = {column: _categories(frame[column]) for column in columns}
    return frame.assign(**groups, age_range=age_range_of(lowest, ranges, highest))


_ERRORS = ("signed_error", "absolute_error")


def refuse_unknown_features(columns: Iterable[str], present: Iterable[str]) -> None:
    """Raise a UsageError that names what faces can be compared by, unless all the columns are among that."""
    there = [name for name in present if not (is_number_column(name) or name in ("fname", "age_range", *_ERRORS))]
    if missing := [column for column in columns if column not in there]:
        choices = ", ".join(map(feature_title, there)) or "of which there is none"
        raise UsageError(
            f"expected sensitive features among the columns of the labels, {choices}; got {', '.join(missing)}; choose "
            "among these, or add it to the labels as a column"
        )


def row_counts(frame: pd.DataFrame, sensitive: Sequence[str] | None = None) -> dict[str, int]:
    """Count the rows that can be used and those that cannot, by reason; by default of race and gender.

    Returns
    -------
    dict of str to int
        ``images`` = ``no_real_age`` + ``no_estimate`` + ``used`` (an image that lacks both counts as
        ``no_real_age``). Of those used, ``outside_age_ranges`` and ``no_<feature>`` drop out of
        the groupings by that feature only, and one image may be in several of them. Where labels are ranges of ages,
        ``age_as_range`` is how many of those used.
    """
    columns = compared_by(frame, STUDY_FEATURES if sensitive is None else sensitive)
    require_columns(frame, (*REQUIRED_COLUMNS, "age_range", *columns))
    has_age = np.isfinite(real_ages(frame)[0])
    has_estimate = np.isfinite(frame["age_estimation"].to_numpy())
    used = frame[has_age & has_estimate]
    as_range = int(used["age_real"].isna().sum())
    return {
        "images": len(frame),
        "no_real_age": int((~has_age).sum()),
        "no_estimate": int((has_age & ~has_estimate).sum()),
        "used": len(used),
        **({"age_as_range": as_range} if as_range else {}),
        "outside_age_ranges": int(used["age_range"].isna().sum()),
        **{f"no_{column}": int(used[column].isna().sum()) for column in sorted(columns)},
    }


def _numbers(frame: pd.DataFrame, column: str) -> pd.Series:
    """The column as floats, infinities as missing; a UsageError naming the image whose value is no number."""
    try:
        numbers = pd.to_numeric(frame[column], errors="coerce").astype(float)
    except OverflowError:  # an integer beyond all floats is infinite, as JSON's 1e400 is
        numbers = pd.to_numeric(frame[column].map(_within_floats), errors="coerce").astype(float)
    wrong = numbers.isna() & frame[column].notna()
    if frame[column].dtype in (object, bool):
        wrong |= frame[column].map(lambda value: isinstance(value, bool))  # true would be an age of 1
    if wrong.any():
        at = wrong.idxmax()
        raise UsageError(
            f"expected a number or null in {column}, got {frame[column][at]!r} for image {frame['fname'][at]!r}; "
            f"{int(wrong.sum())} row(s) are like that"
        )
    return numbers.where(np.isfinite(numbers))


def _within_floats(value: object) -> object:
    return np.inf if type(value) is int and abs(value) > sys.float_info.max else value


def _categories(values: pd.Series) -> pd.Categorical:
    """Text as categories, see :func:`in_order`; an empty text is a missing label."""
    texts = values if isinstance(values.dtype, pd.StringDtype) else values.map(str, na_action="ignore")
    texts = texts.where(texts != "")
    groups = in_order(texts.dropna().unique(), GROUP_ORDER.get(values.name, ()))
    check_groups(feature_title(values.name), groups)
    return pd.Categorical(texts, categories=groups)
