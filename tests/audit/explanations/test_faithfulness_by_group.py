"""Scores of groups, worked by hand and held to the routines of intervals and permutations."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.faithfulness_by_group import faithfulness_by_group
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling

RESAMPLING = Resampling(seed=1)


def made(seed, apart=0.0, faces=40):
    """Two methods on faces of two genders and two races; the first method is better on women by so much."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"gender": ["Female", "Male"] * (faces // 2), "race": ["African"] * 10 + ["Asian"] * (faces - 10)}
    )
    both = pd.concat([frame.assign(method="lime"), frame.assign(method="rise")], ignore_index=True)
    both["gap"] = rng.normal(2, 1, len(both))
    both.loc[(both["gender"] == "Female") & (both["method"] == "lime"), "gap"] += apart
    return both.assign(gap_spreads=both["gap"] / 2)


def test_each_group_is_compared_with_all_other_faces():
    frame = made(1)
    table = faithfulness_by_group(frame, ("gender", "race"), ("gap", "gap_spreads"), resampling=RESAMPLING)
    assert len(table) == 2 * 2 * 4
    for row in table.itertuples():
        some = frame[frame["method"] == row.method]
        inside = some.loc[some[row.feature] == row.group, row.measure]
        others = some.loc[some[row.feature] != row.group, row.measure]
        assert (row.n, row.n_others) == (len(inside), len(others))
        assert row.value == pytest.approx(inside.mean()) and row.low < row.value < row.high
        assert row.difference == pytest.approx(inside.mean() - others.mean())
        assert row.difference_low < row.difference < row.difference_high
        assert row.few_faces == (len(inside) < 30)


def test_a_method_that_is_worse_for_one_group_is_found_and_another_is_not():
    table = faithfulness_by_group(made(2, apart=3), "gender", resampling=RESAMPLING)
    lime = table[table["method"] == "lime"]
    assert (lime["p_holm"] < 0.01).all() and (lime["difference"].abs() - 3).abs().max() < 1
    assert (table.loc[table["method"] == "rise", "p_holm"] > 0.05).all()


def test_where_nothing_differs_few_p_values_are_small():
    """Of 60 tables without a difference about one in twenty has a p-value below 0.05."""
    quick = Resampling(seed=1, draws=50, permutations=199)
    p_values = [
        faithfulness_by_group(made(seed, faces=24), "gender", resampling=quick)["p_value"].iloc[0] for seed in range(60)
    ]
    assert 0 <= np.mean(np.array(p_values) < 0.05) < 0.15
    assert 0.35 < np.mean(p_values) < 0.65


def test_p_values_are_adjusted_over_methods_and_groups_of_a_feature():
    table = faithfulness_by_group(made(3), ("gender", "race"), resampling=RESAMPLING)
    for _, some in table.groupby("feature"):
        order = some["p_value"].sort_values()
        holm = np.maximum.accumulate([min(1, p * (len(some) - i)) for i, p in enumerate(order)])
        np.testing.assert_allclose(some.loc[order.index, "p_holm"], holm)


def test_faces_without_a_score_or_a_label_do_not_count():
    frame = made(4)
    frame.loc[0, "gap"] = np.nan
    frame.loc[1, "gender"] = None
    table = faithfulness_by_group(frame, "gender", resampling=RESAMPLING)
    lime = table[table["method"] == "lime"].set_index("group")
    assert lime.loc["Female", ["n", "n_others"]].tolist() == [19, 19]


def test_two_faces_have_no_interval():
    frame = made(5).query("method == 'lime'").drop(index=range(1, 38, 2))
    table = faithfulness_by_group(frame, "gender", resampling=RESAMPLING).set_index("group")
    assert table.loc["Male", "n"] == 1 and np.isnan(table.loc["Male", "low"]) and np.isnan(table.loc["Male", "p_value"])


def test_a_column_that_lacks_is_named():
    with pytest.raises(UsageError, match=r"missing column\(s\) method, gap"):
        faithfulness_by_group(pd.DataFrame({"gender": []}), "gender", resampling=RESAMPLING)
