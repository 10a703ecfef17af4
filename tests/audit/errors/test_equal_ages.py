"""Differences at equal ages: by hand, as the standardised tables, and a difference that is only one of ages."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.equal_ages import differences_at_equal_ages, standardised_within
from age_audit.audit.errors.standardisation import standardised_by_group
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL, age_range_of
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.data.frames import completed_frame

BANDS = [[0, 5], [6, 12], [13, 18], [19, 25], [26, 50], [51, 100]]
FEW = {"seed": 1, "draws": 99, "permutations": 99}


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


HAND = frame_of(
    # 0–5: men err by 2, women by 1, 6–12: men by 10, women by 8. Men are mostly the younger ones.
    [3] * 8 + [10] * 8,
    ["Male"] * 6 + ["Female"] * 2 + ["Male"] * 2 + ["Female"] * 6,
    [2] * 6 + [1] * 2 + [10] * 2 + [8] * 6,
)


def test_by_hand():
    table = differences_at_equal_ages(HAND, "gender_real", "age_band", **FEW)
    row = table[table["measure"] == "mean_absolute_error"].iloc[0]
    assert (row["group"], row["other"], row["n_group"], row["n_other"]) == ("Male", "Female", 8, 8)
    assert row["n_smallest_stratum"] == 2 and row["few_faces"]
    crude = (6 * 2 + 2 * 10) / 8 - (2 * 1 + 6 * 8) / 8
    assert row["crude"] == pytest.approx(crude)
    assert row["standardised"] == pytest.approx((1 + 2) / 2)  # half of all faces are in each band
    assert row["age_mix"] == pytest.approx(crude - 1.5)


def test_is_the_difference_of_the_standardised_tables():
    frame = simulated(400, 3)
    single = standardised_within(frame, "gender_real", "age_band", "age_range", seed=1, draws=99)
    pairs = differences_at_equal_ages(frame, "gender_real", "age_band", "age_range", **FEW)
    single = single.set_index(["age_range", "gender_real", "measure"])
    for row in pairs.dropna(subset=["standardised"]).to_dict("records"):
        for column in ("crude", "standardised"):
            both = (single.loc[(row["age_range"], group, row["measure"]), column] for group in GENDERS)
            first, second = both
            assert row[column] == pytest.approx(first - second)
    assert set(pairs["age_range"]) == {*frame["age_range"].cat.categories, ALL}


def test_each_level_is_standardised_by_itself():
    frame = simulated(300, 4)
    within = standardised_within(frame, "gender_real", "age_band", "age_range", seed=1, draws=99)
    alone = standardised_by_group(frame[frame["age_range"] == "26–100"], "gender_real", "age_band", seed=1, draws=99)
    here = within[within["age_range"] == "26–100"].drop(columns="age_range").reset_index(drop=True)
    pd.testing.assert_frame_equal(here, alone)
    assert (within.loc[within["age_range"] == "0–12", "n"] == 0).all()


def test_what_is_only_a_mix_of_ages_is_found_crude_and_not_at_equal_ages():
    crude, p_values, planted = [], [], []
    for seed in range(60):
        options = {"seed": seed, "draws": 9, "permutations": 199, "measures": ["mean_absolute_error"]}
        row = differences_at_equal_ages(simulated(300, seed), "gender_real", "age_band", **options).iloc[0]
        crude.append(row["crude"])
        p_values.append(row["p_value"])
        row = differences_at_equal_ages(simulated(300, seed, 1.5), "gender_real", "age_band", **options).iloc[0]
        planted.append(row["p_value"])
    assert np.mean(crude) < -3
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12  # 60 tests at 5 %: more than 7 has a chance of 1 in 100
    assert np.mean(np.array(planted) <= 0.05) >= 0.9  # 1.5 years, half a standard deviation, in 300 faces


def test_a_band_without_one_group_has_no_answer():
    frame = HAND[~((HAND["age_real"] == 3) & (HAND["gender_real"] == "Female"))]
    row = differences_at_equal_ages(frame, "gender_real", "age_band", **FEW).iloc[0]
    assert row["crude"] == pytest.approx(4 - 8) and row["n_smallest_stratum"] == 0
    assert np.isnan([row["standardised"], row["age_mix"], row["p_value"], row["p_holm"]]).all()


def test_no_faces_at_all():
    table = differences_at_equal_ages(HAND.head(0), "gender_real", "age_band", "age_range", **FEW)
    assert (table["n_group"] == 0).all() and table["crude"].isna().all()
    assert standardised_within(HAND.head(0), "gender_real", "age_band", "age_range", seed=1)["crude"].isna().all()


def test_what_is_refused():
    with pytest.raises(UsageError, match=r"missing column\(s\) camera"):
        differences_at_equal_ages(HAND, "camera", "age_band", **FEW)
    with pytest.raises(ValueError, match="at least one sensitive feature"):
        differences_at_equal_ages(HAND, [], "age_band", **FEW)
