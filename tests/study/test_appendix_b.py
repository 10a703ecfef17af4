"""Appendix B's steps by hand and against the slow literal way."""

import math

import numpy as np
import pandas as pd
import pytest

from age_audit.core.vocabulary import AGE_RANGE_LABELS, AGE_RANGES, FEATURES_ALL, RACES
from age_audit.study.appendix_b import (
    SEGMENTS,
    STUDY_AGE_RANGE,
    STUDY_VALUES,
    cohorts_of,
    correlation_table,
    min_max,
    workbook_steps,
    workbook_tables,
)
from age_audit.study.rows import generate_processed_datasets


def faces(count=160, seed=1):
    rng = np.random.default_rng(seed)
    return [
        {"fname": f"{i}.jpg", "age_real": int(rng.choice([5, 15, 20, 40], p=[0.5, 0.3, 0.1, 0.1]))}
        | {"race_real": str(rng.choice(RACES, p=[0.4, 0.3, 0.15, 0.1, 0.05])), "gender_real": "Male"}
        | {"age_estimation": 30.0, "age_estimation_accuracy": float(rng.uniform(0.8, 1))}
        | {feature: float(rng.random()) for feature in FEATURES_ALL}
        for i in range(count)
    ]


def literal_correlations(rows, low, high, race, accurate):
    """Filter, repeat by hand, correlate with sums written out."""

    def members(wanted):
        inside = [row for row in rows if low <= row["age_real"] <= high and row["race_real"] == wanted]
        return [row for row in inside if (row["age_estimation_accuracy"] > 0.9) == accurate]

    largest = max(len(members(other)) for other in RACES)
    cohort = members(race)
    n = len(cohort)
    repeated = [cohort[i % n] for i in range(largest)] if n else []
    found = []
    for segment in SEGMENTS:
        x, y = [row[segment] for row in repeated], [row["age_estimation_accuracy"] for row in repeated]
        if n < 2:
            found.append(math.nan)
            continue
        mean_x, mean_y = sum(x) / largest, sum(y) / largest
        over = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
        found.append(over / math.sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y)))
    return n, len(repeated), found


def test_correlations_as_literally_computed():
    parts, _ = generate_processed_datasets(faces())
    table = correlation_table(parts)
    rows = [*parts["positive"], *parts["negative"]]
    assert len(table) == 40 and table["n"].sum() == 160
    assert table["face"].isna().any()  # some groups have a face or none
    for _, row in table.iterrows():
        low, high = AGE_RANGES[AGE_RANGE_LABELS.index(row["age_range"])]
        n, n_rows, expected = literal_correlations(rows, low, high, row["race"], row["estimates"] == "accurate")
        assert (row["n"], row["n_rows"]) == (n, n_rows)
        assert row[list(SEGMENTS)].tolist() == pytest.approx(expected, nan_ok=True)


def test_unrepeated_counts_each_face_once():
    parts, _ = generate_processed_datasets(faces())
    table = correlation_table(parts, repeated=False)
    assert (table["n"] == table["n_rows"]).all()
    row = table.iloc[0]
    inside = [face for face in parts["positive"] if face["race_real"] == "Caucasian" and face["age_real"] <= 12]
    pairs = np.array([[face["face"], face["age_estimation_accuracy"]] for face in inside])
    assert row["face"] == pytest.approx(np.corrcoef(pairs.T)[0, 1])


def test_the_audits_names_of_age_ranges_and_halves():
    table = correlation_table({"positive": [], "negative": []})
    assert STUDY_AGE_RANGE == "0–12"
    assert list(table.columns[:5]) == ["age_range", "race", "estimates", "n", "n_rows"]
    assert table["age_range"].tolist() == [label for label in AGE_RANGE_LABELS for _ in range(10)]
    assert table["estimates"].tolist() == ["accurate", "inaccurate"] * 20


def test_cohorts_of_another_feature():
    parts, _ = generate_processed_datasets([face | {"tone": "II"} for face in faces(12)])
    table = correlation_table(parts, "tone", ["I", "II"], [[0, 19], [20, 99]])
    assert cohorts_of(table) == ("tone", ["I", "II"], ["0–19", "20–99"])
    assert table.groupby("tone")["n"].sum().to_dict() == {"I": 0, "II": 12}


def test_no_faces():
    parts = {"positive": [], "negative": []}
    table = correlation_table(parts)
    assert (table["n"] == 0).all() and table[list(SEGMENTS)].isna().all(axis=None)
    tables = workbook_tables(table)
    assert (tables["summed"]["groups"] == 0).all() and tables["final"][list(SEGMENTS)].isna().all(axis=None)


def test_min_max_by_hand():
    with np.errstate(all="raise"):
        found = min_max(np.array([[2.0, 4.0, 3.0], [1.0, 1.0, 1.0], [np.nan, 0.0, 1.0]]))
    np.testing.assert_array_equal(found, [[0, 1, 0.5], [np.nan] * 3, [np.nan] * 3])


def test_steps_by_hand():
    accurate = np.array([[0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4, np.nan]])
    inaccurate = np.zeros((3, 5))
    inaccurate[1, 4] = 0.5
    steps = workbook_steps(accurate, inaccurate)
    np.testing.assert_allclose(steps.contribution[1], [0.5, 0, 0, 0, -0.5])
    assert np.isnan(steps.contribution[2]).all()  # one r is missing: the race does not count
    np.testing.assert_allclose(steps.scaled[:2], [[0, 0.25, 0.5, 0.75, 1], [1, 0.5, 0.5, 0.5, 0]])
    np.testing.assert_allclose(steps.summed, [1, 0.75, 1, 1.25, 1])
    np.testing.assert_allclose(steps.final, [0, -0.5, 0, 0.5, 0])


def test_a_share_that_goes_with_accuracy_alike_in_both_halves_contributes_nothing():
    r = np.tile([0.6, -0.2, 0.1, 0.0, -0.5], (5, 1))
    steps = workbook_steps(r, r)
    assert (steps.contribution == 0).all() and np.isnan(steps.final).all()


def test_tables_count_the_faces_of_races_that_count():
    rows = []
    for label in AGE_RANGE_LABELS:
        for race in RACES:
            for half, sign in (("accurate", 1), ("inaccurate", -1)):
                r = dict(zip(SEGMENTS, sign * np.arange(5) / 10, strict=True))
                lost = label == "13–18" and race == "Other"
                n = 1 if lost else 10 if half == "accurate" else 12
                rows.append(
                    {"age_range": label, "race": race, "estimates": half, "n": n, "n_rows": 10}
                    | (dict.fromkeys(SEGMENTS, np.nan) if lost else r)
                )
    tables = workbook_tables(pd.DataFrame(rows))
    assert list(tables) == ["contribution", "scaled", "summed", "final"]
    first = tables["summed"][["age_range", "groups", "n"]].to_numpy().tolist()[:2]
    assert first == [["0–12", 5, 110], ["13–18", 4, 88]]
    first = tables["contribution"].loc[0, ["age_range", "race", "n_accurate", "n_inaccurate"]]
    assert first.tolist() == ["0–12", "Caucasian", 10, 12]
    np.testing.assert_allclose(tables["contribution"].loc[0, list(SEGMENTS)].astype(float), np.arange(5) / 5)
    np.testing.assert_allclose(tables["summed"].loc[1, list(SEGMENTS)].astype(float), np.arange(5))
    np.testing.assert_allclose(tables["final"].loc[0, list(SEGMENTS)].astype(float), np.arange(5) / 4 - 0.5)
    lost = tables["scaled"][(tables["scaled"]["age_range"] == "13–18") & (tables["scaled"]["race"] == "Other")]
    assert lost[list(SEGMENTS)].isna().all(axis=None) and lost["n_accurate"].item() == 1


def test_final_step_always_has_both_ends():
    rng = np.random.default_rng(1)
    final = workbook_steps(rng.uniform(-1, 1, (50, 5, 5)), rng.uniform(-1, 1, (50, 5, 5))).final
    assert (final.min(axis=1) == -0.5).all() and (final.max(axis=1) == 0.5).all()


def test_study_values_as_printed():
    assert list(STUDY_VALUES) == [(half, race) for half in ("accurate", "inaccurate") for race in RACES]
    values = np.array(list(STUDY_VALUES.values()))
    assert values.shape == (10, 5)
    assert STUDY_VALUES["accurate", "African"] == (-0.036242, -0.146797, 0.041303, -0.092133, 0.075251)
    # Sums as a ledger has them, of each race's and each segment's millionths: one wrong number changes two of them.
    millionths = np.rint(values * 1e6).astype(int)
    np.testing.assert_allclose(values, millionths / 1e6, rtol=0, atol=1e-12)
    assert millionths.sum(axis=1).tolist() == [11313, 22970, -158618, 362, -35553, 39708, 4839, -96241, 79292, 7501]
    assert millionths.reshape(2, 5, 5).sum(axis=1).tolist() == [
        [315162, -80137, -183653, -452036, 241138],
        [-323591, -101236, 275165, 41389, 143372],
    ]
    assert (values < 0).sum(axis=1).tolist() == [2, 3, 3, 2, 3, 1, 2, 3, 3, 3]
