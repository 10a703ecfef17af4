"""Several estimators on the same faces."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.baselines import ONE_AGE
from age_audit.audit.errors.several_estimators import cumulative_scores, label_doubts, worst_faces
from age_audit.core.errors import UsageError
from age_audit.stats.proportions import wilson_interval


def faces(names, ages, estimates):
    ages, estimates = np.asarray(ages, dtype=float), np.asarray(estimates, dtype=float)
    return pd.DataFrame({"fname": list(names), "age_real": ages, "age_estimation": estimates})


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
