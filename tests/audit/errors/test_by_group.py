"""Errors by group against numbers worked out by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.by_group import error_by_group, mean_interval
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL
from age_audit.core.vocabulary import AGE_RANGE_LABELS, GENDERS
from age_audit.data.frames import activations_frame


def frame_of(*faces):
    """Faces as (age, gender, race, estimate)."""
    names = ("age_real", "gender_real", "race_real", "age_estimation")
    return activations_frame([dict(zip(names, face, strict=True), fname=f"{i}.jpg") for i, face in enumerate(faces)])


FACES = frame_of(
    (10, "Male", "Asian", 12),  # +2
    (10, "Male", "Asian", 14),  # +4
    (11, "Male", None, 5),  # -6
    (12, "Female", "Indian", 15),  # +3
    (30, "Female", "Indian", 20),  # -10
    (30, None, "Indian", 31),  # +1
    (116, "Female", "Other", 100),  # -16, outside the age ranges
    (None, "Male", "Other", 50),
    (50, "Male", "Other", None),
)


def row_of(table, **levels):
    chosen = table[np.logical_and.reduce([table[name] == level for name, level in levels.items()])]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_interval_by_hand():
    # Mean 4, deviations -2, 0, 2, standard error 2 / sqrt(3); Student's t has 0.975 at 4.302653 with 2 degrees.
    result = mean_interval([2, 4, 6, np.nan])
    assert (result.n, result.mean) == (3, 4)
    assert result.high - 4 == pytest.approx(4.302653 * 2 / np.sqrt(3), rel=1e-6)
    assert 4 - result.low == pytest.approx(result.high - 4)


def test_interval_of_equal_values_is_a_point():
    result = mean_interval([3, 3, 3])
    assert (result.low, result.high) == (3, 3)


def test_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(20)
    results = [mean_interval(rng.normal(5, 2, size=6), 0.8) for _ in range(1000)]
    covered = np.mean([result.low <= 5 <= result.high for result in results])
    assert covered == pytest.approx(0.8, abs=0.04)  # three standard errors of a share of 0.8 in 1,000


def test_one_control_feature():
    table = error_by_group(FACES, "gender_real", "age_range")
    male = row_of(table, age_range="0–12", gender_real="Male")
    assert male["n"] == 3
    assert male["mean_absolute_error"] == 4  # (2 + 4 + 6) / 3
    assert male["mean_signed_error"] == 0  # (2 + 4 - 6) / 3
    assert male["mean_absolute_error_ci95_high"] == pytest.approx(4 + 4.302653 * 2 / np.sqrt(3), rel=1e-6)


def test_every_level_has_its_row_in_order():
    table = error_by_group(FACES, "gender_real", "age_range")
    assert table["age_range"].tolist() == [label for label in [*AGE_RANGE_LABELS, ALL] for _ in range(3)]
    assert table["gender_real"].tolist() == [*GENDERS, ALL] * 5


def test_overall_counts_faces_that_no_level_fits():
    table = error_by_group(FACES, "gender_real", "age_range")
    assert row_of(table, age_range="26–100", gender_real=ALL)["n"] == 2  # one of them without a gender
    everyone = row_of(table, age_range=ALL, gender_real=ALL)
    assert everyone["n"] == 7  # the face of 116 years too
    assert everyone["mean_absolute_error"] == pytest.approx((2 + 4 + 6 + 3 + 10 + 1 + 16) / 7)


def test_empty_and_single_groups_keep_their_n():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = error_by_group(FACES, "gender_real", "age_range")
    empty = row_of(table, age_range="13–18", gender_real="Male")
    assert empty["n"] == 0
    assert empty.drop(["age_range", "gender_real", "n"]).isna().all()
    single = row_of(table, age_range="0–12", gender_real="Female")
    assert (single["n"], single["mean_absolute_error"]) == (1, 3)
    assert np.isnan(single["mean_signed_error_ci95_low"])


def test_no_control_feature_and_two_sensitive_ones():
    table = error_by_group(FACES, ["gender_real", "race_real"])
    assert len(table) == 3 * 6
    assert row_of(table, gender_real="Male", race_real="Asian")["mean_signed_error"] == 3
    assert row_of(table, gender_real="Male", race_real=ALL)["n"] == 3


def test_plain_columns_use_the_values_that_occur():
    frame = pd.DataFrame({"age_real": [1, 2, 3], "age_estimation": [2, 4, 6], "camera": ["b", "a", None]})
    table = error_by_group(frame, "camera")
    assert table["camera"].tolist() == ["a", "b", ALL]
    assert table["n"].tolist() == [1, 1, 3]


def test_no_faces_at_all():
    table = error_by_group(activations_frame([]), "race_real", "age_range")
    assert len(table) == 5 * 6
    assert (table["n"] == 0).all()


def test_confidence_is_in_the_column_names_and_widens_the_interval():
    wide = error_by_group(FACES, "gender_real", confidence=0.99).iloc[-1]
    narrow = error_by_group(FACES, "gender_real", confidence=0.9).iloc[-1]
    assert wide["mean_absolute_error_ci99_high"] > narrow["mean_absolute_error_ci90_high"]
    with pytest.raises(ValueError, match="between 0 and 1, got 95"):
        error_by_group(FACES, "gender_real", confidence=95)


def test_missing_columns_and_features_are_refused():
    with pytest.raises(UsageError, match=r"missing column\(s\) camera"):
        error_by_group(FACES, "camera")
    with pytest.raises(ValueError, match="at least one sensitive feature"):
        error_by_group(FACES, [])
