"""Which cells are too thin, by hand and by simulation."""

import numpy as np
import pandas as pd
import pytest
import scipy

from age_audit.audit.dataset import composition as c
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream


def frame_of(ages, genders, **more):
    return pd.DataFrame({"age_real": ages, "gender_real": genders, **more})


@pytest.mark.parametrize(("spread", "half_width"), [(8, 1), (5, 2), (0.1, 3), (20, 0.5)])
def test_the_images_needed_are_the_fewest_that_do(spread, half_width):
    n = c.images_needed(spread, half_width)
    assert c.half_width_of_mean(spread, n) <= half_width
    assert n == 3 or c.half_width_of_mean(spread, n - 1) > half_width


def test_the_half_width_is_students():
    values = np.array([1.0, 4, 4, 7, 9])
    low, high = scipy.stats.t.interval(0.95, 4, values.mean(), scipy.stats.sem(values))
    assert c.half_width_of_mean(values.std(ddof=1), 5) == pytest.approx((high - low) / 2)
    assert np.isnan(c.half_width_of_mean(8, 2))


def test_so_many_images_give_such_an_interval_of_skewed_errors_as_well():
    rng = stream(1, "errors")
    n = c.images_needed(8, 1)
    means = rng.gamma(1.5, 8 / np.sqrt(1.5), (4_000, n)).mean(axis=1)  # mean 9.8, SD 8, as absolute errors are
    assert (np.abs(means - 8 * np.sqrt(1.5)) <= 1).mean() == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(("spread", "half_width"), [(0, 1), (np.nan, 1), (8, 0), (np.inf, 1), (8, np.inf)])
def test_no_spread_no_number(spread, half_width):
    with pytest.raises(ValueError, match="above 0"):
        c.images_needed(spread, half_width)


def test_cells_count_every_combination_and_say_which_are_thin():
    ages, genders = [5] * 70 + [30] * 20 + [40], ["Male"] * 90 + ["Female"]
    table = c.cells(frame_of(ages, genders), ["gender_real"], [(0, 12), (13, 99)], spread=4)
    assert table["n_needed"].tolist() == [64] * 4
    assert table[["age_range", "gender_real", "images", "thin", "few_faces"]].to_numpy().tolist() == [
        ["0–12", "Female", 0, True, True],
        ["0–12", "Male", 70, False, False],
        ["13–99", "Female", 1, True, True],
        ["13–99", "Male", 20, True, True],
    ]
    assert table["assumed"].all() and table["share"].sum() == pytest.approx(1)
    assert table.loc[1, "half_width"] == pytest.approx(c.half_width_of_mean(4, 70))


def test_a_measured_spread_is_of_an_age_range_and_the_largest_where_few_are_known():
    errors = [1.0, 3.0] * 20 + [1.0, 9.0] * 20 + [5.0]
    frame = frame_of([5] * 40 + [20] * 40 + [50], ["Male", "Female"] * 40 + ["Male"], absolute_error=errors)
    ranges = [(0, 12), (13, 30), (31, 99)]
    spread = c.spread_of_errors(frame, ranges)
    assert spread["0–12"] == pytest.approx(np.std([1, 3] * 20, ddof=1))
    assert spread["31–99"] == spread["13–30"] == pytest.approx(np.std([1, 9] * 20, ddof=1))
    table = c.cells(frame, ["gender_real"], ranges)
    assert not table["assumed"].any() and table["n_needed"].tolist() == [7, 7, 66, 66, 66, 66]
    with pytest.raises(UsageError, match="give a spread"):
        c.spread_of_errors(frame[:10], ranges)
    with pytest.raises(UsageError, match="absolute_error"):
        c.cells(frame.drop(columns="absolute_error"), ["gender_real"], ranges)


def test_who_is_in_no_cell_and_why():
    frame = frame_of([5, 116, np.nan, 7, 8], ["Male", "Male", None, None, "Female"])
    assert c.in_no_cell(frame, ["gender_real"]).to_numpy().tolist() == [
        ["age_range", 1],
        ["age_real + gender_real", 1],
        ["gender_real", 1],
    ]
    cells = c.cells(frame, ["gender_real"], spread=8)["images"].sum()
    assert cells + c.in_no_cell(frame, ["gender_real"])["images"].sum() == len(frame)


def test_just_enough_images_are_enough_and_thirty_are_not_few():
    needed = c.images_needed(4)
    table = c.cells(
        frame_of([5] * (needed + 30), ["Male"] * needed + ["Female"] * 30), ["gender_real"], [(0, 12)], spread=4
    )
    assert table["images"].tolist() == [30, needed] and table["thin"].tolist() == [True, False]
    assert not table["few_faces"].any()


def test_an_age_range_whose_errors_are_all_alike_or_that_is_empty_has_the_spread_of_the_others():
    errors = [2.0] * 40 + [1.0, 9.0] * 20
    frame = frame_of([5] * 40 + [20] * 40, ["Male"] * 80, absolute_error=errors)
    spread = c.spread_of_errors(frame, [(0, 12), (13, 30), (31, 99)])
    assert list(spread) == ["0–12", "13–30", "31–99"] and len(set(spread.values())) == 1
    with pytest.raises(UsageError, match="give a spread"):
        c.spread_of_errors(frame[:40], [(0, 12)])
