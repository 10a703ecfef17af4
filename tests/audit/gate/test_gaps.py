"""Groups beside others: by hand, at equal ages, and how often intervals hold what they should."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.gate.gaps import gate_gaps, worst_groups
from age_audit.core.errors import UsageError
from age_audit.core.policy import Policy
from age_audit.core.randomness import Resampling
from age_audit.stats.proportions import wilson_interval

EXACT = Policy(age=18)
DRAWN = {"resampling": Resampling(seed=1, draws=500)}


def faces(*parts):
    """Faces of (group, age, how many, of whom so many are estimated at 30, the others at 10)."""
    frames = [
        pd.DataFrame({"race_real": group, "age_real": age, "age_estimation": [30.0] * passing + [10.0] * (n - passing)})
        for group, age, n, passing in parts
    ]
    return pd.concat(frames, ignore_index=True)


def row_of(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_differences_and_ratios_by_hand():
    table = gate_gaps(faces(("Asian", 16, 40, 30), ("Other", 16, 60, 15)), EXACT, "race_real", **DRAWN)
    asian = row_of(table, group="Asian", ages="13–17", adjustment="as they are")
    assert (asian["n_group"], asian["n_other"], asian["share"], asian["other_share"]) == (40, 60, 0.75, 0.25)
    assert (asian["difference"], asian["ratio"]) == (0.5, 3.0)
    assert asian["difference_low"] < 0.5 < asian["difference_high"] and asian["ratio_low"] < 3 < asian["ratio_high"]
    other = row_of(table, group="Other", ages="13–17", adjustment="as they are")
    assert other["difference"] == -0.5 and other["ratio"] == pytest.approx(1 / 3)
    assert np.isnan(row_of(table, group="Asian", ages="18–22", adjustment="as they are")["share"])


def test_ages_alone_make_no_difference_at_equal_ages():
    """At 13 a fifth passes and at 17 four fifths, of both; but most of one group are 17."""
    parts = ("Asian", 13, 20, 4), ("Asian", 17, 80, 64), ("Other", 13, 80, 16), ("Other", 17, 20, 16)
    table = gate_gaps(faces(*parts), EXACT, "race_real", **DRAWN)
    as_is = row_of(table, group="Asian", ages="13–17", adjustment="as they are")
    equal = row_of(table, group="Asian", ages="13–17", adjustment="at equal ages")
    assert as_is["difference"] == pytest.approx(0.36) and as_is["age_gap"] == pytest.approx(2.4)
    assert equal["difference"] == pytest.approx(0) and equal["strata"] == 2 and equal["age_gap"] == pytest.approx(0)
    worst = worst_groups(faces(*parts), EXACT, "race_real", **DRAWN)
    assert row_of(worst, ages="13–17", adjustment="as they are")["gap"] == pytest.approx(0.36)
    assert row_of(worst, ages="13–17", adjustment="at equal ages")["gap"] == pytest.approx(0)


def test_ages_too_far_apart_are_not_compared_at_equal_ages():
    table = gate_gaps(faces(("Asian", 13, 40, 4), ("Other", 17, 40, 30)), EXACT, "race_real", **DRAWN)
    equal = row_of(table, group="Asian", ages="13–17", adjustment="at equal ages")
    assert np.isnan(equal["difference"]) and equal["age_gap"] == -4


def test_a_share_of_0_has_an_interval_but_no_ratio():
    table = gate_gaps(faces(("Asian", 16, 40, 0), ("Other", 16, 40, 0)), EXACT, "race_real", **DRAWN)
    row = row_of(table, group="Asian", ages="13–17", adjustment="as they are")
    assert row["difference"] == 0 and row["difference_low"] < -0.01 and row["difference_high"] > 0.01
    assert np.isnan([row["ratio"], row["ratio_low"], row["ratio_high"]]).all()


def test_nine_faces_are_not_compared():
    table = gate_gaps(faces(("Asian", 16, 9, 5), ("Other", 16, 40, 10)), EXACT, "race_real", **DRAWN)
    assert table["share"].isna().all() and table["few_faces"].all() and table["n_group"].max() == 40


def test_the_two_groups_furthest_apart():
    parts = ("Asian", 16, 50, 10), ("Indian", 16, 50, 40), ("Other", 16, 50, 25), ("African", 16, 29, 29)
    row = row_of(worst_groups(faces(*parts), EXACT, "race_real", **DRAWN), ages="13–17", adjustment="as they are")
    assert (row["highest_group"], row["highest"], row["highest_n"]) == ("Indian", 0.8, 50)
    assert (row["lowest_group"], row["lowest"], row["lowest_n"]) == ("Asian", 0.2, 50)
    assert (row["highest_low"], row["highest_high"]) == pytest.approx(wilson_interval(40, 50))
    assert row["gap"] == pytest.approx(0.6) and row["ratio"] == pytest.approx(4)
    assert (row["groups"], row["left_out"], row["n"]) == (3, "African", 150)
    assert row["gap_low"] < 0.6 < row["gap_high"] and 0 < row["by_chance"] < 0.3


def test_copies_make_intervals_wider():
    parts = ("Asian", 16, 40, 20), ("Other", 16, 40, 20)
    frame = faces(*parts).assign(alone=range(80), four=np.arange(80) // 4)
    widths = []
    for clusters in ("alone", "four"):
        row = row_of(
            gate_gaps(frame, EXACT, "race_real", clusters=clusters, **DRAWN),
            group="Asian", ages="13–17", adjustment="as they are",
        )  # fmt: skip
        widths.append(row["difference_high"] - row["difference_low"])
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.2)  # groups of four alike: twice as wide


def test_neither_order_nor_what_else_is_there_changes_an_interval_much():
    frame = faces(("Asian", 16, 40, 30), ("Other", 16, 60, 15), ("Asian", 40, 50, 50))
    first = gate_gaps(frame, EXACT, "race_real", **DRAWN)
    again = gate_gaps(frame, EXACT, "race_real", **DRAWN)
    pd.testing.assert_frame_equal(first, again)


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match=r"missing column.*cluster"):
        gate_gaps(faces(("Asian", 16, 4, 3)), EXACT, "race_real", clusters="cluster", **DRAWN)


@pytest.mark.long
@pytest.mark.parametrize("rates", [(0.6, 0.6), (0.9, 0.6), (0.05, 0.05)])
def test_intervals_of_differences_hold_what_they_should(rates):
    """Of 50 and 500 faces in pairs of copies, in 400 simulations; at 10 years one row alone has an interval to draw."""
    rng, held, sizes = np.random.default_rng(3), 0, (50, 500)
    for seed in range(400):
        parts = []
        for group, rate, n in zip(("Asian", "Other"), rates, sizes, strict=True):
            yes = np.repeat(rng.random(n // 2) < rate, 2)  # both copies alike
            parts.append(pd.DataFrame({"race_real": group, "age_estimation": np.where(yes, 30.0, 10.0)}))
        frame = pd.concat(parts, ignore_index=True).assign(age_real=10)
        frame["cluster"] = np.arange(len(frame)) // 2
        table = gate_gaps(frame, EXACT, "race_real", clusters="cluster", resampling=Resampling(seed=seed, draws=400))
        row = row_of(table, group="Asian", ages="under 18", adjustment="as they are")
        held += row["difference_low"] <= rates[0] - rates[1] <= row["difference_high"]
    assert held / 400 > 0.9
