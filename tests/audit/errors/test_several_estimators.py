"""Several estimators on the same faces."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.baselines import ONE_AGE
from age_audit.audit.errors.several_estimators import agreement, cumulative_scores, in_common, label_doubts, worst_faces
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.stats.proportions import wilson_interval


def faces(names, ages, estimates):
    ages, estimates = np.asarray(ages, dtype=float), np.asarray(estimates, dtype=float)
    return pd.DataFrame({"fname": list(names), "age_real": ages, "age_estimation": estimates})


RESAMPLING = Resampling(1, 400, 9)
ONE = faces("abcd", [10, 20, 30, 40], [15, 26, 30, 20])


def shares(table, years):
    return table[table["years"] == years].set_index("estimator")["share"].to_dict()


def test_scores_on_the_faces_in_common():
    two = faces("dcbx", [40, 30, 20, 5], [40, 29, 33, 5])
    table = cumulative_scores({"one": ONE, "two": two}, [0, 5, 6])
    assert table["n"].tolist() == [3] * 9
    assert table["estimator"].tolist() == ["one"] * 3 + ["two"] * 3 + [ONE_AGE] * 3
    assert shares(table, 0) == pytest.approx({"one": 1 / 3, "two": 1 / 3, ONE_AGE: 1 / 3})  # the guess is 30
    assert shares(table, 5) == pytest.approx({"one": 1 / 3, "two": 2 / 3, ONE_AGE: 1 / 3})
    assert shares(table, 6) == pytest.approx({"one": 2 / 3, "two": 2 / 3, ONE_AGE: 1 / 3})
    assert table["low"].iloc[2] == wilson_interval(2, 3)[0]


def test_scores_go_up_to_twenty_years():
    assert cumulative_scores({"one": ONE})["years"].tolist() == [*range(21)] * 2


def test_a_face_with_another_label_is_not_in_common():
    table = cumulative_scores({"one": ONE, "two": ONE.assign(age_real=[10, 20, 30, 41.0])}, [5])
    assert table["n"].tolist() == [3, 3, 3]


def test_an_estimator_of_few_of_the_faces_is_left_out():
    one = faces("abcdefgh", [10] * 8, [10] * 8)
    table = cumulative_scores({"one": one, "less": one[:3], "half": one[:4]}, [5])
    assert table.set_index("estimator")["n"].to_dict() == {"one": 4, "half": 4, ONE_AGE: 4, "less": 3}
    assert np.isnan(shares(table, 5)["less"]) and shares(table, 5)["half"] == 1


def test_the_guess_is_the_median_and_a_range_holds_whoever_is_in_it():
    frame = faces("abc", [np.nan, np.nan, 50], [25, 9, 50])
    frame = frame.assign(age_real_low=[20, 10, np.nan], age_real_high=[29, 19, np.nan])
    table = cumulative_scores({"one": frame}, [0, 1])
    assert shares(table, 0) == pytest.approx({"one": 2 / 3, ONE_AGE: 1 / 3})  # the ends' median is 24.5
    assert shares(table, 1) == pytest.approx({"one": 1, ONE_AGE: 1 / 3})


def test_nothing_in_common_has_no_share():
    table = cumulative_scores({"one": faces("", [], [])}, [5])
    assert table["n"].tolist() == [0, 0] and table["share"].isna().all()


@pytest.mark.parametrize(
    ("label", "estimates", "doubt"),
    [
        (60, (35, 40), True),
        (70, (35, 40.1), False),  # they do not agree
        (60, (36, 40.5), False),  # one is nearer than 20 years
        (10, (30, 34), True),
        (10, (29.9, 34), False),
        (60, (30, np.nan), False),  # one alone
    ],
)
def test_doubts_by_their_rule(label, estimates, doubt):
    frames = {str(i): faces("a", [label], [estimate]) for i, estimate in enumerate(estimates)}
    row = label_doubts(frames).loc["a"]
    assert row["label_doubt"] == doubt and row["estimators"] == np.isfinite(estimates).sum()
    assert (row["lowest_estimate"], row["highest_estimate"]) == (np.nanmin(estimates), np.nanmax(estimates))


def test_a_face_that_no_other_has_is_in_no_doubt():
    doubts = label_doubts({"one": ONE.assign(age_real=90.0), "two": faces("ax", [90, 1], [14, 1])})
    assert doubts.index.tolist() == list("abcd")
    assert doubts["estimators"].tolist() == [2, 1, 1, 1] and doubts["label_doubt"].tolist() == [True] + [False] * 3


def test_a_doubt_is_measured_from_the_nearer_end_of_a_range():
    frame = faces("ab", [np.nan] * 2, [30, 30]).assign(age_real_low=[50, 49], age_real_high=[59, 59])
    assert label_doubts({"one": frame, "two": frame})["label_doubt"].tolist() == [True, False]


def test_the_worst_come_first_and_ties_by_name():
    one = faces("dacbe", [40, 40, 40, 40, 40], [30, 50, 70, 40, np.nan]).assign(race_real=list("vwxyz"))
    table = worst_faces({"one": one, "two": one}, ["race_real"], count=3)
    assert table["fname"].tolist() == ["c", "a", "d"]
    assert table["signed_error"].tolist() == [30, 10, -10] and table["race_real"].tolist() == ["x", "w", "v"]
    assert table["label_doubt"].tolist() == [True, False, False]
    assert list(table)[:3] == ["fname", "age_real", "age_estimation"]
    assert len(worst_faces({"one": faces(map(str, range(25)), [5] * 25, [9] * 25)})) == 20
    assert len(worst_faces({"one": one})) == 4  # the one without an estimate has no error


def test_missing_columns_are_named():
    with pytest.raises(UsageError, match="age_estimation"):
        label_doubts({"one": ONE, "two": ONE.drop(columns="age_estimation")})
    with pytest.raises(UsageError, match="fname"):
        cumulative_scores({"one": ONE.drop(columns="fname")})
    with pytest.raises(UsageError, match="race"):
        worst_faces({"one": ONE}, ["race"])


class TestInCommon:
    def test_the_same_faces_in_the_order_of_the_first_with_all_columns(self):
        two = faces("dcbx", [40, 30, 20, 5], [40, 29, 33, 5])
        common = in_common({"one": ONE.assign(mark=[1, 2, 3, 4]), "two": two})
        assert [frame["fname"].tolist() for frame in common.values()] == [list("bcd")] * 2
        assert common["two"]["age_estimation"].tolist() == [33, 29, 40]
        assert common["two"]["mark"].tolist() == [2, 3, 4] and common["two"].index.tolist() == [0, 1, 2]

    def test_labels_are_those_of_the_first(self):
        one = ONE.assign(race_real=["Asian", "Other", "Asian", "Other"], age_spread=1.0, absolute_error=0.0)
        one["probability_female"] = 0.9
        two = ONE.assign(race_real="Indian", mine=7, age_spread=2.0, probability_female=0.1)
        common = in_common({"one": one, "two": two})
        assert common["two"]["race_real"].tolist() == common["one"]["race_real"].tolist() == one["race_real"].tolist()
        assert common["two"]["age_spread"].tolist() == [2.0] * 4
        assert common["two"]["probability_female"].tolist() == [0.1] * 4
        assert "mine" not in common["two"] and "absolute_error" not in common["two"]

    def test_nobody_is_left_out_when_asked(self):
        common = in_common({"one": ONE, "few": ONE[:1]}, least=0)
        assert [frame["fname"].tolist() for frame in common.values()] == [["a"], ["a"]]

    def test_an_estimator_of_few_faces_or_with_other_labels_is_left_out(self):
        common = in_common({"one": ONE, "few": ONE[:1], "other": ONE.assign(age_real=99.0)})
        assert list(common) == ["one"] and len(common["one"]) == 4


class TestAgreement:
    def test_pairs_by_hand(self):
        frames = {"one": ONE, "two": ONE.assign(age_estimation=[10, 32, 30, 25.0]), "three": ONE}
        table = agreement(frames, resampling=RESAMPLING)
        pairs = [("one", "two"), ("one", "three"), ("two", "three")]
        assert list(zip(table["estimator"], table["other"], strict=True)) == pairs
        assert table["n"].tolist() == [4, 4, 4]
        assert table["difference"].tolist() == [4.0, 0.0, 4.0]  # 5, 6, 0 and 5 years apart
        assert table["share_within_5"].tolist() == [0.75, 1, 0.75]
        assert table["low"][0] < 4 < table["high"][0]
        assert table["r_estimates"][0] == pytest.approx(np.corrcoef([15, 26, 30, 20], [10, 32, 30, 25])[0, 1])
        assert table["r_errors"][0] == pytest.approx(np.corrcoef([5, 6, 0, -20], [0, 12, 0, -15])[0, 1])
        assert table["r_errors"][1] == pytest.approx(1)
        assert table["r_errors_within_years"].isna().all()  # each age once: nothing is left

    def test_within_years_what_both_make_of_an_age_is_taken_off(self):
        names, ages = [f"f{i}" for i in range(32)], [10, 10, 60, 60] * 8
        one, two = faces(names, ages, [19, 21, 29, 31] * 8), faces(names, ages, [21, 19, 31, 29] * 8)
        table = agreement({"one": one, "two": two}, resampling=RESAMPLING)
        assert table["r_errors"][0] > 0.9 and table["r_errors_within_years"][0] == pytest.approx(-1)
        assert (table["n_within_years"][0], table["pairs"][0]) == (32, 1)

    def test_faces_alone_in_their_year_say_nothing_within_years(self):
        rng = np.random.default_rng(0)
        ages = [*range(1, 31), *np.repeat([40, 50], 20)]
        names = [f"f{i}" for i in range(len(ages))]
        errors = rng.normal(size=(2, len(ages)))
        frames = {name: faces(names, ages, ages + off) for name, off in zip(("one", "two"), errors, strict=True)}
        table = agreement(frames, resampling=RESAMPLING).iloc[0]
        within = errors[:, 30:].reshape(2, 2, 20)
        within = (within - within.mean(axis=2, keepdims=True)).reshape(2, 40)
        assert table["n_within_years"] == 40
        assert table["r_errors_within_years"] == pytest.approx(np.corrcoef(within)[0, 1])
        low, high = np.tanh(np.arctanh(table["r_errors_within_years"]) + np.array([-1, 1]) * 1.959964 / np.sqrt(39 - 3))
        assert (table["r_low"], table["r_high"]) == (pytest.approx(low), pytest.approx(high))
        few = {name: frame.iloc[:59] for name, frame in frames.items()}  # 29 of them share their age
        assert agreement(few, resampling=RESAMPLING)[["r_errors_within_years", "r_low"]].isna().all(axis=None)

    def test_ages_that_are_ranges(self):
        frame = faces([f"f{i}" for i in range(32)], [np.nan] * 32, [25, 31, 15, 40] * 8)
        frame = frame.assign(age_real_low=[20, 20, 30, 30] * 8, age_real_high=[29, 29, 39, 39] * 8)
        table = agreement({"one": frame, "two": frame}, resampling=RESAMPLING)
        assert table["r_errors_within_years"][0] == pytest.approx(1)  # errors 0, 2, −15, 1; within: ±1 and ±8

    @pytest.mark.parametrize("count", [0, 1])
    def test_few_faces(self, count):
        table = agreement({"one": ONE[:count], "two": ONE[:count]}, resampling=RESAMPLING)
        assert table["n"].tolist() == [count] and table["r_estimates"].isna().all()

    def test_of_one_estimator_there_is_no_pair(self):
        assert agreement({"one": ONE}, resampling=RESAMPLING).empty
