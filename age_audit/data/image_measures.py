"""What the data set's audit found of each picture, as a frame, and beside what an estimator said of it."""

from __future__ import annotations

from glob import escape
from pathlib import Path

import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.data.columns import is_number_column
from age_audit.data.metadatasets import read_metadataset, reading
from age_audit.data.parquet import read_partitions
from age_audit.data.region_scores import files_there, partitions_folder

# Keys of a row, beside its name and labels.
OF_PICTURE = (
    *("width", "height", "mode", "format", "orientation", "grey", "pixels", "dhash", "phash", "variance"),
    *("unique_colours", "entropy", "luminance", "laplacian_variance", "fft_blur", "brisque"),
)
OF_CROP = ("luminance", "laplacian_variance", "fft_blur")  # exposure and blur of the face, whatever is around it
OF_FACE = (
    *("faces_found", "eye_distance", "individual_typology_angle", "skin_tone", "skin_lightness"),
    *("yaw", "pitch", "roll", *(f"face_{name}" for name in OF_CROP)),
)
MEASURED = (*OF_PICTURE, *OF_FACE, "cluster", "reason")
KIND = "images"
TEXTS = ("fname", "gender_real", "race_real", "mode", "format", "pixels", "dhash", "phash", "skin_tone", "reason")


def images_of(metadatasets: str | Path, dataset: str) -> Path:
    """The folder that holds the measures of a data set's pictures.

    Parameters
    ----------
    metadatasets : path
        It and the folders below it are looked through, at any depth; one that lies less deep comes first.
    dataset : str

    Raises
    ------
    UsageError
        If there is none, or more than one at the least depth.
    """
    names = (f"metadataset_{escape(dataset)}_{KIND}.{end}" for end in ("json", "json.gz", "parquet"))
    folders = sorted({path.parent for name in names for path in Path(metadatasets).rglob(name)})
    found = [folder for folder in folders if len(folder.parts) == min(len(other.parts) for other in folders)]
    if len(found) != 1:
        raise UsageError(
            f"expected one metadataset_{dataset}_{KIND}.json in {metadatasets} and below, found "
            f"{' and '.join(map(str, found)) or 'none'}; write it by age-audit dataset, or name its folder"
        )
    return found[0]


def read_image_measures(folder: Path, dataset: str) -> pd.DataFrame:
    """The rows of ``metadataset_<dataset>_images.json`` (or ``.parquet``), as ``age-audit dataset`` writes them.

    Returns
    -------
    DataFrame
        One row a picture, in the order of the file: ``fname``, the labels, and its measures as numbers, NaN where
        there is none; ``cluster`` Int64, ``grey`` boolean; ``reason`` ``""`` where nothing failed.

    Raises
    ------
    UsageError
        Without such a file, or where it is no list of objects that have a name each.
    """
    if files_there(folder, dataset, KIND) == [path := partitions_folder(folder, dataset, KIND)]:
        with reading(path, KIND):
            return _typed(pd.concat([frame for frame, _ in read_partitions(path)], ignore_index=True))
    rows = read_metadataset(folder, dataset, KIND)
    named = isinstance(rows, list) and all(isinstance(row, dict) and isinstance(row.get("fname"), str) for row in rows)
    if not named:
        raise UsageError(
            f"expected a list of objects with an fname each in metadataset_{dataset}_{KIND}.json of {folder}, got "
            "something else; write it by age-audit dataset"
        )
    return _typed(pd.DataFrame(rows))


def is_number(name: str) -> bool:
    """Whether a column of measures holds numbers, by its name; a label of one's own holds text.

    Examples
    --------
    >>> is_number("luminance"), is_number("skin_tone"), is_number("camera")
    (True, False, False)
    """
    return is_number_column(name) or (name in MEASURED and name not in TEXTS)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame.columns.difference([*TEXTS, "grey", "cluster"]):
        if pd.api.types.is_object_dtype(frame[name]) and frame[name].isna().all():
            frame[name] = frame[name].astype(float)
    frame["reason"] = frame.get("reason", pd.Series(index=frame.index, dtype=object)).fillna("")
    for name, kind in (("grey", "boolean"), ("cluster", "Int64")):
        if name in frame:
            frame[name] = frame[name].astype(kind)
    return frame


def with_image_measures(frame: pd.DataFrame, measures: pd.DataFrame) -> pd.DataFrame:
    """Estimates with the measures of their pictures.

    Parameters
    ----------
    frame : DataFrame
        One row a face with ``fname``, such as :func:`age_audit.data.frames.predictions_frame` makes.
    measures : DataFrame
        Of :func:`read_image_measures`; its labels are not taken. Of pictures of one name the one that was read counts.

    Returns
    -------
    DataFrame
        The rows of ``frame`` whose picture was measured, in their order.

    Raises
    ------
    UsageError
        If two pictures of one name were measured, or a column of ``frame`` is called like a measure.

    Examples
    --------
    >>> estimates = pd.DataFrame({"fname": ["a.jpg", "b.jpg"], "age_estimation": [20.0, 30.0]})
    >>> with_image_measures(estimates, pd.DataFrame({"fname": ["b.jpg"], "luminance": [99.5]}))
       fname  age_estimation  luminance
    0  b.jpg            30.0       99.5
    """
    measures = once_each(measures)
    _refuse_columns_called_like_measures(frame)
    of_pictures = measures[["fname", *measures.columns.difference(frame.columns, sort=False)]]
    return frame.merge(of_pictures, on="fname", how="inner", validate="one_to_one")


def _refuse_columns_called_like_measures(frame: pd.DataFrame) -> None:
    """Raise a UsageError that names them: a label called entropy, say, would be taken for the picture's."""
    if taken := [name for name in frame.columns if name in MEASURED]:
        raise UsageError(
            f"expected labels beside the estimates that no measure of a picture is called like, got "
            f"{', '.join(map(repr, taken))}; rename these columns of the labels and run stage 1 again"
        )


def clusters_of(fnames: pd.Series, measures: pd.DataFrame) -> pd.Series:
    """Which cluster of copies each picture belongs to; one that was not measured is alone in its own.

    Parameters
    ----------
    fnames : Series of str
    measures : DataFrame
        With ``fname`` and ``cluster``. Of pictures of one name the one that was read counts.

    Returns
    -------
    Series of int
        Numbers from 0 as in ``measures``, below 0 where there are none; indexed as ``fnames``.

    Raises
    ------
    UsageError
        If two pictures of one name were measured.

    Examples
    --------
    >>> measured = pd.DataFrame({"fname": ["a.jpg", "b.jpg"], "cluster": [7, 7]})
    >>> clusters_of(pd.Series(["b.jpg", "x.jpg", "a.jpg", "y.jpg"]), measured).tolist()
    [7, -2, 7, -4]
    """
    found = fnames.map(once_each(measures).set_index("fname")["cluster"]).astype("Float64")
    alone = pd.Series(range(-1, -len(fnames) - 1, -1), index=fnames.index, dtype="Float64")
    return found.fillna(alone).astype(int)


def once_each(measures: pd.DataFrame) -> pd.DataFrame:
    """Without the pictures that were not read because another one of their name was, so that none counts twice.

    Raises
    ------
    UsageError
        If two pictures of one name were measured.

    Examples
    --------
    >>> measured = pd.DataFrame({"fname": ["a.jpg", "a.jpg", "b.jpg"], "reason": ["read/duplicate-name", "", ""]})
    >>> once_each(measured)
       fname reason
    1  a.jpg
    2  b.jpg
    """
    if "reason" in measures:
        unread = measures["reason"].astype("string").str.startswith("read/").fillna(False).astype(bool)
        measures = measures[~(unread & measures["fname"].duplicated(keep=False))]
    if (twice := measures["fname"][measures["fname"].duplicated()]).size:
        raise UsageError(f"expected each file name once, got {twice.iloc[0]!r} again; leave one of its rows out")
    return measures
