"""Constant guesses by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.baselines import ESTIMATOR, ONE_AGE, OWN_AGE, constant_guesses
from age_audit.core.groups import ALL
from age_audit.core.randomness import Resampling
from age_audit.data.frames import completed_frame


def frame_of(ages, estimates):
    columns = {"fname": [f"{i}.jpg" for i in range(len(ages))], "age_real": ages, "age_estimation": estimates}
    return completed_frame(pd.DataFrame(columns | {"gender_real": None, "race_real": None}))


# Two children of 2 and 4, three adults of 30, 40 and 80, one face beyond the ranges.
HAND = frame_of([2, 4, 30, 40, 80, 105], [12, 14, 30, 45, 60, 105])


def table_of(frame, draws=99):
    return constant_guesses(frame, resampling=Resampling(1, draws)).set_index(["age_range", "guess"])


def test_guessed_ages_are_medians():
    guessed = table_of(HAND)["guessed_age"]
    assert guessed["0–12", ONE_AGE] == guessed[ALL, ONE_AGE] == 35
    assert (guessed["0–12", OWN_AGE], guessed["26–100", OWN_AGE]) == (3, 40)
    assert np.isnan(guessed[ALL, OWN_AGE]) and guessed.xs(ESTIMATOR, level="guess").isna().all()


def test_scores_by_hand():
    table = table_of(HAND)
    children = table.loc["0–12"]
    assert children["mean_absolute_error"].to_dict() == {ESTIMATOR: 10, ONE_AGE: 32, OWN_AGE: 1}
    assert children["study_accuracy"].to_dict() == pytest.approx({ESTIMATOR: 0.9, ONE_AGE: 0.68, OWN_AGE: 0.99})
    assert children["share_positive"].to_dict() == {ESTIMATOR: 0, ONE_AGE: 0, OWN_AGE: 1}  # 0.90 is not above 0.90
    assert children["cumulative_score_5"].to_dict() == {ESTIMATOR: 0, ONE_AGE: 0, OWN_AGE: 1}
    assert children["estimator_ahead"].tolist()[1:] == [22, -9]
    everyone = table.loc[ALL]
    assert everyone["n"].to_dict() == {ESTIMATOR: 6, ONE_AGE: 6, OWN_AGE: 5}  # 105 years are in no range
    assert everyone.loc[OWN_AGE, "mean_absolute_error"] == (1 + 1 + 10 + 0 + 40) / 5
    assert everyone.loc[OWN_AGE, "estimator_ahead"] == pytest.approx((-9 - 9 + 10 - 5 + 20) / 5)


def test_ages_that_are_ranges_are_guessed_by_both_ends_and_never_told():
    # Ends 20 29 30 39 40 49 and 20 20: their median is 29.5, from which they are 0.5, 0.5, 10.5 and 9.5.
    bounds = {"age_real_low": [20, 30, 40, np.nan], "age_real_high": [29, 39, 49, np.nan]}
    frame = frame_of([None, None, None, 20], [25, 33, 52, 24])
    table = table_of(frame.assign(**bounds, age_range=["20–29", "30–49", "30–49", "20–29"]))
    everyone, older = table.loc[ALL], table.loc["30–49"]
    assert everyone["n"].to_dict() == {ESTIMATOR: 4, ONE_AGE: 4, OWN_AGE: 1}
    guess = everyone.loc[ONE_AGE, ["guessed_age", "mean_absolute_error", "cumulative_score_5"]]
    assert guess.tolist() == [29.5, (0.5 + 0.5 + 10.5 + 9.5) / 4, 0.5]
    assert older.loc[ONE_AGE, "estimator_ahead"] == (0.5 + 10.5) / 2 - (0 + 3) / 2
    # Told "30–49", a guess would be in both labels but for half a year: no merit of a guess, and not counted as one.
    assert older.loc[OWN_AGE, "n"] == 0 and np.isnan(older.loc[OWN_AGE, "mean_absolute_error"])
    assert everyone.loc[OWN_AGE, ["guessed_age", "mean_absolute_error"]].tolist() == [20, 0]


def test_no_constant_beats_the_median():
    ages = np.random.default_rng(2).integers(0, 101, 301)
    median = table_of(frame_of(ages, ages)).loc[(ALL, ONE_AGE), "mean_absolute_error"]
    assert all(median <= np.abs(ages - guess).mean() + 1e-12 for guess in range(101))


def test_interval_covers_the_difference_and_is_that_of_pairs():
    rng = np.random.default_rng(3)
    ages = rng.integers(26, 101, 200)
    row = table_of(frame_of(ages, ages + rng.normal(0, 6, 200)), draws=999).loc[(ALL, ONE_AGE)]
    assert row["low"] < row["estimator_ahead"] < row["high"]


def test_each_guess_has_its_own_interval_and_the_estimator_none():
    ages = np.arange(30, 70)
    table = table_of(frame_of(ages, ages + np.arange(40) % 3)).loc["26–100"]  # ahead by some 10 years less 1
    assert np.isnan(table.loc[ESTIMATOR, ["estimator_ahead", "low", "high"]].astype(float)).all()
    for guess in (ONE_AGE, OWN_AGE):
        assert 5 < table.loc[guess, "low"] < table.loc[guess, "estimator_ahead"] < table.loc[guess, "high"] < 13


def test_faces_without_ages_do_not_count_and_none_is_no_crash():
    table = table_of(frame_of([2, None, 40], [3, 30, None]))
    assert table["n"][ALL, ESTIMATOR] == 1
    assert (table.loc["13–18", "n"] == 0).all() and table.loc["13–18", "study_accuracy"].isna().all()
    empty = table_of(HAND.head(0))
    assert (empty["n"] == 0).all() and empty["mean_absolute_error"].isna().all()
