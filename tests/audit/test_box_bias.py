"""Scores of equalised odds and of unequal regions: by hand, against slow literal counts, and where nothing is."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.box_bias import equalized_odds_rates, equalized_odds_score
from age_audit.core.errors import UsageError


def guesses(rows):
    """Rows of (group, true, predicted, how many)."""
    return pd.DataFrame(
        [row[:3] for row in rows for _ in range(row[3])], columns=["race_real", "gender_real", "guess"], dtype=object
    )


BY_HAND = guesses(
    [
        *(("Asian", "Female", "Female", 3), ("Asian", "Female", "Male", 1)),  # of 4 women 3 found: 0.75
        *(("Asian", "Male", "Male", 9), ("Asian", "Male", "Female", 1)),  # of 10 men 1 taken for a woman: 0.1
        *(("Indian", "Female", "Female", 1), ("Indian", "Female", "Male", 1)),  # 0.5
        *(("Indian", "Male", "Male", 2), ("Indian", "Male", "Female", 3)),  # 0.6
    ]
)
NAMES = ("race_real", "gender_real", "guess")


class TestEqualizedOdds:
    def test_by_hand(self):
        assert equalized_odds_score(BY_HAND, *NAMES) == pytest.approx(0.5)  # 0.6 - 0.1; of true positives 0.25
        rates = equalized_odds_rates(BY_HAND, *NAMES).set_index(["class", "group", "rate"])
        row = rates.loc["Female", "Indian", "false positive"]
        assert (row["n"], row["share"], row["few_faces"]) == (5, pytest.approx(0.6), True)
        assert row["low"] < 0.6 < row["high"]
        assert len(rates) == 8

    def test_it_is_not_the_gap_in_true_positives_of_one_class_alone(self):
        women = equalized_odds_rates(BY_HAND, *NAMES).query("`class` == 'Female' and rate == 'true positive'")["share"]
        assert women.max() - women.min() == pytest.approx(0.25)

    @pytest.mark.parametrize("seed", range(5))
    def test_as_by_definition(self, seed):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({name: rng.choice(["a", "b", "c"], 60, p=[0.5, 0.3, 0.2]) for name in ("g", "t", "p")})
        gaps = []
        for positive in "abc":
            for real in (True, False):
                rates = []
                for group in "abc":
                    faces = [row for row in frame.itertuples() if row.g == group and (row.t == positive) == real]
                    if faces:
                        rates.append(sum(row.p == positive for row in faces) / len(faces))
                if len(rates) > 1:
                    gaps.append(max(rates) - min(rates))
        assert equalized_odds_score(frame, "g", "t", "p") == pytest.approx(max(gaps))

    def test_two_classes_say_the_same_whichever_is_positive(self):
        swapped = BY_HAND.replace({"Male": "Female", "Female": "Male"})
        assert equalized_odds_score(swapped, *NAMES) == pytest.approx(equalized_odds_score(BY_HAND, *NAMES))

    def test_genders_judged_by_gender(self):
        # 4 of 6 women are found, 11 of 15 men; 4 men are taken for women, 2 women for men
        options = ("gender_real", "gender_real", "guess")
        assert equalized_odds_score(BY_HAND, *options) == pytest.approx(11 / 15 - 4 / 6)
        assert equalized_odds_score(BY_HAND, *options, preset="published") == round(11 / 15 - 4 / 6, 3) == 0.067
        rates = equalized_odds_rates(BY_HAND, *options).set_index(["group", "rate"])["share"]
        assert rates["Female", "false positive"] == pytest.approx(4 / 15)
        assert rates["Male", "false positive"] == pytest.approx(2 / 6)
        copied = BY_HAND.assign(again=BY_HAND["gender_real"])
        assert equalized_odds_score(copied, "again", "gender_real", "guess") == pytest.approx(11 / 15 - 4 / 6)
        assert equalized_odds_score(copied, "again", "gender_real", "guess", preset="published") == 0.067

    def test_third_class_has_a_false_positive_rate_that_the_published_score_leaves_out(self):
        frame = guesses(
            [
                *(("x", "a", "a", 8), ("x", "a", "b", 2), ("x", "b", "b", 4), ("x", "b", "a", 1)),
                *(("x", "c", "c", 8), ("x", "c", "b", 2)),
            ]
        )
        options = ("gender_real", "gender_real", "guess")
        # every class is found in 0.8; 4 of 20 others are taken for b, 1 of 15 for a, none for c
        assert equalized_odds_score(frame, *options, preset="published") == 0
        assert equalized_odds_score(frame, *options) == pytest.approx(0.2)

    def test_the_published_score_of_other_groups_is_refused(self):
        with pytest.raises(ValueError, match="expected 'race_real' to be the same as 'gender_real'"):
            equalized_odds_score(BY_HAND, *NAMES, preset="published")
        with pytest.raises(ValueError, match="expected a preset out of audit, published; got 'paper'"):
            equalized_odds_score(BY_HAND, *NAMES, preset="paper")
        with pytest.raises(UsageError, match="missing column"):
            equalized_odds_score(BY_HAND, "race_real", "gender_real", "guessed")

    def test_faces_without_a_label_do_not_count(self):
        frame = pd.concat([BY_HAND, guesses([(None, "Male", "Female", 9), ("Asian", "Male", None, 9)])])
        frame = pd.concat([frame, guesses([("Indian", None, "Male", 9)])], ignore_index=True)
        assert equalized_odds_score(frame, *NAMES) == pytest.approx(0.5)
        frame["race_real"] = pd.Categorical(frame["race_real"], ["Asian", "Indian", "African"])  # of which none is
        assert equalized_odds_score(frame, *NAMES) == pytest.approx(0.5)

    def test_nothing_to_compare(self):
        for frame in (BY_HAND.head(0), BY_HAND[BY_HAND["race_real"] == "Asian"]):
            assert np.isnan(equalized_odds_score(frame, *NAMES))
        men = BY_HAND[BY_HAND["gender_real"] == "Male"]
        assert np.isnan(equalized_odds_score(men, "gender_real", "gender_real", "guess"))
        assert equalized_odds_score(men, *NAMES) == pytest.approx(0.5)  # of men there are false positives all the same

    def test_codes_of_classes_are_classes(self):
        codes = BY_HAND.replace({"Male": 0, "Female": 1}).infer_objects()
        assert equalized_odds_score(codes, *NAMES) == pytest.approx(0.5)
