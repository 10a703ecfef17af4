"""Correlations in repeated cohorts: as the study computes them, by hand, and what repetition finds in nothing."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.groups import age_range_of
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import (
    AGE_RANGE_LABELS,
    AGE_RANGES,
    HALVES,
    KEYS_BOUNDARIES,
    KEYS_RACE_AGE_BOUNDARIES,
    RACES,
)
from age_audit.recheck.repetition import repetition_summary, repetition_table, repetitions, shuffled_cohort_correlations
from age_audit.study.rows import accuracy_correlations, filter_dataset, repeat_in_order


def simulated(count, seed):
    """Faces of all groups, unevenly; shares and accuracy independent."""
    rng = np.random.default_rng(seed)
    ages = rng.choice([5, 15, 20, 40], count)
    return pd.DataFrame(
        {name: rng.random(count) for name in KEYS_BOUNDARIES}
        | {"fname": [f"{i}.jpg" for i in range(count)], "age_real": ages, "age_range": age_range_of(ages)}
        | {"race_real": rng.choice(RACES, count, p=[0.4, 0.3, 0.15, 0.1, 0.05]), "age_estimation": 1.0}
        | {"age_estimation_accuracy": 0.9 + 0.05 * rng.normal(size=count)}
    )


def study_correlations(frame):
    """The study's way: filter, repeat, correlate."""
    result = np.empty((2, len(AGE_RANGES), len(RACES), 5))
    positive = frame["age_estimation_accuracy"] > 0.9
    for half, inside in enumerate((positive, ~positive)):
        for age, (low, high) in enumerate(AGE_RANGES):
            rows = frame[inside].to_dict("records")
            filtered = filter_dataset(rows, KEYS_RACE_AGE_BOUNDARIES, "race_real", RACES, low, high)
            for race, members in enumerate(filtered.by_category.values()):
                result[half, age, race] = list(accuracy_correlations(members).values())
    return result


def test_repetitions_as_the_study_repeats():
    inside = np.array([True, False, True, True, False])
    repeated = repeat_in_order([0, 2, 3], 8)
    assert repetitions(inside, 8).tolist() == [repeated.count(i) for i in range(5)] == [3, 0, 3, 2, 0]
    assert repetitions(np.zeros(3, dtype=bool), 8).tolist() == [0, 0, 0]
    np.testing.assert_array_equal(repetitions(np.eye(2, dtype=bool), 4), [[4, 0], [0, 4]])


def test_shuffles_as_the_study_would_compute_them():
    frame = simulated(150, 3)
    frame.loc[0, "face"], frame.loc[1, "age_estimation_accuracy"] = np.nan, np.nan  # both are left out
    found = shuffled_cohort_correlations(frame, KEYS_BOUNDARIES, seed=7, shuffles=3)
    used = frame.drop([0, 1]).reset_index(drop=True)
    literal = stream(7, "accuracies shuffled in cohorts")
    shuffled = [used.copy() for _ in range(3)]
    for label in AGE_RANGE_LABELS:
        for race in RACES:
            inside = used.index[(used["age_range"] == label) & (used["race_real"] == race)]
            values = used.loc[inside, "age_estimation_accuracy"].to_numpy()
            for copy, row in zip(shuffled, literal.permuted(np.tile(values, (3, 1)), axis=1), strict=True):
                copy.loc[inside, "age_estimation_accuracy"] = row
    for draw, copy in enumerate(shuffled):
        np.testing.assert_allclose(found[draw], study_correlations(copy), atol=1e-9)


def test_batches_change_nothing_but_the_draws(monkeypatch):
    frame = simulated(60, 4)
    monkeypatch.setattr("age_audit.recheck.repetition._NUMBERS_AT_ONCE", 20)
    found = shuffled_cohort_correlations(frame, ["face"], seed=1, shuffles=7)
    assert found.shape == (7, 2, 4, 5, 1)
    there = np.isfinite(found).all(axis=0)
    assert there.any() and (found.std(axis=0)[there] > 0).all()


def test_column_missing():
    with pytest.raises(UsageError, match=r"missing column\(s\) top"):
        shuffled_cohort_correlations(simulated(5, 1), ["top"], seed=1)


def cohort(n, rows, r, race="Asian", half="accurate"):
    return {"age_range": "0–12", "race": race, "estimates": half, "n": n, "n_rows": rows, "face": r, "top": -r}


def test_repetition_table_by_hand():
    once = pd.DataFrame([cohort(7, 7, 0.2), cohort(3, 3, 0.9, "Other"), cohort(28, 28, 0.1, "African")])
    repeated = pd.DataFrame([cohort(7, 28, 0.25), cohort(3, 28, 0.9, "Other"), cohort(28, 28, 0.1, "African")])
    null = np.full((4, 2, 1, 3, 2), np.nan)
    null[:, 0, 0, 0, 0] = [0.1, -0.5, 0.3, 0.38]  # beyond tanh(1.96 / 5) = 0.373: two of four
    table = repetition_table(once, repeated, ["face", "top"], null)
    assert table["largest_change"].tolist() == pytest.approx([0.05, 0, 0])
    assert table["half_width"][0] == pytest.approx(1.96 / 2, abs=1e-4)
    assert table["half_width_rows"][0] == pytest.approx(1.96 / 5, abs=1e-4)
    assert table["too_narrow"].tolist() == pytest.approx([2.5, np.nan, 1], nan_ok=True)
    assert table["false_positives_rows"].tolist() == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)
    row = repetition_summary(table).iloc[0]
    assert (row["cohorts"], row["repeated"], row["faces"], row["rows"]) == (3, 2, 38, 84)
    assert row["largest_too_narrow"] == pytest.approx(2.5) and row["false_positives_rows"] == 0.5


def test_rows_taken_for_faces_find_what_is_not_there():
    frame = simulated(600, 5).assign(age_range=age_range_of(np.full(600, 5)), age_real=5)
    null = shuffled_cohort_correlations(frame, ["face"], seed=1, shuffles=500)
    positive = frame["age_estimation_accuracy"] > 0.9
    rows = []
    for half, inside in zip(HALVES, (positive, ~positive), strict=True):
        sizes = frame[inside]["race_real"].value_counts()
        rows += [cohort(sizes[race], sizes.max(), 0.0, race, half) for race in RACES]
    table = repetition_table(pd.DataFrame(rows), pd.DataFrame(rows), ["face"], null)
    alone, repeated = table[table["n"] == table["n_rows"]], table[table["n_rows"] > 3 * table["n"]]
    assert alone["false_positives_rows"].between(0.03, 0.07).all()
    assert (repeated["false_positives_rows"] > 0.2).all() and len(repeated) >= 2
