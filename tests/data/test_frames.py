"""Names the notebooks rely on, and the frame made of activations rows."""

import copy

import pytest

from age_audit.core import vocabulary
from age_audit.core.errors import UsageError
from age_audit.data import frames


def face(fname, age=30, gender="Male", race="Asian", estimate=32.0, **more):
    return {
        "fname": fname,
        "age_real": age,
        "gender_real": gender,
        "race_real": race,
        "age_estimation": estimate,
        **more,
    }


def test_frame_adds_errors_age_range_and_missing_accuracy():
    rows = [face("a.jpg", 10, estimate=14.5), face("b.jpg", 40, estimate=30, age_estimation_accuracy=0.5)]
    frame = frames.activations_frame(rows)
    assert frame["signed_error"].tolist() == [4.5, -10]
    assert frame["absolute_error"].tolist() == [4.5, 10]
    assert frame["age_estimation_accuracy"].tolist() == [0.955, 0.5]  # computed, stored
    assert frame["age_range"].tolist() == ["0–12", "26–100"]
    assert frame["fname"].tolist() == ["a.jpg", "b.jpg"]


def test_group_order_is_fixed_whatever_occurs():
    rows = [face("a.jpg", race="Zulu"), face("b.jpg", race="Other"), face("c.jpg", race="Inuit")]
    frame = frames.activations_frame(rows)
    assert list(frame["race_real"].cat.categories) == ["Other", "Inuit", "Zulu"]
    assert list(frames.activations_frame(rows[1:2])["race_real"].cat.categories) == vocabulary.RACES
    assert list(frame["gender_real"].cat.categories) == vocabulary.GENDERS
    assert (
        list(frame["age_range"].cat.categories) == vocabulary.AGE_RANGE_LABELS == ["0–12", "13–18", "19–25", "26–100"]
    )


def test_every_label_may_be_null():
    rows = [face("a.jpg", None, None, None, None, age_estimation_accuracy=0.9), face("b.jpg", gender="", race="")]
    frame = frames.activations_frame(rows)
    assert frame.loc[0, vocabulary.KEYS_RACE_AGE].isna().all()
    assert frame["gender_real"].isna().all()
    assert frame["race_real"].isna().all()


def test_row_counts_add_up():
    rows = [
        face("used.jpg"),
        face("no-age-no-estimate.jpg", None, estimate=None),
        face("no-age.jpg", None),
        face("no-estimate.jpg", estimate=None),
        face("infinite.jpg", estimate=float("inf")),
        face("old.jpg", 116, race=None),
        face("no-gender.jpg", gender=None),
    ]
    counts = frames.row_counts(frames.activations_frame(rows))
    assert counts == {
        "images": 7,
        "no_real_age": 2,
        "no_estimate": 2,
        "used": 3,
        "outside_age_ranges": 1,
        "no_gender_real": 1,
        "no_race_real": 1,
    }


def test_no_rows_give_an_empty_frame():
    frame = frames.activations_frame([])
    assert len(frame) == 0
    assert frames.row_counts(frame)["images"] == 0


def test_a_key_that_some_rows_lack_is_missing_there():
    row = face("a.jpg")
    del row["race_real"]
    frame = frames.activations_frame([row, face("b.jpg")])
    assert frame["race_real"].isna().tolist() == [True, False]


def test_missing_columns_are_named():
    row = face("a.jpg")
    del row["race_real"], row["age_estimation"]
    with pytest.raises(UsageError, match=r"race_real, age_estimation.*fname"):
        frames.activations_frame([row])


def test_a_number_that_is_none_names_its_image():
    with pytest.raises(UsageError, match=r"age_real.*'old'.*'b\.jpg'"):
        frames.activations_frame([face("a.jpg"), face("b.jpg", "old")])


def test_a_row_that_is_no_object_is_refused():
    with pytest.raises(UsageError, match=r"every row to be an object.*'b\.jpg'"):
        frames.activations_frame([face("a.jpg"), "b.jpg"])


def test_rows_are_left_alone():
    rows = [face("a.jpg"), face("b.jpg", None)]
    before = copy.deepcopy(rows)
    frames.activations_frame(rows)
    assert rows == before


def test_groups_of_any_column_and_age_ranges_of_ones_own():
    rows = [face("a.jpg", 13, tone="10"), face("b.jpg", 18, tone="2"), face("c.jpg", 5, tone=None), face("d.jpg", 12.5)]
    own = frames.grouped(frames.activations_frame(rows), ["tone", "gender"], [(0, 12), (13, 17)])
    assert list(own["tone"].cat.categories) == ["2", "10"]
    assert own["age_range"].astype(object).tolist()[0::2] == ["13–17", "0–12"]
    assert own["age_range"].isna().tolist() == [False, True, False, False]
    with pytest.raises(UsageError, match="columns of the labels, gender, race, tone; got skin; choose among these"):
        frames.grouped(frames.activations_frame(rows), ["skin"])
    nobody = [row | {"gender_real": None} for row in rows]
    with pytest.raises(UsageError, match="columns of the labels, race, tone; got skin"):
        frames.grouped(frames.activations_frame(nobody), ["skin"])
    assert frames.grouped(frames.activations_frame(nobody), ["gender"])["gender_real"].isna().all()


def test_a_range_of_ages_has_an_error_from_its_nearer_end():
    def row(fname, estimate, **label):
        return face(fname, estimate=estimate, **{"age_real": None, "age_real_low": 20, "age_real_high": 29} | label)

    exact = {"age_real": 40, "age_real_low": None, "age_real_high": None}
    rows = [row("a.jpg", 25), row("b.jpg", 17.5), row("c.jpg", 31), row("d.jpg", 31, **exact), row("e.jpg", None)]
    frame = frames.activations_frame(rows)
    assert frame["signed_error"].tolist()[:4] == [0, -2.5, 2, -9]
    assert frame["age_estimation_accuracy"].tolist()[:4] == [1, 0.975, 0.98, 0.91]
    assert frame["age_range"].isna().tolist() == [True, True, True, False, True]  # 20–29 is in none of the study's
    own = frames.grouped(frame, None, [(20, 29), (30, 39)])
    assert own["age_range"].astype(object).tolist()[:3] == ["20–29"] * 3
    assert frames.row_counts(own) == {
        **{"images": 5, "no_real_age": 0, "no_estimate": 1, "used": 4, "age_as_range": 3},
        **{"outside_age_ranges": 1, "no_gender_real": 0, "no_race_real": 0},
    }


def test_stated_spreads_come_with_the_predictions():
    document = {"predictions": {"a": 20, "b": 30, "c": 40}, "age_spread": {"b": None, "a": 2.5}}
    spread = frames.predictions_frame(document)["age_spread"]
    assert spread[0] == 2.5 and spread[1:].isna().all()
    assert "age_spread" not in frames.predictions_frame({"predictions": {"a": 20}})


def test_gender_answers_come_with_the_predictions_and_are_no_feature():
    document = {"predictions": {"a": 20, "b": 30, "c": 40}, "probability_female": {"c": 1, "a": 0.25}}
    frame = frames.predictions_frame(document)
    assert frame["probability_female"].dtype == float and frame["probability_female"].fillna(-1).tolist() == [
        0.25,
        -1,
        1,
    ]
    assert "probability_female" not in frames.predictions_frame({"predictions": {"a": 20}, "probability_female": {}})
    with pytest.raises(UsageError, match="probability_female"):
        frames.grouped(frame, ["probability_female"])
