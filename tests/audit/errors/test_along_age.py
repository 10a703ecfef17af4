"""Estimates by real age, the slope, and which range is taken for which."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api

from age_audit.audit.errors.along_age import (
    BEYOND,
    age_slope,
    confusion,
    estimates_by_age,
    labels_of_alike,
    with_exact_age,
)
from age_audit.stats.proportions import wilson_interval


def faces(ages, estimates):
    return pd.DataFrame({"age_real": ages, "age_estimation": estimates}, dtype=float)


def test_years_are_taken_together_until_there_are_enough():
    table = estimates_by_age(faces([2, 5, 6, 6, 9, 11, 30], [1, 3, 2, 8, 7, 9, 20]), smallest=2)
    assert table[["age_low", "age_high", "n"]].to_numpy().tolist() == [[2, 5, 2], [6, 6, 2], [9, 30, 3]]
    assert table["median"].tolist() == [2, 5, 9] and table["age_mean"].tolist() == pytest.approx([3.5, 6, 50 / 3])
    assert table["p10"].tolist() == pytest.approx([1.2, 2.6, 7.4])
    assert table["p90"].tolist() == pytest.approx([2.8, 7.4, 17.8])


def test_few_faces_are_one_row():
    assert estimates_by_age(faces([1, 50], [1, 50]))["n"].tolist() == [2]
    assert estimates_by_age(faces([], [])).empty


def test_who_is_judged_older_leaves_out_those_judged_right():
    row = estimates_by_age(faces([10] * 5, [10, 11, 12, 13, 9])).iloc[0]
    assert row["share_judged_older"] == 0.75
    assert row["share_judged_older_low"] == wilson_interval(3, 4)[0]


def test_ages_that_are_ranges_are_left_out():
    frame = faces([10, np.nan, 30], [12, 25, np.nan]).assign(age_real_low=[np.nan, 20, np.nan])
    assert with_exact_age(frame)["age_real"].tolist() == [10]


def test_slope_and_its_interval_as_statsmodels_has_them():
    rng = np.random.default_rng(5)
    age = rng.integers(0, 90, 60)
    frame = faces(age, 12 + 0.6 * age + rng.normal(0, 1 + age / 10))
    fit = statsmodels.api.OLS(frame["age_estimation"], statsmodels.api.add_constant(frame["age_real"]))
    fit = fit.fit(cov_type="HC3", use_t=True)
    assert age_slope(frame) == pytest.approx((fit.params["age_real"], *fit.conf_int().loc["age_real"]))
    assert age_slope(frame, 0.5)[1] > age_slope(frame)[1]


def test_no_slope_of_two_faces_or_of_one_age():
    with np.errstate(all="raise"):
        for frame in (faces([1, 2], [1, 2]), faces([3, 3, 3], [1, 2, 3])):
            assert np.isnan(age_slope(frame)).tolist() == [True] * 3


def test_three_faces_of_two_ages_have_a_slope():
    assert age_slope(faces([3, 3, 4], [1, 3, 7]))[0] == pytest.approx(5)
    with np.errstate(all="raise"):  # the last face alone says where the line goes
        slope, low, high = age_slope(faces([0, 0, 0, 90], [4, 5, 6, 50]))
    assert slope == pytest.approx(0.5) and low < slope < high


def test_confusion_by_completed_years():
    frame = faces([12.9, 13, 18, 17, np.nan, 40], [12.99, 13.0, 12.99, 104, 15, np.nan])
    table = confusion(frame, [(0, 12), (13, 18), (19, 100)])
    square = table.pivot_table("faces", "age_range", "estimated_range", sort=False)
    assert square.columns.tolist() == ["0–12", "13–18", "19–100", BEYOND]
    assert square.to_numpy().tolist() == [[1, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0]]
    assert table["n"].tolist() == [1] * 4 + [3] * 4 + [0] * 4
    row = table.iloc[4]
    assert (row["share"], row["low"], row["high"]) == pytest.approx((1 / 3, *wilson_interval(1, 3)))
    assert table["few_faces"].all() and np.isnan(table["share"].iloc[-1])


def test_estimates_in_no_range_have_a_column_where_they_count():
    ranges = [(0, 12), (13, 18)]
    assert BEYOND in set(confusion(faces([5], [104]), ranges)["estimated_range"])
    assert BEYOND not in set(confusion(faces([90, 5], [104, 5]), ranges)["estimated_range"])


def test_few_faces_of_a_range_are_fewer_than_thirty():
    frame = faces([5] * 29 + [15] * 30, [5] * 59)
    assert confusion(frame, [(0, 12), (13, 18)])["few_faces"].tolist() == [True, True, False, False]


def test_a_range_of_ages_counts_where_all_of_it_lies_in_one():
    frame = faces([np.nan, np.nan], [21, 21]).assign(age_real_low=[20, 10], age_real_high=[29, 19])
    assert confusion(frame, [(0, 12), (13, 99)]).query("faces > 0")["age_range"].tolist() == ["13–99"]


def test_faces_judged_alike_are_those_within_reach_and_thirty_of_them():
    alike = faces(list(range(31)), [40.0] * 31)
    beyond = faces([90] * 50, [42.6] * 50)
    found = labels_of_alike(pd.concat([alike, beyond]), 40.0)
    assert found == {"n": 31, "p10": 3.0, "median": 15.0, "p90": 27.0}
    assert labels_of_alike(pd.concat([alike, beyond]), 40.1)["n"] == 81  # 42.6 is 2.5 away
    few = labels_of_alike(alike[:29], 40.0)
    assert few["n"] == 29 and np.isnan(few["median"])
