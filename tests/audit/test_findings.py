"""Counts of findings, by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.findings import count_beyond, count_findings
from age_audit.core.errors import UsageError

TABLE = pd.DataFrame(
    {
        "kind": ["b", "b", "b", "a"],
        "p_value": [0.05, 0.051, np.nan, 0.001],
        "p_holm": [0.1, 0.1, np.nan, 0.001],
        "p_bh": [0.05, 0.051, np.nan, 0.001],
    }
)


def test_what_is_not_there_lies_beyond_nothing():
    nothing = pd.Series([np.nan] * 10)
    assert count_beyond(nothing, nothing, nothing) == (0, 0)
    values, low, high = pd.Series([0.3, -0.3, 0.1, 0.2]), pd.Series([-0.2] * 4), pd.Series([0.2, 0.2, np.nan, 0.2])
    assert count_beyond(values, low, high) == (2, 3)  # at the end is not beyond
    assert count_beyond(values, -np.inf, high) == (1, 3)


def test_counts():
    counted = count_findings(TABLE, ["kind"])
    assert counted.to_dict("list") == {
        "kind": ["b", "a"],
        "comparisons": [2, 1],
        "raw": [1, 1],
        "holm": [0, 1],
        "bh": [1, 1],
    }
    assert count_findings(TABLE, ["kind"], level=0.0005)["raw"].tolist() == [0, 0]
    levels = TABLE.assign(kind=pd.Categorical(TABLE["kind"], categories=["a", "b", "nobody"]))
    assert count_findings(levels, ["kind"])["kind"].tolist() == ["b", "a"]
    with pytest.raises(UsageError, match="p_holm"):
        count_findings(TABLE.drop(columns="p_holm"), ["kind"])
