"""Rows collected batch by batch, against one frame of all rows at once."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.data import columns
from age_audit.data.columns import is_number_column, parts_of
from age_audit.data.frames import activations_frame

VALUES = {
    "fname": ["a.jpg", "b.jpg", "", None, 7, 1.5],
    "age_real": [3, 4.5, None, float("nan"), "12", "old", True, -(2**70), float("inf")],
    "race_real": ["Asian", "", None, 3, True],
    "activation_nose_from_all": [0.25, 1, None],
    "note": ["x", None, 3, [1, 2], {"a": 1}, False],
}


def joined(parts):
    return pd.concat([frame for frame, _ in parts], ignore_index=True)


def some_rows(rng, count, kinds):
    """Rows whose values are of the first kinds of each column, and which lack some keys."""
    return [
        {name: values[rng.integers(min(kinds, len(values)))] for name, values in VALUES.items() if rng.random() < 0.9}
        for _ in range(count)
    ]


@pytest.mark.parametrize("kinds", [1, 2, 3, 4, 10])
def test_the_same_values_as_all_at_once(kinds, monkeypatch):
    rng = np.random.default_rng(kinds)
    for _ in range(20):
        rows = some_rows(rng, 12, kinds)
        expected = pd.DataFrame(rows)
        for size in (1, 5, 12):
            monkeypatch.setattr(columns, "BATCH", size)
            found = joined(parts_of(rows))
            assert list(found) == list(expected)
            for name in expected:
                if is_number_column(name):  # given their types later; numbers among texts may be floats already
                    numbers = pd.to_numeric(expected[name], errors="coerce").astype(float)
                    pd.testing.assert_series_equal(pd.to_numeric(found[name], errors="coerce").astype(float), numbers)
                else:
                    there = expected[name].notna()
                    assert found[name].notna().equals(there)
                    assert found[name][there].tolist() == expected[name][there].tolist()


def test_wanted_columns_only_but_all_are_named():
    rows = [{"fname": "a.jpg", "age_real": 3}, {"fname": "b.jpg", "activation_nose_from_all": 0.5}]
    ((frame, names),) = parts_of(rows, ("age_real", "never"))
    assert frame["age_real"].tolist()[0] == 3
    assert list(frame) == ["age_real"]
    assert list(names) == ["fname", "age_real", "activation_nose_from_all"]


def test_rows_without_any_wanted_column_count():
    ((frame, _),) = parts_of([{"note": 1}, {}], ("age_real",))
    assert len(frame) == 2


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_an_integer_beyond_all_floats_is_missing(value):
    rows = [{"fname": "a.jpg", "gender_real": "Male", "race_real": "Asian", "age_real": 3, "age_estimation": 4}]
    frame = activations_frame([*rows, rows[0] | {"age_real": value}])
    assert frame["age_real"].isna().tolist() == [False, True]


def test_rows_are_drawn_once_and_a_batch_at_a_time():
    drawn = []
    parts = parts_of({"age_real": drawn.append(i) or i} for i in range(25_000))
    next(parts)
    assert len(drawn) == columns.BATCH
    assert sum(len(frame) for frame, _ in parts) == 15_000
    assert list(parts_of([])) == []


def test_a_stray_row():
    with pytest.raises(UsageError, match=r"every row to be an object.*'b\.jpg'"):
        list(parts_of([{"fname": "a.jpg"}, "b.jpg"]))
