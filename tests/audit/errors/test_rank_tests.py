"""Rank tests: scipy's Kruskal–Wallis and a literal permutation by hand; effects found, none where there is none."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.rank_tests import rank_tests
from age_audit.core.errors import UsageError

COLUMNS = [
    *("groups", "n", "n_comparable", "smallest", "statistic", "epsilon_squared", "expected_by_chance"),
    *("cliffs_delta", "p_value", "p_holm", "p_bh", "few_faces"),
]


def faces(ages, groups, errors, **columns):
    return pd.DataFrame({"age_real": ages, "race_real": groups, "signed_error": errors} | columns)


def test_table():
    rng = np.random.default_rng(2)
    frame = faces(rng.integers(0, 5, 60), rng.choice(["A", "B"], 60), rng.normal(size=60))
    frame["gender_real"] = pd.Categorical(["x"] * 40 + ["y"] * 20, categories=["x", "y", "nobody"])
    frame.loc[0, "signed_error"] = np.nan
    table = rank_tests(frame, "race_real", "gender_real", seed=1, permutations=99)
    assert list(table) == ["gender_real", *COLUMNS]
    assert table["gender_real"].tolist() == ["x", "y", "nobody"]
    assert table["n"].tolist() == [39, 20, 0]
    assert table["p_holm"].isna().tolist() == [False, False, True]
    pd.testing.assert_frame_equal(table, rank_tests(frame, "race_real", "gender_real", seed=1, permutations=99))


def test_faces_without_a_group_do_not_count():
    frame = faces([1] * 8, ["A", "A", "B", "B", None, None, None, None], [1.0, 2, 3, 4, 50, 60, 70, 80])
    for groups in (["A", "B"], ["B", "A"]):
        frame["race_real"] = pd.Categorical(frame["race_real"], categories=groups)
        row = rank_tests(frame, "race_real", seed=1, permutations=9).iloc[0]
        assert (row["groups"], row["n"], row["smallest"]) == (2, 4, 2)
        assert row["cliffs_delta"] == (-1 if groups[0] == "A" else 1)


def test_what_is_refused():
    frame = faces([1], ["A"], [0.0])
    with pytest.raises(UsageError, match=r"missing column\(s\) camera"):
        rank_tests(frame, "camera", seed=1)
    with pytest.raises(ValueError, match="at least one feature"):
        rank_tests(frame, [], seed=1)


def many_sets(sets, size, seed, effect=0.0):
    """Sets of faces in which B is the older group and errors fall with age; ``effect`` in deviations of the error."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["A", "B"], sets * size)
    age = rng.integers(0, 4, sets * size) + 2 * (race == "B")
    error = -1.5 * age + rng.normal(size=sets * size) + effect * (race == "B")
    return faces(age, race, error, study=np.repeat(np.arange(sets), size))


def test_false_positives_at_the_same_age_are_those_of_the_level():
    frame = many_sets(500, 60, 7)
    options = {"seed": 7, "permutations": 99}
    same = rank_tests(frame, "race_real", "study", same="age_real", **options)
    assert 0.03 <= (same["p_value"] <= 0.05).mean() <= 0.07
    # As they are, the groups differ: by their ages alone.
    assert (rank_tests(frame, "race_real", "study", **options)["p_value"] <= 0.05).mean() > 0.9


def test_false_positives_of_groups_without_any_difference():
    rng = np.random.default_rng(8)
    count = 500 * 40
    frame = faces(0, rng.choice(list("ABCDE"), count), rng.normal(size=count), study=np.repeat(np.arange(500), 40))
    table = rank_tests(frame, "race_real", "study", seed=8, permutations=99)
    assert 0.03 <= (table["p_value"] <= 0.05).mean() <= 0.07


def test_planted_difference_at_the_same_age_is_found():
    # One deviation among 120 faces, half of whose years the groups have in common.
    table = rank_tests(
        many_sets(60, 120, 9, effect=1.0), "race_real", "study", same="age_real", seed=9, permutations=99
    )
    assert (table["p_value"] <= 0.05).mean() >= 0.9
