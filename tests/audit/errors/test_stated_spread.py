"""How many real ages lie within the stated spread."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.stated_spread import spread_coverage
from age_audit.stats.proportions import wilson_interval


def faces(errors, spreads, ages=50.0):
    errors = np.asarray(errors, dtype=float)
    frame = pd.DataFrame({"age_real": ages, "age_estimation": errors + ages, "age_spread": spreads})
    return frame.assign(age_range=pd.Categorical(["26–100"] * len(errors), ["0–12", "26–100"]))


def test_bounds_count_as_within():
    table = spread_coverage(faces([2, -2.01, 4, -4.01], 2))
    everyone = table[table["by"] == "all"]
    assert everyone["deviations"].tolist() == [1, 2] and everyone["n"].tolist() == [4, 4]
    assert everyone["share"].tolist() == [0.25, 0.75]
    assert everyone["low"].tolist() == pytest.approx([wilson_interval(1, 4)[0], wilson_interval(3, 4)[0]])
    assert everyone["expected"].tolist() == pytest.approx([0.6826895, 0.9544997])


def test_rows_by_age_range_and_by_tenths_of_the_spread():
    spreads = np.arange(400, 0, -1) / 10  # 0.1 to 40 years
    table = spread_coverage(faces(np.where(spreads <= 4, 9, 0), spreads))
    assert table["by"].tolist() == ["all"] * 2 + ["age_range"] * 4 + ["age_spread"] * 20
    tenths = table[(table["by"] == "age_spread") & (table["deviations"] == 1)]
    assert tenths["n"].tolist() == [40] * 10 and not tenths["few_faces"].any()
    assert tenths["group"].tolist()[:2] == ["0.1–4.0", "4.1–8.0"]
    assert tenths["share"].tolist() == [0] + [1] * 9
    assert tenths["median_spread"].tolist()[:2] == pytest.approx([2.05, 6.05])
    empty = table[(table["by"] == "age_range") & (table["group"] == "0–12")]
    assert empty["n"].tolist() == [0, 0] and empty["share"].isna().all()


def test_fewer_faces_make_fewer_parts():
    parts = [spread_coverage(faces(np.zeros(n), 1.0)).query("by == 'age_spread'")["n"].tolist() for n in (59, 60)]
    assert parts == [[59, 59], [30] * 4]


def test_few_faces_are_fewer_than_thirty():
    assert [spread_coverage(faces(np.zeros(n), 1.0))["few_faces"][0] for n in (29, 30)] == [True, False]


def test_faces_without_a_spread_or_an_exact_age_are_left_out():
    frame = faces([0, 0, 0], [1, np.nan, 1])
    frame.loc[2, "age_real"] = np.nan
    assert spread_coverage(frame)["n"].max() == 1


def test_certainty_is_right_only_without_an_error():
    assert spread_coverage(faces([0, 0.1], 0.0))["share"].tolist()[:2] == [0.5, 0.5]


def test_no_spread_no_table():
    frame = faces([0, 0], 1.0)
    assert spread_coverage(frame.drop(columns="age_spread")) is None
    assert spread_coverage(frame.assign(age_spread=np.nan)) is None
    assert spread_coverage(frame.assign(age_real=np.nan)) is None
