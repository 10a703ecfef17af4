"""Differences with ages made equal in several ways, and what is left of the largest without each group."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.equal_ages import differences_at_equal_ages
from age_audit.audit.errors.sensitivity import CURVE, NOBODY, NOTHING, differences_by_adjustment, largest_differences
from age_audit.core.errors import UsageError
from age_audit.core.groups import age_range_of
from age_audit.core.randomness import Resampling

DRAWN = {"resampling": Resampling(seed=1, draws=400, permutations=9)}
MAE = "mean_absolute_error"


def faces(count, seed, worse=0.0, labels=("a", "b", "c")):
    """The error grows with age; group b is older, and errs by ``worse`` years more than its age alone."""
    rng = np.random.default_rng(seed)
    race = rng.choice(labels, count)
    place = np.where(race == "b", rng.beta(3, 1.5, count), rng.beta(1.5, 3, count))
    age = (20 + 60 * place).astype(int)
    error = 0.2 * age + worse * (race == "b") + rng.normal(0, 2, count)
    columns = {"age_real": age, "age_estimation": age + np.abs(error), "race_real": race}
    frame = pd.DataFrame(columns | {"gender_real": rng.choice(["Male", "Female"], count)})
    bands = [[low, low + 29] for low in range(0, 91, 30)]
    return frame.assign(band=age_range_of(frame["age_real"], bands), age_range="all ages")


WAYS = {"years": "age_real", "wide bands": "band", "years and gender": ["age_real", "gender_real"]}


def test_every_way_and_no_way():
    frame = faces(3000, 1, worse=3.0)
    table = differences_by_adjustment(frame, "race_real", WAYS)
    pair = table[(table["group"] == "a") & (table["other"] == "b")].set_index("adjusted_for")
    assert list(pair.index) == [NOTHING, *WAYS, CURVE] and (pair["measure"] == MAE).all()
    means = (
        frame.assign(error=frame["age_estimation"] - frame["age_real"])
        .groupby("race_real")[["error", "age_real"]]
        .mean()
    )
    assert pair["difference"][NOTHING] == pytest.approx(means["error"]["a"] - means["error"]["b"])
    assert pair["age_gap"][NOTHING] == pytest.approx(means["age_real"]["a"] - means["age_real"]["b"])
    assert pair["difference"][NOTHING] < -6  # 20 years of age are 4 years of error
    for way in ("years", "years and gender", CURVE):
        assert pair["difference"][way] == pytest.approx(-3, abs=0.5) and pair["high"][way] < -2
    assert abs(pair["age_gap"]["wide bands"]) > 1 and np.isnan(pair["difference"]["wide bands"])
    assert np.isnan(pair["age_gap"][CURVE])
    single = differences_at_equal_ages(frame, "race_real", "age_real", resampling=Resampling(1, 9, 9), measures=[MAE])
    single = single[(single["group"] == "a") & (single["other"] == "b")].iloc[0]
    columns = {"standardised": "difference", "low": "low", "high": "high", "age_gap": "age_gap"}
    assert pair.loc["years", list(columns.values())].tolist() == pytest.approx(single[list(columns)].tolist())


def test_one_curve_says_the_difference_that_is_the_same_at_every_age():
    found = []
    for seed in range(200):
        table = differences_by_adjustment(faces(200, seed, worse=1.0, labels=("a", "b")), "race_real", {})
        low, high = table.loc[table["adjusted_for"] == CURVE, ["low", "high"]].iloc[0]
        found.append(low <= -1 <= high)
    assert 0.9 <= np.mean(found) <= 0.99  # 95 % of 200, give or take


def test_few_faces_and_levels():
    frame = faces(300, 2)
    frame.loc[frame[frame["race_real"] == "c"].index[9:], "race_real"] = "a"
    table = differences_by_adjustment(frame, "race_real", {"years": "age_real"}, "age_range")
    assert table["age_range"].unique().tolist() == ["all ages", "all"]
    few = table[table["other"] == "c"].set_index(["age_range", "group", "adjusted_for"])
    assert (few["n_other"] == 9).all()
    assert few["difference"].xs(NOTHING, level=2).notna().all()
    assert few["difference"].drop(NOTHING, level=2).isna().all()
    none = differences_by_adjustment(frame.head(0), "race_real", {"years": "age_real"}, "age_range")
    assert none.empty and list(none) == list(table)
    with pytest.raises(UsageError, match=r"missing column\(s\) camera"):
        differences_by_adjustment(frame, "race_real", {"years": "camera"})


def test_ten_faces_a_side_are_enough_and_those_without_an_estimate_do_not_count():
    frame = faces(300, 2, labels=("a", "b"))
    frame.loc[frame[frame["race_real"] == "b"].index[11:], "race_real"] = "a"
    frame.loc[frame[frame["race_real"] == "b"].index[0], "age_estimation"] = np.nan
    measures = [MAE, "mean_signed_error"]
    table = differences_by_adjustment(frame, "race_real", {}, measures=measures).set_index("adjusted_for")
    assert (table["n_group"] == 289).all() and (table["n_other"] == 10).all()
    alone = differences_by_adjustment(frame, "race_real", {}, measures=measures[:1]).set_index("adjusted_for")
    assert table.loc[CURVE, "difference"].iloc[0] == alone.loc[CURVE, "difference"]
    assert (alone["n_group"] == 289).all() and (alone["n_other"] == 10).all()
    ages = frame[frame["age_estimation"].notna()].groupby("race_real")["age_real"].mean()
    assert table.loc[NOTHING, "age_gap"].tolist() == pytest.approx([ages["a"] - ages["b"]] * 2)
    largest = largest_differences(frame, "race_real", "age_real", **DRAWN)
    assert np.isfinite(largest["crude"]).all()


def test_a_gap_of_a_year_is_allowed():
    columns = {"age_real": [30] * 10 + [31] * 10, "age_estimation": [33] * 10 + [38] * 10}
    frame = pd.DataFrame(columns | {"race_real": ["a"] * 10 + ["b"] * 10, "band": "30–31"})
    both = {"measures": [MAE, "mean_signed_error"]}
    table = differences_by_adjustment(frame, "race_real", {"band": "band"}, **both).set_index("adjusted_for")
    assert (table.loc["band", ["age_gap", "difference"]].to_numpy() == [-1, 3 - 7]).all()
    frame["age_real"] += frame["race_real"] == "b"
    table = differences_by_adjustment(frame, "race_real", {"band": "band"}, **both).set_index("adjusted_for")
    assert (table.loc["band", "age_gap"] == -2).all() and table.loc["band", "difference"].isna().all()


def test_the_gap_of_ages_is_that_of_the_faces_for_every_measure():
    ages = [*range(20, 40, 2), *range(30, 50, 2)]  # means of 29 and 39
    columns = {"age_real": ages, "age_estimation": np.add(ages, [4] * 10 + [-9] * 10)}
    frame = pd.DataFrame(columns | {"race_real": ["a"] * 10 + ["b"] * 10, "band": "20–49"})
    table = largest_differences(frame, "race_real", "band", **DRAWN, measures=[MAE, "mean_signed_error"])
    assert table["crude"].tolist() == [5, 13] and table["age_gap"].tolist()[0] == pytest.approx(10)


def test_largest_differences_by_hand():
    """Two ages, three groups; at equal ages b is 2 and c is 5 years worse than a."""
    ages = np.array([30] * 40 + [60] * 20 + [30] * 20 + [60] * 40 + [30] * 30 + [60] * 30)
    races = np.repeat(["a", "b", "c"], 60)
    error = np.where(ages == 30, 3.0, 9.0) + 2 * (races == "b") + 5 * (races == "c")
    frame = pd.DataFrame({"age_real": ages, "age_estimation": ages + error, "race_real": races})
    table = largest_differences(frame, "race_real", "age_real", **DRAWN).set_index("without")
    assert table.index.tolist() == [NOBODY, "a", "b", "c"] and table["groups"].tolist() == [3, 2, 2, 2]
    assert table["standardised"].tolist() == pytest.approx([5, 3, 5, 2])
    assert table["crude"].tolist() == pytest.approx([6, 2, 6, 4])  # means 5, 9 and 11
    assert table["ratio"].tolist() == pytest.approx([5 / 6, 1.5, 5 / 6, 0.5])
    assert table["n_smallest_stratum"].tolist() == [20] * 4 and table["age_gap"].abs().max() < 1e-9
    np.testing.assert_allclose(table["ratio_low"], table["ratio"])  # errors do not vary


@pytest.mark.parametrize(("apart", "adjusted"), [(1, True), (2, False)])
def test_one_stratum_of_unequal_ages_is_no_adjustment(apart, adjusted):
    ages = np.array([30] * 20 + [30 + apart] * 20)
    frame = pd.DataFrame({"age_real": ages, "age_estimation": ages + np.repeat([2, 5], 20), "race_real": "a"})
    frame.loc[20:, "race_real"] = "b"
    row = largest_differences(frame, "race_real", "age_real", **DRAWN).iloc[0]
    assert (row["crude"], row["age_gap"]) == (3, apart)
    if adjusted:
        assert (row["standardised"], row["ratio"]) == (3, 1)
    else:
        assert row[["standardised", "standardised_low", "ratio", "ratio_high"]].isna().all()


def test_two_strata_adjust_and_the_gap_that_is_left_is_told():
    """10 years stand alone, 40 and 50 are pooled: half of the faces are then 10 years apart."""
    ages = np.repeat([10, 40, 10, 50], 10)
    frame = pd.DataFrame({"age_real": ages, "age_estimation": ages + np.repeat([1, 3, 2, 6], 10)})
    frame["race_real"] = np.repeat(["a", "b"], 20)
    row = largest_differences(frame, "race_real", "age_real", **DRAWN).iloc[0]
    assert row[["crude", "standardised", "ratio", "age_gap"]].tolist() == [2, 2, 1, 5]


def test_ends_of_the_largest_as_drawn():
    rng = np.random.default_rng(4)
    error = np.concatenate([rng.normal(5, 2, 12), rng.normal(6, 1, 15)])
    frame = pd.DataFrame({"age_real": 30, "age_estimation": 30 + error, "race_real": ["a"] * 12 + ["b"] * 15})
    options = Resampling(seed=1, draws=50, permutations=9, confidence=0.8)
    row = largest_differences(frame, "race_real", "age_real", resampling=options, measures=["mean_signed_error"]).iloc[
        0
    ]
    sides = error[:12], error[12:]
    means = [[side.mean()] for side in sides]
    spread = [[side.std(ddof=1) / np.sqrt(len(side))] for side in sides]
    drawn = options.for_intervals(f"largest differences without {NOBODY}")["rng"]
    drawn.normal([[30], [30]], 0, (50, 2, 1))  # ages come first
    gaps = np.abs(np.diff(drawn.normal(means, spread, (50, 2, 1))[..., 0], axis=1))
    assert row["crude"] == row["standardised"] == pytest.approx(abs(sides[0].mean() - sides[1].mean()))
    expected = np.quantile(gaps, [0.1, 0.9])
    assert row[["crude_low", "crude_high", "ratio_low"]].tolist() == pytest.approx([*expected, 1])


def test_intervals_of_the_largest_and_what_is_missing():
    frame = faces(900, 3, worse=2.0)
    table = largest_differences(frame, "race_real", "age_real", "age_range", **DRAWN)
    assert table["age_range"].unique().tolist() == ["all ages", "all"]
    assert (table["ratio_low"] < table["ratio"]).all() and (table["ratio"] < table["ratio_high"]).all()
    assert table.groupby("without")["crude"].nunique().eq(1).all()  # the same faces in both levels
    frame.loc[frame["race_real"] == "c", "race_real"] = [*["c"] * 9, *["a"] * ((frame["race_real"] == "c").sum() - 9)]
    table = largest_differences(frame, "race_real", "age_real", **DRAWN).set_index("without")
    assert table["crude"].isna().tolist() == [True, True, True, False]  # nine faces of c
    assert table["n_smallest_stratum"][NOBODY] == 9
    alone = frame[frame["race_real"] != "c"]
    assert largest_differences(alone, "race_real", "age_real", **DRAWN)["without"].tolist() == [NOBODY]
    one = alone[alone["race_real"] == "a"]
    assert largest_differences(one, "race_real", "age_real", **DRAWN).empty
    assert list(largest_differences(one, "race_real", "age_real", **DRAWN)) == list(table.reset_index())
