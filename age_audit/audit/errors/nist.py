"""The mean absolute error as NIST's evaluation of age estimation states it: of young adults, all ages alike.

NIST IR 8525 (Hanaoka et al. 2024) gives one number for an algorithm: the mean of the mean absolute errors in cells of
one year of age, 18 to 30, and sex. Every cell counts alike, so the ages of a data set do not matter; what does is whose
photos these are. Numbers on other photos than NIST's are not comparable with NIST's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.core.groups import levels, real_ages, require_columns
from age_audit.core.metrics import absolute_error
from age_audit.core.randomness import Resampling
from age_audit.stats.resampling import combination_interval

AGES = range(18, 31)  # years


def mean_over_cells(
    frame: pd.DataFrame, *, resampling: Resampling, sex: str = "gender_real", ages: Sequence[int] = AGES
) -> dict:
    """Mean of the mean absolute errors in cells of sex and year of age, with a bootstrap interval.

    Faces are drawn anew within each cell. Faces whose age is a range are in no cell.

    Parameters
    ----------
    frame : DataFrame
        With ``age_real`` and ``age_estimation`` (years) and the column of sexes.
    resampling : Resampling
        How the interval is drawn.
    sex : str
    ages : sequence of int

    Returns
    -------
    dict
        ``n`` faces in ``cells``, how many ``cells_without_faces``, ``n_smallest_cell``; ``mean_absolute_error`` (years)
        with ``low`` and ``high``. No number, but NaN, where a cell of the two sexes has no face; no interval where
        one has under three.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"gender_real": ["Male"] * 4 + ["Female"], "age_real": [20] * 5})
    >>> answer = mean_over_cells(faces.assign(age_estimation=[21, 21, 21, 21, 26]), resampling=Resampling(1), ages=[20])
    >>> answer["n"], answer["cells"], answer["mean_absolute_error"]  # men 1, women 6: alike
    (5, 2, 3.5)
    """
    require_columns(frame, ("age_real", "age_estimation", sex))
    lowest, highest = real_ages(frame)
    errors = absolute_error(frame["age_estimation"], lowest, highest)
    known = np.isfinite(errors) & (lowest == highest)
    completed, groups = np.floor(lowest), list(levels(frame[sex]))
    groups += [None] * (2 - len(groups))  # where a sex is missing, so are its cells
    inside = [known & (completed == age) & (frame[sex] == group).to_numpy() for group in groups for age in ages]
    cells = [errors[cell][None] for cell in inside]
    sizes = [cell.shape[1] for cell in cells] or [0]
    answer = {"n": sum(sizes), "cells": len(cells), "cells_without_faces": sizes.count(0)}
    answer |= {"n_smallest_cell": min(sizes), "mean_absolute_error": np.nan, "low": np.nan, "high": np.nan}
    if min(sizes):
        name = np.concatenate(cells, axis=1).tobytes()
        found = combination_interval(cells, [1 / len(cells)] * len(cells), **resampling.for_intervals(name))
        answer |= {"mean_absolute_error": found.value.item(), "low": found.low.item(), "high": found.high.item()}
    return answer
