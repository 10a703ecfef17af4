"""Does an estimator know how sure it is? Its stated spread beside its actual errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy

from age_audit.audit.errors.along_age import with_exact_age
from age_audit.core.groups import ALL, groups_of, require_columns
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.proportions import share_columns

DEVIATIONS = (1, 2)
DECILES = 10


def spread_coverage(frame: pd.DataFrame) -> pd.DataFrame | None:
    """How many real ages lie within one and two stated standard deviations of the estimate.

    Were the estimator as sure as it says, and its errors normally distributed, 68.3 and 95.4 % would.

    Parameters
    ----------
    frame : DataFrame
        With ``age_real``, ``age_estimation``, ``age_spread`` (the standard deviation of the estimator's distribution
        over ages; all in years) and ``age_range``. Faces that lack one of the first three, or whose age is a range, are
        left out.

    Returns
    -------
    DataFrame or None
        None without such a face. Else rows for all faces, by age range, and by tenths of the faces in order of
        their stated spread (fewer parts, of at least 30 faces, where there are not enough). Columns: ``by``
        (``"all"``, ``"age_range"``, ``"age_spread"``), ``group`` (of spreads: the least and the largest, in years),
        ``median_spread`` (years), ``deviations`` (1 or 2), ``n``, ``share`` (0-1) with Wilson's interval ``low`` and
        ``high``, ``expected`` and ``few_faces`` (n below 30).

    Raises
    ------
    UsageError
        If another column is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [20, 30, 40, 50], "age_estimation": [21, 33, 49, 50]})
    >>> frame = frame.assign(age_spread=[2.0, 2, 3, 3], age_range="20–59")
    >>> table = spread_coverage(frame)
    >>> table.loc[table["by"] == "all", ["deviations", "n", "share", "expected"]].round(3)
       deviations  n  share  expected
    0           1  4   0.50     0.683
    1           2  4   0.75     0.954
    """
    require_columns(frame, ("age_real", "age_estimation", "age_range"))
    faces = with_exact_age(frame).dropna(subset="age_spread") if "age_spread" in frame else frame[:0]
    if faces.empty:
        return None
    parts = min(DECILES, len(faces) // FEW_FACES)
    tenths = np.argsort(np.argsort(faces["age_spread"], kind="stable"), kind="stable") * parts // len(faces)
    bys = {ALL: [], "age_range": ["age_range"], "age_spread": ["age_spread"]}
    errors = (faces["age_estimation"] - faces["age_real"]).abs()
    rows = []
    for by, features in bys.items():
        for labels, inside in groups_of(faces.assign(age_spread=tenths), features):
            spread = faces["age_spread"][inside]
            group = f"{spread.min():.1f}–{spread.max():.1f}" if by == "age_spread" else labels.get(by, ALL)
            row = {"by": by, "group": group, "median_spread": spread.median()}
            for k in DEVIATIONS:
                rows.append(row | {"deviations": k, "n": len(spread), "faces": (errors[inside] <= k * spread).sum()})
    table = pd.DataFrame(rows)
    expected = 2 * scipy.stats.norm.cdf(table["deviations"]) - 1
    table = table.assign(
        **share_columns(table["faces"], table["n"]), expected=expected, few_faces=table["n"] < FEW_FACES
    )
    return table.drop(columns="faces")
