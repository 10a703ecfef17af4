"""Round ages, against the definitions written out, and on simulated labels."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset import heaping as module
from age_audit.audit.dataset.heaping import digit_shares, heaping
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling, stream

R = Resampling(seed=1, draws=400)


def indices(ages, resampling=R):
    return heaping(pd.DataFrame({"age_real": np.array(ages, dtype=float)}), resampling=resampling).set_index("measure")


def slow_myers(ages):
    """As Myers defines it: digits counted in each of ten ranges of eighty years, which begin at 10 to 19."""
    digits = np.zeros(10)
    for start in range(10, 20):
        for age in ages:
            if start <= age < start + 80:
                digits[int(age) % 10] += 1
    return sum(abs(100 * digits / digits.sum() - 10)) / 2


def test_one_of_each_age_has_no_heaping():
    table = indices(range(120))
    assert table.loc[["whipple", "whipple_children", "whipple_old"], "value"].tolist() == [100] * 3
    assert table.loc["myers", "value"] == pytest.approx(0)
    assert table["n"].tolist() == [40, 20, 30, 89]


def test_only_round_ages():
    table = indices([5, 10, 15, 20] + [30, 40, 50] * 10)
    assert table.loc[["whipple", "whipple_children"], "value"].tolist() == [500, 500]
    assert indices([20, 30, 40, 50]).loc["myers", "value"] == pytest.approx(90)
    assert indices([31] * 9).loc["whipple", "value"] == 0


def test_whipple_by_hand_with_its_interval():
    row = indices([25, 30, 31, 32, 33, 22, 63]).loc["whipple"]  # two of five in 23-62
    assert (row["n"], row["value"]) == (5, 200)
    assert row[["low", "high"]].tolist() == pytest.approx([500 * 0.1176, 500 * 0.7693], abs=0.1)  # Wilson, 2 of 5


def test_myers_is_that_of_its_definition():
    ages = stream(1, "ages").choice(np.arange(120), 300, p=np.linspace(2, 0, 120) / 120)
    assert indices(ages).loc["myers", "value"] == pytest.approx(slow_myers(ages))
    assert indices(ages + 0.5).loc["myers", "value"] == pytest.approx(slow_myers(ages))  # completed years


def labels(rng, n, rounded):
    """Ages that dwindle, a part of them rounded to the next multiple of ten."""
    ages = rng.triangular(0, 5, 95, n)
    return np.where(rng.random(n) < rounded, 10 * np.round(ages / 10), ages)


@pytest.mark.parametrize("rounded", [0.0, 0.2])
def test_intervals_hold_the_index_of_very_many_images(rounded):
    rng = stream(7, f"labels {rounded}")
    truth = indices(labels(rng, 400_000, rounded), Resampling(seed=1, draws=2)).loc["myers", "value"]
    found = [indices(labels(rng, 500, rounded)).loc["myers"] for _ in range(40)]
    held = np.mean([row["low"] <= truth <= row["high"] for row in found])
    assert held >= 0.9
    beyond = np.mean([row["low"] > row["by_chance"] for row in found])
    assert beyond >= 0.9 if rounded else beyond == 0
    if not rounded:
        assert np.mean([row["by_chance"] for row in found]) == pytest.approx(
            np.mean([row["value"] for row in found]), rel=0.15
        )


def test_groups_missing_ages_and_nobody():
    frame = pd.DataFrame({"age_real": [30.0, 31, np.nan, 12], "gender_real": ["Male", None, "Female", "Male"]})
    table = heaping(frame, ["gender_real"], resampling=R)
    whipple = table[table["measure"] == "whipple"]
    assert whipple[["gender_real", "n"]].to_numpy().tolist() == [["Female", 0], ["Male", 1], ["all", 2]]
    assert table[table["gender_real"] == "Female"][["value", "low", "high", "by_chance"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(table, heaping(frame, ["gender_real"], resampling=R))
    with pytest.raises(UsageError, match="age_real"):
        heaping(frame[["gender_real"]], resampling=R)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_ages_have_no_interval(n):
    table = heaping(pd.DataFrame({"age_real": [40.0, 41.0][:n]}), resampling=Resampling(seed=1)).set_index("measure")
    assert (
        np.isfinite(table.loc["myers", "value"]) and np.isnan(table.loc["myers", ["low", "high"]].astype(float)).all()
    )


def test_digits_add_up_to_the_index():
    ages = stream(3, "ages").integers(10, 99, 500)
    table = digit_shares(pd.DataFrame({"age_real": ages}), resampling=R)
    assert table["share"].sum() == pytest.approx(1)
    assert 50 * (table["share"] - 0.1).abs().sum() == pytest.approx(slow_myers(ages))
    assert ((table["low"] < table["share"]) & (table["share"] < table["high"])).all()
    assert digit_shares(pd.DataFrame({"age_real": [3.0]}), resampling=R)["share"].isna().all()


def test_ages_are_smoothed_over_ten_years_each_digit_once():
    assert module._smoothed(np.arange(120)).tolist() == pytest.approx([1] * 89)
    spike = module._smoothed(np.array([50]))  # half at either end of the eleven years around it
    assert dict(zip(range(10, 99), spike, strict=True)) == pytest.approx(
        {age: 0.1 * (abs(age - 50) < 5) + 0.05 * (abs(age - 50) == 5) for age in range(10, 99)}
    )


def test_shares_of_digits_have_as_much_beyond_either_end():
    ages = stream(3, "ages").integers(10, 99, 5000)
    table = digit_shares(pd.DataFrame({"age_real": ages}), resampling=Resampling(seed=1, draws=2000))
    below, above = (table["share"] - table["low"]).mean(), (table["high"] - table["share"]).mean()
    assert below == pytest.approx(above, rel=0.1)
    assert below == pytest.approx(1.96 * np.sqrt(0.1 * 0.9 / 5000), rel=0.15)
