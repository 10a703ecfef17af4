"""Do errors differ between groups? A rank test that can hold the real age equal.

Ranks, because errors have long tails; permutations, because groups may be of few faces, and because labels can be
dealt anew among faces of one age only. Groups of one age range still differ in age, and an estimator that errs with
age then errs by group, even if it treats faces of one age alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from age_audit.core.groups import ALL, feature_names, groups_of, require_columns
from age_audit.core.randomness import PERMUTATIONS, stream
from age_audit.stats.rank_tests import rank_test
from age_audit.stats.resampling import with_adjusted


def rank_tests(
    frame: pd.DataFrame,
    compared: str | Sequence[str],
    within: str | Sequence[str] = (),
    *,
    value: str = "signed_error",
    same: str | None = None,
    seed: int,
    permutations: int = PERMUTATIONS,
) -> pd.DataFrame:
    """Test whether a value differs between groups, within each level of other features.

    Null hypothesis: within the level (and, with ``same``, among faces of one year of it) which face belongs to which
    group is arbitrary. Without ``same`` the statistic is that of Kruskal and Wallis (1952). With it ranks are those
    of aligned values (Hodges and Lehmann 1962), and labels are dealt anew within each year only.

    Parameters
    ----------
    frame : DataFrame
        One row a face, with the columns named here.
    compared : str or sequence of str
        Features whose combinations are the groups.
    within : str or sequence of str
        Features within whose combinations they are compared.
    value : str
        Column of numbers.
    same : str, optional
        Column of ages in years; faces are compared with those of the same whole year.
    seed : int
    permutations : int

    Returns
    -------
    DataFrame
        One row for each combination of ``within``. Columns: those features; ``groups`` (with two faces or more; others
        are left out), ``n`` faces in them, ``n_comparable`` (without ``same``: all; with it: those of whose year
        another group has a face); ``smallest`` group's comparable faces; ``statistic`` H and ``epsilon_squared``
        (share of the ranks' variance that lies between groups, 0-1); ``expected_by_chance`` (its mean over the
        permutations);
        ``cliffs_delta`` where two groups are compared, the first against the second; ``p_value``, and ``p_holm`` and
        ``p_bh`` over all rows; ``few_faces`` (smallest below 30). NaN with fewer than two groups of two comparable
        faces, and for constant values.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    ValueError
        If no feature is compared.

    Examples
    --------
    >>> ages = {"signed_error": [1, 2, 3, 4, 5, 6], "gender_real": ["Male"] * 3 + ["Female"] * 3}
    >>> rank_tests(pd.DataFrame(ages), "gender_real", seed=1)[["groups", "n", "statistic", "cliffs_delta"]].round(2)
       groups  n  statistic  cliffs_delta
    0       2  6       3.86           1.0
    """
    compared, within = feature_names(compared), feature_names(within)
    if not compared:
        raise ValueError("expected at least one feature to compare groups by, got none")
    require_columns(frame, (value, *compared, *within, *([same] if same else [])))
    values = frame[value].to_numpy(dtype=float)
    years = np.floor(frame[same].to_numpy(dtype=float)) if same else np.zeros(len(frame))
    used = np.isfinite(values) & np.isfinite(years)
    codes = np.full(len(frame), -1)
    for code, (_, inside) in enumerate(groups_of(frame, compared)):
        codes[inside] = code
    rng = stream(seed, "rank tests")
    rows = []
    for labels, level in groups_of(frame, within):
        chosen = level & used & (codes >= 0)
        row = rank_test(values[chosen], codes[chosen], years[chosen], rng=rng, permutations=permutations)
        rows.append(labels | row)
    table = with_adjusted(pd.DataFrame(rows).assign(family=ALL), ["family"]).drop(columns="family")
    return table[[*within, *_COLUMNS]]


_COLUMNS = [
    *("groups", "n", "n_comparable", "smallest", "statistic", "epsilon_squared", "expected_by_chance"),
    *("cliffs_delta", "p_value", "p_holm", "p_bh", "few_faces"),
]
