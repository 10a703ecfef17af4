"""Curves against a literal twin; buffers by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.gate.curves import buffers_needed, faces_needed, gate_curves
from age_audit.audit.gate.rates import gate_rates
from age_audit.core.policy import NOT_FOUND, Policy
from age_audit.stats.proportions import wilson_interval


def made_up(seed, count=400):
    rng = np.random.default_rng(seed)
    age = rng.integers(10, 40, count)
    estimate = np.where(rng.random(count) < 0.1, np.nan, (age + rng.normal(2, 5, count)).round())
    sex = rng.choice(["Female", "Male"], count)
    return pd.DataFrame({"age_real": age, "age_estimation": estimate, "gender_real": sex})


def literal(faces, policy, threshold, low, high, passing):
    """Faces of these ages that count, and how many of them pass, or do not."""
    n = count = 0
    for face in faces.itertuples():
        if not low <= face.age_real <= high:
            continue
        if np.isnan(face.age_estimation):
            if policy.not_found == "error":
                continue
            passes = policy.not_found == "pass"
        else:
            passes = face.age_estimation >= threshold
        n, count = n + 1, count + (passes == passing)
    return n, count


@pytest.mark.parametrize("word", NOT_FOUND)
def test_every_point_is_what_counting_gives(word):
    faces, policy = made_up(1), Policy(age=18, buffer=3, not_found=word)
    curves = gate_curves(faces, policy, ["gender_real"], ["gender_real"], [10, 17.5, 18, 25, 60])
    ends = {"13–17": (13, 17, True), "under 18": (0, 17, True)}
    ends |= {"18–22": (18, 22, False), "18 and over": (18, 200, False)}
    assert len(curves) == 3 * 4 * 5
    for row in curves.itertuples():
        group = faces if row.gender_real == "all" else faces[faces["gender_real"] == row.gender_real]
        n, count = literal(group, policy, row.threshold, *ends[row.ages])
        assert (row.n, row.faces) == (n, count)
        assert row.share == count / n and (row.low, row.high) == pytest.approx(wilson_interval(count, n))


def test_a_point_is_the_rate_with_that_buffer():
    faces = made_up(2)
    curves = gate_curves(faces, Policy(age=16), thresholds=[19.0]).set_index("ages")
    rates = gate_rates(faces, Policy(age=16, buffer=3)).set_index("ages")
    same = ["n", "faces", "share", "low", "high"]
    pd.testing.assert_frame_equal(curves[same], rates.loc[curves.index, same], check_names=False)


def test_false_passes_only_fall_and_false_refusals_only_rise():
    curves = gate_curves(made_up(3), Policy(age=18))
    for (rate, _), part in curves.groupby(["rate", "ages"]):
        steps = part.sort_values("threshold")["share"].diff().dropna()
        assert (steps <= 0).all() if rate == "false pass" else (steps >= 0).all()


@pytest.mark.parametrize("target", [0.01, 0.05, 0.2])
def test_so_many_faces_and_no_fewer(target):
    n = faces_needed(target)
    assert wilson_interval(0, n)[1] <= target < wilson_interval(0, n - 1)[1]


@pytest.fixture
def two():
    """Under 18 women pass by 1 in 40 at 20, men by 4 in 40 at 22; the old look 21 (half) or 50."""
    frames = [
        pd.DataFrame({"gender_real": "Female", "age_real": 16, "age_estimation": [10.0] * 39 + [20]}),
        pd.DataFrame({"gender_real": "Male", "age_real": 16, "age_estimation": [10.0] * 36 + [22] * 4}),
        pd.DataFrame({"gender_real": ["Female", "Male"] * 20, "age_real": 50, "age_estimation": [21.0, 50] * 20}),
        pd.DataFrame({"gender_real": "Other", "age_real": 16, "age_estimation": [40.0] * 29}),
    ]
    return pd.concat(frames, ignore_index=True)


def test_the_buffer_that_holds_the_worst_group(two):
    table = buffers_needed(two, Policy(age=18), "gender_real", targets=[0.05, 0.12])
    found = table[table["held_by"] == "as found"].set_index("target")
    assert found["buffer"].tolist() == [5, 0]  # at 23 no man passes; a tenth of them do at 18
    assert found.loc[0.12, "worst_group"] == "Male" and found.loc[0.12, "share"] == 0.1
    assert found.loc[0.05, "refused"] == 0.5 and found.loc[0.12, "refused"] == 0
    assert found.loc[0.05, "most_refused_group"] == "Female" and found.loc[0.05, "most_refused"] == 1
    assert set(table["left_out"]) == {"Other"} and set(table["groups"]) == {2}
    sure = table[table["held_by"] != "as found"].set_index("target")
    assert np.isnan(sure.loc[0.05, "buffer"]) and sure.loc[0.05, "worst_group"] == ""  # 40 faces cannot show 5 %
    assert sure.loc[0.12, "buffer"] == 5 and sure.loc[0.12, "high"] <= 0.12


def test_without_groups_all_faces_are_the_group(two):
    table = buffers_needed(two[two["gender_real"] != "Other"], Policy(age=18), targets=[0.055])
    assert table["buffer"].iloc[0] == 3 and table["share"].iloc[0] == 0.05  # at 21 four of 80 pass


def test_too_few_faces_have_no_buffer(two):
    table = buffers_needed(two[:20], Policy(age=18), "gender_real")
    assert table["buffer"].isna().all() and (table["groups"] == 0).all()


def test_intervals_of_copies_are_those_of_the_faces_once():
    once = pd.DataFrame(
        {"age_real": [16] * 40 + [30] * 60, "age_estimation": [15, 20, 22, 28] * 25, "cluster": range(100)}
    )
    often = once.loc[once.index.repeat(4)]
    first, second = gate_curves(once, Policy(age=18)), gate_curves(often, Policy(age=18), clusters="cluster")
    assert np.allclose(first[["share", "low", "high"]], second[["share", "low", "high"]], equal_nan=True)
    assert (second["n"] == 4 * first["n"]).all()
    alone = gate_curves(once, Policy(age=18), clusters="cluster")
    assert np.allclose(first[["low", "high"]], alone[["low", "high"]], equal_nan=True)
