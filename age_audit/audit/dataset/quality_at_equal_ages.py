"""Errors along the quality of pictures at equal ages: the sharpest pictures are of the old, who are judged worse."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from age_audit.audit.dataset.quality_and_error import BANDS, quality_bands
from age_audit.audit.errors.equal_ages import standardised_within
from age_audit.core.groups import ALL, require_columns
from age_audit.core.measures import MAE
from age_audit.core.randomness import Resampling

_BAND = "band"
_NAMED = {"crude": "as_they_are", "crude_low": "as_they_are_low", "crude_high": "as_they_are_high"}
_COLUMNS = ("n", "value", "low", "high", *_NAMED.values(), "age_gap", "few_faces")


def error_by_band_at_equal_ages(
    frame: pd.DataFrame,
    measures: Sequence[str],
    sensitive_features: Sequence[str] = (),
    ages: str = "age_real",
    *,
    resampling: Resampling,
) -> pd.DataFrame:
    """Mean absolute error in each fifth of each measure of quality, as if all fifths had the ages of all of them.

    Parameters
    ----------
    frame : DataFrame
        One row a face: ``age_real``, ``age_estimation``, the measures, the features and ``ages``.
    measures : sequence of str
        Columns; fifths are over all faces that were measured, so that a band means the same for every group.
    sensitive_features : sequence of str
        Columns, each taken alone; within a group fifths get the ages of that group.
    ages : str
        Column of years or bands of age.
    resampling : Resampling
        How intervals are drawn.

    Returns
    -------
    DataFrame
        One row a measure of quality, feature, group and band. Columns: ``quality``, ``feature`` (``"all"`` for all
        faces), ``group``, ``band``, ``measure``, ``n``, ``value`` at equal ages (years) with ``low`` and ``high``,
        ``as_they_are`` with ``…_low`` and ``…_high``, ``age_gap`` (years by which mean ages still differ) and
        ``few_faces``. There is no value where ages stay too different, as
        :func:`age_audit.audit.errors.equal_ages.standardised_within` says.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    The sharpest pictures are of old faces, which are judged worse; at equal ages blur harms all along:

    >>> age = pd.Series([*[20] * 10, *[60] * 30, *[20] * 30, *[60] * 10, *[20, 60] * 60])
    >>> blur = pd.Series([level for level in (1, 2, 3, 4, 5) for _ in range(40)])
    >>> frame = pd.DataFrame({"age_real": age, "blur": blur, "age_estimation": 1.1 * age + blur})
    >>> table = error_by_band_at_equal_ages(frame, ["blur"], resampling=Resampling(1, 99))
    >>> table[["band", "n", "as_they_are", "value"]].round(1)
               band   n  as_they_are  value
    0  lowest fifth  40          6.0    5.0
    1  second fifth  40          5.0    6.0
    2  middle fifth  40          7.0    7.0
    3  fourth fifth  40          8.0    8.0
    4  highest fifth  40          9.0    9.0
    """
    require_columns(frame, ("age_real", "age_estimation", *measures, *sensitive_features, ages))
    parts = []
    for quality in measures:
        banded = frame.assign(**{_BAND: quality_bands(frame[quality])}).dropna(subset=[_BAND])
        for feature in (ALL, *sensitive_features):
            control = () if feature == ALL else feature
            table = standardised_within(banded, _BAND, ages, control, resampling=resampling, measures=[MAE.key])
            table = table.rename(columns={"standardised": "value", **_NAMED})
            group = ALL if feature == ALL else table[feature]
            part = table.assign(quality=quality, feature=feature, group=group)
            parts.append(part[(part["group"] != ALL) | (feature == ALL)])
    found = pd.concat(parts, ignore_index=True)
    found = found[found[_BAND].isin(BANDS)]  # of bands together nothing is asked
    return found[["quality", "feature", "group", _BAND, "measure", *_COLUMNS]].reset_index(drop=True)
