"""Groups out of columns, age ranges out of ages."""

import re

import numpy as np
import pandas as pd
import pytest

from age_audit.core import groups
from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT


def test_age_ranges_are_inclusive_and_count_completed_years():
    ages = [0, 12, 12.5, 12.999, 13, 18, 19, 25, 26, 100, 100.5, 101, 116, -1, np.nan, None]
    labels = list(groups.age_range_of(ages))
    assert labels[:4] == ["0–12"] * 4
    assert labels[4:6] == ["13–18"] * 2
    assert labels[6:8] == ["19–25"] * 2
    assert labels[8:11] == ["26–100"] * 3
    assert all(label is np.nan for label in labels[11:])


def test_a_range_of_ages_is_in_the_range_that_holds_all_of_it():
    labels = groups.age_range_of([0, 10, 20, 20, 70], [(0, 12), (20, 29), (30, 100)], [2, 19, 29.5, 30, 130])
    assert labels.codes.tolist() == [0, -1, 1, -1, -1]


def test_real_ages_are_ranges_only_where_no_age_is_known():
    frame = pd.DataFrame({"age_real": [5.0, np.nan, np.nan]})
    lowest, highest = groups.real_ages(frame)
    np.testing.assert_array_equal(lowest, [5, np.nan, np.nan])
    np.testing.assert_array_equal(highest, [5, np.nan, np.nan])
    lowest, highest = groups.real_ages(frame.assign(age_real_low=[1, 20, np.nan], age_real_high=[9, 29, np.nan]))
    np.testing.assert_array_equal(lowest, [5, 20, np.nan])
    np.testing.assert_array_equal(highest, [5, 29, np.nan])


def test_order_of_groups():
    published = ["Caucasian", "Asian"]
    assert groups.in_order(["Asian"], published) == published  # that a group has no faces is a finding
    assert groups.in_order(["Black", "Asian"], published) == ["Asian", "Black"]
    assert groups.in_order(["10", "9", "VI", "b10", "b9"]) == ["9", "10", "VI", "b9", "b10"]
    assert groups.in_order(["b", "2b", "b2a", "10", "b2"]) == ["2b", "10", "b", "b2", "b2a"]
    assert groups.in_order([]) == []


def test_every_combination_of_levels():
    tone = pd.Categorical(["II", "I", "II", None], categories=["I", "II", "III"])  # none has III
    frame = pd.DataFrame({"tone": tone, "side": ["b", "b", "a", None]})
    found = [(tuple(labels.items()), inside.tolist()) for labels, inside in groups.groups_of(frame, ["tone", "side"])]
    assert found == [
        ((("tone", "I"), ("side", "a")), [False] * 4),
        ((("tone", "I"), ("side", "b")), [False, True, False, False]),
        ((("tone", "II"), ("side", "a")), [False, False, True, False]),
        ((("tone", "II"), ("side", "b")), [True, False, False, False]),
        ((("tone", "III"), ("side", "a")), [False] * 4),
        ((("tone", "III"), ("side", "b")), [False] * 4),
    ]
    found = [(labels["side"], inside.tolist()) for labels, inside in groups.groups_of(frame, ["side"], ["side"])]
    assert found == [("a", [False, False, True, False]), ("b", [True, True, False, False]), ("all", [True] * 4)]
    (labels, inside) = next(iter(groups.groups_of(frame, [])))
    assert labels == {} and inside.tolist() == [True] * 4


def test_levels_are_in_order():
    assert groups.levels(pd.Series(["10", "9", None, "9"])) == ["9", "10"]
    assert groups.levels(pd.Series(pd.Categorical(["b"], categories=["b", "c", "a"]))) == ["b", "c", "a"]
    ranges = groups.age_range_of([30, 5])
    assert ranges.ordered and ranges.min() == "0–12"


def test_missing_columns_are_named_beside_those_that_are_there():
    with pytest.raises(UsageError, match=r"missing column\(s\) b, c; the columns present begin with: a$"):
        groups.require_columns(pd.DataFrame({"a": [1]}), ["a", "b", "c"])
    with pytest.raises(UsageError, match="begin with: none at all"):
        groups.require_columns(pd.DataFrame(), ["a"])
    groups.require_columns(pd.DataFrame({"a": [1]}), ["a"])


def test_a_column_that_is_there_twice_is_refused():
    with pytest.raises(UsageError, match="expected one column race_real, got several"):
        groups.require_columns(pd.DataFrame([[1, 2, 3]], columns=["race_real", "a", "race_real"]), ("a", "race_real"))


def test_names_of_one_and_of_sixty_characters():
    assert groups.check_features(["x", "y" * 60]) == ("x", "y" * 60)


def test_what_faces_are_compared_by():
    frame = pd.DataFrame({"race_real": ["Asian", None], "gender_real": [None, None], "skin_tone": ["I", "II"]})
    assert groups.compared_by(frame) == ["race_real"]
    assert groups.compared_by(frame[["skin_tone"]]) == []
    assert groups.compared_by(frame, ["skin_tone", "gender"]) == ["skin_tone", "gender_real"]
    assert [groups.feature_title(column) for column in ("race_real", "gender_real", "skin_tone")] == [
        *("race", "gender", "skin_tone")
    ]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["n"], "'n': tables have a column of that name"),
        (["mean_absolute_error_low"], "tables have a column of that name"),
        (["age_range"], "tables have a column of that name"),
        (["a b", "A/B"], "'A/B': its files would be those of 'a b'"),
        (["x" * 61], "at most 60 characters without a comma"),
        (["a,b"], "at most 60 characters without a comma"),
        ([""], "expected another name"),
        (["a\u2067"], "no sensitive feature with marks of direction"),
    ],
)
def test_names_that_tables_and_files_cannot_carry(names, words):
    with pytest.raises(UsageError, match=words):
        groups.check_features(names)
    with pytest.raises(UsageError, match=words):
        groups.compared_by(pd.DataFrame(), names)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["A", "all"], "no group of tone called 'all'"),
        (["A", " All"], "no group of tone called ' All'"),
        (["A", "unlabelled"], "'unlabelled', which readers of tables take for a missing label"),
        (["A", "NA"], "'NA', which readers of tables take for a missing label; .* leave the cell empty"),
        (["A", "x" * 46], "at most 45 characters.*; shorten it in the labels"),
        (["male", "Male"], "one spelling of each group of tone, got 'Male' and 'male'; write them alike"),
        (["A  b", "a b "], "one spelling"),
        (["Jos\u00e9", "Jose\u0301"], "one spelling"),
        (["\uff21", "A"], "one spelling"),  # a letter of full width
        (["Male", "Male\u200b"], r"got 'Male' and 'Male\\u200b'"),  # a space of no width
        (["non-white", "non\u2011white"], "one spelling"),  # a hyphen at which no line breaks
        (["26\u201335", "26-35"], "one spelling"),
        (["1", "2", "1.0"], "got '1' and '1.0'"),  # as pandas writes a column with gaps
        (["A", "\u202e43"], r"no group of tone with marks of direction, .*, got '\\u202e43'; take them out"),
        (["A", "_B"], "begins with an underscore, for legends leave it out, got '_B'"),
    ],
)
def test_groups_that_tables_or_readers_would_confuse(names, words):
    with pytest.raises(UsageError, match=words):
        groups.check_groups("tone", names)


def test_one_name_or_several():
    assert groups.feature_names("race") == ["race"] and groups.feature_names(("race", "tone")) == ["race", "tone"]


def test_every_other_group_is_let_pass():
    groups.check_groups("tone", ["x" * 45])
    assert (
        groups.check_groups(
            "tone", ["Native Hawaiian or Other Pacific Islander", "none", "Nan", "=1+1", "East_Asian", None]
        )
        is None
    )


def test_each_feature_counts_once():
    assert groups.check_features(["tone", "race", "tone"]) == ("tone", "race")


def test_no_table_that_ships_has_a_column_that_a_feature_may_be_called():
    headers = [path.open(encoding="utf-8").readline().strip() for path in (ROOT / "tables").rglob("*.csv")]
    columns = {name for header in headers for name in header.split(",") if re.fullmatch(r"[\w.]+", name)}
    assert len(columns) > 200
    for name in sorted(columns - {"race", "gender"}):
        if name not in ("race_real", "gender_real"):
            with pytest.raises(UsageError, match="tables have a column of that name"):
                groups.check_features([name])


def test_a_face_without_a_cluster_stands_alone():
    codes = groups.cluster_codes(pd.DataFrame({"cluster": ["x", None, "y", "x", None]}), "cluster")
    assert codes[0] == codes[3] and len(set(codes)) == 4
    assert groups.cluster_codes(pd.DataFrame({"cluster": [1, 1]}), None).tolist() == [0, 1]
