"""The study's arithmetic, worked out by hand and against the slow literal way."""

import copy
import math
import warnings

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.groups import age_range_of
from age_audit.core.vocabulary import (
    AGE_RANGES,
    FEATURES_ALL,
    FEATURES_FACIAL,
    GENDERS,
    KEYS_BOUNDARIES,
    KEYS_BOUNDARIES_GENDERS,
    KEYS_RACE_AGE,
    KEYS_RACE_AGE_BOUNDARIES,
    RACES,
)
from age_audit.study.rows import (
    accuracy_correlations,
    boundary_shares,
    divided_in_turn,
    filter_dataset,
    gender_correlations,
    generate_processed_datasets,
    repeat_in_order,
)


def faces(n=60, seed=1):
    rng = np.random.default_rng(seed)
    return [
        {
            "fname": f"{i}.jpg",
            "age_real": int(rng.integers(0, 110)),
            "gender_real": str(rng.choice(GENDERS)),
            "race_real": str(rng.choice(RACES[:4], p=[0.5, 0.3, 0.1, 0.1])),
            "age_estimation": float(rng.uniform(0, 100)),
            "age_estimation_accuracy": float(rng.uniform(0.7, 1)),
            **{feature: float(rng.random()) for feature in FEATURES_ALL},
        }
        for i in range(n)
    ]


def literal_shares(row):
    """One statement for each division, sums written out."""
    total = 0.0
    for feature in FEATURES_FACIAL:
        total = total + row[feature]
    a = total / 9
    b, c = row["activation_left_pct_of_feature"], row["activation_right_pct_of_feature"]
    d, e = row["activation_top_pct_of_feature"], row["activation_bottom_pct_of_feature"]
    a = a / (a + b + c + d + e)
    b = b / (a + b + c + d + e)
    c = c / (a + b + c + d + e)
    d = d / (a + b + c + d + e)
    e = e / (a + b + c + d + e)
    return {
        "face": a,
        "outer_boundary_left": b,
        "outer_boundary_right": c,
        "outer_boundary_top": d,
        "outer_boundary_bottom": e,
    }


def literal_r(pairs):
    mean_x, mean_y = (math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    over = math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs)
    under = math.sqrt(math.fsum((x - mean_x) ** 2 for x, _ in pairs) * math.fsum((y - mean_y) ** 2 for _, y in pairs))
    return over / under


class TestShares:
    def test_by_hand(self):
        first = 1 / 4
        second = 1 / (first + 1 + 2)
        assert divided_in_turn([1, 1, 2]) == [first, second, 2 / (first + second + 2)]
        assert divided_in_turn([1.0, 0, 0]) == [1, 0, 0]

    def test_to_the_last_digit(self):
        for row in faces(300):
            assert boundary_shares(row) == literal_shares(row)

    @pytest.mark.parametrize("values", [[0, 0, 0], [1, math.nan, 2], [math.nan, 0, 0]])
    def test_no_answer(self, values):
        assert all(math.isnan(share) for share in divided_in_turn(values))


class TestProcessed:
    def test_against_the_literal_way(self):
        rows = faces(200)
        given = copy.deepcopy(rows)
        found, means = generate_processed_datasets(given)
        assert list(found) == ["positive", "negative"]
        for name, part in found.items():
            expected = [row for row in rows if (row["age_estimation_accuracy"] > 0.90) == (name == "positive")]
            assert part == [row | literal_shares(row) for row in expected]
            assert all(
                any(row is other for other in given) for row in part[:3]
            )  # not copies: notebooks go on with them
            assert all(list(row)[-5:] == KEYS_BOUNDARIES for row in part)
        for feature in FEATURES_ALL:
            total = 0
            for row in rows:
                total = total + row[feature]
            assert means[feature] == total / len(rows)
        assert list(means) == FEATURES_ALL

    def test_an_accuracy_of_the_cut_off_is_negative(self):
        rows = faces(3)
        for row, accuracy in zip(rows, (0.90, np.nextafter(0.90, 1), None), strict=True):
            row["age_estimation_accuracy"] = accuracy
        found, _ = generate_processed_datasets(rows)
        assert [row["fname"] for row in found["positive"]] == ["1.jpg"]
        assert [row["fname"] for row in found["negative"]] == ["0.jpg", "2.jpg"]

    def test_rows_with_holes(self):
        rows = faces(4)
        rows[1]["activation_nose_pct_of_feature"] = None
        rows[2] |= dict.fromkeys(FEATURES_ALL, 0)
        del rows[3]["activation_top_pct_of_feature"]
        with pytest.warns(UserWarning, match="3 of 4 rows lack a feature") as caught:
            found, means = generate_processed_datasets(rows)
        assert len(caught) == 1
        undefined = [row["fname"] for part in found.values() for row in part if math.isnan(row["face"])]
        assert sorted(undefined) == ["1.jpg", "2.jpg", "3.jpg"]
        nose = [rows[i]["activation_nose_pct_of_feature"] for i in (0, 2, 3)]
        assert means["activation_nose_pct_of_feature"] == pytest.approx(sum(nose) / 3)

    def test_no_rows(self):
        with pytest.warns(UserWarning, match="no rows") as caught:
            found, means = generate_processed_datasets([])
        assert len(caught) == 1
        assert found == {"positive": [], "negative": []}
        assert list(means) == FEATURES_ALL and all(map(math.isnan, means.values()))

    def test_missing_keys_are_named(self):
        with pytest.raises(UsageError, match=r"missing key\(s\) activation_nose_pct_of_feature, .*begin with: fname"):
            generate_processed_datasets([{"fname": "a.jpg"}])


class TestFilter:
    def literal(self, rows, keep, key, categories, low, high):
        """Repeat by appending, one row at a time."""
        cohorts = {}
        for category in categories:
            cohorts[category] = []
            for row in rows:
                if row[key] == category and row["age_real"] >= low and row["age_real"] <= high:
                    cohorts[category].append({k: row[k] for k in row if k in keep})
        sizes = {category: len(cohorts[category]) for category in categories}
        for cohort in cohorts.values():
            n = len(cohort)
            while n and len(cohort) < max(sizes.values()):
                cohort.append(cohort[len(cohort) % n])
        return cohorts, sizes

    @pytest.mark.parametrize("ages", [(0, 100), (13, 40)])
    def test_against_the_literal_way(self, ages):
        rows = faces()
        arguments = (KEYS_RACE_AGE, "race_real", RACES)
        by_category, together, frame, key, sizes = filter_dataset(rows, *arguments, *ages)
        expected, expected_sizes = self.literal(rows, *arguments, *ages)
        assert (by_category, sizes, key) == (expected, expected_sizes, "race_real")
        assert list(by_category) == list(sizes) == RACES
        assert by_category["Other"] == [] and sizes["Other"] == 0
        assert {len(cohort) for cohort in by_category.values()} == {0, max(sizes.values())}
        assert together == [row for cohort in expected.values() for row in cohort]
        pd.testing.assert_frame_equal(frame, pd.DataFrame(together))

    def test_ages_at_the_ends_are_in(self):
        rows = [{"age_real": age, "gender_real": "Male"} for age in (12, 13, 18, 19, 15, 15.5)]
        found = filter_dataset(rows, ["age_real", "gender_real"], "gender_real", GENDERS, age_min=13, age_max=18)
        assert [row["age_real"] for row in found.by_category["Male"]] == [13, 18, 15, 15.5]

    def test_ages_between_two_published_ranges_are_in_none_and_in_one_of_ours(self):
        rows = [{"age_real": age, "gender_real": "Male"} for age in (12.5, 18.4, 25.5)]
        for low, high in AGE_RANGES:
            found = filter_dataset(rows, ["age_real", "gender_real"], "gender_real", GENDERS, low, high)
            assert found.cohort_sizes["Male"] == 0
        assert list(age_range_of([12.5, 18.4, 25.5])) == ["0–12", "13–18", "19–25"]

    def test_ages_that_nobody_names_are_0_to_100(self):
        rows = [{"age_real": age, "gender_real": "Male"} for age in (-1, -0.5, 0, 1, 99, 100, 100.5, 101)]
        found = filter_dataset(rows, ["age_real", "gender_real"], "gender_real", GENDERS)
        assert [row["age_real"] for row in found.rows] == [0, 1, 99, 100]

    def test_unlabelled_faces_drop_out(self):
        rows = faces(6)
        for row in rows:
            row |= {"race_real": "Asian", "age_real": 30}
        rows[0]["age_real"], rows[1]["race_real"], rows[2]["age_real"] = None, None, math.nan
        del rows[3]["race_real"]
        assert filter_dataset(rows, KEYS_RACE_AGE, "race_real", RACES).cohort_sizes["Asian"] == 2

    def test_nobody(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = filter_dataset([], KEYS_RACE_AGE, "race_real", RACES)
        assert found.by_category == {race: [] for race in RACES}
        assert found.cohort_sizes == dict.fromkeys(RACES, 0)
        assert list(found.frame) == KEYS_RACE_AGE
        assert filter_dataset(faces(3), KEYS_RACE_AGE, "race_real", []).rows == []

    def test_keys_that_are_needed(self):
        with pytest.raises(UsageError, match="expected retain_keys to hold race_real and age_real, got face"):
            filter_dataset(faces(3), ["face"], "race_real", RACES)
        with pytest.raises(UsageError, match=r"missing key\(s\) hair"):
            filter_dataset(faces(3), ["hair", "age_real"], "hair", ["red"])

    def test_repeating(self):
        assert repeat_in_order("ab", 5) == ["a", "b", "a", "b", "a"]
        assert repeat_in_order("abc", 2) == ["a", "b"]
        assert repeat_in_order([], 5) == []


class TestCorrelations:
    def processed(self):
        found, _ = generate_processed_datasets(faces())
        return found["positive"] + found["negative"]

    def test_against_the_literal_way(self):
        rows = self.processed()
        found = accuracy_correlations(rows)
        assert list(found) == KEYS_BOUNDARIES
        for key, r in found.items():
            assert r == pytest.approx(literal_r([(row[key], row["age_estimation_accuracy"]) for row in rows]))

    def test_the_last_digit_is_that_of_pandas(self):
        rows = self.processed()
        matrix = pd.DataFrame(rows)[["face", "age_estimation_accuracy", *KEYS_BOUNDARIES[1:]]].corr()
        for key, r in accuracy_correlations(rows).items():
            assert r == matrix.loc[key, "age_estimation_accuracy"]

    def test_by_hand(self):
        rows = [dict.fromkeys(KEYS_BOUNDARIES, share) | {"age_estimation_accuracy": share**2} for share in (0, 1, 2)]
        assert accuracy_correlations(rows)["face"] == pytest.approx(4 / math.sqrt(2 * 26 / 3))

    def test_rows_with_holes_count_where_they_have_both(self):
        rows = self.processed()
        clean = accuracy_correlations(rows)
        rows.append(dict.fromkeys(KEYS_BOUNDARIES) | {"age_estimation_accuracy": 0.5})
        assert accuracy_correlations(rows) == clean

    @pytest.mark.parametrize("n", [0, 1])
    def test_of_nobody_or_one_face(self, n):
        found = accuracy_correlations(self.processed()[:n] * 7)
        assert list(found) == KEYS_BOUNDARIES and all(map(math.isnan, found.values()))

    def test_gender(self):
        rows = self.processed()
        rows[0]["gender_real"] = None
        matrix = gender_correlations(rows)
        assert list(matrix) == list(matrix.index) == KEYS_BOUNDARIES_GENDERS
        pairs = [(float(row["gender_real"] == "Male"), row["face"]) for row in rows[1:]]
        assert matrix.loc["gender_real", "face"] == pytest.approx(literal_r(pairs))
        pairs = [(row["outer_boundary_top"], row["face"]) for row in rows]
        assert matrix.loc["outer_boundary_top", "face"] == pytest.approx(literal_r(pairs))
        pd.testing.assert_frame_equal(gender_correlations(pd.DataFrame(rows)), matrix)

    def test_gender_of_nobody(self):
        assert gender_correlations([]).shape == (7, 7)
        assert gender_correlations(self.processed()[:1]).isna().all(axis=None)


def test_arguments_are_left_alone():
    found, _ = generate_processed_datasets(faces(20))
    kept_found = copy.deepcopy(found)
    filtered = filter_dataset(found["negative"], KEYS_RACE_AGE_BOUNDARIES, "race_real", RACES)
    accuracy_correlations(filtered.rows)
    gender_correlations(found["negative"])
    assert found == kept_found
