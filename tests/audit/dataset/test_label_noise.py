"""Noise added and taken away, against simulations of it, and the noise that would make a gap alone."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.label_noise import (
    errors_under_noise,
    errors_without_noise,
    expected_absolute,
    tipping_points,
    tipping_sentence,
)
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream

MAE = "mean_absolute_error"


def faces(count, seed, noise=0.0, noisier=0.0, mean=3.0, sd=6.0):
    """Normal errors, alike in both groups; labels have noise, those of group b ``noisier`` on top, as SDs."""
    rng = np.random.default_rng(seed)
    race, age = rng.choice(["a", "b"], count), rng.integers(20, 70, count).astype(float)
    estimate = age + rng.normal(mean, sd, count)
    sds = np.hypot(noise, np.where(race == "b", noisier, 0))
    frame = pd.DataFrame({"true": age, "age_real": age + rng.normal(size=count) * sds, "age_estimation": estimate})
    return frame.assign(race_real=race)


def errors_of(frame, label="age_real"):
    return (frame["age_estimation"] - frame[label]).to_numpy()


def test_expected_errors_are_those_of_many_simulations():
    errors = np.array([-9.0, -2, 0, 0.5, 4, 20])
    noise = stream(1, "label noise").normal(0, 3, (50_000, 1))
    np.testing.assert_allclose(expected_absolute(errors, 3), np.abs(errors + noise).mean(axis=0), atol=0.04)
    np.testing.assert_array_equal(expected_absolute(errors, 0), np.abs(errors))


def test_errors_under_noise_are_those_of_noisy_labels():
    frame = faces(300, 1, noisier=4)
    table = errors_under_noise(frame, "race_real", [0, 5]).set_index(["group", "noise_sd"])
    rng, b = stream(1, "label noise"), (frame["race_real"] == "b").to_numpy()
    drawn = errors_of(frame) - rng.normal(0, 5, (4000, 300))
    row = table.loc["b", 5]
    assert row[MAE] == pytest.approx(np.abs(drawn[:, b]).mean(), abs=0.03)
    assert row["mean_signed_error"] == pytest.approx(errors_of(frame)[b].mean()) == table.loc["b", 0].mean_signed_error
    assert row["root_mean_square_error"] == pytest.approx(np.sqrt((drawn[:, b] ** 2).mean()), abs=0.03)
    assert row["cumulative_score_5"] == pytest.approx((np.abs(drawn[:, b]) <= 5).mean(), abs=0.005)
    assert row["gap"] == pytest.approx(np.abs(drawn[:, b]).mean() - np.abs(drawn[:, ~b]).mean(), abs=0.03)
    assert row["gap_low"] < row["gap"] < row["gap_high"]
    plain = table.loc["all", 0]
    assert plain[MAE] == pytest.approx(np.abs(errors_of(frame)).mean()) and np.isnan(plain["gap"])
    assert plain["n"] == 300 == table["n"].xs(0, level=1)[["a", "b"]].sum()
    assert plain["cumulative_score_5"] == pytest.approx((np.abs(errors_of(frame)) <= 5).mean())


def test_noise_is_taken_away_from_normal_errors():
    frame = faces(20_000, 2, noise=4)
    table = errors_without_noise(frame, "race_real", [4.0]).set_index("group")
    row, truth = table.loc["all"], errors_of(frame, "true")
    assert row["refused"] == "" and row["rmse_without_low"] < row["rmse_without"] < row["rmse_without_high"]
    assert row["rmse_without"] == pytest.approx(np.sqrt((truth**2).mean()), abs=0.1)
    assert row["mae_without"] == pytest.approx(np.abs(truth).mean(), abs=0.1) and row[MAE] > row["mae_without"] + 0.7
    assert row["mae_if_normal"] == pytest.approx(row[MAE], rel=0.01)
    assert table.loc["a", "gap_without"] == pytest.approx(table.loc["a", "mae_without"] - table.loc["b", "mae_without"])
    assert np.isnan(row["gap_without"])


def test_the_root_mean_square_needs_no_normal_errors():
    frame = faces(20_000, 3)
    frame["age_estimation"] = frame["true"] + np.random.default_rng(3).exponential(6, 20_000)
    frame["age_real"] = frame["true"] + np.random.default_rng(4).normal(0, 2, 20_000)
    row = errors_without_noise(frame, "race_real", [2.0]).set_index("group").loc["all"]
    assert row["rmse_without"] == pytest.approx(np.sqrt((errors_of(frame, "true") ** 2).mean()), rel=0.02)
    assert np.isnan(row["mae_without"]) and row["refused"].startswith("errors are skewed (1.")


@pytest.mark.parametrize(
    ("errors", "sd", "why"),
    [
        (np.full(50, 2.0), 1, "fewer than 30 faces, or all errors alike"),
        (np.linspace(-3, 3, 20), 1, "fewer than 30 faces"),
        (np.linspace(-3, 3, 50), 2, "errors have an SD of 1.8 years, not 2"),
        (np.linspace(-3, 3, 50), 1, "tails of errors are not normal (excess kurtosis -1.2)"),
        (np.repeat([-3.0, -1, 0, 1, 3], [1, 2, 94, 2, 1]), 0.1, "tails of errors are not normal"),
    ],
)
def test_what_is_not_near_to_normal_is_refused(errors, sd, why):
    frame = pd.DataFrame({"age_real": 30.0, "age_estimation": 30 + errors, "race_real": "a"})
    row = errors_without_noise(frame, "race_real", [sd]).iloc[-1]
    assert row["refused"].startswith(why) and np.isnan(row["mae_without"])


def test_more_noise_than_error_leaves_nothing():
    row = errors_without_noise(faces(100, 4, sd=2, mean=0), "race_real", [3]).iloc[-1]
    assert np.isnan(row[["rmse_without", "rmse_without_low", "rmse_without_high"]].astype(float)).all()


def test_each_control_level_by_itself():
    frame = faces(400, 5).assign(half=lambda frame: np.where(frame["true"] < 45, "young", "old"))
    table = errors_under_noise(frame, "race_real", [1], "half")
    assert list(zip(table["half"], table["group"], strict=True)) == [
        (half, group) for half in ("old", "young", "all") for group in ("a", "b", "all")
    ]
    alone = errors_under_noise(frame[frame["half"] == "old"], "race_real", [1])
    np.testing.assert_allclose(table.loc[:2, [MAE, "gap", "gap_low"]], alone[[MAE, "gap", "gap_low"]])
    assert list(errors_without_noise(frame, "race_real", [1, 2], "half")["n"][::2]) == list(table["n"])


def test_labels_that_are_ranges_or_missing_are_left_out():
    frame = faces(10, 6)
    frame.loc[0, "age_real"] = np.nan
    frame.loc[1, "race_real"] = None
    table = errors_under_noise(frame, "race_real", [1]).set_index("group")
    assert table.loc["all", "n"] == 9 and table.loc[["a", "b"], "n"].sum() == 8
    with pytest.raises(UsageError, match="tone"):
        errors_under_noise(frame, "tone", [1])


@pytest.mark.parametrize("ages", [None, "age"])
def test_the_noise_that_made_a_gap_is_found(ages):
    frame = faces(6000, 7, noisier=6).assign(age=lambda frame: (frame["true"] // 10).astype(int))
    a, b = (row for _, row in tipping_points(frame, "race_real", ages).iterrows())
    assert b["noisier"] == "group" and a["noisier"] == "others" and a["gap"] == pytest.approx(-b["gap"])
    assert b["noise_sd"] == pytest.approx(6, abs=0.5) and a["noise_sd"] == pytest.approx(b["noise_sd"])
    assert b["noise_sd_low"] < 6 < b["noise_sd_high"] and b["gap_low"] > 1.5
    assert tipping_sentence(a) == tipping_sentence(b).replace("all others", "a").replace("of b", "of all others")


def test_that_noise_makes_the_better_side_as_bad():
    frame = faces(500, 8, noisier=5)
    row = tipping_points(frame, "race_real").set_index("group").loc["b"]
    errors, b = errors_of(frame), (frame["race_real"] == "b").to_numpy()
    drawn = errors[~b] + stream(1, "label noise").normal(0, row["noise_sd"], (8000, (~b).sum()))
    assert np.abs(drawn).mean() == pytest.approx(np.abs(errors[b]).mean(), abs=0.02)


def test_no_gap_needs_no_noise_and_none_can_be_asked_of_nobody():
    row = tipping_points(faces(300, 9), "race_real").iloc[0]
    assert row["noise_sd_low"] == 0 < row["noise_sd_high"]
    assert tipping_sentence(row) == "a and all others are not told apart: no noise is needed"
    alone = tipping_points(faces(30, 9).assign(race_real="a"), "race_real").iloc[0]
    assert np.isnan(alone["gap"]) and tipping_sentence(alone) == "a and all others cannot be compared"
    apart = faces(300, 9).assign(decade=1)
    apart.loc[apart["race_real"] == "b", "age_real"] += 20
    assert tipping_points(apart, "race_real", "decade")["gap"].isna().all()


@pytest.mark.parametrize("sd", [-1, np.nan, np.inf])
def test_noise_has_a_standard_deviation_of_0_or_more(sd):
    for of in (errors_under_noise, errors_without_noise):
        with pytest.raises(ValueError, match=f"in years, 0 or more, got {sd}"):
            of(faces(40, 1), "race_real", [1, sd])


def test_of_nobody_there_are_no_tipping_points_but_all_their_columns():
    empty, full = (tipping_points(faces(count, 1), "race_real") for count in (0, 100))
    assert len(empty) == 0 and list(empty) == list(full)


def test_five_years_are_within_five_and_noise_is_0_to_5_years_where_nobody_says():
    frame = pd.DataFrame({"age_real": [30.0] * 4, "age_estimation": [35, 25, 36, 30], "race_real": list("aabb")})
    table = errors_under_noise(frame, "race_real").set_index(["group", "noise_sd"])
    assert table.loc[("a", 0), "cumulative_score_5"] == 1 and table.loc[("b", 0), "cumulative_score_5"] == 0.5
    assert table.loc["all"].index.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("sd", "found"), [(99.5, 99.5), (100.5, np.nan)])
def test_no_more_than_a_hundred_years_of_noise_are_asked_for(sd, found):
    frame = pd.DataFrame({"age_real": 30.0, "age_estimation": 30.0, "race_real": ["a"] * 30 + ["b"] * 30})
    frame.loc[30:, "age_estimation"] += sd * np.sqrt(2 / np.pi)  # the mean size of such noise
    row = tipping_points(frame, "race_real").iloc[1]
    assert row["noise_sd"] == pytest.approx(found, nan_ok=True)
    assert tipping_sentence(row).startswith(
        "the gap in MAE would need labels of b to be noisier than those of all others"
    )


def test_thirty_are_not_few():
    frame = faces(60, 1).assign(race_real=["a"] * 30 + ["b"] * 29 + ["c"])
    assert errors_without_noise(frame, "race_real", [1]).set_index("group")["few_faces"].to_dict() == {
        "a": False,
        "b": True,
        "c": True,
        "all": False,
    }
