"""How much of what a table of many comparisons finds is left after adjusting for their number."""

from __future__ import annotations

import pandas as pd

from age_audit.core.groups import require_columns

LEVEL = 0.05


def count_beyond(values: pd.Series, low: pd.Series | float, high: pd.Series | float) -> tuple[int, int]:
    """How many numbers lie below the low or above the high end beside them, and of how many: NaN is no comparison.

    Examples
    --------
    >>> count_beyond(pd.Series([0.5, 0.1, None, -0.5]), pd.Series([-0.2, -0.2, -0.2, None]), 0.2)
    (1, 2)
    """
    compared = values.notna() & pd.notna(low) & pd.notna(high)
    return int((compared & ((values < low) | (values > high))).sum()), int(compared.sum())


def count_findings(table: pd.DataFrame, by: list[str], level: float = LEVEL) -> pd.DataFrame:
    """Count the comparisons whose p-value is at most the level, raw and adjusted.

    Parameters
    ----------
    table : DataFrame
        With ``p_value``, ``p_holm`` and ``p_bh``; a row without a p-value is no comparison.
    by : list of str
        Columns; their combinations are counted apart, in the order in which they first occur.
    level : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        The columns of ``by``, ``comparisons``, and ``raw``, ``holm`` and ``bh``: how many are at or below the level.
        By chance alone ``level`` times ``comparisons`` of the raw ones are expected to be.

    Examples
    --------
    >>> table = pd.DataFrame({"measure": ["MAE"] * 3, "p_value": [0.01, 0.04, 0.30]})
    >>> table = table.assign(p_holm=[0.03, 0.08, 0.30], p_bh=[0.03, 0.06, 0.30])
    >>> count_findings(table, ["measure"])
      measure  comparisons  raw  holm  bh
    0     MAE            3    2     1   1
    """
    require_columns(table, (*by, "p_value", "p_holm", "p_bh"))
    counted = table[by].assign(
        comparisons=table["p_value"].notna(),
        **{name: table[column] <= level for name, column in (("raw", "p_value"), ("holm", "p_holm"), ("bh", "p_bh"))},
    )
    return counted.groupby(by, sort=False, observed=True, as_index=False).sum()
