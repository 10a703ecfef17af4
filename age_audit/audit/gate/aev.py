"""Rates of NIST's evaluation of age estimation and verification (FATE AEV), in its own definitions, on other photos.

NIST IR 8525 and the page of that evaluation (https://pages.nist.gov/frvt/html/frvt_age_estimation.html) tell of each
algorithm the mean absolute error by sex and year of age from 18 to 30; how many aged 14 to 17 are estimated at 25 or
older (Challenge 25); and for services for children how many aged 13 to 16 are estimated within that range (true
positives), and how many of other ages are (false positives). NIST's photos are from visas, border crossings, police and
immigration offices, with verified ages. Numbers on other photos are not comparable with NIST's, only among each other.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from age_audit.audit.errors.groups import estimates_of
from age_audit.audit.errors.nist import AGES
from age_audit.audit.gate.rates import FALSE_PASS, Ages, passed, shown_shares, within
from age_audit.core.groups import ALL, groups_of, require_columns
from age_audit.core.measures import MAE
from age_audit.core.policy import Policy
from age_audit.core.randomness import Resampling

CHALLENGE_25 = Policy("Challenge 25", 18, 7, "error")
CHILD_RANGE = (13, 16)  # completed years, both included
NOT_COMPARABLE = "not comparable with NIST's: other photos, and ages that nobody verified"
_CHALLENGED = [("14–17", 14, 17), *((f"{age}", age, age) for age in range(14, 18))]
# The page says "outside the allowed age range"; which ages were asked there depends on the photos that NIST has.
_OUTSIDE = [("8–12", 8, 12), ("17–22", 17, 22)]


def mean_errors(frame: pd.DataFrame, *, resampling: Resampling, sex: str = "gender_real") -> pd.DataFrame:
    """Mean absolute errors of each sex and year of age, 18 to 30.

    Parameters
    ----------
    frame : DataFrame
        ``age_real``, ``age_estimation`` (years) and the column of sexes.
    resampling : Resampling
        How intervals are drawn.
    sex : str

    Returns
    -------
    DataFrame
        A row a sex (and ``"all"``) and year: the column of sexes, ``age``, ``n``, ``value`` (years), ``low``, ``high``,
        ``few_faces``. The one number of an algorithm, the mean over the cells of both sexes, is
        :func:`age_audit.audit.errors.nist.mean_over_cells`.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [20] * 4, "age_estimation": [21, 23, 20, 20], "gender_real": list("FFMM")})
    >>> table = mean_errors(faces, resampling=Resampling(seed=1))
    >>> table.loc[table["n"] > 0, ["gender_real", "age", "n", "value"]]
       gender_real  age  n  value
    2            F   20  2    2.0
    15           M   20  2    0.0
    28         all   20  4    1.0
    """
    require_columns(frame, ("age_real", "age_estimation", sex))
    age = np.floor(frame["age_real"].to_numpy(dtype=float))
    years = pd.Categorical(np.where(np.isin(age, AGES), age, np.nan), categories=list(AGES))
    table = estimates_of(frame.assign(age=years), [sex, "age"], [sex], resampling=resampling)
    return table[table["measure"] == MAE.key].drop(columns=["measure", "method"]).reset_index(drop=True)


def aev_rates(frame: pd.DataFrame, sex: str | None = "gender_real") -> pd.DataFrame:
    """Challenge-25 false positives at 14 to 17, and true and false positives of the range of 13 to 16.

    Parameters
    ----------
    frame : DataFrame
        ``age_real`` and ``age_estimation`` (years), and the column of sexes. A face that is not found is no estimate,
        and in no rate. An estimate is within 13 to 16 from 13 to just below 17.
    sex : str, optional
        None: all faces only.

    Returns
    -------
    DataFrame
        A row for each rate, ages and sex (``"all"`` last). Columns: ``rate``, ``ages``, ``group`` (the sex), ``n``,
        ``faces``, ``share`` with Wilson's ``low`` and ``high``, ``few_faces``; no numbers of fewer than ten faces. The
        false positives of the range are told of those just outside it, 8 to 12 and 17 to 22 years, and of all others.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": [15] * 10 + [20] * 10, "age_estimation": [16.9] * 6 + [26] * 12 + [16] * 2})
    >>> table = aev_rates(faces, sex=None)
    >>> table.loc[table["n"] > 0, ["rate", "ages", "n", "share"]].to_string(index=False).splitlines()[1:4]
    ['Challenge-25 false positive 14–17 10    0.4', 'Challenge-25 false positive    15 10    0.4', ...
    """
    features = [] if sex is None else [sex]
    require_columns(frame, ("age_real", "age_estimation", *features))
    estimate = frame["age_estimation"].to_numpy(dtype=float)
    in_range = (estimate >= CHILD_RANGE[0]) & (estimate < CHILD_RANGE[1] + 1)
    older = passed(frame, CHALLENGE_25) == 1
    children = within(frame, Ages(FALSE_PASS, "", *CHILD_RANGE))
    asked = [("Challenge-25 false positive", label, _at(frame, *ends), older) for label, *ends in _CHALLENGED]
    asked.append(("child-range true positive", "13–16", children, in_range))
    outside = [(label, _at(frame, *ends)) for label, *ends in _OUTSIDE]
    outside.append(("all other ages", _at(frame, 0, CHILD_RANGE[0] - 1) | _at(frame, CHILD_RANGE[1] + 1, 200)))
    asked += [("child-range false positive", label, of, in_range) for label, of in outside]
    rows = []
    for rate, label, of, counted in asked:
        for labels, group in groups_of(frame, features, features):
            inside = of & group & ~np.isnan(estimate)
            row = {"rate": rate, "ages": label, "group": labels.get(sex, ALL)}
            rows.append(row | {"n": int(inside.sum()), "faces": int((inside & counted).sum())})
    return shown_shares(pd.DataFrame(rows))


def _at(frame: pd.DataFrame, low: int, high: int) -> np.ndarray:
    return within(frame, Ages("", "", low, high))
