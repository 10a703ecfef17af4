"""Rates in NIST's definitions, by hand."""

import numpy as np
import pandas as pd

from age_audit.audit.gate.aev import aev_rates, mean_errors
from age_audit.core.randomness import Resampling


def row_of(table, **where):
    for column, value in where.items():
        table = table[table[column].astype(str) == str(value)]
    assert len(table) == 1
    return table.iloc[0]


def test_rates_by_hand():
    ages = [14] * 10 + [17] * 10 + [13] * 10 + [10] * 10 + [20] * 10 + [60] * 10
    estimates = [25.0] * 4 + [24.9] * 6 + [30] * 10  # at 14 and 17
    estimates += [13.0] * 3 + [16.99] * 2 + [12.99] * 2 + [17.0] * 3  # at 13: five within the range
    estimates += [14.0] * 9 + [np.nan] + [15.0] * 2 + [20.0] * 8 + [50.0] * 10
    table = aev_rates(pd.DataFrame({"age_real": ages, "age_estimation": estimates}), None)
    assert set(table["group"]) == {"all"}
    challenge = "Challenge-25 false positive"
    assert row_of(table, rate=challenge, ages="14–17")["share"] == 0.7
    assert row_of(table, rate=challenge, ages="14")["share"] == 0.4
    assert row_of(table, rate="child-range true positive")["faces"] == 5
    assert row_of(table, rate="child-range true positive")["n"] == 20
    below = row_of(table, rate="child-range false positive", ages="8–12")
    assert (below["n"], below["share"]) == (9, below["share"]) and np.isnan(below["share"])  # the tenth is not found
    above = row_of(table, rate="child-range false positive", ages="17–22")
    assert (above["n"], above["faces"]) == (20, 2)
    assert row_of(table, rate="child-range false positive", ages="all other ages")["n"] == 39


def test_sexes_apart_and_together():
    frame = pd.DataFrame({"age_real": [15] * 20, "gender_real": ["Female", "Male"] * 10})
    frame["age_estimation"] = [26.0, 15.0] * 10
    table = aev_rates(frame)
    of = {
        group: row_of(table, rate="Challenge-25 false positive", ages="15", group=group) for group in ("Female", "all")
    }
    assert of["Female"]["share"] == 1 and of["all"]["share"] == 0.5


def test_mean_errors_of_each_sex_and_year():
    frame = pd.DataFrame(
        {"age_real": [18.0, 18.9, 31, 30], "gender_real": "Male", "age_estimation": [20, 19.9, 99, 27]}
    )
    table = mean_errors(frame, resampling=Resampling(seed=1))
    assert len(table) == 2 * 13 and set(table["age"]) == set(range(18, 31))
    assert row_of(table, gender_real="Male", age=18)["value"] == 1.5
    assert row_of(table, gender_real="all", age=30)["n"] == 1 and table["n"].sum() == 2 * 3
