"""What balancing does to groups of 6, 3 and 1 faces."""

import numpy as np
import pandas as pd
import pytest

from age_audit.training.balance import BALANCES, balance_table, balanced

CODES = np.array([0] * 6 + [1] * 3 + [2])


@pytest.mark.parametrize(
    ("how", "cap", "sizes"),
    [
        *(("none", None, [6, 3, 1]), ("weights", None, [6, 3, 1]), ("oversample", None, [6, 6, 6])),
        *(("cap", None, [3, 3, 1]), ("cap", 2, [2, 2, 1])),
    ],
)
def test_sizes(how, cap, sizes):
    found = balanced(CODES, how, seed=1, cap=cap)
    assert np.bincount(CODES[found.rows]).tolist() == sizes
    assert (np.diff(found.rows) >= 0).all()
    assert found.weights.mean() == pytest.approx(1)


def test_weights_make_groups_count_alike():
    found = balanced(CODES, "weights", seed=1)
    assert np.bincount(CODES, found.weights) == pytest.approx([10 / 3] * 3)


def test_oversampling_shows_every_face():
    rows = balanced(np.array([0] * 7 + [1] * 3), "oversample", seed=1).rows
    counts = np.bincount(rows)
    assert counts[:7].tolist() == [1] * 7 and sorted(counts[7:]) == [2, 2, 3]


@pytest.mark.parametrize("how", BALANCES)
def test_the_seed_decides(how):
    one, same = (balanced(CODES, how, seed=3) for _ in range(2))
    assert (one.rows == same.rows).all() and (one.weights == same.weights).all()


def test_the_table_counts_other_features_too():
    frame = pd.DataFrame({"group": CODES, "race_real": ["Asian", "Indian"] * 5})
    table = balance_table(frame, balanced(CODES, "cap", seed=1), ["group", "race_real"])
    assert table.loc[table["feature"] == "group", "shown"].tolist() == [3, 3, 1]
    for _, part in table.groupby("feature"):
        assert part["share"].sum() == pytest.approx(1) and part["weight"].sum() == pytest.approx(1)
    # Of the study's races all are listed, for that a group has no faces is a finding.
    assert table.loc[table["feature"] == "race", "faces"].sum() == 10
