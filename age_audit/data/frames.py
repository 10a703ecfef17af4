"""From rows and files to frames, one row a face: types, categories, and the columns that follow from others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from age_audit.core import schema
from age_audit.core.errors import UsageError
from age_audit.core.groups import _require, age_range_of, require_columns
from age_audit.core.metrics import absolute_error, signed_error, study_accuracy
from age_audit.core.vocabulary import GROUP_ORDER, REQUIRED_COLUMNS
from age_audit.data.columns import Part, is_number_column, parts_of
from age_audit.data.label_formats import label_from_utkface_name


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
        What ``metadataset_<name>_predictions.json`` holds; of it ``predictions`` {fname: age in years} is read.
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
    labels = [label_of(fname) for fname in predictions]
    values = (
        list(predictions),
        *([getattr(label, name) for label in labels] for name in ("age", "gender", "race")),
        list(predictions.values()),
    )
    return completed_frame(pd.DataFrame(dict(zip(REQUIRED_COLUMNS, values, strict=True)), dtype=object))


def frame_of_parts(parts: Iterable[Part]) -> pd.DataFrame:
    """As :func:`activations_frame`, of rows that come as columns, batch after batch."""
    frames, names = [], {}
    for frame, its_names in parts:
        frames.append(frame)
        names |= dict.fromkeys(its_names)
    if not any(map(len, frames)):
        return completed_frame(pd.DataFrame(columns=list(REQUIRED_COLUMNS)))
    _require(names, REQUIRED_COLUMNS)
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
        Every column of the rows, numbers as float, with ``gender_real`` and ``race_real`` as categories (the
        published groups first and in their order, then any other by name), and four columns filled in:
        ``age_range`` (see :func:`age_range_of`), ``signed_error`` and ``absolute_error`` in years, and
        ``age_estimation_accuracy`` (at most 1) wherever the rows do not bring one; an accuracy without a real age
        or without an estimate is taken out, so that figures and tables count the same faces.

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
    for column, order in GROUP_ORDER.items():
        frame[column] = _categories(frame[column], order)
    frame["age_range"] = age_range_of(frame["age_real"])
    frame["signed_error"] = signed_error(frame["age_estimation"], frame["age_real"])
    frame["absolute_error"] = absolute_error(frame["age_estimation"], frame["age_real"])
    computed = pd.Series(study_accuracy(frame["age_estimation"], frame["age_real"]), index=frame.index)
    frame["age_estimation_accuracy"] = frame["age_estimation_accuracy"].fillna(computed).where(computed.notna())
    return frame


def row_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Count the rows that can be used and those that cannot, by reason.

    Returns
    -------
    dict of str to int
        ``images`` = ``no_real_age`` + ``no_estimate`` + ``used`` (an image that lacks both counts as
        ``no_real_age``). Of those used, ``outside_age_ranges``, ``no_gender_real`` and ``no_race_real`` drop out of
        the groupings by that feature only, and one image may be in several of them.
    """
    require_columns(frame, (*REQUIRED_COLUMNS, "age_range"))
    has_age = np.isfinite(frame["age_real"])
    has_estimate = np.isfinite(frame["age_estimation"])
    used = frame.loc[has_age & has_estimate, ["age_range", "gender_real", "race_real"]]
    return {
        "images": len(frame),
        "no_real_age": int((~has_age).sum()),
        "no_estimate": int((has_age & ~has_estimate).sum()),
        "used": len(used),
        "outside_age_ranges": int(used["age_range"].isna().sum()),
        "no_gender_real": int(used["gender_real"].isna().sum()),
        "no_race_real": int(used["race_real"].isna().sum()),
    }


def _numbers(frame: pd.DataFrame, column: str) -> pd.Series:
    """The column as floats, infinities as missing; a UsageError naming the image whose value is no number."""
    try:
        numbers = pd.to_numeric(frame[column], errors="coerce").astype(float)
    except OverflowError:  # an integer beyond all floats is infinite, as JSON's 1e400 is
        numbers = pd.to_numeric(frame[column].map(_within_floats), errors="coerce").astype(float)
    wrong = numbers.isna() & frame[column].notna()
    if wrong.any():
        at = wrong.idxmax()
        raise UsageError(
            f"expected a number or null in {column}, got {frame[column][at]!r} for image {frame['fname'][at]!r}; "
            f"{int(wrong.sum())} row(s) are like that"
        )
    return numbers.where(np.isfinite(numbers))


def _within_floats(value: object) -> object:
    return np.inf if type(value) is int and abs(value) > sys.float_info.max else value


def _categories(values: pd.Series, order: Sequence[str]) -> pd.Categorical:
    """Text as categories: those of ``order`` first, then any others by name; an empty text is a missing label."""
    texts = values if isinstance(values.dtype, pd.StringDtype) else values.map(str, na_action="ignore")
    texts = texts.where(texts != "")
    others = sorted(set(texts.dropna().unique()) - set(order))
    return pd.Categorical(texts, categories=[*order, *others])
