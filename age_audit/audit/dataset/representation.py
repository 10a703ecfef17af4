"""Who is in the data more often, or more seldom, than in a population that it should speak for?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.groups import feature_column, in_order, real_ages, require_columns
from age_audit.core.randomness import CONFIDENCE
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.proportions import wilson_interval

_AGES = ("age_from", "age_to")


def beside_population(frame: pd.DataFrame, population: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """The share of each cell in the data beside its share in a population.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with ``age_real`` and the labels that the population has.
    population : DataFrame
        From :func:`age_audit.data.population.read_population`: ``age_from``, ``age_to`` (years, both included), labels
        (``gender``, ``race`` or columns of the frame) and ``share`` (sums to 1).
    confidence : float
        Coverage of all intervals together, between 0 and 1.

    Returns
    -------
    DataFrame
        One row a cell, in the population's order. Columns: ``age_from``, ``age_to`` (NaN of no end), the labels as
        columns of the frame; ``images``; ``share`` of the images that are in any cell (0-1); its ``low`` and ``high``;
        ``expected``, the population's share; ``ratio`` of both, with ``ratio_low`` and ``ratio_high`` (NaN where none
        is expected); ``differs``: whether the interval leaves out what is expected; ``few_faces`` (fewer than 30).
        Images that no cell fits, for want of a label or an age (unless every cell is of all ages), are left out: how
        many is the frame's length less the sum of ``images``.

    Raises
    ------
    UsageError
        If a label of the population is no column of the frame, or one of its groups is none of the frame's.

    Notes
    -----
    Intervals are Goodman's for the shares of a multinomial (Technometrics 7, 1965): Wilson's, each with its error
    divided by the number of cells, so that all hold at once. The population's shares are taken for known.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [5] * 30 + [40] * 70, "gender_real": ["Male", "Female"] * 50})
    >>> population = pd.DataFrame({"age_from": [0, 18], "age_to": [17, np.inf], "share": [0.2, 0.8]})
    >>> beside_population(frame, population).round(2)[["age_from", "images", "share", "expected", "ratio", "differs"]]
       age_from  images  share  expected  ratio  differs
    0         0      30    0.3       0.2   1.50     True
    1        18      70    0.7       0.8   0.87     True
    """
    features = {name: feature_column(name) for name in population if name not in (*_AGES, "share")}
    require_columns(frame, ("age_real", *features.values()))
    require_columns(population, (*_AGES, "share"))
    for name, column in features.items():
        _check_groups(frame[column], population[name], name)
    renamed = population.rename(columns=features)
    aged = bool((population["age_from"] > 0).any() or np.isfinite(population["age_to"]).any())
    inside = (_inside(frame, cell, list(features.values()), aged) for _, cell in renamed.iterrows())
    images = np.array([chosen.sum() for chosen in inside])
    counted = np.full(len(images), images.sum())
    low, high = wilson_interval(images, counted, 1 - (1 - confidence) / len(images))
    expected = renamed["share"].to_numpy(dtype=float)
    share = images / np.where(counted > 0, counted, np.nan)
    asked = np.where(expected > 0, expected, np.nan)
    table = renamed.drop(columns="share").assign(images=images, share=share, low=low, high=high, expected=expected)
    table["age_to"] = table["age_to"].replace(np.inf, np.nan)
    return table.assign(
        ratio=share / asked,
        ratio_low=low / asked,
        ratio_high=high / asked,
        differs=(expected < low) | (expected > high),
        few_faces=images < FEW_FACES,
    ).reset_index(drop=True)


def _check_groups(column: pd.Series, groups: pd.Series, name: str) -> None:
    known = in_order(column.dropna().astype(str).unique())
    if isinstance(column.dtype, pd.CategoricalDtype):
        known = list(map(str, column.cat.categories))  # of some of which there may be no image
    if unknown := [group for group in groups.unique() if group not in known]:
        raise UsageError(
            f"the population table: expected {name} to be one of {', '.join(known) or 'no group'}, as the images are "
            f"labelled; got {', '.join(map(repr, unknown))}; spell them alike, or leave the column out"
        )


def _inside(frame: pd.DataFrame, cell: pd.Series, features: list[str], aged: bool) -> np.ndarray:
    """Images whose age, in completed years, and labels are those of a cell; of a range of ages, all of it."""
    inside = np.ones(len(frame), dtype=bool)
    if aged:
        lowest, highest = (np.floor(ages) for ages in real_ages(frame))
        inside = (lowest >= cell["age_from"]) & (highest <= cell["age_to"])
    for name in features:
        inside &= (frame[name].astype("string") == cell[name]).fillna(False).to_numpy(dtype=bool)
    return inside
