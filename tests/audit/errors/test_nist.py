"""The mean over cells of sex and age."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.nist import AGES, mean_over_cells
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling

RESAMPLING = Resampling(1, 400, 9)


def people(count=5, errors=lambda sex, age, i: i):
    rows = [
        {"gender_real": sex, "age_real": float(age), "age_estimation": float(age + errors(sex, age, i))}
        for sex in ("Male", "Female")
        for age in AGES
        for i in range(count)
    ]
    return pd.DataFrame(rows)


def test_ages_are_those_of_nist():
    assert list(AGES) == [18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]


def test_every_cell_counts_alike_whatever_its_faces():
    frame = people(4, lambda sex, age, i: 2.0 if sex == "Male" else -6.0)
    more = pd.concat([frame, *[frame[frame["gender_real"] == "Male"]] * 9])
    answer = mean_over_cells(more, resampling=RESAMPLING)
    assert answer["mean_absolute_error"] == pytest.approx(4.0)
    assert (answer["n"], answer["cells"], answer["n_smallest_cell"]) == (26 * 4 + 9 * 13 * 4, 26, 4)
    assert answer["low"] == answer["high"] == pytest.approx(4.0)  # errors do not vary within a cell


def test_other_ages_and_faces_without_an_age_or_an_estimate_or_a_sex_are_left_out():
    frame = people(3, lambda sex, age, i: 1.0)
    strangers = pd.DataFrame(
        {
            "gender_real": ["Male", "Male", "Male", "Male", None, "Female"],
            "age_real": [17.0, 31.0, np.nan, 20.0, 20.0, 20.0],
            "age_estimation": [90.0, 90.0, 90.0, np.nan, 90.0, np.inf],
        }
    )
    answer = mean_over_cells(pd.concat([frame, strangers]), resampling=RESAMPLING)
    assert (answer["n"], answer["mean_absolute_error"]) == (78, pytest.approx(1.0))


def test_ages_that_are_ranges_are_in_no_cell():
    frame = people(3).assign(age_real_low=np.nan, age_real_high=np.nan)
    ranged = frame.head(1).assign(age_real=np.nan, age_real_low=20.0, age_real_high=29.0, age_estimation=90.0)
    answer = mean_over_cells(pd.concat([frame, ranged]), resampling=RESAMPLING)
    assert (answer["n"], answer["mean_absolute_error"]) == (78, pytest.approx(1.0))


def test_an_age_in_years_and_months_is_in_the_cell_of_its_years():
    frame = people(3, lambda sex, age, i: 0.0)
    frame["age_real"] += 0.9
    answer = mean_over_cells(frame, resampling=RESAMPLING)
    assert (answer["n"], answer["mean_absolute_error"]) == (78, pytest.approx(0.9))


def test_with_an_empty_cell_there_is_no_number():
    frame = people()
    frame = frame[(frame["gender_real"] == "Male") | (frame["age_real"] != 30)]
    answer = mean_over_cells(frame, resampling=RESAMPLING)
    assert (answer["cells_without_faces"], answer["n_smallest_cell"]) == (1, 0)
    assert np.isnan([answer["mean_absolute_error"], answer["low"], answer["high"]]).all()


def test_without_faces():
    answer = mean_over_cells(people().head(0), resampling=RESAMPLING)
    assert (answer["n"], answer["cells"], answer["n_smallest_cell"]) == (0, 26, 0)
    assert np.isnan(answer["mean_absolute_error"])


def test_without_a_sex_there_is_no_number():
    frame = people(3).query("gender_real == 'Female'")
    answer = mean_over_cells(frame, resampling=RESAMPLING)
    assert answer["n"] == len(frame) > 0 and answer["cells_without_faces"] == 13
    assert np.isnan(answer["mean_absolute_error"])


def test_the_interval_is_that_of_faces_drawn_within_each_cell():
    rng = np.random.default_rng(3)
    frame = people(30)
    frame["age_estimation"] = frame["age_real"] + rng.normal(0, 5, len(frame))
    answer = mean_over_cells(frame, resampling=Resampling(1, 2_000, 9))
    errors = (frame["age_estimation"] - frame["age_real"]).abs().groupby([frame["gender_real"], frame["age_real"]])
    draws = [np.mean([rng.choice(cell.to_numpy(), len(cell)).mean() for _, cell in errors]) for _ in range(1_000)]
    assert answer["mean_absolute_error"] == pytest.approx(errors.mean().mean())
    np.testing.assert_allclose([answer["low"], answer["high"]], np.quantile(draws, [0.025, 0.975]), atol=0.06)


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match="gender_real"):
        mean_over_cells(people().drop(columns="gender_real"), resampling=RESAMPLING)
