"""Seeds, differences and estimators of ages on six faces whose answers are worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.csv_text import csv_text
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.training.comparison import (
    difference,
    estimator_as_classifier,
    over_seeds,
    read_predictions,
    with_smaller_errors,
)
from age_audit.training.evaluate import predictions
from age_audit.training.groups import parse_groups

GROUPS = parse_groups(["Child 0-9", "Teenager 10-19", "Adult 20-"])
FACES = pd.DataFrame(
    {"fname": list("abcdef"), "age_real": [5.0, 5, 12, 12, 30, 30], "gender_real": ["Male", "Female"] * 3}
)
FACES = FACES.assign(race_real="Asian", cluster=[0, 0, 1, 2, 3, 4])


def told(said):
    """A classifier that is sure of these groups, and of their ages 5, 12 and 30."""
    return predictions(FACES, np.eye(3)[said], np.array(said), GROUPS, np.array([5.0, 12, 30])[said])


RIGHT, HALF = told([0, 0, 1, 1, 2, 2]), told([0, 1, 1, 0, 0, 2])


def test_means_over_seeds_by_hand():
    found = over_seeds([RIGHT, HALF], resampling=Resampling(1)).set_index("measure")
    assert found["value"].to_dict() == pytest.approx(
        {"exact": 0.75, "within_one": 11 / 12, "mean_absolute_error": (7 + 7 + 25) / 12, "log_loss": -np.log(1e-7) / 4}
    )
    assert found.loc["exact", ["lowest", "highest", "n", "seeds"]].tolist() == [0.5, 1, 6, 2]
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()


def test_seeds_on_other_faces_are_refused():
    with pytest.raises(UsageError, match="same faces"):
        over_seeds([RIGHT, HALF.head(5)], resampling=Resampling(1))


def test_differences_are_of_the_faces_in_common_whatever_their_order():
    same = difference([RIGHT], [RIGHT.sample(frac=1, random_state=1)], resampling=Resampling(1))
    assert same["value"].eq(0).all() and same["n"].eq(6).all()
    found = difference([RIGHT, HALF], [HALF.head(5)], resampling=Resampling(1)).set_index("measure")
    assert found.loc["exact", "value"] == pytest.approx(0.5 * (1 - 2 / 5)) and found["n"].eq(5).all()


def test_an_estimator_of_ages_falls_into_groups():
    found = estimator_as_classifier({"a": 9.99, "c": 20.0, "f": 140.0}, FACES, GROUPS)
    assert found["group_estimated"].tolist() == ["Child", "Adult", "Adult"]
    assert found["age_estimation"].tolist() == [9.99, 20.0, 140.0]


def test_what_was_written_comes_back(tmp_path):
    (tmp_path / "predictions.csv").write_text(csv_text(HALF))
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "predictions.csv"), HALF)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for name in ("other.csv", "absent.csv"):
        with pytest.raises(UsageError, match="age-audit train writes them"):
            read_predictions(tmp_path / name)


def test_an_age_that_no_group_holds_is_of_the_nearest():
    groups = parse_groups(["Child 0-12", "Youth 18-24", "Adult 40-60"])
    ages = {"a": 14.9, "b": 16.0, "c": 12.9, "d": 33.0, "e": 99.0}
    faces = pd.DataFrame({"fname": list(ages), "age_real": 20.0, "gender_real": "Male", "race_real": "Other"})
    found = estimator_as_classifier(ages, faces.assign(cluster=range(5)), groups)
    assert found["group_estimated"].tolist() == ["Child", "Youth", "Child", "Adult", "Adult"]


def test_classifiers_without_a_face_in_common_are_not_compared():
    with pytest.raises(UsageError, match="without a file name in common"):
        difference([RIGHT], [RIGHT.assign(fname=RIGHT["fname"] + "x")], resampling=Resampling(1))


def test_of_faces_that_are_all_right_the_interval_is_not_a_point():
    found = over_seeds([RIGHT], resampling=Resampling(1)).set_index("measure")
    assert found.loc["exact", "value"] == 1 and found.loc["exact", "low"] < 0.9


def test_smaller_errors_by_hand():
    faces = FACES.iloc[[0, 1, 2, 4]].assign(age_estimation=[21.0, 13, 1, 26])  # off by 16, 8, -11, -4
    found = with_smaller_errors(faces, GROUPS, [1, 0.5, 2, 0]).set_index("error_factor")
    # Ages 21, 13, 1, 26 as they are; 13, 9, 6.5, 28 with half of the error; 37, 21, -10, 22 with twice the error.
    assert found["exact"].tolist() == [0.25, 0.5, 0.25, 1]
    assert found["within_one"].tolist() == [0.75, 1, 0.5, 1]
    assert found["mean_absolute_error"].tolist() == [39 / 4, 39 / 8, 39 / 2, 0] and (found["n"] == 4).all()
