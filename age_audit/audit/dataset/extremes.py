"""Images beyond the ends of a measure: the darkest, the most blurred, and whose pictures these mostly are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.audit.dataset.description import measures_in
from age_audit.core.groups import groups_of, require_columns
from age_audit.stats.proportions import share_columns

# Of images at each end: 1 %, and 0.15 %, about what lies beyond three standard deviations of a normal distribution.
TAILS = (0.01, 0.0015)
SIDES = ("lowest", "highest")


def thresholds(
    frame: pd.DataFrame, measures: Sequence[str] | None = None, tails: Sequence[float] = TAILS
) -> pd.DataFrame:
    """The value beyond which the lowest and the highest images of each measure lie.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with the measures.
    measures : sequence of str
        Columns of numbers; by default :func:`.description.measures_in` the frame.
    tails : sequence of float
        Shares of images, above 0 and below 0.5.

    Returns
    -------
    DataFrame
        One row for each measure, tail and side. Columns: ``measure``, ``tail`` (0-1), ``side`` (lowest, highest), ``n``
        images that have the measure, ``threshold`` (in its unit, interpolated linearly), and how many are ``beyond``,
        not counting those that equal it: none where more than that share have the lowest value of all. NaN of fewer
        images than one in that share, for no such threshold can be told of them.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        For a tail that is no such share.

    Examples
    --------
    >>> thresholds(pd.DataFrame({"luminance": range(101)}), ["luminance"], [0.025])
         measure   tail     side    n  threshold  beyond
    0  luminance  0.025   lowest  101        2.5       3
    1  luminance  0.025  highest  101       97.5       3
    """
    if wrong := [tail for tail in tails if not 0 < tail < 0.5]:
        raise ValueError(f"expected tails above 0 and below 0.5, shares of images, got {wrong}")
    measures = measures_in(frame) if measures is None else list(measures)
    require_columns(frame, measures)
    rows = []
    for measure in measures:
        values = _numbers(frame[measure])
        n = int(values.count())
        for tail in tails:
            for side, q in zip(SIDES, (tail, 1 - tail), strict=True):
                threshold = values.quantile(q) if n * tail >= 1 else np.nan
                beyond = int(_is_beyond(values, threshold, side).sum())
                rows.append((measure, tail, side, n, threshold, beyond))
    return pd.DataFrame(rows, columns=["measure", "tail", "side", "n", "threshold", "beyond"])


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column).astype(float)


def _is_beyond(values: pd.Series, threshold: float, side: str) -> pd.Series:
    return values < threshold if side == SIDES[0] else values > threshold


def extremes(
    frame: pd.DataFrame, measures: Sequence[str] | None = None, tails: Sequence[float] = TAILS
) -> pd.DataFrame:
    """Which images are beyond the thresholds.

    Parameters
    ----------
    frame : DataFrame
        As :func:`thresholds`, with ``fname``.
    measures, tails
        As :func:`thresholds`.

    Returns
    -------
    DataFrame
        One row for each image, measure and side that it is beyond, the most extreme first. Columns: ``measure``,
        ``side``, ``fname``, ``value``, ``tail``: the smallest that it is in.

    Raises
    ------
    UsageError, ValueError
        As :func:`thresholds`.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(101)], "luminance": range(101)})
    >>> extremes(frame, ["luminance"], [0.025, 0.01]).query("side == 'lowest'")
         measure    side  fname  value   tail
    0  luminance  lowest  0.jpg    0.0  0.010
    1  luminance  lowest  1.jpg    1.0  0.025
    2  luminance  lowest  2.jpg    2.0  0.025
    """
    require_columns(frame, ("fname",))
    tables = [pd.DataFrame(columns=["measure", "side", "fname", "value", "tail"])]
    ends = thresholds(frame, measures, sorted(tails))
    for (measure, side), rows in ends.groupby(["measure", "side"], sort=False):
        values = _numbers(frame[measure])
        tail = pd.Series(np.nan, index=frame.index)
        for row in rows.itertuples():  # the smallest tail first
            tail[_is_beyond(values, row.threshold, side) & tail.isna()] = row.tail
        found = frame[["fname"]].assign(value=values, tail=tail).dropna(subset="tail")
        found = found.sort_values(["value", "fname"], ascending=[side == SIDES[0], True])
        if len(found):
            tables.append(found.assign(measure=measure, side=side)[tables[0].columns])
    return pd.concat(tables[1:] or tables, ignore_index=True)


def extremes_by_group(frame: pd.DataFrame, found: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Whose images are beyond: who leaves out the extremes of a measure may leave out one group more than another.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with ``fname``, once each, the features and the measures that are found.
    found : DataFrame
        From :func:`extremes` of these images.
    features : sequence of str
        Columns; every combination of their levels is a group, and ``"all"`` of each.

    Returns
    -------
    DataFrame
        One row for each measure, side, tail and group; a tail holds the smaller ones. Columns: ``measure``, ``side``,
        ``tail``, the features, ``n`` (images of the group that have the measure), how many are ``beyond``, and their
        ``share`` (0-1) with ``low`` and ``high``, the ends of Wilson's interval of 95 %.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(100)], "luminance": range(100)})
    >>> frame["gender_real"] = ["Female"] * 40 + ["Male"] * 60
    >>> table = extremes_by_group(frame, extremes(frame, ["luminance"], [0.02]), ["gender_real"])
    >>> table.loc[table["side"] == "lowest", ["gender_real", "n", "beyond", "share"]]
      gender_real    n  beyond  share
    0      Female   40       2   0.05
    1        Male   60       0   0.00
    2         all  100       2   0.02
    """
    require_columns(frame, ("fname", *features, *found["measure"].unique()))
    rows = []
    for (measure, side), here in found.groupby(["measure", "side"], sort=False):
        measured = frame[measure].notna().to_numpy()
        for tail in sorted(found["tail"].unique(), reverse=True):
            beyond = frame["fname"].isin(here.loc[here["tail"] <= tail, "fname"]).to_numpy()
            for labels, inside in groups_of(frame, features, features):
                counted = {"n": int((inside & measured).sum()), "beyond": int((inside & beyond).sum())}
                rows.append({"measure": measure, "side": side, "tail": tail} | labels | counted)
    table = pd.DataFrame(rows, columns=["measure", "side", "tail", *features, "n", "beyond"])
    return table.assign(**share_columns(table["beyond"], table["n"]))
