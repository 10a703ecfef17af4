"""Measures of a classifier on faces whose answers are worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.randomness import Resampling
from age_audit.stats.proportions import wilson_interval
from age_audit.training.evaluate import (
    MEASURES,
    by_distance,
    calibration,
    calibration_error,
    confusion,
    faces_needed,
    measure,
    predictions,
    worst_faces,
)
from age_audit.training.groups import parse_groups

GROUPS = parse_groups(["Child 0-9", "Teenager 10-19", "Adult 20-"])
AGES = [5.0, 5, 12, 12, 30, 30]
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3], [0.5, 0.1, 0.4], [0.0, 0.0, 1.0]]
)


@pytest.fixture
def told():
    """Right; one too old; right; one too young; two too young; right."""
    faces = pd.DataFrame({"fname": list("abcdef"), "age_real": AGES, "gender_real": ["Male", "Female"] * 3})
    faces = faces.assign(race_real="Asian", cluster=[0, 0, 1, 2, 3, 4])
    return predictions(faces, PROBABILITIES, PROBABILITIES.argmax(axis=1), GROUPS, np.array([5.0, 12, 12, 8, 20, 33]))


def test_measures_by_hand(told):
    found = measure(told, resampling=Resampling(1)).set_index("measure")
    right = -np.log([0.8, 0.2, 0.8, 0.3, 0.4, 1.0]).mean()
    expected = {
        "exact": 3 / 6,
        "within_one": 5 / 6,
        "mean_absolute_error": (0 + 7 + 0 + 4 + 10 + 3) / 6,
        "log_loss": right,
    }
    assert found["value"].to_dict() == pytest.approx(expected)
    assert found["n"].eq(6).all() and found["clusters"].eq(5).all() and list(found.index) == list(MEASURES)
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()


def test_copies_make_intervals_wider():
    rng = np.random.default_rng(1)
    right = np.repeat(rng.random(100) < 0.6, 4)
    faces = pd.DataFrame({"fname": np.arange(400).astype(str), "age_real": 5.0, "gender_real": "Male"})
    faces = faces.assign(race_real="Asian", cluster=np.repeat(np.arange(100), 4))
    probabilities = np.where(right[:, None], [0.8, 0.2, 0], [0.2, 0.8, 0])
    widths = {}
    for name, clusters in (("copies", faces["cluster"]), ("alone", np.arange(400))):
        said = probabilities.argmax(axis=1)
        told = predictions(faces.assign(cluster=clusters), probabilities, said, GROUPS, np.full(400, 5.0))
        row = measure(told, resampling=Resampling(1)).iloc[0]
        widths[name] = row["high"] - row["low"]
    assert widths["copies"] == pytest.approx(2 * widths["alone"], rel=0.2)  # four copies say what one does


def test_classes_and_their_crossing_are_measured(told):
    found = measure(told, [["gender_real"], ["race_real", "gender_real"]], resampling=Resampling(1))
    exact = found[found["measure"] == "exact"].set_index(["feature", "class"])["value"]
    assert exact["gender", "Male"] == pytest.approx(2 / 3)
    assert exact["race x gender", "Asian, Female"] == pytest.approx(1 / 3)


def test_distances_confusion_and_worst_faces(told):
    assert by_distance(told)[["distance", "n"]].to_numpy().tolist() == [[0, 3], [1, 2], [2, 1]]
    assert confusion(told).to_numpy().tolist() == [[1, 1, 0], [1, 1, 0], [1, 0, 1]]
    assert worst_faces(told, 3)["fname"].tolist() == ["e", "b", "d"]


def test_calibration_by_hand(told):
    found = calibration(told, bins=2)  # stated 0.4, 0.5, 0.7 and 0.8, 0.8, 1.0
    assert found["stated"].tolist() == pytest.approx([1.6 / 3, 2.6 / 3])
    assert found["share"].tolist() == [0, 1]
    assert calibration_error(found) == pytest.approx((1.6 / 3 + 0.4 / 3) / 2)


def test_52_faces_give_13_points():
    assert faces_needed(0.135, 0.5) == pytest.approx(52, abs=1)
    assert faces_needed(0.01, 0.5) == 9604


def test_of_faces_that_are_all_alike_the_interval_is_not_a_point(told):
    """Five faces of four clusters, all right: Wilson's interval of four of four begins at 4 / (4 + 1.96²)."""
    right = told[told["distance"] == 0].reset_index(drop=True)
    more = pd.concat([right, right.iloc[:2].assign(cluster=[0, 9])], ignore_index=True)
    found = measure(more, resampling=Resampling(1)).set_index("measure")
    assert found.loc["exact", ["clusters", "value", "high"]].tolist() == [4, 1, 1]
    assert found.loc["exact", "low"] == found.loc["within_one", "low"] == pytest.approx(4 / (4 + 1.959964**2))
    assert found.loc["mean_absolute_error", "high"] < 3


def test_a_share_of_all_faces_is_not_known_at_once():
    assert faces_needed(0.03, 1.0) == faces_needed(0.03, 0.0) == 61
    low, high = wilson_interval([60, 61], [60, 61])
    assert ((high - low) / 2 <= 0.03).tolist() == [False, True]
