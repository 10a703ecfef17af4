"""Whether the estimates of a group look normally distributed: the study's table, arrays in, frames out.

The study calls the test *passed* when normality is rejected, and adds a chi-square test of the ages themselves against
their mean, as if they were counts. Both are kept as they were, under the names they had.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import scipy
from numpy.typing import ArrayLike

from age_audit.core.groups import feature_title
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.stats.normality import FEWEST_FOR_KURTOSIS, FEWEST_FOR_SKEW
from age_audit.study.rows import require_keys

STUDY_GROUPS = {"gender_real": GENDERS, "race_real": RACES}


def statistic_details(
    data: Iterable[Mapping], race: str, age_min: float, age_max: float, gender: str, alpha: float = 1e-3
) -> dict:
    """Describe the estimates of one group, in whole years, and test whether they are normally distributed.

    Null hypothesis of the first test (D'Agostino's and Pearson's K²): the estimates are a sample of a normal
    distribution. Of the second (chi-square): they are counts with one and the same expectation, which ages are not.

    Parameters
    ----------
    data : iterable of mapping
        Rows with ``race_real``, ``gender_real``, ``age_real`` and ``age_estimation``; those without an estimate or a
        real age are left out.
    race, gender : str
    age_min, age_max : float
        Of the real age, in years, both included.
    alpha : float
        Level of the test of normality.

    Returns
    -------
    dict
        ``age_min``, ``age_max``, ``race``, ``gender`` as given; ``mean`` and ``standard_deviation`` (of n, not
        n - 1) of the rounded estimates in years; ``normality_test_p_value``, ``normality_test_statistic``;
        ``n_participants``; ``kurtosis_test_n_greater_than_or_equal_to_20``; ``normality_test_passed``, which is
        True where normality is rejected, p < alpha; ``skew_test_samples_greater_than_or_equal_to_8``;
        ``k_test_statistic`` and ``k_test_p`` of the chi-square. Tests of fewer than 8 estimates are NaN, and so are
        mean and deviation of none.

    Warns
    -----
    UserWarning
        If there are fewer than 8 estimates.
    """
    labels = {"gender_real": gender, "race_real": race}
    details = _details(list(data), labels, age_min, age_max, alpha)
    _warn_of_small([details])
    return details


def statistic_details_for_age_range(
    data: Iterable[Mapping], age_range: Sequence[float], alpha: float = 1e-3
) -> pd.DataFrame:
    """:func:`statistic_details` of every gender and race, as a table.

    Parameters
    ----------
    data : iterable of mapping
    age_range : (age_min, age_max)
        In years, both included.
    alpha : float

    Returns
    -------
    DataFrame
        Ten rows: genders in the order of ``GENDERS``, within each the races in the order of ``RACES``.

    Warns
    -----
    UserWarning
        Once, naming all groups with fewer than 8 estimates.
    """
    table = statistic_details_of_groups(data, age_range, STUDY_GROUPS, alpha)
    _warn_of_small(table)
    return pd.DataFrame(table)


def statistic_details_of_groups(
    data: Iterable[Mapping], age_range: Sequence[float], groups: Mapping[str, Sequence[str]], alpha: float
) -> list[dict]:
    """:func:`statistic_details` of groups by other features, without a warning.

    Parameters
    ----------
    data, age_range, alpha
        As :func:`statistic_details_for_age_range`.
    groups : mapping of str to sequence of str
        The levels of every feature that groups are combined of, by column.

    Returns
    -------
    list of dict
        One for each combination of levels, those of the last feature changing fastest.
    """
    rows, (age_min, age_max) = list(data), age_range
    combined = (dict(zip(groups, levels, strict=True)) for levels in product(*groups.values()))
    return [_details(rows, labels, age_min, age_max, alpha) for labels in combined]


def rounded_estimates(data: Iterable[Mapping], race: str, age_min: float, age_max: float, gender: str) -> list[int]:
    """Estimates of a group in whole years, in the order of the rows; a half goes to the even neighbour."""
    return _rounded(data, {"gender_real": gender, "race_real": race}, age_min, age_max)


def _rounded(data: Iterable[Mapping], labels: Mapping[str, str], age_min: float, age_max: float) -> list[int]:
    return [
        round(row["age_estimation"])
        for row in data
        if all(row.get(column) == level for column, level in labels.items())
        and _is_number(row.get("age_real"))
        and age_min <= row["age_real"] <= age_max
        and _is_number(row.get("age_estimation"))
    ]


def _details(rows: list, labels: Mapping[str, str], age_min: float, age_max: float, alpha: float) -> dict:
    require_keys(rows, (*reversed(labels), "age_real", "age_estimation"))
    years = _rounded(rows, labels, age_min, age_max)
    (statistic, p), (chi_square, chi_square_p) = _tests(years)
    return {
        "age_min": age_min,
        "age_max": age_max,
        **{feature_title(column): labels[column] for column in reversed(labels)},
        "mean": float(np.mean(years)) if years else float("nan"),
        "standard_deviation": float(np.std(years)) if years else float("nan"),
        "normality_test_p_value": p,
        "normality_test_statistic": statistic,
        "n_participants": len(years),
        "kurtosis_test_n_greater_than_or_equal_to_20": len(years) >= FEWEST_FOR_KURTOSIS,
        "normality_test_passed": bool(p < alpha),
        "skew_test_samples_greater_than_or_equal_to_8": len(years) >= FEWEST_FOR_SKEW,
        "k_test_statistic": chi_square,
        "k_test_p": chi_square_p,
    }


def _tests(years: ArrayLike) -> tuple[tuple[float, float], tuple[float, float]]:
    """(statistic, p) of the test of normality and of the chi-square; NaN where they have no answer."""
    if len(years) < FEWEST_FOR_SKEW:
        return (math.nan, math.nan), (math.nan, math.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Fewer than 20, or all alike: n and the deviation stand in the same row.
        warnings.simplefilter("ignore")
        normality, chi_square = scipy.stats.normaltest(years), scipy.stats.chisquare(years)
    return tuple(map(float, normality)), tuple(map(float, chi_square))


def _warn_of_small(table: Iterable[Mapping]) -> None:
    small = [
        f"{' '.join(_levels(details))} (n = {details['n_participants']})"
        for details in table
        if details["n_participants"] < FEWEST_FOR_SKEW
    ]
    if small:
        warnings.warn(f"fewer than {FEWEST_FOR_SKEW} estimates, so tests are NaN: {', '.join(small)}", stacklevel=3)


def _levels(details: Mapping) -> list[str]:
    """The group of a row: what stands between the age range and the mean, the first feature first."""
    names = list(details)
    return [str(details[name]) for name in reversed(names[2 : names.index("mean")])]


def _is_number(value) -> bool:
    return value is not None and math.isfinite(value)
