"""How much could be labels: against a literal twin, a simulation, and pairs by hand."""

import numpy as np
import pandas as pd
import pytest
import scipy

from age_audit.audit.gate.labels import chance_of_age, labels_of_copies, passes_under_noise
from age_audit.core.errors import UsageError
from age_audit.core.policy import Policy
from age_audit.core.randomness import Resampling
from age_audit.stats.proportions import wilson_interval

EXACT = Policy(age=18)


def literal(ages, limit, sd):
    """Bayes' theorem, label by label."""
    norm = scipy.stats.norm(0, sd)
    found = []
    for label in ages:
        weights = {}
        for true in ages:  # each face is one chance of its age
            weights[true] = weights.get(true, 0) + norm.cdf(true - label + 0.5) - norm.cdf(true - label - 0.5)
        found.append(sum(weight for true, weight in weights.items() if true >= limit) / sum(weights.values()))
    return found


def test_chances_are_those_of_the_theorem():
    ages = np.random.default_rng(1).integers(10, 30, 60).astype(float)
    assert chance_of_age(ages, 18, 2.5) == pytest.approx(literal(ages.tolist(), 18, 2.5))


def test_hardly_any_noise_leaves_labels_as_they_are():
    assert chance_of_age(np.array([16.0, 17, 18, 19]), 18, 0.05).tolist() == [0, 0, 1, 1]


def test_the_share_expected_is_what_noise_makes():
    """True ages evenly from 0 to 60, noise of 3 years: how many labelled 13–17 are 18 or older, and who passes."""
    rng = np.random.default_rng(4)
    true = rng.integers(0, 61, 200_000)
    label = np.rint(true + rng.normal(0, 3, true.size))
    frame = pd.DataFrame(
        {"age_real": label, "age_estimation": np.where(true >= 18, 30.0, np.where(true % 4, 10.0, 30.0))}
    )
    inside = (label >= 13) & (label <= 17)
    row = passes_under_noise(frame[label >= 0], EXACT, [3.0]).iloc[0]
    assert row["ages"] == "13–17" and row["n"] == inside.sum()
    assert row["old_enough"] == pytest.approx((true[inside] >= 18).mean(), abs=0.01)
    # All who are old enough pass, so the least is the rate of those who are not.
    children = inside & (true < 18)
    assert row["least"] == pytest.approx((true[children] % 4 == 0).mean(), abs=0.015)
    assert row["most"] > row["share"] > row["least"] > row["least_low"]


def test_bounds_by_hand():
    """Of 100 labelled 17 half pass; by the noise a share is old enough; bounds follow."""
    frame = pd.DataFrame({"age_real": [17] * 100 + [18] * 100, "age_estimation": [20, 10] * 50 + [20] * 100})
    row = passes_under_noise(frame, EXACT, [1.0]).iloc[-1]
    kernel = np.diff(scipy.stats.norm.cdf([-0.5, 0.5, 1.5]))
    old = kernel[1] / kernel.sum()
    assert row["ages"] == "17" and row["old_enough"] == pytest.approx(old)
    assert row["least"] == pytest.approx((0.5 - old) / (1 - old)) and row["most"] == pytest.approx(0.5 / (1 - old))
    assert row["could_be_labels"] == pytest.approx(old / 0.5)


def test_fewer_than_ten_faces_have_no_bounds():
    frame = pd.DataFrame({"age_real": [17] * 9 + [30] * 20, "age_estimation": 20.0})
    table = passes_under_noise(frame, EXACT, [2.0])
    assert table["share"].isna().all() and table["n"].iloc[0] == 9


@pytest.mark.parametrize("sd", [0, -1, np.nan, np.inf])
def test_noise_is_above_0(sd):
    frame = pd.DataFrame({"age_real": [17], "age_estimation": [20.0]})
    with pytest.raises(UsageError, match="expected standard deviations of labels above 0 years"):
        passes_under_noise(frame, EXACT, [sd])


def test_pairs_of_copies_by_hand():
    """Six pairs of 16 and 18, four of 16 and 17 (both asked), one of 30 and 40 and a single: 6 of 14."""
    first = [16] * 10 + [30, 16]
    frame = pd.DataFrame({"cluster": [*range(12), *range(11)], "pixels": [*map(str, range(12)), *map(str, range(11))]})
    frame["age_real"] = [*first, *[18] * 6, *[17] * 4, 40]
    frame.loc[[0, 12], "pixels"] = ["x", "y"]  # one pair is only nearly alike
    table = labels_of_copies(frame, EXACT, resampling=Resampling(seed=1, draws=99)).set_index("copies")
    assert table["n"].to_dict() == {"exact": 13, "near": 1, "all": 14}
    assert table["faces"].to_dict() == {"exact": 5, "near": 1, "all": 6}
    assert table.loc["all", "share"] == pytest.approx(6 / 14) and np.isnan(table.loc["near", "share"])
    assert table.loc["all", "low"] < 6 / 14 < table.loc["all", "high"] and table.loc["all", "clusters"] == 10


def test_that_no_copy_is_labelled_older_is_not_certain():
    frame = pd.DataFrame({"cluster": [*range(8)] * 2, "pixels": [*map(str, range(8))] * 2, "age_real": 16})
    row = labels_of_copies(frame, EXACT, resampling=Resampling(seed=1, draws=99)).iloc[0]
    assert (row["n"], row["clusters"], row["share"], row["low"]) == (16, 8, 0, 0)
    assert row["high"] == pytest.approx(wilson_interval(0, 8)[1])
