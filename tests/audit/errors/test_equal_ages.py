"""Errors and differences at equal ages: by hand, each as the other says, and what is only a difference of ages."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.equal_ages import differences_at_equal_ages, standardised_within
from age_audit.audit.errors.groups import estimates_of
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL, age_range_of
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.data.frames import completed_frame

BANDS = [[0, 5], [6, 12], [13, 18], [19, 25], [26, 50], [51, 100]]
FEW = {"resampling": Resampling(seed=1, draws=99, permutations=99)}
PAIRS = FEW | {"least": 2}  # of frames made by hand
ANY_GAP = {"tolerance": np.inf}


def frame_of(age, gender, error):
    columns = {"fname": [f"{i}.jpg" for i in range(len(age))], "age_real": age, "race_real": RACES[0]}
    frame = completed_frame(pd.DataFrame(columns | {"gender_real": gender, "age_estimation": np.add(age, error)}))
    return frame.assign(age_band=age_range_of(frame["age_real"], BANDS))


def simulated(count, seed, men_worse=0.0):
    """Errors grow with age from 26 on, and women are older there; men err by ``men_worse`` years more."""
    rng = np.random.default_rng(seed)
    gender = rng.choice(GENDERS, count)
    male = gender == "Male"
    age = np.where(
        rng.random(count) < np.where(male, 0.8, 0.2), rng.integers(26, 51, count), rng.integers(51, 90, count)
    )
    error = np.where(age > 50, 12, 4) + rng.normal(0, 3, count) + men_worse * male
    return frame_of(age, gender, error)


def standardised(frame, measure="mean_absolute_error", least=2, **options):
    options |= {"resampling": Resampling(1, 99), "measures": [measure], "least": least}
    table = standardised_within(frame, "gender_real", "age_range", **options)
    return table[table["measure"] == measure].set_index("gender_real")


RANGES = frame_of(
    # Children: men err by 2, women by 1; adults: men by 10, women by 9. Men are mostly children; one is in no range.
    [5] * 8 + [50] * 8 + [110],
    ["Male"] * 6 + ["Female"] * 2 + ["Male"] * 2 + ["Female"] * 6 + ["Male"],
    [2] * 6 + [-1] * 2 + [10] * 2 + [9] * 6 + [90],
)


def test_standardised_by_hand():
    table = standardised(RANGES)
    assert table["n"].tolist() == [8, 8]  # the face of 110 years is in no stratum
    assert table["n_smallest_stratum"].tolist() == [2, 2]
    assert table["crude"].tolist() == [(6 * 2 + 2 * 10) / 8, (2 * 1 + 6 * 9) / 8]
    assert table["standardised"].tolist() == [6, 5]  # half of all faces are children
    assert table["difference"].tolist() == pytest.approx([6 - 5.5, 5 - 5.5])  # strata of all: 1.75 and 9.25
    assert table["rank_crude"].tolist() == [1, 2]
    assert table["rank_standardised"].tolist() == [2, 1]
    assert table["rank_changes"].all() and table["few_faces"].all()
    every_measure = standardised_within(RANGES, "gender_real", "age_range", **PAIRS)
    assert every_measure["age_difference"].tolist() == [-11.25] * 4 + [11.25] * 4  # means of 16.25, 38.75; of all 27.5


def test_signed_errors_rank_by_their_size_and_scores_by_what_is_most():
    assert standardised(RANGES, "mean_signed_error")["rank_standardised"].tolist() == [2, 1]  # 6, and 4
    assert standardised(RANGES, "cumulative_score_5")["rank_standardised"].tolist() == [1.5, 1.5]
    assert standardised(RANGES, "study_accuracy")["rank_standardised"].tolist() == [2, 1]


def test_standardised_as_face_by_face():
    rng = np.random.default_rng(4)
    frame = frame_of(rng.integers(0, 101, 500), rng.choice(GENDERS, 500), rng.normal(0, 9, 500))
    expected = dict.fromkeys(GENDERS, 0.0)
    for gender in GENDERS:
        for stratum in frame["age_range"].unique():
            in_stratum = [row for row in frame.itertuples() if row.age_range == stratum]
            errors = [row.absolute_error for row in in_stratum if row.gender_real == gender]
            expected[gender] += len(in_stratum) / 500 * sum(errors) / len(errors)
    assert standardised(frame, **ANY_GAP)["standardised"].to_dict() == pytest.approx(expected)


def test_groups_that_cannot_be_standardised():
    table = standardised(RANGES[(RANGES["gender_real"] == "Male") | (RANGES["age_real"] == 50)])
    assert (table.loc["Female", "n"], table.loc["Female", "crude"]) == (6, 9)
    assert np.isnan(table.loc["Female", ["standardised", "low", "difference", "rank_crude"]].astype(float)).all()
    assert not table["rank_changes"].any()
    single = standardised(RANGES.iloc[5:], least=1)
    assert single.loc["Male", "standardised"] > 0 and np.isnan(single.loc["Male", "low"])
    assert standardised(RANGES.head(0))["n"].tolist() == [0, 0]
    alone = standardised(RANGES[RANGES["gender_real"] == "Male"])
    assert np.isnan(alone.loc["Male", "difference"]) and alone.loc["Male", "standardised"] == 4  # 6 of 8 are children


def unlike_ages(seed, older):
    """Women are older, and the old err by three times as much; ``older`` years of error are the women's own."""
    rng = np.random.default_rng(seed)
    female = rng.random(400) < 0.5
    adult = rng.random(400) < np.where(female, 0.7, 0.3)
    error = np.where(adult, 9, 3) * rng.exponential(size=400) + older * female
    age, gender = np.where(adult, 50, 5), np.where(female, "Female", "Male")
    return frame_of(age, gender, error)


@pytest.mark.long
def test_ages_alone_are_no_disparity_and_a_planted_one_is_found():
    false, crude, found = [], [], []
    for seed in range(300):
        row = standardised(unlike_ages(seed, 0)).loc["Female"]
        false.append(not row["difference_low"] <= 0 <= row["difference_high"])
        crude.append(row["crude"])
    for seed in range(40):
        row = standardised(unlike_ages(seed, 3)).loc["Female"]
        found.append(row["difference_low"] > 0)
    assert 0.03 <= np.mean(false) <= 0.07
    assert np.mean(crude) == pytest.approx(0.7 * 9 + 0.3 * 3, abs=0.2)  # while all faces have a mean of 6
    assert np.mean(found) >= 0.9


HAND = frame_of(
    # 0–5: men err by 2, women by 1, 6–12: men by 10, women by 8. Men are mostly the younger ones.
    [3] * 8 + [10] * 8,
    ["Male"] * 6 + ["Female"] * 2 + ["Male"] * 2 + ["Female"] * 6,
    [2] * 6 + [1] * 2 + [10] * 2 + [8] * 6,
)


def test_differences_by_hand():
    table = differences_at_equal_ages(HAND, "gender_real", "age_band", **PAIRS)
    row = table[table["measure"] == "mean_absolute_error"].iloc[0]
    assert (row["group"], row["other"], row["n_group"], row["n_other"]) == ("Male", "Female", 8, 8)
    assert row["n_smallest_stratum"] == 2 and row["few_faces"]
    crude = (6 * 2 + 2 * 10) / 8 - (2 * 1 + 6 * 8) / 8
    assert row["crude"] == pytest.approx(crude)
    assert row["standardised"] == pytest.approx((1 + 2) / 2)  # half of all faces are in each band
    assert row["age_mix"] == pytest.approx(crude - 1.5)


@pytest.mark.parametrize(("count", "few"), [(29, True), (30, False)])
def test_few_are_fewer_than_thirty_of_a_group(count, few):
    frame = frame_of([3] * (60 + count), ["Male"] * 60 + ["Female"] * count, np.arange(60 + count) % 7)
    one = {"resampling": Resampling(1, 9, 9), "measures": ["mean_absolute_error"]}
    row = differences_at_equal_ages(frame, "gender_real", "age_band", **one).iloc[0]
    assert (row["n_smallest_stratum"], row["few_faces"]) == (count, few)
    table = standardised_within(frame, "gender_real", "age_band", **one).set_index("gender_real")
    assert table["few_faces"].to_dict() == {"Male": False, "Female": few}


YEARS = ([30] * 4 + [31] * 3 + [32] * 4 + [33] * 3, [2.0, 2, 2, 6, 5, 5, 1, 3, 3, 7, 7, 4, 4, 8])
SEXES = ["Male", "Male", "Male", "Female", "Male", "Female", "Female", *["Male", "Female"] * 2, *["Male"] * 2, "Female"]


def test_years_with_too_few_faces_of_a_side_are_pooled_with_those_that_follow():
    """30 has one woman, so it goes with 31; 33 has one too, and joins 32, after which nothing follows."""
    frame = frame_of(YEARS[0], SEXES, YEARS[1])
    row = differences_at_equal_ages(frame, "gender_real", "age_real", **PAIRS, **ANY_GAP).iloc[0]
    young = np.mean([2, 2, 2, 5]) - np.mean([6, 5, 1])
    older = np.mean([3, 7, 4, 4]) - np.mean([3, 7, 8])
    assert (row["strata"], row["n_smallest_stratum"]) == (2, 3)
    assert row["standardised"] == pytest.approx((young + older) / 2)  # seven faces each
    gap = (np.mean([30, 30, 30, 31]) - np.mean([30, 31, 31]) + np.mean([32, 32, 33, 33]) - np.mean([32, 32, 33])) / 2
    assert row["age_gap"] == pytest.approx(gap)
    assert row["age_difference"] == pytest.approx(
        np.mean([30, 30, 30, 31, 32, 32, 33, 33]) - np.mean([*[30, 31, 31], *[32, 32, 33]])
    )
    alike = differences_at_equal_ages(frame, "gender_real", "age_real", **PAIRS).iloc[0]
    assert alike["standardised"] == row["standardised"]  # a sixth of a year is within the tolerance
    none = differences_at_equal_ages(frame, "gender_real", "age_real", **FEW, least=7).iloc[0]
    assert none["strata"] == 1 and np.isnan(none["standardised"])  # six women


def test_ages_that_still_differ_are_no_equal_ages():
    """All over 60 are pooled because one group has few there; it is 10 years younger in that stratum."""
    frame = frame_of([30] * 20 + [90] * 20 + [70] * 8 + [30] * 20, ["Male"] * 40 + ["Female"] * 28, [5.0] * 68)
    frame = frame.assign(age_band=age_range_of(frame["age_real"], [[0, 60], [61, 80], [81, 100]]))
    row = differences_at_equal_ages(frame, "gender_real", "age_band", **PAIRS).iloc[0]
    assert row["strata"] == 2 and row["age_gap"] == pytest.approx(20 * 28 / 68)
    assert np.isnan(row[["standardised", "low", "age_mix", "p_value"]].astype(float)).all() and row["crude"] == 0
    table = standardised_within(frame, "gender_real", "age_band", **PAIRS)
    assert table["standardised"].isna().all() and table["difference"].isna().all() and table["rank_crude"].isna().all()
    assert table["crude"].notna().all() and table["age_gap"].abs().min() > 1
    allowed = differences_at_equal_ages(frame, "gender_real", "age_band", **PAIRS, tolerance=9).iloc[0]
    assert allowed["standardised"] == 0


def test_a_gap_of_the_tolerance_is_allowed():
    frame = frame_of([30] * 2 + [31] * 2, ["Male"] * 2 + ["Female"] * 2, [1.0, 3, 2, 2])
    row = differences_at_equal_ages(frame, "gender_real", "age_band", **PAIRS, tolerance=1).iloc[0]
    assert (row["age_gap"], row["standardised"]) == (-1, 0)
    table = standardised_within(frame, "gender_real", "age_band", **PAIRS, tolerance=0.5)
    assert table["age_gap"].abs().eq(0.5).all() and table["standardised"].notna().all()


def test_faces_without_an_estimate_do_not_count():
    frame = pd.concat([HAND, frame_of([3, 10, 10], ["Male", "Female", "Female"], [np.nan] * 3)], ignore_index=True)
    for table_of in (standardised_within, differences_at_equal_ages):
        for options in (PAIRS, PAIRS | {"measures": ["mean_signed_error"]}):
            expected = table_of(HAND, "gender_real", "age_band", **options)
            pd.testing.assert_frame_equal(table_of(frame, "gender_real", "age_band", **options), expected)


def test_other_columns_of_strata_are_never_pooled():
    """Groups of unequal genders, whose errors differ: at equal genders the groups do not."""
    camera = np.array(["a"] * 30 + ["b"] * 30)
    gender = np.array((["Male"] * 20 + ["Female"] * 10) + (["Male"] * 10 + ["Female"] * 20))
    frame = frame_of([40] * 60, gender, np.where(gender == "Male", 2.0, 8.0)).assign(camera=camera)
    row = differences_at_equal_ages(frame, "camera", ["age_real", "gender_real"], **FEW).iloc[0]
    assert (row["strata"], row["n_smallest_stratum"]) == (2, 10)
    assert row["crude"] == pytest.approx(-2) and row["standardised"] == pytest.approx(0)
    without = frame[(frame["camera"] == "b") | (frame["gender_real"] == "Male")]
    row = differences_at_equal_ages(without, "camera", ["age_real", "gender_real"], **FEW).iloc[0]
    assert np.isnan(row["standardised"]) and row["n_smallest_stratum"] == 0


def test_the_crude_interval_is_that_of_the_other_tables():
    frame = simulated(200, 5)
    table = standardised_within(frame, "gender_real", "age_real", "age_range", **FEW).set_index(
        ["age_range", "gender_real", "measure"]
    )
    errors = estimates_of(frame, ["age_range", "gender_real"], ["age_range"], **FEW).set_index(table.index.names)
    columns = {"crude": "value", "crude_low": "low", "crude_high": "high"}
    pd.testing.assert_frame_equal(table[list(columns)].rename(columns=columns), errors[list(columns.values())])


def test_is_the_difference_of_the_standardised_tables():
    frame = simulated(400, 3)
    single = standardised_within(frame, "gender_real", "age_band", "age_range", **FEW, **ANY_GAP)
    pairs = differences_at_equal_ages(frame, "gender_real", "age_band", "age_range", **FEW, **ANY_GAP)
    assert pairs["standardised"].notna().any()
    single = single.set_index(["age_range", "gender_real", "measure"])
    for row in pairs.dropna(subset=["standardised"]).to_dict("records"):
        for column in ("crude", "standardised"):
            both = (single.loc[(row["age_range"], group, row["measure"]), column] for group in GENDERS)
            first, second = both
            assert row[column] == pytest.approx(first - second)
    assert set(pairs["age_range"]) == {*frame["age_range"].cat.categories, ALL}


def test_each_level_is_standardised_by_itself():
    frame = simulated(300, 4)
    within = standardised_within(frame, "gender_real", "age_band", "age_range", **FEW)
    alone = standardised_within(frame[frame["age_range"] == "26–100"], "gender_real", "age_band", **FEW)
    here = within[within["age_range"] == "26–100"].drop(columns="age_range").reset_index(drop=True)
    pd.testing.assert_frame_equal(here, alone)
    assert within.index.tolist() == list(range(len(within)))
    assert (within.loc[within["age_range"] == "0–12", "n"] == 0).all()


def test_what_is_only_a_mix_of_ages_is_found_crude_and_not_at_equal_ages():
    crude, p_values, planted = [], [], []
    for seed in range(60):
        options = {"resampling": Resampling(seed, 9, 199), "measures": ["mean_absolute_error"], **ANY_GAP}
        row = differences_at_equal_ages(simulated(300, seed), "gender_real", "age_band", **options).iloc[0]
        crude.append(row["crude"])
        p_values.append(row["p_value"])
        row = differences_at_equal_ages(simulated(300, seed, 1.5), "gender_real", "age_band", **options).iloc[0]
        planted.append(row["p_value"])
    assert np.mean(crude) < -3
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12  # 60 tests at 5 %: more than 7 has a chance of 1 in 100
    assert np.mean(np.array(planted) <= 0.05) >= 0.9  # 1.5 years, half a standard deviation, in 300 faces


def test_a_band_without_one_group_is_pooled_and_the_ages_differ_too_much():
    frame = HAND[~((HAND["age_real"] == 3) & (HAND["gender_real"] == "Female"))]
    row = differences_at_equal_ages(frame, "gender_real", "age_band", **PAIRS).iloc[0]
    assert row["crude"] == pytest.approx(4 - 8) and row["strata"] == 1
    assert (row["n_group"], row["n_other"]) == (8, 6)
    assert row["age_gap"] == row["age_difference"] == pytest.approx((6 * 3 + 2 * 10) / 8 - 10)
    assert np.isnan([row["standardised"], row["age_mix"], row["p_value"], row["p_holm"]]).all()


def test_no_faces_at_all():
    table = differences_at_equal_ages(HAND.head(0), "gender_real", "age_band", "age_range", **FEW)
    assert (table["n_group"] == 0).all() and table["crude"].isna().all()
    assert standardised_within(HAND.head(0), "gender_real", "age_band", "age_range", **FEW)["crude"].isna().all()


def test_what_is_refused():
    with pytest.raises(UsageError, match=r"missing column\(s\) camera"):
        differences_at_equal_ages(HAND, "camera", "age_band", **FEW)
    with pytest.raises(ValueError, match="at least one sensitive feature"):
        differences_at_equal_ages(HAND, [], "age_band", **FEW)
    with pytest.raises(ValueError, match="one column of strata"):
        standardised_within(HAND, "gender_real", [], **FEW)


def test_copies_of_faces_say_as_much_as_the_faces():
    """Each face three times over: numbers, intervals and strata are those of the faces once."""
    once = simulated(300, 5, men_worse=1).reset_index(names="cluster")
    often = once.loc[once.index.repeat(3)].reset_index(drop=True)
    options = FEW | {"measures": ["mean_absolute_error"]}
    first = standardised_within(once, "gender_real", "age_band", **options)
    second = standardised_within(often, "gender_real", "age_band", **options, clusters="cluster")
    same = ["strata", "standardised", "low", "high", "difference", "difference_low", "difference_high"]
    assert np.allclose(first[same], second[same], equal_nan=True)
    narrower = standardised_within(often, "gender_real", "age_band", **options)
    widths = [(table["high"] - table["low"])[0] for table in (narrower, second)]
    assert widths[0] < 0.7 * widths[1]


def test_faces_that_are_few_pictures_are_few():
    frame = frame_of([30] * 120, ["Male", "Female"] * 60, np.arange(120) % 7)
    table = standardised_within(
        frame.assign(cluster=np.arange(120) // 6), "gender_real", "age_band", **FEW, clusters="cluster"
    )
    assert (table["n"] == 60).all() and table["few_faces"].all()  # of twenty pictures
