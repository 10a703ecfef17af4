"""Direct standardisation: by hand, and a group that only looks worse for its ages."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.standardisation import standardised_by_group
from age_audit.core.vocabulary import GENDERS
from age_audit.data.frames import completed_frame


def frame_of(faces):
    """Faces as (age, gender, error)."""
    age, gender, error = map(np.array, zip(*faces, strict=True))
    fname = [f"{i}.jpg" for i in range(len(age))]
    columns = {"fname": fname, "age_real": age, "gender_real": gender, "race_real": None, "age_estimation": age + error}
    return completed_frame(pd.DataFrame(columns))


def table_of(frame, measure="mean_absolute_error", **options):
    table = standardised_by_group(frame, "gender_real", **({"seed": 1, "draws": 199} | options))
    return table[table["measure"] == measure].set_index("gender_real")


HAND = frame_of(
    # children: men err by 2, women by 1; adults: men by 10, women by 9. Men are mostly children.
    [(5, "Male", 2)] * 6 + [(5, "Female", -1)] * 2 + [(50, "Male", 10)] * 2 + [(50, "Female", 9)] * 6
    + [(110, "Male", 90)]
)  # fmt: skip


def test_by_hand():
    table = table_of(HAND)
    assert table["n"].tolist() == [8, 8]  # the face of 110 years is in no stratum
    assert table["n_smallest_stratum"].tolist() == [2, 2]
    assert table["crude"].tolist() == [(6 * 2 + 2 * 10) / 8, (2 * 1 + 6 * 9) / 8]
    assert table["standardised"].tolist() == [6, 5]  # half of all faces are children
    assert table["difference"].tolist() == pytest.approx([6 - 5.5, 5 - 5.5])  # strata of all: 1.75 and 9.25
    assert table["rank_crude"].tolist() == [1, 2]
    assert table["rank_standardised"].tolist() == [2, 1]
    assert table["rank_changes"].all() and table["few_faces"].all()


def test_signed_errors_rank_by_their_size_and_scores_by_what_is_most():
    assert table_of(HAND, "mean_signed_error")["rank_standardised"].tolist() == [2, 1]  # 6, and 4
    assert table_of(HAND, "cumulative_score_5")["rank_standardised"].tolist() == [1.5, 1.5]
    assert table_of(HAND, "study_accuracy")["rank_standardised"].tolist() == [2, 1]


def test_as_face_by_face():
    rng = np.random.default_rng(4)
    frame = frame_of(list(zip(rng.integers(0, 101, 500), rng.choice(GENDERS, 500), rng.normal(0, 9, 500), strict=True)))
    expected = dict.fromkeys(GENDERS, 0.0)
    for gender in GENDERS:
        for stratum in frame["age_range"].unique():
            in_stratum = [row for row in frame.itertuples() if row.age_range == stratum]
            errors = [row.absolute_error for row in in_stratum if row.gender_real == gender]
            expected[gender] += len(in_stratum) / 500 * sum(errors) / len(errors)
    assert table_of(frame)["standardised"].to_dict() == pytest.approx(expected)


def test_groups_that_cannot_be_standardised():
    table = table_of(HAND[(HAND["gender_real"] == "Male") | (HAND["age_real"] == 50)])
    assert (table.loc["Female", "n"], table.loc["Female", "crude"]) == (6, 9)
    assert np.isnan(table.loc["Female", ["standardised", "low", "difference", "rank_crude"]].astype(float)).all()
    single = table_of(HAND.iloc[5:])
    assert single.loc["Male", "standardised"] > 0 and np.isnan(single.loc["Male", "low"])
    assert table_of(HAND.head(0))["n"].tolist() == [0, 0]
    alone = table_of(HAND[HAND["gender_real"] == "Male"])
    assert np.isnan(alone.loc["Male", "difference"]) and alone.loc["Male", "standardised"] == 4  # 6 of 8 are children


def test_what_is_refused():
    with pytest.raises(ValueError, match="one sensitive and one control feature"):
        standardised_by_group(HAND, "gender_real", [], seed=1)


def simulated(seed, older):
    """Women are older, and the old err by three times as much; ``older`` years of error are the women's own."""
    rng = np.random.default_rng(seed)
    female = rng.random(400) < 0.5
    adult = rng.random(400) < np.where(female, 0.7, 0.3)
    error = np.where(adult, 9, 3) * rng.exponential(size=400) + older * female
    age, gender = np.where(adult, 50, 5), np.where(female, "Female", "Male")
    return frame_of(list(zip(age, gender, error, strict=True)))


@pytest.mark.long
def test_ages_alone_are_no_disparity_and_a_planted_one_is_found():
    false, crude, found = [], [], []
    for seed in range(300):
        row = table_of(simulated(seed, 0), measures=["mean_absolute_error"], draws=299).loc["Female"]
        false.append(not row["difference_low"] <= 0 <= row["difference_high"])
        crude.append(row["crude"])
    for seed in range(40):
        row = table_of(simulated(seed, 3), measures=["mean_absolute_error"], draws=299).loc["Female"]
        found.append(row["difference_low"] > 0)
    assert 0.03 <= np.mean(false) <= 0.07
    assert np.mean(crude) == pytest.approx(0.7 * 9 + 0.3 * 3, abs=0.2)  # while all faces have a mean of 6
    assert np.mean(found) >= 0.9
