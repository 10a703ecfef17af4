"""Bias of regions at equal ages and estimates: by hand, by a literal sum over strata, and where only ages differ."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.box_bias import age_outcomes
from age_audit.audit.box_bias_at_equal import bias_at_equal
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling

OPTIONS = {"resampling": Resampling(seed=1, permutations=499), "regions": ["nose", "lips"]}
OLD = "outcome == 'estimated too old'"


def by_hand():
    """Estimated 15 years too old at 20 and at 60; the nose is active at 60 alone, the lips on women alone."""
    ages = [60] * 30 + [20] * 10 + [60] * 10 + [20] * 30
    frame = pd.DataFrame({"gender_real": ["Male"] * 40 + ["Female"] * 40, "age_real": ages})
    frame["age_estimation"] = frame["age_real"] + 15.0
    return frame.assign(active_nose=frame["age_real"] > 40, active_lips=frame["gender_real"] == "Female")


def at_equal(frame, strata="age_real", **options):
    table = bias_at_equal(frame, "gender_real", age_outcomes(frame), strata, **(OPTIONS | options))
    return table.query(OLD).set_index("region")


def test_by_hand():
    table = at_equal(by_hand())
    nose, lips = table.loc["nose"], table.loc["lips"]
    assert (nose["group"], nose["other"], nose["n_group"], nose["n_other"]) == ("Female", "Male", 40, 40)
    assert (nose["strata"], nose["n_smallest_stratum"], nose["few_faces"]) == (2, 10, False)
    assert (nose["crude"], nose["standardised"], nose["p_value"]) == (-0.5, 0, 1)
    assert (lips["crude"], lips["standardised"]) == (1, 1)
    assert lips["p_value"] == 1 / 500 and lips["p_holm"] == 2 / 500
    assert (nose["years_difference"], nose["years_gap"]) == (-20, 0)


def test_as_summed_stratum_by_stratum():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"gender_real": rng.choice(["Female", "Male"], 400), "age_real": rng.integers(20, 24, 400)})
    frame["age_estimation"] = frame["age_real"] + rng.choice([14.5, 2.0, -20.0], 400, p=[0.8, 0.1, 0.1])
    frame["active_nose"] = rng.random(400) < (frame["age_real"] - 18) / 8
    frame["active_lips"] = rng.random(400) < 0.5
    table = at_equal(frame)
    old = frame[frame["age_estimation"] - frame["age_real"] > 10]
    for region in ("nose", "lips"):
        total = 0
        for _, year in old.groupby("age_real"):
            means = year.groupby("gender_real")[f"active_{region}"].mean()
            total += len(year) / len(old) * (means["Female"] - means["Male"])
        assert table.loc[region, "standardised"] == pytest.approx(total)
        assert table.loc[region, "low"] < total < table.loc[region, "high"]
    assert (table["strata"] == 4).all()


def test_at_equal_estimates_it_is_estimates_that_are_held():
    frame = by_hand()
    frame["age_estimation"] += np.where(frame["gender_real"] == "Male", 20, 0)  # 35 years too old
    assert at_equal(frame).loc["nose", "standardised"] == 0
    apart = at_equal(frame, "age_estimation")  # women at 35 and 75, men at 55 and 95: no estimate in common
    assert apart["standardised"].isna().all() and apart["p_value"].isna().all()
    assert abs(apart["years_gap"]).min() > 1
    wide = at_equal(frame, "age_estimation", tolerance=99)
    assert wide["standardised"].notna().all()


def test_further_strata_and_control_levels():
    frame = by_hand().assign(
        race_real=["Asian", "Indian"] * 40, age_range=lambda f: np.where(f["age_real"] < 40, "young", "old")
    )
    table = at_equal(frame, ["age_real", "race_real"], least=5)
    assert (table["strata"] == 4).all() and table.loc["nose", "standardised"] == 0
    table = bias_at_equal(frame, "gender_real", age_outcomes(frame), "age_real", "age_range", **OPTIONS).query(OLD)
    assert table["age_range"].tolist() == ["old", "old", "young", "young", "all", "all"]
    assert table.iloc[0]["n_group"] == 10 and table.iloc[0]["strata"] == 1


def test_estimates_below_zero_are_neighbours_of_those_above():
    frame = by_hand().assign(age_estimation=lambda f: np.where(f["age_real"] > 40, 0.5, -0.5), age_real=-20)
    table = at_equal(frame, "age_estimation")
    assert (table["strata"] == 2).all() and table.loc["nose", "standardised"] == 0


def test_too_few_faces():
    table = at_equal(by_hand().iloc[[0, 1, 40, 41]])
    assert table["standardised"].isna().all() and table["few_faces"].all()
    assert at_equal(by_hand().head(40)).empty
    with pytest.raises(ValueError, match="at least one column of strata"):
        at_equal(by_hand(), [])
    with pytest.raises(UsageError, match="missing column"):
        at_equal(by_hand(), "estimate")


def test_faces_without_an_age_or_boxes_do_not_count():
    frame = by_hand()
    more = frame.head(3).assign(
        active_nose=[None, True, True], age_real=[60, np.nan, 60], gender_real=["Male", "Male", None]
    )
    pd.testing.assert_frame_equal(at_equal(pd.concat([frame, more], ignore_index=True)), at_equal(frame))
