"""Appendix A as the study has it: mean, deviation and two tests of every age range, gender and race."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import pandas as pd

from age_audit.core.vocabulary import AGE_RANGES
from age_audit.study.normality import STUDY_GROUPS, statistic_details_of_groups


def published_table(
    rows: Iterable[Mapping],
    alpha: float = 0.05,
    groups: Mapping[str, Sequence[str]] = STUDY_GROUPS,
    ranges: Sequence[Sequence[int]] = tuple(AGE_RANGES),
) -> pd.DataFrame:
    """The study's columns for every age range, gender and race.

    Parameters
    ----------
    rows : iterable of mapping
        With ``race_real``, ``gender_real``, ``age_real`` and ``age_estimation``.
    alpha : float
        Level of the test of normality.
    groups
        As :func:`age_audit.study.normality.statistic_details_of_groups`.
    ranges : sequence of (low, high)
        In years, both included.

    Returns
    -------
    DataFrame
        :func:`age_audit.study.normality.statistic_details_for_age_range` of the age ranges, one below the other: 40
        rows of the study's. Tests of fewer than 8 estimates are NaN without a warning, since n stands beside them.
    """
    rows = list(rows)
    parts = [statistic_details_of_groups(rows, age_range, groups, alpha) for age_range in ranges]
    return pd.DataFrame(list(chain.from_iterable(parts)))


def published_verdicts(tables: Mapping[str, pd.DataFrame], alpha: float = 0.05) -> pd.DataFrame:
    """What the study's tables say in all, for each set of faces.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From :func:`published_table`, by what their faces are called.
    alpha : float
        Level of the chi-square.

    Returns
    -------
    DataFrame
        One row a table: ``faces``, ``participants`` (all groups together), ``groups``, ``smallest_n`` and
        ``largest_n`` of a group, ``tested`` (8 estimates or more), ``passed`` (normality rejected),
        ``k_test_below_alpha``, and ``largest_difference_of_means`` of the estimates of two groups of one age range
        (years).
    """
    rows = []
    for name, table in tables.items():
        n = table["n_participants"]
        row = {"faces": name, "participants": n.sum(), "groups": len(table)}
        row |= {"smallest_n": n.min(), "largest_n": n.max()}
        row["tested"] = int(table["normality_test_p_value"].notna().sum())
        row["passed"] = int(table["normality_test_passed"].sum())
        row["k_test_below_alpha"] = int((table["k_test_p"] < alpha).sum())
        means = table.groupby("age_min")["mean"].agg(["min", "max"])
        rows.append(row | {"largest_difference_of_means": (means["max"] - means["min"]).max()})
    return pd.DataFrame(rows)


def age_range_names(table: pd.DataFrame) -> list[str]:
    """Age ranges of the study's table as the audit names them, such as ``"0–12"``."""
    return [f"{low}–{high}" for low, high in zip(table["age_min"], table["age_max"], strict=True)]
