"""Images counted by group and age."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.sample import faces_by_age
from age_audit.core.errors import UsageError

FRAME = pd.DataFrame(
    {
        "age_real": [0, 4.9, 5, 14, np.nan, 9],
        "race_real": ["Asian", "Asian", "Other", "Other", "Other", None],
        "gender_real": ["Male", "Female", "Male", "Male", "Male", "Male"],
        "estimated": [True, False, True, True, True, True],
        "explained": [True, False, False, True, True, True],
    }
)


def test_bands_begin_at_multiples_and_hold_their_last_year():
    table = faces_by_age(FRAME, width=5)
    assert table.to_dict("list") == {
        "age_low": [0, 5, 10],
        "age_high": [4, 9, 14],
        "images": [2, 2, 1],
        "estimated": [1, 2, 1],
        "explained": [1, 1, 1],
    }


def test_bands_of_a_year_unless_asked_otherwise():
    table = faces_by_age(FRAME)
    assert table["age_low"].tolist() == table["age_high"].tolist() == list(range(15))
    assert table["images"].tolist() == [1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert table["images"].dtype.kind == table["estimated"].dtype.kind == "i"


def test_every_group_has_every_band():
    table = faces_by_age(FRAME, ["race_real", "gender_real"], width=10)
    assert len(table) == 2 * 2 * 2
    groups = table.groupby(["race_real", "gender_real"])["images"].sum().to_dict()
    assert groups == {("Asian", "Female"): 1, ("Asian", "Male"): 1, ("Other", "Female"): 0, ("Other", "Male"): 2}
    assert list(zip(table["age_low"], table["age_high"], strict=True))[:2] == [(0, 9), (10, 19)]


def test_a_range_of_ages_is_spread_over_its_years():
    frame = pd.DataFrame({"age_real": [np.nan, 12], "age_real_low": [8, np.nan], "age_real_high": [11, np.nan]})
    table = faces_by_age(frame, width=5)
    assert table["age_low"].tolist() == [5, 10]
    assert table["images"].tolist() == [0.5, 1.5]
    thirds = faces_by_age(pd.DataFrame({"age_real": [np.nan], "age_real_low": [9], "age_real_high": [11]}), width=5)
    assert thirds["images"].tolist() == [0.333333333, 0.666666667]  # nine digits


def test_outcomes_that_nobody_knows_are_no_columns():
    assert list(faces_by_age(FRAME.drop(columns=["estimated", "explained"]))) == ["age_low", "age_high", "images"]


def test_no_ages_no_rows():
    assert faces_by_age(FRAME.assign(age_real=np.nan), ["race_real"]).empty
    with pytest.raises(UsageError, match="skin"):
        faces_by_age(FRAME, ["skin"])
