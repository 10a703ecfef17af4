"""Rows collected batch by batch, against one frame of all rows at once."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.data.columns import Columns, collect, is_number_column

VALUES = {
    "fname": ["a.jpg", "b.jpg", "", None, 7, 1.5],
    "age_real": [3, 4.5, None, float("nan"), "12", "old", True, -(2**70), float("inf")],
    "race_real": ["Asian", "", None, 3, True],
    "activation_nose_from_all": [0.25, 1, None],
    "note": ["x", None, 3, [1, 2], {"a": 1}, False],
}


def all_at_once(rows):
    return pd.DataFrame([dict(row) for row in rows])


def in_batches(rows, size, wanted=None):
    columns = Columns(wanted)
    for start in range(0, len(rows), size):
        columns.add_rows(rows[start : start + size])
    return columns.frame()


def some_rows(rng, count, kinds):
    """Rows whose values are of the first kinds of each column, and which lack some keys."""
    return [
        {name: values[rng.integers(min(kinds, len(values)))] for name, values in VALUES.items() if rng.random() < 0.9}
        for _ in range(count)
    ]


@pytest.mark.parametrize("kinds", [1, 2, 3, 4, 10])
def test_the_same_frame_as_all_at_once(kinds):
    rng = np.random.default_rng(kinds)
    for _ in range(20):
        rows = some_rows(rng, 12, kinds)
        expected = all_at_once(rows)
        for size in (1, 5, 12):
            found = in_batches(rows, size)
            assert list(found) == list(expected)
            for name in expected:
                if is_number_column(name):  # given their types later; numbers among texts may be floats already
                    numbers = pd.to_numeric(expected[name], errors="coerce").astype(float)
                    pd.testing.assert_series_equal(pd.to_numeric(found[name], errors="coerce").astype(float), numbers)
                else:
                    pd.testing.assert_series_equal(found[name], expected[name])


def test_wanted_columns_only_but_all_are_named():
    rows = [{"fname": "a.jpg", "age_real": 3}, {"fname": "b.jpg", "activation_nose_from_all": 0.5}]
    columns = Columns(("age_real", "never"))
    columns.add_rows(rows)
    assert columns.frame()["age_real"].tolist()[0] == 3
    assert list(columns.frame()) == ["age_real"]
    assert list(columns.names) == ["fname", "age_real", "activation_nose_from_all"]


def test_rows_and_columns_mix():
    columns = Columns()
    columns.add_columns({"fname": ["a.jpg"], "age_real": np.array([3.0])}, 1)
    columns.add_rows([{"fname": "b.jpg", "race_real": "Asian"}])
    columns.add_columns({"age_real": np.array([np.nan, 5.0])}, 2)
    assert columns.length == 4
    rows = [{"fname": "a.jpg", "age_real": 3}, {"fname": "b.jpg", "race_real": "Asian"}, {}, {"age_real": 5}]
    pd.testing.assert_frame_equal(columns.frame(), all_at_once(rows))


def test_an_integer_beyond_all_floats():
    for values in ([10**400, -(10**400), None], ["old", 10**400]):
        (found,) = in_batches([{"age_real": value} for value in values], 5).to_numpy().T
        assert [value for value in found if isinstance(value, float) and np.isinf(value)]


def test_rows_are_drawn_once():
    rows = ({"age_real": i} for i in range(25_000))
    assert collect(rows).frame()["age_real"].tolist() == list(range(25_000))
    assert collect([]).length == 0


def test_a_stray_row():
    with pytest.raises(UsageError, match=r"every row to be an object.*'b\.jpg'"):
        collect([{"fname": "a.jpg"}, "b.jpg"])
