"""Tables as readers see them."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.report.words import at_floor, digits_of, heading, is_p_value, p_text, shown, unit, units_of

ERRORS = pd.DataFrame(
    {
        "race_real": ["Asian", "Other"],
        "n": [1200, 2],
        "mean_absolute_error": [9.46, np.nan],
        "mean_absolute_error_low": [8.0, np.nan],
        "mean_absolute_error_high": [11.25, np.nan],
        "few_faces": [False, True],
        "worst_region": ["eye_l", None],
        "p_value": [0.0005, 0.2],
        "p_holm": [0.025, 0.4],
    }
)


def test_columns_in_words_and_units():
    columns = [
        "p_holm",
        "race_real",
        "crude_low",
        "mean_absolute_error_low",
        "outer_boundary_left",
        "skin_tone",
        "mean_signed_error_p_bh",
    ]
    words = ["p (Holm)", "race", "unadjusted, 95 % from", "MAE, 95 % from", "left", "skin tone", "signed error, p (BH)"]
    assert [heading(column) for column in columns] == words
    assert units_of(ERRORS[["race_real", "n", "p_value"]]) == "n: faces; p_value: 0–1"
    errors = ["share_judged_older", "median_spread", "deviations", "expected", "label_doubt", "estimated_range", "p10"]
    assert [heading(column) for column in errors] == [
        *("share judged older", "median stated SD", "within so many stated SDs", "expected share", "label in doubt"),
        *("estimated", "10 % are below"),
    ]
    assert [unit(column) for column in errors] == ["0–1", "years", "", "0–1", "", "years", "years"]
    assert [unit(column) for column in ("cumulative_score_5", "share_positive", "size")] == ["0–1", "0–1", ""]


@pytest.mark.parametrize(
    ("column", "whether"),
    [("p_value", True), ("mean_absolute_error_p_bh", True), ("p_share", True), ("p_up_to_0.05", False), ("top", False)],
)
def test_which_columns_hold_p_values(column, whether):
    assert is_p_value(column) == whether


@pytest.mark.parametrize(
    ("numbers", "digits"),
    [([1.0, 2.0], 0), ([123.4], 0), ([56.2, 0.1], 1), ([-5.25], 2), ([0.158, np.nan], 3), ([1e-6], 3), ([np.nan], 0)],
)
def test_three_digits_of_the_largest(numbers, digits):
    assert digits_of(pd.Series(numbers)) == digits


def test_no_snake_case_no_nan_no_truth_value_and_few_digits():
    columns = ["race_real", "n", "mean_absolute_error", "few_faces", "worst_region", "p_holm"]
    frame = shown(ERRORS, columns, floor=1 / 2000).frame
    assert frame.to_dict("list") == {
        "race": ["Asian", "Other"],
        "n": ["1,200", "2"],
        "MAE (95 % interval)": ["9.46 (8.00 to 11.25)", "–"],
        "few faces": ["no", "yes"],
        "worst region": ["left eye area", "–"],
        "p (Holm)": ["≤ 0.025", "0.400"],
    }


def test_digits_and_names_can_be_said():
    frame = shown(
        ERRORS, {"race_real": "label", "mean_absolute_error": "MAE, years"}, digits={"mean_absolute_error": 0}
    ).frame
    assert frame.to_dict("list") == {"label": ["Asian", "Other"], "MAE, years (95 % interval)": ["9 (8 to 11)", "–"]}


def test_digits_of_a_long_table_are_those_of_its_measures():
    table = pd.DataFrame({"measure": ["mean_absolute_error", "study_accuracy"], "value": [9.456, 0.90544]})
    assert shown(table).frame.to_dict("list") == {
        "measure": ["mean absolute error", "accuracy"],
        "value": ["9.5", "0.905"],
    }


def test_pages_are_safe_and_text_stands_left():
    page = shown(pd.DataFrame({"group": ["<b>x</b>"], "n": [-1]}))._repr_html_()
    assert (
        '<td style="text-align: left">&lt;b&gt;x&lt;/b&gt;</td>' in page
        and 'text-align: right; white-space: nowrap">−1<' in page
    )
    page = shown(pd.DataFrame({"group": ["$20k to $50k"]}))._repr_html_()
    assert "<span>$</span>20k to <span>$</span>50k" in page  # or notebooks would set it as a formula
    assert repr(shown(ERRORS, ["n"])).split() == ["n", "1,200", "2"]


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match="nowhere"):
        shown(ERRORS, ["nowhere"])


def test_the_floor_of_adjusted_p_values():
    """With 19 permutations the least p is 0.05; of three tests Holm makes it 0.15, and so the next one."""
    floor = Resampling(1, permutations=19).floor
    table = pd.DataFrame({"p_value": [0.05, 0.055, 0.9], "p_holm": [0.15, 0.15, 0.9], "p_share": [0.05, 0.5, 0.9]})
    table["p_share_holm"] = [0.15, 1.0, 1.0]
    assert floor == 0.05
    assert at_floor(table, "p_value", floor).tolist() == [True, False, False]
    assert at_floor(table, "p_holm", floor).tolist() == [True, True, False]
    assert at_floor(table, "p_share_holm", floor).tolist() == [True, False, False]
    assert not at_floor(table, "p_holm", None).any()
    with pytest.raises(UsageError, match="expected p beside p_holm"):  # or what is at the floor would look exact
        at_floor(table.drop(columns="p_value"), "p_holm", floor)


@pytest.mark.parametrize(
    ("p", "lowest", "text"),
    [
        *((0.0312, False, "0.031"), (0.00034, False, "0.0003"), (3.4e-21, False, "< 0.0001"), (np.nan, False, "–")),
        *((0.025, True, "≤ 0.025"), (0.0005, True, "≤ 0.0005"), (0.00005, True, "≤ 0.00005")),
    ],
)
def test_p_values_as_text(p, lowest, text):
    assert p_text(p, lowest) == text


def test_a_table_without_rows_is_a_sentence():
    table = pd.DataFrame({"race_real": ["Asian"], "n": [3]})
    empty = shown(table.head(0), ["race_real", "n"], nothing="No group & no face.")
    assert repr(empty) == "No group & no face." and empty._repr_html_() == "<p>No group &amp; no face.</p>"
    assert "Empty" not in repr(shown(table.head(0))) and "race" in repr(shown(table, nothing="None."))


def test_ends_of_ages_are_no_interval_and_counts_have_no_digits():
    table = pd.DataFrame({"age_low": [13.0], "age_high": [17.0], "highest_n": [54.0], "n": [407.0], "highest": [0.574]})
    table = pd.concat([table, table.assign(highest_n=np.nan, n=np.nan)], ignore_index=True)
    found = shown(table, digits=2).frame
    assert list(found)[:2] == ["age from", "age to"]
    assert found["faces in it"].tolist() == ["54", "–"] and found["n"].tolist() == ["407", "–"]
    assert found["highest"].tolist() == ["0.57", "0.57"]


def test_measures_that_nobody_knows_by_their_key_have_names():
    keys = ["whipple_children", "label_sd_robust", "myers"]
    found = shown(pd.DataFrame({"measure": keys, "split_half_r_mean": 0.5, "n_needed": 73}))
    assert found.frame["measure"].tolist() == [
        "Whipple's index, children", "SD of labels, by the median pair", "Myers' blended index",
    ]  # fmt: skip
    assert list(found.frame)[1:] == ["r of the halves' mean masks", "faces needed"]
