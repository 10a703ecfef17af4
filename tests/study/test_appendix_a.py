"""Appendix A: the study's rows as the study's function gives them."""

import warnings

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.vocabulary import AGE_RANGE_LABELS, GENDERS, RACES
from age_audit.study.appendix_a import age_range_names, published_table, published_verdicts
from age_audit.study.normality import statistic_details

GROUPS = [(label, gender, race) for label in AGE_RANGE_LABELS for gender in GENDERS for race in RACES]


def simulated(count=900):
    rng = np.random.default_rng(3)
    ages = rng.integers(0, 60, count)
    drawn = {"age_real": ages, "gender_real": rng.choice(GENDERS, count), "race_real": rng.choice(RACES, count)}
    return pd.DataFrame(drawn | {"age_estimation": (ages + rng.normal(8, 5, count)).clip(0)}).to_dict("records")


ROWS = simulated()


class TestPublished:
    table = published_table(ROWS, 0.05)

    def test_forty_rows_in_the_studys_order(self):
        ranges = [f"{low}–{high}" for low, high in zip(self.table["age_min"], self.table["age_max"], strict=True)]
        assert list(zip(ranges, self.table["gender"], self.table["race"], strict=True)) == GROUPS

    def test_each_is_the_studys_answer(self):
        for place in (0, 17, 39):
            row = self.table.iloc[place].to_dict()
            expected = statistic_details(ROWS, row["race"], row["age_min"], row["age_max"], row["gender"], 0.05)
            assert row == pytest.approx(expected, nan_ok=True)

    def test_level_and_groups_that_nobody_names(self):
        pd.testing.assert_frame_equal(published_table(ROWS), self.table)
        tones = [row | {"tone": "I" if row["age_real"] % 2 else "II"} for row in ROWS]
        table = published_table(tones, groups={"tone": ["I", "II"]}, ranges=[(0, 9), (10, 59)])
        assert age_range_names(table) == ["0–9", "0–9", "10–59", "10–59"]
        assert table["tone"].tolist() == ["I", "II"] * 2 and table["n_participants"].sum() == len(ROWS)

    def test_no_faces_and_no_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = published_table(ROWS[:1], 0.05)
        assert len(table) == 40
        assert table["n_participants"].sum() == 1
        assert not table["normality_test_passed"].any()

    def test_verdicts_by_hand(self):
        table = pd.DataFrame(
            {
                "age_min": [0, 0, 13, 13],
                "mean": [10.0, 14.5, 40.0, 41.0],
                "n_participants": [8, 20, 7, 9],
                "normality_test_p_value": [0.2, 0.01, np.nan, 0.5],
                "normality_test_passed": [False, True, False, False],
                "k_test_p": [0.04, 0.05, np.nan, 0.9],
            }
        )
        row = published_verdicts({"explained": table}).iloc[0]
        assert row.tolist() == ["explained", 44, 4, 7, 20, 3, 1, 1, 4.5]

    def test_missing_key(self):
        with pytest.raises(UsageError, match=r"missing key\(s\) race_real"):
            published_table([{"gender_real": "Male", "age_real": 3, "age_estimation": 4}])
