"""Correlations within halves of what is correlated: literal oracle, nothing under the null, known shrinking."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.randomness import stream
from age_audit.recheck.restriction import beside_null, restriction_table, shuffled_correlations


def simulated(count, seed, slope=0.0):
    rng = np.random.default_rng(seed)
    share = rng.normal(0, 1, count)
    return pd.DataFrame(
        {"face": share, "age_estimation_accuracy": 0.9 + 0.05 * (slope * share + rng.normal(size=count))}
    )


def test_as_literally_shuffled():
    rng = np.random.default_rng(1)
    shares, accuracy, strata = rng.random((30, 2)), 0.8 + 0.2 * rng.random(30), rng.choice(["a", "b"], 30)
    found = shuffled_correlations(shares, accuracy, strata, seed=3, shuffles=5)
    literal = stream(3, "splitting on accuracy")
    for draw in range(5):
        shuffled = accuracy.copy()
        for stratum in ("a", "b"):
            faces = [i for i in range(30) if strata[i] == stratum]
            for face, taken in zip(faces, literal.permutation(faces), strict=True):
                shuffled[face] = accuracy[taken]
        for half, inside in enumerate([shuffled > 0, shuffled > 0.9, shuffled <= 0.9]):
            for part in (0, 1):
                expected = np.corrcoef(shares[inside, part], shuffled[inside])[0, 1]
                assert found[draw, half, part] == pytest.approx(expected)


def test_table_by_hand():
    # Accuracies 0.95 and 0.97 are positive; in all, r of 1, 2, 3, 4 with 1, 2, 3, 4 steps.
    frame = pd.DataFrame({"face": [1, 2, 3, 4, np.nan], "age_estimation_accuracy": [0.85, 0.87, 0.95, 0.97, 0.5]})
    table = restriction_table(frame, ["face"], seed=1, shuffles=50).set_index("estimates")
    assert table["n"].to_dict() == {"all": 4, "accurate": 2, "inaccurate": 2}
    assert table["r"]["accurate"] == pytest.approx(1)
    assert table["sd_ratio"]["accurate"] == pytest.approx(0.01 / np.std([0.85, 0.87, 0.95, 0.97]))
    r, u = table["r"]["all"], table["sd_ratio"]["accurate"]
    assert table["r_restricted"]["accurate"] == pytest.approx(r * u / np.sqrt(1 - r**2 + r**2 * u**2))
    assert table["few_faces"].all()


def test_beside_null_by_hand():
    # Around the mean of 1/8, two of four shuffled r are as far out as an r of 1/2, one of them on the other side.
    found = beside_null(0.5, np.array([-0.25, 0, 0.25, 0.5, np.nan]))
    assert (found["null_mean"], found["p_value"]) == (0.125, 3 / 5)
    assert found["null_low"] == pytest.approx(-0.25 + 0.075 * 0.25)
    assert np.isnan(list(beside_null(np.nan, np.zeros(3)).values())).all()
    assert np.isnan(list(beside_null(0.1, np.full(3, np.nan)).values())).all()


def test_a_real_association_shrinks_in_both_halves():
    table = restriction_table(simulated(20_000, 1, 0.6), ["face"], seed=1, shuffles=20).set_index("estimates")
    assert table["r"]["all"] == pytest.approx(0.51, abs=0.03)
    for half in ("accurate", "inaccurate"):
        assert table["r"][half] < 0.7 * table["r"]["all"]
        assert table["r"][half] == pytest.approx(table["r_restricted"][half], abs=0.04)


def test_few_faces_give_large_values_from_nothing():
    frame = simulated(40, 2)
    null = shuffled_correlations(frame[["face"]], frame["age_estimation_accuracy"], seed=1)
    assert abs(np.nanmean(null[:, 1])) < 0.03
    assert np.nanstd(null[:, 1]) == pytest.approx(1 / np.sqrt(20), rel=0.2)  # the spread of r in half of 40 faces


def test_strata_that_differ_give_a_correlation_that_shuffling_keeps():
    frame = simulated(400, 4).assign(group=np.repeat(["a", "b"], 200))
    frame.loc[:199, "face"] += 2
    frame.loc[:199, "age_estimation_accuracy"] += 0.1
    within = restriction_table(frame, ["face"], "group", seed=1, shuffles=200).iloc[0]
    anywhere = restriction_table(frame, ["face"], seed=1, shuffles=200).iloc[0]
    assert within["null_mean"] > 0.3 and abs(anywhere["null_mean"]) < 0.03
    assert within["p_value"] > 0.05 > anywhere["p_value"]


def test_no_faces_and_halves_without_any():
    empty = restriction_table(simulated(0, 1), ["face"], seed=1, shuffles=3)
    assert (empty["n"] == 0).all() and empty["r"].isna().all()
    high = simulated(20, 1).assign(age_estimation_accuracy=np.linspace(0.95, 0.99, 20))
    assert restriction_table(high, ["face"], seed=1, shuffles=3)["r"].isna().tolist() == [False, False, True]


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r"\(N, P\)"):
        shuffled_correlations(np.ones((3, 1)), np.ones(2), seed=1)
    with pytest.raises(ValueError, match="finite"):
        shuffled_correlations(np.ones((2, 1)), [1, np.nan], seed=1)


@pytest.mark.long
def test_false_positives_and_power():
    options = {"parts": ["face"], "shuffles": 99}
    null = [restriction_table(simulated(120, seed), seed=seed, **options)["p_value"] <= 0.05 for seed in range(200)]
    assert 0.03 <= np.mean(null) <= 0.07
    planted = [restriction_table(simulated(120, seed, 1), seed=seed, **options)["p_value"][0] for seed in range(20)]
    assert np.mean(np.array(planted) <= 0.05) >= 0.9  # r = 0.7 in 120 faces
