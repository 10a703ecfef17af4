"""Appendix A: the study's rows as the study's function gives them, and the audit's tables of the same groups."""

import warnings

import numpy as np
import pandas as pd
import pytest

from age_audit.core.metrics import mean_absolute_error
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import AGE_RANGE_LABELS, AGE_RANGES, GENDERS, RACES
from age_audit.data.frames import completed_frame
from age_audit.recheck.appendix_a import (
    AS_THEY_ARE,
    SAME_AGE,
    audit_table,
    beside_published,
    chi_square_units,
    chi_square_verdicts,
    group_test_verdicts,
    group_tests,
    normality_table,
    normality_verdicts,
)
from age_audit.study.appendix_a import published_table
from age_audit.study.normality import statistic_details

FEW = {"seed": 1, "permutations": 99}
GROUPS = [(label, gender, race) for label in AGE_RANGE_LABELS for gender in GENDERS for race in RACES]


def simulated(count=900, seed=3, older=0.0):
    """Faces whose Asian ones are taken for older."""
    rng = np.random.default_rng(seed)
    age, race = rng.integers(0, 60, count), rng.choice(RACES, count)
    return completed_frame(
        pd.DataFrame(
            {
                "fname": [f"{i}.jpg" for i in range(count)],
                "age_real": age,
                "gender_real": rng.choice(GENDERS, count),
                "race_real": race,
                "age_estimation": (age + rng.normal(8, 5, count) + older * (race == "Asian")).clip(0),
            }
        )
    )


FRAME = simulated()
ROWS = FRAME.to_dict("records")


def names(table):
    return list(zip(table["age_range"], table["gender"], table["race"], strict=True))


class TestAudit:
    table = audit_table(FRAME, resampling=Resampling(1, 49, 49))

    def test_one_row_a_group(self):
        assert names(self.table) == GROUPS
        assert not self.table.columns.duplicated().any()

    def test_numbers_by_hand(self):
        row = self.table.iloc[7]  # 0–12, Female, African
        level = FRAME[FRAME["age_real"] <= 12]
        faces = level[(level["gender_real"] == "Female") & (level["race_real"] == "African")]
        error = mean_absolute_error(faces["age_estimation"], faces["age_real"])
        overall = mean_absolute_error(level["age_estimation"], level["age_real"])
        assert (row["n"], row["n_age_range"], row["few_faces"]) == (len(faces), len(level), len(faces) < 30)
        assert row["mean_absolute_error"] == pytest.approx(error)
        assert row["mean_absolute_error_to_overall"] == pytest.approx(error - overall)
        assert row["study_accuracy"] == pytest.approx(1 - error / 100)
        assert row["mean_signed_error_low"] < row["mean_signed_error"] < row["mean_signed_error_high"]

    def test_adjusted_over_all_groups_of_all_age_ranges(self):
        p_values = self.table["mean_signed_error_p_value"]
        assert self.table["mean_signed_error_p_holm"][p_values.idxmin()] == pytest.approx(min(1, 40 * p_values.min()))

    def test_groups_of_nobody_and_of_one(self):
        few = FRAME[(FRAME["race_real"] != "Other") | (FRAME.index == FRAME.index[FRAME["race_real"] == "Other"][0])]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = audit_table(few, resampling=Resampling(1, 9, 9))
        other = table[table["race"] == "Other"].sort_values("n")
        assert other["n"].tolist() == [0] * 7 + [1]
        assert other["few_faces"].all()
        assert other["mean_absolute_error"].notna().tolist() == [False] * 7 + [True]
        assert other[["mean_absolute_error_low", "cumulative_score_5_p_holm"]].isna().all(axis=None)
        assert len(audit_table(FRAME.head(0), resampling=Resampling(1, 9, 9))) == 40

    def test_beside_the_published(self):
        both = beside_published(self.table, published_table(ROWS, 0.05))
        assert names(both) == GROUPS
        expected = statistic_details(ROWS, "Asian", *AGE_RANGES[3], "Male", 0.05)
        row = both.iloc[31]
        assert row["published_mean"] == expected["mean"]
        assert row["published_normality_test_passed"] == expected["normality_test_passed"]
        assert row["n"] == expected["n_participants"]


class TestNormality:
    def test_beside_the_published(self):
        tests = normality_table({"a": FRAME, "b": FRAME.head(100)}, seed=1, draws=9, simulations=9)
        assert tests["faces"].tolist() == ["a"] * 40 + ["b"] * 40
        published = published_table(ROWS, 0.05)
        first = tests[tests["faces"] == "a"]
        assert names(first) == GROUPS
        np.testing.assert_allclose(first["p_value"], published["normality_test_p_value"])
        assert first["normality_rejected"].tolist() == published["normality_test_passed"].tolist()

    def test_verdicts_by_hand(self):
        tests = pd.DataFrame(
            {
                "faces": "all",
                "n": [120, 300, 50, 20, 5],
                "p_value": [0.01, 0.2, 0.04, 0.6, np.nan],
                "p_holm": [0.04, 0.6, 0.12, 0.6, np.nan],
                "p_bh": [0.04, 0.3, 0.08, 0.6, np.nan],
                "p_simulated": [0.01, 0.04, 0.01, 0.9, np.nan],
                "p_unrounded": [0.02, 0.01, 0.3, 0.5, np.nan],
                "p_real_ages": [0.001, 0.002, 0.003, 0.004, np.nan],
            }
        )
        expected = {
            **{"faces": "all", "groups": 5, "tested": 4, "median_n": 85, "rejected": 2, "rejected_holm": 1},
            **{"rejected_bh": 1, "rejected_simulated": 3, "rejected_unrounded": 2, "changed_by_rounding": 2},
            **{"rejected_real_ages": 4, "tested_at_least_100": 2, "rejected_at_least_100": 1},
            **{"tested_below_100": 2, "rejected_below_100": 1},
        }
        assert normality_verdicts(tests).iloc[0].to_dict() == expected


class TestChiSquare:
    units = chi_square_units(FRAME)

    def test_in_years_it_is_the_studys(self):
        published = published_table(ROWS, 0.05)
        assert names(self.units) == GROUPS
        np.testing.assert_allclose(self.units["statistic_years"], published["k_test_statistic"])
        np.testing.assert_allclose(self.units["p_years"], published["k_test_p"])

    def test_it_is_proportional_to_the_unit(self):
        years = self.units["statistic_years"]
        np.testing.assert_allclose(self.units["statistic_months"], 12 * years)
        np.testing.assert_allclose(self.units["statistic_decades"], years / 10)
        np.testing.assert_allclose(years, self.units["n"] * self.units["variance_to_mean"])

    def test_verdicts(self):
        verdicts = chi_square_verdicts(self.units).set_index("unit")
        assert verdicts["per_year"].tolist() == [0.1, 1, 12]
        assert verdicts["below_alpha"].is_monotonic_increasing
        assert verdicts.loc["months", ["smallest_ratio", "largest_ratio"]].tolist() == pytest.approx([12, 12])

    def test_few_faces_and_estimates_of_0(self):
        zero = FRAME.assign(age_estimation=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert chi_square_units(zero)["p_years"].isna().all()
            few = chi_square_units(FRAME.head(7))
        assert few["n"].sum() == 7 and few["p_months"].isna().all()


class TestGroups:
    def test_questions_and_rows(self):
        tests = group_tests({"all": FRAME}, **FEW)
        counts = tests.groupby(["asked", "compared"], sort=False).size()
        assert counts.tolist() == [8, 8, 20, 20, 4, 4]
        assert set(tests["compared"]) == {AS_THEY_ARE, SAME_AGE}
        assert set(tests.loc[tests["asked"] == "race within gender", "race"]) == {"all"}
        assert tests.loc[tests["asked"] == "gender within race", "cliffs_delta"].notna().all()

    def test_no_faces(self):
        tests = group_tests({"none": FRAME.head(0)}, **FEW)
        assert len(tests) == 64 and tests["p_value"].isna().all() and (tests["n"] == 0).all()
        assert (group_test_verdicts(tests)["tests"] == 0).all()

    def test_verdicts_by_hand(self):
        tests = pd.DataFrame(
            {
                **{"faces": "all", "asked": "x", "compared": AS_THEY_ARE, "n_comparable": [10, 30, 0]},
                **{"p_value": [0.01, 0.2, np.nan], "p_holm": [0.02, 0.2, np.nan], "p_bh": [0.02, 0.2, np.nan]},
                **{"epsilon_squared": [0.3, 0.1, np.nan], "expected_by_chance": [0.1, 0.05, np.nan]},
            }
        )
        row = group_test_verdicts(tests).iloc[0].drop(["faces", "asked", "compared"])
        assert row.tolist() == pytest.approx([2, 1, 1, 1, 20, 0.2, 0.075])

    @pytest.mark.long
    def test_planted_difference_is_found_after_adjusting(self):
        # 6 years at a deviation of 5, some 40 Asian faces of each gender in the widest age range.
        found = [group_tests({"all": simulated(800, seed, older=6)}, seed=seed, permutations=199) for seed in range(3)]
        tests = pd.concat(found)
        chosen = tests[(tests["asked"] == "race within gender") & (tests["age_range"] == AGE_RANGE_LABELS[3])]
        assert (chosen["p_holm"] <= 0.05).mean() >= 0.9
